"""Which tables and which rows are asked for."""

from __future__ import annotations

import itertools

import pytest

from pynetstat.query import (
    NETSTAT_ORDER,
    Query,
    Show,
    in_netstat_order,
    is_server,
    select,
    select_unix,
    state_mask,
)
from pynetstat.records import (
    STATE_CODES,
    Addr,
    Proto,
    SocketRecord,
    TcpState,
    UnixRecord,
    UnixState,
)

_INET = [proto for proto in Proto if proto is not Proto.UNIX]


def _row(proto: Proto, state: TcpState, remote: Addr) -> SocketRecord:
    return SocketRecord(proto, Addr("192.0.2.1", 80), remote, state)


def test_every_table_has_its_place() -> None:
    assert sorted(NETSTAT_ORDER) == sorted(Proto)


def test_tables_come_once_and_in_netstats_order() -> None:
    asked = ["unix", "raw6", "udp", "tcp6", Proto.TCP, "udp", "sctp", "udplite"]
    names = ["tcp", "tcp6", "sctp", "udp", "udplite", "raw6", "unix"]
    assert in_netstat_order(asked) == tuple(Proto(name) for name in names)
    assert in_netstat_order([]) == ()


@pytest.mark.parametrize("name", ["", "TCP", "udpl", "icmp"])
def test_unknown_tables_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=repr(name)):
        in_netstat_order([name])


@pytest.mark.parametrize(
    ("proto", "state", "remote", "server"),
    [
        (Proto.TCP, TcpState.LISTEN, Addr("0.0.0.0", 0), True),
        (Proto.TCP6, TcpState.LISTEN, Addr("::", 0), True),
        (Proto.TCP, TcpState.ESTABLISHED, Addr("192.0.2.2", 1), False),
        (Proto.TCP, TcpState.TIME_WAIT, Addr("192.0.2.2", 1), False),
        (Proto.TCP, TcpState.CLOSE, Addr("0.0.0.0", 0), True),
        (Proto.MPTCP, TcpState.LISTEN, Addr("0.0.0.0", 0), True),
        (Proto.UDP, TcpState.CLOSE, Addr("0.0.0.0", 0), True),
        (Proto.UDP6, TcpState.CLOSE, Addr("::", 0), True),
        (Proto.UDP, TcpState.ESTABLISHED, Addr("192.0.2.2", 1), False),
        (Proto.RAW, TcpState.CLOSE, Addr("0.0.0.0", 0), True),
        (Proto.RAW, TcpState.ESTABLISHED, Addr("192.0.2.2", 0), False),
        (Proto.SCTP, TcpState.LISTEN, Addr("0.0.0.0", 0), True),
        (Proto.SCTP6, TcpState.ESTABLISHED, Addr("::1", 9), False),
    ],
)
def test_servers(proto: Proto, state: TcpState, remote: Addr, server: bool) -> None:
    row = _row(proto, state, remote)
    assert is_server(row) is server
    assert select([row], Show.ALL) == [row]
    assert select([row], Show.LISTENING) == [row] * server
    assert select([row], Show.CONNECTED) == [row] * (not server)


def test_selected_rows_keep_their_order() -> None:
    ports = (0, 5, 0, 7, 9, 0)
    rows = [_row(Proto.TCP, TcpState.ESTABLISHED, Addr("::", port)) for port in ports]
    assert [row.raddr.port for row in select(rows, Show.CONNECTED)] == [5, 7, 9]


def test_unix_servers_are_those_that_listen() -> None:
    rows = [UnixRecord("STREAM", state, b"") for state in [*UnixState, None]]
    assert select_unix(rows, Show.ALL) == rows
    assert [row.state for row in select_unix(rows, Show.LISTENING)] == [UnixState.LISTENING, None]
    assert len(select_unix(rows, Show.CONNECTED)) == len(rows) - 1


def _kernel_rows(proto: Proto) -> list[tuple[int, SocketRecord]]:
    """Each state that a kernel has for this table, with the remote ends it can have then."""
    anyone = "::" if proto.is_ipv6 else "0.0.0.0"
    unset, peer = Addr(anyone, 0), Addr("::1" if proto.is_ipv6 else "192.0.2.2", 9)
    if proto.base in ("tcp", "mptcp", "sctp"):
        remotes = {code: [peer] for code in STATE_CODES}
        remotes[10] = [unset]
    else:
        remotes = {1: [peer, peer._replace(port=0)], 7: [unset]}
    return [
        (code, _row(proto, STATE_CODES[code], remote))
        for code, ends in remotes.items()
        for remote in ends
    ]


@pytest.mark.parametrize(("proto", "show"), list(itertools.product(_INET, Show)))
def test_the_kernel_is_asked_for_every_row_that_is_shown(proto: Proto, show: Show) -> None:
    mask = state_mask(proto, Query(show=show))
    assert 0 < mask < 1 << 32
    for code, row in _kernel_rows(proto):
        if code != 12 and select([row], show):
            assert mask & 1 << code, (code, row)


def test_listeners_cost_what_the_listeners_cost() -> None:
    assert state_mask(Proto.TCP, Query(show=Show.LISTENING)) == 1 << 10
    assert state_mask(Proto.UDP, Query(show=Show.CONNECTED)) == 1 << 1
