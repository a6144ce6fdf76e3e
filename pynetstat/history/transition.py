"""What happens to sockets: one transition, one loss, and which steps TCP allows. Pure.

:class:`Event` and :class:`Loss` are what :func:`pynetstat.events` yields and what
:class:`pynetstat.history.tracker.Tracker` takes in.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from pynetstat.records import Addr, Owner, Proto, SocketRecord, TcpState


class Totals(NamedTuple):
    """What a TCP connection moved in its whole life, from struct tcp_info (linux/tcp.h).

    ``bytes_acked`` were sent and acknowledged, ``bytes_received`` received: of what is sent
    connect()'s SYN counts 1, of either a FIN counts 1. ``segs_out`` and ``segs_in`` count
    segments, those without data too; ``retransmits`` counts segments that were sent again.
    """

    bytes_acked: int
    bytes_received: int
    segs_out: int
    segs_in: int
    retransmits: int


class Event(NamedTuple):
    """One socket went from one state to the next.

    ``at``
        Seconds since the epoch. From tracefs the moment itself; of an end the moment the
        kernel told it; else when a look at the tables found it.
    ``laddr``, ``raddr``
        As in :class:`~pynetstat.records.SocketRecord`. A connect() that has not chosen
        its port yet has local port 0, and a socket that was reset by its own process and
        never seen before has lost its local address and remote port.
    ``cookie``, ``inode``
        The kernel's names for the socket; None where this event does not tell them. One
        socket has one cookie in all its events; tables show another one in TIME_WAIT when
        nobody had looked at the socket before. The inode is 0 as long as no process holds it.
    ``old``
        The state it left; None when that is not known: a socket that was not there at the
        last look, or one that is in TIME_WAIT and has come by either of two ways.
    ``new``
        The state it is in; None when the socket is gone.
    ``seconds``
        How long it was in the ``old`` state; None when its beginning was not seen. As
        exact as ``at`` of this event and of the one before it.
    ``owners``
        Who held it; empty when nobody was found, None when not asked for or not known.
    ``totals``
        When it ended or entered TIME_WAIT, and once more at the end of TIME_WAIT; None else,
        and where the kernel did not tell.
    ``inferred``
        True when not the step itself was seen, only what was before and what came after: the
        socket must have been in ``new``, and ``at`` is the latest moment at which it began.
        Of an end: ``old`` is the state it was last seen in, and others may lie between.
    """

    at: float
    proto: Proto
    laddr: Addr
    raddr: Addr
    cookie: int | None
    old: TcpState | None
    new: TcpState | None
    seconds: float | None = None
    inode: int | None = None
    uid: int | None = None
    owners: tuple[Owner, ...] | None = None
    totals: Totals | None = None
    inferred: bool = False

    def record(self) -> SocketRecord:
        """The socket as a row, in its new state (when gone, in its last one), for filters.

        A state that nobody knows reads CLOSE, the state of every socket that is gone.
        """
        return SocketRecord(
            self.proto,
            self.laddr,
            self.raddr,
            self.new or self.old or TcpState.CLOSE,
            uid=self.uid,
            inode=self.inode,
            cookie=self.cookie,
            owners=self.owners,
        )


class Loss(NamedTuple):
    """Something happened that was not seen.

    ``at`` is when that was noticed, in seconds since the epoch; ``lost`` how many
    messages or transitions are missing, None when the kernel does not tell; ``why`` one
    line for a person.
    """

    at: float
    lost: int | None
    why: str


_SUCCESSORS: dict[TcpState, tuple[TcpState, ...]] = {
    TcpState.CLOSE: (TcpState.SYN_SENT, TcpState.LISTEN),
    TcpState.LISTEN: (TcpState.SYN_RECV, TcpState.CLOSE),
    TcpState.SYN_SENT: (TcpState.ESTABLISHED, TcpState.SYN_RECV, TcpState.CLOSE),
    TcpState.SYN_RECV: (TcpState.ESTABLISHED, TcpState.FIN_WAIT1, TcpState.CLOSE),
    TcpState.ESTABLISHED: (TcpState.FIN_WAIT1, TcpState.CLOSE_WAIT, TcpState.CLOSE),
    TcpState.FIN_WAIT1: (TcpState.FIN_WAIT2, TcpState.CLOSING, TcpState.CLOSE),
    TcpState.FIN_WAIT2: (TcpState.TIME_WAIT, TcpState.CLOSE),
    TcpState.CLOSING: (TcpState.TIME_WAIT, TcpState.CLOSE),
    TcpState.CLOSE_WAIT: (TcpState.LAST_ACK, TcpState.CLOSE),
    TcpState.LAST_ACK: (TcpState.CLOSE,),
    TcpState.TIME_WAIT: (TcpState.CLOSE,),
}
"""RFC 9293's diagram as Linux walks it (net/ipv4/tcp.c, tcp_input.c): any state may be
aborted to CLOSE, and a FIN that acknowledges ours passes through FIN_WAIT2."""

_BIRTHS = (TcpState.CLOSE, TcpState.LISTEN)
"""A socket begins unconnected, or as the child of a listener."""

CERTAIN_ENDS = frozenset((TcpState.LAST_ACK, TcpState.TIME_WAIT, TcpState.CLOSE, TcpState.LISTEN))
"""States out of which a socket that is now gone went to its end directly."""


def is_step(old: TcpState, new: TcpState) -> bool:
    """Whether TCP goes from ``old`` to ``new`` without another state between."""
    return new in _SUCCESSORS[old]


@cache
def between(old: TcpState | None, new: TcpState) -> tuple[TcpState, ...]:
    """The states that a socket must have passed on its way from ``old`` to ``new``.

    In their order; only what every way has in common. ``old`` of None is a socket that
    was not there before.
    """
    starts = _BIRTHS if old is None else (old,)
    if not _reaches(starts, new, avoiding=None):
        return ()
    return tuple(
        state
        for state in _LIFE
        if state not in (*starts, new) and not _reaches(starts, new, avoiding=state)
    )


_LIFE = (
    TcpState.SYN_SENT,
    TcpState.SYN_RECV,
    TcpState.ESTABLISHED,
    TcpState.FIN_WAIT1,
    TcpState.FIN_WAIT2,
    TcpState.CLOSING,
    TcpState.TIME_WAIT,
    TcpState.CLOSE_WAIT,
    TcpState.LAST_ACK,
)
"""The states of one connection, none before one that leads to it."""


def _reaches(starts: tuple[TcpState, ...], goal: TcpState, avoiding: TcpState | None) -> bool:
    """Whether some way leads to ``goal`` inside one connection: not by way of its end."""
    waiting, seen = list(starts), set(starts)
    while waiting:
        for state in _SUCCESSORS[waiting.pop()]:
            if state is goal:
                return True
            if state not in (*seen, *_BIRTHS, avoiding):
                seen.add(state)
                waiting.append(state)
    return False
