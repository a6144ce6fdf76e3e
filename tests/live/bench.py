"""A bench of open sockets: makes them, names the rows they must show, closes them all."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from .kernel import wait_for_row

STATES = {
    "ESTABLISHED": 1,
    "SYN_SENT": 2,
    "SYN_RECV": 3,
    "FIN_WAIT1": 4,
    "FIN_WAIT2": 5,
    "TIME_WAIT": 6,
    "CLOSE": 7,
    "CLOSE_WAIT": 8,
    "LAST_ACK": 9,
    "LISTEN": 10,
    "CLOSING": 11,
}

LOCALHOST = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


class Bench:
    """Open sockets and the rows they make: table, local port, remote port and state."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.rows: list[tuple[str, int, int, str]] = []

    def keep(self, sock: socket.socket) -> socket.socket:
        """Close ``sock`` at the end."""
        return self._stack.enter_context(sock)

    def new(self, family: int, kind: int, number: int = 0) -> socket.socket:
        """A new socket, closed at the end."""
        return self.keep(socket.socket(family, kind, number))

    def bound(self, family: int, kind: int, number: int = 0, ip: str | None = None) -> Any:
        """A new socket on a free port of the loopback."""
        sock = self.new(family, kind, number)
        sock.bind((LOCALHOST[socket.AddressFamily(family)] if ip is None else ip, 0))
        return sock

    def expect(self, table: str, sock: socket.socket | int, peer: int, state: str) -> None:
        """Wait for a row of ``sock`` (or of a local port) and remember it."""
        lport = sock if isinstance(sock, int) else port_of(sock)
        wait_for_row(table, lport, peer, STATES[state])
        self.rows.append((table, lport, peer, state))

    def shared(self, *socks: socket.socket, name: str = "sh", uid: int | None = None) -> int:
        """A process called ``name`` that holds ``socks`` too, until the end; its pid."""
        return self._stack.enter_context(holder(list(socks), name, uid)).pid


@contextmanager
def holder(
    socks: list[socket.socket], name: str = "sh", uid: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process called ``name``, of user ``uid``, that holds ``socks``."""
    shell = shutil.which("sh")
    assert shell is not None, "a POSIX system has sh"
    identity: dict[str, Any] = {}
    if uid is not None:
        identity = {"user": uid, "group": uid, "extra_groups": []}
    with subprocess.Popen(
        [name, "-c", "read line"],
        executable=shell,
        stdin=subprocess.PIPE,
        pass_fds=[sock.fileno() for sock in socks],
        cwd="/",
        **identity,
    ) as process:
        yield process


@contextmanager
def acting_as(uid: int) -> Iterator[None]:
    """What is opened meanwhile belongs to user ``uid``."""
    before = os.geteuid()
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(before)


def port_of(sock: socket.socket) -> int:
    """The local port."""
    port: int = sock.getsockname()[1]
    return port
