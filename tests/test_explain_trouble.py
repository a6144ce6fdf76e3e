"""Rows that point to trouble: on rows, and on real sockets."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from pynetstat import (
    Addr,
    Owner,
    Proto,
    Snapshot,
    SocketRecord,
    TcpState,
    Timer,
    TimerKind,
    UnixRecord,
    UnixState,
    collect,
)
from pynetstat.explain.ports import PortRange, read_port_range
from pynetstat.explain.remarks import explainer
from pynetstat.explain.trouble import Trouble, TroubleKind, find_trouble
from pynetstat.records import TIMER_OFF

from .waiting import wait_until

SERVER, CLIENT = Addr("10.0.0.1", 80), Addr("10.0.0.2", 42000)
NC = (Owner(812, 3, "nc"),)
PORTS = PortRange(32768, 60999)


def row(state: TcpState, timer: Timer | None = TIMER_OFF, **fields: object) -> SocketRecord:
    known = SocketRecord(Proto.TCP, SERVER, CLIENT, state, 0, 0, None, timer, 0, 7, 99, 0, NC)
    return known._replace(**fields)  # type: ignore[arg-type]


def snapshot(*records: SocketRecord | UnixRecord) -> Snapshot:
    inet = [record for record in records if isinstance(record, SocketRecord)]
    unix = [record for record in records if isinstance(record, UnixRecord)]
    return Snapshot(inet, unix, {}, (), None, 0.0)


def trouble_of(
    record: SocketRecord | UnixRecord, since: Mapping[int, float] | None = None
) -> list[tuple[TroubleKind, str]]:
    found = find_trouble(snapshot(record), ports=PORTS, since=since)
    assert all(trouble.record is record for trouble in found)
    return [(trouble.kind, trouble.sentence) for trouble in found]


def on(retransmits: int, left: float = 1.6) -> Timer:
    return Timer(TimerKind.ON, left, retransmits, 0)


def probe(probes: int) -> Timer:
    return Timer(TimerKind.PROBE, 0.4, 0, probes)


@pytest.mark.parametrize(
    ("record", "kind", "sentence"),
    [
        (
            row(TcpState.CLOSE_WAIT, recv_q=1),
            TroubleKind.CLOSE_WAIT,
            "The peer has closed and nc (pid 812, fd 3) has not called close(): usual for a "
            "moment, a leak in that program if the row stays.",
        ),
        (
            row(TcpState.LISTEN, recv_q=3, backlog=2),
            TroubleKind.ACCEPT_QUEUE,
            "The accept queue is full, 3 of 3 places (backlog 2): the kernel drops what new "
            "clients send until nc (pid 812, fd 3) calls accept().",
        ),
        (
            UnixRecord("STREAM", UnixState.LISTENING, b"/run/x", 7, 0, 1, 0),
            TroubleKind.ACCEPT_QUEUE,
            "The accept queue is full, 1 of 1 places (backlog 0): connect() of new clients blocks "
            "or fails with EAGAIN until its process calls accept().",
        ),
        (
            row(TcpState.ESTABLISHED, probe(0), send_q=12288),
            TroubleKind.ZERO_WINDOW,
            "12288 bytes wait because the window of 10.0.0.2:42000 has no room: the program there "
            "does not read.",
        ),
        (
            row(TcpState.FIN_WAIT1, probe(2), send_q=2),
            TroubleKind.ZERO_WINDOW,
            "1 byte waits because the window of 10.0.0.2:42000 has no room: the program there "
            "does not read; 2 probes unanswered.",
        ),
        (
            row(TcpState.LAST_ACK, probe(0), send_q=1),
            TroubleKind.ZERO_WINDOW,
            "What is to be sent waits because the window of 10.0.0.2:42000 has no room: the "
            "program there does not read.",
        ),
        (
            row(TcpState.ESTABLISHED, on(3), send_q=4),
            TroubleKind.RETRANSMISSIONS,
            "4 bytes sent again 3 times without an answer from 10.0.0.2:42000, next in 1.60s: it "
            "is gone, something between drops the segments, or it has no room to take them.",
        ),
        (
            row(TcpState.SYN_SENT, on(2), send_q=1),
            TroubleKind.RETRANSMISSIONS,
            "SYN sent again 2 times without an answer from 10.0.0.2:42000, next in 1.60s: it is "
            "gone, something between drops the segments, or it has no room to take them.",
        ),
        (
            row(TcpState.SYN_RECV, on(4), inode=0, owners=()),
            TroubleKind.RETRANSMISSIONS,
            "SYN-ACK sent again 4 times without an answer from 10.0.0.2:42000, next in 1.60s: it "
            "is gone, something between drops the segments, or it has no room to take them.",
        ),
        (
            row(TcpState.FIN_WAIT1, on(5), send_q=1, inode=0, owners=()),
            TroubleKind.RETRANSMISSIONS,
            "A segment sent again 5 times without an answer from 10.0.0.2:42000, next in 1.60s: "
            "it is gone, something between drops the segments, or it has no room to take them.",
        ),
    ],
)
def test_a_row_in_trouble(
    record: SocketRecord | UnixRecord, kind: TroubleKind, sentence: str
) -> None:
    assert trouble_of(record) == [(kind, sentence)]


@pytest.mark.parametrize(
    "record",
    [
        *(row(state) for state in TcpState if state is not TcpState.CLOSE_WAIT),
        row(TcpState.CLOSE_WAIT, inode=0, owners=()),
        row(TcpState.CLOSE_WAIT, inode=None, owners=None),
        row(TcpState.LISTEN, recv_q=2, backlog=2),
        row(TcpState.LISTEN, recv_q=200, backlog=None),
        row(TcpState.LISTEN, recv_q=None, backlog=2),
        row(TcpState.ESTABLISHED, recv_q=3, backlog=2),
        row(TcpState.ESTABLISHED, None, send_q=4),
        row(TcpState.ESTABLISHED, on(1), send_q=4),
        row(TcpState.ESTABLISHED, Timer(TimerKind.KEEPALIVE, 7200, 0, 0)),
        row(TcpState.TIME_WAIT, Timer(TimerKind.TIMEWAIT, 60, 0, 0)),
        UnixRecord("STREAM", UnixState.LISTENING, b"/run/x", 7, 0, 2, 2),
        UnixRecord("STREAM", UnixState.LISTENING, b"/run/x", 7, 0),
        UnixRecord("STREAM", UnixState.CONNECTED, b"/run/x", 7, 12, 200, 0),
    ],
)
def test_no_trouble(record: SocketRecord | UnixRecord) -> None:
    assert trouble_of(record) == []


@pytest.mark.parametrize(
    ("since_s", "sentence"),
    [
        (0.5, None),
        (
            75.0,
            "The peer closed 1m15s ago and nc (pid 812, fd 3) has not called close() since: a "
            "leak in that program unless it still means to send.",
        ),
    ],
)
def test_close_wait_by_its_age(since_s: float, sentence: str | None) -> None:
    found = trouble_of(row(TcpState.CLOSE_WAIT, recv_q=1), since={99: since_s})
    assert [said for _, said in found] == ([sentence] if sentence else [])


def test_close_wait_of_unknown_age_is_told_even_so() -> None:
    assert len(trouble_of(row(TcpState.CLOSE_WAIT), since={1: 0.1})) == 1
    assert len(trouble_of(row(TcpState.CLOSE_WAIT, cookie=None), since={1: 0.1})) == 1


def connections(
    ports: range, raddr: Addr = SERVER, state: TcpState = TcpState.ESTABLISHED
) -> list[SocketRecord]:
    return [row(state, laddr=Addr("10.0.0.2", port), raddr=raddr) for port in ports]


def test_ephemeral_ports_of_a_destination_nearly_used_up() -> None:
    few = PortRange(40000, 40099)
    busy = connections(range(40000, 40070)) + connections(
        range(40070, 40080), state=TcpState.TIME_WAIT
    )
    assert find_trouble(snapshot(*busy[:-1]), ports=few) == []
    assert find_trouble(snapshot(*busy), ports=few) == [
        Trouble(
            busy[0],
            TroubleKind.PORTS,
            "80 of 100 ephemeral ports from 10.0.0.2 to 10.0.0.1:80 are in use, 10 of them in "
            "TIME_WAIT: with none left connect() fails with EADDRNOTAVAIL.",
        )
    ]
    assert find_trouble(snapshot(*busy)) == []


def test_ports_are_counted_for_each_destination_and_once() -> None:
    few = PortRange(40000, 40009)
    half = range(40000, 40005)
    assert not find_trouble(
        snapshot(
            *connections(half),
            *connections(half),
            *connections(range(40005, 40010), Addr("10.0.0.1", 81)),
            *connections(range(40005, 40010), Addr("10.0.0.3", 80)),
            *connections(range(50000, 50010)),
        ),
        ports=few,
    )


def test_listeners_and_udp_use_up_no_ports() -> None:
    few = PortRange(40000, 40009)
    unset = Addr("0.0.0.0", 0)
    listeners = connections(range(40000, 40010), unset, TcpState.LISTEN)
    udp = [record._replace(proto=Proto.UDP) for record in connections(range(40000, 40010))]
    assert not find_trouble(snapshot(*listeners, *udp), ports=few)


def test_reserved_ports_are_not_there_to_be_used() -> None:
    few = PortRange(40000, 40009, frozenset(range(40005, 40010)))
    assert few.size == 5
    assert 40005 not in few
    (trouble,) = find_trouble(snapshot(*connections(range(40000, 40004))), ports=few)
    assert trouble.sentence.startswith("4 of 5 ephemeral ports")
    nothing = PortRange(40000, 40001, frozenset((40000, 40001)))
    assert not find_trouble(snapshot(*connections(range(40000, 40002))), ports=nothing)


def saved(folder: Path, **files: str) -> str:
    ipv4 = folder / "sys" / "net" / "ipv4"
    ipv4.mkdir(parents=True)
    for name, text in files.items():
        (ipv4 / name).write_text(text)
    return str(folder)


def test_the_port_range_of_a_tree(tmp_path: Path) -> None:
    root = saved(
        tmp_path,
        ip_local_port_range="32768\t60999\n",
        ip_local_reserved_ports="8080,40000-40002,50000\n",
    )
    assert read_port_range(root) == PortRange(32768, 60999, frozenset((40000, 40001, 40002, 50000)))


@pytest.mark.parametrize("text", ["", "\n", "1 2 3", "low high", "\xff"])
def test_a_port_range_that_cannot_be_read_is_unknown(tmp_path: Path, text: str) -> None:
    assert read_port_range(str(tmp_path)) is None
    assert read_port_range(saved(tmp_path, ip_local_port_range=text)) is None


def test_this_machines_port_range() -> None:
    ports = read_port_range()
    if ports is None:
        pytest.skip("no /proc/sys/net/ipv4 on this machine")
    assert 0 < ports.low <= ports.high < 65536
    with socket.create_server(("127.0.0.1", 0)) as sock:
        assert sock.getsockname()[1] in ports


def pair(stack: ExitStack) -> tuple[socket.socket, socket.socket]:
    """A connection between small buffers: the client's end and the accepted one."""
    server = stack.enter_context(socket.socket())
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    server.bind(("127.0.0.1", 0))
    server.listen(1)
    client = stack.enter_context(socket.socket())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    client.connect(server.getsockname())
    accepted, _ = server.accept()
    return client, stack.enter_context(accepted)


def troubles_at(port: int, kind: TroubleKind) -> list[Trouble]:
    found = find_trouble(collect(["tcp"], owners=True, source="sockdiag"))
    return [
        trouble
        for trouble in found
        if isinstance(trouble.record, SocketRecord)
        and trouble.record.laddr.port == port
        and trouble.kind is kind
    ]


def wait_for(port: int, kind: TroubleKind, count: Callable[[int], bool]) -> list[Trouble]:
    wait_until(lambda: count(len(troubles_at(port, kind))), f"{kind.value} at port {port}")
    return troubles_at(port, kind)


def test_a_full_accept_queue_on_real_sockets() -> None:
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        port = server.getsockname()[1]
        clients = [stack.enter_context(socket.socket()) for _ in range(2)]
        clients[0].connect(server.getsockname())
        assert troubles_at(port, TroubleKind.ACCEPT_QUEUE) == []
        clients[1].connect(server.getsockname())
        (trouble,) = wait_for(port, TroubleKind.ACCEPT_QUEUE, bool)
        assert "full, 2 of 2 places (backlog 1)" in trouble.sentence
        assert f"(pid {os.getpid()}, fd {server.fileno()}) calls accept()" in trouble.sentence
        stack.enter_context(server.accept()[0])
        assert troubles_at(port, TroubleKind.ACCEPT_QUEUE) == []


def test_a_close_wait_leak_on_real_sockets() -> None:
    with ExitStack() as stack:
        client, accepted = pair(stack)
        port = accepted.getsockname()[1]
        assert troubles_at(port, TroubleKind.CLOSE_WAIT) == []
        client.close()
        (trouble,) = wait_for(port, TroubleKind.CLOSE_WAIT, bool)
        assert f"(pid {os.getpid()}, fd {accepted.fileno()}) has not called" in trouble.sentence
        accepted.close()
        assert troubles_at(port, TroubleKind.CLOSE_WAIT) == []


def test_a_zero_window_on_real_sockets() -> None:
    with ExitStack() as stack:
        client, accepted = pair(stack)
        client.setblocking(False)
        sent = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                sent += client.send(bytes(5000))
        port = client.getsockname()[1]
        (trouble,) = wait_for(port, TroubleKind.ZERO_WINDOW, bool)
        host, to = accepted.getsockname()
        assert f"because the window of {host}:{to} has no room" in trouble.sentence
        unread = sent
        while unread:
            unread -= len(accepted.recv(unread))
        wait_for(port, TroubleKind.ZERO_WINDOW, lambda count: count == 0)


def test_remarks_tell_a_row_first_and_then_its_trouble() -> None:
    leak, fine = row(TcpState.CLOSE_WAIT), row(TcpState.ESTABLISHED)
    explain = explainer(snapshot(leak, fine), None)
    assert [remark.trouble for remark in explain(leak)] == [False, True]
    assert [remark.trouble for remark in explain(fine)] == [False]
