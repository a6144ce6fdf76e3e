"""struct tcp_info and its companions, at any length, in messages and alone."""

from __future__ import annotations

import json
import struct
from typing import Any

from pynetstat.columns import COLUMNS, Context, info_value
from pynetstat.errors import ParseError
from pynetstat.records import Addr, Proto, SocketRecord, TcpState
from pynetstat.render.info import info_text
from pynetstat.sources.netlink import walk
from pynetstat.sources.tcpinfo import (
    CONGESTION,
    INFO,
    MEMORY,
    decode_attributes,
    decode_tcp_info,
    infos,
)
from pynetstat.tcpinfo import TcpInfo
from tests.fuzz.choices import Choices
from tests.fuzz.figures import some_attributes
from tests.fuzz.harmless import check_line, check_parse_error

_OFFSETS = {
    "I": {
        "rto": 8, "ato": 12, "snd_mss": 16, "rcv_mss": 20, "unacked": 24, "sacked": 28,
        "lost": 32, "retrans": 36, "fackets": 40, "last_data_sent": 44, "last_data_recv": 52,
        "last_ack_recv": 56, "pmtu": 60, "rcv_ssthresh": 64, "snd_ssthresh": 76, "snd_cwnd": 80,
        "advmss": 84, "reordering": 88, "rcv_space": 96, "total_retrans": 100, "segs_out": 136,
        "segs_in": 140, "notsent_bytes": 144, "data_segs_in": 152, "data_segs_out": 156,
        "delivered": 192, "delivered_ce": 196, "dsack_dups": 216, "reord_seen": 220,
        "rcv_ooopack": 224, "snd_wnd": 228, "rcv_wnd": 232, "rehash": 236,
    },
    "Q": {
        "pacing_rate": 104, "max_pacing_rate": 112, "bytes_acked": 120, "bytes_received": 128,
        "delivery_rate": 160, "busy_time": 168, "rwnd_limited": 176, "sndbuf_limited": 184,
        "bytes_sent": 200, "bytes_retrans": 208,
    },
    "H": {"total_rto": 240, "total_rto_recoveries": 242},
}  # fmt: skip
"""Where include/uapi/linux/tcp.h has them."""
_UNMEASURED = {"rtt": (68, 0), "rcv_rtt": (92, 0), "min_rtt": (148, 0xFFFFFFFF)}
"""Where they are, and what stands there before they were measured."""
_OF_LISTENERS = ("pacing_rate", "max_pacing_rate", "reordering", "snd_cwnd")
_LISTEN = 10
_COOKIE_AT = 16 + 44
_MESSAGE = 16 + 72

SHARE = 0.5
WORDS = (
    struct.pack("=HH", 236, INFO),
    struct.pack("=HH", 10, CONGESTION),
    struct.pack("=HH", 40, MEMORY),
    struct.pack("=IHHII", 340, 20, 2, 1, 0),
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"cubic\0",
)


def check(data: bytes) -> None:
    """What is told is what stands there, and None what is missing; nothing breaks."""
    choices = Choices(data)
    found = some_attributes(choices)
    rest = choices.rest()
    for byteorder in ("little", "big"):
        _check_struct(rest, decode_tcp_info(rest, byteorder=byteorder), byteorder)
    info = decode_attributes(found)
    assert (info is None) is (
        INFO not in found and CONGESTION not in found and len(found.get(MEMORY, b"")) < 28
    )
    if info is not None:
        _check_attributes(found, info)
        _check_shown(info)
    _check_messages(rest)


def _check_struct(payload: bytes, info: TcpInfo, byteorder: str) -> None:
    order = "<" if byteorder == "little" else ">"
    listens = len(payload) >= 8 and payload[0] == _LISTEN

    def told(code: str, at: int) -> int | None:
        if at + struct.calcsize(code) > len(payload):
            return None
        (number,) = struct.unpack_from(order + code, payload, at)
        return int(number)

    for code, offsets in _OFFSETS.items():
        for name, at in offsets.items():
            untold = listens and name not in _OF_LISTENERS
            assert getattr(info, name) == (None if untold else told(code, at)), name
    for name, (at, unmeasured) in _UNMEASURED.items():
        number = None if listens else told("I", at)
        assert getattr(info, name) == (None if number == unmeasured else number), name
    assert (info.options is None) is (listens or len(payload) < 8)
    if info.options is not None:
        assert len(info.options) == payload[5].bit_count()


def _check_attributes(found: dict[int, bytes], info: TcpInfo) -> None:
    beside = (info.congestion, info.algorithm, info.memory)
    alone = decode_tcp_info(found.get(INFO, b""))
    congestion, algorithm, memory = beside
    assert info == alone._replace(congestion=congestion, algorithm=algorithm, memory=memory)
    name = found.get(CONGESTION)
    assert (info.congestion is None) is (name is None)
    if name is not None and info.congestion is not None:
        assert name.rstrip(b"\0") == info.congestion.encode("latin-1")
    if info.memory is not None:
        words = [word for word in info.memory if word is not None]
        assert found[MEMORY].startswith(struct.pack(f"={len(words)}I", *words))


def _check_shown(info: TcpInfo) -> None:
    check_line(info_text(info))
    row = SocketRecord(Proto.TCP, Addr("::1", 1), Addr("::1", 2), TcpState.ESTABLISHED, info=info)
    context = Context()
    for column in COLUMNS.values():
        check_line(column.cell(row, context))
    value = info_value(info)
    assert value is not None
    again = json.loads(json.dumps(value, allow_nan=False))
    assert again.keys() == set(TcpInfo._fields)
    for name, there in again.items():
        _check_value(there, getattr(info, name))


def _check_value(shown: Any, there: Any) -> None:
    assert (shown is None) is (there is None)
    if isinstance(there, int):
        assert shown == there
    if isinstance(shown, str):
        check_line(shown)


def _check_messages(buffer: bytes) -> None:
    """Each message that tells figures is named by the cookie that stands in it."""
    try:
        for run in walk(buffer):
            cookies = [cookie for cookie, _ in infos(run, _COOKIE_AT)]
            there = [
                struct.unpack_from("=Q", run.data, at + _COOKIE_AT)[0]
                for at in range(0, len(run.data), run.size)
                if len(run.data) - at >= run.length > _MESSAGE
            ]
            left = iter(there)
            assert all(cookie in left for cookie in cookies)
    except ParseError as error:
        check_parse_error(error)
