"""Sockets that were opened and not closed: told from what the processes hold, before and after.

A look costs one readlink for each descriptor; the tables are read only when there is
something to name.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from pynetstat.diff import Record
from pynetstat.errors import PynetstatError, SocketsLeaked, WaitFailed, WaitTimeout
from pynetstat.filter_grammar import parse_filter
from pynetstat.filters import EVEN_BOUND, Filter, States, matches
from pynetstat.query import NETSTAT_ORDER, TCP_AND_UDP
from pynetstat.records import Owner, Proto, SocketRecord, TcpState, UnixRecord, UnixState
from pynetstat.snapshot import collect
from pynetstat.tabular import SOCKET_TITLES, owners_text, socket_cells, table
from pynetstat.testing.polling import wait
from pynetstat.testing.processes import Family, Holdings, ProcessLike

GRACE_S = 0.2
"""How long a socket may take to go before it counts: child processes end in their own time."""


Allowed: TypeAlias = "str | Filter | Iterable[str | Filter]"

_TCP_MEANINGS = {
    TcpState.LISTEN: "a listener: close() is missing here",
    TcpState.ESTABLISHED: "an open connection: close() is missing here",
    TcpState.CLOSE_WAIT: "the peer closed, close() is missing here",
    TcpState.FIN_WAIT1: "shut down, but not closed: close() is missing here",
    TcpState.FIN_WAIT2: "shut down, but not closed: close() is missing here",
    TcpState.CLOSING: "shut down by both sides, but not closed",
    TcpState.LAST_ACK: "shut down by both sides, but not closed",
    TcpState.SYN_SENT: "still connecting: close() is missing here",
    TcpState.SYN_RECV: "a handshake under way",
    TcpState.TIME_WAIT: "closed here first; the kernel keeps it for a minute",
    TcpState.CLOSE: "bound, but neither listening nor connected: close() is missing here",
}
_UNIX_MEANINGS = {
    UnixState.LISTENING: "a unix listener: close() is missing here",
    UnixState.CONNECTED: "an open unix connection: close() is missing here",
}


class Leak(NamedTuple):
    """A socket that is still open.

    ``record`` is its row, None when it stands in no table that can be read: never bound or
    connected, or of another kind (netlink, packet). ``owners`` are the processes that hold
    it, with their descriptors; empty in TIME_WAIT.
    """

    record: Record | None
    owners: tuple[Owner, ...]

    @property
    def meaning(self) -> str:
        """What its state says about what is missing."""
        if self.record is None:
            return "in no table: never bound or connected, or not of internet or unix kind"
        if isinstance(self.record, UnixRecord):
            meaning = _UNIX_MEANINGS.get(self.record.state or UnixState.UNCONNECTED)
            return meaning or "an open unix socket: close() is missing here"
        if self.record.proto.base not in ("tcp", "mptcp"):
            return f"an open {self.record.proto.base} socket: close() is missing here"
        return _TCP_MEANINGS[self.record.state]

    @property
    def cells(self) -> tuple[str, ...]:
        """The leak as cells of a table: the socket's, the descriptors, the meaning."""
        fds = ", ".join(dict.fromkeys(f"fd {owner.fd}" for owner in self.owners))
        if self.record is None:
            return "?", "", "", "", owners_text(self.owners), fds, self.meaning
        return *socket_cells(self.record), fds, self.meaning


class LeakCheck:
    """What a process and its children hold now, to be compared with what they hold later.

    ``allow`` and ``grace`` are those of :meth:`leaks` where it is not given others. ``source``
    as in :func:`pynetstat.collect`; with ``psutil`` sockets are told apart by process,
    descriptor and local address, and unix sockets are not seen on Linux. With ``time_wait`` the
    sockets in TIME_WAIT count as well; they belong to nobody, so that those of every other
    process on this machine count among them.
    """

    def __init__(
        self,
        process: ProcessLike | None = None,
        *,
        include_children: bool = True,
        time_wait: bool = False,
        allow: Allowed = (),
        grace: float = GRACE_S,
        source: str = "auto",
    ) -> None:
        self._allowed = read_allowed(allow)
        self._grace = grace
        self._family = Family(os.getpid() if process is None else process, include_children)
        self._source = source
        self._time_wait = time_wait
        self._before = self._held()
        self._waiting_before = self._in_time_wait()

    def leaks(self, *, allow: Allowed | None = None, grace: float | None = None) -> list[Leak]:
        """The sockets that are held now, were not held before, and are still there after ``grace``.

        ``allow`` is a filter or several: sockets that match one are no leaks. What only the
        garbage collector keeps open is closed first, so that a reference cycle is no leak.
        Raises FilterError, SourceUnavailable.
        """
        allowed = self._allowed if allow is None else read_allowed(allow)
        # Collecting garbage costs more than the rest of a check: it is done on suspicion only.
        if not self._new(allowed):
            return []
        gc.collect()
        question = _NoLeaks(self, allowed)
        try:
            wait(question, self._grace if grace is None else grace)
        except WaitTimeout:
            return question.found
        return []

    def check(self, *, allow: Allowed | None = None, grace: float | None = None) -> None:
        """SocketsLeaked, with a table of them, when there are :meth:`leaks`."""
        __tracebackhide__ = True
        found = self.leaks(allow=allow, grace=grace)
        if found:
            raise SocketsLeaked(describe(found))

    def held(self) -> set[Any]:
        """What the processes hold now, by what identifies each socket."""
        return {*self._held()}

    def forgive(self, sockets: set[Any]) -> None:
        """Let these, of :meth:`held`, be no leaks."""
        self._before = {**self._before, **dict.fromkeys(sockets, ())}

    def _new(self, allowed: list[Filter]) -> list[Leak]:
        fresh = {key: owners for key, owners in self._held().items() if key not in self._before}
        leaks = self._named(fresh) if fresh else []
        waiting = self._in_time_wait()
        leaks += [Leak(waiting[key], ()) for key in waiting if key not in self._waiting_before]
        return [leak for leak in leaks if not _is_allowed(leak, allowed)]

    def _held(self) -> Mapping[Any, tuple[Owner, ...]]:
        """What the processes hold, by what identifies a socket while it is held."""
        if self._source == "psutil":
            return {key: record.owners or () for key, record in self._held_by_psutil().items()}
        return self._family.holdings().by_inode

    def _held_by_psutil(self) -> dict[Hashable, SocketRecord]:
        pids = Holdings(self._family.pids()).pids
        records = collect(TCP_AND_UDP, owners=True, source="psutil").records
        return {
            (owner, record.proto, record.laddr): record
            for record in records
            for owner in record.owners or ()
            if owner.pid in pids
        }

    def _named(self, fresh: dict[Hashable, tuple[Owner, ...]]) -> list[Leak]:
        if self._source == "psutil":
            records = self._held_by_psutil()
            return [Leak(records[key], owners) for key, owners in fresh.items() if key in records]
        rows: dict[Hashable, Record] = {}
        for proto in NETSTAT_ORDER:
            try:
                snapshot = collect([proto], filter=EVEN_BOUND, source=self._source)
            except PynetstatError:
                continue  # such a socket is reported without its row
            rows.update({row.inode: row for row in snapshot.records})
            rows.update({row.inode: row for row in snapshot.unix})
        return [
            Leak(rows[key]._replace(owners=owners) if key in rows else None, owners)
            for key, owners in fresh.items()
        ]

    def _in_time_wait(self) -> dict[Hashable, SocketRecord]:
        if not self._time_wait:
            return {}
        where = States(frozenset((TcpState.TIME_WAIT,)))
        records = collect([Proto.TCP, Proto.TCP6], filter=where, source=self._source).records
        return {record.cookie or record[:3]: record for record in records}


class _NoLeaks:
    """The question whether everything has gone; remembers what has not."""

    def __init__(self, check: LeakCheck, allowed: list[Filter]) -> None:
        self._check = check
        self._allowed = allowed
        self.found: list[Leak] = []

    def look(self) -> bool | None:
        self.found = self._check._new(self._allowed)
        return None if self.found else True

    def failure(self, timeout_s: float) -> WaitFailed:
        return WaitTimeout(f"after {timeout_s:g} s {describe(self.found)}")


def describe(leaks: list[Leak]) -> str:
    """How many sockets were left open, and a table of them."""
    count = "1 socket was" if len(leaks) == 1 else f"{len(leaks)} sockets were"
    titles = (*SOCKET_TITLES, "Descriptor", "What it means")
    return f"{count} left open:\n{table(titles, [leak.cells for leak in leaks])}"


def read_allowed(allow: Allowed) -> list[Filter]:
    """The filters of an ``allow``. FilterError for a wrong one."""
    given = [allow] if isinstance(allow, str) or not isinstance(allow, Iterable) else allow
    return [parse_filter(one) if isinstance(one, str) else one for one in given]


def _is_allowed(leak: Leak, allowed: list[Filter]) -> bool:
    return leak.record is not None and any(matches(one, leak.record) for one in allowed)
