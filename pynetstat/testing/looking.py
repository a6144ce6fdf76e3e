"""What the waits ask of the tables, and how they tell what they found instead."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable, Iterable

from pynetstat.diff import Record
from pynetstat.errors import PynetstatError
from pynetstat.filters import Filter
from pynetstat.query import Show
from pynetstat.records import Proto, SocketRecord, UnixRecord
from pynetstat.snapshot import collect
from pynetstat.tabular import SOCKET_TITLES, socket_cells, table
from pynetstat.testing.processes import Family
from pynetstat.words import unmapped

_FAMILIES = {base: (Proto(base), Proto(base + "6")) for base in ("tcp", "udp", "udplite", "mptcp")}


def tables_of(proto: Proto | str) -> tuple[Proto, ...]:
    """``tcp`` stands for tcp and tcp6, ``tcp6`` for itself. ValueError for an unknown name."""
    return _FAMILIES.get(str(proto)) or (Proto(proto),)


def rows(
    protos: Iterable[Proto], where: Filter | None, source: str, family: Family | None = None
) -> list[SocketRecord]:
    """The rows now, with a ``family`` those that its processes hold, each with its holders."""
    found = collect(protos, filter=where, source=source).records
    if family is None or not found:
        return found
    if any(record.inode is None for record in found):
        # Only the table's own reader knows the holders then.
        found = collect(protos, filter=where, source=source, owners=True).records
    holdings = family.holdings()
    held = [record._replace(owners=holdings.of(record)) for record in found]
    return [record for record in held if record.owners]


def listening_unix(source: str, family: Family | None = None) -> list[UnixRecord]:
    """The unix sockets that listen, with a ``family`` those that its processes hold."""
    found = collect([Proto.UNIX], show=Show.LISTENING, source=source).unix
    if family is None:
        return found
    holdings = family.holdings()
    held = [record._replace(owners=holdings.of(record)) for record in found]
    return [record for record in held if record.owners]


def everyone(protos: Iterable[Proto], where: Filter | None, source: str) -> list[SocketRecord]:
    """The rows with all their owners, for a message; none where they can't be read."""
    try:
        return collect(protos, filter=where, source=source, owners=True).records
    except PynetstatError:
        return []


class Reach:
    """Where a listener must stand so that a client that connects to ``host`` gets to it.

    None is anywhere. A name is looked up; OSError when it has no address.
    """

    def __init__(self, host: str | None) -> None:
        self._host = host
        self._ips = _addresses(host) if host is not None else None

    def covers(self, listener: SocketRecord) -> bool:
        """Whether it is reached. ``::`` counts for IPv4 as well unless IPV6_V6ONLY is known."""
        ip = listener.laddr.ip
        if self._ips is None or unmapped(ip) in self._ips:
            return True
        wants_v4 = any(":" not in wanted for wanted in self._ips)
        if ip == "::":
            return not listener.v6only or any(":" in wanted for wanted in self._ips)
        return ip == "0.0.0.0" and wants_v4

    def __str__(self) -> str:
        return "" if self._host is None else f"{self._host} "


def _addresses(host: str) -> set[str]:
    try:
        return {str(ipaddress.ip_address(host))}
    except ValueError:
        return {str(info[4][0]) for info in socket.getaddrinfo(host, None)}


def report(
    summary: str,
    found: Iterable[Record],
    note: Callable[[Record], str],
    nothing: str,
) -> str:
    """A message: what was waited for, and a table of what is there, a note to each row."""
    lines = [(*socket_cells(record), note(record)) for record in found]
    if not lines:
        return f"{summary}\n  {nothing}"
    return f"{summary}; there is:\n{table((*SOCKET_TITLES, ''), lines)}"


def unix_path(path: str | bytes | os.PathLike[str]) -> bytes:
    """A unix socket's name as the kernel has it; a leading NUL or ``@`` makes it abstract."""
    name = os.fsencode(path)
    return b"\0" + name[1:] if name.startswith(b"@") else name


def ended(family: Family, process: object) -> str:
    """How a watched process ended, as far as it can be told."""
    poll = getattr(process, "poll", None)
    status = poll() if callable(poll) else None
    if not isinstance(status, int):
        return f"pid {family.pid} has ended"
    if status < 0:
        return f"pid {family.pid} was ended by signal {-status}"
    return f"pid {family.pid} has ended with exit status {status}"
