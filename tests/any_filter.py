"""Any filter and any row, from domains so small that they often meet."""

from __future__ import annotations

import ipaddress
from typing import Any

from hypothesis import strategies as st

from pynetstat.filters import (
    ALL_STATES,
    BOUND_INACTIVE,
    Filter,
    Host,
    Inode,
    Interface,
    Not,
    Path,
    Pid,
    Port,
    Process,
    ProtoIs,
    Queue,
    States,
    TimerIs,
    User,
    all_of,
    any_of,
)
from pynetstat.records import (
    Addr,
    Owner,
    Proto,
    SocketRecord,
    TcpState,
    Timer,
    TimerKind,
    UnixRecord,
    UnixState,
)

_PORTS = st.sampled_from([0, 1, 80, 443, 65534, 65535])
_NUMBERS = st.integers(0, 3)
_OPS: Any = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
_IPS4 = ["0.0.0.0", "10.0.0.1", "10.1.0.1", "127.0.0.1"]
_IPS6 = ["::", "::1", "fe80::1", "fe80::2", *(f"::ffff:{ip}" for ip in _IPS4)]
_NETWORKS = st.one_of(
    st.builds(
        lambda ip, bits: ipaddress.ip_network(f"{ip}/{bits}", strict=False),
        st.sampled_from(_IPS4),
        st.integers(0, 32),
    ),
    st.builds(
        lambda ip, bits: ipaddress.ip_network(f"{ip}/{bits}", strict=False),
        st.sampled_from(_IPS6),
        st.integers(0, 128),
    ),
)
_TEXTS = st.sampled_from(
    ["nginx", "sh", "/run/docker.sock", "@x", 'a "quoted" \\ name', "\x1b[31m"]
)
_TEXT_OPS: Any = st.sampled_from(["=", "~"])

SIDED_PORTS = st.builds(Port, st.sampled_from(["sport", "dport"]), _OPS, _PORTS)
HOSTS = st.builds(Host, st.sampled_from(["src", "dst"]), _NETWORKS, st.one_of(st.none(), _PORTS))
INTERFACES = st.builds(Interface, _NUMBERS)

LEAVES: st.SearchStrategy[Filter] = st.one_of(
    SIDED_PORTS,
    HOSTS,
    INTERFACES,
    st.builds(States, st.frozensets(st.sampled_from([*ALL_STATES, BOUND_INACTIVE]))),
    st.builds(Pid, _NUMBERS),
    st.builds(Process, st.just("="), _TEXTS),
    st.builds(Process, st.just("~"), st.sampled_from(["ng", "^sh$", r"\.s", '"'])),
    st.builds(User, _NUMBERS),
    st.builds(Inode, _NUMBERS),
    st.builds(Path, st.just("="), _TEXTS),
    st.builds(Path, st.just("~"), st.sampled_from(["docker", "^@", r"\\"])),
    st.builds(Queue, st.sampled_from(["recv-q", "send-q"]), _OPS, _NUMBERS),
    st.builds(TimerIs, st.sampled_from(list(TimerKind))),
    st.builds(ProtoIs, st.sampled_from(list(Proto))),
)


def put_together(parts: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    """Filters of such parts, in the form in which the parser gives them."""
    return st.recursive(
        parts,
        lambda inner: st.one_of(
            st.builds(Not, inner),
            st.lists(inner, min_size=2, max_size=4).map(lambda some: all_of(*some)),
            st.lists(inner, min_size=2, max_size=4).map(lambda some: any_of(*some)),
        ),
        max_leaves=12,
    )


FILTERS = put_together(LEAVES)

_OWNERS = st.lists(st.builds(Owner, _NUMBERS, st.just(3), _TEXTS), max_size=2).map(tuple)


@st.composite
def inet_rows(draw: st.DrawFn, proto: Proto | None = None) -> SocketRecord:
    """A row that tells everything."""
    if proto is None:
        proto = draw(st.sampled_from([proto for proto in Proto if proto is not Proto.UNIX]))
    ends = st.builds(Addr, st.sampled_from(_IPS6 if proto.is_ipv6 else _IPS4), _PORTS)
    return SocketRecord(
        proto,
        draw(ends),
        draw(ends),
        draw(st.sampled_from(list(TcpState))),
        recv_q=draw(_NUMBERS),
        send_q=draw(_NUMBERS),
        timer=Timer(draw(st.sampled_from(list(TimerKind))), 1.0, 0, 0),
        uid=draw(_NUMBERS),
        inode=draw(_NUMBERS),
        ifindex=draw(_NUMBERS),
        owners=draw(_OWNERS),
    )


UNIX_ROWS = st.builds(
    UnixRecord,
    type=st.just("STREAM"),
    state=st.sampled_from(list(UnixState)),
    path=st.sampled_from([b"", b"\0x", b"/run/docker.sock", b"\xff\n"]),
    inode=_NUMBERS,
    recv_q=_NUMBERS,
    send_q=_NUMBERS,
    uid=_NUMBERS,
    owners=_OWNERS,
)
ROWS = st.one_of(inet_rows(), UNIX_ROWS)
