"""struct tcp_info of every length and in both byte orders, and what stands beside it."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynetstat.query import Query
from pynetstat.records import Proto
from pynetstat.sources import Notes
from pynetstat.sources.sockdiag import SockDiag, pack_request
from pynetstat.sources.tcpinfo import EXTENSIONS, decode_attributes, decode_tcp_info
from pynetstat.tcpinfo import Bbr, Dctcp, SocketMemory, TcpInfo, Vegas

from .fake_kernel import FakeKernel
from .messages import attribute, done, inet_body, message

_MARK = attribute(15, bytes(4))
_ORDERS = [("little", "<"), ("big", ">")]


def _struct(order: str, first: bytes, length: int = 280) -> bytes:
    """Eight bytes, and then words that are 1, 2, 3, ... in their order."""
    words = b"".join(struct.pack(f"{order}I", number) for number in range(1, 1 + length // 4))
    return (first + words)[:length]


@pytest.mark.parametrize(("byteorder", "order"), _ORDERS)
def test_fields_stand_where_the_header_has_them(byteorder: str, order: str) -> None:
    info = decode_tcp_info(
        _struct(order, bytes([1, 4, 3, 2, 1, 0b10000111, 0, 0])), byteorder=byteorder
    )
    assert (info.ca_state, info.retransmits, info.probes, info.backoff) == ("loss", 3, 2, 1)
    assert info.options == ("ts", "sack", "wscale", "tfo_child")
    assert (info.rto, info.ato, info.snd_mss, info.rcv_mss) == (1, 2, 3, 4)
    assert (info.unacked, info.sacked, info.lost, info.retrans, info.fackets) == (5, 6, 7, 8, 9)
    assert (info.last_data_sent, info.last_data_recv, info.last_ack_recv) == (10, 12, 13)
    assert (info.pmtu, info.rcv_ssthresh, info.rtt, info.rttvar) == (14, 15, 16, 17)
    assert (info.snd_ssthresh, info.snd_cwnd, info.advmss, info.reordering) == (18, 19, 20, 21)
    assert (info.rcv_rtt, info.rcv_space, info.total_retrans) == (22, 23, 24)
    low, high = (25, 26) if byteorder == "little" else (26, 25)
    assert info.pacing_rate == high << 32 | low
    assert (info.segs_out, info.segs_in, info.notsent_bytes, info.min_rtt) == (33, 34, 35, 36)
    assert info.delivered == 47
    assert (info.rcv_ooopack, info.snd_wnd, info.rcv_wnd, info.rehash) == (55, 56, 57, 58)
    assert info.total_rto == (59 if byteorder == "little" else 0)
    assert info.total_rto_time == 60
    assert (info.received_ce, info.received_ce_bytes) == (61, 67)


@pytest.mark.parametrize(
    ("byteorder", "wscales", "flags"), [("little", 0x7A, 0b101), ("big", 0xA7, 0b11000000)]
)
def test_bit_fields_follow_the_byte_order(byteorder: str, wscales: int, flags: int) -> None:
    info = decode_tcp_info(bytes([1, 0, 0, 0, 0, 0, wscales, flags]), byteorder=byteorder)
    assert (info.snd_wscale, info.rcv_wscale) == (10, 7)
    assert info.delivery_rate_app_limited is True
    assert info.fastopen_client_fail == 2


@given(length=st.integers(0, 400), order=st.sampled_from(_ORDERS))
def test_what_the_kernel_does_not_tell_is_none(length: int, order: tuple[str, str]) -> None:
    full = _struct(order[1], bytes([1, 0, 0, 0, 0, 0, 0, 0]), 400)
    info, whole = (decode_tcp_info(text, byteorder=order[0]) for text in (full[:length], full))
    for name, value in info._asdict().items():
        assert value is None or value == getattr(whole, name), name
    if length < 84:
        assert info.snd_cwnd is None
    else:
        assert info.snd_cwnd == 19


def test_what_was_not_measured_is_none() -> None:
    payload = bytearray(280)
    payload[0] = 2
    struct.pack_into("=I", payload, 8 + 16 * 4, 250_000)
    struct.pack_into("=I", payload, 148, 0xFFFFFFFF)
    info = decode_tcp_info(bytes(payload))
    assert (info.rtt, info.rttvar, info.rcv_rtt, info.min_rtt) == (None,) * 4
    assert (info.bytes_acked, info.unacked) == (0, 0)


def test_an_unknown_congestion_state_keeps_its_number() -> None:
    assert decode_tcp_info(bytes([1, 9, *bytes(278)])).ca_state == "9"


def test_a_listener_s_queue_does_not_pass_for_segments() -> None:
    info = decode_tcp_info(_struct("=", bytes([10, 0, 0, 0, 0, 0, 0, 0])))
    told = {name for name, value in info._asdict().items() if value is not None}
    assert told == {"pacing_rate", "max_pacing_rate", "reordering", "snd_cwnd"}


def test_the_attributes_beside_it() -> None:
    memory = struct.pack("=9I", *range(9))
    expected = SocketMemory._make(range(9))
    assert decode_attributes({4: b"cubic\0", 7: memory}) == TcpInfo(
        congestion="cubic", memory=expected
    )
    older = decode_attributes({7: memory[:28]})
    assert older == TcpInfo(memory=expected._replace(backlog=None, drops=None))
    assert decode_attributes({7: memory[:27], 15: bytes(4)}) is None


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        (3, struct.pack("=4I", 1, 2, 3, 4), Vegas(True, 2, 3, 4)),
        (9, struct.pack("=HHIII", 1, 0, 1024, 5, 6), Dctcp(True, 0, 1024, 5, 6)),
        (16, struct.pack("=5I", 7, 1, 24, 739, 512), Bbr((1 << 32) + 7, 24, 739 / 256, 2.0)),
        (16, bytes(19), None),
    ],
)
def test_figures_of_the_algorithm(kind: int, payload: bytes, expected: object) -> None:
    info = decode_attributes({4: b"x\0", kind: payload})
    assert info is not None
    assert info.algorithm == expected


def test_only_tcp_is_asked_for_it() -> None:
    assert pack_request(Proto.TCP, extensions=EXTENSIONS)[18] == EXTENSIONS == 0b1001110
    for proto in (Proto.TCP6, Proto.UDP, Proto.MPTCP, Proto.SCTP):
        kernel = FakeKernel.saying(done())
        list(SockDiag(kernel, info=True).read(proto, Query(), Notes()))
        assert kernel.requests[0][18] == (EXTENSIONS if proto is Proto.TCP6 else 0)
    kernel = FakeKernel.saying(done())
    list(SockDiag(kernel).read(Proto.TCP, Query(), Notes()))
    assert kernel.requests[0][18] == 0


def test_rows_of_differing_length_keep_their_own() -> None:
    cubic, bbr = attribute(4, b"cubic\0"), attribute(4, b"bbr\0")
    data = b"".join(
        (
            message(inet_body(cookie=1) + _MARK + cubic),
            message(inet_body(cookie=2, state=6, inode=0) + _MARK),
            message(inet_body(cookie=3) + _MARK + bbr),
            message(inet_body(cookie=4, state=99) + _MARK + bbr),
            message(inet_body(cookie=5) + _MARK + b"\x03\0\x04\0"),
            done(),
        )
    )
    notes = Notes()
    source = SockDiag(FakeKernel.saying(data), info=True)
    rows = [row for batch in source.read(Proto.TCP, Query(), notes) for row in batch]
    names = {row.cookie: row.info and row.info.congestion for row in rows}
    assert names == {1: "cubic", 2: None, 3: "bbr", 5: None}
    assert notes.bad_rows == 1
