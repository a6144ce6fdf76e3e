"""Ports to listen on: whether one is free, told from the tables, and one that surely is."""

from __future__ import annotations

import errno
import os
import socket
from typing import NamedTuple

from pynetstat.filters import EVEN_BOUND, Port, all_of
from pynetstat.records import ANY, Proto, SocketRecord, TcpState
from pynetstat.snapshot import GapKind, collect
from pynetstat.tabular import SOCKET_TITLES, socket_cells, table
from pynetstat.testing.looking import canonical, check_port, tables_of
from pynetstat.words import unmapped

_FIRST_UNPRIVILEGED = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
_CAP_NET_BIND_SERVICE = 1 << 10


class BindAnswer(NamedTuple):
    """Whether bind() would succeed, and what is in its way.

    ``allowed`` is for a socket without SO_REUSEADDR, ``allowed_with_reuse`` for one that
    sets it; None when the tables can't tell: SO_REUSEADDR helps only if the sockets in the
    way had it as well, which no table shows; only sock_diag shows sockets that are merely bound,
    and whether a socket of the other address family has IPV6_V6ONLY; and whether the new socket
    will have that is not known here. ``blockers`` are the sockets in the way, with their owners.
    ``why`` is a sentence. True in a condition when bind() would succeed as it is.
    """

    allowed: bool | None
    allowed_with_reuse: bool | None
    blockers: tuple[SocketRecord, ...]
    why: str

    def __bool__(self) -> bool:
        return self.allowed is True

    def __str__(self) -> str:
        if not self.blockers:
            return self.why
        rows = [socket_cells(record) for record in self.blockers]
        return f"{self.why}:\n{table(SOCKET_TITLES, rows)}"


def can_bind(
    port: int, host: str = "0.0.0.0", *, proto: Proto | str = "tcp", source: str = "auto"
) -> BindAnswer:
    """Whether a server could bind ``port`` on ``host`` now, without trying it.

    ``host`` is a numeric address, ``0.0.0.0`` and ``::`` standing for all of this machine.
    A listener in the way always refuses; any other socket on the port (a connection,
    TIME_WAIT) refuses unless both have SO_REUSEADDR (socket(7), net/ipv4/
    inet_connection_sock.c). Sockets of an address that does not overlap are no hindrance.

    Raises SourceUnavailable when the tables can't be read, ValueError for a name as host.
    """
    check_port(port)
    numeric = canonical(host)
    if numeric is None:
        raise ValueError(f"host {host!r} is not a numeric address")
    host, family = numeric, _family(numeric)
    refusal = _refused_anyway(port, host, family, proto)
    if refusal is not None:
        return BindAnswer(False, False, (), refusal)
    where = all_of(EVEN_BOUND, Port("sport", "=", port))
    snapshot = collect(_rivals(proto), filter=where, owners=True, source=source)
    verdicts = [(row, _hinders(row, host)) for row in snapshot.records]
    blockers = tuple(row for row, hinders in verdicts if hinders is not False)
    unseen = [str(gap) for gap in snapshot.gaps if gap.kind is GapKind.UNDECIDED]
    if not blockers and unseen and port:
        return BindAnswer(
            None, None, (), f"nothing is seen on {proto} port {port}, but {unseen[0]}"
        )
    if not blockers or not port:
        return BindAnswer(True, True, (), f"{proto} port {port} is free on {host}")
    what = f"{proto} port {port} is in use on {host}"
    rivals = [row for row, hinders in verdicts if hinders]
    if not rivals:
        whose = "the new socket has" if host == "::" else "the sockets there have"
        why = f"{what} by the other address family: it matters unless {whose} IPV6_V6ONLY"
        return BindAnswer(None, None, blockers, why)
    if any(row.state is TcpState.LISTEN for row in rivals):
        why = f"{what}: a listener is there, and SO_REUSEADDR would not help"
        return BindAnswer(False, False, blockers, why)
    why = f"{what}: SO_REUSEADDR would help if the sockets there were made with it, too"
    return BindAnswer(False, None, blockers, why)


def _rivals(proto: Proto | str) -> tuple[Proto, ...]:
    """The tables whose sockets compete for the port: both address families."""
    return tables_of(Proto(proto).base)


def _hinders(row: SocketRecord, host: str) -> bool | None:
    """Whether a socket takes the port on ``host`` for itself, None where IPV6_V6ONLY decides
    and is not told (inet_rcv_saddr_equal in net/ipv4/inet_connection_sock.c)."""
    ip, host = unmapped(row.laddr.ip), unmapped(host)
    if not (ip in ANY or host in ANY or ip == host):
        return False
    if _family(ip) is _family(host):
        return True
    if ":" in host:
        return None if host in ANY else False
    return None if row.v6only is None else not row.v6only


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _refused_anyway(
    port: int, host: str, family: socket.AddressFamily, proto: Proto | str
) -> str | None:
    """Why this bind() fails whatever else is bound; None when it does not."""
    if 0 < port < _first_unprivileged() and not _may_bind_low_ports():
        return f"port {port} needs root or CAP_NET_BIND_SERVICE"
    datagrams = Proto(proto).base in ("udp", "udplite")
    try:
        with socket.socket(family, socket.SOCK_DGRAM if datagrams else socket.SOCK_STREAM) as probe:
            probe.bind((host, 0))
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            return f"{host} is not an address of this machine"
        return f"{host} can't be bound: {error.strerror}"
    return None


def _first_unprivileged() -> int:
    try:
        with open(_FIRST_UNPRIVILEGED, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 1024


def _may_bind_low_ports() -> bool:
    try:
        with open("/proc/self/status", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("CapEff:"):
                    return bool(int(line.split()[1], 16) & _CAP_NET_BIND_SERVICE)
    except OSError:
        pass
    return os.geteuid() == 0


def listening_socket(
    host: str = "127.0.0.1", *, proto: str = "tcp", backlog: int = 128
) -> socket.socket:
    """A socket that listens on a free port of ``host``, chosen by the kernel.

    Hand the socket itself (or its descriptor) to the server under test: between asking
    for a free port number and binding it, another process can take it. With ``udp`` it is
    bound. Close it, or use it as a context manager. OSError when ``host`` can't be bound.
    """
    if proto not in ("tcp", "udp"):
        raise ValueError(f"proto {proto!r}: it is 'tcp' or 'udp'")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
    try:
        made.bind((host, 0))
        if proto == "tcp":
            made.listen(backlog)
    except BaseException:
        made.close()
        raise
    return made
