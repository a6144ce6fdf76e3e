"""sock_diag, /proc and psutil, each against the others, on sockets in every state."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from pynetstat import Proto, Snapshot, SocketRecord, TcpState, TimerKind

from .look import look, look_at_all, look_at_unix
from .namespace import Namespace

_TIMER_TOLERANCE_S = 2.0
_ATTEMPTS = 10
"""Timers fire between two looks; what never agrees in so many attempts differs."""


def _comparable(record: SocketRecord) -> tuple[Any, ...]:
    """What sock_diag and /proc both tell of a socket, seconds left out.

    sock_diag has one counter: retransmissions for the timer ``on``, probes for others.
    Of a SYN_RECV row the counter is left out, since sock_diag counts the SYN-ACKs sent
    again and /proc the timeouts, which differ under TCP_DEFER_ACCEPT; and the user, whom
    only /proc tells (test_handshakes.py).
    """
    timer = record.timer
    assert timer is not None
    handshake = record.state is TcpState.SYN_RECV
    count = timer.retransmits if timer.kind == TimerKind.ON else timer.probes
    return (
        record.proto,
        record.laddr,
        record.raddr,
        record.state,
        record.recv_q,
        record.send_q,
        timer.kind,
        None if handshake else count,
        None if handshake else record.uid,
        record.inode,
    )


def _identity(record: SocketRecord) -> tuple[Any, ...]:
    return record.proto, record.laddr, record.raddr, record.state


@pytest.mark.parametrize("source", ["sockdiag", "procfs", "psutil"])
def test_every_expected_row_is_there(
    states: Namespace, expected_rows: list[tuple[str, int, int, str]], source: str
) -> None:
    tables: dict[str, Snapshot] = states.call(look_at_all, source)
    found = {
        (table, record.laddr.port, record.raddr.port, record.state.value)
        for table, snapshot in tables.items()
        for record in snapshot.records
    }
    missing = [row for row in expected_rows if row[0] in tables and row not in found]
    assert missing == []
    assert {"tcp", "tcp6", "udp", "udp6"} <= set(tables)


def test_every_expected_row_is_there_by_default(
    states: Namespace, expected_rows: list[tuple[str, int, int, str]]
) -> None:
    protos = sorted({row[0] for row in expected_rows})
    snapshot: Snapshot = states.call(look, protos)
    found = Counter(
        (str(record.proto), record.laddr.port, record.raddr.port, record.state.value)
        for record in snapshot.records
    )
    assert Counter(expected_rows) - found == Counter()
    assert snapshot.complete


def test_sockdiag_and_procfs_tell_the_same_rows_in_the_same_order(states: Namespace) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        netlink: dict[str, Snapshot] = states.call(look_at_all, "sockdiag")
        proc: dict[str, Snapshot] = states.call(look_at_all, "procfs")
        both = netlink.keys() & proc.keys()
        assert {"tcp", "tcp6", "udp", "udp6"} <= both
        left = [[_comparable(row) for row in netlink[table].records] for table in sorted(both)]
        right = [[_comparable(row) for row in proc[table].records] for table in sorted(both)]
        if left == right or attempt == _ATTEMPTS:
            break
    assert left == right


def test_sockdiag_and_procfs_tell_the_same_seconds(states: Namespace) -> None:
    netlink: Snapshot = states.call(look, ["tcp", "tcp6"], "sockdiag")
    proc: Snapshot = states.call(look, ["tcp", "tcp6"], "procfs")
    apart = proc.taken_at - netlink.taken_at + _TIMER_TOLERANCE_S
    lasting = (TimerKind.KEEPALIVE, TimerKind.TIMEWAIT)
    compared = 0
    for before, after in zip(netlink.records, proc.records, strict=True):
        assert before.timer is not None
        assert after.timer is not None
        if before.timer.kind in lasting:
            assert _identity(before) == _identity(after)
            assert abs(before.timer.expires_s - after.timer.expires_s) <= apart
            compared += 1
    assert compared >= 4  # keepalive, FIN_WAIT2 without owner, TIME_WAIT in both families


def test_what_only_one_source_knows_is_none_in_the_other(states: Namespace) -> None:
    netlink: Snapshot = states.call(look, ["tcp", "tcp6"], "sockdiag")
    proc: Snapshot = states.call(look, ["tcp", "tcp6"], "procfs")
    for record in netlink.records:
        assert record.cookie
        assert record.ifindex == 0
        assert (record.backlog is not None) is (record.state is TcpState.LISTEN)
        unconnected = record.state in (TcpState.LISTEN, TcpState.CLOSE)
        assert (record.v6only is not None) is (record.proto.is_ipv6 and unconnected)
    for record in proc.records:
        untold = (record.cookie, record.ifindex, record.backlog, record.v6only)
        assert untold == (None, None, None, None)
    assert len({record.cookie for record in netlink.records}) == len(netlink.records)


@pytest.mark.parametrize("other", ["sockdiag", "procfs"])
def test_psutil_tells_the_same_sockets(states: Namespace, other: str) -> None:
    protos = ["tcp", "tcp6", "udp", "udp6"]
    portable: Snapshot = states.call(look, protos, "psutil", owners=True)
    assert set(portable.sources.values()) == {"psutil"}
    direct: Snapshot = states.call(look, protos, other, owners=True)
    assert Counter(map(_identity, portable.records)) == Counter(map(_identity, direct.records))
    for record in portable.records:
        unknown = (record.recv_q, record.send_q, record.backlog, record.timer, record.uid)
        assert unknown == (None,) * 5
        assert (record.inode, record.cookie, record.ifindex) == (None, None, None)


def test_psutil_tells_one_of_the_owners(states: Namespace) -> None:
    portable: Snapshot = states.call(look, ["tcp", "tcp6", "udp", "udp6"], "psutil", owners=True)
    direct: Snapshot = states.call(look, ["tcp", "tcp6", "udp", "udp6"], owners=True)
    owners: dict[tuple[Any, ...], set[int]] = {}
    for record in direct.records:
        known = owners.setdefault(_identity(record), set())
        known.update(owner.pid for owner in record.owners or ())
    for record in portable.records:
        assert record.owners is not None
        told = {owner.pid for owner in record.owners}
        assert told <= owners[_identity(record)]
        assert len(told) == min(1, len(owners[_identity(record)]))


@pytest.mark.parametrize("source", ["sockdiag", "procfs"])
def test_a_shared_listener_has_both_owners(states: Namespace, source: str) -> None:
    snapshot: Snapshot = states.call(look, ["tcp"], source, owners=True)
    shared = [row.owners for row in snapshot.records if row.owners and len(row.owners) > 1]
    (owners,) = shared
    assert len(owners) == 2
    assert "second-holder" in {owner.name for owner in owners}
    assert states.pid in {owner.pid for owner in owners}


@pytest.mark.parametrize("source", ["sockdiag", "procfs"])
def test_sockets_without_a_process_have_no_owner_and_a_reason(
    states: Namespace, source: str
) -> None:
    snapshot: Snapshot = states.call(look, ["tcp", "tcp6"], source, owners=True)
    for record in snapshot.records:
        assert bool(record.owners) is bool(record.inode), record
    ownerless = {record.state for record in snapshot.records if not record.owners}
    assert ownerless == {
        TcpState.ESTABLISHED,
        TcpState.FIN_WAIT2,
        TcpState.LAST_ACK,
        TcpState.SYN_RECV,
        TcpState.TIME_WAIT,
    }


def test_unix_sockets_read_the_same_from_both(states: Namespace) -> None:
    netlink = states.call(look_at_unix, "sockdiag")
    proc = states.call(look_at_unix, "procfs")
    assert netlink
    left = Counter((row.type, row.state, row.path, row.inode) for row in netlink)
    right = Counter((row.type, row.state, row.path, row.inode) for row in proc)
    assert left == right


def test_unix_rows_come_in_the_order_of_proc_with_its_counts(states: Namespace) -> None:
    default = states.call(look_at_unix, "auto")
    proc = states.call(look_at_unix, "procfs")
    assert [(row.inode, row.path, row.refcnt) for row in default] == [
        (row.inode, row.path, row.refcnt) for row in proc
    ]
    assert all(row.trusted for row in default)


def test_mptcp_is_told_by_sockdiag_alone(states: Namespace) -> None:
    tables: dict[str, Snapshot] = states.call(look_at_all, "sockdiag")
    if Proto.MPTCP not in tables:
        pytest.skip("this kernel has no MPTCP in sock_diag")
    seen = Counter(record.state for record in tables["mptcp"].records)
    assert seen == {TcpState.LISTEN: 1, TcpState.ESTABLISHED: 2}
    assert "mptcp" not in states.call(look_at_all, "procfs")
