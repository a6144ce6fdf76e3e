"""What every socket was last known to be, and the events that follow from news of it. Pure.

The news are looks at the tables (:class:`~pynetstat.sources.sockstates.Look`), ends told by
the kernel (:class:`~pynetstat.sources.destroy.End`) and, from
:mod:`pynetstat.history.traced`, single transitions.
"""

from __future__ import annotations

from pynetstat.history.transition import CERTAIN_ENDS, Event, Totals, between, is_step
from pynetstat.records import Proto, SocketRecord, TcpState, TimerKind
from pynetstat.sources.destroy import End
from pynetstat.sources.sockstates import Look, Mark

_MOST_OUTLIVED = 10_000
"""Closed sockets that a process holds longer than TIME_WAIT lasts."""


class Known:
    """One socket: its last row, since when it is known and in that state (None: not seen to
    begin), and the totals when they were told before its end."""

    __slots__ = ("first_seen", "record", "since", "totals")

    def __init__(self, record: SocketRecord, first_seen: float) -> None:
        self.record = record
        self.first_seen = first_seen
        self.since: float | None = None
        self.totals: Totals | None = None

    def take(self, record: SocketRecord) -> None:
        """Be this row now. The first cookie stays, and owners when the row tells none."""
        self.record = record._replace(
            cookie=self.record.cookie, owners=record.owners or self.record.owners
        )


class Ledger:
    """All sockets of the tables that are followed, by the cookie that tables show.

    That is the socket's first one, but for a socket that nobody had looked at before it entered
    TIME_WAIT: a cookie is made when it is first asked for, and TIME_WAIT gets its own then.
    """

    def __init__(self) -> None:
        self.known: dict[int, Known] = {}
        self._marks: dict[Proto, set[Mark]] = {}
        self._missing: dict[Proto, dict[int, float]] = {}
        self._doubts: dict[Proto, set[tuple[int, TcpState]]] = {}
        self._lossy_looks = 0
        self._outlived: dict[int, None] = {}
        """TIME_WAITs that are over though no end was told: a process may still hold the socket."""

    def marks(self, proto: Proto) -> set[Mark]:
        """The marks that the next look at the table need not decode."""
        return self._marks.get(proto, set())

    def start(self, proto: Proto, look: Look, at: float) -> None:
        """Take a first look: what is there already is no event."""
        for record in look.changed:
            if record.cookie is not None:
                self.known[record.cookie] = Known(record, at)
        self._marks[proto] = look.marks

    def lost(self) -> None:
        """Ends may have been told that did not arrive."""
        self._lossy_looks = 2 * len(self._marks)
        for cookie in [cookie for cookie in self.known if self._is_held(cookie)]:
            del self.known[cookie]

    def looked(
        self, proto: Proto, look: Look, at: float, ended: set[int], confirm: bool = False
    ) -> list[Event]:
        """What a further look found.

        ``ended`` are the cookies whose end was told since the look began: it may have seen
        them before. A socket that is missing has ended only if the next look misses it, too:
        a dump may pass over one while others come and go. With ``confirm`` news count only
        when the next look has them, too: somebody else tells sooner and better.
        """
        events: list[Event] = []
        marks = look.marks
        doubts: set[tuple[int, TcpState]] = set()
        for record in look.changed:
            cookie, state = record.cookie, record.state
            if cookie is None:
                continue
            known = self.known.get(cookie)
            if known is not None and known.record.state is state:
                known.take(record)
                continue
            if known is None and cookie in ended:
                continue
            if confirm and (cookie, state) not in self._doubts.get(proto, ()):
                doubts.add((cookie, state))
                continue
            if known is None:
                known = self.known[cookie] = Known(record, at)
                events += self._born(known, at)
            else:
                events += self.moved(known, record, at)
        self._doubts[proto] = doubts
        if doubts:
            doubted = {cookie for cookie, _ in doubts}
            marks = {mark for mark in marks if mark[1] not in doubted}
        events += self._missed(proto, look.marks, at)
        self._marks[proto] = marks
        return events

    def ended(self, end: End, remains: SocketRecord | None) -> list[Event]:
        """The kernel told of an end.

        ``remains`` is the row that the socket has left behind: TIME_WAIT, or FIN_WAIT2
        without a process.
        """
        known = self.known.get(end.cookie)
        if remains is not None and self.is_left(remains, end.cookie):
            if known is None:
                known = Known(remains._replace(cookie=end.cookie), end.at)
                events = self._born(known, end.at)
            elif known.record.state is remains.state:
                known.take(remains)
                events = []
            else:
                events = self.moved(known, remains, end.at)
            self.leave(end.cookie, known, remains, end.totals)
            if events:
                events[-1] = events[-1]._replace(totals=end.totals)
            return events
        if known is None:
            if end.cookie in self._outlived:
                del self._outlived[end.cookie]
                return []
            return _unseen(end)
        if keeps_waiting(known.record):
            # A look has seen what it left behind before its end was told.
            known.totals = end.totals
            return []
        return [self.gone(end.cookie, end.at, end.totals)]

    def is_left(self, row: SocketRecord, cookie: int) -> bool:
        """Whether the row with the addresses of a socket that ended is what it left behind."""
        return keeps_waiting(row) and (row.cookie == cookie or row.cookie not in self.known)

    def leave(
        self, cookie: int, known: Known, remains: SocketRecord, totals: Totals | None
    ) -> None:
        """The socket goes on as what it left behind."""
        assert remains.cookie is not None
        self.known.pop(cookie, None)
        self.known[remains.cookie] = known
        known.totals = totals

    def moved(self, known: Known, record: SocketRecord, at: float) -> list[Event]:
        """The steps from the last known state to that of ``record``, which is known from now on."""
        old = known.record.state
        since, known.since = known.since, at
        known.take(record)
        return _steps(known.record, at, old, since)

    def gone(self, cookie: int, at: float, totals: Totals | None, *, seen: bool = False) -> Event:
        """The end of a known socket; ``seen`` says that the last step itself was seen."""
        known = self.known.pop(cookie)
        record, state = known.record, known.record.state
        certain = (
            seen
            or record.proto.base != "tcp"
            or state in CERTAIN_ENDS
            or (state is TcpState.SYN_SENT and totals is not None and not totals.bytes_acked)
        )
        since = known.since if certain else None
        return _event(record, at, state, None, since, totals or known.totals, not certain)

    def _born(self, known: Known, at: float) -> list[Event]:
        """A socket that was not there at the last look."""
        known.since = at
        return _steps(known.record, at, None, None)

    def _missed(self, proto: Proto, here: set[Mark], at: float) -> list[Event]:
        gone = {cookie for _, cookie, _ in self.marks(proto) - here}
        before = self._missing.get(proto, {})
        gone |= before.keys()
        if gone:
            gone -= {cookie for _, cookie, _ in here}
        gone = {cookie for cookie in gone if cookie in self.known and not self._is_held(cookie)}
        self._missing[proto] = {cookie: at for cookie in gone if cookie not in before}
        lossy = self._lossy_looks > 0
        self._lossy_looks -= lossy
        return [self._left(cookie, before[cookie], lossy) for cookie in gone if cookie in before]

    def _is_held(self, cookie: int) -> bool:
        """Whether a process holds a TCP socket that is in no table: its end will be told."""
        record = self.known[cookie].record
        return record.state is TcpState.CLOSE and record.proto.base == "tcp"

    def _left(self, cookie: int, at: float, lossy: bool) -> Event:
        """A socket left the tables, and its end was not told: then it was aborted and its
        process still holds it, unless what was told may be lost."""
        known = self.known[cookie]
        record = known.record
        if keeps_waiting(record) and known.totals is None:
            self._outlived[cookie] = None
            if len(self._outlived) > _MOST_OUTLIVED:
                del self._outlived[next(iter(self._outlived))]
        if lossy or record.proto.base != "tcp" or keeps_waiting(record):
            return self.gone(cookie, at, None)
        event = _event(record, at, record.state, TcpState.CLOSE, None, inferred=True)
        known.record = record._replace(state=TcpState.CLOSE)
        known.since = at
        return event


def _event(  # noqa: PLR0917 - one of each
    record: SocketRecord,
    at: float,
    old: TcpState | None,
    new: TcpState | None,
    since: float | None,
    totals: Totals | None = None,
    inferred: bool = False,
) -> Event:
    return Event(
        at,
        record.proto,
        record.laddr,
        record.raddr,
        record.cookie,
        old,
        new,
        None if since is None else max(at - since, 0.0),
        record.inode,
        record.uid,
        record.owners,
        totals,
        inferred,
    )


def _steps(
    record: SocketRecord, at: float, old: TcpState | None, since: float | None
) -> list[Event]:
    """The events on the way to the record's state: the states that were passed unseen, then
    the one that was found."""
    if record.proto.base != "tcp":
        return [_event(record, at, old, record.state, since)]
    events = []
    for state in (*between(old, record.state), record.state):
        if old is not None and not is_step(old, state):
            old = since = None  # it came by one of several ways
        inferred = state is not record.state
        events.append(_event(record, at, old, state, None if inferred else since, None, inferred))
        old = state
        since = None if inferred else since
    return events


def keeps_waiting(record: SocketRecord) -> bool:
    """Whether the row is what a closed connection leaves behind."""
    return record.timer is not None and record.timer.kind == TimerKind.TIMEWAIT


def _unseen(end: End) -> list[Event]:
    """The end of a socket that no look has seen, with what follows from its totals."""
    if not end.laddr.port and not end.raddr.port:
        return []  # it was in no table: neither bound nor connected
    gone = Event(
        end.at,
        end.proto,
        end.laddr,
        end.raddr,
        end.cookie,
        end.state,
        None,
        totals=end.totals,
    )
    if end.totals is None or not (end.totals.bytes_acked or end.totals.bytes_received):
        return [gone]
    connected = gone._replace(new=TcpState.ESTABLISHED, totals=None, inferred=True)
    return [connected, gone._replace(old=TcpState.ESTABLISHED, inferred=True)]
