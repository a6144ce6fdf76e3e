"""One TCP connection as the textbook draws it: two lifelines, their states, segments between. Pure.

::

    chosen = connection(events)                 # of the first connection among them
    ladder = build(chosen, listening=ports)     # rungs from top to bottom

No segment is captured. Which one was sent follows from the states (RFC 9293, figure 5): who
goes from ESTABLISHED to CLOSE_WAIT has received a FIN and acknowledges it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from pynetstat.history.transition import Event, Totals, between
from pynetstat.records import Addr, Owner, SocketRecord, TcpState
from pynetstat.words import unmapped

TOGETHER_S = 0.3
"""What lies closer together than this may stand side by side: a look at the tables is not
more exact, and the kernel tells a server's first states behind the client's."""

GONE = "gone"
"""The word for a socket that is no more."""

_LEFT, _RIGHT = 0, 1
_TIME_OUT_S = 1.0
"""The first retransmission of a SYN (RFC 6298): an answer that comes sooner is an answer."""
_ORPHAN_S = 40.0
"""A FIN_WAIT2 without a process that ended later than this has waited in vain (tcp_fin_timeout
is 60 s)."""

_ENDED = (None, TcpState.CLOSE)

_PairKey: TypeAlias = "tuple[tuple[str, int], tuple[str, int]]"


class End(NamedTuple):
    """One column's head.

    ``title`` is ``client`` or ``server`` where that is known; ``owners`` who held it, as far as
    known; ``absent`` why nothing is known of this end, empty when something is.
    """

    title: str
    addr: Addr
    owners: tuple[Owner, ...]
    absent: str


class Mark(NamedTuple):
    """A state that one end has entered.

    ``at`` is in seconds since the epoch, None when nobody saw it begin; ``inferred`` says
    that the state itself was not seen, but must have been passed.
    """

    state: str
    at: float | None
    inferred: bool


class Arrow(NamedTuple):
    """A segment, or all data up to here, on its way from column ``source`` (0 left, 1 right).

    ``sent`` and ``received`` say which of its ends are on this rung: both, unless so much
    happened meanwhile that it arrives on a rung further down (``number`` is the same there),
    or it has not arrived yet.
    ``inferred`` says that one end's state which tells of it was not seen.
    """

    label: str
    source: int
    number: int
    sent: bool = True
    received: bool = True
    inferred: bool = False


class Rung(NamedTuple):
    """What stands on one line: ``at`` is when it happened, in seconds since the epoch."""

    at: float
    left: Mark | None
    right: Mark | None
    arrow: Arrow | None


class Ladder(NamedTuple):
    """The whole drawing: heads, rungs from top to bottom, and remarks for below it."""

    ends: tuple[End, End]
    rungs: tuple[Rung, ...]
    notes: tuple[str, ...]
    started: float


def pair_of(item: Event | SocketRecord) -> _PairKey:
    """What both ends of a connection have in common: their addresses, in one order."""
    ends = sorted((unmapped(addr.ip), addr.port) for addr in (item.laddr, item.raddr))
    return ends[0], ends[1]


def is_local(item: Event | SocketRecord) -> bool:
    """Whether the other end is on this machine, too: the addresses say so."""
    return _is_loopback(item.raddr.ip) or unmapped(item.laddr.ip) == unmapped(item.raddr.ip)


def is_connection(event: Event) -> bool:
    """Whether the event is one of a TCP connection, not of a listener or another protocol."""
    return event.proto.base == "tcp" and bool(event.raddr.port)


def goes_on(event: Event) -> bool:
    """Whether more may be told of the event's socket."""
    return event.new not in _LAST


def connection(events: Iterable[Event], wanted: Callable[[Event], bool] = is_local) -> list[Event]:
    """The events of both ends of the first connection that has an event which is ``wanted``.

    One of which only the end is told is passed over; events of a later connection with the
    same addresses are left out.
    """
    candidates = [event for event in events if is_connection(event)]
    lively = filter(goes_on, candidates)
    key = next((pair_of(event) for event in lively if wanted(event)), None)
    chosen: list[Event] = []
    cookies: dict[Addr, int] = {}
    for event in candidates:
        if pair_of(event) != key:
            continue
        known = cookies.setdefault(event.laddr, event.cookie) if event.cookie else event.cookie
        if known != event.cookie:
            break
        chosen.append(event)
    return chosen


def is_over(events: Iterable[Event]) -> bool:
    """Whether every end that was seen is gone, or waits in TIME_WAIT, or is closed."""
    last = {event.laddr: event.new for event in events}
    return bool(last) and all(state in _LAST for state in last.values())


def build(
    events: Iterable[Event],
    *,
    listening: Collection[int] = (),
    owners: dict[Addr, tuple[Owner, ...]] | None = None,
    with_data: bool = True,
) -> Ladder | None:
    """The ladder of one connection's events; None without any.

    ``listening`` are the local ports known to listen, ``owners`` the holders known from
    elsewhere. ``with_data`` puts a rung for all data before the FIN behind it, where the
    counts are known; without it, the rungs of what is older than :data:`TOGETHER_S` do not
    change when more events come.
    """
    told = sorted(events, key=lambda event: event.at)
    if not told:
        return None
    return _Builder(told, listening, owners or {}, with_data).ladder()


@dataclass(eq=False)
class _Step:
    """One state that an end has entered."""

    side: int
    at: float
    old: TcpState | None
    new: TcpState | None
    inferred: bool
    was_there: bool = False
    seconds: float | None = None
    cause: _Segment | None = None
    sends: list[_Segment] = field(default_factory=list)
    placed: bool = False


@dataclass(eq=False)
class _Segment:
    label: str
    source: int
    sent: _Step | None = None
    received: _Step | None = None
    row: int | None = None


@dataclass(eq=False)
class _Row:
    at: float
    marks: list[_Step | None] = field(default_factory=lambda: [None, None])
    arrow: Arrow | None = None


_SYN, _SYN_ACK, _ACK, _FIN, _FIN_ACK, _RST = "SYN", "SYN+ACK", "ACK", "FIN", "ACK of FIN", "RST"
_LAST = (None, TcpState.CLOSE, TcpState.TIME_WAIT)
_PASSIVE = (TcpState.ESTABLISHED, TcpState.CLOSE_WAIT)
_SYNCHRONIZED = (
    TcpState.ESTABLISHED, TcpState.FIN_WAIT1, TcpState.FIN_WAIT2, TcpState.CLOSE_WAIT,
    TcpState.CLOSING,
)  # fmt: skip


class _Builder:
    def __init__(
        self,
        events: list[Event],
        listening: Collection[int],
        owners: dict[Addr, tuple[Owner, ...]],
        with_data: bool,
    ) -> None:
        self._events = events
        self._owners = owners
        self._with_data = with_data
        first = events[0]
        client = _client(events, listening)
        left = client or max(first.laddr, first.raddr, key=lambda addr: addr.port)
        right = first.raddr if _same(left, first.laddr) else first.laddr
        self._addrs = (left, right)
        self._roles_known = client is not None
        self._steps: tuple[list[_Step], list[_Step]] = ([], [])
        for event in events:
            self._take(event)
        for side in (_LEFT, _RIGHT):
            self._infer_passive_close(side)
        self._segments: dict[tuple[str, int], _Segment] = {}
        for side in (_LEFT, _RIGHT):
            for step in self._steps[side]:
                self._find_segments(step)
        self._find_resets()
        self._date_time_waits()
        self._rows: list[_Row] = []
        self._lowest = [-1, -1]

    def ladder(self) -> Ladder:
        steps = [step for side in self._steps for step in side]
        steps.sort(key=lambda step: (not step.was_there, step.at))
        for step in steps:
            self._place(step)
        rungs = tuple(
            Rung(row.at, _mark(row.marks[_LEFT]), _mark(row.marks[_RIGHT]), row.arrow)
            for row in self._rows
        )
        ends = (self._end(_LEFT), self._end(_RIGHT))
        return Ladder(ends, rungs, tuple(self._notes()), self._events[0].at)

    # From events to the steps of each end

    def _side(self, addr: Addr) -> int:
        return _LEFT if _same(addr, self._addrs[_LEFT]) else _RIGHT

    def _take(self, event: Event) -> None:
        side = self._side(event.laddr)
        steps = self._steps[side]
        last = steps[-1].new if steps else None
        if steps and event.old is not None and event.old is not last:
            passed = between(last, event.old) if last is not None else ()
            for state in (*passed, event.old):
                self._add(side, event.at, state, inferred=True)
        elif not steps:
            self._begin(event, side)
        elif event.old is None and event.new is not None:
            for state in between(last, event.new):
                self._add(side, event.at, state, inferred=True)
        if event.new is None or not steps or steps[-1].new is not event.new:
            self._add(side, event.at, event.new, inferred=event.inferred, seconds=event.seconds)

    def _begin(self, event: Event, side: int) -> None:
        """The first event of an end: what was before it."""
        born = event.old in (None, TcpState.CLOSE, TcpState.LISTEN)
        if not born:
            self._add(side, self._events[0].at, event.old, was_there=True)
        elif event.new in _SYNCHRONIZED and self._roles_known:
            passed = TcpState.SYN_SENT if side == _LEFT else TcpState.SYN_RECV
            self._add(side, event.at, passed, inferred=True)
        if born and event.new is not None:
            for state in between(None, event.new):
                if state not in (TcpState.SYN_SENT, TcpState.SYN_RECV):
                    self._add(side, event.at, state, inferred=True)

    def _add(
        self,
        side: int,
        at: float,
        new: TcpState | None,
        *,
        inferred: bool = False,
        was_there: bool = False,
        seconds: float | None = None,
    ) -> None:
        steps = self._steps[side]
        old = steps[-1].new if steps else None
        steps.append(_Step(side, at, old, new, inferred, was_there, seconds))

    def _infer_passive_close(self, side: int) -> None:
        """An end that was lost sight of while the other one came to TIME_WAIT has answered
        the FIN and sent its own."""
        steps = self._steps[side]
        lost = next((step for step in steps if step.new in _ENDED and step.old in _PASSIVE), None)
        if lost is None or not lost.inferred:
            return
        waits = (step for step in self._steps[1 - side] if step.new is TcpState.TIME_WAIT)
        if not any(step.at <= lost.at + TOGETHER_S for step in waits):
            return
        place = steps.index(lost)
        rest = steps[place + 1 :]
        del steps[place:]
        if lost.old is TcpState.ESTABLISHED:
            self._add(side, lost.at, TcpState.CLOSE_WAIT, inferred=True)
        self._add(side, lost.at, TcpState.LAST_ACK, inferred=True)
        self._add(side, lost.at, lost.new, seconds=lost.seconds)
        steps += rest

    # From steps to segments

    def _segment(self, label: str, source: int) -> _Segment:
        key = (label, source)
        if key not in self._segments:
            self._segments[key] = _Segment(label, source)
        return self._segments[key]

    def _sends(self, step: _Step, label: str) -> None:
        segment = self._segment(label, step.side)
        if segment.sent is None:
            segment.sent = step
            step.sends.append(segment)

    def _received(self, step: _Step, label: str) -> None:
        segment = self._segment(label, 1 - step.side)
        if segment.received is None:
            segment.received = step
            step.cause = segment

    def _find_segments(self, step: _Step) -> None:
        """What the step says was received and sent."""
        if step.was_there:
            return
        old, new = step.old, step.new
        if new is TcpState.SYN_SENT:
            self._sends(step, _SYN)
        elif new is TcpState.SYN_RECV:
            self._received(step, _SYN)
            self._sends(step, _SYN_ACK)
        elif new is TcpState.ESTABLISHED and old is TcpState.SYN_SENT:
            self._received(step, _SYN_ACK)
            self._sends(step, _ACK)
        elif new is TcpState.ESTABLISHED and old is TcpState.SYN_RECV:
            steps = self._steps[step.side]
            before = steps[: steps.index(step)]
            opened = any(each.new is TcpState.SYN_SENT for each in before)
            self._received(step, _SYN_ACK if opened else _ACK)
        elif new in (TcpState.FIN_WAIT1, TcpState.LAST_ACK):
            self._sends(step, _FIN)
        elif new in (TcpState.CLOSE_WAIT, TcpState.CLOSING):
            self._received(step, _FIN)
            self._sends(step, _FIN_ACK)
        elif new is TcpState.FIN_WAIT2 or (new is TcpState.TIME_WAIT and old is TcpState.CLOSING):
            self._received(step, _FIN_ACK)
        elif new is TcpState.TIME_WAIT and old is not None:
            self._received(step, _FIN)
            self._sends(step, _FIN_ACK)
        elif new in _ENDED and old is TcpState.LAST_ACK:
            self._received(step, _FIN_ACK)
        elif new is TcpState.CLOSE and old is TcpState.SYN_SENT and _is_answered(step):
            self._received(step, _RST)

    def _find_resets(self) -> None:
        """Ends without a handshake: who is aborted first has done it, the other was told."""
        aborts = [next((step for step in steps if _is_abort(step)), None) for steps in self._steps]
        by_time = sorted((step for step in aborts if step is not None), key=lambda step: step.at)
        if len(by_time) == 2:
            self._sends(by_time[0], _RST)
            self._received(by_time[1], _RST)
        elif by_time and not by_time[0].inferred:
            step = by_time[0]
            if step.new is TcpState.CLOSE:
                self._received(step, _RST)
            elif step.old is not TcpState.FIN_WAIT2 or (step.seconds or 0.0) < _ORPHAN_S:
                self._sends(step, _RST)

    def _date_time_waits(self) -> None:
        """Looks at the tables find TIME_WAIT late: it was there when its ACK arrived."""
        for segment in self._segments.values():
            sent, received = segment.sent, segment.received
            if sent is not None and received is not None and sent.new is TcpState.TIME_WAIT:
                sent.at = min(sent.at, received.at)

    # From steps and segments to rows

    def _place(self, step: _Step) -> None:
        if step.placed:
            return
        step.placed = True
        for earlier in self._steps[step.side]:
            if earlier is step:
                break
            self._place(earlier)
        cause = step.cause
        if cause is not None and cause.sent is not None and cause.sent.at <= step.at + TOGETHER_S:
            self._place(cause.sent)
        if cause is None:
            self._start(step)
        elif cause.row is None:
            self._add_row(step.at, cause, step)
        else:
            self._arrive(step, cause)
        for segment in step.sends:
            if segment.row is None:
                self._add_row(step.at, segment, None)

    def _start(self, step: _Step) -> None:
        """A state that no segment has caused; a segment that it sends leaves from here."""
        above = len(self._rows) - 1
        if above > self._lowest[step.side] and not step.sends:
            row = self._rows[above]
            if row.arrow is None and step.at <= row.at + TOGETHER_S:
                row.marks[step.side] = step
                self._lowest[step.side] = above
                return
        segment = next((each for each in step.sends if each.row is None), None)
        if segment is not None and segment.label == _FIN and self._with_data:
            sent = self._data_sent(step.side)
            if sent:
                self._add_arrow(step.at, Arrow(_data(sent), step.side, len(self._rows)))
        self._add_row(step.at, segment, step)

    def _add_row(self, at: float, segment: _Segment | None, step: _Step | None) -> None:
        number = len(self._rows)
        if segment is not None:
            segment.row = number
            ends = (segment.sent, segment.received)
            seen = any(end is not None and not end.inferred for end in ends)
            under_way = segment.received is None and bool(self._steps[1 - segment.source])
            arrow = Arrow(segment.label, segment.source, number, True, not under_way, not seen)
            self._add_arrow(at, arrow)
        else:
            self._rows.append(_Row(at))
        if step is not None:
            self._rows[number].marks[step.side] = step
            self._lowest[step.side] = number

    def _add_arrow(self, at: float, arrow: Arrow) -> None:
        self._lowest[arrow.source] = len(self._rows)
        self._rows.append(_Row(at, arrow=arrow))

    def _arrive(self, step: _Step, cause: _Segment) -> None:
        """A state that a segment has caused which is drawn already: beside its arrow, if
        nothing of this end stands below that and it is not much later."""
        assert cause.row is not None
        row, side, number = self._rows[cause.row], step.side, len(self._rows)
        if self._lowest[side] < cause.row and step.at <= row.at + TOGETHER_S:
            row.marks[side] = step
            self._lowest[side] = cause.row
            return
        assert row.arrow is not None
        arrow = row.arrow._replace(sent=False, received=True)
        row.arrow = row.arrow._replace(received=False)
        self._rows.append(_Row(step.at, arrow=arrow))
        self._rows[number].marks[side] = step
        self._lowest[side] = number

    # What stands above and below

    def _end(self, side: int) -> End:
        addr = self._addrs[side]
        mine = [event for event in self._events if self._side(event.laddr) == side]
        owners = next((event.owners for event in reversed(mine) if event.owners), ())
        absent = ""
        if not mine:
            local = is_local(self._events[0])
            absent = "no such socket on this machine" if local else "not on this machine"
        return End(self._title(side), addr, owners or self._owners.get(addr, ()), absent)

    def _title(self, side: int) -> str:
        if self._roles_known:
            return ("client", "server")[side]
        return ("one end", "other end")[side]

    def _notes(self) -> list[str]:
        notes = []
        marks = [mark for row in self._rows for mark in row.marks if mark is not None]
        if any(mark.inferred for mark in marks):
            notes.append("~ was not seen, but must have been passed")
        if any(row.arrow is not None for row in self._rows):
            notes.append("no segment was captured: each follows from the states at its ends")
        for side in (_LEFT, _RIGHT):
            sent = None if self._with_data else self._data_sent(side)
            if sent:
                notes.append(f"{self._title(side)} sent {_data(sent)}")
            totals = self._totals(side)
            if totals is not None and totals.retransmits:
                notes.append(f"{self._title(side)} sent {totals.retransmits} segments again")
        return notes

    def _totals(self, side: int) -> Totals | None:
        """What the kernel counted until the end, or until TIME_WAIT."""
        told = (event.totals for event in self._events if self._side(event.laddr) == side)
        return next((totals for totals in reversed(list(told)) if totals is not None), None)

    def _data_sent(self, side: int) -> int | None:
        """The bytes of data that this end has sent in all; None where that can't be told.

        The kernel counts what was acknowledged: connect()'s SYN and the FIN are in it; of what
        the other end received the FIN only. An end in TIME_WAIT may have told nothing yet.
        """
        answer = self._segments.get((_FIN_ACK, 1 - side))
        if not self._roles_known or answer is None or answer.received is None:
            return None
        totals, others = self._totals(side), self._totals(1 - side)
        if totals is not None:
            return max(totals.bytes_acked - 1 - (side == _LEFT), 0)
        return None if others is None else max(others.bytes_received - 1, 0)


def _client(events: list[Event], listening: Collection[int]) -> Addr | None:
    """Who connected, None when that can't be told."""
    for event in events:
        if event.new is TcpState.SYN_SENT:
            return event.laddr
        if event.new is TcpState.SYN_RECV or event.old is TcpState.LISTEN:
            return event.raddr
    first = events[0]
    if first.laddr.port in listening:
        return first.raddr
    if first.raddr.port in listening and is_local(first):
        return first.laddr
    return None


def _is_answered(step: _Step) -> bool:
    """Whether a connect() failed by an answer: it did not give up, and nobody closed it."""
    return not step.inferred and (step.seconds is None or step.seconds < _TIME_OUT_S)


def _is_abort(step: _Step) -> bool:
    return step.new in _ENDED and step.old in _SYNCHRONIZED


def _mark(step: _Step | None) -> Mark | None:
    if step is None:
        return None
    unseen = step.inferred or step.was_there
    return Mark(str(step.new or GONE), None if unseen else step.at, step.inferred)


def _data(count: int) -> str:
    return "1 byte of data" if count == 1 else f"{count} bytes of data"


def _same(one: Addr, other: Addr) -> bool:
    return one.port == other.port and unmapped(one.ip) == unmapped(other.ip)


def _is_loopback(ip: str) -> bool:
    return ip == "::1" or unmapped(ip).startswith("127.")
