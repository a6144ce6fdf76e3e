"""Cells put together to lines of a fixed width: padded, flowed, wrapped. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from pynetstat.render.layout import Cell


def size(text: str) -> int:
    """How many columns the text takes."""
    return len(text) if text.isascii() else cell_len(text)


def line(cells: Iterable[Cell], width: int, ground: Style) -> Strip:
    """The cells one after the other on one line of exactly this width."""
    segments = [Segment(text, ground + style if style else ground) for text, style in cells]
    return Strip(segments).adjust_cell_length(width, ground)


def flow(groups: Sequence[Sequence[Cell]], width: int, gap: int = 2) -> list[list[Cell]]:
    """The groups on as many lines as they need; a group is only broken if it must be."""
    lines: list[list[Cell]] = [[]]
    used = 0
    for group in groups:
        length = sum(size(text) for text, _ in group)
        if used and used + gap + length > width:
            lines.append([])
            used = 0
        if used:
            lines[-1].append(Cell(" " * gap))
            used += gap
        lines[-1] += group
        used += length
    return lines


def wrap(text: str, style: Style, width: int, indent: str = "", hang: str = "") -> list[list[Cell]]:
    """A sentence on as many lines as it needs, all but the first one begun with ``hang``."""
    return [
        [Cell(part, style)]
        for part in textwrap.wrap(
            text,
            max(width, 1 + max(len(indent), len(hang))),
            initial_indent=indent,
            subsequent_indent=hang,
            break_on_hyphens=False,
        )
    ]
