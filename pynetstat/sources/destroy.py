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
from typing import NamedTuple, Protocol

from pynetstat.errors import ParseError, SourceFailed, SourceUnavailable
from pynetstat.history.transition import Totals
from pynetstat.records import STATE_CODES, Addr, Proto, TcpState
from pynetstat.sources.multicast import GroupSocket
from pynetstat.sources.netlink import SOCK_DIAG_BY_FAMILY, attributes

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
_MESSAGE = struct.Struct("=IH10x BBxx HH 16s16s I Q 20x")
"""Of the netlink header length and type, of struct inet_diag_msg family, state, ports,
addresses, interface and cookie."""
_INET_DIAG_INFO = 2
_INET_DIAG_PROTOCOL = 10
_TOTALS = struct.Struct("=100x I 16x QQ II")
"""struct tcp_info: tcpi_total_retrans; tcpi_bytes_acked to tcpi_segs_in."""

_MOST_TEXTS = 10_000
"""Addresses remembered: peers come and go for as long as it runs."""
_BUFFER = 64 * 1024 * 1024


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


class Groups(Protocol):
    """What :class:`~pynetstat.sources.multicast.GroupSocket` does."""

    def receive(self) -> list[bytes]:
        """The messages that wait; none after a moment. OSError."""
        ...

    def count_drops(self) -> int | None:
        """How many were dropped since the beginning."""
        ...

    def close(self) -> None:
        """Leave the groups."""
        ...


def open_groups(protos: Iterable[Proto], buffer_size: int = _BUFFER) -> Groups:
    """A socket that is told of every end in these tables of this network namespace."""
    return GroupSocket(sum(1 << (_GROUPS[proto] - 1) for proto in protos), buffer_size)


class Decoder:
    """Makes ends of received messages; remembers the texts of addresses."""

    def __init__(self) -> None:
        self._texts: dict[tuple[int, bytes], str] = {}

    def decode(self, data: bytes, at: float) -> End | None:
        """The end in one message; None for a socket of another protocol.

        ParseError for what the kernel would not send.
        """
        if len(data) < _MESSAGE.size:
            raise ParseError("inet_diag_msg cut short", data)
        (length, kind, family, code, lport, rport, lip, rip, ifindex, cookie) = (
            _MESSAGE.unpack_from(data)
        )
        if kind != SOCK_DIAG_BY_FAMILY or not _MESSAGE.size <= length <= len(data):
            raise ParseError(f"netlink length {length} of {len(data)} bytes", data)
        attached = attributes(data[_MESSAGE.size : length])
        number = attached.get(_INET_DIAG_PROTOCOL, b"\0")
        if not number:
            raise ParseError("inet_diag protocol without its number", data)
        proto = _PROTOS.get((family, number[0]))
        if proto is None:
            return None
        texts = self._texts
        if len(texts) > _MOST_TEXTS:
            texts.clear()
        local, remote = texts.get((family, lip)), texts.get((family, rip))
        if local is None:
            local = texts[family, lip] = _text(family, lip)
        if remote is None:
            remote = texts[family, rip] = _text(family, rip)
        is_tcp = proto is Proto.TCP or proto is Proto.TCP6
        totals = None
        info = attached.get(_INET_DIAG_INFO, b"")
        if rport and is_tcp and len(info) >= _TOTALS.size:
            resent, acked, received, segs_out, segs_in = _TOTALS.unpack_from(info)
            totals = Totals(acked, received, segs_out, segs_in, resent)
        return End(
            at,
            proto,
            Addr(local, socket.ntohs(lport)),
            Addr(remote, socket.ntohs(rport)),
            ifindex,
            cookie,
            totals,
            None if is_tcp else STATE_CODES.get(code),
        )


def _text(family: int, address: bytes) -> str:
    return socket.inet_ntop(family, address[:4] if family == socket.AF_INET else address)


_MOST_WAITING = 200_000
"""Messages kept for a reader that does not come, some 100 MB; of more the number is told."""


class Ends:
    """Listens to the destroy groups of ``protos``; a thread keeps the kernel's queue empty.

    SourceUnavailable when the kernel refuses. Close it.
    """

    def __init__(
        self,
        protos: Iterable[Proto] = TABLES,
        opener: Callable[[Iterable[Proto]], Groups] = open_groups,
    ) -> None:
        try:
            self._groups = opener(protos)
        except (OSError, AttributeError) as error:
            # Without netlink or recvmmsg() it is an AttributeError.
            raise SourceUnavailable(f"sock_diag destroy groups: {error}") from error
        self._decoder = Decoder()
        self._received: deque[tuple[float, bytes]] = deque()
        self._lost: deque[Lost] = deque()
        self._drops = 0
        self._failure: OSError | None = None
        self._closing = False
        self.arrived = threading.Event()
        """Set when something has arrived since the last :meth:`take`."""
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
                end = self._decoder.decode(data, at)
            except ParseError as error:
                raise SourceFailed(f"sock_diag destroy groups: {error}") from error
            if end is not None:
                ends.append(end)
        losses = [lost.popleft() for _ in range(len(lost))]
        if self._failure is not None:
            raise SourceFailed(f"sock_diag destroy groups: {self._failure}") from self._failure
        return ends, losses

    def close(self) -> None:
        """Listen no more."""
        self._closing = True
        self._thread.join()
        self._groups.close()

    def _drain(self) -> None:
        now = time.time
        while not self._closing:
            try:
                messages = self._groups.receive()
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    self._failure = error
                    self.arrived.set()
                    return
                self._lost.append(Lost(now(), self._count_drops()))
                self.arrived.set()
                continue
            if messages:
                at = now()
                if len(self._received) < _MOST_WAITING:
                    self._received.extend((at, data) for data in messages)
                else:
                    self._lost.append(Lost(at, len(messages)))
                self.arrived.set()

    def _count_drops(self) -> int | None:
        """How many more messages the kernel has dropped; None where it does not say."""
        drops = self._groups.count_drops()
        if drops is None:
            return None
        more, self._drops = drops - self._drops, drops
        return more
