"""The watch screen: what a feed gives, on a full terminal."""

from __future__ import annotations

import asyncio
import os
from enum import Enum
from time import monotonic
from typing import ClassVar

from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.filter import LineFilter

from pynetstat.explain.ports import PortRange
from pynetstat.filters import Filter
from pynetstat.history.tracker import History
from pynetstat.query import Show
from pynetstat.records import TcpState
from pynetstat.render.netstat import Columns
from pynetstat.render.watch.cells import table_columns
from pynetstat.render.watch.panes import Bar, Caption, Keys, Lines, Log, detail_lines
from pynetstat.render.watch.status import Status, key_list, status_lines
from pynetstat.render.watch.styles import GROUND, NoColours
from pynetstat.render.watch.table import Grid, Heading, SocketTable
from pynetstat.watch.details import Detail, details
from pynetstat.watch.feed import Feed, Player
from pynetstat.watch.model import Model, View
from pynetstat.watch.naming import Naming
from pynetstat.watch.processes import Process, describe

INTERRUPTED = 130

_FIRST_TURN_S, _TURN_S = 0.02, 0.1
_TICK_S = 0.5
_SHARE = 8
"""Sorting and filtering large tables takes at most one part in so many of the time."""
_WIDE = 100
"""From so many columns on the panes stand side by side."""
_TALL = 36
"""On fewer lines only one of the panes fits below the other."""
_TOO_SHORT = 18
"""On fewer lines there are no panes, and the rest takes as little as it can."""
_SHORT_STATUS = 2
_PROCESS_MEMORY_S = 5.0
_FASTEST, _SLOWEST = 64.0, 1 / 64


class Panes(Enum):
    """Which panes are below the table."""

    BOTH = "both"
    EVENTS = "transitions"
    DETAILS = "details"
    NONE = "none"


class WatchApp(App[int]):
    """Shows what ``feed`` gives; its value is the exit code.

    ``view`` is what is shown at first and ``filter_text`` the text of its filter;
    ``columns`` says whether user and inode are shown; ``naming`` looks names up.
    ``explains`` puts an explanation below each row, None as long as all of them fit.
    """

    CSS = f"""
    #_default {{ background: {GROUND}; }}
    #lower > Vertical {{ width: 1fr; height: 1fr; }}
    #lower #events-side {{ width: 1.5fr; }}
    #lower Lines {{ height: 1fr; }}
    #lower .apart {{ border-left: tall #2a3342; }}
    """
    TITLE = "pynetstat"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "pause", show=False),
        Binding("slash", "filter", show=False),
        Binding("s", "sort", show=False),
        Binding("S", "reverse", show=False),
        Binding("l", "listeners", show=False),
        Binding("t", "states", show=False),
        Binding("p", "pairs", show=False),
        Binding("e", "explain", show=False),
        Binding("v", "panes", show=False),
        Binding("enter", "details", show=False),
        Binding("question_mark", "help", show=False),
        Binding("escape", "unchoose", show=False),
        Binding("n,right", "step", show=False),
        Binding("b,left", "step_back", show=False),
        Binding("plus", "faster(2)", show=False),
        Binding("minus", "faster(0.5)", show=False),
        Binding("q", "leave(0)", show=False),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
        Binding("ctrl+q", "leave(0)", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", show=False, priority=True),
    ]

    def __init__(
        self,
        feed: Feed,
        *,
        view: View | None = None,
        filter_text: str = "",
        columns: Columns | None = None,
        naming: Naming | None = None,
        explains: bool | None = None,
        ports: PortRange | None = None,
    ) -> None:
        self._colourless = "NO_COLOR" in os.environ
        super().__init__(ansi_color=self._colourless)
        self._feed = feed
        self._player = feed if isinstance(feed, Player) else None
        self._model = Model(view, ports)
        self._filter_text = filter_text
        self._naming = naming or Naming(False, False, False)
        self._explains = explains
        self._grid = Grid(table_columns(columns or Columns()))
        self._heading = Heading(self._grid)
        self._table = SocketTable(self._grid, self._heading, self._model, self._naming.words)
        self._status_bar = Bar(id="status")
        self._transitions = Log(id="log")
        self._details = Lines(id="details")
        self._details_caption = Caption("Details")
        self._key_bar = Keys()
        self._panes = Panes.BOTH
        self._processes: dict[int, Process | None] = {}
        self._described_at: dict[int, float] = {}
        self._next_rows = 0.0
        self._is_dirty = True
        self._rows_shown: list[History] = []
        self._is_short = False
        self._latest: History | None = None

    def get_line_filters(self) -> list[LineFilter]:
        """Without colours nothing but bold and reversed is left."""
        return [NoColours()] if self._colourless else list(super().get_line_filters())

    def compose(self) -> ComposeResult:
        """The parts of the screen, from top to bottom."""
        yield self._status_bar
        yield self._heading
        yield self._table
        with Container(id="lower"):
            with Vertical(id="events-side"):
                yield Caption("Transitions")
                yield self._transitions
            with Vertical(id="details-side"):
                yield self._details_caption
                yield self._details
        yield self._key_bar

    def on_mount(self) -> None:
        """Start the feed."""
        self._table.focus()
        self._feed.start()
        self.app_resume_signal.subscribe(self, lambda _: self._paint_anew())
        self.set_interval(_TURN_S, self.take_turn)
        self.set_interval(_TICK_S, self._tick)
        self._first_turn()

    def _paint_anew(self) -> None:
        """Show everything on a terminal that others have written on meanwhile."""
        for widget in self.screen.walk_children(with_self=True):
            widget.refresh()

    async def on_unmount(self) -> None:
        """End the feed."""
        await asyncio.to_thread(self._feed.close)

    def on_resize(self, event: events.Resize) -> None:
        """Find room for the panes."""
        self._arrange(event.size.width, event.size.height)
        self.call_after_refresh(self.show_all)

    def _arrange(self, width: int, height: int) -> None:
        lower = self.query_one("#lower")
        wide, panes = width >= _WIDE, self._panes
        if not wide and height < _TALL and panes is Panes.BOTH:
            panes = Panes.DETAILS
        if height < _TOO_SHORT:
            panes = Panes.NONE
        lower.display = panes is not Panes.NONE
        side = self.query_one("#details-side")
        self.query_one("#events-side").display = panes in (Panes.BOTH, Panes.EVENTS)
        side.display = panes in (Panes.BOTH, Panes.DETAILS)
        side.set_class(wide and panes is Panes.BOTH, "apart")
        self._is_short = height < _TOO_SHORT
        self._heading.styles.max_height = 1 if self._is_short else None
        lower.styles.layout = "horizontal" if wide else "vertical"
        share = 0.36 if wide or panes is not Panes.BOTH else 0.5
        lower.styles.height = min(max(round(height * share), 6), 24)

    def _first_turn(self) -> None:
        """Look often until there is something to show."""
        if self._model.snapshot is None:
            self.take_turn()
            self.set_timer(_FIRST_TURN_S, self._first_turn)

    def _now(self) -> float:
        return self._model.now(self._feed.now())

    def take_turn(self) -> None:
        """Take what came, and show it unless that was done a moment ago."""
        frames = self._feed.take()
        if frames:
            self._model.take(frames)
            self._is_dirty = self._model.held_at is None
        if self._is_dirty and monotonic() >= self._next_rows:
            self.show_all()

    def _tick(self) -> None:
        """Let timers run down and marks fade."""
        if self._model.held_at is None:
            self._is_dirty = True

    def show_all(self) -> None:
        """Show everything as it is now."""
        started = monotonic()
        now = self._now()
        rows = self._model.rows(now)
        if rows is not self._rows_shown:
            self._rows_shown = rows
            self._latest = max(rows, key=_changed_at, default=None)
        self._table.show(rows, now)
        self._explain_if_it_fits()
        self._naming.want(history.record for history in self._table.seen())
        model = self._model
        self._transitions.write(model.log, model.logged, model.view.filter, model.holds)
        self._show_details()
        self._show_status()
        self._next_rows = monotonic() + _SHARE * (monotonic() - started)
        self._is_dirty = False

    def _explain_if_it_fits(self) -> None:
        """At the first sight of rows; later it is left to the user."""
        if self._explains is None and self._model.snapshot is not None and self._table.size.height:
            few = len(self._rows_shown) <= self._table.size.height
            self._explains = few and self._table.needed() <= self._table.size.height
        if self._explains is not None and self._table.explains is not self._explains:
            self._table.explain(self._explains)

    def _show_details(self) -> None:
        if self._details.size.width:
            title = "Details" if self._table.chosen else "Latest change"
            self._details_caption.entitle(title)
            self._details.show(detail_lines(self._find_details(), self._details.size.width))

    def _find_details(self) -> list[Detail]:
        """What there is to say about the chosen row, or the one that changed last."""
        chosen = self._table.chosen or self._latest
        if chosen is None:
            return []
        if self._player is None:
            self._describe_holders(chosen)
        return details(chosen, self._model, self._now(), self._processes)

    def _describe_holders(self, history: History) -> None:
        """Find out in a thread who holds the socket and its other end."""
        records = [each.record for each in (history, history.pair) if each is not None]
        now = monotonic()
        pids = {
            owner.pid
            for record in records
            for owner in record.owners or ()
            if self._described_at.get(owner.pid, 0.0) < now - _PROCESS_MEMORY_S
        }
        if pids:
            self._described_at.update(dict.fromkeys(pids, now))
            self.run_worker(self._learn_processes(pids))

    async def _learn_processes(self, pids: set[int]) -> None:
        found = await asyncio.to_thread(lambda: {pid: describe(pid) for pid in pids})
        if len(self._processes) > 500:
            self._processes.clear()
            self._described_at.clear()
        self._processes.update(found)
        self._show_details()

    def _show_status(self) -> None:
        status = Status(
            title=self._feed.title,
            events_source=self._feed.events_source,
            player=self._player,
            shown=len(self._rows_shown),
            filter_text=self._filter_text,
        )
        width = self._status_bar.size.width - 1
        lines = status_lines(status, self._model, self._now(), width)
        self._status_bar.show(lines[:_SHORT_STATUS] if self._is_short else lines)
        most = 1 if self._is_short else 3
        self._key_bar.show(key_list(self._model, self._player, self._table.explains), most)

    def _change(self, view: View) -> None:
        self._model.show(view)
        self._heading.sort, self._heading.descending = view.sort, view.descending
        self.show_all()

    def action_pause(self) -> None:
        """Let the screen stand still, or move on."""
        if self._player is not None:
            self._player.hold(not self._player.held)
        elif self._model.held_at is None:
            self._model.hold(self._feed.now())
        else:
            self._model.release()
        self.show_all()

    def action_filter(self) -> None:
        """Type a filter."""
        from pynetstat.render.watch.filterbar import FilterBar

        if not self.query(FilterBar):
            bar = FilterBar(self._filter_text, self._model.view.filter)
            self.mount(bar, before=self._heading)

    def on_filter_bar_changed(self, message: object) -> None:
        """Show what the new filter holds for."""
        self._filter_text = message.text  # type: ignore[attr-defined]
        wanted: Filter | None = message.wanted  # type: ignore[attr-defined]
        self._change(self._model.view._replace(filter=wanted))

    def on_filter_bar_closed(self) -> None:
        """Back to the table."""
        self.query("FilterBar").remove()
        self._table.focus()

    def action_sort(self) -> None:
        """Sort by the next column."""
        order = [column.sort for column in self._grid.columns]
        view = self._model.view
        at = order.index(view.sort) if view.sort in order else -1
        self._change(view._replace(sort=order[(at + 1) % len(order)]))

    def action_reverse(self) -> None:
        """Sort the other way round."""
        view = self._model.view
        self._change(view._replace(descending=not view.descending))

    def on_heading_clicked(self, message: Heading.Clicked) -> None:
        """Sort by that column; the other way round if it already is."""
        view = self._model.view
        descending = view.sort is message.sort and not view.descending
        self._change(view._replace(sort=message.sort, descending=descending))

    def action_listeners(self) -> None:
        """Show listeners only, or all."""
        view = self._model.view
        show = Show.ALL if view.show is Show.LISTENING else Show.LISTENING
        self._change(view._replace(show=show))

    def action_states(self) -> None:
        """Choose the states to show."""
        from pynetstat.render.watch.screens import StatesScreen

        counts = {count.word: count.number for count in self._model.counts(self._now())}
        self.push_screen(StatesScreen(self._model.view.states, counts, self._choose_states))

    def _choose_states(self, states: frozenset[TcpState]) -> None:
        self._change(self._model.view._replace(states=states))

    def action_pairs(self) -> None:
        """Put both ends of connections together, or don't."""
        view = self._model.view
        self._change(view._replace(pairs=not view.pairs))

    def action_explain(self) -> None:
        """Say below each row what it means, or don't."""
        self._explains = not self._table.explains
        self.show_all()

    def action_panes(self) -> None:
        """Show other panes."""
        order = list(Panes)
        self._panes = order[(order.index(self._panes) + 1) % len(order)]
        self._arrange(*self.size)
        self.call_after_refresh(self.show_all)

    def action_details(self) -> None:
        """Show all details of the chosen row."""
        from pynetstat.render.watch.screens import DetailsScreen

        self.push_screen(DetailsScreen(self._find_details))

    def action_help(self) -> None:
        """Show keys and signs."""
        from pynetstat.render.watch.screens import HelpScreen

        self.push_screen(HelpScreen(self._player is not None))

    def action_unchoose(self) -> None:
        """Choose no row."""
        self._table.unchoose()

    def action_step(self) -> None:
        """Replaying: show the next step."""
        if self._player is not None:
            self._player.step()
            self.take_turn()

    def action_step_back(self) -> None:
        """Replaying: undo the last step."""
        if self._player is not None:
            self._player.back()
            self.take_turn()

    def action_faster(self, factor: float) -> None:
        """Replaying: go on that much faster."""
        if self._player is not None:
            speed = self._player.speed * factor
            self._player.speed = min(max(speed, _SLOWEST), _FASTEST)
            self._show_status()

    def action_interrupt(self) -> None:
        """End as after Ctrl-C."""
        self.exit(INTERRUPTED)

    def action_leave(self, code: int) -> None:
        """End with this exit code."""
        self.exit(code)

    def on_socket_table_chosen(self) -> None:
        """Show the details of the row."""
        self._show_details()

    def on_socket_table_opened(self) -> None:
        """Show all its details."""
        self.action_details()

    async def on_keys_pressed(self, message: Keys.Pressed) -> None:
        """Do what the key does."""
        await self.run_action(message.action)


def _changed_at(history: History) -> float:
    return history.changed_at
