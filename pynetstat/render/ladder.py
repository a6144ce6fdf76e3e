"""A connection's ladder on a terminal: heads, rungs, remarks. Pure.

From 60 columns on both lifelines stand side by side; below that each rung is one short line.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from pynetstat.history.ladder import Arrow, End, Ladder, Mark, Rung
from pynetstat.text import printable
from pynetstat.words import duration, unmapped

LEAST_WIDTH = 60
_MOST_WIDTH = 110
_TIME = 10
_STATE = 12
_PAUSE_S = 0.001
"""The least time between two rungs that is written between them."""


class Pens(NamedTuple):
    """The characters of the lines."""

    line: str
    lifeline: str
    to_right: str
    to_left: str
    dashed: str
    pause: str


BOXES = Pens("─", "│", "▶", "◀", "╌", "┊")
ASCII = Pens("-", "|", ">", "<", ".", ":")


def pens_for(encoding: str) -> Pens:
    """Box characters where the encoding has them, else ASCII."""
    try:
        "".join(BOXES).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return BOXES


class Drawing:
    """Draws at a width, line by line: heads, then rungs as they come, then remarks."""

    def __init__(self, width: int, pens: Pens = BOXES) -> None:
        self._wide = width >= LEAST_WIDTH
        self._width = min(width, _MOST_WIDTH) if self._wide else max(width, 20)
        self._pens = pens
        self._lane = self._width - 2 * (_TIME + _STATE + 3)
        self._before: float | None = None

    def heads(self, ladder: Ladder) -> list[str]:
        """What stands above the lifelines."""
        if not self._wide:
            return [
                line
                for letter, end in zip("LR", ladder.ends, strict=True)
                for line in self._folded(f"{letter} {', '.join(_head(end))}", "  ")
            ] + [""]
        half = self._width // 2 - 1
        columns = [
            [part for text in _head(end) for part in textwrap.wrap(text, half) or [""]]
            for end in ladder.ends
        ]
        height = max(map(len, columns))
        left, right = (column + [""] * (height - len(column)) for column in columns)
        lines = [
            f"{one:<{self._width - half}}{other:>{half}}".rstrip()
            for one, other in zip(left, right, strict=True)
        ]
        return [*lines, ""]

    def rungs(self, ladder: Ladder, first: int = 0, count: int | None = None) -> list[str]:
        """The lines of ``count`` rungs (default: all) from ``first`` on."""
        lines: list[str] = []
        last = len(ladder.rungs) if count is None else first + count
        for rung in ladder.rungs[first:last]:
            lines += self._pause(rung.at)
            if self._wide:
                lines.append(self._rung(rung, ladder.started))
            else:
                lines += self._short(rung, ladder.started)
        return lines

    def notes(self, ladder: Ladder) -> list[str]:
        """What stands below."""
        return [line for note in ("", *ladder.notes) for line in self._folded(note, "  ")]

    def whole(self, ladder: Ladder) -> str:
        """Everything as one text."""
        self._before = None
        lines = [*self.heads(ladder), *self.rungs(ladder), *self.notes(ladder)]
        return "\n".join(lines) + "\n"

    def _folded(self, text: str, indent: str) -> list[str]:
        wrapper = textwrap.TextWrapper(self._width, subsequent_indent=indent, drop_whitespace=False)
        return [line.rstrip() for line in wrapper.wrap(text)] or [""]

    def _pause(self, at: float) -> Iterator[str]:
        before = self._before
        self._before = at if before is None else max(at, before)
        if before is None or at - before < _PAUSE_S:
            return
        text = duration(at - before)
        if self._wide:
            yield self._line(("", ""), f" {text} ".center(self._lane), ("", ""), self._pens.pause)
        else:
            yield f"{'':{_TIME}} {self._pens.pause} {text}"

    def _rung(self, rung: Rung, started: float) -> str:
        lane = " " * self._lane if rung.arrow is None else self._arrow(rung.arrow)
        left = _time(rung.left, started), _state(rung.left)
        right = _time(rung.right, started), _state(rung.right)
        return self._line(left, lane, right, self._pens.lifeline)

    def _line(self, left: tuple[str, str], lane: str, right: tuple[str, str], lifeline: str) -> str:
        return (
            f"{left[0]:>{_TIME}} {left[1]:>{_STATE}} {lifeline}{lane}{lifeline} "
            f"{right[1]:<{_STATE}} {right[0]:>{_TIME}}"
        ).rstrip()

    def _arrow(self, arrow: Arrow) -> str:
        """The arrow, as wide as the lane; only its first or last part when the rest is on
        another rung."""
        pens, width = self._pens, self._lane
        stroke = pens.dashed if arrow.inferred else pens.line
        label = next(text for text in _labels(arrow) if len(text) + 3 <= width)
        length = width
        if not (arrow.sent and arrow.received):
            length = min(max(width * 2 // 3, len(label) + 5), width)
        shaft = f" {label} ".center(length - arrow.received, stroke)
        to_right = arrow.source == 0
        if arrow.received:
            shaft = shaft + pens.to_right if to_right else pens.to_left + shaft
        begins_left = to_right is arrow.sent
        return shaft.ljust(width) if begins_left else shaft.rjust(width)

    def _short(self, rung: Rung, started: float) -> list[str]:
        parts = [_time(rung.left, started) or _time(rung.right, started)]
        parts[0] = f"{parts[0]:>{_TIME}}"
        for letter, mark in (("L", rung.left), ("R", rung.right)):
            if mark is not None:
                parts.append(f"{letter} {_state(mark)}")
        if rung.arrow is not None:
            source, target = ("L", "R") if rung.arrow.source == 0 else ("R", "L")
            way = f"{source}->{target}"
            way = way if rung.arrow.received else f"{source}->"
            way = way if rung.arrow.sent else f"->{target}"
            parts.append(f"({rung.arrow.label} {way})")
        return self._folded(" ".join(parts), " " * (_TIME + 1))


def _labels(arrow: Arrow) -> tuple[str, ...]:
    """The arrow's text, and shorter ones for where it has no room."""
    label = arrow.label.removesuffix(" of data")
    return arrow.label, label.removesuffix(" of FIN"), "data"


def _head(end: End) -> list[str]:
    texts = [end.title, f"{unmapped(end.addr.ip)}:{end.addr.port}"]
    if end.absent:
        return [*texts, end.absent]
    owners = dict.fromkeys(f"{owner.pid}/{printable(owner.name)}" for owner in end.owners)
    return [*texts, ", ".join(owners) or "owner not known"]


def _time(mark: Mark | None, started: float) -> str:
    if mark is None or mark.at is None:
        return ""
    return f"{max(mark.at - started, 0.0):.6f}"


def _state(mark: Mark | None) -> str:
    if mark is None:
        return ""
    return f"~{mark.state}" if mark.inferred else mark.state
