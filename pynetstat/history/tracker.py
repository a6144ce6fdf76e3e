"""One history per socket, joined from snapshots and events. Pure: no input, no screen.

::

    tracker = Tracker(linger_s=10.0)
    tracker.snapshot(snapshot)          # as often as you like; whole tables, not filtered
    tracker.event(event)                # each one that pynetstat.events() yields
    for history in tracker.histories(): # living sockets first, then ended ones
        history.record, history.trail_text(now), history.changed_at, history.pair

Snapshots alone are enough, and so are events; both together give each row its queues and
timers and the exact trail. A socket is known by its sock_diag cookie, which it keeps through
all its states; without one by protocol, both addresses and inode. The same addresses with
another cookie (or another inode) are another socket.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import NamedTuple, TypeAlias

from pynetstat.history.transition import CERTAIN_ENDS, Event, Totals, between, is_step
from pynetstat.records import Addr, Proto, SocketRecord, TcpState
from pynetstat.snapshot import GapKind, Snapshot
from pynetstat.words import duration, unmapped

_LONGEST_TRAIL = 32
"""Steps kept: a connection has eight at most, a socket that is used again has more."""
_LONGEST_HELD_S = 600.0
"""How long a closed socket's process is believed to hold it when no end is told."""
_MOST_ENDED = 20_000
"""Ended sockets kept at most, so that a flood of short connections stays bounded."""

_CLOSING = {TcpState.FIN_WAIT1, TcpState.FIN_WAIT2, TcpState.CLOSING, TcpState.TIME_WAIT}
"""On the way to TIME_WAIT, and there."""

_Key: TypeAlias = "int | tuple[Proto, Addr, Addr, int | None]"
_Ends: TypeAlias = "tuple[str, str, int, str, int]"
_Table: TypeAlias = "tuple[Proto, Addr, Addr]"


class WhyEnded(Enum):
    """Why a socket is gone, as far as the evidence goes; valued as a few plain words."""

    CLOSED = "closed"
    """Both sides said goodbye, or it was a listener or a datagram socket."""
    TIME_WAIT_OVER = "TIME_WAIT ran out"
    RESET = "reset"
    """It went from a connected state to its end without the closing handshake."""
    NOT_CONNECTED = "connection attempt failed"
    GONE = "gone"
    """It ended unseen: closed or reset, nobody can tell."""


class Step(NamedTuple):
    """One state of a trail.

    ``since`` is when it began, in seconds since the epoch, None when it was not seen to
    begin; ``seconds`` how long it lasted, None while it lasts and when nobody can tell;
    ``inferred`` whether the state was not seen but must have been passed; ``looked``
    whether a snapshot found it, so that ``since`` is when it was found.
    """

    state: TcpState
    since: float | None
    seconds: float | None = None
    inferred: bool = False
    looked: bool = False


class History:
    """What is known of one socket.

    ``record``
        The row now; of an ended socket the last one. Its state is always the trail's last.
        A socket that only events told of has no queues and no timer (None).
    ``trail``
        Its states in order, the present one last.
    ``first_seen``, ``changed_at``, ``ended_at``
        Seconds since the epoch; ``changed_at`` is when its state last changed or it began
        or ended; ``ended_at`` is None while it lives.
    ``was_there``
        Whether it was in the first snapshot already: then it isn't new.
    ``why_ended``, ``totals``
        Of an ended socket; ``totals`` also of one in TIME_WAIT. None where not known.
    ``pair``
        The other end of a connection within this machine, alive or just ended.
    """

    __slots__ = (
        "changed_at", "ended_at", "first_seen", "key", "look", "pair", "record", "totals",
        "trail", "was_there", "why_ended",
    )  # fmt: skip

    def __init__(self, key: _Key, record: SocketRecord, at: float, was_there: bool) -> None:
        self.key = key
        self.record = record
        self.trail: list[Step] = []
        self.first_seen = at
        self.changed_at = at
        self.was_there = was_there
        self.ended_at: float | None = None
        self.why_ended: WhyEnded | None = None
        self.totals: Totals | None = None
        self.pair: History | None = None
        self.look = 0

    def trail_text(self, now: float | None = None) -> str:
        """The trail in a line: ``SYN_SENT > ESTABLISHED 1.2s > FIN_WAIT2``.

        Each past state with the time spent in it where it is known, ``~`` before a state
        that was inferred; with ``now`` (seconds since the epoch) the present one's time, too.
        """
        parts = []
        for step in self.trail:
            seconds = step.seconds
            present = step is self.trail[-1] and self.ended_at is None
            if present and now is not None and step.since is not None:
                seconds = max(now - step.since, 0.0)
            name = f"~{step.state}" if step.inferred else str(step.state)
            parts.append(name if seconds is None else f"{name} {duration(seconds)}")
        if self.ended_at is not None and self.why_ended is not None:
            parts.append(self.why_ended.value)
        return " > ".join(parts)


class Tracker:
    """Keeps the histories.

    Ended sockets stay for ``linger_s`` seconds (the newest 20,000 of them at most), so that
    a view can show why they went. ``changes`` counts what was begun, ended, forgotten, or
    went to another state: as long as it is the same, so are the histories but for their rows'
    queues, timers and owners.
    """

    def __init__(self, linger_s: float = 10.0) -> None:
        self.changes = 0
        self._linger_s = linger_s
        self._living: dict[_Key, History] = {}
        self._ended: OrderedDict[_Key, History] = OrderedDict()
        self._by_table: dict[_Table, History] = {}
        self._by_ends: dict[_Ends, History] = {}
        self._look = 0

    def __len__(self) -> int:
        """How many sockets live."""
        return len(self._living)

    def histories(self) -> Iterator[History]:
        """The living sockets in the order of their first sighting, then the ended ones, oldest
        end first. Take a list of it when the tracker goes on meanwhile."""
        yield from self._living.values()
        yield from self._ended.values()

    def find(self, record: SocketRecord) -> History | None:
        """The history that ``record`` is a row of, alive or lingering."""
        key = _key(record)
        return self._living.get(key) or self._ended.get(key)

    def snapshot(self, snapshot: Snapshot, at: float | None = None) -> None:
        """Take in whole tables, read at ``at`` (default: ``snapshot.taken_at``).

        A socket that is missing from a table which was read to its end has ended. What an
        event told about a later moment stands.
        """
        at = snapshot.taken_at if at is None else at
        self._look += 1
        look, get = self._look, self._living.get
        seen = 0
        for record in snapshot.records:
            # Almost always nothing changed: this loop is the cost of a refresh.
            cookie = record[10]
            history = get(
                cookie if cookie is not None else (record[0], record[1], record[2], record[9])
            )
            if history is not None and history.record[3] is record[3]:
                history.record = record
                history.look = look
                seen += 1
            else:
                seen += self._look_closer(history, record, at)
        if seen < len(self._living):
            self._end_missing(snapshot, at)
        self.expire(at)

    def event(self, event: Event) -> None:
        """Take in one transition."""
        self.changes += 1
        history = self._of_event(event)
        if history is None:
            if event.new is None and event.old is None and event.totals is None:
                return
            history = self._begin(event.record(), event.at, was_there=False)
            history.trail.clear()
        if event.totals is not None:
            history.totals = event.totals
        if history.ended_at is not None:
            if event.new is None or event.at <= history.ended_at:
                return
            self._revive(history)
        _take_back_looks(history, event)
        if event.owners or event.inode is not None or event.laddr.port:
            self._refine(history, event)
        if _found_more(history, event):
            self._end(history, event.at, _why_by_state(history.record, history.trail))
            return
        if event.old is not None and (
            not history.trail or history.trail[-1].state is not event.old
        ):
            self._append(history, Step(event.old, _start(event), inferred=event.inferred))
        if history.trail:
            history.trail[-1] = history.trail[-1]._replace(
                since=history.trail[-1].since if event.seconds is None else _start(event),
                seconds=event.seconds,
            )
        if event.new is None:
            self._end(history, event.at, _why_by_event(event, history.trail))
            return
        self._append(
            history, Step(event.new, None if event.inferred else event.at, None, event.inferred)
        )
        history.record = history.record._replace(state=event.new)
        history.changed_at = event.at

    def expire(self, now: float) -> None:
        """Let go of sockets that ended more than ``linger_s`` seconds before ``now``."""
        oldest = now - self._linger_s
        while self._ended:
            history = next(iter(self._ended.values()))
            if len(self._ended) <= _MOST_ENDED and (history.ended_at or 0.0) > oldest:
                return
            self._forget(history)

    def _look_closer(self, history: History | None, record: SocketRecord, at: float) -> int:
        """A row that is new or whose state changed; 1 when it is a living socket's."""
        self.changes += 1
        key = _key(record)
        if history is None:
            history = self._ended.get(key) or self._under_another_key(record)
            if history is not None and history.ended_at is not None:
                if at <= history.ended_at:
                    return 0  # read before it ended
                self._revive(history)
        if history is None:
            history = self._begin(record, at, was_there=self._look == 1)
            history.look = self._look
            return 1
        history.look = self._look
        if history.key != key:
            self._rename(history, key)
        state = history.record.state
        if record.state is state:
            history.record = record
        elif at < history.changed_at:
            history.record = record._replace(state=state)
        else:
            self._change(history, record, at)
        return 1

    def _under_another_key(self, record: SocketRecord) -> History | None:
        """The socket that the row goes on with, though its key changed.

        Without cookies the inode is part of it, and that turns 0 when the process lets go
        and from 0 to a number when the connection is accepted. A cookie is another one in
        TIME_WAIT if nobody had looked at the socket before.
        """
        history = self._by_table.get((record.proto, record.laddr, record.raddr))
        if history is None or history.look == self._look:
            return None
        known, new = history.record, record
        both_named = known.cookie is not None and new.cookie is not None
        if both_named and (new.inode or not {known.state, new.state} <= _CLOSING):
            return None
        if known.inode and new.inode and known.inode != new.inode:
            return None
        same = known.state is new.state or bool(
            between(known.state, new.state) or is_step(known.state, new.state)
        )
        return history if same else None

    def _change(self, history: History, record: SocketRecord, at: float) -> None:
        old, new = history.record.state, record.state
        last = history.trail[-1]
        passed = between(old, new) if record.proto.base == "tcp" else ()
        # Between two looks the state may have changed at any time: a look is the best known.
        seconds = at - last.since if last.since is not None and not passed else None
        history.trail[-1] = last._replace(seconds=seconds)
        for state in passed:
            self._append(history, Step(state, None, None, inferred=True))
        self._append(history, Step(new, at, looked=True))
        history.record = record
        history.changed_at = at

    def _append(self, history: History, step: Step) -> None:
        history.trail.append(step)
        if len(history.trail) > _LONGEST_TRAIL:
            del history.trail[0]

    def _begin(self, record: SocketRecord, at: float, was_there: bool) -> History:
        key = _key(record)
        history = History(key, record, at, was_there)
        history.trail.append(Step(record.state, None if was_there else at, looked=True))
        self._living[key] = history
        self._index(history)
        return history

    def _index(self, history: History) -> None:
        record = history.record
        self._by_table[record.proto, record.laddr, record.raddr] = history
        if not record.raddr.port or record.proto.base not in ("tcp", "udp"):
            return
        base, lip, rip = record.proto.base, unmapped(record.laddr.ip), unmapped(record.raddr.ip)
        ends = (base, lip, record.laddr.port, rip, record.raddr.port)
        self._by_ends[ends] = history
        other = self._by_ends.get((base, rip, record.raddr.port, lip, record.laddr.port))
        if other is not None and other is not history:
            _unpair(history)
            _unpair(other)
            history.pair, other.pair = other, history

    def _unindex(self, history: History) -> None:
        record = history.record
        table = (record.proto, record.laddr, record.raddr)
        if self._by_table.get(table) is history:
            del self._by_table[table]
        lip, rip = unmapped(record.laddr.ip), unmapped(record.raddr.ip)
        ends = (record.proto.base, lip, record.laddr.port, rip, record.raddr.port)
        if self._by_ends.get(ends) is history:
            del self._by_ends[ends]

    def _rename(self, history: History, key: _Key) -> None:
        del self._living[history.key]
        history.key = key
        self._living[key] = history

    def _of_event(self, event: Event) -> History | None:
        if event.cookie is not None:
            history = self._living.get(event.cookie) or self._ended.get(event.cookie)
            if history is not None:
                return history
        history = self._by_table.get((event.proto, event.laddr, event.raddr))
        if history is None or history.ended_at is not None:
            return None
        known = history.record
        both_named = known.cookie is not None and event.cookie is not None
        if both_named and not {known.state, event.new or event.old} <= _CLOSING:
            return None
        if known.inode and event.inode and known.inode != event.inode:
            return None
        return history

    def _refine(self, history: History, event: Event) -> None:
        """Take from the event what the row does not have yet."""
        record = history.record
        if record.cookie is None and event.cookie is not None:
            record = record._replace(cookie=event.cookie)
            self._rename(history, event.cookie)
        if event.laddr != record.laddr and event.laddr.port and event.raddr.port:
            self._unindex(history)
            history.record = record = record._replace(laddr=event.laddr, raddr=event.raddr)
            self._index(history)
        history.record = record._replace(
            owners=event.owners or record.owners,
            inode=record.inode if event.inode is None else event.inode,
            uid=record.uid if event.uid is None else event.uid,
        )

    def _end_missing(self, snapshot: Snapshot, at: float) -> None:
        doubtful = {gap.proto for gap in snapshot.gaps if gap.kind is GapKind.BAD_ROWS}
        read = snapshot.sources.keys() - doubtful
        look = self._look
        missing = [
            history
            for history in self._living.values()
            if history.look != look
            and history.record.proto in read
            and history.changed_at < at
            and not _is_held(history, at)
        ]
        for history in missing:
            last = history.trail[-1]
            if last.since is not None and last.seconds is None:
                history.trail[-1] = last._replace(seconds=at - last.since)
            self._end(history, at, _why_by_state(history.record, history.trail))

    def _end(self, history: History, at: float, why: WhyEnded) -> None:
        self.changes += 1
        del self._living[history.key]
        history.ended_at = history.changed_at = at
        history.why_ended = why
        self._ended[history.key] = history
        while len(self._ended) > _MOST_ENDED:
            self._forget(next(iter(self._ended.values())))

    def _revive(self, history: History) -> None:
        """It is still there: the kernel keeps it in TIME_WAIT, or a look had missed it."""
        del self._ended[history.key]
        history.ended_at = history.why_ended = None
        self._living[history.key] = history

    def _forget(self, history: History) -> None:
        self.changes += 1
        del self._ended[history.key]
        self._unindex(history)
        _unpair(history)


def _take_back_looks(history: History, event: Event) -> None:
    """Drop what looks after the event found, and what was inferred from them: the events of
    that time are on their way and know better. Drop also what they found before it that it
    tells of now: a stream that looks itself may look later."""
    trail = history.trail
    while len(trail) > 1 and trail[-1].looked and (trail[-1].since or 0.0) >= event.at:
        trail.pop()
        while len(trail) > 1 and trail[-1].inferred:
            trail.pop()
    if event.new is None or not trail or not trail[-1].looked:
        return
    if event.old is None:
        if trail[-1].state is event.new:
            trail.pop()
        return
    found = len(trail) - 1
    while found >= 0 and trail[found].state is not event.old:
        if not (trail[found].looked or trail[found].inferred):
            return
        found -= 1
    if found >= 0:
        del trail[found + 1 :]


def _found_more(history: History, event: Event) -> bool:
    """Whether a look came closer to the end than who tells of it now."""
    last = history.trail[-1] if history.trail else None
    return (
        event.inferred
        and event.new is None
        and last is not None
        and last.looked
        and last.state is not event.old
    )


def _unpair(history: History) -> None:
    if history.pair is not None:
        history.pair.pair = None
        history.pair = None


def _key(record: SocketRecord) -> _Key:
    if record.cookie is not None:
        return record.cookie
    return (record.proto, record.laddr, record.raddr, record.inode)


def _start(event: Event) -> float | None:
    """When the old state began."""
    return None if event.seconds is None else event.at - event.seconds


def _is_held(history: History, at: float) -> bool:
    """Whether a process still holds the socket though no table has it: one that was told to
    have gone to CLOSE. Its end will be told, unless that is lost."""
    told = history.trail[-1].state is TcpState.CLOSE and not history.trail[-1].looked
    return told and history.record.proto.base == "tcp" and at - history.changed_at < _LONGEST_HELD_S


def _why_by_state(record: SocketRecord, trail: Sequence[Step]) -> WhyEnded:
    """Why a socket that was last looked at in this state may be gone."""
    if record.state is TcpState.TIME_WAIT:
        return WhyEnded.TIME_WAIT_OVER
    if record.proto.base == "tcp" and record.state is TcpState.CLOSE and len(trail) > 1:
        return _why_closed(trail[-2].state)
    if record.proto.base != "tcp" or record.state in CERTAIN_ENDS:
        return WhyEnded.CLOSED
    return WhyEnded.GONE


def _why_by_event(event: Event, trail: Sequence[Step]) -> WhyEnded:
    """The same, told by an event that may have seen the last step itself."""
    plain = _why_by_state(event.record(), trail)
    if plain is not WhyEnded.GONE or event.inferred or event.old is None:
        return plain
    return _why_closed(event.old)


def _why_closed(before: TcpState) -> WhyEnded:
    """Why it went from this state to none, or to CLOSE while its process held it."""
    if before in (TcpState.SYN_SENT, TcpState.SYN_RECV):
        return WhyEnded.NOT_CONNECTED
    return WhyEnded.CLOSED if before in CERTAIN_ENDS else WhyEnded.RESET
