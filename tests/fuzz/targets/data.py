"""JSON, JSON lines, CSV, counts and chosen columns of rows that come from outside."""

from __future__ import annotations

import csv
import io
import json
import re
import socket
from collections.abc import Iterator, Sequence
from typing import Any
from unittest import mock

from jsonschema import ValidationError

from pynetstat import columns
from pynetstat.columns import COLUMNS, Column, Context, Row, SortKey, sort_rows
from pynetstat.explain.ports import PortRange
from pynetstat.explain.remarks import explainer
from pynetstat.groups import GROUPINGS, count_groups
from pynetstat.records import Proto, UnixRecord
from pynetstat.render import data as formats
from pynetstat.render.info import info_text
from pynetstat.render.listing import aligned
from pynetstat.snapshot import Snapshot
from pynetstat.text import printable
from pynetstat.words import Words
from tests.fuzz.choices import Choices
from tests.fuzz.figures import some_figures
from tests.fuzz.harmless import check_line, check_lines
from tests.fuzz.rows import all_rows, some_snapshot, some_words
from tests.schema import validate

_LONGEST = 40
_ACTIVE = re.compile(r"'*[=+\-@\t\r]")
_PORTS = PortRange(32768, 32769)

SHARE = 0.5
WORDS = (
    "=1+1",
    "'=1",
    "-1",
    "@x",
    '",\n"',
    "\x1b[31m",
    "\u2028",
    "\x85",
    "\ud7ff",
    "cubic",
    "\x1b",
)


def check(data: bytes) -> None:
    """Every format says what the rows say, and nothing that acts."""
    choices = Choices(data)
    info = some_figures(choices)
    scope = choices.text(15)
    words_of_programs = tuple(choices.text(_LONGEST) for _ in range(choices.number(3)))
    key = choices.one_of(list(COLUMNS.values()))
    descending = choices.yes()
    place = printable(choices.text(_LONGEST)) if choices.yes() else None
    snapshot = some_snapshot(choices)
    records = [
        record._replace(info=info if record.proto.base == "tcp" else None, netns=place)
        for record in snapshot.records
    ]
    snapshot = snapshot._replace(
        records=records, unix=[record._replace(netns=place) for record in snapshot.unix]
    )
    words = some_words(choices, snapshot)
    with (
        mock.patch.object(socket, "if_indextoname", return_value=scope),
        mock.patch.object(columns, "command_line", return_value=words_of_programs),
    ):
        check_formats(snapshot, words, SortKey(key, descending))


def check_formats(snapshot: Snapshot, words: Words, key: SortKey) -> None:
    """All of the formats of one snapshot."""
    context = Context(words, 1000, taken_at=formats.iso_time(snapshot.taken_at))
    context.coverage = snapshot.coverage
    context.explain = explainer(snapshot, _PORTS)
    rows: list[Row] = [*all_rows(snapshot)]
    _check_json(snapshot, rows, context)
    _check_csv(rows, context)
    _check_cells(rows, context)
    _check_counts(snapshot, rows, context)
    ordered = sort_rows(rows, [key], context)
    assert sorted(map(id, ordered)) == sorted(map(id, rows))


def _check_json(snapshot: Snapshot, rows: list[Row], context: Context) -> None:
    values = formats.RowValues(context, None, info=True, explain=True, netns=True)
    lines = _lines_of_ascii(formats.json_lines(rows, values))
    found = [_parsed(line) for line in lines]
    for row, value in zip(rows, found, strict=True):
        _check_value(row, value)
    document = "".join(formats.json_document(snapshot, rows, values))
    assert len(_lines_of_ascii(document)) == len(rows) + 2
    whole = _parsed(document)
    assert whole["rows"] == found
    in_stream = "".join(formats.json_document(snapshot, rows, values, one_line=True))
    assert _parsed(in_stream) == {"type": "snapshot", **whole}
    assert whole["complete"] == snapshot.complete
    assert len(whole["gaps"]) == len(snapshot.gaps)
    _check_schema(whole, "document")
    chosen = formats.RowValues(context, [*COLUMNS.values()], info=False, explain=False)
    for line in _lines_of_ascii(formats.json_lines(rows, chosen)):
        _parsed(line)


def _check_schema(value: Any, part: str) -> None:
    """As the schema describes it; says what is not, without repeating the schema."""
    try:
        validate(value, part)
    except ValidationError as error:
        told = [
            error.message,
            *(f"{each.json_path}: {each.message}" for each in error.context or ()),
        ]
        raise AssertionError(ascii(told)[:1000]) from None


def _check_value(row: Row, value: dict[str, Any]) -> None:
    """The row can be had back from its values, hostile names and paths to the byte."""
    assert value["proto"] == row.proto.value
    assert (value["uid"], value["inode"], value["cookie"]) == (row.uid, row.inode, row.cookie)
    assert (value["recv_q"], value["send_q"]) == (row.recv_q, row.send_q)
    owners = value["owners"]
    assert (owners is None) is (row.owners is None)
    for owner, shown in zip(row.owners or (), owners or (), strict=True):
        raw = bytes.fromhex(shown["name_hex"]) if "name_hex" in shown else shown["name"].encode()
        assert raw == owner.name.encode("utf-8", "surrogateescape")
        assert shown["pid"] == owner.pid
    if isinstance(row, UnixRecord):
        exact = value["path_hex"]
        path = bytes.fromhex(exact) if exact is not None else value["path"].encode()
        if exact is None and value["abstract"]:
            path = b"\0" + path.removeprefix(b"@")
        assert path == row.path
        return
    assert value["local"] == {"ip": row.laddr.ip, "port": row.laddr.port}
    assert value["remote"] == {"ip": row.raddr.ip, "port": row.raddr.port}
    assert (value["info"] is None) is (row.info is None)
    for name, told in (value["info"] or {}).items():
        there = getattr(row.info, name)
        assert (told is None) is (there is None)
        if isinstance(there, int):
            assert told == there


def _parsed(text: str) -> Any:
    """The value; no NaN, and no text in it that a terminal or another reader would trip over."""
    value = json.loads(text, parse_constant=_refuse)
    for each in _texts(value):
        check_line(each)
    return value


def _refuse(word: str) -> None:
    raise AssertionError(word)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _lines_of_ascii(text: str) -> list[str]:
    assert text.isascii(), ascii(text)
    return check_lines(text)


def _check_csv(rows: list[Row], context: Context) -> None:
    usual = formats.csv_columns(tuple(Proto), owners=True, info=True, explain=True, netns=True)
    for chosen in (usual, tuple(COLUMNS.values())):
        text = formats.csv_rows(rows, chosen, context)
        assert len(check_lines(text)) == len(rows)
        found = [*csv.reader(io.StringIO(text), strict=True)]
        for row, cells in zip(rows, found, strict=True):
            for column, cell in zip(chosen, cells, strict=True):
                _check_csv_cell(cell, row, column, context)


def _check_csv_cell(cell: str, row: Row, column: Column, context: Context) -> None:
    value = column.value(row, context)
    if value is None:
        assert cell == ""
    elif isinstance(value, bool):
        assert cell == str(value).lower()
    elif isinstance(value, int | float):
        assert type(value)(cell) == value
    else:
        if isinstance(value, list | dict):
            assert column.text is not None
            value = column.text(row, context) or ""
        assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r")
        assert (cell[1:] if _ACTIVE.match(cell) else cell) == value


def _check_cells(rows: list[Row], context: Context) -> None:
    """A row of a table is a line, with all of its cells in it."""
    assert context.explain is not None
    chosen = [*COLUMNS.values()]
    cells = [[column.cell(row, context) for column in chosen] for row in rows]
    below = [context.explain(row) for row in rows]
    right = [column.right for column in chosen]
    titles = [column.title for column in chosen]
    lines = check_lines("".join(aligned(titles, right, cells, below)))
    assert len(lines) == 1 + len(rows) + sum(map(len, below))
    alone = "".join(aligned(None, right, cells)).split("\n")
    for line, texts in zip(alone, cells, strict=False):
        at = 0
        for text in texts:
            shown = text.rstrip(" ")  # the line may end in this cell
            at = line.index(shown, at) + len(shown) if shown else at
    for row in rows:
        info = getattr(row, "info", None)
        if info is not None:
            check_line(info_text(info))


def _check_counts(snapshot: Snapshot, rows: list[Row], context: Context) -> None:
    for name, grouping in GROUPINGS.items():
        groups = count_groups(rows, grouping, context)
        assert len({group.key for group in groups}) == len(groups)
        assert sum(group.sockets for group in groups) >= len(rows)
        cells = [grouping.cells(group.key, context) for group in groups]
        for cell in (cell for row in cells for cell in row):
            check_line(cell)
        counted = [
            {"count": group.sockets, **dict(zip(grouping.fields, group.key, strict=True))}
            for group in groups
        ]
        whole = _parsed("".join(formats.json_groups(snapshot, name, counted)))
        assert whole["groups"] == counted
        if name == "process":  # the one with names; holding a value to the schema takes its time
            _check_schema(whole, "group_document")
        _check_csv_groups(counted)


def _check_csv_groups(counted: Sequence[dict[str, Any]]) -> None:
    lines = [formats.csv_line(each.values()) for each in counted]
    assert len(check_lines("".join(lines))) == len(counted)
