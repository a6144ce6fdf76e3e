"""How labs are shown: on a terminal, in a pipe, and as a picture."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.style import Style
from rich.text import Text

from demo.lab import Description, Step
from pynetstat import Proto, Snapshot, SocketRecord
from pynetstat.query import Query
from pynetstat.render.netstat import Columns, inet_heading, inet_rows, unix_heading, unix_rows
from pynetstat.render.pictures import SVG_FORMAT
from pynetstat.render.table import SnapshotView
from pynetstat.words import numbers

_PICTURE_WIDTH = 100

NEW, CHANGED, SAME = "+", "~", " "

_COLUMNS = Columns(programs=True, timers=True, wide=True)

_CODE = Style(color="cyan")
_ACTOR = Style(bold=True)
_WHY = Style(italic=True)
_GOOD, _BAD, _QUIET = Style(color="green"), Style(color="red", bold=True), Style(dim=True)


class Screen:
    """Shows labs; ``plain`` is netstat's text without colour, ``pauses`` waits for Enter."""

    def __init__(self, plain: bool = False, pauses: bool = False, svg: str | None = None) -> None:
        self._plain = plain
        self._pauses = pauses
        self._svg = svg
        # The picture is drawn from what the console was given, also when text is shown instead.
        self._console = Console(
            file=io.StringIO() if plain else None,
            width=_PICTURE_WIDTH if svg else None,
            record=svg is not None,
            highlight=False,
            markup=False,
            emoji=False,
        )

    def begin(self, lab: Description) -> None:
        """A lab's title."""
        if self._plain:
            print(f"== {lab.name}: {lab.teaches}")
        self._console.print(Rule(Text(f"{lab.name}: {lab.teaches}", _ACTOR), align="left"))

    def step(self, number: int, step: Step) -> None:
        """A step: its title, the code of each process, the rows, and why they are so."""
        self._say(f"\n{number}. {step.title}", _ACTOR)
        for action in step.actions:
            done = f"(gets {action.signal.name})" if action.signal else action.code
            outcome = action.fails or action.returns
            lines = [*done.splitlines(), *([f"-> {outcome}"] if outcome else [])]
            for at, line in enumerate(lines):
                name = action.actor.name if at == 0 else ""
                self._say(f"{name} | {line}", _CODE, indent=max(11 - len(name), 3))
        self._say("")
        self._table(step.snapshot, step.before)
        self._say(step.why, _WHY, indent=3)
        if self._pauses:
            input("   [Enter] ")

    def passed(self, lab: Description, seconds: float) -> None:
        """A lab that came out."""
        self._say(f"\n{lab.name}: all rows seen, {seconds:.1f} s\n", _GOOD)

    def failed(self, lab: Description, reason: str) -> None:
        """A lab that did not."""
        self._say(f"\n{lab.name}: FAILED at {reason}\n", _BAD)

    def skipped(self, lab: Description, reason: str) -> None:
        """A lab that can't be run here."""
        self._say(f"\n{lab.name}: skipped, {reason}\n", _BAD)

    def save(self) -> None:
        """Write the picture, if one is wanted. OSError when it can't be written."""
        if self._svg is not None:
            self._console.save_svg(self._svg, title="python -m demo", code_format=SVG_FORMAT)

    def _say(self, text: str, style: Style | None = None, indent: int = 0) -> None:
        if self._plain:
            print(" " * indent + text)
        self._console.print(Padding(Text(text, style or ""), (0, 0, 0, indent)))

    def _table(self, snapshot: Snapshot, before: Snapshot | None) -> None:
        marks = marks_of(snapshot, before)
        if self._plain:
            sys.stdout.writelines(_plain_table(snapshot, marks))
        protos = tuple(snapshot.sources)
        if not snapshot.unix:
            protos = tuple(proto for proto in protos if proto is not Proto.UNIX)
        view = SnapshotView(snapshot, Query(protos, owners=True), _COLUMNS, numbers(), marks)
        self._console.print(Padding(view, (0, 0, 0, 3)))


def marks_of(snapshot: Snapshot, before: Snapshot | None) -> dict[int | None, str]:
    """By cookie: whether a socket is new or has changed since the step before."""
    known = {record.cookie: record for record in before.records} if before else {}
    return {record.cookie: _mark(record, known.get(record.cookie)) for record in snapshot.records}


def _mark(record: SocketRecord, before: SocketRecord | None) -> str:
    if before is None:
        return NEW
    timer, timer_before = record.timer, before.timer
    alike = (
        record[3:6] == before[3:6]
        and record.owners == before.owners
        and (timer and timer.kind) == (timer_before and timer_before.kind)
    )
    return SAME if alike else CHANGED


def _plain_table(snapshot: Snapshot, marks: dict[int | None, str]) -> Iterator[str]:
    show = Query().show
    if snapshot.records or not snapshot.unix:
        yield from (f"  {line}\n" for line in inet_heading(show, _COLUMNS).splitlines())
    for record in snapshot.records:
        yield f"{marks[record.cookie]} {inet_rows([record], _COLUMNS, numbers())}"
    if snapshot.unix:
        yield from (f"  {line}\n" for line in unix_heading(show, _COLUMNS).splitlines())
        yield from (f"  {line}\n" for line in unix_rows(snapshot.unix, _COLUMNS).splitlines())
