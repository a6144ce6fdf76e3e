"""Rows of /proc/net/unix."""

from __future__ import annotations

import pytest

from pynetstat.errors import ParseError
from pynetstat.records import UnixRecord, UnixState, UnixType
from pynetstat.sources import Notes
from pynetstat.sources.proc_unix import parse_line, parse_table

from .trees import read_unix_tree, table_text

_PREFIX = b"00000000ba8e65ca: 00000003 00000000 "


def _by_inode(case: str) -> dict[int | None, UnixRecord]:
    return {record.inode: record for record in read_unix_tree(case)[0]}


def test_names_are_exact_bytes() -> None:
    rows = _by_inode("unix-names")
    assert {inode: row.path for inode, row in rows.items() if inode in range(842657, 842670)} == {
        842657: b"\0abstract",
        842658: b"with space",
        842659: b"trailing  ",
        842660: b"\xff\xfe\x80raw",
        842661: b"\x1b[31mred",
        842662: b"a\xe2\x80\xaeb",
        842663: b"\0@x",
        842664: b"\0x",  # a file called @x: /proc can't tell it from an abstract name
        842665: b"\0nul@inside",
        842666: b"/run/ux/" + b"l" * 99,
        842667: b"",
        842668: b"",
        842669: b"\x007c4b7",
    }


def test_types_states_and_counts() -> None:
    rows = _by_inode("unix-names")
    assert [(rows[i].type, rows[i].state, rows[i].refcnt) for i in (842657, 842658, 842659)] == [
        (UnixType.STREAM, UnixState.LISTENING, 2),
        (UnixType.DGRAM, UnixState.UNCONNECTED, 2),
        (UnixType.SEQPACKET, UnixState.LISTENING, 2),
    ]
    assert rows[842667].state is UnixState.CONNECTED


def test_what_proc_does_not_tell_is_none() -> None:
    for row in read_unix_tree("unix-names")[0]:
        told = (row.peer_inode, row.recv_q, row.send_q, row.uid, row.cookie, row.owners)
        assert told == (None,) * 6


def test_sockets_that_wait_for_accept_all_stay() -> None:
    records, notes = read_unix_tree("unix-names")
    waiting = [record for record in records if record.state is UnixState.CONNECTING]
    assert [(row.inode, row.path) for row in waiting] == [(0, b"\0waiting"), (0, b"\0waiting")]
    assert (len(records), notes.bad_rows) == (18, 0)


def test_what_stands_below_a_name_is_not_trusted() -> None:
    records, notes = read_unix_tree("unix-forged")
    (forged,) = (record for record in records if record.path == b"/run/forged")
    assert not forged.trusted
    assert records[0].trusted
    assert not any(record.trusted for record in records[1:])
    assert notes.remarks == ["names in /proc/net/unix can forge rows"]


def test_a_table_without_names_is_trusted() -> None:
    text = b"".join(_PREFIX + b"00000000 0001 03 %d\n" % inode for inode in (5, 6))
    records = list(parse_table(text, Notes()))
    assert [(record.inode, record.trusted) for record in records] == [(5, True), (6, True)]


def test_rows_below_a_broken_row_are_not_trusted() -> None:
    records, notes = read_unix_tree("broken-rows")
    assert [(row.inode, row.trusted) for row in records] == [(842667, True), (842672, False)]
    assert notes.bad_rows == 3


def test_a_row_given_twice_is_shown_once_but_not_those_without_inode() -> None:
    records, _ = read_unix_tree("unix-repeated")
    assert [record.inode for record in records] == [842682, 0, 0]


def test_a_forged_row_does_not_hide_the_row_whose_inode_it_claims() -> None:
    records, _ = read_unix_tree("unix-forged-inode")
    assert b"/run/real" in [record.path for record in records]


@pytest.mark.parametrize(
    ("line", "path"),
    [
        (b"00010000 0001 01 5 /a\tb\x00\rc", b"/a\tb\x00\rc"),
        (b"00010000 0001 01 4294967295  leading", b" leading"),
        (b"00010000 0001 01     5 @", b"\0"),
        (b"00010000 0001 01     5 ", b""),
    ],
)
def test_everything_behind_the_inode_is_the_name(line: bytes, path: bytes) -> None:
    assert parse_line(_PREFIX + line).path == path


@pytest.mark.parametrize(
    ("code", "flags", "state"),
    [
        (b"01", b"00000000", UnixState.UNCONNECTED),
        (b"01", b"00010000", UnixState.LISTENING),
        (b"02", b"00000000", UnixState.CONNECTING),
        (b"03", b"00000000", UnixState.CONNECTED),
        (b"04", b"00000000", UnixState.DISCONNECTING),
    ],
)
def test_states(code: bytes, flags: bytes, state: UnixState) -> None:
    assert parse_line(_PREFIX + flags + b" 0002 " + code + b" 7").state is state


def test_an_unknown_type_is_no_reason_to_lose_the_row() -> None:
    assert parse_line(_PREFIX + b"00000000 000A 01 7").type == "UNKNOWN"


@pytest.mark.parametrize("line", [b"", b"\0", b"x", _PREFIX, _PREFIX + b"00000000 0001 00 7"])
def test_what_the_kernel_would_not_write_is_refused(line: bytes) -> None:
    with pytest.raises(ParseError):
        parse_line(line)


def test_the_heading_is_no_row() -> None:
    heading = table_text("unix-names", "unix").splitlines()[0].encode()
    notes = Notes()
    assert list(parse_table(heading + b"\n", notes)) == []
    assert notes.bad_rows == 0
