"""Every format from real sockets: held to the schema, to each other, and harmless."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pynetstat.columns import COLUMNS
from pynetstat.text import printable
from tests.schema import validate

from .namespace import Namespace
from .process_names import listener_held_by
from .unix_names import FORGED, hostile_names

_EVERY_TABLE = "-tuUwSMxan"
_EVERY_COLUMN = ",".join(dict.fromkeys(column.name for column in COLUMNS.values()))


def _output(namespace: Namespace, *arguments: str, code: int = 0) -> str:
    done = namespace.pynetstat(*arguments)
    assert done.code == code, done.complaint
    assert not {char for char in done.text.replace("\n", "") if _acts(char)}
    return done.text


def _acts(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn")


def _lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def _without_time(rows: list[dict[str, Any]]) -> list[str]:
    """In one order, and without what changes while nothing happens."""
    changing = ("timer", "info", "explanation", "trouble")
    return sorted(
        json.dumps({name: value for name, value in row.items() if name not in changing})
        for row in rows
    )


@pytest.mark.parametrize("source", ["auto", "procfs", "psutil"])
@pytest.mark.parametrize(
    "flags", [("-tuan",), ("-tuanp",), ("-tuani",), ("-xtanp",), ("-tln",), ("-xtan", "--explain")]
)
def test_documents_and_lines_keep_to_the_schema(
    states: Namespace, flags: tuple[str, ...], source: str
) -> None:
    arguments = (*flags, "--source", source)
    document = json.loads(_output(states, *arguments, "--format", "json"))
    validate(document, "document")
    doubted = "-x" in flags[0] and source != "auto"
    assert document["complete"] is not doubted
    assert document["rows"]
    for row in document["rows"]:
        validate(row, "unix_row" if row["proto"] == "unix" else "inet_row")
        assert bool(row.get("explanation")) is ("--explain" in flags)
    lines = _lines(_output(states, *arguments, "--format", "jsonl"))
    assert _without_time(lines) == _without_time(document["rows"])


def test_every_table_of_this_kernel(states: Namespace) -> None:
    done = states.pynetstat(_EVERY_TABLE, "--format", "json")
    validate(json.loads(done.text), "document")


def test_chosen_columns_are_the_same_in_every_format(states: Namespace) -> None:
    columns = "proto,state,local-ip,local-port,remote-port,backlog,inode,cookie"
    arguments = ("-tan", "--columns", columns, "--sort", "state,-cookie")
    names = columns.replace("-", "_").split(",")
    document = json.loads(_output(states, *arguments, "--format", "json"))
    lines = _lines(_output(states, *arguments, "--format", "jsonl"))
    header, *cells = csv.reader(io.StringIO(_output(states, *arguments, "--format", "csv")))
    titles, *plain = _output(states, *arguments, "--format", "plain").splitlines()
    assert document["rows"] == lines
    assert header == names
    assert titles.split()[:3] == ["Proto", "State", "Local"]
    as_text = [["" if row[name] is None else str(row[name]) for name in names] for row in lines]
    assert cells == as_text
    assert [line.split() for line in plain] == [[cell or "-" for cell in row] for row in as_text]
    keys = [(row["state"], -row["cookie"]) for row in lines]
    assert keys == sorted(keys)
    assert len({row["state"] for row in lines}) >= 10


@pytest.mark.parametrize("output", ["plain", "rich", "csv", "json", "jsonl"])
def test_every_format_says_when_it_was(states: Namespace, output: str) -> None:
    text = _output(states, "-tan", "--columns", "time,state", "--format", output)
    times = re.findall(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", text)
    assert len(times) >= 20


@pytest.mark.parametrize("output", ["plain", "rich", "csv", "json", "jsonl"])
def test_every_column_at_once(states: Namespace, output: str) -> None:
    text = _output(states, "-tuxan", "--columns", _EVERY_COLUMN, "--format", output)
    assert len(text.splitlines()) > 30
    if output.startswith("json"):
        rows = json.loads(text)["rows"] if output == "json" else _lines(text)
        for row in rows:
            validate(row, "chosen_row")
        by_state = {row["state"]: row for row in rows if row["proto"] == "tcp"}
        assert by_state["ESTABLISHED"]["congestion"]
        assert by_state["TIME_WAIT"]["info"] is None
        mine = [row for row in rows if row["cmdline"]]
        assert any("tests.live.inside" in line for row in mine for line in row["cmdline"] if line)


def test_hostile_paths_round_trip(namespace: Namespace, tmp_path: Path) -> None:
    names = namespace.hold(hostile_names, str(tmp_path))
    document = json.loads(_output(namespace, "-xan", "--format", "json"))
    validate(document, "document")
    header, *cells = csv.reader(io.StringIO(_output(namespace, "-xan", "--format", "csv")))
    from_csv = [dict(zip(header, row, strict=True)) for row in cells]
    abstract = {row["inode"]: row["abstract"] for row in document["rows"]}
    found, found_csv = [], []
    for row in document["rows"]:
        found.append(_exact(row["path"], row["path_hex"], row["abstract"]))
    for row in from_csv:
        path = row["path"]
        path = path[1:] if path.startswith(("'@", "'=", "'+", "'-")) else path
        found_csv.append(_exact(path, row["path_hex"], abstract[int(row["inode"])]))
        assert not row["path"].startswith(("=", "+", "-", "@"))
    assert Counter(found) == Counter(found_csv) == Counter(names)
    assert FORGED not in [row["path"] for row in document["rows"]]


def _exact(path: str, digits: str | None, abstract: bool) -> bytes:
    if digits:
        return bytes.fromhex(digits)
    return b"\0" + path[1:].encode() if abstract else path.encode()


_NAMES = [
    "=cmd|'/C calc'!A0",
    "-rf",
    "\x1b[31mred",
    "two\nlines",
    "a,b",
    "\udcff\udce2",
    "(x) R 1 1",
]


@pytest.mark.parametrize("name", _NAMES)
def test_hostile_process_names_round_trip(namespace: Namespace, name: str) -> None:
    port = namespace.hold(listener_held_by, name.encode("utf-8", "surrogateescape"))
    arguments = ("-tlnp", "--format")
    (row,) = json.loads(_output(namespace, *arguments, "json"))["rows"]
    validate(row, "inet_row")
    assert row["local"]["port"] == port
    exact = {
        bytes.fromhex(owner["name_hex"]) if "name_hex" in owner else owner["name"].encode()
        for owner in row["owners"]
    }
    assert name.encode("utf-8", "surrogateescape") in exact
    header, cells = csv.reader(io.StringIO(_output(namespace, *arguments, "csv")))
    assert len(header) == len(cells)
    _, cells = csv.reader(
        io.StringIO(_output(namespace, *arguments, "csv", "--columns", "program,cmdline"))
    )
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
    assert printable(name) in cells[0]
    (group,) = (
        group
        for group in _lines(_output(namespace, *arguments, "jsonl", "--group-by", "process"))
        if group["program"] == printable(name)
    )
    validate(group, "group")


@pytest.mark.parametrize("by", ["state", "process", "remote", "port"])
def test_groups_count_every_row(states: Namespace, by: str) -> None:
    arguments = ("-tuan", "--group-by", by)
    rows = json.loads(_output(states, "-tuanp", "--format", "json"))["rows"]
    document = json.loads(_output(states, *arguments, "--format", "json"))
    validate(document, "group_document")
    groups = document["groups"]
    if by == "state":
        expected = Counter((row["proto"].removesuffix("6"), row["state"]) for row in rows)
        assert {(one["proto"], one["state"]): one["count"] for one in groups} == expected
    elif by == "remote":
        expected = Counter(row["remote"]["ip"] for row in rows)
        assert {one["remote_ip"]: one["count"] for one in groups} == expected
    elif by == "port":
        expected = Counter((row["proto"].removesuffix("6"), row["local"]["port"]) for row in rows)
        assert {(one["proto"], one["local_port"]): one["count"] for one in groups} == expected
    else:
        reasons = Counter(row["no_owner"] for row in rows if row["no_owner"])
        assert {one["no_owner"]: one["count"] for one in groups if one["pid"] is None} == reasons
        pids = Counter(pid for row in rows for pid in {o["pid"] for o in row["owners"]})
        assert {one["pid"]: one["count"] for one in groups if one["pid"]} == pids
    assert [one["count"] for one in groups] == sorted(
        (one["count"] for one in groups), reverse=True
    )
    assert _lines(_output(states, *arguments, "--format", "jsonl")) == groups
    header, *cells = csv.reader(io.StringIO(_output(states, *arguments, "--format", "csv")))
    assert header == list(groups[0])
    assert len(cells) == len(groups)
    plain = _output(states, *arguments, "--format", "plain").splitlines()
    rich = _output(states, *arguments, "--format", "rich").splitlines()
    assert len(plain) == len(groups) + 1
    assert len(rich) == len(groups) + 2


def test_figures_stand_below_their_rows(states: Namespace) -> None:
    plain = _output(states, "-tan", "--format", "plain").splitlines()
    lines = _output(states, "-tani", "--format", "plain").splitlines()
    rows = [line for line in lines if not line.startswith(" ")]
    assert [row[:80] for row in rows] == [row[:80] for row in plain]
    followed = {
        line.split()[5]: following
        for line, following in zip(lines[2:], [*lines[3:], ""], strict=True)
        if not line.startswith(" ")
    }
    assert ", rtt " in followed["ESTABLISHED"]
    assert not followed["TIME_WAIT"].startswith(" ")
    rich = _output(states, "-tani", "--format", "rich")
    assert "        cubic" in rich or ", rto " in rich


@pytest.mark.parametrize("output", ["plain", "rich", "csv"])
def test_without_a_header_there_are_rows_only(states: Namespace, output: str) -> None:
    full = _output(states, "-tlnx", "--format", output).splitlines()
    rows = _output(states, "-tlnxH", "--format", output).splitlines()
    assert rows
    assert len(rows) < len(full)
    if output != "rich":
        assert [row for row in full if row in rows] == rows


def test_repeats_are_documents_and_one_header(states: Namespace) -> None:
    lines = _lines(_repeated(states, "-tan", "--format", "jsonl", "--interval", "0.05"))
    assert len(lines) >= 2
    for line in lines:
        validate(line, "document")
    header, *cells = csv.reader(
        io.StringIO(_repeated(states, "-tan", "--format", "csv", "--interval", "0.05"))
    )
    assert header[0] == "time"
    assert len({row[0] for row in cells}) >= 2
    assert header not in cells


def _repeated(namespace: Namespace, *arguments: str) -> str:
    """What is printed until the third look has begun."""
    done = namespace.run(sys.executable, "-m", "tests.live.repeated", *arguments)
    assert done.code == 0, done.complaint
    return done.text


def test_pictures_and_pages(states: Namespace, tmp_path: Path) -> None:
    svg, html = tmp_path / "a.svg", tmp_path / "a.html"
    done = states.pynetstat("-tanp", "--svg", str(svg), "--html", str(html))
    assert (done.code, done.text) == (0, "")
    for path in (svg, html):
        text = path.read_text(encoding="utf-8")
        assert "TIME_WAIT" in text
        assert "CLOSE_WAIT" in text
        assert "@font-face" not in text
        assert "@import" not in text
        assert "<script" not in text
    assert sorted(os.listdir(tmp_path)) == ["a.html", "a.svg"]


def test_a_picture_that_cannot_be_written_is_a_failure(namespace: Namespace) -> None:
    done = namespace.pynetstat("-tan", "--svg", "/none/such/a.svg")
    assert (done.code, done.text) == (1, "")
    assert done.complaint == (
        "pynetstat: can't write /none/such/a.svg: No such file or directory\n"
    )


def test_quiet_answers_with_its_status(namespace: Namespace) -> None:
    done = namespace.pynetstat("-qtan")
    assert (done.code, done.out, done.err) == (1, b"", b"")
    namespace.hold(listener_held_by, b"sh")
    done = namespace.pynetstat("-qtln")
    assert (done.code, done.out, done.err) == (0, b"", b"")
    done = namespace.pynetstat("-qtan", "--proc-root", "/proc/self/fdinfo")
    assert (done.code, done.out) == (3, b"")
    assert done.complaint.startswith("pynetstat: tcp: procfs: there is no ")
    unsure = ("-tln", "--source", "procfs", "dev", "=", "lo")
    for flags in (("-q",), ("--wait", "0"), ("-q", "--wait", "0.05")):
        done = namespace.pynetstat(*flags, *unsure)
        assert (done.code, done.out) == (3, b"")
        assert "procfs can't tell the interface" in done.complaint


def test_waiting_ends_at_the_deadline(namespace: Namespace) -> None:
    done = namespace.pynetstat("-tln", "--wait", "0.05")
    assert (done.code, done.text) == (1, "")
    assert done.complaint == "pynetstat: no socket matched within 0.05 s\n"
