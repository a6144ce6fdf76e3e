"""One plain sentence for a row as it stands, with its numbers. Pure.

A field that the source could not tell (None) is left out of the sentence: it is never
read as 0.
"""

from __future__ import annotations

from pynetstat.explain.phrases import (
    SENT_FIN,
    address,
    count,
    ownership,
    place,
    unacknowledged_bytes,
)
from pynetstat.owners import Missing
from pynetstat.records import (
    ANY,
    SocketRecord,
    TcpState,
    Timer,
    TimerKind,
    UnixRecord,
    UnixState,
    UnixType,
)
from pynetstat.text import printable, unix_name
from pynetstat.words import countdown, unmapped


def explain_row(record: SocketRecord | UnixRecord, missing: Missing | None = None) -> str:
    """What the row means: its state, what waits in its queues, its timer, who holds it.

    ``missing`` says why there is no owner (:meth:`Snapshot.why_no_owner`), None when there
    is one or owners were not asked for. Text from outside is escaped.
    """
    if isinstance(record, UnixRecord):
        parts = _unix(record)
    elif record.proto.base in ("udp", "udplite", "raw"):
        parts = _datagram(record)
    elif record.proto.base == "sctp":
        parts = _sctp(record)
    else:
        parts = _tcp(record)
    parts.append(ownership(record, missing))
    return "; ".join(part for part in parts if part) + "."


def _tcp(record: SocketRecord) -> list[str]:
    lead = _TCP_LEADS.get(record.state, "")
    if record.state is TcpState.LISTEN:
        return [f"Waits for connections to {place(record)}", _accept_queue(record)]
    if record.state is TcpState.SYN_RECV:
        return [lead, _handshake_timer("SYN-ACK", record.timer)]
    if record.state is TcpState.SYN_SENT:
        lead = f"Asked {address(record.raddr)} for a connection and has no answer yet"
        return [lead, _handshake_timer("SYN", record.timer)]
    if record.state is TcpState.TIME_WAIT:
        return [lead, _kept(record.timer, "kept {} more for late segments")]
    if record.state is TcpState.FIN_WAIT2:
        return _fin_wait2(record)
    if record.state is TcpState.CLOSE:
        return [f"Has the local address {address(record.laddr)}, but neither listens nor connects"]
    if record.state is TcpState.ESTABLISHED:
        lead = f"Connected to {address(record.raddr)}"
        if record.inode == 0:
            lead += " by the kernel alone"
        return [lead, _established_queues(record), _timer(record)]
    if record.state is TcpState.CLOSE_WAIT:
        if record.inode == 0:
            lead = "The peer has closed its end before this side called accept()"
        return [lead, _unread_before_fin(record.recv_q), _unacknowledged(record), _timer(record)]
    return [lead, _unacknowledged(record), _timer(record)]


_TCP_LEADS = {
    TcpState.SYN_RECV: "Answered a SYN and waits for the last step of the handshake",
    TcpState.FIN_WAIT1: "This side closed first, and its FIN is not acknowledged yet",
    TcpState.TIME_WAIT: "Closed at both ends, by this side first, which is normal",
    TcpState.CLOSE_WAIT: "The peer has closed its end, this side has not called close()",
    TcpState.LAST_ACK: "Both ends have closed, the peer first, and this side's FIN is not "
    "acknowledged yet",
    TcpState.CLOSING: "Both ends sent their FIN at once, and this side's is not acknowledged yet",
}


def _accept_queue(record: SocketRecord) -> str:
    if record.recv_q is None:
        return ""
    limit = "" if record.backlog is None else f" (backlog {record.backlog})"
    return _waiting(record.recv_q, record.backlog) + limit


def _waiting(queued: int, backlog: int | None) -> str:
    """How many wait for accept(); the kernel lets in one more than the backlog."""
    waiting = count(queued, "connection waits", "connections wait") if queued else "none waits"
    room = "" if backlog is None else f", {backlog + 1} fit"
    return f"{waiting} for accept(){room}"


def _fin_wait2(record: SocketRecord) -> list[str]:
    if record.inode == 0:
        lead = "This side closed first, the peer knows it and has not closed its end yet"
        return [lead, _kept(record.timer, "waits {} more for that")]
    lead = "This side has ended its sending, the peer has not"
    if record.inode is not None:
        lead += " and may still send"
    return [lead, _unread(record.recv_q), _timer(record)]


def _established_queues(record: SocketRecord) -> str:
    if record.recv_q == 0 and record.send_q == 0:
        return "nothing waits in either queue"
    return "; ".join(part for part in (_unread(record.recv_q), _unacknowledged(record)) if part)


def _unread(recv_q: int | None) -> str:
    """The bytes that the process has not read; nothing to say about none."""
    return f"{count(recv_q, 'byte')} not read yet" if recv_q else ""


def _unread_before_fin(recv_q: int | None) -> str:
    """The same after the peer's FIN, which counts as 1 until recv() has returned it."""
    if recv_q is None:
        return ""
    if recv_q == 0:
        return "it has read to the end"
    if recv_q == 1:
        return "it has not read the end of the stream yet (Recv-Q counts the FIN as 1)"
    return f"{count(recv_q - 1, 'byte')} and the end of the stream not read yet"


def _unacknowledged(record: SocketRecord) -> str:
    """What Send-Q has; nothing to say about an empty one, or one of which nothing is known."""
    if not record.send_q:
        return ""
    size = unacknowledged_bytes(record)
    if record.state not in SENT_FIN:
        return f"{count(size, 'byte')} not acknowledged by the peer yet"
    if size == 0:
        return "Send-Q counts the FIN as 1"
    return f"{count(size, 'byte')} before the FIN not acknowledged either"


def _timer(record: SocketRecord) -> str:
    timer = record.timer
    if timer is None or timer.kind == TimerKind.OFF:
        return ""
    left = countdown(timer.expires_s)
    if timer.kind == TimerKind.ON:
        return f"unless acknowledged it is sent again in {left}{_again(timer)}"
    if timer.kind == TimerKind.KEEPALIVE:
        return f"in {left} keepalive asks whether the peer still lives{_unanswered(timer)}"
    if timer.kind == TimerKind.PROBE:
        return f"the peer's window has no room, asked again in {left}{_unanswered(timer)}"
    return f"a timer of unknown kind ({printable(timer.kind)}) ends in {left}"


def _handshake_timer(segment: str, timer: Timer | None) -> str:
    if timer is None or timer.kind != TimerKind.ON:
        return ""
    return f"the {segment} is sent again in {countdown(timer.expires_s)}{_again(timer)}"


def _kept(timer: Timer | None, text: str) -> str:
    return "" if timer is None else text.format(countdown(timer.expires_s))


def _again(timer: Timer) -> str:
    if not timer.retransmits:
        return ""
    return f", after {count(timer.retransmits, 'try', 'tries')} again without an answer"


def _unanswered(timer: Timer) -> str:
    return f", {count(timer.probes, 'probe')} unanswered" if timer.probes else ""


def _datagram(record: SocketRecord) -> list[str]:
    what = "datagrams"
    if record.proto.base == "raw":
        what = f"packets of IP protocol {record.laddr.port}"
    if record.raddr.ip not in ANY:
        peer = unmapped(record.raddr.ip) if record.proto.base == "raw" else address(record.raddr)
        lead = f"Sends {what} to {peer} and takes them from no one else; there is no handshake"
    elif record.proto.base == "raw":
        lead = f"Takes {what} sent to {_raw_place(record)}"
    else:
        lead = f"Takes {what} to {place(record)} from anyone"
    unread = unsent = ""
    if record.recv_q:
        unread = f"{count(record.recv_q, 'byte')} of buffer hold what it has not read yet"
    if record.send_q:
        unsent = f"{count(record.send_q, 'byte')} of buffer hold what has not left yet"
    return [lead, unread, unsent]


def _raw_place(record: SocketRecord) -> str:
    return "any address" if record.laddr.ip in ANY else unmapped(record.laddr.ip)


def _sctp(record: SocketRecord) -> list[str]:
    if record.state is TcpState.LISTEN:
        return [f"Waits for SCTP associations to {place(record)}"]
    if record.state is TcpState.ESTABLISHED:
        lead = f"SCTP association with {address(record.raddr)}"
        return [lead, _unread(record.recv_q), _unacknowledged(record)]
    return [f"SCTP association, in a state nearest to TCP's {record.state}"]


def _unix(record: UnixRecord) -> list[str]:
    name = printable(unix_name(record.path))
    at = f" at {name}" if name else ""
    untrusted = "" if record.trusted else "the name may be forged, see a view from sockdiag"
    if record.state is UnixState.LISTENING:
        parts = [f"Waits for connections{at}"]
        if record.recv_q is not None:
            parts.append(_waiting(record.recv_q, record.send_q))
        return [*parts, untrusted]
    return [_unix_lead(record, at), *_unix_queues(record), untrusted]


def _unix_queues(record: UnixRecord) -> list[str]:
    """What waits at both ends (unix_inq_len, unix_outq_len of net/unix/af_unix.c)."""
    unread, unsent = _unread(record.recv_q), ""
    if unread and record.type == UnixType.DGRAM:
        unread = f"the next datagram to read has {count(record.recv_q or 0, 'byte')}"
    if record.send_q:
        unsent = f"{count(record.send_q, 'byte')} of buffer hold what the peer has not read yet"
    return [unread, unsent]


def _unix_lead(record: UnixRecord, at: str) -> str:
    if record.state is UnixState.CONNECTED:
        peer = f" to the socket with inode {record.peer_inode}" if record.peer_inode else ""
        return f"Connected{peer}{at and f', itself{at}'}"
    if record.state is UnixState.CONNECTING:
        return f"Connected by the kernel alone{at}"
    if record.state is UnixState.DISCONNECTING:
        return f"Closing{at}"
    if record.state is None:
        return f"A {record.type} socket{at}, whose state this source can't tell"
    if record.type == UnixType.DGRAM and at:
        return f"Takes datagrams{at}"
    return f"A {record.type} socket{at} that neither listens nor is connected"
