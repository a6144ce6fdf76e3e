"""A process's arguments, only as long as it holds the socket."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator

import pytest

from pynetstat.cmdline import command_line
from pynetstat.columns import COLUMNS, Context
from pynetstat.records import Owner
from pynetstat.text import printable

from .rows import HOSTILE_TEXTS, tcp_row
from .waiting import wait_until


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    with socket.socket() as opened:
        yield opened


def _inode(sock: socket.socket) -> int:
    return os.fstat(sock.fileno()).st_ino


def test_this_process(sock: socket.socket) -> None:
    with open("/proc/self/cmdline", "rb") as file:
        expected = [os.fsdecode(word) for word in file.read()[:-1].split(b"\0")]
    owner = Owner(os.getpid(), sock.fileno(), "x")
    assert list(command_line(owner, _inode(sock)) or ()) == expected


def test_a_process_that_does_not_hold_the_socket_lends_no_name(sock: socket.socket) -> None:
    owner = Owner(os.getpid(), sock.fileno(), "x")
    assert command_line(owner, _inode(sock) + 1) is None
    assert command_line(owner._replace(fd=-1), _inode(sock)) is None
    assert command_line(owner._replace(fd=4000), _inode(sock)) is None
    assert command_line(owner._replace(pid=2**30), _inode(sock)) is None


def test_hostile_arguments(sock: socket.socket) -> None:
    arguments = ["sh", "-c", "read line", *HOSTILE_TEXTS]
    with subprocess.Popen(
        [os.fsencode(word) for word in arguments],
        stdin=subprocess.PIPE,
        pass_fds=[sock.fileno()],
    ) as process:
        owner = Owner(process.pid, sock.fileno(), "sh")
        # Its descriptors are closed on exec before its arguments are there.
        wait_until(lambda: bool(command_line(owner, _inode(sock))), "arguments")
        row = tcp_row(inode=_inode(sock), owners=(owner,))
        found = command_line(owner, _inode(sock))
        text = COLUMNS["cmdline"].cell(row, Context())
        (shown,) = COLUMNS["cmdline"].value(row, Context())
    assert found == tuple(arguments)
    assert text.isprintable()
    assert shown == [printable(word) for word in arguments]
    assert all(word.isprintable() for word in shown)
