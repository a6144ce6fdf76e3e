"""The ends of sockets, as the kernel tells them to any user: sock_diag's destroy groups.

A TCP socket that enters TIME_WAIT is told of at that moment, since what stays behind is no
whole socket any more; the end of TIME_WAIT is not told. TCP's state, inode and user in the
message say nothing (the socket is closed by then), and a socket which its own process has reset, or
whose connect() failed, has lost its local address and its peer's port
(net/core/sock_diag.c: sock_diag_broadcast_destroy, net/ipv4/inet_diag.c:
inet_diag_handler_get_info, include/uapi/linux/sock_diag.h: SKNLGRP_*).
"""

from __future__ import annotations

import errno
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

from pynetstat.errors import ParseError, SourceFailed, SourceUnavailable
from pynetstat.records import STATE_CODES, Addr, Proto, TcpState
from pynetstat.sources.netlink import (
    HEADER,
    NETLINK_SOCK_DIAG,
    SOCK_DIAG_BY_FAMILY,
    attributes,
    walk,
)
from pynetstat.transition import Totals

_GROUPS = {Proto.TCP: 1, Proto.UDP: 2, Proto.TCP6: 3, Proto.UDP6: 4}
"""SKNLGRP_*: the number of each table's group."""
TABLES = tuple(_GROUPS)
"""The tables whose ends the kernel tells."""

_PROTOS = {
    (socket.AF_INET, socket.IPPROTO_TCP): Proto.TCP,
    (socket.AF_INET6, socket.IPPROTO_TCP): Proto.TCP6,
    (socket.AF_INET, socket.IPPROTO_UDP): Proto.UDP,
    (socket.AF_INET6, socket.IPPROTO_UDP): Proto.UDP6,
}
_MESSAGE = struct.Struct("=BBxx HH 16s16s I Q 20x")
"""struct inet_diag_msg: family, state, ports, addresses, interface, cookie."""
_INET_DIAG_INFO = 2
_INET_DIAG_PROTOCOL = 10
_TOTALS = struct.Struct("=100x I 16x QQ II")
"""struct tcp_info: tcpi_total_retrans; tcpi_bytes_acked to tcpi_segs_in."""

_SO_RCVBUFFORCE = 33
_SO_MEMINFO = 55
_MEMINFO = struct.Struct("=32x I")
"""SK_MEMINFO_DROPS, the ninth number (linux/sock_diag.h)."""
_BUFFER = 64 * 1024 * 1024
"""Asked for; an ordinary user is given net.core.rmem_max at most."""
_RECEIVE_SIZE = 8192
_TICK_S = 0.2
"""How long a silent receive lasts before the thread looks whether it should end."""


class End(NamedTuple):
    """One socket ended, or left TIME_WAIT behind.

    ``at`` is when it was told, in seconds since the epoch; ``totals`` are None for UDP and
    for what was never connected or has forgotten (see above); ``state`` is UDP's last state,
    None for TCP.
    """

    at: float
    proto: Proto
    laddr: Addr
    raddr: Addr
    ifindex: int
    cookie: int
    totals: Totals | None
    state: TcpState | None = None


class Lost(NamedTuple):
    """The kernel had no room for ``messages`` of them (None: it does not say how many)."""

    at: float
    messages: int | None


class GroupSocket(Protocol):
    """The part of a socket that listening to multicast groups uses."""

    def settimeout(self, value: float | None, /) -> None:
        """As socket.settimeout."""

    def recvfrom(self, bufsize: int, /) -> tuple[bytes, Any]:
        """As socket.recvfrom."""

    def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes:
        """As socket.getsockopt."""

    def close(self) -> None:
        """As socket.close."""


def open_groups(protos: Iterable[Proto], buffer_size: int = _BUFFER) -> GroupSocket:
    """A socket that is told of every end in these tables of this network namespace."""
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
    sock = socket.socket(socket.AF_NETLINK, kind, NETLINK_SOCK_DIAG)
    try:
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, buffer_size)
        except PermissionError:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_size)
        mask = sum(1 << (_GROUPS[proto] - 1) for proto in protos)
        sock.bind((0, mask))
    except BaseException:
        sock.close()
        raise
    return sock


def decode_ends(data: bytes, at: float) -> list[End]:
    """The ends in one received datagram; sockets of other protocols are passed over.

    ParseError for what the kernel would not send.
    """
    ends = []
    for run in walk(data, sequence=0):
        if run.type != SOCK_DIAG_BY_FAMILY:
            continue
        for start in range(0, len(run.data), run.size):
            body = bytes(run.data[start + HEADER.size : start + run.length])
            end = _decode(body, at)
            if end is not None:
                ends.append(end)
    return ends


def _decode(body: bytes, at: float) -> End | None:
    if len(body) < _MESSAGE.size:
        raise ParseError("inet_diag_msg cut short", body)
    family, code, lport, rport, lip, rip, ifindex, cookie = _MESSAGE.unpack_from(body)
    attached = attributes(body[_MESSAGE.size :])
    number = attached.get(_INET_DIAG_PROTOCOL, b"\0")[0]
    proto = _PROTOS.get((family, number))
    if proto is None:
        return None
    if family == socket.AF_INET:
        lip, rip = lip[:4], rip[:4]
    info = attached.get(_INET_DIAG_INFO, b"")
    totals = None
    if rport and proto.base == "tcp" and len(info) >= _TOTALS.size:
        resent, acked, received, segs_out, segs_in = _TOTALS.unpack_from(info)
        totals = Totals(acked, received, segs_out, segs_in, resent)
    return End(
        at,
        proto,
        Addr(socket.inet_ntop(family, lip), socket.ntohs(lport)),
        Addr(socket.inet_ntop(family, rip), socket.ntohs(rport)),
        ifindex,
        cookie,
        totals,
        STATE_CODES.get(code) if proto.base == "udp" else None,
    )


class Ends:
    """Listens to the destroy groups of ``protos``; a thread keeps the kernel's queue empty.

    SourceUnavailable when the kernel refuses. Close it.
    """

    def __init__(
        self,
        protos: Iterable[Proto] = TABLES,
        opener: Callable[[Iterable[Proto]], GroupSocket] = open_groups,
    ) -> None:
        try:
            self._socket = opener(protos)
        except (OSError, AttributeError) as error:
            # Without AF_NETLINK it is an AttributeError.
            raise SourceUnavailable(f"sock_diag destroy groups: {error}") from error
        self._received: deque[tuple[float, bytes]] = deque()
        self._lost: deque[Lost] = deque()
        self._drops = 0
        self._failure: OSError | None = None
        self._closing = False
        self.arrived = threading.Event()
        """Set when something has arrived since the last :meth:`take`."""
        self._socket.settimeout(_TICK_S)
        self._thread = threading.Thread(target=self._drain, name="pynetstat-ends", daemon=True)
        self._thread.start()

    def take(self) -> tuple[list[End], list[Lost]]:
        """What arrived since the last call. SourceFailed when the kernel broke off."""
        self.arrived.clear()
        ends: list[End] = []
        received, lost = self._received, self._lost
        while received:
            at, data = received.popleft()
            try:
                ends += decode_ends(data, at)
            except ParseError as error:
                raise SourceFailed(f"sock_diag destroy groups: {error}") from error
        losses = [lost.popleft() for _ in range(len(lost))]
        if self._failure is not None:
            raise SourceFailed(f"sock_diag destroy groups: {self._failure}") from self._failure
        return ends, losses

    def close(self) -> None:
        """Listen no more."""
        self._closing = True
        self._thread.join()
        self._socket.close()

    def _drain(self) -> None:
        receive, append, arrived = self._socket.recvfrom, self._received.append, self.arrived
        now = time.time
        while not self._closing:
            try:
                data, sender = receive(_RECEIVE_SIZE)
            except TimeoutError:
                continue
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    self._lost.append(Lost(now(), self._count_drops()))
                    arrived.set()
                    continue
                self._failure = error
                arrived.set()
                return
            if sender[0] == 0:  # else not from the kernel
                append((now(), data))
                if not arrived.is_set():
                    arrived.set()

    def _count_drops(self) -> int | None:
        """How many more messages the kernel has dropped; None where it does not count."""
        try:
            info = self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
            (drops,) = _MEMINFO.unpack(info)
        except (OSError, struct.error):
            return None
        more = drops - self._drops
        self._drops = drops
        return int(more)
