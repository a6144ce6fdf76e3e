"""The view for people with columns of their choice, or with counts (rich)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.style import Style

from pynetstat.columns import UNTOLD, Column, Context, Row
from pynetstat.records import TcpState
from pynetstat.remark import Remarks
from pynetstat.render import layout
from pynetstat.render.layout import Cell, grid, prose
from pynetstat.render.table import incompleteness_lines, remark_cells, state_style
from pynetstat.snapshot import Snapshot

_HEADING = Style(bold=True)
_QUIET = Style(dim=True)


class ChosenView:
    """Rows as a rich renderable: title, the columns, and how many rows there are.

    ``below`` gives the lines under each row; without ``header`` only the rows are shown.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        rows: Sequence[Row],
        columns: Sequence[Column],
        context: Context,
        *,
        below: Remarks | None = None,
        header: bool = True,
    ) -> None:
        self._snapshot = snapshot
        self._rows = rows
        self._columns = columns
        self._context = context
        self._below = below
        self._header = header

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        if self._header:
            yield from prose(f"Sockets, from {source(self._snapshot)}", _HEADING, width)
        yield from incompleteness_lines(self._snapshot, width)
        titles = [layout.Column(column.title, column.right) for column in self._columns]
        cells = [[self._cell(row, column) for column in self._columns] for row in self._rows]
        below = remark_cells(self._rows, self._below)
        yield from grid(titles, cells, width, _QUIET, below=below, header=self._header)
        if self._header:
            count = len(self._rows)
            yield from prose("1 socket" if count == 1 else f"{count} sockets", _HEADING, width)

    def _cell(self, row: Row, column: Column) -> Cell:
        text = column.cell(row, self._context)
        style: Style | None = _QUIET if text == UNTOLD else None
        if column.name == "state" and isinstance(row.state, TcpState):
            style = state_style(row.state)
        return Cell(text, style)


class CountsView:
    """Counts as a rich renderable; the first column is the number."""

    def __init__(
        self,
        snapshot: Snapshot,
        titles: Sequence[str],
        rows: Sequence[Sequence[str]],
        header: bool = True,
    ) -> None:
        self._snapshot = snapshot
        self._titles = titles
        self._rows = rows
        self._header = header

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        if self._header:
            yield from prose(f"Sockets counted, from {source(self._snapshot)}", _HEADING, width)
        yield from incompleteness_lines(self._snapshot, width)
        titles = [layout.Column(title, right=at == 0) for at, title in enumerate(self._titles)]
        yield from grid(titles, list(self._cells()), width, _QUIET, header=self._header)

    def _cells(self) -> Iterator[list[Cell]]:
        for row in self._rows:
            yield [Cell(row[0], _HEADING), *(Cell(text) for text in row[1:])]


def source(snapshot: Snapshot) -> str:
    """Where the rows came from, for a title."""
    return snapshot.source or "nothing could be read"
