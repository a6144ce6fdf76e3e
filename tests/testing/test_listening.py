"""wait_for_listen() and wait_until_closed() on real servers, from every source."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pynetstat import Addr, Proto, SourceUnavailable, TcpState, UnixState
from pynetstat.testing import (
    ProcessEnded,
    WaitTimeout,
    listening_socket,
    wait_for_listen,
    wait_for_listen_async,
    wait_until_closed,
    wait_until_closed_async,
)
from pynetstat.testing.bound import BoundNetstat
from tests.ports import free_port

from .programs import (
    ECHO_ONCE,
    FAIL,
    LISTEN,
    LISTEN_IN_CHILD,
    LISTEN_UDP_AND_UNIX,
    LISTEN_WHEN_TOLD,
    SLEEP,
    line_of,
    running,
    tell,
)

SOURCES = ["auto", "sockdiag", "procfs", "psutil"]
LONG_S = 60.0
"""So long that a wait which should fail at once would be noticed."""
SHORT_S = 0.05


@pytest.mark.parametrize("source", SOURCES)
def test_the_one_accept_of_a_server_is_left_to_its_client(source: str) -> None:
    with running(ECHO_ONCE) as server:
        listener = wait_for_listen(pid=server, source=source, timeout=LONG_S)
        assert listener.state is TcpState.LISTEN
        assert [owner.pid for owner in listener.owners or ()] == [server.pid]
        with socket.create_connection(listener.laddr, timeout=LONG_S) as client:
            client.sendall(b"hello")
            assert client.recv(100) == b"hello"
        assert server.wait(LONG_S) == 0


@pytest.mark.parametrize("source", SOURCES)
def test_a_server_that_binds_late(source: str) -> None:
    port = free_port()
    with running(LISTEN_WHEN_TOLD, port) as server:
        line_of(server)
        timer = threading.Timer(SHORT_S, tell, [server])
        timer.start()
        listener = wait_for_listen(port, pid=server.pid, source=source, timeout=LONG_S)
        timer.join()
        assert listener.laddr == Addr("127.0.0.1", port)


@pytest.mark.parametrize("source", SOURCES)
def test_a_server_in_a_child(source: str) -> None:
    with running(LISTEN_IN_CHILD) as server:
        port = int(line_of(server))
        listener = wait_for_listen(port, pid=server, source=source, timeout=LONG_S)
        assert [owner.pid for owner in listener.owners or ()] != [server.pid]
        with pytest.raises(WaitTimeout, match="another process"):
            wait_for_listen(
                port, pid=server, include_children=False, source=source, timeout=SHORT_S
            )


@pytest.mark.parametrize("source", SOURCES)
def test_a_server_that_ends_first_fails_the_wait_at_once(source: str) -> None:
    with running(FAIL) as server, pytest.raises(ProcessEnded) as caught:
        wait_for_listen(pid=server, source=source, timeout=LONG_S)
    assert f"pid {server.pid} has ended with exit status 3; nothing came to listen" in str(
        caught.value
    )


def test_a_server_that_was_killed() -> None:
    with running(SLEEP) as server:
        line_of(server)
        server.kill()
        with pytest.raises(ProcessEnded, match=f"pid {server.pid} was ended by signal 9"):
            wait_for_listen(free_port(), pid=server, timeout=LONG_S)


def test_a_process_that_nobody_has_waited_for_has_ended() -> None:
    with running(FAIL) as server:
        os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(ProcessEnded, match=f"pid {server.pid} has ended"):
            wait_for_listen(pid=server.pid, timeout=LONG_S)


@pytest.mark.parametrize("source", SOURCES)
def test_the_wrong_host(source: str) -> None:
    with running(LISTEN, "127.0.0.2", 0) as server:
        port = int(line_of(server))
        assert wait_for_listen(port, host="127.0.0.2", source=source).laddr.port == port
        with pytest.raises(WaitTimeout) as caught:
            wait_for_listen(port, host="127.0.0.1", source=source, timeout=SHORT_S)
    lines = str(caught.value).splitlines()
    assert lines[0] == (f"after 0.05 s nothing listens on 127.0.0.1 tcp port {port}; there is:")
    assert f"127.0.0.2:{port}" in lines[2]
    assert f"{server.pid}/" in lines[2]
    assert lines[2].endswith("another address")


@pytest.mark.parametrize(
    ("bound", "host"),
    [
        ("0.0.0.0", "127.0.0.1"),
        ("::", "::1"),
        ("::", "127.0.0.1"),
        ("127.0.0.1", "localhost"),
        ("0.0.0.0", "0.0.0.0"),
    ],
)
def test_a_listener_on_every_address_counts(bound: str, host: str) -> None:
    with listening_socket(bound) as server:
        port = server.getsockname()[1]
        assert wait_for_listen(port, host=host).laddr.ip == bound


@pytest.mark.parametrize(("bound", "host"), [("127.0.0.1", "0.0.0.0"), ("0.0.0.0", "::1")])
def test_a_listener_that_a_client_would_not_reach(bound: str, host: str) -> None:
    with listening_socket(bound) as server, pytest.raises(WaitTimeout):
        wait_for_listen(server.getsockname()[1], host=host, timeout=SHORT_S)


def test_a_listener_for_ipv6_alone_is_not_reached_from_ipv4() -> None:
    with socket.socket(socket.AF_INET6) as server:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.bind(("::", 0))
        server.listen()
        port = server.getsockname()[1]
        assert wait_for_listen(port, host="::1").state is TcpState.LISTEN
        with pytest.raises(WaitTimeout, match="another address"):
            wait_for_listen(port, host="127.0.0.1", timeout=SHORT_S)


def test_another_process_holds_the_port() -> None:
    with running(LISTEN, "127.0.0.1", 0) as holder, running(SLEEP) as other:
        port = int(line_of(holder))
        with pytest.raises(WaitTimeout) as caught:
            wait_for_listen(port, pid=other, timeout=SHORT_S)
    message = str(caught.value)
    assert f"held by pid {other.pid} or its children" in message
    assert f"{holder.pid}/" in message
    assert message.endswith("another process")


def test_nobody_has_the_port() -> None:
    port = free_port()
    with pytest.raises(WaitTimeout) as caught:
        wait_for_listen(port, timeout=0)
    assert str(caught.value) == (
        f"after 0 s nothing listens on tcp port {port}\n  no socket has the local port {port}"
    )


@pytest.mark.parametrize("source", ["auto", "sockdiag", "procfs"])
@pytest.mark.parametrize("abstract", [False, True])
def test_unix_and_udp(source: str, abstract: bool, tmp_path: Path) -> None:
    name = f"@pynetstat-{os.getpid()}-{source}" if abstract else str(tmp_path / "socket")
    with running(LISTEN_UDP_AND_UNIX, name) as server:
        port = int(line_of(server))
        unix = wait_for_listen(path=name, pid=server, source=source, timeout=LONG_S)
        assert unix.state is UnixState.LISTENING
        assert unix.path == name.replace("@", "\0").encode()
        udp = wait_for_listen(port, proto="udp", pid=server, source=source, timeout=LONG_S)
        assert udp.proto is Proto.UDP
        with pytest.raises(WaitTimeout, match="another name"):
            wait_for_listen(path=name + "x", source=source, timeout=SHORT_S)
    wait_until_closed(path=name, source=source, timeout=LONG_S)


def test_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(LISTEN_UDP_AND_UNIX, tmp_path / "socket") as server:
        line_of(server)
        monkeypatch.chdir(tmp_path)
        assert wait_for_listen(path="socket", timeout=LONG_S).state is UnixState.LISTENING


@pytest.mark.parametrize("source", SOURCES)
def test_until_closed(source: str) -> None:
    with running(LISTEN, "127.0.0.1", 0) as server:
        port = int(line_of(server))
        with pytest.raises(WaitTimeout, match=rf"there still listens on tcp port {port}"):
            wait_until_closed(port, source=source, timeout=SHORT_S)
        assert server.stdin is not None
        server.stdin.close()
        wait_until_closed(port, pid=server, source=source, timeout=LONG_S)
        wait_until_closed(port, source=source, timeout=LONG_S)


def test_time_wait_does_not_count_as_listening() -> None:
    with listening_socket() as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = server.accept()
            accepted.close()
            assert client.recv(1) == b""
    wait_until_closed(port)


def test_asyncio_goes_on_meanwhile() -> None:
    port = free_port()

    async def serve_later() -> int:
        waiting = asyncio.create_task(wait_for_listen_async(port, timeout=LONG_S))
        turns = 0
        while turns < 20:
            await asyncio.sleep(0)
            turns += 1
        assert not waiting.done()
        server = await asyncio.start_server(
            lambda _reader, writer: writer.close(), "127.0.0.1", port
        )
        async with server:
            found = await waiting
            with pytest.raises(WaitTimeout):
                await wait_until_closed_async(port, timeout=SHORT_S)
        await wait_until_closed_async(port, timeout=LONG_S)
        return found.laddr.port

    assert asyncio.run(serve_later()) == port


def test_an_asyncio_wait_can_be_cancelled() -> None:
    async def give_up() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(wait_for_listen_async(free_port(), timeout=LONG_S), SHORT_S)

    asyncio.run(give_up())


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"path": "/run/x", "port": 1},
        {"path": "/run/x", "host": "::1"},
        {"port": 1, "proto": "x"},
    ],
)
def test_questions_that_make_no_sense(question: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"nothing to look for|neither port nor host|'x'"):
        wait_for_listen(**question)  # type: ignore[call-overload]


def test_a_process_that_was_never_started() -> None:
    class Unstarted:
        pid = None

    with pytest.raises(ValueError, match="was not started"):
        wait_for_listen(pid=Unstarted())


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it acts as two users")
def test_another_users_process_is_no_silent_timeout() -> None:
    code = (
        "import os, sys\n"
        "from pynetstat import collect\n"
        "from pynetstat.errors import SourceUnavailable\n"
        "from pynetstat.testing import wait_for_listen\n"
        "collect(['tcp'], owners=True)  # loads everything: nobody may not read root's Python\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try:\n"
        "    wait_for_listen(pid=int(sys.argv[1]), timeout=60)\n"
        "except SourceUnavailable as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(os.getpid())], capture_output=True, text=True, check=False
    )
    assert f"pid {os.getpid()} can't be looked into" in done.stdout, done.stderr


@contextmanager
def unix_listener(folder: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    program = (
        "import socket, sys\n"
        "s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()\n"
        "print(flush=True); sys.stdin.read()"
    )
    with running(program, name, cwd=folder) as server:
        line_of(server)
        yield server


def test_a_unix_path_in_other_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)
    for bound in ("r.sock", "../folder/a.sock", str(link / "l.sock")):
        with unix_listener(folder, bound) as server:
            path = folder / Path(bound).name
            for asked in (path, link / path.name, str(path).encode()):
                assert wait_for_listen(path=asked, pid=server).path == bound.encode()
                assert wait_for_listen(path=asked).path == bound.encode()
                with pytest.raises(WaitTimeout):
                    wait_until_closed(path=asked, timeout=0)
            with pytest.raises(WaitTimeout):
                wait_for_listen(path=tmp_path / path.name, timeout=0)
            monkeypatch.chdir(tmp_path)
            with pytest.raises(WaitTimeout):
                wait_for_listen(path=path.name, timeout=0)
            monkeypatch.chdir(folder)
            assert wait_for_listen(path=path.name, timeout=0).path == bound.encode()
        wait_until_closed(path=path)


def test_the_holder_of_a_unix_path_is_named(tmp_path: Path) -> None:
    with (
        unix_listener(tmp_path, str(tmp_path / "s")) as holder,
        running(SLEEP) as other,
        pytest.raises(WaitTimeout) as caught,
    ):
        wait_for_listen(path=tmp_path / "s", pid=other, timeout=0)
    assert f"{holder.pid}/" in str(caught.value)
    assert str(caught.value).endswith("another process")


@pytest.mark.parametrize("host", ["::ffff:127.0.0.1", "::FFFF:7f00:1"])
def test_a_host_in_other_words(host: str) -> None:
    with listening_socket() as server:
        port = server.getsockname()[1]
        assert wait_for_listen(port, host=host).laddr.ip == "127.0.0.1"


def test_a_host_that_nobody_knows_is_named() -> None:
    with pytest.raises(OSError, match=r"host 'nosuch\.invalid'"):
        wait_for_listen(80, host="nosuch.invalid")


def test_a_process_of_another_network_namespace_is_refused() -> None:
    program = (
        "import os, sys\n"
        "libc = __import__('ctypes').CDLL(None)\n"
        "print(libc.unshare(0x10000000 | 0x40000000), flush=True); sys.stdin.read()"
    )
    with running(program) as server:
        if line_of(server) != "0":
            pytest.skip("no network namespace of one's own here")
        for wait in (wait_for_listen, wait_until_closed):
            with pytest.raises(SourceUnavailable, match="another network namespace"):
                wait(80, pid=server, timeout=0)


def test_a_process_that_never_was() -> None:
    with pytest.raises(ProcessEnded, match="no pid 99999999 is there"):
        wait_for_listen(80, pid=99999999)


def test_how_a_multiprocessing_process_ended() -> None:
    class Ended:
        pid = 99999999
        exitcode = 3

    with pytest.raises(ProcessEnded, match="exit status 3"):
        wait_for_listen(80, pid=Ended())


def test_the_bound_netstat_waits_for_unix_paths(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        bound = BoundNetstat()
        assert bound.wait_for_listen(path=tmp_path / "s").path == str(tmp_path / "s").encode()
        with pytest.raises(WaitTimeout):
            bound.wait_until_closed(path=tmp_path / "s", timeout=0)
    bound.wait_until_closed(path=tmp_path / "s")
    with pytest.raises(ValueError, match="neither port nor host"):
        bound.wait_for_listen(80, path=tmp_path / "s")  # type: ignore[call-overload]
