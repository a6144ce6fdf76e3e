"""How many sockets that never close a snapshot misses or doubles while others come and go.

Stable sockets are held by workers, two more workers open and close others, and
``collect()`` is asked again and again. What is stable is known from /proc, read before the
churn begins; each socket is known by its inode, which can't go to another as long as it
lives.
"""

from __future__ import annotations

import mmap
import os
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from demo.crew import Crew
from demo.populate import PopulateError, Population, populated
from pynetstat import collect

_STABLE = {"tcp": Population(tcp=22_000), "udp": Population(udp=18_000)}
_CHURNERS = 2
_BURST = 100
_COUNTER = struct.Struct("=Q")
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Churned(NamedTuple):
    """What became of the stable sockets, summed over all snapshots.

    ``changes_per_s`` counts every socket opened and every socket closed.
    """

    stable: int
    missed: int
    doubled: int
    changes_per_s: float


def churn(protocol: str, snapshots: int, changes_per_s: int | None) -> Churned:
    """Snapshots of ``tcp`` or ``udp``, both families, from the default source.

    ``changes_per_s`` of None is as fast as the machine can.
    """
    protos = (protocol, f"{protocol}6")
    stable = _STABLE[protocol]
    change = _open_tcp if protocol == "tcp" else _open_udp
    counters = mmap.mmap(-1, _CHURNERS * _COUNTER.size)
    with counters, populated(stable), Crew() as churners:
        expected = {row.inode for row in collect(protos, source="procfs").records} - {0}
        if len(expected) < sum(stable):
            raise PopulateError(f"only {len(expected)} of {sum(stable)} sockets are in /proc/net")
        for number in range(_CHURNERS):
            # Outside of the addresses that the stable sockets use.
            address = f"127.1.0.{number + 1}"
            churner = _Churner(counters, number, partial(change, address), changes_per_s)
            churners.start(churner.prepare, _Churner.burst)
        churners.wait_until_ready()
        missed = doubled = 0
        before, started = _changes(counters), time.perf_counter()
        for _ in range(snapshots):
            seen = Counter(row.inode for row in collect(protos).records)
            missed += len(expected - seen.keys())
            doubled += sum(seen[inode] > 1 for inode in expected)
        rate = (_changes(counters) - before) / (time.perf_counter() - started)
    return Churned(sum(stable), missed, doubled, rate)


class _Churner:
    """One worker that opens and closes sockets, at its share of the rate asked for."""

    def __init__(
        self,
        counters: mmap.mmap,
        number: int,
        change: Callable[[], int],
        changes_per_s: int | None,
    ) -> None:
        self._counters = counters
        self._at = number * _COUNTER.size
        self._change = change
        self._rate = changes_per_s / _CHURNERS if changes_per_s else None
        self._count = 0
        self._started = 0.0

    def prepare(self) -> _Churner:
        """Start the clock."""
        self._started = time.monotonic()
        return self

    def burst(self) -> None:
        """One burst, and a rest for as long as it is ahead of its rate."""
        self._count += self._change()
        _COUNTER.pack_into(self._counters, self._at, self._count)
        if self._rate is not None:
            ahead = self._started + self._count / self._rate - time.monotonic()
            time.sleep(max(0.0, ahead))


def _changes(counters: mmap.mmap) -> int:
    return sum(count for (count,) in _COUNTER.iter_unpack(counters[:]))


def _open_tcp(address: str) -> int:
    """Make connections, then reset them all; how many changes to the table that was."""
    with socket.create_server((address, 0), backlog=_BURST) as listener:
        held: list[int] = []
        for _ in range(_BURST):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            client.connect(listener.getsockname())
            accepted, _ = listener.accept()
            held += (client.detach(), accepted.detach())
        for descriptor in held:
            os.close(descriptor)
    return 2 * (len(held) + 1)


def _open_udp(address: str) -> int:
    """Bind sockets, then close them all; how many changes to the table that was."""
    held = []
    for _ in range(_BURST):
        datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagram.bind((address, 0))
        held.append(datagram.detach())
    for descriptor in held:
        os.close(descriptor)
    return 2 * len(held)
