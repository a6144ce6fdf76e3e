"""JSON, JSON lines and CSV, for programs. Pure.

The shape of every document and line is in docs/schema/pynetstat.schema.json. Text is
escaped as for a terminal, so that no lone surrogate and no control character gets out;
null means "can't tell", or that the row can't have it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pynetstat.columns import COLUMNS, Column, Context, Row
from pynetstat.records import Proto, UnixRecord
from pynetstat.snapshot import Gap, Snapshot
from pynetstat.text import printable

FORMAT_VERSION = 1
"""Raised when a name or a meaning changes; not for a name that is added."""

_INET = [
    "proto",
    "local",
    "remote",
    "state",
    "recv_q",
    "send_q",
    "backlog",
    "timer",
    "uid",
    "inode",
    "cookie",
    "ifindex",
    "interface",
    "v6only",
    "owners",
    "no_owner",
]
_UNIX = [
    "proto",
    "type",
    "state",
    "path",
    "path_hex",
    "abstract",
    "recv_q",
    "send_q",
    "refcnt",
    "uid",
    "inode",
    "peer_inode",
    "cookie",
    "trusted",
    "owners",
    "no_owner",
]

_CSV_INET = [
    "proto",
    "local_ip",
    "local_port",
    "remote_ip",
    "remote_port",
    "state",
    "recv_q",
    "send_q",
    "backlog",
    "timer_kind",
    "timer_s",
    "retransmits",
    "probes",
    "uid",
    "inode",
    "cookie",
    "interface",
]
_CSV_UNIX = [
    "proto",
    "state",
    "recv_q",
    "send_q",
    "type",
    "path",
    "path_hex",
    "uid",
    "inode",
    "peer_inode",
    "refcnt",
    "trusted",
]
_CSV_OWNERS = ["owners", "no_owner"]
_REMARKS = ["explanation", "trouble"]
_CSV_INFO = [
    "congestion",
    "rtt",
    "min_rtt",
    "rto",
    "cwnd",
    "mss",
    "unacked",
    "bytes_sent",
    "bytes_acked",
    "bytes_received",
    "retrans",
]

_ACTIVE = frozenset("=+-@\t\r")
"""A spreadsheet takes a cell that begins so for a formula, or strips what hides one."""

_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


def iso_time(seconds: float) -> str:
    """ISO 8601 in local time with its offset."""
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="milliseconds")


class RowValues:
    """Turns rows into what JSON shows of them: the ``columns``, or by default all."""

    def __init__(
        self,
        context: Context,
        columns: Sequence[Column] | None,
        *,
        info: bool,
        explain: bool,
        netns: bool = False,
    ) -> None:
        self._context = context
        with_info = ["info"] if info else []
        place = ["netns"] if netns else []
        remarks = _REMARKS if explain else []
        self._inet = columns or [COLUMNS[name] for name in (*_INET, *place, *with_info, *remarks)]
        self._unix = columns or [COLUMNS[name] for name in (*_UNIX, *place, *remarks)]

    def of(self, row: Row) -> dict[str, Any]:
        """The row's values by column."""
        columns = self._unix if isinstance(row, UnixRecord) else self._inet
        context = self._context
        return {column.name: column.value(row, context) for column in columns}


def json_lines(rows: Iterable[Row], values: RowValues) -> str:
    """A line of JSON for each row."""
    return "".join(f"{_encode(values.of(row))}\n" for row in rows)


def json_document(
    snapshot: Snapshot, rows: Iterable[Row], values: RowValues, one_line: bool = False
) -> Iterator[str]:
    """One JSON document, in parts: what was read, from where, what is missing, the rows."""
    found = head(snapshot.taken_at, snapshot.sources, snapshot.complete, snapshot.gaps)
    # Beside it may stand lines of another type.
    yield _encode({"type": "snapshot", **found} if one_line else found)[:-1]
    yield ',"rows":['
    gap = "" if one_line else "\n"
    separator = gap
    for row in rows:
        yield f"{separator}{_encode(values.of(row))}"
        separator = f",{gap}"
    yield f"{gap}]}}\n"


def json_groups(
    snapshot: Snapshot, grouping: str, groups: Iterable[Mapping[str, Any]]
) -> Iterator[str]:
    """One JSON document with counts instead of rows."""
    found = head(snapshot.taken_at, snapshot.sources, snapshot.complete, snapshot.gaps)
    yield _encode({**found, "group_by": grouping, "groups": [*groups]}) + "\n"


def json_value(value: Mapping[str, Any]) -> str:
    """Any one object on a line."""
    return _encode(value) + "\n"


def head(
    taken_at: float, sources: Mapping[Proto, str], complete: bool, gaps: Iterable[Gap]
) -> dict[str, Any]:
    """What stands before the rows of a document."""
    return {
        "format": FORMAT_VERSION,
        "taken_at": iso_time(taken_at),
        "sources": {proto.value: name for proto, name in sources.items()},
        "complete": complete,
        "gaps": [
            {
                "kind": gap.kind.name.lower(),
                "table": gap.proto.value if gap.proto else None,
                "reason": printable(gap.reason),
            }
            for gap in gaps
        ],
    }


def csv_columns(
    protos: Sequence[Proto], *, owners: bool, info: bool, explain: bool, netns: bool = False
) -> tuple[Column, ...]:
    """The columns of CSV where none were chosen: flat, and enough for the tables asked for."""
    names: list[str] = []
    if protos != (Proto.UNIX,):
        names += _CSV_INET
    if Proto.UNIX in protos:
        names += _CSV_UNIX
    names += ["netns"] if netns else []
    names += _CSV_OWNERS if owners else []
    names += _CSV_INFO if info else []
    names += _REMARKS if explain else []
    return tuple(COLUMNS[name] for name in dict.fromkeys(names))


def csv_line(cells: Iterable[Any]) -> str:
    """One line of CSV; None is an empty cell, text that acts in a spreadsheet is defused."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(
        [defused(cell) if isinstance(cell, str) else cell for cell in cells]
    )
    return text.getvalue()


def csv_rows(rows: Iterable[Row], columns: Sequence[Column], context: Context) -> str:
    """A line of CSV for each row."""
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n").writerow
    for row in rows:
        write([_csv_cell(row, column, context) for column in columns])
    return text.getvalue()


def _csv_cell(row: Row, column: Column, context: Context) -> Any:
    value = column.value(row, context)
    if isinstance(value, list | dict) and column.text is not None:
        value = column.text(row, context)
    if isinstance(value, bool):
        return str(value).lower()
    return defused(value) if isinstance(value, str) else value


def defused(text: str) -> str:
    """``text`` with an apostrophe before it if it begins with what a spreadsheet acts on.

    Also if it does so behind apostrophes, so that the first one can always be taken off again.
    """
    return f"'{text}" if text.lstrip("'")[:1] in _ACTIVE else text
