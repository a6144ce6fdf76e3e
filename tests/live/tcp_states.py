"""TCP sockets on loopback in each of the eleven states but CLOSE, and with every timer."""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
from typing import NamedTuple

from .bench import LOCALHOST, Bench, port_of
from .kernel import wait_for_row
from .namespaces import LONG_IPV6

_SO_ATTACH_FILTER = 26
_ON, _KEEPALIVE, _PROBE = 1, 2, 4


class Pair(NamedTuple):
    """Both ends of a connection; the server's is None until it was accepted."""

    client: socket.socket
    server: socket.socket


def listener(
    bench: Bench, backlog: int = 16, family: int = socket.AF_INET, ip: str | None = None
) -> socket.socket:
    """A listening socket."""
    sock: socket.socket = bench.bound(family, socket.SOCK_STREAM, ip=ip)
    sock.listen(backlog)
    return sock


def connect(bench: Bench, server: socket.socket) -> socket.socket:
    """A client whose connect() has begun and is not waited for."""
    client = bench.new(server.family, socket.SOCK_STREAM)
    client.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        client.connect(server.getsockname())
    return client


def pair(bench: Bench, family: int = socket.AF_INET, tiny: bool = False) -> Pair:
    """An accepted connection; with ``tiny`` buffers it is soon full both ways."""
    server = bench.bound(family, socket.SOCK_STREAM)
    client = bench.new(family, socket.SOCK_STREAM)
    if tiny:
        for sock in (server, client):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    server.listen(1)
    client.connect(server.getsockname())
    accepted, _ = server.accept()
    return Pair(client, bench.keep(accepted))


def fill(sender: socket.socket) -> None:
    """Send until neither side has room."""
    sender.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            sender.send(b"x" * 5000)


def drop_all(sock: socket.socket) -> None:
    """Let ``sock`` hear nothing any more: a filter that accepts no byte of any packet."""
    program = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, 0))
    sock.setsockopt(
        socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", 1, ctypes.addressof(program))
    )


def servers(bench: Bench) -> None:
    """LISTEN in its forms, with accepted and waiting connections, v4, v6 and dual stack."""
    for family, table in ((socket.AF_INET, "tcp"), (socket.AF_INET6, "tcp6")):
        for ip in (LOCALHOST[family], "0.0.0.0" if table == "tcp" else "::"):
            bench.expect(table, listener(bench, 7, family, ip), 0, "LISTEN")
        ends = pair(bench, family)
        ports = port_of(ends.client), port_of(ends.server)
        bench.expect(table, ports[0], ports[1], "ESTABLISHED")
        bench.expect(table, ports[1], ports[0], "ESTABLISHED")
        waited = listener(bench, 3, family)
        client = connect(bench, waited)
        bench.expect(table, waited, port_of(client), "ESTABLISHED")

    dual = bench.new(socket.AF_INET6, socket.SOCK_STREAM)
    dual.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    dual.bind(("::", 0))
    dual.listen(1)
    client = bench.new(socket.AF_INET, socket.SOCK_STREAM)
    client.connect(("127.0.0.1", port_of(dual)))
    bench.keep(dual.accept()[0])
    bench.expect("tcp6", dual, port_of(client), "ESTABLISHED")


def long_addresses(bench: Bench) -> None:
    """A connection between addresses that netstat cuts."""
    server = listener(bench, 1, socket.AF_INET6, LONG_IPV6)
    client = bench.new(socket.AF_INET6, socket.SOCK_STREAM)
    client.connect(server.getsockname())
    bench.expect("tcp6", client, port_of(server), "ESTABLISHED")


def same_port(bench: Bench) -> None:
    """Three sockets listening on one port (SO_REUSEPORT)."""
    port = 0
    for _ in range(3):
        sock = bench.new(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(("127.0.0.1", port))
        port = port_of(sock)
        sock.listen()
        bench.expect("tcp", sock, 0, "LISTEN")


def many_owners(bench: Bench) -> None:
    """A listener that two processes hold, and one that only a process of long name holds."""
    both = listener(bench)
    bench.shared(both, name="second-holder")
    bench.expect("tcp", both, 0, "LISTEN")
    handed_over = listener(bench)
    bench.shared(handed_over, name="a-program-of-a-very-long name")
    bench.expect("tcp", handed_over, 0, "LISTEN")
    handed_over.close()


def full_queue(bench: Bench) -> None:
    """SYN_SENT: nobody accepts, and the queue of one is full."""
    server = listener(bench, 1)
    clients = [connect(bench, server) for _ in range(4)]
    for client in clients[2:]:
        bench.expect("tcp", client, port_of(server), "SYN_SENT")


def deferred(bench: Bench) -> None:
    """SYN_RECV: the server waits for the first byte before it calls it a connection."""
    server = bench.bound(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)
    server.listen(2)
    client = connect(bench, server)
    bench.expect("tcp", server, port_of(client), "SYN_RECV")


def closing_first(bench: Bench) -> None:
    """FIN_WAIT1, CLOSING and LAST_ACK: a FIN behind a window that stays shut."""
    client, server = pair(bench, tiny=True)
    fill(client)
    client.shutdown(socket.SHUT_WR)
    bench.expect("tcp", client, port_of(server), "FIN_WAIT1")

    client, server = pair(bench, tiny=True)
    fill(client)
    client.shutdown(socket.SHUT_WR)
    server.shutdown(socket.SHUT_WR)
    bench.expect("tcp", client, port_of(server), "CLOSING")
    bench.expect("tcp", server, port_of(client), "FIN_WAIT2")

    client, server = pair(bench, tiny=True)
    ports = port_of(server), port_of(client)
    client.shutdown(socket.SHUT_WR)
    wait_for_row("tcp", *ports, 8)
    fill(server)
    server.close()
    bench.expect("tcp", *ports, "LAST_ACK")


def half_closed(bench: Bench) -> None:
    """FIN_WAIT2 with and without an owner, CLOSE_WAIT, TIME_WAIT."""
    client, server = pair(bench)
    client.shutdown(socket.SHUT_WR)
    bench.expect("tcp", client, port_of(server), "FIN_WAIT2")
    bench.expect("tcp", server, port_of(client), "CLOSE_WAIT")

    client, server = pair(bench)
    ports = port_of(client), port_of(server)
    client.close()
    bench.expect("tcp", *ports, "FIN_WAIT2")

    for family, table in ((socket.AF_INET, "tcp"), (socket.AF_INET6, "tcp6")):
        client, server = pair(bench, family)
        ports = port_of(client), port_of(server)
        client.close()
        wait_for_row(table, ports[1], ports[0], 8)
        server.close()
        bench.expect(table, *ports, "TIME_WAIT")


def timers(bench: Bench) -> None:
    """The timers on (with retransmissions), keepalive and probe, and data in both queues."""
    client, server = pair(bench)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    wait_for_row("tcp", port_of(client), port_of(server), 1, _KEEPALIVE)

    client, server = pair(bench, tiny=True)
    fill(client)
    wait_for_row("tcp", port_of(client), port_of(server), 1, _PROBE)

    client, server = pair(bench)
    drop_all(server)
    client.send(b"into the void")
    wait_for_row("tcp", port_of(client), port_of(server), 1, _ON)
