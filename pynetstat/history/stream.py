"""The stream of transitions, as they happen.

::

    with events(["tcp"], stop=stopped) as stream:
        for item in stream:             # Event or Loss
            ...

Two sources:

``tracefs``
    Root only. Every TCP transition with its moment, from the kernel's tracepoints; the end's
    totals from the destroy groups; what the tracepoints don't tell (UDP, the end of
    TIME_WAIT) as below.
``destroy``
    Any user. The ends of all sockets from sock_diag's destroy groups, and looks at the
    sock_diag tables up to ten times a second: what happens between two looks is not seen; a
    state that must have been passed is told as inferred.

UDP: ends come from the destroy groups, with a source of either kind; births, connect() and
what a lost message would have told come from looks.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from pynetstat.errors import SourceUnavailable
from pynetstat.filter_grammar import parse_filter
from pynetstat.filters import Filter, compile_filter
from pynetstat.history.ledger import Ledger
from pynetstat.history.transition import Event, Loss
from pynetstat.owners import process_of, walk_processes
from pynetstat.query import TCP_AND_UDP, in_netstat_order
from pynetstat.records import Owner, Proto, SocketRecord
from pynetstat.sources import EVENT_SOURCE_NAMES, with_owners
from pynetstat.sources.destroy import TABLES, End, Ends
from pynetstat.sources.sockstates import Finder, Look, Question, SockStates

if TYPE_CHECKING:
    from pynetstat.history.traced import Traced
    from pynetstat.sources.tracefs import Trace

Wanted: TypeAlias = "Callable[[SocketRecord], bool | None]"
"""Whether an event's socket is asked about; None where that can't be told."""
Stop: TypeAlias = "Callable[[], bool] | threading.Event"

_TURN_S = 0.05
"""How long the stream sleeps at most before it asks whether it should stop."""
_GATHER_S = 0.004
"""How long it lets news gather: under load one turn takes in many at once."""
_LOOK_SHARE = 8
"""A look that takes long is taken less often, so that looks take an eighth of the time."""
_WALK_SHARE = 20
_PROCESS_MEMORY_S = 1.0
_INITIAL_PID_NAMESPACE = 0xEFFFFFFC
"""PROC_PID_INIT_INO (include/linux/proc_ns.h): only there the trace's pids are ours."""


def events(
    protos: Iterable[Proto | str] = TCP_AND_UDP,
    *,
    filter: str | Filter | Wanted | None = None,  # noqa: A002 - the word for it
    source: str = "auto",
    stop: Stop | None = None,
    interval_s: float = 0.1,
    owners: bool = True,
) -> Stream:
    """The transitions of this network namespace's sockets from now on.

    The stream listens when this returns, so that nothing which happens afterwards is missed.
    It is an iterator of :class:`Event` and :class:`Loss` that ends when ``stop`` (an event
    that is set, or a callable that says True) says so; else never. Close it, or use it in a
    ``with`` block: as root it has a tracing instance in the kernel, which is removed then, at
    the interpreter's exit at the latest.

    ``protos`` are tcp, tcp6, udp and udp6. ``filter`` is an expression, the
    conditions of :mod:`pynetstat.filters`, or a callable; it is asked for each event's socket
    (see :meth:`Event.record`), and only what it says False to is left out. ``source`` is
    ``tracefs``, ``destroy``, or ``auto``: tracefs where it works, else destroy;
    ``Stream.source`` and ``Stream.refusals`` say what became of it. ``interval_s`` is the
    least time between two looks, in seconds. ``owners`` False saves the walks over /proc.

    Raises ValueError for what makes no sense and SourceUnavailable when the kernel refuses
    the source; while it runs, SourceFailed when a source breaks off.
    """
    if source not in EVENT_SOURCE_NAMES:
        raise ValueError(f"no source {source!r}: choose from {', '.join(EVENT_SOURCE_NAMES)}")
    tables = in_netstat_order(protos)
    strange = [proto.value for proto in tables if proto not in TABLES]
    if strange or not tables:
        raise ValueError(f"events are told of tcp, tcp6, udp and udp6, not {strange or 'nothing'}")
    if not interval_s > 0:
        raise ValueError(f"interval_s must be more than 0, not {interval_s}")
    return Stream(
        tables,
        wanted=_understood(filter),
        source=source,
        stop=stop,
        interval_s=interval_s,
        owners=owners,
    )


def rows_that_match(filter: Filter) -> Wanted:  # noqa: A002 - the word for it
    """Whether a filter holds for a row, made ready for many of them."""
    tests = {proto: compile_filter(filter, proto) for proto in TABLES}
    return lambda record: tests[record.proto](record)


def _understood(filter: str | Filter | Wanted | None) -> Wanted | None:  # noqa: A002
    if filter is None or callable(filter):
        return filter
    return rows_that_match(parse_filter(filter) if isinstance(filter, str) else filter)


class Stream(Iterator["Event | Loss"]):
    """What :func:`events` returns: an iterator that can be closed.

    ``source`` is ``tracefs`` or ``destroy``; ``refusals`` says why a better one is not used.
    """

    def __init__(
        self,
        tables: tuple[Proto, ...],
        *,
        wanted: Wanted | None,
        source: str,
        stop: Stop | None,
        interval_s: float,
        owners: bool,
    ) -> None:
        self.refusals: list[str] = []
        self._stop = stop.is_set if isinstance(stop, threading.Event) else stop
        self._filter = wanted
        self._items: deque[Event | Loss] = deque()
        resources = contextlib.ExitStack()
        try:
            trace = self._open_trace(tables, source, resources)
            self.source = "tracefs" if trace is not None else "destroy"
            self._follower = _Follower(tables, trace, interval_s, owners, resources)
        except BaseException:
            resources.close()
            raise
        self._close = weakref.finalize(self, resources.close)

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Event | Loss:
        while not self._items:
            if not self._close.alive or (self._stop is not None and self._stop()):
                raise StopIteration
            for item in self._follower.turn():
                if self._is_wanted(item):
                    self._items.append(item)
        return self._items.popleft()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pending(self) -> bool:
        """Whether the next item is there already: a view can wait with showing what it has."""
        return bool(self._items)

    def close(self) -> None:
        """End the stream and give everything back that it holds in the kernel."""
        self._items.clear()
        self._close()

    def _open_trace(
        self, tables: tuple[Proto, ...], source: str, resources: contextlib.ExitStack
    ) -> Trace | None:
        if source == "destroy" or not any(proto.base == "tcp" for proto in tables):
            if source == "tracefs":
                raise SourceUnavailable("tracefs: it tells of tcp and tcp6 only")
            return None
        from pynetstat.sources.tracefs import Trace

        try:
            trace = Trace()
        except SourceUnavailable as refusal:
            if source == "tracefs":
                raise
            self.refusals.append(str(refusal))
            return None
        resources.callback(trace.close)
        return trace

    def _is_wanted(self, item: Event | Loss) -> bool:
        if self._filter is None or isinstance(item, Loss):
            return True
        return self._filter(item.record()) is not False


class _Follower:
    """Gathers the news of all sources, turn by turn."""

    def __init__(
        self,
        tables: tuple[Proto, ...],
        trace: Trace | None,
        interval_s: float,
        owners: bool,
        resources: contextlib.ExitStack,
    ) -> None:
        self._tables = tables
        self._trace = trace
        self._interval_s = interval_s
        self._ledger = Ledger()
        self._states = SockStates()
        self._holders = _Holders() if owners else None
        self._finder = Finder()
        resources.callback(self._finder.close)
        self._ends = Ends(tables)
        resources.callback(self._ends.close)
        self._traced: Traced | None = None
        if trace is not None:
            from pynetstat.history.traced import Traced

            processes = _Processes()
            self._traced = Traced(
                self._ledger, self._find, processes.owner if owners else _nobody, processes.is_here
            )
        for proto in tables:
            now = time.time()
            self._ledger.start(proto, self._with_owners(self._states.look(proto, set())), now)
        self._next_look = time.monotonic() + interval_s

    def turn(self) -> list[Event | Loss]:
        """What happened since the last turn; waits a moment for it."""
        self._wait()
        items: list[Event | Loss] = []
        ended = self._take_told(items)
        if time.monotonic() >= self._next_look:
            self._look(items, ended)
        return items

    def _wait(self) -> None:
        left = self._next_look - time.monotonic()
        patience = min(max(left, 0.0), _TURN_S)
        if self._traced is not None and self._traced.busy:
            patience = min(patience, _GATHER_S)
        if self._trace is not None:
            arrived = self._trace.wait(patience)
        else:
            arrived = self._ends.arrived.wait(patience)
        if arrived:
            time.sleep(_GATHER_S)

    def _take_told(self, items: list[Event | Loss]) -> set[int]:
        """Take what the kernel told; the cookies of the ends."""
        happened, overrun = self._trace.take() if self._trace is not None else ([], 0)
        ends, losses = self._ends.take()
        if overrun:
            what = f"{overrun} transitions" if overrun > 1 else "1 transition"
            items.append(Loss(time.time(), overrun, f"{what} lost: the trace ran over"))
        for loss in losses:
            count = "some" if loss.messages is None else str(loss.messages)
            why = f"ends of {count} sockets lost: the kernel's queue ran over"
            items.append(Loss(loss.at, loss.messages, why))
        if losses or overrun:
            self._ledger.lost()
        if self._traced is None:
            items += self._end(ends)
        else:
            items += self._end([end for end in ends if end.proto.base != "tcp"])
            if overrun:
                self._traced.forget()
            assert self._trace is not None
            now_ns = time.monotonic_ns()
            items += self._traced.take(
                happened,
                [end for end in ends if end.proto.base == "tcp"],
                now_ns,
                time.time() - now_ns / 1e9,
                self._trace.read_until_ns,
            )
        return {end.cookie for end in ends}

    def _end(self, ends: list[End]) -> list[Event]:
        """The events of ends; TCP sockets are asked for what they left behind."""
        closed = [end for end in ends if end.proto.base == "tcp" and end.raddr.port]
        questions = [Question(end.proto, end.laddr, end.raddr, end.ifindex) for end in closed]
        rows = self._find(questions)
        remains = {end.cookie: row for end, row in zip(closed, rows, strict=True)}
        return [event for end in ends for event in self._ledger.ended(end, remains.get(end.cookie))]

    def _look(self, items: list[Event | Loss], ended: set[int]) -> None:
        started = time.monotonic()
        for proto in self._tables:
            at = time.time()
            traced = self._traced if proto.base == "tcp" else None
            look = self._with_owners(self._states.look(proto, self._ledger.marks(proto)))
            # What ended while the look was taken is not born again by it.
            ended |= self._take_told(items)
            if traced is not None:
                for record in look.changed:
                    if record.cookie not in self._ledger.known:
                        traced.adopt(record)
            items += self._ledger.looked(proto, look, at, ended, confirm=traced is not None)
        took = time.monotonic() - started
        self._next_look = time.monotonic() + max(self._interval_s - took, _LOOK_SHARE * took)

    def _with_owners(self, look: Look) -> Look:
        if self._holders is None or not look.changed:
            return look
        holders = self._holders
        if holders.walk_for(look.changed):
            for known in self._ledger.known.values():
                if not known.record.owners and known.record.inode:
                    known.record = known.record._replace(owners=holders.of(known.record.inode))
        return look._replace(changed=holders.fill(look.changed))

    def _find(self, questions: list[Question]) -> list[SocketRecord | None]:
        if not questions:
            return []
        rows = self._finder.find(questions)
        if self._holders is None:
            return rows
        return [row and self._holders.fill([row])[0] for row in rows]


class _Holders:
    """Who holds which socket, from walks that take a small share of the time."""

    def __init__(self) -> None:
        self.by_inode: dict[int, tuple[Owner, ...]] = {}
        self._sees_all = False
        self._next_walk = 0.0

    def walk_for(self, rows: list[SocketRecord]) -> bool:
        """Walk if some row's holder is not known and the last walk is long ago."""
        now = time.monotonic()
        if now < self._next_walk or all(
            not row.inode or row.inode in self.by_inode for row in rows
        ):
            return False
        self.by_inode, coverage = walk_processes()
        self._sees_all = not (coverage.denied or coverage.hidden)
        took = time.monotonic() - now
        self._next_walk = now + took + _WALK_SHARE * took
        return True

    def of(self, inode: int) -> tuple[Owner, ...] | None:
        """Who holds it; None where somebody may hold it who can't be looked into."""
        return self.by_inode.get(inode, () if self._sees_all else None)

    def fill(self, rows: list[SocketRecord]) -> list[SocketRecord]:
        """The rows with their owners; None for one that no walk has looked for yet."""
        known = [row for row in rows if row.inode in self.by_inode]
        if len(known) == len(rows):
            return with_owners(rows, self.by_inode)
        return [
            row._replace(owners=self.by_inode.get(row.inode or 0, None if row.inode else ()))
            for row in rows
        ]


class _Processes:
    """The processes of the trace's threads, each asked for once a second at most."""

    def __init__(self) -> None:
        self._owners: dict[int, Owner | None] = {}
        self._here: dict[int, bool] = {}
        self._until = 0.0
        self._network = _inode_of("/proc/self/ns/net")
        self._usable = _inode_of("/proc/self/ns/pid") == _INITIAL_PID_NAMESPACE

    def owner(self, thread: int) -> Owner | None:
        """The process of a thread of the initial pid namespace; None when it can't be told."""
        self._forget_old()
        if thread not in self._owners:
            self._owners[thread] = process_of(thread) if self._usable else None
        return self._owners[thread]

    def is_here(self, thread: int) -> bool:
        """Whether a thread of the initial pid namespace is in this network namespace."""
        self._forget_old()
        if thread not in self._here:
            inode = _inode_of(f"/proc/{thread}/ns/net") if self._usable else None
            self._here[thread] = inode is not None and inode == self._network
        return self._here[thread]

    def _forget_old(self) -> None:
        now = time.monotonic()
        if now > self._until:
            self._owners.clear()
            self._here.clear()
            self._until = now + _PROCESS_MEMORY_S


def _inode_of(path: str) -> int | None:
    try:
        return os.stat(path).st_ino
    except OSError:
        return None


def _nobody(_thread: int) -> None:
    """Owners are not wanted."""
