"""The lines of /proc/net/sctp/eps and /proc/net/sctp/assocs."""

from __future__ import annotations

import ipaddress

from pynetstat.records import Proto, SocketRecord, TcpState
from pynetstat.sources import Notes
from pynetstat.sources.proc_sctp import parse_associations, parse_endpoints
from tests.fuzz.choices import Choices
from tests.fuzz.harmless import check_line

_ENDPOINT = "c1 af 2   10  29   5000    1000 842700 127.0.0.1 10.0.0.5 "
_ASSOCIATION = (
    "d1 bf 2   1   3  101     1       17       34    1000 842711 5000  40001  "
    "127.0.0.1 *10.0.0.5 <-> *10.0.0.6 127.0.0.1 \t    7500    10"
)
_FEWEST_FIELDS = 9
_TABLES = ((parse_endpoints, _ENDPOINT), (parse_associations, _ASSOCIATION))

WORDS = (" <-> ", " *", "127.0.0.1", " 10 ", "0000:0000:0000:0000:0000:0000:0000:0001", "\n")


def check(data: bytes) -> None:
    """Good lines are rows of one family or no rows at all, others are counted."""
    choices = Choices(data)
    parse, good = choices.one_of(_TABLES)
    text = choices.rest().decode("latin-1")
    lines = [good, *text.split("\n"), good]
    for proto in (Proto.SCTP, Proto.SCTP6):
        rows: list[SocketRecord] = []
        bad = 0
        for line in lines:
            notes = Notes()
            found = list(parse(f"heading\n{line}\n", proto, notes))
            assert len(found) + notes.bad_rows <= 1
            assert notes.bad_rows or len(line.split()) >= _FEWEST_FIELDS
            check_line(notes.first_bad)
            for row in found:
                _check_row(row, proto, line)
            rows += found
            bad += notes.bad_rows
        notes = Notes()
        assert list(parse("\n".join(["heading", *lines, ""]), proto, notes)) == rows
        assert notes.bad_rows == bad
        if proto is Proto.SCTP:
            assert rows[0] == rows[-1]


def _check_row(row: SocketRecord, proto: Proto, line: str) -> None:
    assert row.proto is proto
    assert (":" in row.laddr.ip) is proto.is_ipv6
    ipaddress.ip_address(row.raddr.ip)
    words = line.split()
    for number, most in (
        (row.laddr.port, 0xFFFF),
        (row.raddr.port, 0xFFFF),
        (row.recv_q, 0xFFFFFFFF),
        (row.send_q, 0xFFFFFFFF),
        (row.uid, 0xFFFFFFFF),
        (row.inode, 0xFFFFFFFFFFFFFFFF),
    ):
        assert number is not None
        assert 0 <= number <= most, number
        assert number == 0 or any(int(word) == number for word in words if word.isdecimal())
    assert isinstance(row.state, TcpState)
