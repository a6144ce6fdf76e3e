"""TCP's own figures from the attributes behind an inet_diag_msg. Pure.

include/uapi/linux/tcp.h (struct tcp_info), include/uapi/linux/inet_diag.h (the others);
net/ipv4/tcp.c, tcp_get_info(), says which fields a listener has. Kernels append fields:
an older one's answer is shorter, a newer one's longer than what is known here.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from pynetstat.errors import ParseError
from pynetstat.sources.netlink import Run, attributes
from pynetstat.tcpinfo import Bbr, Dctcp, SocketMemory, TcpInfo, Vegas

INFO, VEGAS, CONGESTION, MEMORY, DCTCP, BBR = 2, 3, 4, 7, 9, 16
EXTENSIONS = sum(1 << (kind - 1) for kind in (INFO, VEGAS, CONGESTION, MEMORY))
"""The request's idiag_ext; the bit of vegas stands for any algorithm's figures."""

_MESSAGE_SIZE = 16 + 72
"""A netlink header and struct inet_diag_msg."""

_LAYOUT = (
    ("B", "state ca_state retransmits probes backoff options wscales flags"),
    ("I", "rto ato snd_mss rcv_mss unacked sacked lost retrans fackets last_data_sent"),
    ("I", "last_ack_sent last_data_recv last_ack_recv pmtu rcv_ssthresh rtt rttvar"),
    ("I", "snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans"),
    ("Q", "pacing_rate max_pacing_rate bytes_acked bytes_received"),
    ("I", "segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out"),
    ("Q", "delivery_rate busy_time rwnd_limited sndbuf_limited"),
    ("I", "delivered delivered_ce"),
    ("Q", "bytes_sent bytes_retrans"),
    ("I", "dsack_dups reord_seen rcv_ooopack snd_wnd rcv_wnd rehash"),
    ("H", "total_rto total_rto_recoveries"),
    ("I", "total_rto_time received_ce"),
    ("I", "delivered_e1_bytes delivered_e0_bytes delivered_ce_bytes"),
    ("I", "received_e1_bytes received_e0_bytes received_ce_bytes"),
    ("H", "accecn_fail_mode accecn_opt_seen"),
)
"""struct tcp_info in its order; no field needs padding before it."""
_CODES = "".join(code * len(names.split()) for code, names in _LAYOUT)
_NAMES = " ".join(names for _, names in _LAYOUT).split()
_BYTES, _LAST_ACK_SENT = 8, _NAMES.index("last_ack_sent")
_RTT, _RTTVAR, _RCV_RTT, _MIN_RTT = (
    _NAMES.index(name) for name in ("rtt", "rttvar", "rcv_rtt", "min_rtt")
)
_NO_MINIMUM = 0xFFFFFFFF

_CA_STATES = ("open", "disorder", "cwr", "recovery", "loss")
_OPTIONS = ("ts", "sack", "wscale", "ecn", "ecnseen", "syn_data", "usec_ts", "tfo_child")
_LISTEN = 10
_OF_LISTENERS = ("pacing_rate", "max_pacing_rate", "reordering", "snd_cwnd")


def decode_tcp_info(
    payload: bytes,
    congestion: str | None = None,
    algorithm: Vegas | Dctcp | Bbr | None = None,
    memory: SocketMemory | None = None,
    *,
    byteorder: str = sys.byteorder,
) -> TcpInfo:
    """struct tcp_info, as long as this kernel makes it, with what stands beside it."""
    beside = (congestion, algorithm, memory)
    if len(payload) < _BYTES:
        return TcpInfo()._replace(congestion=congestion, algorithm=algorithm, memory=memory)
    layout, untold = _layout(len(payload), byteorder)
    # Runs once a socket: lists and tuples by position, since names would take four times as long.
    values: list[Any] = [*layout.unpack_from(payload), *untold]
    if values[0] == _LISTEN:
        told = {name: values[_NAMES.index(name)] for name in _OF_LISTENERS}
        return TcpInfo(congestion=congestion, algorithm=algorithm, memory=memory, **told)
    if not values[_RTT]:
        values[_RTT] = values[_RTTVAR] = None  # the variance is the guess that TCP begins with
    if not values[_RCV_RTT]:
        values[_RCV_RTT] = None
    if values[_MIN_RTT] == _NO_MINIMUM:
        values[_MIN_RTT] = None
    _, ca_state, retransmits, probes, backoff, options, wscales, flags = values[:_BYTES]
    return tuple.__new__(
        TcpInfo,
        (
            _CA_STATES[ca_state] if ca_state < len(_CA_STATES) else str(ca_state),
            retransmits,
            probes,
            backoff,
            _option_words(options),
            *_bit_fields(wscales, (4, 4), byteorder),
            *_flags(flags, byteorder),
            *values[_BYTES:_LAST_ACK_SENT],  # the kernel never remembers that one
            *values[_LAST_ACK_SENT + 1 :],
            *beside,
        ),
    )


@lru_cache(maxsize=4)
def _layout(length: int, byteorder: str) -> tuple[struct.Struct, list[None]]:
    """How to unpack the fields that fit ``length`` bytes whole, and a None for each other."""
    order = "<" if byteorder == "little" else ">"
    count = len(_CODES)
    while struct.calcsize(order + _CODES[:count]) > length:
        count -= 1
    return struct.Struct(order + _CODES[:count]), [None] * (len(_CODES) - count)


@lru_cache(maxsize=256)
def _option_words(bits: int) -> tuple[str, ...]:
    return tuple(word for at, word in enumerate(_OPTIONS) if bits >> at & 1)


@lru_cache(maxsize=256)
def _flags(byte: int, byteorder: str) -> tuple[bool, int]:
    app_limited, client_fail = _bit_fields(byte, (1, 2), byteorder)
    return bool(app_limited), client_fail


@lru_cache(maxsize=512)
def _bit_fields(byte: int, widths: tuple[int, ...], byteorder: str) -> tuple[int, ...]:
    """C's bit fields in one byte: the first is the low end on little-endian machines."""
    found = []
    at = 0
    for width in widths:
        shift = at if byteorder == "little" else 8 - at - width
        found.append(byte >> shift & ((1 << width) - 1))
        at += width
    return tuple(found)


def decode_attributes(found: dict[int, bytes]) -> TcpInfo | None:
    """All that the attributes of one message tell; None when it is nothing."""
    payload = found.get(INFO)
    congestion = found.get(CONGESTION)
    memory = _memory(found.get(MEMORY, b""))
    if payload is None and congestion is None and memory is None:
        return None
    name = None if congestion is None else congestion.rstrip(b"\0").decode("latin-1")
    return decode_tcp_info(payload or b"", name, _algorithm(found), memory)


def _memory(payload: bytes) -> SocketMemory | None:
    """Linux 2.6.38 told seven numbers, later ones add the backlog and the drops."""
    words = struct.unpack_from(f"={len(payload) // 4}I", payload)
    return SocketMemory._make((*words, None, None)[:9]) if len(words) >= 7 else None


def _algorithm(found: dict[int, bytes]) -> Vegas | Dctcp | Bbr | None:
    try:
        if VEGAS in found:
            enabled, count, rtt, minrtt = struct.unpack_from("=IIII", found[VEGAS])
            return Vegas(bool(enabled), count, rtt, minrtt)
        if DCTCP in found:
            enabled, *rest = struct.unpack_from("=HHIII", found[DCTCP])
            return Dctcp(bool(enabled), *rest)
        if BBR in found:
            low, high, min_rtt, pacing, cwnd = struct.unpack_from("=IIIII", found[BBR])
            return Bbr(high << 32 | low, min_rtt, pacing / 256, cwnd / 256)
    except struct.error:
        return None
    return None


def infos(run: Run, cookie_at: int) -> Iterator[tuple[int, TcpInfo]]:
    """Cookie and figures of each socket in a run that tells any.

    A message whose attributes make no sense tells none: its row has shown already that
    it is there.
    """
    for start in range(0, len(run.data), run.size):
        message = run.data[start : start + run.length]
        if len(message) <= _MESSAGE_SIZE:
            continue
        try:
            info = decode_attributes(attributes(bytes(message[_MESSAGE_SIZE:])))
        except ParseError:
            continue
        if info is not None:
            (cookie,) = struct.unpack_from("=Q", message, cookie_at)
            yield cookie, info
