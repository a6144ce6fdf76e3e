"""Ephemeral ports that are few, and used up by connections to one destination."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from pynetstat.explain.ports import PortRange, read_port_range
from pynetstat.explain.trouble import find_trouble
from pynetstat.snapshot import collect

from .bench import Bench, port_of

_SETTINGS = "/proc/sys/net/ipv4"


def set_port_range(low: int, high: int, reserved: str) -> PortRange | None:
    """Set this network namespace's range; what can be read of it."""
    for name, text in (
        ("ip_local_port_range", f"{low} {high}"),
        ("ip_local_reserved_ports", reserved),
    ):
        with open(f"{_SETTINGS}/{name}", "w") as file:
            file.write(text)
    return read_port_range()


@contextmanager
def connections(port: int, count: int) -> Iterator[list[int]]:
    """So many connections to ``port``; yields their own ports."""
    with ExitStack() as stack:
        bench = Bench(stack)
        server = bench.new(socket.AF_INET, socket.SOCK_STREAM)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen(count)
        clients = [bench.new(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
        for client in clients:
            client.connect(("127.0.0.1", port))
        yield [port_of(client) for client in clients]


def connect_once_more(port: int) -> int | None:
    """The error of one more connect() to ``port``, None when it succeeds."""
    with socket.socket() as client:
        try:
            client.connect(("127.0.0.1", port))
        except OSError as error:
            return error.errno
    return None


def sentences() -> list[str]:
    """The trouble of this network namespace in words."""
    return [trouble.sentence for trouble in find_trouble(collect(), ports=read_port_range())]
