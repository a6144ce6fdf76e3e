"""JSON, JSON lines and CSV hold what the rows say, and nothing that acts."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynetstat.columns import COLUMNS, Context, Row
from pynetstat.records import Owner, Proto, TcpState, Timer
from pynetstat.render.data import (
    RowValues,
    csv_columns,
    csv_line,
    csv_rows,
    defused,
    iso_time,
    json_document,
    json_lines,
)
from pynetstat.snapshot import Gap, GapKind, Snapshot
from pynetstat.text import printable

from .rows import HOSTILE_TEXTS, tcp_row, unix_row
from .schema import validate

_FORMULA = re.compile(r"[=+\-@\t\r]")
_LONE_SURROGATE = re.compile(r"\\ud[89a-f]", re.IGNORECASE)
_PAIR = re.compile(r"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}", re.IGNORECASE)

_PATHS = [b"\0" + text.encode("utf-8", "surrogateescape") for text in HOSTILE_TEXTS] + [
    text.encode("utf-8", "surrogateescape") for text in HOSTILE_TEXTS
]


def _json_rows(*rows: Any) -> list[dict[str, Any]]:
    text = json_lines(rows, RowValues(Context(), None, info=False, explain=False))
    assert text.isascii()
    assert not _LONE_SURROGATE.search(_PAIR.sub("", text))
    found = [json.loads(line) for line in text.splitlines()]
    for row in found:
        validate(row)
    return found


def _undefused(cell: str) -> str:
    return cell[1:] if re.match(r"'+[=+\-@\t\r]", cell) else cell


def test_a_row_in_full() -> None:
    (row,) = _json_rows(
        tcp_row(
            state=TcpState.FIN_WAIT1,
            timer=Timer("on", 0.25, 2, 0),
            recv_q=None,
            cookie=2**64 - 1,
            owners=(Owner(4, 5, "nc"),),
        )
    )
    assert row == {
        "proto": "tcp",
        "local": {"ip": "127.0.0.1", "port": 8080},
        "remote": {"ip": "127.0.0.1", "port": 40001},
        "state": "FIN_WAIT1",
        "recv_q": None,
        "send_q": 0,
        "backlog": None,
        "timer": {"kind": "on", "expires_s": 0.25, "retransmits": 2, "probes": 0},
        "uid": 1000,
        "inode": 77,
        "cookie": 2**64 - 1,
        "ifindex": 0,
        "interface": "",
        "v6only": None,
        "owners": [{"pid": 4, "fd": 5, "name": "nc"}],
        "no_owner": None,
    }


@pytest.mark.parametrize("name", HOSTILE_TEXTS)
def test_names_survive_json(name: str) -> None:
    (row,) = _json_rows(tcp_row(owners=(Owner(1, 2, name),)))
    (owner,) = row["owners"]
    exact = bytes.fromhex(owner["name_hex"]) if "name_hex" in owner else owner["name"].encode()
    assert exact.decode("utf-8", "surrogateescape") == name


@pytest.mark.parametrize("path", _PATHS)
def test_paths_survive_json_and_csv(path: bytes) -> None:
    (row,) = _json_rows(unix_row(path))
    columns = csv_columns((Proto.UNIX,), owners=False, info=False, explain=False)
    text = csv_rows([unix_row(path)], columns, Context())
    (cells,) = csv.reader(io.StringIO(text))
    by_name = dict(zip((column.name for column in columns), cells, strict=True))
    assert not any(_FORMULA.match(cell) for cell in cells)
    for shown, digits in (
        (row["path"], row["path_hex"]),
        (_undefused(by_name["path"]), by_name["path_hex"]),
    ):
        exact = bytes.fromhex(digits) if digits else shown.encode()
        if not digits and row["abstract"]:
            exact = b"\0" + exact.removeprefix(b"@")
        assert exact == path


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_every_cell_is_harmless_and_can_be_had_back(texts: list[str]) -> None:
    shown = [printable(text) for text in texts]
    line = csv_line(shown)
    (cells,) = csv.reader(io.StringIO(line))
    assert not any(_FORMULA.match(cell) for cell in cells)
    assert [_undefused(cell) for cell in cells] == shown


def test_only_what_acts_is_defused() -> None:
    assert [defused(text) for text in ("=1", "'=1", "''", "'a", "a=1", "", "*", "127.0.0.1")] == [
        "'=1",
        "''=1",
        "''",
        "'a",
        "a=1",
        "",
        "*",
        "127.0.0.1",
    ]


def test_csv_tells_none_from_zero() -> None:
    columns = [COLUMNS[name] for name in ("recv_q", "send_q", "timer_s", "trusted", "owners")]
    rows: list[Row] = [tcp_row(recv_q=None), unix_row(b"", trusted=False)]
    assert csv_rows(rows, columns, Context()) == ",0,0.0,,\n,,,false,\n"


def test_numbers_that_json_lacks_are_refused_not_written() -> None:
    values = RowValues(Context(), None, info=False, explain=False)
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_lines([tcp_row(timer=Timer("on", math.nan, 0, 0))], values)


def test_a_document_says_what_is_missing() -> None:
    gaps = (
        Gap(GapKind.UNREAD, Proto.TCP, "procfs: \x1b[31m\udcff: No such file"),
        Gap(GapKind.OWNERS, None, "owners are incomplete"),
    )
    snapshot = Snapshot([tcp_row()], [], {Proto.UDP: "sockdiag"}, gaps, None, 0.5)
    values = RowValues(Context(), None, info=False, explain=False)
    for one_line in (False, True):
        text = "".join(json_document(snapshot, [tcp_row(), tcp_row()], values, one_line))
        assert text.count("\n") == (1 if one_line else 4)
        document = json.loads(text)
        assert document.get("type") == ("snapshot" if one_line else None)
        validate(document, "document")
        assert document["complete"] is False
        assert document["sources"] == {"udp": "sockdiag"}
        assert [gap["kind"] for gap in document["gaps"]] == ["unread", "owners"]
        assert document["gaps"][0]["table"] == "tcp"
        assert len(document["rows"]) == 2
        assert datetime.fromisoformat(document["taken_at"]).timestamp() == 0.5


def test_a_document_without_rows() -> None:
    snapshot = Snapshot([], [], {}, (), None, 0.0)
    document = json.loads(
        "".join(json_document(snapshot, [], RowValues(Context(), None, info=False, explain=False)))
    )
    assert document["rows"] == []


def test_times_have_their_offset() -> None:
    text = iso_time(1_000_000_000.25)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.250[+-]\d\d:\d\d", text)
    assert datetime.fromisoformat(text).astimezone(timezone.utc).hour == 1
