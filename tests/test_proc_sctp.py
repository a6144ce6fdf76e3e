"""Rows of /proc/net/sctp/eps and /proc/net/sctp/assocs."""

from __future__ import annotations

from pynetstat.records import TIMER_OFF, Addr, Proto, SocketRecord, TcpState

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
