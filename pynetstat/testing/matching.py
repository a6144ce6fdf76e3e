"""Waiting for any rows: so many sockets in this state, on the server's side of that port."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Iterable
from typing import Literal, TypeAlias

from pynetstat.diff import Record
from pynetstat.errors import FilterError, ProcessEnded, WaitFailed, WaitTimeout
from pynetstat.filter_grammar import filter_text, parse_filter
from pynetstat.filters import AnyOf, Filter, Port, States, all_of
from pynetstat.records import ANY, Addr, Proto, SocketRecord, TcpState
from pynetstat.testing.looking import (
    Seen,
    check_port,
    ended,
    everyone,
    look,
    report,
    rows,
    tables_of,
)
from pynetstat.testing.polling import wait, wait_async
from pynetstat.testing.processes import Family, ProcessLike
from pynetstat.words import unmapped

Role: TypeAlias = Literal["server", "client"]
StateNames: TypeAlias = TcpState | str | Iterable[TcpState | str]


class _Rows:
    """The question whether so many rows are there."""

    def __init__(
        self,
        expression: str | Filter | None,
        *,
        port: int | None,
        state: StateNames | None,
        role: Role | None,
        pid: ProcessLike | None,
        include_children: bool,
        proto: Proto | str,
        count: int | None,
        source: str,
    ) -> None:
        __tracebackhide__ = True
        if role not in (None, "server", "client"):
            raise ValueError(f"role {role!r}: it is 'server' or 'client'")
        if count is not None and count < 0:
            raise ValueError("count must not be less than 0")
        if expression is None and port is None and state is None and pid is None:
            raise ValueError("nothing to look for: give an expression, a port, a state or a pid")
        if port is not None:
            check_port(port)
        states = None if state is None else _states(state)
        self._protos = tables_of(proto)
        self._around = None if port is None else _at_port(port, None)
        conditions = [] if port is None else [_at_port(port, role)]
        conditions += [] if states is None else [States(states)]
        conditions += [] if expression is None else [_understood(expression)]
        self._where = all_of(*conditions) if conditions else None
        # With a port the role says which end has it; without one the listeners tell.
        self._role = role if port is None else None
        self._process = pid
        self._family = None if pid is None else Family(pid, include_children)
        self._count = count
        self._source = source
        words = [
            "any" if count is None else str(count),
            *(sorted(states) if states is not None else ()),
            f"{self._protos[0].base} rows",
            *([] if port is None else [f"of port {port}"]),
            *([] if role is None else [f"on the {role}'s side"]),
            *([] if expression is None else [f"with {_text(expression)}"]),
            *([] if self._family is None else [f"held by {self._family}"]),
        ]
        self._expected = " ".join(words)

    def look(self) -> list[SocketRecord] | None:
        __tracebackhide__ = True
        found, untold = self._find()
        if (self._count is None and found) or (len(found) == self._count and not untold):
            return found
        if self._family is not None and not self._family.alive:
            how = ended(self._family, self._process)
            raise ProcessEnded(self._describe(how, found, untold))
        return None

    def failure(self, timeout_s: float) -> WaitFailed:
        return WaitTimeout(self._describe(f"after {timeout_s:g} s", *self._find()))

    def _find(self) -> Seen:
        seen = look(self._protos, self._where, self._source, self._family)
        if self._role is None:
            return seen
        listeners = self._listeners()
        return seen._replace(
            rows=[record for record in seen.rows if role_of(record, listeners) == self._role]
        )

    def _listeners(self) -> set[Addr]:
        where = States(frozenset((TcpState.LISTEN,)))
        return {record.laddr for record in rows(self._protos, where, self._source)}

    def _describe(self, when: str, found: list[SocketRecord], untold: tuple[str, ...]) -> str:
        counted = {record[:4] for record in found}
        near = {record[:4] for record in rows(self._protos, self._where, self._source)}
        there = everyone(self._protos, self._around, self._source)
        # Of many rows a message shows the first: those that count, then those of either side.
        there.sort(key=lambda record: (record[:4] not in counted, record[:4] not in near))
        doubts = "".join(f" ({doubt})" for doubt in untold)
        summary = f"{when}: expected {self._expected}, found {len(found)}{doubts}"
        return report(summary, there, self._noting(counted), "no such socket is there at all")

    def _noting(self, counted: Collection[tuple[object, ...]]) -> Callable[[Record], str]:
        listeners = self._listeners() if self._role is not None else set()

        def note(record: Record) -> str:
            if record[:4] in counted:
                return "counted"
            if self._role is None or not isinstance(record, SocketRecord):
                return ""
            role = role_of(record, listeners)
            return f"the {role}'s side" if role else "which side can't be told: no listener"

        return note


def role_of(record: SocketRecord, listeners: Collection[Addr]) -> Role | None:
    """Which end of its connection a socket is, as far as ``listeners`` tell.

    The server's end has the address of a listener as its own, the client's as its peer's. A
    peer on another machine listens there. None for a connection within this machine whose
    listener was closed.
    """
    if _stands_at(record.laddr, listeners):
        return "server"
    here = record.raddr.ip == record.laddr.ip or _is_loopback(record.raddr.ip)
    return "client" if not here or _stands_at(record.raddr, listeners) else None


def _stands_at(end: Addr, listeners: Collection[Addr]) -> bool:
    candidates = {end.ip, unmapped(end.ip), *ANY}
    return any(Addr(ip, end.port) in listeners for ip in candidates)


def _is_loopback(ip: str) -> bool:
    return ipaddress.ip_address(unmapped(ip)).is_loopback


def _at_port(port: int, role: Role | None) -> Filter:
    if role == "server":
        return Port("sport", "=", port)
    if role == "client":
        return Port("dport", "=", port)
    return AnyOf((Port("sport", "=", port), Port("dport", "=", port)))


def _states(state: StateNames) -> frozenset[TcpState]:
    names = [state] if isinstance(state, str) else list(state)
    return frozenset(map(_state, names))


def _state(name: str) -> TcpState:
    known = {state.value: state for state in TcpState}
    found = known.get(name.upper().replace("-", "_"))
    if found is None:
        raise ValueError(f"state {name!r}: choose from {', '.join(known)}")
    return found


def _text(expression: str | Filter) -> str:
    return expression if isinstance(expression, str) else filter_text(expression)


def _understood(expression: str | Filter) -> Filter:
    __tracebackhide__ = True
    if not isinstance(expression, str):
        return expression
    try:
        return parse_filter(expression)
    except FilterError as error:
        # Where in the parser it was found says nothing to the author of a test.
        raise error.with_traceback(None) from None


def wait_for(
    expression: str | Filter | None = None,
    *,
    port: int | None = None,
    state: StateNames | None = None,
    role: Role | None = None,
    pid: ProcessLike | None = None,
    include_children: bool = True,
    proto: Proto | str = "tcp",
    count: int | None = None,
    timeout: float = 5.0,
    source: str = "auto",
) -> list[SocketRecord]:
    """Wait until the rows that match are there, and return them.

    What must match: ``expression`` in the filter language (``"dport = :443 and send-q >
    0"``), ``port`` at either end, ``state`` or several of them (``"ESTABLISHED"``), and
    ``pid`` as in :func:`wait_for_listen`; all of those that are given. Rows that no process
    holds (TIME_WAIT, not accepted yet) match no ``pid``.

    ``role`` counts a loopback connection once: ``server`` is the end whose own port is
    ``port``, ``client`` the end whose peer's is; without a ``port`` the listeners of this
    machine tell them apart. ``count`` is the exact number of rows to wait for, 0 included;
    without it one is enough. ``timeout`` is in seconds, ``proto`` is ``tcp`` for both
    address families or one table (``tcp6``).

    Raises WaitTimeout, ProcessEnded, FilterError, SourceUnavailable, ValueError for an
    unknown name or a question about nothing.
    """
    __tracebackhide__ = True
    question = _Rows(
        expression,
        port=port,
        state=state,
        role=role,
        pid=pid,
        include_children=include_children,
        proto=proto,
        count=count,
        source=source,
    )
    return wait(question, timeout)


async def wait_for_async(
    expression: str | Filter | None = None,
    *,
    port: int | None = None,
    state: StateNames | None = None,
    role: Role | None = None,
    pid: ProcessLike | None = None,
    include_children: bool = True,
    proto: Proto | str = "tcp",
    count: int | None = None,
    timeout: float = 5.0,
    source: str = "auto",
) -> list[SocketRecord]:
    """:func:`wait_for` for asyncio: the loop goes on meanwhile."""
    __tracebackhide__ = True
    question = _Rows(
        expression,
        port=port,
        state=state,
        role=role,
        pid=pid,
        include_children=include_children,
        proto=proto,
        count=count,
        source=source,
    )
    return await wait_async(question, timeout)
