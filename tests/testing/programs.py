"""Small servers and clients as processes of their own, ended with the block that starts them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PATIENCE_S = 30.0

LISTEN = """
import socket, sys
server = socket.create_server((sys.argv[1], int(sys.argv[2])))
print(server.getsockname()[1], flush=True)
sys.stdin.read()
"""
"""Listens on HOST PORT, prints the port, and stays until its input ends."""

LISTEN_WHEN_TOLD = """
import socket, sys
print("ready", flush=True)
sys.stdin.readline()
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
sys.stdin.read()
"""
"""Listens on PORT of 127.0.0.1 once it is sent a line."""

ECHO_ONCE = """
import socket
server = socket.create_server(("127.0.0.1", 0))
connection, _ = server.accept()
server.close()
connection.sendall(connection.recv(100))
connection.close()
"""
"""Accepts one connection, sends back what it gets, and ends."""

LISTEN_IN_CHILD = """
import os, socket, sys
parent_reads, child_writes = os.pipe()
if os.fork() == 0:
    server = socket.create_server(("127.0.0.1", 0))
    print(server.getsockname()[1], flush=True)
    sys.stdin.read()
    os._exit(0)
sys.stdin.read()
os.wait()
"""
"""Listens on a free port in a forked child, and prints the port."""

LISTEN_UDP_AND_UNIX = """
import socket, sys
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
unix = socket.socket(socket.AF_UNIX)
unix.bind(sys.argv[1].replace("@", "\\0"))
unix.listen()
print(udp.getsockname()[1], flush=True)
sys.stdin.read()
"""
"""Binds UDP on a free port and prints it; listens on the unix name NAME."""

SLEEP = "import sys; print('ready', flush=True); sys.stdin.read()"
"""Has no socket at all."""

FAIL = "import sys; sys.exit(3)"
"""Ends at once with status 3."""


@contextmanager
def running(
    code: str, *arguments: object, cwd: Path | None = None
) -> Iterator[subprocess.Popen[str]]:
    """The program, running; at the end its input is closed and it is waited for."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=cwd,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process
    finally:
        process.stdin.close()
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def line_of(process: subprocess.Popen[str]) -> str:
    """The next line that the program prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str]) -> None:
    """Send the program a line."""
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
