"""Rows of /proc/net/sctp/eps and /proc/net/sctp/assocs."""

from __future__ import annotations

import pytest

from pynetstat.records import TIMER_OFF, Addr, Proto, SocketRecord, TcpState
from pynetstat.sources import Notes, proc_sctp

from .trees import read_tree


def test_listeners_and_associations_of_ipv4() -> None:
    records, notes = read_tree("sctp", Proto.SCTP)
    assert notes.bad_rows == 0
    assert records[0] == SocketRecord(
        Proto.SCTP,
        Addr("127.0.0.1", 5000),
        Addr("0.0.0.0", 0),
        TcpState.LISTEN,
        recv_q=0,
        send_q=0,
        timer=TIMER_OFF,
        uid=1000,
        inode=842700,
    )
    first = records[1]
    assert (first.laddr, first.raddr) == (Addr("10.0.0.5", 5000), Addr("10.0.0.6", 40001))
    assert (first.recv_q, first.send_q, first.inode) == (34, 17, 842711)


def test_an_endpoint_that_does_not_listen_is_no_row() -> None:
    records, _ = read_tree("sctp", Proto.SCTP)
    assert 842702 not in [record.inode for record in records]


def test_every_association_state_has_a_tcp_word() -> None:
    records, _ = read_tree("sctp", Proto.SCTP)
    assert [record.state for record in records[1:]] == [
        TcpState.ESTABLISHED,
        TcpState.CLOSE,
        TcpState.SYN_SENT,
        TcpState.SYN_RECV,
        TcpState.FIN_WAIT1,
        TcpState.FIN_WAIT1,
        TcpState.LAST_ACK,
        TcpState.CLOSING,
    ]


def test_ipv6_rows_are_a_table_of_their_own() -> None:
    records, notes = read_tree("sctp", Proto.SCTP6)
    assert [(record.laddr, record.raddr, record.state) for record in records] == [
        (Addr("::1", 5001), Addr("::", 0), TcpState.LISTEN),
        (Addr("::1", 5001), Addr("::1", 40009), TcpState.ESTABLISHED),
    ]
    assert {record.proto for record in records} == {Proto.SCTP6}
    assert notes.bad_rows == 0


def test_good_rows_among_broken_ones_stay_and_the_broken_are_counted() -> None:
    records, notes = read_tree("sctp-broken", Proto.SCTP)
    assert [record.inode for record in records] == [842700, 842713]
    assert notes.bad_rows == 4 + 4
    assert notes.first_bad.startswith("not a row of /proc/net/sctp/eps: ")


_EPS = "c1 af 2 10 29 {port} {uid} {inode} 127.0.0.1 \n"
_ASSOCS = (
    "d1 bf 2 1 3 101 1 {queue} 34 1000 842711 {port} 40001 127.0.0.1 <-> 127.0.0.1 \t 7500 10\n"
)


@pytest.mark.parametrize(
    ("line", "field", "most"),
    [
        (_EPS, "port", 0xFFFF),
        (_EPS, "uid", 0xFFFFFFFF),
        (_EPS, "inode", 0xFFFFFFFFFFFFFFFF),
        (_ASSOCS, "port", 0xFFFF),
        (_ASSOCS, "queue", 0xFFFFFFFF),
    ],
)
def test_a_number_too_large_for_the_kernel_is_no_row(line: str, field: str, most: int) -> None:
    parse = proc_sctp.parse_endpoints if line is _EPS else proc_sctp.parse_associations
    fields = {"port": 5000, "uid": 1000, "inode": 842700, "queue": 17}
    for number, rows in ((most, 1), (most + 1, 0)):
        notes = Notes()
        text = "heading\n" + line.format(**{**fields, field: number})
        assert len(list(parse(text, Proto.SCTP, notes))) == rows
        assert notes.bad_rows == 1 - rows


@pytest.mark.parametrize("sign", ["\x0b", "\x0c", "\x1c", "\x85", "\r"])
def test_only_a_line_end_ends_a_row(sign: str) -> None:
    line = _EPS.format(port=5000, uid=1000, inode=842700)
    notes = Notes()
    text = f"heading\n{line}nonsense{sign}more of it\n{line}"
    assert len(list(proc_sctp.parse_endpoints(text, Proto.SCTP, notes))) == 2
    assert notes.bad_rows == 1
