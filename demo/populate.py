"""Many sockets on loopback, held by forked workers for as long as a context lasts.

One process may hold only so many descriptors, and one pair of addresses only so many
ports; so the sockets are spread over workers, each with a loopback address of its own.
"""

from __future__ import annotations

import resource
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from demo.crew import Crew, CrewError

_SPARE_DESCRIPTORS = 200
"""Left free in every worker, for its pipes and what it inherits."""
_MOST_PER_WORKER = 18_000
_MOST_WORKERS = 250
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class PopulateError(Exception):
    """The sockets can't all be made here; the text says why, in one line."""


class Population(NamedTuple):
    """How many sockets of each kind.

    ``tcp`` counts ESTABLISHED sockets: a connection on loopback is two. An odd number is
    made up with one more listener. ``time_wait`` counts connections that are closed again,
    each of which leaves one socket to the kernel for a minute, even after the context.
    """

    tcp: int = 0
    listeners: int = 0
    time_wait: int = 0
    udp: int = 0
    unix: int = 0


@contextmanager
def populated(wanted: Population) -> Iterator[Crew]:
    """Hold the sockets of ``wanted`` open; they are there when the context is entered.

    PopulateError when this machine does not allow them. At the end, however it comes
    about, the workers are ended and waited for. Connections end with a reset, so that
    they leave no TIME_WAIT behind.
    """
    with Crew() as crew:
        for number, share in enumerate(_shares(wanted)):
            crew.start(partial(_open, share, f"127.0.0.{number + 1}"))
        try:
            crew.wait_until_ready()
        except CrewError as error:
            raise PopulateError(str(error)) from error
        yield crew


def _shares(wanted: Population) -> list[Population]:
    """What each worker makes."""
    if min(wanted) < 0:
        raise ValueError(f"less than no sockets: {wanted}")
    ports = _ephemeral_ports()
    # The kernel hands out every second port to connect() and searches long for the others.
    per_address = ports // 2
    descriptors = _descriptors_per_process() - _SPARE_DESCRIPTORS
    per_worker = min(descriptors, _MOST_PER_WORKER)
    buckets = _setting("tcp_max_tw_buckets")
    if buckets is not None and wanted.time_wait > buckets:
        raise PopulateError(f"the kernel keeps at most {buckets:,} sockets in TIME_WAIT")
    if per_worker < 2 or per_address < 2:
        raise PopulateError(f"{descriptors:,} descriptors a process and {ports:,} ports: too few")
    held = wanted.tcp + wanted.listeners + wanted.udp + wanted.unix
    pairs, odd = divmod(wanted.tcp, 2)
    count = max(
        -(-held // per_worker),
        -(-(pairs + wanted.time_wait) // per_address),
        -(-(wanted.listeners + odd + wanted.udp) // per_address),
    )
    if count > _MOST_WORKERS:
        raise PopulateError(
            f"{held:,} sockets take {count:,} processes of {per_worker:,}; "
            f"{_MOST_WORKERS} are made at most"
        )
    kinds = zip(
        (2 * share for share in _split(pairs, count)),
        _split(wanted.listeners + odd, count),
        _split(wanted.time_wait, count),
        _split(wanted.udp, count),
        _split(wanted.unix, count),
        strict=True,
    )
    return [Population(*share) for share in kinds]


def _split(total: int, parts: int) -> list[int]:
    """``total`` in ``parts`` as even as can be."""
    return [total // parts + (part < total % parts) for part in range(parts)]


def _descriptors_per_process() -> int:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_PER_WORKER * 2 if most == resource.RLIM_INFINITY else most


def _ephemeral_ports() -> int:
    try:
        bounds = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
    except OSError:
        return 2 * _MOST_PER_WORKER
    lowest, highest = bounds.split()
    return int(highest) - int(lowest) + 1


def _setting(name: str) -> int | None:
    try:
        return int(Path("/proc/sys/net/ipv4", name).read_text(encoding="ascii"))
    except OSError:
        return None


def _open(share: Population, address: str) -> list[int]:
    """Make the sockets of ``share`` in this process; their descriptors."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    held: list[int] = []
    if share.tcp or share.time_wait:
        with socket.create_server((address, 0)) as listener:
            for _ in range(share.time_wait):
                _leave_time_wait(listener)
            # Accepted sockets inherit this: the connections made from here on end without
            # a TIME_WAIT.
            _reset_on_close(listener)
            for _ in range(share.tcp // 2):
                held += _connect(listener)
    for _ in range(share.listeners):
        held.append(socket.create_server((address, 0)).detach())
    for _ in range(share.udp):
        datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagram.bind((address, 0))
        held.append(datagram.detach())
    for _ in range(share.unix // 2):
        one, other = socket.socketpair()
        held += (one.detach(), other.detach())
    if share.unix % 2:
        held.append(socket.socket(socket.AF_UNIX).detach())
    return held


def _connect(listener: socket.socket) -> tuple[int, int]:
    client = socket.socket()
    _reset_on_close(client)
    client.connect(listener.getsockname())
    accepted, _ = listener.accept()
    return client.detach(), accepted.detach()


def _leave_time_wait(listener: socket.socket) -> None:
    """Connect and close, the client first: its end goes to TIME_WAIT."""
    client = socket.create_connection(listener.getsockname())
    accepted, _ = listener.accept()
    client.close()
    accepted.recv(1)
    accepted.close()


def _reset_on_close(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
