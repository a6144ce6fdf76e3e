"""The format of recordings: all of it comes back, and nothing that is forged comes through."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynetstat.errors import RecordingError
from pynetstat.history import recording
from pynetstat.history.recording import (
    INET_FIELDS,
    UNIX_FIELDS,
    VERSION,
    Decoder,
    Encoder,
    Header,
    decode_header,
    encode_header,
)
from pynetstat.history.transition import Event
from pynetstat.records import (
    TIMER_OFF,
    Addr,
    Owner,
    Proto,
    SocketRecord,
    TcpState,
    UnixRecord,
    UnixState,
)
from pynetstat.render.data import iso_time
from pynetstat.snapshot import Snapshot

from .any_item import EVENTS, INET, LOSSES, UNIX, snapshots

HEADER = Header(1700000000.25, "pynetstat 0.1.0", 1.0, "destroy", 1000)
ROW = SocketRecord(
    Proto.TCP,
    Addr("127.0.0.1", 40000),
    Addr("127.0.0.1", 8080),
    TcpState.ESTABLISHED,
    0,
    0,
    None,
    TIMER_OFF,
    1000,
    5,
    7,
    0,
    (Owner(4711, 3, "curl"),),
)
EVENT = Event(
    1.5, Proto.TCP, ROW.laddr, ROW.raddr, 7, TcpState.ESTABLISHED, TcpState.FIN_WAIT1, 0.25
)


def snapshot_of(*rows: SocketRecord, at: float = 1.0) -> Snapshot:
    return Snapshot(list(rows), [], {Proto.TCP: "sockdiag"}, (), None, at)


def exactly(item: Any) -> Any:
    """The item so that 0, 0.0, False and None differ."""
    if isinstance(item, (list, tuple)):
        return type(item).__name__, [exactly(each) for each in item]
    if isinstance(item, dict):
        return [(key, exactly(value)) for key, value in item.items()]
    return type(item).__name__, item


def as_portable_json(line: str) -> Any:
    """The line as a strict reader has it: one line, ASCII, no lone surrogate, no NaN."""
    assert line.endswith("\n")
    assert line.isascii()
    assert "\n" not in line[:-1]

    def refuse(word: str) -> None:
        raise AssertionError(word)

    values = json.loads(line, parse_constant=refuse)
    json.dumps(values, ensure_ascii=False).encode()
    return values


def test_every_field_of_a_row_has_its_place() -> None:
    """TCP's own figures are not recorded, and all rows are of one network namespace."""
    assert {*SocketRecord._fields} == {*INET_FIELDS, "info", "netns"}
    assert {*UnixRecord._fields} == {*UNIX_FIELDS, "netns"}


def test_a_header_comes_back() -> None:
    line = encode_header(HEADER)
    assert as_portable_json(line)["version"] == VERSION
    assert decode_header(line)[0] == HEADER


@given(EVENTS)
def test_an_event_comes_back(event: Event) -> None:
    line = Encoder().event(event)
    as_portable_json(line)
    assert exactly(Decoder().item(line)) == exactly(event)


@given(LOSSES)
def test_a_loss_comes_back(loss: Any) -> None:
    line = Encoder().loss(loss)
    as_portable_json(line)
    assert exactly(Decoder().item(line)) == exactly(loss)


_POOL = st.shared(st.tuples(st.lists(INET, max_size=5), st.lists(UNIX, max_size=3)), key="pool")


@st.composite
def histories(draw: Any) -> list[Snapshot]:
    """Snapshots of the same few sockets: kept, changed, gone, new, in another order."""
    inet, unix = draw(_POOL)
    sockets = [row._replace(cookie=number) for number, row in enumerate(inet)]
    rows = st.sampled_from(sockets) if sockets else INET
    changed = rows.flatmap(lambda row: INET.map(lambda other: other._replace(cookie=row.cookie)))
    names = st.sampled_from(unix) if unix else UNIX
    return draw(st.lists(snapshots(st.one_of(rows, changed, INET), names), max_size=5))  # type: ignore[no-any-return]


@given(histories(), st.integers(1, 4))
def test_snapshots_come_back_in_their_order(history: list[Snapshot], full_every: int) -> None:
    encoder, decoder = Encoder(full_every), Decoder()
    for snapshot in history:
        line = encoder.snapshot(snapshot)
        as_portable_json(line)
        assert exactly(decoder.item(line)) == exactly(snapshot)


def test_what_did_not_change_costs_nothing() -> None:
    encoder, decoder = Encoder(), Decoder()
    rows = [ROW._replace(cookie=number, inode=number) for number in range(1000)]
    first = encoder.snapshot(snapshot_of(*rows))
    rows[500] = rows[500]._replace(recv_q=9)
    del rows[10]
    second = encoder.snapshot(snapshot_of(*rows))
    assert len(first) > 100_000
    assert json.loads(second)["inet"] == [[0, 10], [11, 489], {"row": 500, "recv_q": 9}, [501, 499]]
    decoder.item(first)
    assert decoder.item(second) == snapshot_of(*rows)


def test_a_snapshot_stands_alone_now_and_then() -> None:
    encoder = Encoder(full_every=3)
    full = [json.loads(encoder.snapshot(snapshot_of(ROW)))["full"] for _ in range(7)]
    assert full == [True, False, False, True, False, False, True]


def test_without_the_one_before_a_snapshot_is_passed_over() -> None:
    encoder, decoder = Encoder(full_every=3), Decoder()
    lines = [encoder.snapshot(snapshot_of(ROW, at=at)) for at in range(5)]
    decoder.item(lines[0])
    decoder.skip()
    assert decoder.item(lines[2]) is None
    assert decoder.item(lines[3]) == snapshot_of(ROW, at=3)
    assert decoder.item(lines[4]) == snapshot_of(ROW, at=4)


def test_a_name_that_is_no_unicode_is_written_as_bytes() -> None:
    row = ROW._replace(owners=(Owner(1, 2, "\udcffx"),))
    values = json.loads(Encoder().snapshot(snapshot_of(row)))
    assert values["inet"][0][INET_FIELDS.index("owners")] == [[1, 2, {"hex": "ff78"}]]


def test_a_path_is_text_where_it_can_be() -> None:
    rows = [UnixRecord("STREAM", UnixState.LISTENING, path) for path in (b"\0x", b"/r\xff")]
    line = Encoder().snapshot(Snapshot([], rows, {}, (), None, 1.0))
    assert [row[2] for row in json.loads(line)["unix"]] == ["\0x", {"hex": "2f72ff"}]


def test_fields_and_lines_of_later_versions_are_passed_over() -> None:
    values = json.loads(encode_header(HEADER))
    values["weather"] = "fine"
    values["inet_fields"].insert(1, "colour")
    header, decoder = decode_header(json.dumps(values))
    assert header == HEADER
    line = json.loads(Encoder().snapshot(snapshot_of(ROW)))
    line["inet"][0].insert(1, "red")
    line["moon"] = {"full": False}
    assert decoder.item(json.dumps(line)) == snapshot_of(ROW)
    change = {"type": "snapshot", "at": 2, "full": False, "inet": [{"row": 0, "colour": "blue"}]}
    changed = decoder.item(json.dumps(change))
    assert isinstance(changed, Snapshot)
    assert changed.records == [ROW]
    assert decoder.item('{"type": "note", "text": "look here"}') is None
    event = {**json.loads(Encoder().event(EVENT)), "rtt": 5}
    assert decoder.item(json.dumps(event)) == EVENT


def test_a_row_may_lack_what_no_row_needs() -> None:
    values = json.loads(encode_header(HEADER))
    values["inet_fields"] = ["proto", "laddr", "raddr", "state"]
    _, decoder = decode_header(json.dumps(values))
    line = {"type": "snapshot", "at": 1, "full": True}
    line["inet"] = [["tcp", ["127.0.0.1", 1], ["127.0.0.1", 2], "LISTEN"]]
    item = decoder.item(json.dumps(line))
    assert isinstance(item, Snapshot)
    assert item.records == [
        SocketRecord(Proto.TCP, Addr("127.0.0.1", 1), Addr("127.0.0.1", 2), TcpState.LISTEN)
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "no recording"),
        ("tcp 0 0 127.0.0.1:80", "no recording"),
        ("[]", "no recording"),
        ("{}", "no recording"),
        ('{"pynetstat": "recording"}', "does not say which version"),
        ('{"pynetstat": "recording", "version": true}', "does not say which version"),
        ('{"pynetstat": "recording", "version": 2}', "version 2; .* up to 1"),
        ('{"pynetstat": "recording", "version": 1}', "no text"),
        ('{"pynetstat": "recording", "version": 1, "started": "noon"}', "date"),
    ],
)
def test_what_is_no_recording_is_refused(line: str, why: str) -> None:
    with pytest.raises(RecordingError, match=why):
        decode_header(line)


def test_rows_without_addresses_are_refused() -> None:
    values = json.loads(encode_header(HEADER))
    values["inet_fields"] = ["proto", "state"]
    with pytest.raises(RecordingError, match="lack"):
        decode_header(json.dumps(values))


def _forged_row(**changes: Any) -> str:
    line = json.loads(Encoder().snapshot(snapshot_of(ROW)))
    for name, value in changes.items():
        line["inet"][0][INET_FIELDS.index(name)] = value
    return json.dumps(line)


FORGED = {
    "an escape for an address": _forged_row(laddr=["\x1b[31m", 1]),
    "a host for an address": _forged_row(laddr=["localhost", 1]),
    "an escape for a scope": _forged_row(laddr=["fe80::1%\x1b[31m", 1]),
    "a port too high": _forged_row(laddr=["127.0.0.1", 65536]),
    "a port below 0": _forged_row(laddr=["127.0.0.1", -1]),
    "a port that is true": _forged_row(laddr=["127.0.0.1", True]),
    "an address of three": _forged_row(laddr=["127.0.0.1", 1, 1]),
    "an unknown protocol": _forged_row(proto="quic"),
    "an unknown state": _forged_row(state="\x1b[31m"),
    "a list for a state": _forged_row(state=[]),
    "no state": _forged_row(state=None),
    "an unknown timer": _forged_row(timer=["\x1b", 1.0, 0, 0]),
    "a timer with another script's digit": _forged_row(timer=["unkn-\u0663", 1.0, 0, 0]),
    "a time without an end": _forged_row(timer=["on", "1e999", 0, 0]).replace('"1e999"', "1e999"),
    "a queue below 0": _forged_row(recv_q=-1),
    "a queue of text": _forged_row(recv_q="1"),
    "a queue of a half": _forged_row(recv_q=0.5),
    "an inode beyond 64 bits": _forged_row(inode=2**64),
    "a number of 5,000 digits": _forged_row(inode="N").replace('"N"', "9" * 5000),
    "an interface beyond 32 bits": _forged_row(ifindex=2**32 + 1),
    "the last of 64 bits for an interface": _forged_row(ifindex=2**64 - 1),
    "a time span of 401 digits": _forged_row(timer=["on", 10**400, 0, 0]),
    "a time of 401 digits": json.dumps({"type": "loss", "at": 10**400, "why": ""}),
    "an owner of two": _forged_row(owners=[[1, 2]]),
    "half a surrogate": _forged_row(owners=[[1, 2, "\ud800"]]),
    "bytes that are none": _forged_row(owners=[[1, 2, {"hex": "xy"}]]),
    "NaN": _forged_row(inode="N").replace('"N"', "NaN"),
    "Infinity": _forged_row(inode="N").replace('"N"', "-Infinity"),
    "a short row": '{"type": "snapshot", "at": 1, "full": true, "inet": [["tcp"]]}',
    "rows that are none": '{"type": "snapshot", "at": 1, "full": true, "inet": 7}',
    "a row that is none": '{"type": "snapshot", "at": 1, "full": true, "inet": [7]}',
    "an empty row": '{"type": "snapshot", "at": 1, "full": true, "inet": [[]]}',
    "a row from nowhere": '{"type": "snapshot", "at": 1, "full": true, "inet": [[0, 1]]}',
    "a change from nowhere": '{"type": "snapshot", "at": 1, "full": true, "inet": [{"row": 0}]}',
    "a source with an escape": (
        '{"type": "snapshot", "at": 1, "full": true, "sources": {"tcp": "\\u001b"}}'
    ),
    "a snapshot without a time": '{"type": "snapshot", "full": true}',
    "a time beyond dates": '{"type": "snapshot", "at": 1e12, "full": true}',
    "a time beyond the dates east of Greenwich": (
        '{"type": "snapshot", "at": 253402300799, "full": true}'
    ),
    "neither full nor not": '{"type": "snapshot", "at": 1}',
    "an event of nothing": '{"type": "event"}',
    "a loss of nothing": '{"type": "loss"}',
    "a line of no kind": "{}",
    "no object": "[1]",
    "no JSON": '{"type": "event", "at"',
    "zeros": "\0\0\0\0",
    "a deep hole": "[" * 100_000,
}


@pytest.mark.parametrize("name", FORGED)
def test_what_no_source_would_say_is_refused(name: str) -> None:
    with pytest.raises(RecordingError) as caught:
        Decoder().item(FORGED[name])
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 80


def test_the_latest_time_is_a_date_in_every_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC-14")
    time.tzset()
    try:
        assert iso_time(recording._LATEST).startswith("9999-12-")
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_line_can_name_each_row_before_it_once() -> None:
    """Else each line could double the rows, and few lines would fill the memory."""
    decoder = Decoder()
    decoder.item(Encoder().snapshot(snapshot_of(ROW, ROW._replace(cookie=8))))
    twice = [[[0, 2], [0, 2]], [[0, 2], {"row": 1}], [{"row": 1}, {"row": 1}], [[1, 1], [0, 1]]]
    nowhere = [[[1, -1]], [[0, 3]], [[0, 1, 1]], [[-1, 1]], [{"row": -1}], [{"row": 2}]]
    for rows in twice + nowhere:
        line = {"type": "snapshot", "at": 1, "full": False, "inet": rows}
        with pytest.raises(RecordingError):
            decoder.item(json.dumps(line))
        decoder.item(Encoder().snapshot(snapshot_of(ROW, ROW._replace(cookie=8))))


def test_a_snapshot_too_large_for_a_line_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "LONGEST_LINE", 100)
    with pytest.raises(RecordingError, match="1 sockets"):
        Encoder().snapshot(snapshot_of(ROW))
