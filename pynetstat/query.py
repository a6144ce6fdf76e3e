"""What is asked for: which tables, and which of their rows. Pure; nothing here reads."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from pynetstat.records import (
    ANY,
    STATE_CODES,
    Proto,
    SocketRecord,
    TcpState,
    UnixRecord,
    UnixState,
)

if TYPE_CHECKING:
    from pynetstat.filters import Filter


class Show(Enum):
    """Which rows of a table: netstat's -a, -l, and neither; valued as its headings say."""

    ALL = "servers and established"
    LISTENING = "only servers"
    CONNECTED = "w/o servers"


NETSTAT_ORDER: tuple[Proto, ...] = (
    Proto.TCP,
    Proto.TCP6,
    Proto.MPTCP,
    Proto.MPTCP6,
    Proto.SCTP,
    Proto.SCTP6,
    Proto.UDP,
    Proto.UDP6,
    Proto.UDPLITE,
    Proto.UDPLITE6,
    Proto.RAW,
    Proto.RAW6,
    Proto.UNIX,
)
"""The order in which netstat prints its tables; MPTCP, unknown to it, goes beside TCP."""

TCP_AND_UDP: tuple[Proto, ...] = (Proto.TCP, Proto.TCP6, Proto.UDP, Proto.UDP6)


class Query(NamedTuple):
    """A question: tables in :data:`NETSTAT_ORDER`, rows, and whether owners are wanted.

    ``filter`` holds for every row of the answer. One that asks for processes needs
    ``owners``.
    """

    protos: tuple[Proto, ...] = TCP_AND_UDP
    show: Show = Show.ALL
    owners: bool = False
    filter: Filter | None = None


_EVERY = 0xFFF
_ESTABLISHED, _SYN_RECV, _LISTEN, _BOUND_INACTIVE = 1 << 1, 1 << 3, 1 << 10, 1 << 13


def in_netstat_order(protos: Iterable[Proto | str]) -> tuple[Proto, ...]:
    """The tables named, each once, in netstat's order. ValueError for an unknown name."""
    asked = {Proto(proto) for proto in protos}
    return tuple(proto for proto in NETSTAT_ORDER if proto in asked)


def is_server(record: SocketRecord) -> bool:
    """Whether netstat counts the row as a server: TCP without a remote port, else without
    a remote address."""
    if record.state is TcpState.LISTEN:
        return True
    if record.proto.base in ("tcp", "mptcp"):
        return record.raddr.port == 0
    return record.raddr.ip in ANY


def is_unix_server(record: UnixRecord) -> bool:
    """Whether netstat counts the unix row as a server: one that called listen()."""
    return record.state is UnixState.LISTENING


def select(records: list[SocketRecord], show: Show) -> list[SocketRecord]:
    """The rows of ``records`` that ``show`` asks for."""
    if show is Show.ALL:
        return records
    wanted = show is Show.LISTENING
    return [record for record in records if is_server(record) is wanted]


def select_unix(records: list[UnixRecord], show: Show) -> list[UnixRecord]:
    """The unix rows that ``show`` asks for, and those whose state is not known."""
    if show is Show.ALL:
        return records
    wanted = show is Show.LISTENING
    return [
        record for record in records if record.state is None or is_unix_server(record) is wanted
    ]


def state_mask(proto: Proto, query: Query) -> int:
    """The states to ask sock_diag for, as a mask of 1 << state code.

    It may let through more than the query asks, never less: the kernel decides what it
    can, so that -l costs what the listeners cost, and :func:`select` and the filter decide
    the rest.
    """
    mask = _shown_states(proto, query.show)
    if query.filter is None or proto.base == "sctp":
        return mask
    from pynetstat.filters import BOUND_INACTIVE, states_of

    states = states_of(query.filter)
    mask &= sum(1 << code for code, state in STATE_CODES.items() if state in states)
    if proto.base in ("tcp", "mptcp") and mask & _SYN_RECV:
        mask |= _LISTEN
    if proto.base == "tcp" and BOUND_INACTIVE in states and query.show is not Show.CONNECTED:
        mask |= _BOUND_INACTIVE
    return mask


def _shown_states(proto: Proto, show: Show) -> int:
    if show is Show.ALL or proto.base == "sctp":
        return _EVERY
    if proto.base in ("tcp", "mptcp"):
        # Without -l the few listeners come along: they know the users of SYN_RECV rows.
        return _LISTEN if show is Show.LISTENING else _EVERY
    return _EVERY & ~_ESTABLISHED if show is Show.LISTENING else _ESTABLISHED
