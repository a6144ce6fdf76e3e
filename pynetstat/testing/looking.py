"""What the waits ask of the tables, and how they tell what they found instead."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from typing import NamedTuple

from pynetstat.diff import Record
from pynetstat.errors import PynetstatError
from pynetstat.filters import Filter
from pynetstat.query import Show
from pynetstat.records import Proto, SocketRecord, UnixRecord
from pynetstat.snapshot import GapKind, collect
from pynetstat.tabular import SOCKET_TITLES, socket_cells, table
from pynetstat.testing.processes import Family
from pynetstat.words import unmapped

_FAMILIES = {base: (Proto(base), Proto(base + "6")) for base in ("tcp", "udp", "udplite", "mptcp")}
_TABLES = {proto.value: proto for proto in Proto if proto is not Proto.UNIX}


def tables_of(proto: Proto | str) -> tuple[Proto, ...]:
    """``tcp`` stands for tcp and tcp6, ``tcp6`` for itself. ValueError for an unknown name."""
    name = str(proto).lower()
    if name in _FAMILIES:
        return _FAMILIES[name]
    if name not in _TABLES:
        hint = "; wait_for_listen(path=...) is for unix sockets" if name == Proto.UNIX else ""
        raise ValueError(f"proto {proto!r}: choose from {', '.join(_TABLES)}{hint}")
    return (_TABLES[name],)


def check_port(port: object) -> None:
    """ValueError for what is no port."""
    if not isinstance(port, int) or not 0 <= port <= 65535:
        raise ValueError(f"port {port!r}: a number from 0 to 65535")


class Seen(NamedTuple):
    """The rows of a look, and why there may be more of them."""

    rows: list[SocketRecord]
    untold: tuple[str, ...] = ()


def look(
    protos: Iterable[Proto], where: Filter | None, source: str, family: Family | None = None
) -> Seen:
    """The rows now, with a ``family`` those that its processes hold, each with its holders."""
    snapshot = collect(protos, filter=where, source=source)
    if family is not None and any(record.inode is None for record in snapshot.records):
        # Only the table's own reader knows the holders then.
        snapshot = collect(protos, filter=where, source=source, owners=True)
    found = snapshot.records
    if family is not None and found:
        holdings = family.holdings()
        held = [record._replace(owners=holdings.of(record)) for record in found]
        found = [record for record in held if record.owners]
    untold = tuple(str(gap) for gap in snapshot.gaps if gap.kind is GapKind.UNDECIDED)
    return Seen(found, untold)


def rows(
    protos: Iterable[Proto], where: Filter | None, source: str, family: Family | None = None
) -> list[SocketRecord]:
    """The rows of a :func:`look`."""
    return look(protos, where, source, family).rows


def listening_unix(
    source: str, family: Family | None = None, *, owners: bool = False
) -> list[UnixRecord]:
    """The unix sockets that listen, with a ``family`` those that its processes hold."""
    found = collect([Proto.UNIX], show=Show.LISTENING, source=source, owners=owners).unix
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
    numeric = canonical(host)
    if numeric is not None:
        return {unmapped(numeric)}
    try:
        return {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except socket.gaierror as error:
        raise socket.gaierror(error.errno, f"host {host!r}: {error.strerror}") from error


def canonical(host: str) -> str | None:
    """A numeric address as the tables write it; None for a name."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, host))
    except OSError:
        return None


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


def ended(family: Family, process: object) -> str:
    """How a watched process ended, as far as it can be told."""
    poll = getattr(process, "poll", None)
    # subprocess.Popen; multiprocessing.Process; asyncio's
    status = poll() if callable(poll) else getattr(process, "exitcode", None)
    status = getattr(process, "returncode", None) if status is None else status
    if not isinstance(status, int):
        return (
            f"pid {family.pid} has ended" if family.was_there else f"no pid {family.pid} is there"
        )
    if status < 0:
        return f"pid {family.pid} was ended by signal {-status}"
    return f"pid {family.pid} has ended with exit status {status}"
