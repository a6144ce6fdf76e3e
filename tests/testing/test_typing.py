"""The public API as its users type it; mypy --strict checks this file."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from pynetstat import Addr, Diff, Snapshot, SocketRecord, UnixRecord, collect
from pynetstat.testing import (
    BindAnswer,
    Leak,
    LeakCheck,
    can_bind,
    listening_socket,
    wait_for,
    wait_for_listen,
    wait_for_listen_async,
    wait_until_closed,
)


def typed_calls(server: subprocess.Popen[bytes], path: Path) -> None:
    """Never called: its types are what is checked."""
    by_port: SocketRecord = wait_for_listen(8080, host="::1", pid=server, timeout=1)
    by_process: SocketRecord = wait_for_listen(pid=12, include_children=False, proto="udp")
    by_path: UnixRecord = wait_for_listen(path=path)
    rows: list[SocketRecord] = wait_for(
        "send-q > 0", port=80, state=["ESTABLISHED"], role="server", count=3
    )
    wait_until_closed(8080, timeout=0.5)
    print(by_port, by_process, by_path, rows)


async def typed_async_call() -> Addr:
    """The same without blocking the loop."""
    return (await wait_for_listen_async(8080)).laddr


def test_the_calls_that_need_no_server() -> None:
    check: LeakCheck = LeakCheck()
    sock: socket.socket = listening_socket()
    with sock:
        answer: BindAnswer = can_bind(sock.getsockname()[1], "127.0.0.1")
        assert (answer.allowed, answer.allowed_with_reuse) == (False, False)
        leaks: list[Leak] = check.leaks(allow="state listening")
        assert leaks == []
    before: Snapshot = collect(["tcp"], filter="state listening")
    diff: Diff = before.diff(collect(["tcp"], filter="state listening"))
    assert isinstance(str(diff), str)
    assert sys.modules["pynetstat"].__all__
