"""Rows that point to trouble, and why, with their numbers. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple

from pynetstat.explain.phrases import address, count, unacknowledged_bytes, whose_turn
from pynetstat.explain.ports import PortRange
from pynetstat.records import SocketRecord, TcpState, TimerKind, UnixRecord, UnixState
from pynetstat.snapshot import Snapshot
from pynetstat.words import countdown, duration, unmapped

MOMENT_S = 2.0
"""A CLOSE_WAIT known to be younger is a program that is about to close."""

RETRANSMITS = 2
"""From so many on without an answer in between they are a series, not one lost segment."""

PORTS_SHARE = 0.8
"""Ephemeral ports are nearly used up when this share of them is."""


class TroubleKind(Enum):
    """What is wrong; valued as a few plain words."""

    CLOSE_WAIT = "peer closed, this side did not"
    ACCEPT_QUEUE = "accept queue full"
    ZERO_WINDOW = "peer does not read"
    RETRANSMISSIONS = "peer does not answer"
    PORTS = "ephemeral ports nearly used up"


class Trouble(NamedTuple):
    """A row that points to trouble, the kind, and a sentence with the numbers.

    Ports that are nearly used up concern many rows: the first of them stands for all.
    """

    record: SocketRecord | UnixRecord
    kind: TroubleKind
    sentence: str


def find_trouble(
    snapshot: Snapshot,
    *,
    ports: PortRange | None = None,
    since: Mapping[int, float] | None = None,
) -> list[Trouble]:
    """The rows that point to trouble, in the order of the rows, ports last.

    ``ports`` are the ephemeral ports (:func:`pynetstat.explain.ports.read_port_range`);
    without them none are counted. ``since`` says for how many seconds a socket, by its
    cookie, has been in its state, for a caller who has seen it enter that state. What a
    source can't tell is no trouble.
    """
    found: list[Trouble] = []
    for record in snapshot.records:
        found += _of_row(record, None if since is None else since.get(record.cookie or 0))
    for local in snapshot.unix:
        if _accept_queue_is_full(local):
            found.append(_full(local, local.recv_q or 0, local.send_q or 0))
    if ports is not None:
        found += used_up_ports(snapshot.records, ports)
    return found


def _of_row(record: SocketRecord, since_s: float | None) -> Iterator[Trouble]:
    timer = record.timer
    if record.state is TcpState.CLOSE_WAIT and _is_held(record):
        if since_s is None or since_s >= MOMENT_S:
            yield Trouble(record, TroubleKind.CLOSE_WAIT, _not_closed(record, since_s))
    elif record.state is TcpState.LISTEN and _accept_queue_is_full(record):
        yield _full(record, record.recv_q or 0, record.backlog or 0)
    if timer is None:
        return
    if timer.kind == TimerKind.PROBE:
        yield Trouble(record, TroubleKind.ZERO_WINDOW, _zero_window(record, timer.probes))
    elif timer.kind == TimerKind.ON and timer.retransmits >= RETRANSMITS:
        sentence = _unanswered(record, timer.retransmits, timer.expires_s)
        yield Trouble(record, TroubleKind.RETRANSMISSIONS, sentence)


def _is_held(record: SocketRecord) -> bool:
    """Whether some process has the socket, so that it could close it."""
    return bool(record.owners or record.inode)


def _not_closed(record: SocketRecord, since_s: float | None) -> str:
    if since_s is None:
        return (
            f"The peer has closed and {whose_turn(record)} has not called close(): usual for a "
            "moment, a leak in that program if the row stays."
        )
    return (
        f"The peer closed {duration(since_s)} ago and {whose_turn(record)} has not called "
        "close() since: a leak in that program unless it still means to send."
    )


def _accept_queue_is_full(record: SocketRecord | UnixRecord) -> bool:
    """The kernel's own test (sk_acceptq_is_full in include/net/sock.h, unix_recvq_full)."""
    if isinstance(record, UnixRecord):
        waiting, limit = record.recv_q, record.send_q
        if record.state is not UnixState.LISTENING:
            return False
    else:
        waiting, limit = record.recv_q, record.backlog
    return waiting is not None and limit is not None and waiting > limit


def _full(record: SocketRecord | UnixRecord, waiting: int, backlog: int) -> Trouble:
    effect = "the kernel drops what new clients send"
    if isinstance(record, UnixRecord):
        effect = "connect() of new clients blocks or fails with EAGAIN"
    sentence = (
        f"The accept queue is full, {waiting} of {backlog + 1} places (backlog {backlog}): "
        f"{effect} until {whose_turn(record)} calls accept()."
    )
    return Trouble(record, TroubleKind.ACCEPT_QUEUE, sentence)


def _zero_window(record: SocketRecord, probes: int) -> str:
    size = unacknowledged_bytes(record)
    waiting = count(size, "byte waits", "bytes wait") if size else "What is to be sent waits"
    unanswered = f"; {count(probes, 'probe')} unanswered" if probes else ""
    return (
        f"{waiting} because the window of {address(record.raddr)} has no room: the program there "
        f"does not read{unanswered}."
    )


def _unanswered(record: SocketRecord, retransmits: int, next_s: float) -> str:
    what = _ASKED.get(record.state)
    if what is None:
        size = unacknowledged_bytes(record)
        what = f"{count(size, 'byte')} sent" if size else "A segment sent"
    return (
        f"{what} again {count(retransmits, 'time')} without an answer from "
        f"{address(record.raddr)}, next in {countdown(next_s)}: it is gone, something between "
        "drops the segments, or it has no room to take them."
    )


_ASKED = {
    TcpState.SYN_SENT: "SYN sent",
    TcpState.SYN_RECV: "SYN-ACK sent",
}


def used_up_ports(records: list[SocketRecord], ports: PortRange) -> Iterator[Trouble]:
    """One trouble for each source and destination whose ports are nearly used up.

    connect() needs a port that is not used with the same source address, destination
    address and destination port (__inet_check_established in net/ipv4/inet_hashtables.c).
    """
    enough = max(PORTS_SHARE * ports.size, 1)
    if len(records) < enough:
        return
    first: dict[tuple[str, str, int], SocketRecord] = {}
    used: dict[tuple[str, str, int], set[int]] = {}
    waiting: Counter[tuple[str, str, int]] = Counter()
    for record in records:
        if record.proto.base != "tcp" or not record.raddr.port or record.laddr.port not in ports:
            continue
        pair = (unmapped(record.laddr.ip), unmapped(record.raddr.ip), record.raddr.port)
        first.setdefault(pair, record)
        used.setdefault(pair, set()).add(record.laddr.port)
        waiting[pair] += record.state is TcpState.TIME_WAIT
    for pair, locals_used in used.items():
        if len(locals_used) >= enough:
            sentence = (
                f"{len(locals_used)} of {ports.size} ephemeral ports from {pair[0]} to "
                f"{address(first[pair].raddr)} are in use, {waiting[pair]} of them in TIME_WAIT: "
                "with none left connect() fails with EADDRNOTAVAIL."
            )
            yield Trouble(first[pair], TroubleKind.PORTS, sentence)
