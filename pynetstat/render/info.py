"""What TCP keeps for a connection, as one line for a person. Pure.

Counts that are 0 and limits that are not set are left out; what the kernel does not tell
is left out as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from pynetstat.tcpinfo import NO_LIMIT, NO_THRESHOLD, Bbr, Dctcp, SocketMemory, TcpInfo, Vegas
from pynetstat.text import printable

_USUAL_REORDERING = 3
_COUNTS = (
    ("unacked", "unacked"),
    ("sacked", "sacked"),
    ("lost", "lost"),
    ("retrans", "retrans"),
    ("total_retrans", "retrans_total"),
    ("retransmits", "retransmits"),
    ("probes", "probes"),
    ("backoff", "backoff"),
    ("dsack_dups", "dsack_dups"),
    ("reord_seen", "reord_seen"),
    ("rcv_ooopack", "rcv_ooopack"),
    ("delivered_ce", "delivered_ce"),
    ("total_rto", "rto_total"),
)
_TRAFFIC = ("sent", "retrans", "acked", "received")
_SEGMENTS = ("segs_out", "segs_in", "data_segs_out", "data_segs_in")


def info_text(info: TcpInfo) -> str:
    """The figures by name and with their units, between commas."""
    return ", ".join(_parts(info))


def _parts(info: TcpInfo) -> Iterator[str]:
    if info.congestion:
        yield printable(info.congestion)
    if info.ca_state not in (None, "open"):
        yield f"ca_state {info.ca_state}"
    if info.options:
        yield f"options {' '.join(info.options)}"
    if info.snd_wscale or info.rcv_wscale:
        yield f"wscale {info.snd_wscale}/{info.rcv_wscale}"
    yield from _round_trips(info)
    for name, size in (("mss", info.snd_mss), ("rcvmss", info.rcv_mss), ("advmss", info.advmss)):
        if size:
            yield f"{name} {size} B"
    if info.pmtu:
        yield f"pmtu {info.pmtu} B"
    if info.snd_cwnd:
        yield f"cwnd {info.snd_cwnd}"
    if info.snd_ssthresh and info.snd_ssthresh < NO_THRESHOLD:
        yield f"ssthresh {info.snd_ssthresh}"
    for word in _TRAFFIC:
        count = getattr(info, f"bytes_{word}")
        if count:
            yield f"{word if word != 'retrans' else 'sent_again'} {count} B"
    for name in _SEGMENTS:
        if getattr(info, name):
            yield f"{name} {getattr(info, name)}"
    for field, name in _COUNTS:
        if getattr(info, field):
            yield f"{name} {getattr(info, field)}"
    if info.reordering not in (None, 0, _USUAL_REORDERING):
        yield f"reordering {info.reordering}"
    yield from _rates(info)
    yield from _ages(info)
    yield from _windows(info)
    if info.memory is not None:
        yield _memory(info.memory)
    if info.algorithm is not None:
        yield _algorithm(info.algorithm)


def _round_trips(info: TcpInfo) -> Iterator[str]:
    if info.rto:
        yield f"rto {_milliseconds(info.rto)}"
    if info.ato:
        yield f"ato {_milliseconds(info.ato)}"
    if info.rtt is not None and info.rttvar is not None:
        yield f"rtt {_milliseconds(info.rtt)} var {_milliseconds(info.rttvar)}"
    if info.min_rtt is not None:
        yield f"min_rtt {_milliseconds(info.min_rtt)}"
    if info.rcv_rtt is not None:
        yield f"rcv_rtt {_milliseconds(info.rcv_rtt)}"


def _rates(info: TcpInfo) -> Iterator[str]:
    if info.pacing_rate not in (None, 0, NO_LIMIT):
        most = ""
        if info.max_pacing_rate not in (None, NO_LIMIT):
            most = f" of {_rate(info.max_pacing_rate)}"
        yield f"pacing {_rate(info.pacing_rate)}{most}"
    if info.delivery_rate:
        limited = " app_limited" if info.delivery_rate_app_limited else ""
        yield f"delivery {_rate(info.delivery_rate)}{limited}"
    for name in ("busy_time", "rwnd_limited", "sndbuf_limited"):
        if getattr(info, name):
            yield f"{name.removesuffix('_time')} {_milliseconds(getattr(info, name))}"


def _ages(info: TcpInfo) -> Iterator[str]:
    """How long ago; a socket that has not got so far yet (no window) has no ages."""
    if not info.segs_in:
        return
    for name, age in (
        ("last_sent", info.last_data_sent),
        ("last_received", info.last_data_recv),
        ("last_ack", info.last_ack_recv),
    ):
        if age is not None:
            yield f"{name} {age}ms ago"


def _windows(info: TcpInfo) -> Iterator[str]:
    for name in ("notsent_bytes", "snd_wnd", "rcv_wnd", "rcv_space", "rcv_ssthresh"):
        if getattr(info, name):
            yield f"{name.removesuffix('_bytes')} {getattr(info, name)} B"


def _memory(memory: SocketMemory) -> str:
    text = f"mem rx {memory.rmem}/{memory.rcvbuf} B tx {memory.wmem}/{memory.sndbuf} B"
    return f"{text} drops {memory.drops}" if memory.drops else text


def _algorithm(figures: Vegas | Dctcp | Bbr) -> str:
    if isinstance(figures, Vegas):
        return f"vegas rtt {_milliseconds(figures.rtt)} minrtt {_milliseconds(figures.minrtt)}"
    if isinstance(figures, Dctcp):
        return f"dctcp ce_state {figures.ce_state} alpha {figures.alpha / 1024:.3f}"
    return (
        f"bbr bw {_rate(figures.bw)} min_rtt {_milliseconds(figures.min_rtt)}"
        f" pacing_gain {figures.pacing_gain:.2f} cwnd_gain {figures.cwnd_gain:.2f}"
    )


def _milliseconds(microseconds: int) -> str:
    return f"{microseconds / 1000:g}ms"


def _rate(bytes_a_second: int | None) -> str:
    bits = 8.0 * (bytes_a_second or 0)
    for unit in ("bit/s", "kbit/s", "Mbit/s"):
        if bits < 1000:
            return f"{bits:.3g} {unit}"
        bits /= 1000
    return f"{bits:.1f} Gbit/s"
