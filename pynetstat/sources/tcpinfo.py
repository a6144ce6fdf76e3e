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
_FIELDS = [(name, code) for code, names in _LAYOUT for name in names.split()]

_CA_STATES = ("open", "disorder", "cwr", "recovery", "loss")
_OPTIONS = ("ts", "sack", "wscale", "ecn", "ecnseen", "syn_data", "usec_ts", "tfo_child")
_LISTEN = 10
_LISTENER_FIELDS = ("pacing_rate", "max_pacing_rate", "reordering", "snd_cwnd")
_NOT_MEASURED = {"rtt": 0, "rcv_rtt": 0, "min_rtt": 0xFFFFFFFF}
_NOT_SHOWN = ("state", "last_ack_sent")
"""The record has the state itself, and the kernel never remembers the other."""

_BITS = {"snd_wscale": 4, "rcv_wscale": 4}
_FLAG_BITS = {"delivery_rate_app_limited": 1, "fastopen_client_fail": 2}


def decode_tcp_info(payload: bytes, byteorder: str = sys.byteorder) -> TcpInfo:
    """struct tcp_info, as long as this kernel makes it."""
    names, layout = _layout(len(payload), byteorder)
    told: dict[str, int] = dict(zip(names, layout.unpack_from(payload), strict=True))
    if told.get("state") == _LISTEN:
        return TcpInfo(**{name: told[name] for name in _LISTENER_FIELDS if name in told})
    info: dict[str, object] = {
        name: value for name, value in told.items() if value != _NOT_MEASURED.get(name)
    }
    for name in _NOT_SHOWN:
        info.pop(name, None)
    if "rtt" not in info:
        info.pop("rttvar", None)  # then it is the guess that TCP begins with
    if "ca_state" in told:
        code = told["ca_state"]
        info["ca_state"] = _CA_STATES[code] if code < len(_CA_STATES) else str(code)
    if "options" in told:
        bits = told["options"]
        info["options"] = tuple(word for at, word in enumerate(_OPTIONS) if bits >> at & 1)
    if "wscales" in told:
        info |= _bit_fields(told["wscales"], _BITS, byteorder)
        del info["wscales"]
    if "flags" in told:
        info |= _bit_fields(told["flags"], _FLAG_BITS, byteorder)
        info["delivery_rate_app_limited"] = bool(info["delivery_rate_app_limited"])
        del info["flags"]
    return TcpInfo(**info)  # type: ignore[arg-type]


@lru_cache(maxsize=4)
def _layout(length: int, byteorder: str) -> tuple[list[str], struct.Struct]:
    """The fields that fit ``length`` bytes whole, and how to unpack them."""
    order = "<" if byteorder == "little" else ">"
    codes, names = order, []
    for name, code in _FIELDS:
        if struct.calcsize(codes + code) > length:
            break
        codes += code
        names.append(name)
    return names, struct.Struct(codes)


def _bit_fields(byte: int, widths: dict[str, int], byteorder: str) -> dict[str, int]:
    """C's bit fields in one byte: the first is the low end on little-endian machines."""
    found = {}
    at = 0
    for name, width in widths.items():
        shift = at if byteorder == "little" else 8 - at - width
        found[name] = byte >> shift & ((1 << width) - 1)
        at += width
    return found


def decode_attributes(found: dict[int, bytes]) -> TcpInfo | None:
    """All that the attributes of one message tell; None when it is nothing."""
    payload = found.get(INFO)
    congestion = found.get(CONGESTION)
    memory = _memory(found.get(MEMORY, b""))
    if payload is None and congestion is None and memory is None:
        return None
    info = decode_tcp_info(payload) if payload is not None else TcpInfo()
    return info._replace(
        congestion=None if congestion is None else congestion.rstrip(b"\0").decode("latin-1"),
        algorithm=_algorithm(found),
        memory=memory,
    )


def _memory(payload: bytes) -> SocketMemory | None:
    """Linux 2.6.38 told seven numbers, later ones add the backlog and the drops."""
    words = [word for (word,) in struct.iter_unpack("=I", payload[: len(payload) & ~3])]
    if len(words) < 7:
        return None
    backlog, drops = [*words[7:9], None, None][:2]
    return SocketMemory(*words[:7], backlog, drops)


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
