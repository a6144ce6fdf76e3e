"""The waits of this package, asked about one process and its children."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import overload

from pynetstat.diff import Record
from pynetstat.filters import Filter
from pynetstat.query import TCP_AND_UDP
from pynetstat.records import Proto, SocketRecord, UnixRecord
from pynetstat.testing.listening import wait_for_listen, wait_until_closed
from pynetstat.testing.looking import rows, tables_of
from pynetstat.testing.matching import Role, StateNames, wait_for
from pynetstat.testing.paths import Path
from pynetstat.testing.processes import Family, ProcessLike


class BoundNetstat:
    """What one process and its children hold; by default this one.

    Sockets that no process holds (TIME_WAIT, not accepted yet) are nobody's: for them ask
    :func:`pynetstat.testing.wait_for` without a pid.
    """

    def __init__(self, process: ProcessLike | None = None, *, source: str = "auto") -> None:
        self._pid = Family(os.getpid() if process is None else process).pid
        self._source = source

    def sockets(
        self, where: Filter | None = None, *, protos: Iterable[Proto | str] = TCP_AND_UDP
    ) -> list[SocketRecord]:
        """The sockets that are held now, with their holders."""
        tables = [table for proto in protos for table in tables_of(proto)]
        return rows(tables, where, self._source, Family(self._pid))

    @overload
    def wait_for_listen(
        self,
        port: int | None = None,
        *,
        host: str | None = None,
        proto: Proto | str = "tcp",
        timeout: float = 5.0,
    ) -> SocketRecord: ...

    @overload
    def wait_for_listen(self, *, path: Path, timeout: float = 5.0) -> UnixRecord: ...

    def wait_for_listen(
        self,
        port: int | None = None,
        *,
        path: Path | None = None,
        host: str | None = None,
        proto: Proto | str = "tcp",
        timeout: float = 5.0,
    ) -> Record:
        """As :func:`pynetstat.testing.wait_for_listen`, for a listener of these processes."""
        __tracebackhide__ = True
        if path is None:
            return wait_for_listen(
                port, host=host, pid=self._pid, proto=proto, timeout=timeout, source=self._source
            )
        if port is not None or host is not None:
            raise ValueError("a unix path has neither port nor host")
        return wait_for_listen(path=path, pid=self._pid, timeout=timeout, source=self._source)

    def wait_until_closed(
        self,
        port: int | None = None,
        *,
        path: Path | None = None,
        host: str | None = None,
        proto: Proto | str = "tcp",
        timeout: float = 5.0,
    ) -> None:
        """As :func:`pynetstat.testing.wait_until_closed`, for a listener of these processes."""
        __tracebackhide__ = True
        wait_until_closed(
            port,
            path=path,
            host=host,
            pid=self._pid,
            proto=proto,
            timeout=timeout,
            source=self._source,
        )

    def wait_for(
        self,
        expression: str | Filter | None = None,
        *,
        port: int | None = None,
        state: StateNames | None = None,
        role: Role | None = None,
        proto: Proto | str = "tcp",
        count: int | None = None,
        timeout: float = 5.0,
    ) -> list[SocketRecord]:
        """As :func:`pynetstat.testing.wait_for`, for the sockets of these processes."""
        __tracebackhide__ = True
        return wait_for(
            expression,
            port=port,
            state=state,
            role=role,
            pid=self._pid,
            proto=proto,
            count=count,
            timeout=timeout,
            source=self._source,
        )
