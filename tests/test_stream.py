"""The stream against real sockets, as any user and, where this machine lets us, through tracefs."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pynetstat
from pynetstat.errors import SourceUnavailable
from pynetstat.history.stream import Stream, events
from pynetstat.history.tracker import Tracker
from pynetstat.history.transition import Event, Loss
from pynetstat.records import Addr, Proto, SocketRecord, TcpState

from .waiting import wait_until

_S = TcpState
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_ROOT = Path(__file__).parent.parent


def _open(
    source: str,
    *ports: int,
    stop: Callable[[], bool] | threading.Event | None = None,
    protos: tuple[str, ...] = ("tcp", "tcp6"),
    expression: str | None = None,
) -> Stream:
    def concerns(record: SocketRecord) -> bool:
        return not ports or record.laddr.port in ports or record.raddr.port in ports

    try:
        return events(protos, filter=expression or concerns, source=source, stop=stop)
    except SourceUnavailable as refusal:
        pytest.skip(str(refusal))


@pytest.fixture(params=["destroy", "tracefs"])
def source(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        yield listener


def _take(stream: Stream, enough: Callable[[list[Event]], bool]) -> list[Event]:
    """The events until there are enough; a loss is a failure."""
    found: list[Event] = []
    for item in stream:
        assert isinstance(item, Event), item
        found.append(item)
        if enough(found):
            break
    return found


def _way(found: list[Event], end: Addr) -> list[tuple[TcpState | None, TcpState | None]]:
    return [(event.old, event.new) for event in found if event.laddr == end]


def _address(sock: socket.socket, *, peer: bool = False) -> Addr:
    return Addr(*(sock.getpeername() if peer else sock.getsockname())[:2])


def test_every_transition_of_a_connection_as_root(server: socket.socket) -> None:
    port = server.getsockname()[1]
    with _open("tracefs", port) as stream:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        ends = _address(client), _address(accepted)
        accepted.sendall(b"hello")
        assert client.recv(5) == b"hello"
        client.close()
        assert accepted.recv(1) == b""
        accepted.close()

        def complete(found: list[Event]) -> bool:
            lasts = [event.new for event in found if event.totals is not None]
            return len(lasts) == 2

        found = _take(stream, complete)
    client_way, server_way = (
        [step for step in found if (step.laddr, step.raddr) == pair] for pair in (ends, ends[::-1])
    )
    assert [(step.old, step.new) for step in client_way] == [
        (_S.CLOSE, _S.SYN_SENT), (_S.SYN_SENT, _S.ESTABLISHED), (_S.ESTABLISHED, _S.FIN_WAIT1),
        (_S.FIN_WAIT1, _S.FIN_WAIT2), (_S.FIN_WAIT2, _S.TIME_WAIT),
    ]  # fmt: skip
    assert [(step.old, step.new) for step in server_way] == [
        (_S.LISTEN, _S.SYN_RECV), (_S.SYN_RECV, _S.ESTABLISHED), (_S.ESTABLISHED, _S.CLOSE_WAIT),
        (_S.CLOSE_WAIT, _S.LAST_ACK), (_S.LAST_ACK, None),
    ]  # fmt: skip
    assert not any(step.inferred for step in found)
    assert all(step.seconds is not None for step in client_way[1:] + server_way[1:])
    assert (
        len({step.cookie for step in client_way}) == len({step.cookie for step in server_way}) == 1
    )
    assert client_way[-1].totals is not None
    # The socket gives way to TIME_WAIT's small one before the other end's FIN, or with it.
    assert client_way[-1].totals.bytes_received in (5, 5 + 1)
    assert server_way[-1].totals is not None
    assert server_way[-1].totals.bytes_acked == 5 + 1
    assert {owner.pid for step in client_way for owner in step.owners or ()} == {os.getpid()}


def test_an_end_that_looks_could_follow_as_any_user(server: socket.socket) -> None:
    port = server.getsockname()[1]
    with _open("destroy", port) as stream:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        ends = _address(client), _address(accepted)
        found = _take(stream, lambda found: len(found) == 2)
        assert {(step.old, step.new) for step in found} == {(None, _S.ESTABLISHED)}
        # As a walk over all processes takes its time, owners may not be known yet.
        assert {owner.pid for step in found for owner in step.owners or ()} <= {os.getpid()}
        client.shutdown(socket.SHUT_WR)
        found = _take(stream, lambda found: len(found) == 3)
        assert _way(found, ends[0]) == [
            (_S.ESTABLISHED, _S.FIN_WAIT1),
            (_S.FIN_WAIT1, _S.FIN_WAIT2),
        ]
        assert [step.inferred for step in found if step.laddr == ends[0]] == [True, False]
        assert _way(found, ends[1]) == [(_S.ESTABLISHED, _S.CLOSE_WAIT)]
        accepted.close()
        client.close()
        found = _take(stream, lambda found: len({step.laddr for step in found if step.totals}) == 2)
    assert _way(found, ends[1])[-1] == (_S.CLOSE_WAIT, None)
    assert _way(found, ends[0])[-1] == (_S.FIN_WAIT2, _S.TIME_WAIT)


def test_time_wait_while_the_process_holds_the_socket(source: str, server: socket.socket) -> None:
    """Its own socket is closed then, the connection goes on."""
    with _open(source, server.getsockname()[1]) as stream:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        ends = _address(client), _address(accepted)
        tracker = Tracker()
        found = _take(stream, lambda found: found[-1].new is _S.ESTABLISHED)
        client.shutdown(socket.SHUT_WR)
        found += _take(stream, lambda found: found[-1].new is _S.FIN_WAIT2)
        accepted.close()
        found += _take(stream, lambda found: found[-1].new is _S.TIME_WAIT)
        client.close()
        # Whatever else is told of it comes before the end of a later connection.
        with socket.create_connection(server.getsockname()) as later:
            server.accept()[0].close()
            address = _address(later)
        found += _take(stream, lambda found: found[-1].laddr == address and bool(found[-1].totals))
    mine = [step for step in found if (step.laddr, step.raddr) == ends]
    assert [(step.old, step.new) for step in mine][-2:] == [
        (_S.FIN_WAIT1, _S.FIN_WAIT2), (_S.FIN_WAIT2, _S.TIME_WAIT),
    ]  # fmt: skip
    assert mine[-1].seconds is not None
    assert len({step.cookie for step in mine}) == 1
    for step in mine:
        tracker.event(step)
    (history,) = tracker.histories()
    states = [step.state for step in history.trail]
    assert states[-4:] == [_S.ESTABLISHED, _S.FIN_WAIT1, _S.FIN_WAIT2, _S.TIME_WAIT]
    # A connection that a look finds has come by connect() or accept(): nobody says which.
    assert [*dict.fromkeys(states[:-4])] in ([_S.CLOSE, _S.SYN_SENT], [])


_BURST = """
import os, resource, socket, sys
port, connections = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (2 * connections + 50,) * 2)
held = []
with socket.create_server(("127.0.0.1", port), backlog=256) as server:
    for _ in range(connections):
        client = socket.create_connection(server.getsockname())
        held += (client.detach(), server.accept()[0].detach())
os.closerange(min(held), max(held) + 1)
"""
"""Connections to a server of its own on this port, all closed at once."""


def test_every_end_of_a_burst_of_6000_is_seen(source: str) -> None:
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        connections = 3000
        with _open(source, port, protos=("tcp",)) as stream:
            done = subprocess.run(
                [sys.executable, "-c", _BURST, str(port), str(connections)],
                capture_output=True,
                check=False,
            )
            if b"RLIMIT_NOFILE" in done.stderr:
                pytest.skip("this process may not hold 6,000 sockets")
            assert (done.returncode, done.stderr) == (0, b"")
            ended: Counter[int | None] = Counter()
            told = 0

            def complete(found: list[Event]) -> bool:
                nonlocal told
                last = found[-1]
                closed = last.new in (None, _S.TIME_WAIT) and last.old is not _S.TIME_WAIT
                if closed and last.raddr.port:
                    ended[last.cookie] += 1
                    told += last.totals is not None
                return len(ended) == 2 * connections

            found = _take(stream, complete)
    assert set(ended.values()) == {1}
    # One end of each, and both where the second FIN went out before the first was taken in.
    assert sum(step.new is _S.TIME_WAIT for step in found) >= connections
    # A process that loses the processor within close() seems to hold the socket for longer:
    # the totals come with the end of TIME_WAIT then.
    assert told > 0.99 * 2 * connections


def test_a_reset_and_a_refused_connection(server: socket.socket) -> None:
    port = server.getsockname()[1]
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        closed = nobody.getsockname()[1]
        with _open("tracefs", port, closed) as stream:
            client = socket.create_connection(server.getsockname())
            accepted, _ = server.accept()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            ends = _address(client), _address(accepted)
            client.close()
            found = _take(stream, lambda found: found[-1].new is None)
            assert (found[-1].laddr, found[-1].old) == (ends[0], _S.ESTABLISHED)
            accepted.close()
            found += _take(stream, lambda found: found[-1].new is None)
            server_way = [step for step in found if (step.laddr, step.raddr) == ends[::-1]]
            way = [step.new for step in server_way]
            # CLOSE is told if its process holds it long enough.
            assert [state for state in way if state is not _S.CLOSE] == [
                _S.SYN_RECV, _S.ESTABLISHED, None,
            ]  # fmt: skip
            with socket.socket() as refused:
                with pytest.raises(ConnectionRefusedError):
                    refused.connect(nobody.getsockname())
                found = _take(stream, lambda found: len(found) == 2)
                assert [(step.old, step.new) for step in found] == [
                    (_S.CLOSE, _S.SYN_SENT), (_S.SYN_SENT, _S.CLOSE),
                ]  # fmt: skip
                assert all(step.laddr.port for step in found)
            (last,) = _take(stream, bool)
            assert (last.old, last.new) == (_S.CLOSE, None)


def test_a_pending_connection_is_told_while_it_waits(source: str) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with _open(source, port) as stream:
            clients = [socket.socket() for _ in range(6)]
            for client in clients:
                client.setblocking(False)
                client.connect_ex(full.getsockname())

            def one_waits(found: list[Event]) -> bool:
                states = {step.laddr: step.new for step in found}
                pending = [laddr for laddr, state in states.items() if state is _S.SYN_SENT]
                return len(states) >= len(clients) and len(pending) >= 2

            found = _take(stream, one_waits)
            for client in clients:
                client.close()
    assert all(step.laddr.port for step in found)


def test_listeners_begin_and_end(source: str) -> None:
    with _open(source) as stream, socket.create_server(("127.0.0.1", 0)) as listener:
        address = _address(listener)
        found = _take(stream, lambda found: found[-1].laddr == address)
        assert (found[-1].new, found[-1].raddr) == (_S.LISTEN, Addr("0.0.0.0", 0))
        listener.close()
        found = _take(stream, lambda found: found[-1].laddr == address)
        assert (found[-1].old, found[-1].new, found[-1].inferred) == (_S.LISTEN, None, False)


def test_datagram_sockets_are_born_connect_and_end(source: str) -> None:
    with _open(source, protos=("tcp", "udp")) as stream:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]

            def ours(found: list[Event]) -> bool:
                return (found[-1].proto, found[-1].laddr.port) == (Proto.UDP, port)

            born = _take(stream, ours)[-1]
            assert (born.old, born.new) == (None, _S.CLOSE)
            sock.connect(("127.0.0.1", 9))
            connected = _take(stream, ours)[-1]
            assert (connected.old, connected.new) == (_S.CLOSE, _S.ESTABLISHED)
        end = _take(stream, ours)[-1]
        assert (end.old, end.new, end.inferred) == (_S.ESTABLISHED, None, False)


def test_what_lives_already_is_no_event_and_its_end_is(source: str, server: socket.socket) -> None:
    client = socket.create_connection(server.getsockname())
    accepted, _ = server.accept()
    ends = _address(client), _address(client, peer=True)
    with _open(source, server.getsockname()[1]) as stream:
        accepted.close()
        first = _take(stream, lambda found: (found[-1].laddr, found[-1].raddr) == ends)[-1]
        assert first.old is _S.ESTABLISHED
        client.close()
        found = _take(stream, lambda found: found[-1].new is None)
        assert found[-1].laddr == ends[0]


def test_a_full_queue_is_told_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch, server: socket.socket
) -> None:
    monkeypatch.setattr("pynetstat.sources.destroy.open_groups.__defaults__", (2048,))
    port = server.getsockname()[1]
    losses: list[Loss] = []
    with _open("destroy", port) as stream:
        for _ in range(20):
            clients = [socket.create_connection(server.getsockname()) for _ in range(100)]
            accepted = [server.accept()[0] for _ in clients]
            for sock in (*clients, *accepted):
                sock.close()
        for item in stream:
            if isinstance(item, Loss):
                losses.append(item)
                break
    assert "ends of" in losses[0].why
    assert losses[0].lost is None or losses[0].lost > 0


@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare is not installed")
def test_another_network_namespace_s_sockets_are_not_told(server: socket.socket) -> None:
    port = server.getsockname()[1]
    program = (
        "import socket; from demo.netns import bring_up_loopback; bring_up_loopback();"
        f"s = socket.create_server(('127.0.0.1', {port}));"
        "c = socket.create_connection(s.getsockname()); a, _ = s.accept(); c.close(); a.close()"
    )
    with _open("tracefs", port) as stream:
        done = subprocess.run(
            ["unshare", "--net", sys.executable, "-c", program],
            cwd=_ROOT,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            pytest.skip(f"no network namespace: {done.stderr.decode()[-200:]}")
        client = socket.create_connection(server.getsockname())
        address = _address(client)
        client.close()
        server.accept()[0].close()
        found = _take(stream, lambda found: len([step for step in found if step.totals]) == 2)
    assert {step.laddr for step in found} == {address, _address(server)}
    assert all(address in (step.laddr, step.raddr) for step in found)


def test_it_ends_when_told_to(source: str) -> None:
    stop = threading.Event()
    with _open(source, stop=stop) as stream:
        stop.set()
        while next(stream, None) is not None:
            pass
    turns = iter([False, False, True])
    with _open(source, 1, stop=lambda: next(turns)) as stream:
        assert list(stream) == []


def test_a_closed_stream_is_at_its_end_and_leaves_nothing(source: str) -> None:
    threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))
    stream = _open(source)
    assert stream.source == source
    stream.close()
    stream.close()
    assert list(stream) == []
    assert threading.active_count() == threads
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_forgotten_stream_gives_back_what_it_holds(source: str) -> None:
    descriptors = len(os.listdir("/proc/self/fd"))
    _open(source)
    wait_until(lambda: len(os.listdir("/proc/self/fd")) == descriptors, "closed descriptor")


def test_auto_is_one_of_the_two_and_says_why() -> None:
    with pynetstat.events(["tcp"]) as stream:
        assert stream.source in ("tracefs", "destroy")
        assert bool(stream.refusals) is (stream.source == "destroy")


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="unix"):
        events(["tcp", "unix"])
    with pytest.raises(ValueError, match="nothing"):
        events([])
    with pytest.raises(ValueError, match="no source 'procfs'"):
        events(source="procfs")
    with pytest.raises(ValueError, match="interval_s"):
        events(interval_s=0)
    with pytest.raises(SourceUnavailable, match="tcp and tcp6 only"):
        events(["udp"], source="tracefs")


def test_owners_are_known_when_the_walk_has_seen_them(server: socket.socket) -> None:
    port = server.getsockname()[1]
    client = socket.create_connection(server.getsockname())
    accepted, _ = server.accept()
    for owners, pids in ((True, {os.getpid()}), (False, set())):
        with events(["tcp"], source="destroy", owners=owners) as stream:
            (client if owners else accepted).shutdown(socket.SHUT_WR)
            found = _take(
                stream, lambda found: port in (found[-1].laddr.port, found[-1].raddr.port)
            )
        assert {owner.pid for owner in found[-1].owners or ()} == pids
    client.close()
    accepted.close()


def test_a_filter_in_words(server: socket.socket, source: str) -> None:
    port = server.getsockname()[1]
    with _open(source, expression=f"sport = :{port} and not state listening") as stream:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        (first,) = _take(stream, lambda found: found[-1].new is _S.ESTABLISHED)[-1:]
        assert first.laddr == _address(accepted)
        client.close()
        accepted.close()
        found = _take(stream, lambda found: found[-1].new is None)
    assert {event.laddr.port for event in found} == {port}
