"""The table of sockets: only the lines that are seen are made, so any number scrolls at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import ClassVar

from rich.cells import set_cell_size
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from pynetstat.history.tracker import History
from pynetstat.render.layout import Cell
from pynetstat.render.watch.cells import Context, TableColumn, mark_cell
from pynetstat.render.watch.strips import line, size, wrap
from pynetstat.render.watch.styles import (
    ACTIVE,
    ALERT,
    BAND,
    GROUND,
    ON_CHOSEN,
    PANEL,
    PLAIN,
    QUIET,
)
from pynetstat.watch.details import trail
from pynetstat.watch.model import Mark, Model
from pynetstat.watch.sorting import SortBy
from pynetstat.words import Words

_GAPS = (2, 1)
_MARGIN = 4
"""Columns in front of a row: the mark, and which end of a pair it is."""
_INDENT = 6
_MOST_EXPLAINED = 200
"""Of more rows than these none is measured: each gets the same few lines."""
_LINES_EXPLAINED = 2
_ON_GROUND = Style(bgcolor=GROUND)
_ON_PANEL = Style(bgcolor=PANEL)
_ON_BAND = Style(bgcolor=BAND)


class Grid:
    """Which columns stand on which line of a row, and how wide they are.

    All are as wide as they need but the last one, which takes the room that is left and ends
    in an ellipsis when that is too little.
    """

    def __init__(self, columns: Sequence[TableColumn]) -> None:
        self.columns = columns
        self.widths = [max(column.least, size(column.title) + 1) for column in columns]
        self.lines: list[range] = [range(len(columns))]
        self.gap = _GAPS[0]
        self._width = 0

    def fit(self, width: int) -> None:
        """Share the columns out to as many lines as they need in ``width``."""
        self._width = width
        count = len(self.columns)
        self.widths[-1] = self._least_last()
        for gap in _GAPS:
            left = width - (_MARGIN + sum(self.widths) + gap * (count - 1))
            if left >= 0:
                self.lines, self.gap = [range(count)], gap
                self.widths[-1] += left
                return
        self.lines, self.gap, first, used = [], 1, 0, _MARGIN
        for at, wide in enumerate(self.widths):
            if at > first and used + wide > width:
                self.lines.append(range(first, at))
                first, used = at, _MARGIN
            used += wide + self.gap
        self.lines.append(range(first, count))
        self.widths[-1] += max(width + self.gap - used, 0)

    def widen(self, cells: Sequence[Cell]) -> bool:
        """Make room for cells that are wider than any before; whether lines are now others."""
        wider = False
        for at, cell in enumerate(cells[:-1]):
            length = size(cell.text)
            if length > self.widths[at]:
                self.widths[at], wider = length, True
        if not wider:
            return False
        before = self.lines
        self.fit(self._width)
        return len(before) != len(self.lines)

    def row(self, cells: Sequence[Cell], number: int) -> list[Cell]:
        """The cells of one line of a row, padded."""
        placed: list[Cell] = []
        for at in self.lines[number]:
            text, style = cells[at]
            length = size(text)
            if length > self.widths[at]:
                text = set_cell_size(text, max(self.widths[at] - 1, 0)) + "…"
            padding = " " * (self.widths[at] - length)
            if self.columns[at].right:
                placed += [Cell(padding), Cell(text, style)]
            else:
                placed += [Cell(text, style), Cell(padding)]
            placed.append(Cell(" " * self.gap))
        return placed

    def column_at(self, x: int, number: int) -> TableColumn | None:
        """The column under a place on a line."""
        place = _MARGIN
        for at in self.lines[number] if number < len(self.lines) else ():
            if place <= x < place + self.widths[at] + self.gap:
                return self.columns[at]
            place += self.widths[at] + self.gap
        return None

    def _least_last(self) -> int:
        last = self.columns[-1]
        return max(last.least, size(last.title) + 1)


class Heading(Widget):
    """The titles above the table; a click sorts."""

    DEFAULT_CSS = f"Heading {{ height: 1; background: {PANEL}; }}"

    class Clicked(Message):
        """A title was clicked."""

        def __init__(self, sort: SortBy) -> None:
            super().__init__()
            self.sort = sort

    def __init__(self, grid: Grid) -> None:
        super().__init__()
        self._grid = grid
        self.sort = SortBy.LOCAL
        self.descending = False
        self._shown_state: object = None

    def render_line(self, y: int) -> Strip:
        """One line of titles, the one that is sorted by with an arrow."""
        if y >= len(self._grid.lines):
            return Strip.blank(self.size.width, _ON_PANEL)
        titles = [Cell(column.title, QUIET) for column in self._grid.columns]
        for at, column in enumerate(self._grid.columns):
            if column.sort is self.sort:
                titles[at] = Cell(f"{column.title}{'▼' if self.descending else '▲'}", ACTIVE)
        cells = [Cell(" " * _MARGIN), *self._grid.row(titles, y)]
        return line(cells, self.size.width, _ON_PANEL)

    def repaint(self) -> None:
        """Paint it anew if something in it has changed."""
        shown = (list(self._grid.widths), self._grid.gap, self.sort, self.descending)
        if shown != self._shown_state:
            self._shown_state = shown
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Tell which title was clicked."""
        column = self._grid.column_at(event.x, event.y)
        if column is not None:
            self.post_message(self.Clicked(column.sort))


class SocketTable(ScrollView, can_focus=True):
    """The rows of the model, one of them chosen or none."""

    DEFAULT_CSS = f"""
    SocketTable {{
        height: 1fr; background: {GROUND}; scrollbar-size-vertical: 1; overflow-x: hidden;
        scrollbar-background: {GROUND}; scrollbar-color: #3a4658;
        scrollbar-background-hover: {GROUND}; scrollbar-background-active: {GROUND};
    }}
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("home,g", "end(-1)", show=False),
        Binding("end,G", "end(1)", show=False),
    ]

    class Chosen(Message):
        """Another row was chosen, or none."""

    class Opened(Message):
        """The chosen row is to be shown whole."""

    def __init__(self, grid: Grid, heading: Heading, model: Model, words: Words) -> None:
        super().__init__()
        self._grid = grid
        self._heading = heading
        self._model = model
        self._words = words
        self._now = 0.0
        self._rows: list[History] = []
        self._tops: list[int] | None = None
        self._each = 1
        self._heights: dict[tuple[int, float], int] = {}
        self._painted: dict[int, Strip] = {}
        self.explains = False
        self.chosen: History | None = None

    def show(self, rows: list[History], now: float) -> None:
        """Show these rows. The chosen one stays where it is on the screen, else the first one."""
        if rows is self._rows:
            self.tick(now)
            return
        anchor, offset = self._anchor()
        before = self._place(self.chosen) or 0
        self._rows, self._now = rows, now
        if self.chosen is not None and self._place(self.chosen) is None:
            self.chosen = rows[min(before, len(rows) - 1)] if rows else None
            self.post_message(self.Chosen())
        self._measure()
        place = self._place(anchor)
        if place is not None:
            top = self._top(place)
            self.scroll_to(y=max(top - offset, 0), animate=False, immediate=True)
        self._widen()
        self._repaint()

    def tick(self, now: float) -> None:
        """Let what is shown be of this moment."""
        self._now = now
        self._widen()
        if self.explains:
            self._measure()
        self._repaint()

    def _place(self, history: History | None) -> int | None:
        """Where a row is; None when it is none of them."""
        try:
            return self._rows.index(history) if history is not None else None
        except ValueError:
            return None

    def _repaint(self) -> None:
        """Paint the lines anew that look different now."""
        for y in range(self.size.height):
            if self._painted.get(y) != self._strip(y):
                self.refresh(Region(0, y, self.size.width, 1))

    def explain(self, explains: bool) -> None:
        """Whether each row has lines below it that say what it means."""
        self.explains = explains
        self._heights.clear()
        self._measure()
        self._scroll_to_chosen()
        self.refresh()

    def needed(self) -> int:
        """How many lines all rows would take with their explanations."""
        lines, width = len(self._grid.lines), self.size.width
        return sum(lines + len(self._below(history, width)) for history in self._rows)

    def seen(self) -> list[History]:
        """The rows that are on the screen."""
        first = self._row_at(self.scroll_offset.y)[0]
        last = self._row_at(self.scroll_offset.y + self.size.height)[0]
        return self._rows[first : last + 1]

    def unchoose(self) -> None:
        """Choose no row."""
        self.chosen = None
        self.post_message(self.Chosen())
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line that is seen."""
        strip = self._painted[y] = self._strip(y)
        return strip

    def _strip(self, y: int) -> Strip:
        width = self.size.width
        number, inside = self._row_at(y + self.scroll_offset.y)
        if number >= len(self._rows):
            return Strip.blank(width, _ON_GROUND)
        history = self._rows[number]
        ground = _ON_BAND if self.explains and inside < len(self._grid.lines) else _ON_GROUND
        if history is self.chosen:
            ground = ON_CHOSEN
        if inside < len(self._grid.lines):
            return line(self._cells(history, number, inside), width, ground)
        below = self._below(history, width)
        at = inside - len(self._grid.lines)
        cells = below[at] if at < len(below) else []
        return line([Cell(" " * _INDENT), *cells], width, ground)

    def _cells(self, history: History, number: int, inside: int) -> list[Cell]:
        mark = self._model.mark(history, self._now)
        cells = [column.make(self._row_of(history)) for column in self._grid.columns]
        if mark is Mark.ENDED:
            cells = [Cell(text, QUIET) for text, _ in cells]
        margin = [Cell("    ")]
        if inside == 0:
            margin = [mark_cell(mark, alone=False), Cell(self._bracket(number), QUIET)]
        return [*margin, *self._grid.row(cells, inside)]

    def _row_of(self, history: History) -> Context:
        record = self._model.present(history, self._now)
        return Context(history, record, self._now, self._model, self._words)

    def _bracket(self, number: int) -> str:
        """Which end of a pair the row is, when the other one is beside it."""
        if not self._model.view.pairs:
            return " "
        pair = self._rows[number].pair
        if pair is None:
            return " "
        if number + 1 < len(self._rows) and self._rows[number + 1] is pair:
            return "┌"
        return "└" if number and self._rows[number - 1] is pair else " "

    def _below(self, history: History, width: int) -> list[list[Cell]]:
        """The lines below a row: its trail, what it means, what is wrong."""
        model, now = self._model, self._now
        room = width - _INDENT - 1
        lines: list[list[Cell]] = []
        states = trail(history, now)
        if " > " in states:
            lines += wrap(states, ACTIVE, room)
        lines += wrap(model.sentence(history, now), PLAIN, room)
        for trouble in model.troubles(history, now):
            lines += wrap(trouble, ALERT, room, "! ", "  ")
        return lines

    def _widen(self) -> None:
        """Make the columns as wide as what is seen needs; they don't shrink again."""
        for history in self.seen():
            context = self._row_of(history)
            if self._grid.widen([column.make(context) for column in self._grid.columns]):
                self._heights.clear()
                self._heading.styles.height = len(self._grid.lines)
            self._heading.repaint()

    def _measure(self) -> None:
        """How many lines each row takes."""
        lines = len(self._grid.lines)
        self._tops, self._each = None, lines
        if self.explains and len(self._rows) > _MOST_EXPLAINED:
            self._each = lines + _LINES_EXPLAINED
        elif self.explains:
            width, kept = self.size.width, self._heights
            self._heights = {}
            for history in self._rows:
                # As long as it is in one state a row keeps its height when its text gets
                # shorter, so that nothing jumps.
                key = (id(history), history.changed_at)
                needed = lines + len(self._below(history, width))
                self._heights[key] = max(needed, kept.get(key, 0))
            self._tops = [0, *accumulate(self._heights.values())]
        self.virtual_size = Size(self.size.width, self._top(len(self._rows)))

    def _top(self, number: int) -> int:
        return number * self._each if self._tops is None else self._tops[number]

    def _row_at(self, y: int) -> tuple[int, int]:
        """The row that a line belongs to, and which of its lines it is."""
        if self._tops is None:
            return divmod(y, self._each)
        number = max(bisect_right(self._tops, y) - 1, 0)
        return number, y - self._tops[number]

    def _anchor(self) -> tuple[History | None, int]:
        """The row that is to stay in its place, and how far below the first line that is."""
        y = self.scroll_offset.y
        place = self._place(self.chosen)
        if place is not None and 0 <= self._top(place) - y < self.size.height:
            return self.chosen, self._top(place) - y
        number = self._row_at(y)[0]
        if y == 0 or number >= len(self._rows):
            return None, 0
        return self._rows[number], self._top(number) - y

    def action_move(self, by: int) -> None:
        """Choose the next row or the one before."""
        place = self._place(self.chosen)
        self._choose(self._row_at(self.scroll_offset.y)[0] if place is None else place + by)

    def action_page(self, by: int) -> None:
        """Go a screenful on or back."""
        place = self._place(self.chosen)
        if place is None:
            place = self._row_at(self.scroll_offset.y)[0]
        self._choose(place + by * max(len(self.seen()) - 1, 1))

    def action_end(self, which: int) -> None:
        """Go to the first or the last row."""
        self._choose(0 if which < 0 else len(self._rows) - 1)

    def on_click(self, event: events.Click) -> None:
        """Choose the row that was clicked; open it at the second click."""
        number = self._row_at(event.y + self.scroll_offset.y)[0]
        if number < len(self._rows):
            self._choose(number)
            if event.chain == 2:
                self.post_message(self.Opened())

    def on_resize(self) -> None:
        """Share the columns out anew."""
        self._grid.fit(self.size.width)
        self._heading.styles.height = len(self._grid.lines)
        self._heights.clear()
        self._measure()
        self._scroll_to_chosen()

    def _choose(self, number: int) -> None:
        if not self._rows:
            return
        self.chosen = self._rows[min(max(number, 0), len(self._rows) - 1)]
        self._scroll_to_chosen()
        self.post_message(self.Chosen())
        self.refresh()

    def _scroll_to_chosen(self) -> None:
        number = self._place(self.chosen)
        if number is None:
            return
        top, bottom = self._top(number), self._top(number + 1)
        y, height = self.scroll_offset.y, self.size.height
        if top < y:
            self.scroll_to(y=top, animate=False, immediate=True)
        elif bottom > y + height:
            self.scroll_to(y=max(bottom - height, 0), animate=False, immediate=True)
