"""Aligned plain text: titles, and below them cells in columns as wide as they need. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from pynetstat.remark import Remark
from pynetstat.render.remarks import remark_line

_GAP = "  "


def aligned(
    titles: Sequence[str] | None,
    right: Sequence[bool],
    rows: Sequence[Sequence[str]],
    below: Sequence[Sequence[Remark]] | None = None,
) -> Iterator[str]:
    """The lines, each with its end; ``right`` says which columns stand to the right.

    ``below`` has for each row the remarks under it.
    """
    heading = [titles] if titles is not None else []
    widths = [0] * len(right)
    for row in (*heading, *rows):
        for at, cell in enumerate(row):
            widths[at] = max(widths[at], _width(cell))
    for row in heading:
        yield _line(row, widths, right)
    for number, row in enumerate(rows):
        yield _line(row, widths, right)
        if below is not None:
            yield from map(remark_line, below[number])


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    cells = []
    for cell, width, to_right in zip(row, widths, right, strict=True):
        padding = " " * (width - _width(cell))
        cells.append(padding + cell if to_right else cell + padding)
    return _GAP.join(cells).rstrip(" ") + "\n"


def _width(text: str) -> int:
    """How many columns a terminal takes for it."""
    if text.isascii():
        return len(text)
    return sum(_char_width(char) for char in text)


def _char_width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
