"""The watch screen: the model of a feed on a full terminal."""

from __future__ import annotations

import asyncio
import os
from time import monotonic
from typing import ClassVar

from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical

from pynetstat.errors import FilterError
from pynetstat.filter_grammar import parse_filter
from pynetstat.query import Show
from pynetstat.render.layout import Cell
from pynetstat.render.netstat import Columns
from pynetstat.render.table import incompleteness
from pynetstat.render.watch.cells import table_columns
from pynetstat.render.watch.panes import (
    Bar,
    Caption,
    Keys,
    Lines,
    Log,
    detail_lines,
    log_lines,
)
from pynetstat.render.watch.strips import flow, wrap
from pynetstat.render.watch.styles import (
    ACTIVE,
    ALERT,
    GROUND,
    PLAIN,
    QUIET,
    STRONG,
    TITLE,
    WRONG,
    NoColours,
    state_style,
)
from pynetstat.render.watch.table import Grid, Heading, SocketTable
from pynetstat.tracker import History
from pynetstat.transition import Event
from pynetstat.watch.details import details
from pynetstat.watch.feed import Feed, Player
from pynetstat.watch.model import Model, View
from pynetstat.watch.processes import Process, describe
from pynetstat.watch.sorting import SortBy
from pynetstat.words import Words

_FIRST_TURN_S, _TURN_S = 0.02, 0.1
_TICK_S = 0.5
_SHARE = 8
"""Sorting and filtering large tables takes at most one part in so many of the time."""


class WatchApp(App[int]):
    """Shows what ``feed`` gives.

    ``view`` is what is shown at first, ``columns`` the columns beside the usual ones.
    """

    CSS = f"""
    Screen {{ background: {GROUND}; layers: base over; }}
    #lower {{ height: 12; }}
    #events-side {{ width: 1fr; }}
    #details-side {{ width: 1fr; }}
    #lower Lines {{ height: 1fr; }}
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "pause", show=False),
        Binding("s", "sort", show=False),
        Binding("S", "reverse", show=False),
        Binding("l", "listeners", show=False),
        Binding("p", "pairs", show=False),
        Binding("e", "explain", show=False),
        Binding("q", "quit", show=False),
        Binding("escape", "unchoose", show=False),
    ]

    def __init__(
        self,
        feed: Feed,
        *,
        view: View | None = None,
        columns: Columns | None = None,
        words: Words,
    ) -> None:
        super().__init__(ansi_color="NO_COLOR" in os.environ)
        self._feed = feed
        self._model = Model(view)
        self._grid = Grid(table_columns(columns or Columns()))
        self._heading = Heading(self._grid)
        self._table = SocketTable(self._grid, self._heading, self._model, words)
        self._status = Bar(id="status")
        self._transitions = Log(id="log")
        self._details = Lines(id="details")
        self._details_caption = Caption("Details")
        self._keys = Keys()
        self._processes: dict[int, Process | None] = {}
        self._next_rows = 0.0
        self._dirty = True
        self._shown = 0
        self._latest: History | None = None

    def compose(self) -> ComposeResult:
        """The parts of the screen, from top to bottom."""
        yield self._status
        yield self._heading
        yield self._table
        with Horizontal(id="lower"):
            with Vertical(id="events-side"):
                yield Caption("Transitions")
                yield self._transitions
            with Vertical(id="details-side"):
                yield self._details_caption
                yield self._details
        yield self._keys

    def on_mount(self) -> None:
        """Start the feed."""
        self._table.focus()
        self._feed.start()
        self.set_interval(_TURN_S, self._turn)
        self.set_interval(_TICK_S, self._tick)
        self.set_timer(_FIRST_TURN_S, self._first_turn)

    def _first_turn(self) -> None:
        """Look often until there is something to show."""
        self._turn()
        if self._model.snapshot is None:
            self.set_timer(_FIRST_TURN_S, self._first_turn)

    def _now(self) -> float:
        return self._model.now(self._feed.now())

    def _turn(self) -> None:
        """Take what came, and show it unless that was done a moment ago."""
        frames = self._feed.take()
        if frames:
            self._model.take(frames)
            self._dirty = self._model.held_at is None
        if self._dirty and monotonic() >= self._next_rows:
            self._show_rows()
            self._show_transitions()
            self._show_details()
            self._show_status()

    def _tick(self) -> None:
        """Let timers run down and marks fade."""
        if self._model.held_at is not None:
            return
        self._dirty = True
        self._table.tick(self._now())
        self._show_details()

    def _show_rows(self) -> None:
        started = monotonic()
        rows = self._model.rows(self._now())
        self._shown = len(rows)
        self._latest = max(rows, key=lambda history: history.changed_at, default=None)
        self._table.show(rows, self._now())
        self._next_rows = monotonic() + _SHARE * (monotonic() - started)
        self._dirty = False

    def _show_transitions(self) -> None:
        self._transitions.show(log_lines(self._model.log, self._transitions.size.width, self._model.holds))

    def _show_details(self) -> None:
        chosen = self._table.chosen or self._latest
        if chosen is None:
            self._details.show([])
            return
        self._details_caption.show("Details" if self._table.chosen else "Latest change")
        found = details(chosen, self._model, self._now(), self._processes)
        self._details.show(detail_lines(found, self._details.size.width))

    def _show_status(self) -> None:
        model, width = self._model, self._status.size.width - 1
        groups = [[Cell("pynetstat", TITLE)]]
        if model.held_at is not None:
            groups.append([Cell("PAUSED", WRONG)])
        else:
            groups.append([Cell(f"● {self._feed.title}", ACTIVE)])
        sockets = f"{len(model)} sockets"
        if self._shown != len(model):
            sockets += f", {self._shown} shown"
        groups.append([Cell(sockets, STRONG)])
        for word, number, change in model.counts(self._now()):
            count = [Cell(f"{word} ", state_style(word)), Cell(str(number), STRONG)]
            if change:
                count.append(Cell(f" {change:+d}", ACTIVE))
            groups.append(count)
        source = model.snapshot.source if model.snapshot else "reading"
        if self._feed.events_source:
            source += f" + {self._feed.events_source}"
        groups.append([Cell(source, QUIET)])
        lines = flow(groups, width)
        if model.snapshot is not None:
            for remark in incompleteness(model.snapshot):
                lines += wrap(remark, ALERT, width)
        self._status.show(lines)
        self._keys.show(self._key_list(), 2)

    def _key_list(self) -> list[tuple[str, str, str, bool]]:
        view = self._model.view
        return [
            ("space", "pause", "pause", self._model.held_at is not None),
            ("/", "filter", "filter", view.filter is not None),
            ("s", "sort", "sort", False),
            ("l", "listeners", "listeners", view.show is Show.LISTENING),
            ("t", "states", "states", False),
            ("p", "pairs", "pairs", view.pairs),
            ("e", "explain", "explain", self._table.explains),
            ("?", "help", "help", False),
            ("q", "quit", "quit", False),
        ]

    def action_pause(self) -> None:
        """Let the view stand still, or move on."""
        if self._model.held_at is None:
            self._model.hold(self._feed.now())
        else:
            self._model.release()
        self._show_all()

    def action_explain(self) -> None:
        self._table.explain(not self._table.explains)
        self._show_status()

    def action_listeners(self) -> None:
        view = self._model.view
        show = Show.ALL if view.show is Show.LISTENING else Show.LISTENING
        self._change(view._replace(show=show))

    def action_pairs(self) -> None:
        self._change(self._model.view._replace(pairs=not self._model.view.pairs))

    def action_unchoose(self) -> None:
        self._table.unchoose()

    def _change(self, view: View) -> None:
        self._model.show(view)
        self._show_all()

    def _show_all(self) -> None:
        self._show_rows()
        self._show_transitions()
        self._show_details()
        self._show_status()

    async def on_unmount(self) -> None:
        await asyncio.to_thread(self._feed.close)
