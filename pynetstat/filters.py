"""Conditions on rows: what a filter is made of, and whether it holds for a row. Pure.

A condition is decided in three values: True, False, and None where the row's source can't
tell what is asked about (procfs and psutil leave fields None). ``and``, ``or`` and ``not``
follow Kleene: what can't be told decides nothing, unless the rest decides without it.

A condition about something that a row does not have at all (the port of a unix socket)
is False, not None.
"""

from __future__ import annotations

import operator
import re
import socket
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from pynetstat.records import (
    Addr,
    Proto,
    SocketRecord,
    TcpState,
    TimerKind,
    UnixRecord,
    UnixState,
)
from pynetstat.text import unix_name
from pynetstat.words import unmapped

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

Comparison: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">="]

BOUND_INACTIVE: Final = "bound-inactive"
"""A TCP socket that is bound, but neither listens nor is connected.

Its row's state is CLOSE. Only sock_diag shows it, since Linux 6.8, and only where it is
asked for by this name; ``TcpState.CLOSE`` does not stand for it.
"""

State: TypeAlias = "TcpState | Literal['bound-inactive']"

ALL_STATES: frozenset[State] = frozenset(TcpState)
"""Every state that a table shows unasked: all but :data:`BOUND_INACTIVE`."""


@dataclass(frozen=True, slots=True)
class States:
    """The row is in one of ``states``; a unix row in the one that ss counts it as."""

    states: frozenset[State]


@dataclass(frozen=True, slots=True)
class Port:
    """The local (``sport``) or remote (``dport``) port compares so with ``port``."""

    side: Literal["sport", "dport"]
    op: Comparison
    port: int


@dataclass(frozen=True, slots=True)
class Host:
    """The local (``src``) or remote (``dst``) address is in ``network``.

    With a ``port`` the end has that port, too. An IPv4 network also holds the IPv4-mapped
    addresses of IPv6 rows.
    """

    side: Literal["src", "dst"]
    network: IPv4Network | IPv6Network
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Pid:
    """A process with this number holds the socket. Needs owners."""

    pid: int


@dataclass(frozen=True, slots=True)
class Process:
    """A process of this name holds the socket: ``=`` the whole name, ``~`` as re.search().

    Needs owners. Names are those of :class:`~pynetstat.records.Owner`.
    """

    op: Literal["=", "~"]
    text: str


@dataclass(frozen=True, slots=True)
class User:
    """The socket belongs to this user id; one in TIME_WAIT belongs to nobody."""

    uid: int


@dataclass(frozen=True, slots=True)
class Inode:
    """The socket has this inode."""

    inode: int


@dataclass(frozen=True, slots=True)
class Path:
    """A unix socket's name, with ``@`` for NUL: ``=`` the whole of it, ``~`` as re.search()."""

    op: Literal["=", "~"]
    text: str


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue, as the row counts it, compares so with ``size``."""

    side: Literal["recv-q", "send-q"]
    op: Comparison
    size: int


@dataclass(frozen=True, slots=True)
class TimerIs:
    """The running timer is of this kind (a :class:`~pynetstat.records.TimerKind`)."""

    kind: str


@dataclass(frozen=True, slots=True)
class ProtoIs:
    """The row is of this table."""

    proto: Proto


@dataclass(frozen=True, slots=True)
class Interface:
    """The socket is bound to the interface of this index; 0 is: to none."""

    index: int


@dataclass(frozen=True, slots=True)
class All:
    """Every one of ``filters`` holds; without any, always."""

    filters: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of ``filters`` holds at least; without any, never."""

    filters: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """``filter`` does not hold."""

    filter: Filter


Filter: TypeAlias = (
    "States | Port | Host | Pid | Process | User | Inode | Path | Queue | TimerIs | ProtoIs"
    " | Interface | All | AnyOf | Not"
)
"""Any condition."""

Record: TypeAlias = "SocketRecord | UnixRecord"
Test: TypeAlias = Callable[[Any], "bool | None"]
"""A condition made ready to be asked of one row after the other."""

ALWAYS = All(())
NEVER = AnyOf(())
EVEN_BOUND = States(ALL_STATES | {BOUND_INACTIVE})
"""Every socket that the kernel can show, those that are merely bound among them."""

_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

_STATES_OF_UNIX: dict[UnixState, TcpState] = {
    UnixState.UNCONNECTED: TcpState.CLOSE,
    UnixState.LISTENING: TcpState.LISTEN,
    UnixState.CONNECTING: TcpState.SYN_SENT,
    UnixState.CONNECTED: TcpState.ESTABLISHED,
    UnixState.DISCONNECTING: TcpState.CLOSING,
}

_FIELDS: dict[type, str] = {
    States: "the state",
    Pid: "the process",
    Process: "the process",
    User: "the user",
    Inode: "the inode",
    TimerIs: "the timer",
    Interface: "the interface",
}
"""What a row may not tell, by the condition that asks for it; of queues the name says it."""


def all_of(*filters: Filter) -> Filter:
    """Every one of ``filters``; one alone as it is, nested ones in one."""
    flat = tuple(part for each in filters for part in _parts(each, All))
    return flat[0] if len(flat) == 1 else All(flat)


def any_of(*filters: Filter) -> Filter:
    """At least one of ``filters``; one alone as it is, nested ones in one."""
    flat = tuple(part for each in filters for part in _parts(each, AnyOf))
    return flat[0] if len(flat) == 1 else AnyOf(flat)


def matches(filter: Filter, record: Record) -> bool | None:  # noqa: A002
    """Whether ``filter`` holds for ``record``; None when its source can't tell.

    re.error for a ``~`` whose text is no regular expression. For many rows use
    :func:`compile_filter`.
    """
    return compile_filter(filter, record.proto)(record)


def compile_filter(filter: Filter, proto: Proto, *, owners: bool = True) -> Test:  # noqa: A002
    """:func:`matches` for the rows of one table, made ready for many of them.

    Without ``owners`` the conditions on processes are taken for what can't be told.
    """
    return _compile(for_table(filter, proto), proto, owners)


@lru_cache(maxsize=256)
def for_table(filter: Filter, proto: Proto) -> Filter:  # noqa: A002
    """``filter`` as it is for the rows of one table, without what is the same for them all.

    :data:`NEVER` for a table none of whose rows it can hold for.
    """
    if isinstance(filter, All | AnyOf):
        decisive = NEVER if isinstance(filter, All) else ALWAYS
        indifferent = ALWAYS if isinstance(filter, All) else NEVER
        parts = [for_table(part, proto) for part in filter.filters]
        if decisive in parts:
            return decisive
        left = [part for part in parts if part != indifferent]
        return all_of(*left) if isinstance(filter, All) else any_of(*left)
    if isinstance(filter, Not):
        part = for_table(filter.filter, proto)
        if part in (ALWAYS, NEVER):
            return NEVER if part == ALWAYS else ALWAYS
        return Not(part)
    if isinstance(filter, ProtoIs):
        return ALWAYS if filter.proto is proto else NEVER
    if isinstance(filter, Path):
        return filter if proto is Proto.UNIX else NEVER
    if isinstance(filter, Port | Host | TimerIs | Interface) and proto is Proto.UNIX:
        return NEVER
    if isinstance(filter, Host) and filter.network.version == 6 and not proto.is_ipv6:
        return NEVER
    return filter


@lru_cache(maxsize=256)
def states_of(filter: Filter) -> frozenset[State]:  # noqa: A002
    """The states of the rows for which ``filter`` may hold, more rather than fewer.

    :data:`BOUND_INACTIVE` is among them only where the filter names it.
    """
    every = ALL_STATES
    if any(BOUND_INACTIVE in leaf.states for leaf in leaves(filter) if isinstance(leaf, States)):
        every |= {BOUND_INACTIVE}
    return _possible_states(filter, every, True)


def names_states(filter: Filter) -> bool:  # noqa: A002
    """Whether the filter itself says which states it is about."""
    return any(isinstance(leaf, States) for leaf in leaves(filter))


def needs_owners(filter: Filter) -> bool:  # noqa: A002
    """Whether the filter asks which process holds a socket."""
    return any(isinstance(leaf, Pid | Process) for leaf in leaves(filter))


def leaves(filter: Filter) -> Iterator[Filter]:  # noqa: A002
    """The conditions that ``filter`` is put together from."""
    if isinstance(filter, All | AnyOf):
        for part in filter.filters:
            yield from leaves(part)
    elif isinstance(filter, Not):
        yield from leaves(filter.filter)
    else:
        yield filter


def untold(filter: Filter, record: Record) -> list[str]:  # noqa: A002
    """What ``filter`` asks about and ``record`` does not tell, in words."""
    words = [
        leaf.side if isinstance(leaf, Queue) else _FIELDS[type(leaf)]
        for leaf in leaves(filter)
        if matches(leaf, record) is None
    ]
    return list(dict.fromkeys(words))


def pattern(text: str) -> re.Pattern[str]:
    """The regular expression of a ``~``. re.error for whatever Python has against it.

    Python warns of patterns like ``[[a]`` that a later version may read otherwise; who asks
    a question about sockets can do nothing with that.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(text)
    except RecursionError:
        raise re.error("nested too deeply") from None
    except (OverflowError, ValueError) as error:
        raise re.error(str(error)) from error


def is_bound_inactive(record: SocketRecord) -> bool:
    """Whether the row is what :data:`BOUND_INACTIVE` means."""
    return (
        record.state is TcpState.CLOSE
        and record.proto.base == "tcp"
        and record.laddr.port != 0
        and record.raddr.port == 0
    )


def _parts(filter: Filter, kind: type[All | AnyOf]) -> tuple[Filter, ...]:  # noqa: A002
    return filter.filters if isinstance(filter, All | AnyOf) and type(filter) is kind else (filter,)


def _possible_states(
    filter: Filter,  # noqa: A002
    every: frozenset[State],
    wanted: bool,
) -> frozenset[State]:
    """The states of rows for which ``filter`` may be ``wanted``."""
    if isinstance(filter, Not):
        return _possible_states(filter.filter, every, not wanted)
    if isinstance(filter, States):
        return filter.states & every if wanted else every - filter.states
    if not isinstance(filter, All | AnyOf):
        return every
    parts = [_possible_states(part, every, wanted) for part in filter.filters]
    if isinstance(filter, All) is wanted:
        return every.intersection(*parts)
    return frozenset().union(*parts)


def _compile(filter: Filter, proto: Proto, owners: bool) -> Test:  # noqa: A002
    if isinstance(filter, All | AnyOf):
        tests = [_compile(part, proto, owners) for part in filter.filters]
        return _together(tests, decisive=isinstance(filter, AnyOf))
    if isinstance(filter, Not):
        return _negated(_compile(filter.filter, proto, owners))
    if isinstance(filter, States):
        return _unix_states(filter) if proto is Proto.UNIX else _states(filter)
    if isinstance(filter, Port):
        return _port(filter)
    if isinstance(filter, Host):
        return _host(filter)
    if isinstance(filter, Pid | Process):
        return _owner(filter) if owners else _nobody_knows
    if isinstance(filter, User):
        return _unix_user(filter.uid) if proto is Proto.UNIX else _user(filter.uid)
    if isinstance(filter, Inode):
        return _field("inode", "=", filter.inode)
    if isinstance(filter, Queue):
        return _field(filter.side.replace("-", "_"), filter.op, filter.size)
    if isinstance(filter, Interface):
        return _field("ifindex", "=", filter.index)
    if isinstance(filter, TimerIs):
        return _timer(filter.kind)
    if isinstance(filter, Path):
        fits = _text_test(filter.op, filter.text)
        return lambda record: fits(unix_name(record.path))
    raise TypeError(f"not a filter: {filter!r}")


def _together(tests: list[Test], decisive: bool) -> Test:
    """``or`` where True is decisive, ``and`` where False is."""

    def decide(record: Any) -> bool | None:
        verdict: bool | None = not decisive
        for test in tests:
            answer = test(record)
            if answer is decisive:
                return decisive
            if answer is None:
                verdict = None
        return verdict

    return decide


def _negated(test: Test) -> Test:
    def decide(record: Any) -> bool | None:
        answer = test(record)
        return None if answer is None else not answer

    return decide


def _nobody_knows(_record: Any) -> None:
    return None


def _states(wanted: States) -> Test:
    states = wanted.states
    inactive = BOUND_INACTIVE in states

    def decide(record: SocketRecord) -> bool:
        if record.state is TcpState.CLOSE and is_bound_inactive(record):
            return inactive
        return record.state in states

    return decide


def _unix_states(wanted: States) -> Test:
    answers: dict[UnixState | None, bool | None] = {
        state: counted_as in wanted.states for state, counted_as in _STATES_OF_UNIX.items()
    }
    return lambda record: answers.get(record.state)


def _port(wanted: Port) -> Test:
    compare, port = _COMPARE[wanted.op], wanted.port
    if wanted.side == "sport":
        return lambda record: compare(record.laddr.port, port)
    return lambda record: compare(record.raddr.port, port)


def _host(wanted: Host) -> Test:
    port = wanted.port
    is_in = _Addresses(wanted.network)

    def decide(end: Addr) -> bool:
        return (port is None or end.port == port) and is_in[end.ip]

    if wanted.side == "src":
        return lambda record: decide(record.laddr)
    return lambda record: decide(record.raddr)


class _Addresses(dict[str, bool]):
    """Whether an address is in a network, worked out once for each: a table repeats them."""

    def __init__(self, network: IPv4Network | IPv6Network) -> None:
        self._is_ipv6 = network.version == 6
        self._mask = int(network.netmask)
        self._start = int(network.network_address)

    def __missing__(self, ip: str) -> bool:
        answer = self[ip] = self._holds(ip.partition("%")[0])
        return answer

    def _holds(self, ip: str) -> bool:
        if not self._is_ipv6:
            ip = unmapped(ip)
        if (":" in ip) is not self._is_ipv6:
            return False
        family = socket.AF_INET6 if self._is_ipv6 else socket.AF_INET
        return int.from_bytes(socket.inet_pton(family, ip), "big") & self._mask == self._start


def _owner(wanted: Pid | Process) -> Test:
    if isinstance(wanted, Pid):
        pid = wanted.pid
        return lambda record: (
            None if record.owners is None else any(owner.pid == pid for owner in record.owners)
        )
    fits = _text_test(wanted.op, wanted.text)
    return lambda record: (
        None if record.owners is None else any(fits(owner.name) for owner in record.owners)
    )


def _text_test(op: str, text: str) -> Callable[[str], bool]:
    if op == "=":
        return text.__eq__
    search = pattern(text).search
    return lambda other: search(other) is not None


def _user(uid: int) -> Test:
    def decide(record: SocketRecord) -> bool | None:
        if record.uid is not None:
            return record.uid == uid
        ended = record.state is TcpState.TIME_WAIT or (
            record.timer is not None and record.timer.kind == TimerKind.TIMEWAIT
        )
        return False if ended else None

    return decide


def _unix_user(uid: int) -> Test:
    return lambda record: None if record.uid is None else record.uid == uid


def _field(name: str, op: str, number: int) -> Test:
    get = operator.attrgetter(name)
    compare = _COMPARE[op]

    def decide(record: Any) -> bool | None:
        value = get(record)
        return None if value is None else compare(value, number)

    return decide


def _timer(kind: str) -> Test:
    return lambda record: None if record.timer is None else record.timer.kind == kind
