"""Waiting for a server to listen, or to listen no more, without connecting to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from pynetstat.diff import Record
from pynetstat.errors import ProcessEnded, WaitFailed, WaitTimeout
from pynetstat.filters import Filter, Port, States, all_of
from pynetstat.records import Proto, SocketRecord, TcpState, UnixRecord
from pynetstat.testing.looking import (
    Reach,
    check_port,
    ended,
    everyone,
    listening_unix,
    report,
    rows,
    tables_of,
)
from pynetstat.testing.paths import Path, UnixPath
from pynetstat.testing.polling import Question, wait, wait_async
from pynetstat.testing.processes import Family, ProcessLike
from pynetstat.text import printable, unix_name


class _Listeners:
    """The listening sockets that a wait is about."""

    def __init__(
        self,
        *,
        port: int | None,
        path: Path | None,
        host: str | None,
        pid: ProcessLike | None,
        include_children: bool,
        proto: Proto | str,
        source: str,
    ) -> None:
        if port is None and path is None and pid is None:
            raise ValueError("nothing to look for: give a port, a path or a pid")
        if path is not None and (port is not None or host is not None):
            raise ValueError("a unix path has neither port nor host")
        if port is not None:
            check_port(port)
        self._port = port
        self._path = None if path is None else UnixPath(path)
        self._reach = Reach(host)
        self._process = pid
        self.family = None if pid is None else Family(pid, include_children)
        self._protos = tables_of(proto)
        if port is not None and self._protos[0].base == "raw":
            raise ValueError("proto 'raw': raw sockets have no ports")
        self._idle = TcpState.LISTEN if self._is_tcp else TcpState.CLOSE
        self._source = source

    def find(self) -> Sequence[Record]:
        """Those that are there now; without a watched process owners are not looked for."""
        if self._path is not None:
            named = listening_unix(self._source, self.family)
            return [record for record in named if self._path.means(record)]
        found = rows(self._protos, self._where, self._source, self.family)
        return [record for record in found if self._reach.covers(record)]

    def check_alive(self) -> None:
        """ProcessEnded when the watched process has."""
        __tracebackhide__ = True
        if self.family is not None and not self.family.alive:
            how = ended(self.family, self._process)
            raise ProcessEnded(self._describe(f"{how}; nothing came to listen on"))

    def still_none(self, timeout_s: float) -> WaitFailed:
        """The error for a wait until there is one."""
        return WaitTimeout(self._describe(f"after {timeout_s:g} s nothing listens on"))

    def still_there(self, timeout_s: float) -> WaitFailed:
        """The error for a wait until there is none."""
        return WaitTimeout(self._describe(f"after {timeout_s:g} s there still listens on"))

    @property
    def _is_tcp(self) -> bool:
        return self._protos[0].base in ("tcp", "mptcp", "sctp")

    @property
    def _where(self) -> Filter:
        idle: Filter = States(frozenset((self._idle,)))
        return idle if self._port is None else all_of(idle, Port("sport", "=", self._port))

    def _describe(self, what: str) -> str:
        holder = f", held by {self.family}" if self.family is not None else ""
        if self._path is not None:
            summary = f"{what} unix {printable(unix_name(self._path.name))}{holder}"
            there = listening_unix(self._source, owners=True)
            return report(summary, there, self._note, "no unix listener")
        port = "any port" if self._port is None else f"port {self._port}"
        summary = f"{what} {self._reach}{self._protos[0].base} {port}{holder}"
        at_port = everyone(self._protos, self._around, self._source)
        return report(summary, at_port, self._note, self._nothing)

    @property
    def _around(self) -> Filter:
        """The rows worth showing beside the answer: those of the port, else all listeners."""
        if self._port is None:
            return States(frozenset((self._idle,)))
        return Port("sport", "=", self._port)

    @property
    def _nothing(self) -> str:
        if self._port is None:
            return "no socket listens at all"
        return f"no socket has the local port {self._port}"

    def _note(self, record: Record) -> str:
        remarks = []
        if isinstance(record, SocketRecord):
            if record.state is not self._idle:
                remarks.append("does not listen")
            if not self._reach.covers(record):
                remarks.append("another address")
        elif self._path is not None and not self._path.means(record):
            remarks.append("another name")
        if self.family is not None and record.owners:
            pids = self.family.pids()
            if not any(owner.pid in pids for owner in record.owners):
                remarks.append("another process")
        return ", ".join(remarks)


class _UntilListening:
    def __init__(self, listeners: _Listeners) -> None:
        self._listeners = listeners

    def look(self) -> Record | None:
        __tracebackhide__ = True
        for found in self._listeners.find():
            return found
        self._listeners.check_alive()
        return None

    def failure(self, timeout_s: float) -> WaitFailed:
        return self._listeners.still_none(timeout_s)


class _UntilClosed:
    def __init__(self, listeners: _Listeners) -> None:
        self._listeners = listeners

    def look(self) -> bool | None:
        return None if self._listeners.find() else True

    def failure(self, timeout_s: float) -> WaitFailed:
        return self._listeners.still_there(timeout_s)


@overload
def wait_for_listen(
    port: int | None = None,
    *,
    host: str | None = None,
    pid: ProcessLike | None = None,
    include_children: bool = True,
    proto: Proto | str = "tcp",
    timeout: float = 5.0,
    source: str = "auto",
) -> SocketRecord: ...


@overload
def wait_for_listen(
    *,
    path: Path,
    pid: ProcessLike | None = None,
    include_children: bool = True,
    timeout: float = 5.0,
    source: str = "auto",
) -> UnixRecord: ...


def wait_for_listen(
    port: int | None = None,
    *,
    path: Path | None = None,
    host: str | None = None,
    pid: ProcessLike | None = None,
    include_children: bool = True,
    proto: Proto | str = "tcp",
    timeout: float = 5.0,
    source: str = "auto",
) -> Record:
    """Wait until a server listens, and return its socket; nothing connects to it.

    ``port`` and ``host`` say where: a listener on every address counts for any ``host``.
    Without a port any listener of ``pid`` will do, which is how to learn the port of a
    server that chose it itself: ``wait_for_listen(pid=server).laddr.port``. ``path`` is a
    unix socket's instead (abstract with a leading ``@`` or NUL).

    ``pid`` is a process id, or an object that has one (subprocess.Popen): only what it or,
    with ``include_children``, a process that descends from it holds counts, and a wait ends
    at once when it has ended. ``proto`` is ``tcp`` for both address families, or one table
    (``tcp6``); with ``udp`` a bound socket that is not connected counts as listening.
    ``timeout`` is in seconds, ``source`` as in :func:`pynetstat.collect`.

    Raises WaitTimeout, ProcessEnded, SourceUnavailable when the tables or the process can't
    be read, ValueError for a question without port, path and pid.
    """
    __tracebackhide__ = True
    listeners = _Listeners(
        port=port,
        path=path,
        host=host,
        pid=pid,
        include_children=include_children,
        proto=proto,
        source=source,
    )
    question: Question[Record] = _UntilListening(listeners)
    return wait(question, timeout)


@overload
async def wait_for_listen_async(
    port: int | None = None,
    *,
    host: str | None = None,
    pid: ProcessLike | None = None,
    include_children: bool = True,
    proto: Proto | str = "tcp",
    timeout: float = 5.0,
    source: str = "auto",
) -> SocketRecord: ...


@overload
async def wait_for_listen_async(
    *,
    path: Path,
    pid: ProcessLike | None = None,
    include_children: bool = True,
    timeout: float = 5.0,
    source: str = "auto",
) -> UnixRecord: ...


async def wait_for_listen_async(
    port: int | None = None,
    *,
    path: Path | None = None,
    host: str | None = None,
    pid: ProcessLike | None = None,
    include_children: bool = True,
    proto: Proto | str = "tcp",
    timeout: float = 5.0,
    source: str = "auto",
) -> Record:
    """:func:`wait_for_listen` for asyncio: the loop goes on meanwhile."""
    __tracebackhide__ = True
    listeners = _Listeners(
        port=port,
        path=path,
        host=host,
        pid=pid,
        include_children=include_children,
        proto=proto,
        source=source,
    )
    question: Question[Record] = _UntilListening(listeners)
    return await wait_async(question, timeout)


def wait_until_closed(
    port: int | None = None,
    *,
    path: Path | None = None,
    host: str | None = None,
    pid: ProcessLike | None = None,
    include_children: bool = True,
    proto: Proto | str = "tcp",
    timeout: float = 5.0,
    source: str = "auto",
) -> None:
    """Wait until nothing listens there any more.

    Connections that are still open or in TIME_WAIT don't count; of a ``pid`` that has ended
    nothing is left. Arguments and errors are those of :func:`wait_for_listen`.
    """
    __tracebackhide__ = True
    listeners = _Listeners(
        port=port,
        path=path,
        host=host,
        pid=pid,
        include_children=include_children,
        proto=proto,
        source=source,
    )
    wait(_UntilClosed(listeners), timeout)


async def wait_until_closed_async(
    port: int | None = None,
    *,
    path: Path | None = None,
    host: str | None = None,
    pid: ProcessLike | None = None,
    include_children: bool = True,
    proto: Proto | str = "tcp",
    timeout: float = 5.0,
    source: str = "auto",
) -> None:
    """:func:`wait_until_closed` for asyncio: the loop goes on meanwhile."""
    __tracebackhide__ = True
    listeners = _Listeners(
        port=port,
        path=path,
        host=host,
        pid=pid,
        include_children=include_children,
        proto=proto,
        source=source,
    )
    await wait_async(_UntilClosed(listeners), timeout)
