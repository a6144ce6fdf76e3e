"""Cells in aligned columns, on as many lines a row as the terminal needs: never cut. Pure.

rich's own Table measures and renders each cell as a document and takes seconds for
10,000 rows; here the cells are short single lines, so that segments are made directly.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from rich.style import Style

_GAPS = (2, 1)
_INDENT = 2
_UNDER_INDENT = 4
_NEWLINE = Segment.line()


class Column(NamedTuple):
    """A column's title, and whether its cells stand to the right."""

    title: str
    right: bool = False


class Cell(NamedTuple):
    """One line of printable text and how it looks."""

    text: str
    style: Style | None = None


class _Line(NamedTuple):
    """The columns that share a line: first and last + 1, how far in, how far apart."""

    first: int
    stop: int
    indent: int
    gap: int


def grid(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    width: int,
    title_style: Style,
    *,
    below: Sequence[Sequence[Cell]] | None = None,
    header: bool = True,
) -> Iterator[Segment]:
    """The titles and below them the rows, on one line each if the widest fits ``width``.

    Else columns that find no room go on to further, indented lines, and a cell that is
    wider than the terminal is folded. ``below`` has sentences for each row, which follow
    it on indented lines. Without ``header`` the titles are left out.
    """
    widths = [cell_len(column.title) if header else 0 for column in columns]
    for row in rows:
        for at, cell in enumerate(row):
            widths[at] = max(widths[at], _size(cell[0]))
    lines = _share_out(widths, width)
    titles = [Cell(column.title, title_style) for column in columns]
    for number, row in enumerate((titles, *rows) if header else rows, start=-header):
        for line in lines:
            yield from _row_line(row, columns, widths, line, width)
        if below is not None and number >= 0:
            for text, style in below[number]:
                yield from prose(text, style or title_style, width, _UNDER_INDENT)


def prose(text: str, style: Style, width: int, indent: int = 0) -> Iterator[Segment]:
    """A sentence on as many lines as it needs, broken between words where possible."""
    indent = min(indent, max(width - 1, 0))
    for line in _wrapped(text, max(width - indent, 1)):
        if indent:
            yield Segment(" " * indent)
        yield Segment(line, style)
        yield _NEWLINE


def _wrapped(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width`` cells; a word that is wider is broken."""
    if text.isascii():
        return textwrap.wrap(text, width, break_on_hyphens=False)
    # textwrap counts characters, of which some take two cells and some none.
    lines = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if cell_len(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        *full, line = chop_cells(word, width) or [word]
        lines += filter(None, full)
    return [*lines, line]


def _share_out(widths: Sequence[int], width: int) -> list[_Line]:
    """Which columns go on which line."""
    for gap in _GAPS:
        if sum(widths) + gap * (len(widths) - 1) <= width:
            return [_Line(0, len(widths), 0, gap)]
    gap = _GAPS[0]
    lines = []
    first, indent, used = 0, 0, 0
    for at, size in enumerate(widths):
        if at > first and used + gap + size > width:
            lines.append(_Line(first, at, indent, gap))
            first, indent = at, min(_INDENT, max(width - 1, 0))
            used = indent + size
        else:
            used += size + (gap if at > first else 0)
    return [*lines, _Line(first, len(widths), indent, gap)]


def _row_line(
    row: Sequence[Cell], columns: Sequence[Column], widths: Sequence[int], line: _Line, width: int
) -> Iterator[Segment]:
    blank = line.indent
    if line.stop == line.first + 1 and line.indent + _size(row[line.first].text) > width:
        yield from _folded(row[line.first], line.indent, width)
        return
    empty = True
    for at in range(line.first, line.stop):
        text, style = row[at]
        size = _size(text)
        padding = widths[at] - size
        if columns[at].right:
            blank = min(blank + padding, width - size)
            padding = 0
        if text:
            if blank:
                yield Segment(" " * blank)
            yield Segment(text, style)
            blank = 0
            empty = False
        blank += padding + line.gap
    if not empty or line.first == 0:
        yield _NEWLINE


def _folded(cell: Cell, indent: int, width: int) -> Iterator[Segment]:
    for part in chop_cells(cell.text, max(width - indent, 1)):
        yield Segment(" " * indent + part, cell.style)
        yield _NEWLINE


def _size(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)
