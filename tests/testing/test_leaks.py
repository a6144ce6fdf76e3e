"""LeakCheck: leaks of each kind are named, and what is no leak is not."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pynetstat.testing import LeakCheck, SocketsLeaked, listening_socket
from pynetstat.testing.processes import Family

from .programs import LISTEN, line_of, running

SOURCES = ["auto", "procfs", "psutil"]


@pytest.fixture
def keep() -> Iterator[ExitStack]:
    """Keeps sockets open for the length of a test."""
    with ExitStack() as stack:
        yield stack


def a_listener(keep: ExitStack) -> None:
    keep.enter_context(listening_socket())


def a_connection(keep: ExitStack) -> None:
    with listening_socket() as server:
        keep.enter_context(socket.create_connection(server.getsockname()))
        keep.enter_context(server.accept()[0])


def close_wait(keep: ExitStack) -> None:
    with listening_socket() as server:
        with socket.create_connection(server.getsockname()):
            accepted = keep.enter_context(server.accept()[0])
        assert accepted.recv(1) == b""


def a_udp_socket(keep: ExitStack) -> None:
    keep.enter_context(listening_socket(proto="udp"))


def a_unix_socket(keep: ExitStack) -> None:
    sock = keep.enter_context(socket.socket(socket.AF_UNIX))
    sock.bind(f"\0pynetstat-leak-{os.getpid()}")
    sock.listen()


def a_bound_socket(keep: ExitStack) -> None:
    sock = keep.enter_context(socket.socket())
    sock.bind(("127.0.0.1", 0))


def an_unbound_socket(keep: ExitStack) -> None:
    keep.enter_context(socket.socket())


@pytest.mark.parametrize(
    ("leak", "meaning"),
    [
        (a_listener, "a listener: close() is missing here"),
        (a_connection, "an open connection: close() is missing here"),
        (close_wait, "the peer closed, close() is missing here"),
        (a_udp_socket, "an open udp socket: close() is missing here"),
        (a_unix_socket, "a unix listener: close() is missing here"),
        (a_bound_socket, "bound, but neither listening nor connected: close() is missing here"),
        (an_unbound_socket, "in no table: never bound or connected"),
    ],
)
def test_each_kind_is_named(
    leak: Callable[[ExitStack], None], meaning: str, keep: ExitStack
) -> None:
    check = LeakCheck()
    leak(keep)
    with pytest.raises(SocketsLeaked, match="left open") as caught:
        check.check(grace=0)
    message = str(caught.value)
    assert meaning in message
    assert f"{os.getpid()}/" in message
    assert "fd " in message


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("leak", [a_listener, close_wait, a_udp_socket])
def test_every_source_sees_it(
    source: str, leak: Callable[[ExitStack], None], keep: ExitStack
) -> None:
    check = LeakCheck(source=source)
    assert check.leaks() == []
    leak(keep)
    (found,) = check.leaks(grace=0)
    assert found.record is not None
    assert [owner.pid for owner in found.owners] == [os.getpid()]
    keep.close()
    assert check.leaks() == []


def test_what_was_open_before_is_no_leak(keep: ExitStack) -> None:
    a_connection(keep)
    a_unix_socket(keep)
    assert LeakCheck().leaks(grace=0) == []


def test_a_reference_cycle_is_no_leak(recwarn: pytest.WarningsRecorder) -> None:
    class Holder:
        def __init__(self) -> None:
            self.sock = socket.create_server(("127.0.0.1", 0))
            self.itself = self

    check = LeakCheck()
    Holder()
    assert check.leaks(grace=0) == []
    assert [warning.category for warning in recwarn] in ([], [ResourceWarning])


def test_time_wait_counts_when_it_is_asked_for() -> None:
    check, strict = LeakCheck(), LeakCheck(time_wait=True)
    with listening_socket() as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            server.accept()[0].close()
            assert client.recv(1) == b""
    assert check.leaks(grace=0) == []
    mine = [
        leak
        for leak in strict.leaks(grace=0)
        if leak.record is not None and leak.record.laddr.port == port  # type: ignore[union-attr]
    ]
    assert [leak.meaning for leak in mine] == [
        "closed here first; the kernel keeps it for a minute"
    ]


def test_filters_allow_what_may_stay(keep: ExitStack) -> None:
    server = keep.enter_context(listening_socket())
    port = server.getsockname()[1]
    check = LeakCheck()
    client = keep.enter_context(socket.create_connection(("127.0.0.1", port)))
    keep.enter_context(server.accept()[0])
    assert len(check.leaks(grace=0)) == 2
    assert check.leaks(allow=f"sport = :{port} or dport = :{port}") == []
    (left,) = check.leaks(allow=[f"sport = :{port}", "state listening"], grace=0)
    assert left.record is not None
    assert left.record.laddr.port == client.getsockname()[1]  # type: ignore[union-attr]


def test_a_childs_socket_is_a_leak_until_the_child_ends() -> None:
    check, alone = LeakCheck(), LeakCheck(include_children=False)
    with running(LISTEN, "127.0.0.1", 0) as server:
        port = int(line_of(server))
        (leak,) = check.leaks(grace=0)
        assert leak.record is not None
        assert leak.record.laddr.port == port  # type: ignore[union-attr]
        assert [owner.pid for owner in leak.owners] == [server.pid]
        assert alone.leaks(grace=0) == []
        assert server.stdin is not None
        server.stdin.close()
        assert check.leaks(grace=60) == []


def test_another_process_can_be_checked() -> None:
    with running(LISTEN, "127.0.0.1", 0) as server:
        line_of(server)
        check = LeakCheck(server)
        with listening_socket():
            assert check.leaks(grace=0) == []


def test_many_leaks_are_counted_and_the_table_stays_short(keep: ExitStack) -> None:
    check = LeakCheck()
    for _ in range(30):
        a_listener(keep)
    with pytest.raises(SocketsLeaked) as caught:
        check.check(grace=0)
    lines = str(caught.value).splitlines()
    assert lines[0] == "30 sockets were left open:"
    assert lines[-1] == "  and 10 more"


def test_a_socket_path_can_not_harm_the_terminal(keep: ExitStack, tmp_path: Path) -> None:
    check = LeakCheck()
    sock = keep.enter_context(socket.socket(socket.AF_UNIX))
    sock.bind(os.fsencode(tmp_path) + b"/\x1b[31m\n\xff")
    sock.listen()
    with pytest.raises(SocketsLeaked) as caught:
        check.check(grace=0)
    assert r"/\x1b[31m\x0a\xff" in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_family_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other systems have no /proc: psutil tells the same of the processes."""
    with running(LISTEN, "127.0.0.1", 0) as server:
        line_of(server)
        on_linux = Family(os.getpid()).pids()
        monkeypatch.setattr("pynetstat.testing.processes._has_proc", lambda: False)
        family = Family(os.getpid())
        assert family.alive
        assert server.pid in family.pids()
        assert set(on_linux) <= set(family.pids())
        child = Family(server)
        server.kill()
        server.wait()
        assert not child.alive
