"""The typed record of what TCP itself keeps for a socket (struct tcp_info and its companions).

Fields bear the kernel's names (include/uapi/linux/tcp.h, without ``tcpi_``). ``None`` means
that this kernel does not tell the field, or not for this socket; 0 means 0.
"""

from __future__ import annotations

from typing import NamedTuple

NO_LIMIT = 2**64 - 1
"""The pacing rates of a socket that is not paced."""
NO_THRESHOLD = 0x7FFFFFFF
"""``snd_ssthresh`` before the first loss: slow start ends at no window."""


class SocketMemory(NamedTuple):
    """Memory charged to a socket, in bytes (INET_DIAG_SKMEMINFO, include/net/sock.h).

    ``rmem`` and ``wmem`` are held by what was received and sent, of ``rcvbuf`` and ``sndbuf``
    at most; ``fwd`` is set aside, ``wqueued`` waits to be sent, ``optmem`` holds options,
    ``backlog`` arrived while the socket was locked. ``drops`` counts packets.
    """

    rmem: int
    rcvbuf: int
    wmem: int
    sndbuf: int
    fwd: int
    wqueued: int
    optmem: int
    backlog: int | None
    drops: int | None


class Vegas(NamedTuple):
    """struct tcpvegas_info: ``rtt`` and ``minrtt`` in microseconds, ``rttcnt`` samples."""

    enabled: bool
    rttcnt: int
    rtt: int
    minrtt: int


class Dctcp(NamedTuple):
    """struct tcp_dctcp_info: ``alpha`` of 1024 is full congestion, ``ab_*`` are bytes."""

    enabled: bool
    ce_state: int
    alpha: int
    ab_ecn: int
    ab_tot: int


class Bbr(NamedTuple):
    """struct tcp_bbr_info: bytes a second, microseconds, and two factors."""

    bw: int
    min_rtt: int
    pacing_gain: float
    cwnd_gain: float


class TcpInfo(NamedTuple):
    """TCP's own figures of one socket.

    Microseconds: ``rto, ato, rtt, rttvar, rcv_rtt, min_rtt, busy_time, rwnd_limited,
    sndbuf_limited``. Milliseconds: ``last_data_sent, last_data_recv, last_ack_recv,
    total_rto_time``. Bytes a second: ``pacing_rate, max_pacing_rate, delivery_rate``.
    Bytes: ``snd_mss, rcv_mss, advmss, pmtu, rcv_ssthresh, rcv_space, bytes_*, notsent_bytes,
    snd_wnd, rcv_wnd, delivered_e0_bytes, ...``. Segments: ``unacked, sacked, lost, retrans,
    fackets, snd_ssthresh, snd_cwnd, reordering, total_retrans, segs_*, data_segs_*,
    delivered, delivered_ce, received_ce, rcv_ooopack``. The rest are counts.

    ``ca_state`` is the word for the congestion state; ``options`` the words for what both
    ends agreed on. ``snd_wscale`` and ``rcv_wscale`` are shifts. ``rtt``, ``rttvar``,
    ``rcv_rtt`` and ``min_rtt`` are None before they were measured. On LISTEN the kernel
    tells only ``pacing_rate, max_pacing_rate, reordering`` and ``snd_cwnd``.

    ``congestion`` names the congestion control, ``algorithm`` has its own figures where
    it has any; ``memory`` is what the socket holds.
    """

    ca_state: str | None = None
    retransmits: int | None = None
    probes: int | None = None
    backoff: int | None = None
    options: tuple[str, ...] | None = None
    snd_wscale: int | None = None
    rcv_wscale: int | None = None
    delivery_rate_app_limited: bool | None = None
    fastopen_client_fail: int | None = None
    rto: int | None = None
    ato: int | None = None
    snd_mss: int | None = None
    rcv_mss: int | None = None
    unacked: int | None = None
    sacked: int | None = None
    lost: int | None = None
    retrans: int | None = None
    fackets: int | None = None
    last_data_sent: int | None = None
    last_data_recv: int | None = None
    last_ack_recv: int | None = None
    pmtu: int | None = None
    rcv_ssthresh: int | None = None
    rtt: int | None = None
    rttvar: int | None = None
    snd_ssthresh: int | None = None
    snd_cwnd: int | None = None
    advmss: int | None = None
    reordering: int | None = None
    rcv_rtt: int | None = None
    rcv_space: int | None = None
    total_retrans: int | None = None
    pacing_rate: int | None = None
    max_pacing_rate: int | None = None
    bytes_acked: int | None = None
    bytes_received: int | None = None
    segs_out: int | None = None
    segs_in: int | None = None
    notsent_bytes: int | None = None
    min_rtt: int | None = None
    data_segs_in: int | None = None
    data_segs_out: int | None = None
    delivery_rate: int | None = None
    busy_time: int | None = None
    rwnd_limited: int | None = None
    sndbuf_limited: int | None = None
    delivered: int | None = None
    delivered_ce: int | None = None
    bytes_sent: int | None = None
    bytes_retrans: int | None = None
    dsack_dups: int | None = None
    reord_seen: int | None = None
    rcv_ooopack: int | None = None
    snd_wnd: int | None = None
    rcv_wnd: int | None = None
    rehash: int | None = None
    total_rto: int | None = None
    total_rto_recoveries: int | None = None
    total_rto_time: int | None = None
    received_ce: int | None = None
    delivered_e1_bytes: int | None = None
    delivered_e0_bytes: int | None = None
    delivered_ce_bytes: int | None = None
    received_e1_bytes: int | None = None
    received_e0_bytes: int | None = None
    received_ce_bytes: int | None = None
    accecn_fail_mode: int | None = None
    accecn_opt_seen: int | None = None
    congestion: str | None = None
    algorithm: Vegas | Dctcp | Bbr | None = None
    memory: SocketMemory | None = None
