"""A network on which every question of the table for operators has an answer."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from . import other_sockets, tcp_states
from .bench import Bench, acting_as, port_of
from .kernel import wait_for_row

HOST = "127.0.0.2"
"""In place of the table's 192.0.2.7."""

USER = "nobody"
"""In place of the table's www-data."""


@contextmanager
def questions(user: int | None) -> Iterator[dict[str, str]]:
    """Sockets in every state, and those that the table asks for by number or name.

    ``user`` owns some of them, where this process may give them away. Yields what stands
    in the table and what it is here.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        bench = Bench(stack)
        tcp_states.servers(bench)
        tcp_states.timers(bench)
        tcp_states.full_queue(bench)
        tcp_states.deferred(bench)
        tcp_states.closing_first(bench)
        tcp_states.half_closed(bench)
        other_sockets.udp(bench)
        other_sockets.raw(bench)
        other_sockets.unix(bench, Path(folder))
        _served(bench, "0.0.0.0", 8080, "127.0.0.1")
        _served(bench, HOST, 443, HOST)
        _served(bench, "::", 8443, "::1")
        bound = bench.new(socket.AF_INET, socket.SOCK_DGRAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        bound.bind(("127.0.0.1", 0))
        docker = f"{folder}/docker.sock"
        server = bench.new(socket.AF_UNIX, socket.SOCK_STREAM)
        server.bind(docker)
        server.listen(4)
        bench.new(socket.AF_UNIX, socket.SOCK_STREAM).connect(docker)
        bench.keep(server.accept()[0])
        if user is not None:
            with acting_as(user):
                tcp_states.listener(bench)
        yield {
            "812": str(os.getpid()),
            "nginx": Path("/proc/self/comm").read_text(encoding="utf-8").strip(),
            "www-data": USER,
            "192.0.2.7": HOST,
            "192.0.2.0/24": "127.0.0.0/24",
            "/run/docker.sock": docker,
        }


def _served(bench: Bench, ip: str, port: int, client_ip: str) -> None:
    """A server at ``port`` with two connections, both accepted, and one more that has ended."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    table = "tcp6" if ":" in ip else "tcp"
    server = bench.new(family, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((ip, port))
    server.listen(4)
    for _ in range(2):
        bench.new(family, socket.SOCK_STREAM).connect((client_ip, port))
        bench.keep(server.accept()[0])
    bench.expect(table, server, 0, "LISTEN")
    if port == 443:
        client = socket.socket(family, socket.SOCK_STREAM)
        client.connect((client_ip, port))
        ended, _ = server.accept()
        lport = port_of(client)
        client.close()
        wait_for_row(table, port, lport, 8)
        ended.close()
        bench.expect(table, lport, port, "TIME_WAIT")
