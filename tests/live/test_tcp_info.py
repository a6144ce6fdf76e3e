"""TCP's own figures through sock_diag against those that the socket's owner is told."""

from __future__ import annotations

import os
import re
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator

import pytest

from pynetstat import SocketRecord, TcpState, collect
from pynetstat.sources.tcpinfo import decode_tcp_info
from pynetstat.tcpinfo import TcpInfo

from .bench import LOCALHOST
from .kernel import wait_for_row

_LONGER_THAN_ANY = 1024
_SENT = 300_000
_MOVING = {"last_data_sent", "last_data_recv", "last_ack_recv"}
"""Milliseconds since something: the two looks are not at one moment."""
_NOT_IN_THE_OPTION = {"congestion", "algorithm", "memory"}


class _Ends:
    def __init__(self, family: socket.AddressFamily) -> None:
        server = socket.create_server((LOCALHOST[family], 0), family=family)
        self.client = socket.create_connection(server.getsockname()[:2])
        self.server, _ = server.accept()
        self.listener = server

    def close(self) -> None:
        for sock in (self.client, self.server, self.listener):
            sock.close()


@pytest.fixture(params=[socket.AF_INET, socket.AF_INET6])
def ends(request: pytest.FixtureRequest) -> Iterator[_Ends]:
    ends = _Ends(request.param)
    yield ends
    ends.close()


def _row(sock: socket.socket) -> SocketRecord:
    table = "tcp6" if sock.family == socket.AF_INET6 else "tcp"
    inode = re.findall(r"\d+", str(_link(sock)))[0]
    (row,) = (row for row in collect([table], info=True).records if row.inode == int(inode))
    return row


def _link(sock: socket.socket) -> str:
    return os.readlink(f"/proc/self/fd/{sock.fileno()}")


def _option(sock: socket.socket) -> tuple[bytes, TcpInfo]:
    payload = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LONGER_THAN_ANY)
    return payload, decode_tcp_info(payload)


def test_every_figure_is_the_one_of_the_socket_option(ends: _Ends) -> None:
    ends.client.sendall(b"x" * _SENT)
    left = _SENT
    while left:
        left -= len(ends.server.recv(left))
    ends.server.sendall(b"done")
    assert ends.client.recv(4) == b"done"
    for sock in (ends.client, ends.server):
        for _ in range(50):
            before = _option(sock)[1]
            row = _row(sock)
            after = _option(sock)[1]
            if before._replace(**dict.fromkeys(_MOVING)) == after._replace(
                **dict.fromkeys(_MOVING)
            ):
                break
        info = row.info
        assert info is not None
        assert before._replace(**dict.fromkeys(_MOVING)) == info._replace(
            **dict.fromkeys(_MOVING | _NOT_IN_THE_OPTION)
        )
        for name in _MOVING:
            assert getattr(before, name) <= getattr(info, name) <= getattr(after, name)
        algorithm = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
        assert info.congestion == algorithm.rstrip(b"\0").decode()
        assert info.memory is not None
        assert info.memory.rcvbuf == sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        assert info.memory.sndbuf == sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)


def test_the_bytes_are_those_that_were_sent(ends: _Ends) -> None:
    ends.client.sendall(b"x" * 1000)
    assert ends.server.recv(1000, socket.MSG_WAITALL) == b"x" * 1000
    server = _row(ends.server).info
    client = _row(ends.client).info
    assert server is not None
    assert client is not None
    assert server.bytes_received == 1000
    assert client.bytes_sent == 1000
    assert client.bytes_acked in (1000, 1001)
    assert client.snd_wscale == server.rcv_wscale
    assert client.rtt


def test_fields_by_the_offsets_of_the_header(ends: _Ends) -> None:
    payload, info = _option(ends.client)
    (mss,) = struct.unpack_from("=I", payload, 16)
    (cwnd,) = struct.unpack_from("=I", payload, 80)
    assert (info.snd_mss, info.snd_cwnd) == (mss, cwnd)
    assert mss == ends.client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)


def test_a_listener_tells_little(ends: _Ends) -> None:
    info = _row(ends.listener).info
    assert info is not None
    assert info.snd_cwnd
    assert info.congestion
    assert (info.rtt, info.unacked, info.bytes_acked, info.rto) == (None,) * 4


def test_a_row_without_a_socket_tells_nothing() -> None:
    ends = _Ends(socket.AF_INET)
    ports = ends.client.getsockname()[1], ends.server.getsockname()[1]
    ends.client.close()
    wait_for_row("tcp", ports[1], ports[0], 8)
    ends.server.close()
    ends.listener.close()
    wait_for_row("tcp", *ports, 6)
    (row,) = (
        row
        for row in collect(["tcp"], info=True).records
        if (row.laddr.port, row.raddr.port) == ports
    )
    assert (row.state, row.info) == (TcpState.TIME_WAIT, None)


def test_the_same_rows_with_and_without(ends: _Ends) -> None:
    ours = {end.getsockname()[:2] for end in (ends.client, ends.server, ends.listener)}

    def rows(info: bool) -> list[SocketRecord]:
        found = collect(["tcp", "tcp6", "udp"], info=info).records
        return [row for row in found if tuple(row.laddr) in ours]

    plain, full = rows(False), rows(True)
    assert len(plain) == 3
    assert [row._replace(info=None) for row in full] == plain
    assert all(row.info is None for row in plain)


def test_ss_tells_the_same(ends: _Ends, tool: Callable[[str], str]) -> None:
    ends.client.sendall(b"x" * 1000)
    ends.server.recv(1000, socket.MSG_WAITALL)
    row = _row(ends.client)
    text = subprocess.run(
        [tool("ss"), "-HOtin", "sport", "=", f":{row.laddr.port}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    info = row.info
    assert info is not None
    assert info.rtt is not None
    assert info.rto is not None
    assert f" {info.congestion} " in text
    assert f" wscale:{info.snd_wscale},{info.rcv_wscale} " in text
    assert f" rto:{info.rto / 1000:g} " in text
    assert f" mss:{info.snd_mss} " in text
    assert f" cwnd:{info.snd_cwnd} " in text
    assert f" bytes_sent:{info.bytes_sent} " in text
