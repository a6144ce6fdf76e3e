"""The lines of /proc/net/tcp, udp, udplite, raw and their IPv6 twins."""

from __future__ import annotations

import ipaddress
import struct

from pynetstat.errors import ParseError
from pynetstat.records import STATE_CODES, TIMER_OFF, Addr, Proto, SocketRecord
from pynetstat.sources import Notes
from pynetstat.sources.proc_inet import AddressTexts, first_sightings, parse_line, parse_table
from tests.fuzz.choices import Choices
from tests.fuzz.harmless import check_parse_error

_TABLES = [proto for proto in Proto if proto.base in ("tcp", "udp", "udplite", "raw")]
_ORDERS = {"little": "<", "big": ">"}
_TICKS_PER_S = 100
_GOOD = {
    width: f"   0: {'0' * width}:0050 {'0' * width}:0000 0A 00000000:00000001 00:00000000 00000000"
    "  1000        0 842602 1 0000000000000000 100 0 0 10 0"
    for width in (8, 32)
}

WORDS = (" 00000000", ":", "0A ", " 01 ", " 03:", "\n", "  sl  local_address ", "4294967295")


def check(data: bytes) -> None:
    """Every good line is a row that says what the line says, every other one is counted."""
    choices = Choices(data)
    proto, byteorder = choices.one_of(_TABLES), choices.one_of(("little", "big"))
    text = choices.rest().decode("latin-1")
    # Below a good line of its own, so that a heading in the text is a bad row as well.
    good = _GOOD[32 if proto.is_ipv6 else 8]
    rows, bad = [], 0
    for line in [good, *text.split("\n"), good]:
        try:
            row = parse_line(proto, line, AddressTexts(byteorder), _TICKS_PER_S)
        except ParseError as error:
            check_parse_error(error)
            bad += 1
        else:
            _check_row(row, line, byteorder)
            rows.append(row)
    notes = Notes()
    table = f"{good}\n{text}\n{good}\n"
    assert list(parse_table(proto, table, notes, _TICKS_PER_S, byteorder)) == rows
    assert notes.bad_rows == bad
    assert rows[0] == rows[-1]
    _check_each_once(rows)


def _check_row(row: SocketRecord, line: str, byteorder: str) -> None:
    """The row against the line, read field by field."""
    _, laddr, raddr, state, queues, timer, resent, uid, probes, inode, *_ = line.split()
    _check_end(row.laddr, laddr, byteorder)
    _check_end(row.raddr, raddr, byteorder)
    assert row.state is STATE_CODES[int(state, 16)]
    assert queues == f"{row.send_q:08X}:{row.recv_q:08X}"
    assert row.inode == int(inode)
    assert row.uid == int(uid) or (row.uid is None and row.inode == 0)
    assert row.timer is not None
    if row.proto.base == "tcp" and row.timer is not TIMER_OFF:
        ticks = int(timer.partition(":")[2], 16)
        assert row.timer[1:] == (ticks / _TICKS_PER_S, int(resent, 16), int(probes))
    else:
        assert row.timer is TIMER_OFF


def _check_end(addr: Addr, text: str, byteorder: str) -> None:
    digits, port = text.split(":")
    words = [int(digits[at : at + 8], 16) for at in range(0, len(digits), 8)]
    packed = struct.pack(f"{_ORDERS[byteorder]}{len(words)}I", *words)
    assert ipaddress.ip_address(addr.ip).packed == packed
    assert addr.port == int(port, 16)


def _check_each_once(rows: list[SocketRecord]) -> None:
    once = list(first_sightings(iter(rows)))
    inodes = [row.inode for row in once if row.inode]
    assert len(set(inodes)) == len(inodes)
    assert {row.inode for row in rows} == {row.inode for row in once}
    assert list(first_sightings(iter(once))) == once
