"""Filters asked inside a namespace: what each way of deciding them gives."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from demo.populate import Population, populated
from pynetstat import Proto, Snapshot, SocketRecord, SourceUnavailable, collect
from pynetstat.filters import Filter, matches
from pynetstat.query import NETSTAT_ORDER, Query, select
from pynetstat.sources import Notes
from pynetstat.sources.netlink import NetlinkSocket, open_socket
from pynetstat.sources.sockdiag import SockDiag

from .bench import Bench

INET = tuple(proto for proto in NETSTAT_ORDER if proto is not Proto.UNIX)
_Key = tuple[Any, ...]


def ask(question: str | Filter, protos: list[str], source: str = "auto") -> Snapshot:
    """A snapshot of the rows for which the filter holds."""
    return collect(protos, filter=question, source=source)


def ends() -> list[tuple[str, int]]:
    """Every local and remote end that the tables of TCP and UDP have."""
    records = collect().records
    return sorted({(ip, port) for row in records for ip, port in (row.laddr, row.raddr)})


def decided_by_kernel_and_here(question: Filter) -> list[tuple[list[_Key], list[_Key]]]:
    """For each table that sock_diag reads: its rows asked so, and the whole table sieved."""
    found = []
    for proto in INET:
        try:
            kernels = collect([proto], filter=question, source="sockdiag", owners=True).records
            whole = collect([proto], source="sockdiag", owners=True).records
        except SourceUnavailable:
            continue
        ours = [row for row in whole if matches(question, row)]
        found.append(([_key(row) for row in kernels], [_key(row) for row in ours]))
    return found


def decided_for_both_sources(question: Filter) -> tuple[list[_Key], list[_Key]]:
    """The rows from sock_diag and from /proc, of the tables that both read."""
    protos = ["tcp", "tcp6", "udp", "udp6"]
    return (
        [_key(row) for row in collect(protos, filter=question, source="sockdiag").records],
        [_key(row) for row in collect(protos, filter=question, source="procfs").records],
    )


def _key(row: SocketRecord) -> _Key:
    uid = None if row.state == "SYN_RECV" else row.uid
    return row.proto, row.laddr, row.raddr, row.state, uid, row.inode


@contextmanager
def bound_sockets() -> Iterator[tuple[int, int]]:
    """The ports of a TCP socket that is only bound, and of one that listens on lo alone."""
    with ExitStack() as stack:
        bench = Bench(stack)
        bound = bench.bound(socket.AF_INET, socket.SOCK_STREAM)
        on_loopback = bench.new(socket.AF_INET, socket.SOCK_STREAM)
        on_loopback.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        on_loopback.listen(1)
        yield bound.getsockname()[1], on_loopback.getsockname()[1]


@contextmanager
def crowd(connections: int) -> Iterator[int]:
    """So many connections, and a listener on the port that this gives."""
    with populated(Population(tcp=2 * connections)), ExitStack() as stack:
        bench = Bench(stack)
        server = bench.bound(socket.AF_INET, socket.SOCK_STREAM)
        server.listen(1)
        port: int = server.getsockname()[1]
        client = bench.new(socket.AF_INET, socket.SOCK_STREAM)
        client.connect(server.getsockname())
        yield port


class _Counting:
    """A netlink socket that counts the bytes it is sent."""

    def __init__(self) -> None:
        self.received = 0
        self._socket = open_socket()

    def settimeout(self, value: float | None, /) -> None:
        """As socket.settimeout."""
        self._socket.settimeout(value)

    def sendto(self, data: bytes, address: tuple[int, int], /) -> int:
        """As socket.sendto."""
        return self._socket.sendto(data, address)

    def recvmsg(self, bufsize: int, /) -> tuple[bytes, Any, int, Any]:
        """As socket.recvmsg."""
        answer = self._socket.recvmsg(bufsize)
        self.received += len(answer[0])
        return answer

    def close(self) -> None:
        """As socket.close."""
        self._socket.close()


def cost(question: Filter | None) -> tuple[int, int]:
    """How many rows of TCP sock_diag gives for the question, and in how many bytes."""
    sockets: list[_Counting] = []

    def opener() -> NetlinkSocket:
        sockets.append(_Counting())
        return sockets[-1]

    query = Query((Proto.TCP,), filter=question)
    batches = SockDiag(opener).read(Proto.TCP, query, Notes())
    rows = sum(len(select(batch, query.show)) for batch in batches)
    return rows, sum(each.received for each in sockets)
