"""Every view of rows whose names, paths and numbers come from outside."""

from __future__ import annotations

import io
import socket
from unittest import mock

from rich.cells import cell_len
from rich.console import Console

from pynetstat.diff import compare
from pynetstat.explain.ports import PortRange
from pynetstat.explain.remarks import explainer
from pynetstat.query import NETSTAT_ORDER, Query, Show
from pynetstat.remark import Remarks
from pynetstat.render.netstat import (
    Columns,
    inet_heading,
    inet_rows,
    unix_heading,
    unix_rows,
)
from pynetstat.render.remarks import with_remarks
from pynetstat.render.table import SnapshotView, incompleteness
from pynetstat.snapshot import Snapshot
from pynetstat.tabular import SOCKET_TITLES, socket_cells, table
from pynetstat.text import printable, unix_name
from pynetstat.words import Words
from tests.fuzz.choices import Choices
from tests.fuzz.harmless import check_line, check_lines, without_colours
from tests.fuzz.rows import all_rows, names_of, some_snapshot, some_words

_WIDE = 1_000_000
_NARROWEST = 6
"""The widest indent and one wide character: a terminal can't do with less."""

WORDS = ("\x1b[31m", "\x1b]0;x\x07", "\n", "\r", "\u202e", "\u2066", "\x9b1m", "[red]", "😀", "́")


def check(data: bytes) -> None:
    """A row stays a row, nothing in it is for the terminal, and no name is lost."""
    choices = Choices(data)
    columns = Columns(choices.yes(), choices.yes(), choices.yes(), choices.yes())
    width = choices.number(160) + 1
    explained = choices.yes()
    scope = choices.text(15)
    snapshot = some_snapshot(choices)
    words = some_words(choices, snapshot)
    explain = explainer(snapshot, PortRange(32768, 32769))
    _check_plain(snapshot, columns, words)
    _check_explained(snapshot, columns, words, explain)
    with mock.patch.object(socket, "if_indextoname", return_value=scope):
        _check_rich(snapshot, columns, words, explain if explained else None, width)
    _check_messages(snapshot)


def _check_plain(snapshot: Snapshot, columns: Columns, words: Words) -> None:
    for show in Show:
        assert len(check_lines(inet_heading(show, columns))) == 2
        assert len(check_lines(unix_heading(show, columns))) == 2
    lines = check_lines(inet_rows(snapshot.records, columns, words))
    assert len(lines) == len(snapshot.records)
    lines = check_lines(unix_rows(snapshot.unix, columns))
    assert len(lines) == len(snapshot.unix)
    for line, row in zip(lines, snapshot.unix, strict=True):
        assert line.endswith(printable(unix_name(row.path)))


def _check_explained(snapshot: Snapshot, columns: Columns, words: Words, explain: Remarks) -> None:
    for rows, records in (
        (inet_rows(snapshot.records, columns, words), snapshot.records),
        (unix_rows(snapshot.unix, columns), snapshot.unix),
    ):
        remarks = [remark for record in records for remark in explain(record)]
        lines = check_lines(with_remarks(rows, records, explain))
        assert len(lines) == len(records) + len(remarks)
        for remark in remarks:
            check_line(remark.text)


def _check_rich(
    snapshot: Snapshot, columns: Columns, words: Words, explain: Remarks | None, width: int
) -> None:
    rows = all_rows(snapshot)
    remarks = [remark for row in rows if explain for remark in explain(row)]
    above_and_below = 2 * (3 + len(incompleteness(snapshot))) + 1
    text = _shown(snapshot, columns, words, explain, _WIDE)
    assert len(check_lines(text)) == above_and_below + len(rows) + len(remarks)
    lines = check_lines(_shown(snapshot, columns, words, explain, width))
    for line in lines:
        assert cell_len(line) <= max(width, _NARROWEST), (width, line)
    together = _without_spaces("".join(lines))
    for local in snapshot.unix:
        assert _without_spaces(printable(unix_name(local.path))) in together
    if columns.programs:
        for row in rows:
            for name in names_of(row):
                assert _without_spaces(printable(name)) in together
    coloured = _shown(snapshot, columns, words, explain, width, colour=True)
    assert check_lines(without_colours(coloured)) == lines


def _shown(
    snapshot: Snapshot,
    columns: Columns,
    words: Words,
    explain: Remarks | None,
    width: int,
    *,
    colour: bool = False,
) -> str:
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
        legacy_windows=False,
        _environ={},
    )
    query = Query(NETSTAT_ORDER, owners=columns.programs)
    view = SnapshotView(snapshot, query, columns, words, below=explain)
    console.print(view, soft_wrap=True, end="")
    return out.getvalue()


def _without_spaces(text: str) -> str:
    return text.replace(" ", "")


def _check_messages(snapshot: Snapshot) -> None:
    """The tables of error messages, and what is said of two snapshots."""
    rows = all_rows(snapshot)
    cells = [socket_cells(row) for row in rows]
    for cell in (cell for row in cells for cell in row):
        check_line(cell)
    assert len(check_lines(table(SOCKET_TITLES, cells) + "\n")) == 1 + len(rows)
    half = len(rows) // 2
    diff = compare(rows[:half], rows[half:])
    told = len(diff.opened) + len(diff.closed) + len(diff.changed)
    assert len(diff.opened) + len(diff.changed) <= len(rows) - half
    assert len(diff.closed) + len(diff.changed) <= half
    assert len(check_lines(f"{diff}\n")) == (1 + told if told else 1)
    same = compare(rows, rows)
    assert (same.opened, same.closed, same.changed) == ((), (), ())
