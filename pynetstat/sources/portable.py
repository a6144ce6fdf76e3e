"""Socket tables through psutil: every system but Linux, and Linux on request.

psutil tells protocol, addresses, state and one process; no queues, timers, uids or
inodes. Rows that look the same to it (several SO_REUSEPORT listeners of another user) are
one row. This is the only module that reads tables through psutil.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pynetstat.errors import ParseError, SourceUnavailable
from pynetstat.query import Query
from pynetstat.records import Addr, Owner, Proto, SocketRecord, TcpState, UnixRecord, unix_type
from pynetstat.sources import Holders, Notes

if TYPE_CHECKING:
    from types import ModuleType

_TABLES = {
    Proto.TCP: (socket.AF_INET, socket.SOCK_STREAM),
    Proto.TCP6: (socket.AF_INET6, socket.SOCK_STREAM),
    Proto.UDP: (socket.AF_INET, socket.SOCK_DGRAM),
    Proto.UDP6: (socket.AF_INET6, socket.SOCK_DGRAM),
}

_STATES = {
    "ESTABLISHED": TcpState.ESTABLISHED,
    "SYN_SENT": TcpState.SYN_SENT,
    "SYN_RECV": TcpState.SYN_RECV,
    "FIN_WAIT1": TcpState.FIN_WAIT1,
    "FIN_WAIT2": TcpState.FIN_WAIT2,
    "TIME_WAIT": TcpState.TIME_WAIT,
    "CLOSE": TcpState.CLOSE,
    "CLOSE_WAIT": TcpState.CLOSE_WAIT,
    "LAST_ACK": TcpState.LAST_ACK,
    "LISTEN": TcpState.LISTEN,
    "CLOSING": TcpState.CLOSING,
    "DELETE_TCB": TcpState.CLOSE,
    "IDLE": TcpState.CLOSE,
    "BOUND": TcpState.CLOSE,
}


class Portable:
    """Reads socket tables through psutil, all the internet ones in one call."""

    name = "psutil"

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._inet: list[Any] | None = None

    def read(
        self, proto: Proto, query: Query, notes: Notes, holders: Holders | None = None
    ) -> Iterator[list[SocketRecord]]:
        """The table of ``proto``, whatever ``query``, with the one owner that psutil tells."""
        table = _TABLES.get(proto)
        if table is None:
            raise SourceUnavailable(f"psutil: it does not read {proto.base}")
        if self._inet is None:
            self._inet = _connections("inet")
        rows = [row for row in self._inet if (row.family, row.type) == table]
        return iter([self._records(proto, rows, notes, holders is not None)])

    def read_unix(self, notes: Notes, holders: Holders | None = None) -> list[UnixRecord]:
        """The unix sockets with the names that psutil tells; it knows no states."""
        if sys.platform.startswith("linux"):
            raise SourceUnavailable("psutil: it does not tell a unix socket's state")
        notes.remarks.append("psutil does not tell which of them are servers")
        records = []
        for row in _connections("unix"):
            path = os.fsencode(row.laddr) if isinstance(row.laddr, str) else b""
            if path.startswith(b"@"):
                path = b"\0" + path[1:]
            records.append(
                UnixRecord(
                    unix_type(int(row.type)),
                    None,
                    path,
                    owners=None if holders is None else self._owners(row),
                    trusted=False,
                )
            )
        return records

    def _records(
        self, proto: Proto, rows: list[Any], notes: Notes, with_owners: bool
    ) -> list[SocketRecord]:
        unset = Addr("::" if proto.is_ipv6 else "0.0.0.0", 0)
        records = []
        for row in rows:
            laddr = Addr(*row.laddr) if row.laddr else unset
            raddr = Addr(*row.raddr) if row.raddr else unset
            if row.type == socket.SOCK_DGRAM:
                state: TcpState | None = TcpState.ESTABLISHED if row.raddr else TcpState.CLOSE
            else:
                state = _STATES.get(row.status)
            if state is None:
                notes.bad_row(ParseError("unknown socket state from psutil", str(row.status)))
                continue
            owners = self._owners(row) if with_owners else None
            records.append(SocketRecord(proto, laddr, raddr, state, owners=owners))
        return records

    def _owners(self, row: Any) -> tuple[Owner, ...]:
        if row.pid is None:
            return ()
        if row.pid not in self._names:
            self._names[row.pid] = _process_name(row.pid)
        return (Owner(row.pid, row.fd, self._names[row.pid]),)


def _connections(kind: str) -> list[Any]:
    psutil = _import_psutil()
    if sys.platform.startswith("linux") and not os.path.exists("/proc/net/tcp"):
        # psutil takes a missing table for an empty one
        raise SourceUnavailable("psutil: there is no /proc/net/tcp")
    try:
        rows: list[Any] = psutil.net_connections(kind)
    except psutil.AccessDenied as error:
        raise SourceUnavailable("psutil: access denied; run as root") from error
    except (psutil.Error, OSError, RuntimeError, ValueError) as error:
        raise SourceUnavailable(f"psutil: {str(error) or type(error).__name__}") from error
    return rows


def _import_psutil() -> ModuleType:
    try:
        import psutil
    except ImportError as error:
        raise SourceUnavailable(f"psutil: it can't be imported ({error})") from error
    return psutil


def _process_name(pid: int) -> str:
    psutil = _import_psutil()
    from pynetstat.owners import program_name

    try:
        process = psutil.Process(pid)
        argv = process.cmdline()
        return program_name(os.fsencode(argv[0]) if argv else b"") or process.name()
    except psutil.Error:
        return "?"
