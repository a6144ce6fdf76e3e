"""What is put into a network namespace for tests that look at it from outside."""

from __future__ import annotations

import errno
import os
import pty
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from .bench import Bench, port_of

_PATIENCE_S = 30.0
_held: list[socket.socket] = []


@contextmanager
def listener_on(port: int = 0, interface: str = "") -> Iterator[int]:
    """A TCP listener on a port of the loopback, bound to an interface if one is named."""
    with ExitStack() as stack:
        bench = Bench(stack)
        sock = bench.new(socket.AF_INET, socket.SOCK_STREAM)
        if interface:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        sock.bind(("127.0.0.1", port))
        sock.listen()
        yield port_of(sock)


@contextmanager
def abstract_listener(name: str) -> Iterator[None]:
    """A unix socket of an abstract name."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.bind(f"\0{name}")
        sock.listen()
        yield


@contextmanager
def connection(holder_name: str = "") -> Iterator[int]:
    """A listener, which a process so called holds too, and a connection to it; the port."""
    with ExitStack() as stack:
        bench = Bench(stack)
        server = bench.bound(socket.AF_INET, socket.SOCK_STREAM)
        server.listen()
        client = bench.keep(socket.create_connection(server.getsockname()))
        accepted = bench.keep(server.accept()[0])
        if holder_name:
            bench.shared(server, name=holder_name)
        _held[:] = [client, accepted]
        yield port_of(server)
        _held.clear()


@contextmanager
def sharing_listeners(count: int) -> Iterator[int]:
    """Listeners that share a port by SO_REUSEPORT; the port."""
    with ExitStack() as stack:
        bench = Bench(stack)
        port = 0
        for _ in range(count):
            sock = bench.new(socket.AF_INET, socket.SOCK_STREAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind(("127.0.0.1", port))
            port = port_of(sock)
            sock.listen()
        yield port


@contextmanager
def one_way_out() -> Iterator[dict[str, int]]:
    """Sockets that can't be closed from outside, by table: the port of each."""
    with ExitStack() as stack:
        bench = Bench(stack)
        probe = bench.bound(socket.AF_INET, socket.SOCK_DGRAM)
        port = port_of(probe)
        probe.close()
        udp = bench.new(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", port))
        yield {"udp": port}


def errors_of_held() -> list[str]:
    """What the sockets of :func:`connection` say, by name; empty for one that is well."""
    names = []
    for sock in _held:
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        names.append(errno.errorcode.get(code, "") if code else "")
    return names


def run_on_terminal(argv: list[str], answer: str | None) -> tuple[int, bytes]:
    """Run a command on a terminal and answer its question, or interrupt it there.

    Returns its exit code and all it wrote.
    """
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        argv, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, cwd="/"
    ) as process:
        os.close(theirs)
        written = b""
        end = time.monotonic() + _PATIENCE_S
        try:
            while b"[y/N] " not in written and (part := _read(ours, end)):
                written += part
            if answer is None:
                process.send_signal(signal.SIGINT)
            else:
                os.write(ours, answer.encode())
            while part := _read(ours, end):
                written += part
        finally:
            os.close(ours)
            if time.monotonic() > end:
                process.kill()  # it is stuck, and the test fails by its exit code
        return process.wait(_PATIENCE_S), written


def _read(terminal: int, end: float) -> bytes:
    """What comes next; nothing once the other end is closed or the time is up."""
    if not select.select([terminal], [], [], max(0.0, end - time.monotonic()))[0]:
        return b""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def interface_index(name: str) -> int:
    """Its number in this network."""
    return socket.if_nametoindex(name)


@contextmanager
def thread_elsewhere(path: str) -> Iterator[int]:
    """A thread of this process in the namespace of an nsfs file; this process's pid."""
    from pynetstat.sources.inside import Inside

    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        inside = Inside(descriptor)
    finally:
        os.close(descriptor)
    yield os.getpid()
    inside.close()
