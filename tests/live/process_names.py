"""A listener that a process of any name holds."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from .bench import Bench, port_of


@contextmanager
def listener_held_by(name: bytes) -> Iterator[int]:
    """Yields the port; this process holds the socket, too."""
    with ExitStack() as stack:
        bench = Bench(stack)
        server = bench.bound(socket.AF_INET, socket.SOCK_STREAM)
        server.listen()
        bench.shared(server, name=os.fsdecode(name))
        yield port_of(server)
