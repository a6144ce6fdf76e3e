"""The ends of sockets: messages that a kernel sent, and a kernel that sends what we like."""

from __future__ import annotations

import errno
import os
import queue
import socket
import struct
from collections.abc import Iterable
from pathlib import Path

import pytest

from pynetstat.errors import ParseError, SourceFailed, SourceUnavailable
from pynetstat.history.transition import Totals
from pynetstat.records import Addr, Proto, TcpState
from pynetstat.sources.destroy import TABLES, Decoder, Ends, Lost, open_groups

from .messages import attribute, inet_body
from .waiting import wait_until

_RECORDED = [
    bytes.fromhex(part)
    for part in (Path(__file__).parent / "data/events/ends.hex").read_text().split("\n\n")
]
_LOOPBACK = "127.0.0.1"


def _message(body: bytes, protocol: int = 6, info: bytes = b"") -> bytes:
    body += attribute(10, bytes([protocol])) + (attribute(2, info) if info else b"")
    return struct.pack("=IHHII", 16 + len(body), 20, 0, 0, 0) + body


class _Groups:
    """A kernel's end of the multicast groups."""

    def __init__(self, drops: int | None = 0) -> None:
        self.replies: queue.Queue[list[bytes] | OSError] = queue.Queue()
        self.drops = drops
        self.closed = False

    def __call__(self, protos: Iterable[Proto]) -> _Groups:
        assert tuple(protos) == TABLES
        return self

    def receive(self) -> list[bytes]:
        try:
            reply = self.replies.get(timeout=0.01)
        except queue.Empty:
            return []
        if isinstance(reply, OSError):
            raise reply
        return reply

    def count_drops(self) -> int | None:
        return self.drops

    def close(self) -> None:
        self.closed = True


def test_what_a_kernel_sent() -> None:
    decoder = Decoder()
    ends = [decoder.decode(data, 1.5) for data in _RECORDED]
    client, server, udp, never, resetting, reset = ends
    assert client is not None
    assert (client.at, client.proto, client.cookie) == (1.5, Proto.TCP, 1496245)
    assert (client.laddr, client.raddr) == (Addr(_LOOPBACK, 53188), Addr(_LOOPBACK, 40563))
    assert client.totals == Totals(2, 6, 5, 3, 0)
    assert client.state is None
    assert server is not None
    assert server.totals == Totals(6, 1, 2, 5, 0)
    assert udp is not None
    assert (udp.proto, udp.laddr, udp.raddr) == (Proto.UDP6, Addr("::1", 59134), Addr("::1", 9))
    assert (udp.state, udp.totals) == (TcpState.ESTABLISHED, None)
    assert never is not None
    assert (never.proto, never.laddr, never.totals) == (Proto.TCP6, Addr("::", 0), None)
    assert resetting is not None
    # Its own process reset it: the kernel has forgotten the rest, and the totals read 0.
    assert (resetting.laddr, resetting.raddr) == (Addr("0.0.0.0", 57484), Addr(_LOOPBACK, 0))
    assert resetting.totals is None
    assert reset is not None
    assert reset.laddr == Addr("::ffff:127.0.0.1", 40511)


def test_other_protocols_are_passed_over() -> None:
    assert Decoder().decode(_message(inet_body(), protocol=132), 0.0) is None
    unix = bytes([socket.AF_UNIX]) + inet_body()[1:]
    assert Decoder().decode(_message(unix), 0.0) is None


def test_a_short_tcp_info_gives_no_totals() -> None:
    end = Decoder().decode(_message(inet_body(), info=bytes(100)), 0.0)
    assert end is not None
    assert end.totals is None


@pytest.mark.parametrize("length", [0, 15, 16, 60, 87])
def test_a_message_cut_short_is_an_error(length: int) -> None:
    with pytest.raises(ParseError):
        Decoder().decode(_RECORDED[0][:length], 0.0)


def test_a_message_longer_than_its_data_or_of_another_kind_is_an_error() -> None:
    with pytest.raises(ParseError):
        Decoder().decode(struct.pack("=I", 400) + _RECORDED[0][4:], 0.0)
    with pytest.raises(ParseError):
        Decoder().decode(_RECORDED[0][:4] + struct.pack("=H", 3) + _RECORDED[0][6:], 0.0)


def test_a_protocol_without_its_number_is_an_error() -> None:
    body = inet_body() + attribute(10, b"")
    with pytest.raises(ParseError, match="protocol without its number"):
        Decoder().decode(struct.pack("=IHHII", 16 + len(body), 20, 0, 0, 0) + body, 0.0)


def test_ends_arrive_in_order_and_the_thread_ends() -> None:
    groups = _Groups()
    ends = Ends(opener=groups)
    groups.replies.put(_RECORDED[:2])
    groups.replies.put(_RECORDED[2:3])
    found: list[int] = []
    while len(found) < 3:
        assert ends.arrived.wait(30)
        found += [end.cookie for end in ends.take()[0]]
    assert found == [1496245, 1496246, 1496247]
    ends.close()
    assert groups.closed


@pytest.mark.parametrize(("drops", "counts"), [(7, [7, 0]), (None, [None, None])])
def test_what_the_kernel_dropped_is_counted(drops: int | None, counts: list[int | None]) -> None:
    groups = _Groups(drops)
    ends = Ends(opener=groups)
    for _ in range(2):
        groups.replies.put(OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS)))
    lost: list[Lost] = []
    while len(lost) < 2:
        assert ends.arrived.wait(30)
        lost += ends.take()[1]
    assert [loss.messages for loss in lost] == counts
    ends.close()


def test_a_broken_socket_is_no_silence() -> None:
    groups = _Groups()
    ends = Ends(opener=groups)
    groups.replies.put(OSError(errno.EBADF, os.strerror(errno.EBADF)))
    assert ends.arrived.wait(30)
    with pytest.raises(SourceFailed, match="Bad file descriptor"):
        ends.take()
    ends.close()
    assert groups.closed


def test_nonsense_from_the_kernel_is_no_silence() -> None:
    groups = _Groups()
    ends = Ends(opener=groups)
    groups.replies.put([b"nonsense"])
    assert ends.arrived.wait(30)
    with pytest.raises(SourceFailed, match="cut short"):
        ends.take()
    ends.close()


@pytest.mark.parametrize("error", [PermissionError(errno.EPERM, "not permitted"), AttributeError()])
def test_a_refusal_is_another_source_s_turn(error: Exception) -> None:
    def refuse(_protos: Iterable[Proto]) -> _Groups:
        raise error

    with pytest.raises(SourceUnavailable, match="destroy groups"):
        Ends(opener=refuse)


def test_a_queue_that_runs_over_says_how_many_are_missing() -> None:
    groups = open_groups((Proto.UDP,), buffer_size=4096)
    try:
        for _ in range(300):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.bind((_LOOPBACK, 0))
        received = 0

        def overran() -> bool:
            nonlocal received
            try:
                received += len(groups.receive())
            except OSError as error:
                return error.errno == errno.ENOBUFS
            return False

        wait_until(overran, "overrun")
        drops = groups.count_drops()
        assert drops is None or drops > 0
    finally:
        groups.close()
