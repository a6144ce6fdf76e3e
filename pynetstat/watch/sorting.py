"""The order of the rows: by which column, and how values of it compare. Pure."""

from __future__ import annotations

import socket
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import Any, TypeAlias

from pynetstat.history.tracker import History
from pynetstat.query import NETSTAT_ORDER
from pynetstat.records import TcpState
from pynetstat.words import unmapped

SortKey: TypeAlias = "Callable[[History], Any]"


class SortBy(Enum):
    """The columns to sort by; valued as their titles."""

    PROTO = "Proto"
    RECV_Q = "Recv-Q"
    SEND_Q = "Send-Q"
    LOCAL = "Local Address"
    FOREIGN = "Foreign Address"
    STATE = "State"
    FOR = "For"
    TIMER = "Timer"
    PROGRAM = "PID/Program name"
    USER = "User"
    INODE = "Inode"


MOVING = frozenset(
    (SortBy.RECV_Q, SortBy.SEND_Q, SortBy.TIMER, SortBy.PROGRAM, SortBy.USER, SortBy.INODE)
)
"""Columns whose values may change though the state does not."""

_PROTO_PLACE = {proto: place for place, proto in enumerate(NETSTAT_ORDER)}
_STATE_PLACE = {state: place for place, state in enumerate(TcpState)}


def sort_key(by: SortBy) -> SortKey:
    """What to compare of a history. Unknown values come last; equal ones by local address.

    ``FOR`` puts the latest change first.
    """
    return _KEYS[by]


def _local(history: History) -> Any:
    record = history.record
    return (_end(*record.laddr), _end(*record.raddr), _PROTO_PLACE[record.proto])


def _foreign(history: History) -> Any:
    record = history.record
    return (_end(*record.raddr), _end(*record.laddr), _PROTO_PLACE[record.proto])


def _end(ip: str, port: int) -> tuple[int, tuple[int, bytes]]:
    """Ports first, so that a server stands beside what is connected to it."""
    return port, _packed(ip)


@lru_cache(maxsize=4096)
def _packed(ip: str) -> tuple[int, bytes]:
    # Remembered without the port: connections that come and go use every port in time.
    text = unmapped(ip)
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        return family, socket.inet_pton(family, text)
    except OSError:
        return family, text.encode("utf-8", "surrogateescape")


def _known(number: float | None, history: History) -> Any:
    return (number is None, number or 0, _local(history))


def _timer(history: History) -> Any:
    timer = history.record.timer
    return (timer is None, timer and (timer.kind == "off", timer.expires_s), _local(history))


def _program(history: History) -> Any:
    owners = history.record.owners
    return (not owners, owners and (owners[0].name, owners[0].pid), _local(history))


_KEYS: dict[SortBy, SortKey] = {
    SortBy.PROTO: lambda history: (_PROTO_PLACE[history.record.proto], _local(history)),
    SortBy.RECV_Q: lambda history: _known(history.record.recv_q, history),
    SortBy.SEND_Q: lambda history: _known(history.record.send_q, history),
    SortBy.LOCAL: _local,
    SortBy.FOREIGN: _foreign,
    SortBy.STATE: lambda history: (_STATE_PLACE[history.record.state], _local(history)),
    SortBy.FOR: lambda history: (-history.changed_at, _local(history)),
    SortBy.TIMER: _timer,
    SortBy.PROGRAM: _program,
    SortBy.USER: lambda history: _known(history.record.uid, history),
    SortBy.INODE: lambda history: _known(history.record.inode, history),
}
