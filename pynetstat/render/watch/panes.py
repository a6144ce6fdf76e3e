"""The parts around the table: the first lines, events, details, keys. Each draws its lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from time import localtime, strftime
from typing import TypeAlias

from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from pynetstat.history.transition import Event, Loss
from pynetstat.render.layout import Cell
from pynetstat.render.watch.strips import flow, line, size, wrap
from pynetstat.render.watch.styles import (
    ACTIVE,
    ALERT,
    GROUND,
    KEY,
    PANEL,
    PLAIN,
    QUIET,
    STRONG,
    TITLE,
    WRONG,
    state_style,
)
from pynetstat.tabular import address, owners_text
from pynetstat.text import printable
from pynetstat.watch.details import Detail, Kind
from pynetstat.watch.model import LogLine
from pynetstat.words import duration

Holds: TypeAlias = "Callable[[Event], bool]"
"""Whether the filter does not leave a transition out."""

_MOST_LOG_LINES = 2000
_ON_GROUND = Style(bgcolor=GROUND)
_ON_PANEL = Style(bgcolor=PANEL)
_DETAIL_STYLES = {
    Kind.HEADING: STRONG,
    Kind.PLAIN: PLAIN,
    Kind.TRAIL: ACTIVE,
    Kind.TROUBLE: ALERT,
    Kind.QUIET: QUIET,
}


class Lines(ScrollView, can_focus=True):
    """A pane of lines with a title, which can be scrolled."""

    DEFAULT_CSS = f"""
    Lines {{
        background: {GROUND}; scrollbar-size-vertical: 1; overflow-x: hidden;
        scrollbar-background: {GROUND}; scrollbar-color: #3a4658; padding: 0;
    }}
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._lines: list[list[Cell]] = []

    def show(self, lines: list[list[Cell]]) -> None:
        """Show these lines instead of those before."""
        before, self._lines = self._lines, lines
        if len(lines) != len(before):
            self.virtual_size = Size(self.size.width, len(lines))
            self.refresh()
            return
        for at, (old, new) in enumerate(zip(before, lines, strict=True)):
            if old != new:
                self.refresh(Region(0, at - self.scroll_offset.y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """One line that is seen."""
        at = y + self.scroll_offset.y
        cells = self._lines[at] if at < len(self._lines) else []
        return line([Cell(" "), *cells], self.size.width, _ON_GROUND)


class Log(Lines):
    """The transitions, newest last; it follows them unless it was scrolled back."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._made_for: object = None
        self._made = 0

    def write(self, log: Sequence[LogLine], written: int, view: object, holds: Holds) -> None:
        """Show the log, of which ``written`` lines were written until now.

        Only what is new is made into lines, unless the width or the ``view`` is another one.
        """
        width = self.size.width
        new = min(written - self._made, len(log))
        if (width, view) != self._made_for or written < self._made:
            new = len(log)
            self._lines = []
        elif not new:
            return
        self._made_for, self._made = (width, view), written
        follows = self.scroll_offset.y + self.size.height >= len(self._lines)
        lines = self._lines + log_lines(islice(log, len(log) - new, None), width, holds)
        self._lines = lines[-_MOST_LOG_LINES:]
        self.virtual_size = Size(width, len(self._lines))
        self.refresh()
        if follows:
            self.call_after_refresh(self.to_the_end)

    def on_resize(self) -> None:
        """Stay at the end."""
        self.call_after_refresh(self.to_the_end)

    def to_the_end(self) -> None:
        """Scroll to the last line."""
        self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True)


class Bar(Widget):
    """Some lines of cells, as many as it needs."""

    DEFAULT_CSS = f"Bar {{ height: 1; background: {PANEL}; }}"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines: list[list[Cell]] = [[]]

    def show(self, lines: list[list[Cell]]) -> None:
        """Show these lines instead of those before."""
        if lines != self._lines:
            if len(lines) != len(self._lines):
                self.styles.height = max(len(lines), 1)
            self._lines = lines
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One of the lines."""
        cells = self._lines[y] if y < len(self._lines) else []
        return line([Cell(" "), *cells], self.size.width, _ON_PANEL)


class Caption(Bar):
    """The title above a pane."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.entitle(title)

    def entitle(self, title: str) -> None:
        """Show this title."""
        self.show([[Cell(title, TITLE)]])


class Keys(Widget):
    """The keys and what they do; a click does it too."""

    DEFAULT_CSS = f"Keys {{ height: 1; background: {PANEL}; }}"

    class Pressed(Message):
        """A key's place was clicked."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    def __init__(self) -> None:
        super().__init__(id="keys")
        self._places: list[list[tuple[int, int, str]]] = []
        self._lines: list[list[Cell]] = []

    def show(self, keys: Sequence[tuple[str, str, str, bool]], most_lines: int) -> None:
        """Show ``(key, what, action, whether it is on)``; what finds no room is left out."""
        width = self.size.width - 1
        groups = [
            [Cell(key, KEY), Cell(f" {what}", ACTIVE if on else QUIET)] for key, what, _, on in keys
        ]
        lines = flow(groups, width)[:most_lines]
        actions = iter(action for _, _, action, _ in keys)
        self._places = [list(_places(cells, actions)) for cells in lines]
        if lines != self._lines:
            self._lines = lines
            self.styles.height = max(len(lines), 1)
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of keys."""
        cells = self._lines[y] if y < len(self._lines) else []
        return line([Cell(" "), *cells], self.size.width, _ON_PANEL)

    def on_click(self, event: events.Click) -> None:
        """Do what the key does that was clicked."""
        for start, stop, action in self._places[event.y] if event.y < len(self._places) else ():
            if start <= event.x < stop:
                self.post_message(self.Pressed(action))


def _places(cells: list[Cell], actions: Iterator[str]) -> list[tuple[int, int, str]]:
    places, x = [], 1
    for at, (text, style) in enumerate(cells):
        if style is KEY:
            places.append((x, x + size(text) + size(cells[at + 1].text), next(actions)))
        x += size(text)
    return places


def detail_lines(found: Sequence[Detail], width: int) -> list[list[Cell]]:
    """Details as lines of this width."""
    lines: list[list[Cell]] = []
    for kind, text in found:
        indent = "! " if kind is Kind.TROUBLE else ""
        hang = "" if kind is Kind.HEADING else "  "
        lines += wrap(text, _DETAIL_STYLES[kind], width - 2, indent, hang) or [[]]
    return lines


def log_lines(log: Iterable[LogLine], width: int, holds: Holds) -> list[list[Cell]]:
    """The log as lines, without the transitions that the filter leaves out."""
    lines: list[list[Cell]] = []
    for item in log:
        if isinstance(item, Event):
            if holds(item):
                lines += _event_lines(item, width)
        elif isinstance(item, Loss):
            lines += wrap(f"{_clock(item.at)} {printable(item.why)}", WRONG, width - 2, "! ", "  ")
        else:
            lines += wrap(f"{_clock(item.at)} {printable(item.text)}", QUIET, width - 2, "", "  ")
    return lines


def _event_lines(event: Event, width: int) -> list[list[Cell]]:
    groups = [[Cell(_clock(event.at), QUIET)], [Cell(_place(event), PLAIN)], _step(event)]
    if event.owners:
        groups.append([Cell(owners_text(event.owners), QUIET)])
        if sum(size(text) + 1 for group in groups for text, _ in group) > width - 1:
            # The details have it, and one line for each is easier to follow.
            groups.pop()
    first, *rest = flow(groups, width - 2, gap=1)
    return [first, *([Cell("  "), *cells] for cells in rest)]


def _place(event: Event) -> str:
    """Both ends; the second address only where it is another one."""
    remote = address(event.raddr)
    if event.raddr.port and event.raddr.ip == event.laddr.ip:
        remote = f":{event.raddr.port}"
    return address(event.laddr) if remote == "*" else f"{address(event.laddr)} > {remote}"


def _step(event: Event) -> list[Cell]:
    cells: list[Cell] = []
    if event.old is not None:
        cells.append(Cell(str(event.old), state_style(event.old)))
        if event.seconds is not None:
            cells.append(Cell(f" {duration(event.seconds)}", QUIET))
        cells.append(Cell(" > ", QUIET))
    unseen = "~" if event.inferred else ""
    if event.new is None:
        return [*cells, Cell(f"{unseen}ended", STRONG)]
    return [*cells, Cell(f"{unseen}{event.new}", state_style(event.new))]


def _clock(at: float) -> str:
    return strftime("%H:%M:%S", localtime(at)) + f".{int(at % 1 * 1000):03d}"
