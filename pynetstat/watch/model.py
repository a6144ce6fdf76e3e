"""What a watch screen shows, without a screen: rows, marks, counts, the log. Pure.

::

    model = Model(View())
    model.take(feed.take())                 # as often as something is there
    for history in model.rows(feed.now()):  # filtered, sorted, pairs together
        model.mark(history, now), model.present(history, now)

All moments are in seconds since the epoch, in the feed's time.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from enum import Enum
from itertools import takewhile
from typing import NamedTuple, TypeAlias

from pynetstat.explain.ports import PortRange
from pynetstat.explain.rows import explain_row
from pynetstat.explain.trouble import find_trouble, used_up_ports
from pynetstat.filters import Filter
from pynetstat.history.tracker import History, Tracker, WhyEnded
from pynetstat.history.transition import Event, Loss
from pynetstat.owners import Missing
from pynetstat.query import Show, is_server
from pynetstat.records import Proto, SocketRecord, TcpState, TimerKind
from pynetstat.sieve import Sieve
from pynetstat.snapshot import Snapshot
from pynetstat.watch.feed import Frame, Notice, Restart
from pynetstat.watch.sorting import MOVING, SortBy, sort_key
from pynetstat.words import duration

LINGER_S = 10.0
"""How long ended sockets stay."""
FRESH_S = 3.0
"""For how long a row counts as new or changed, and a count's change is shown."""
STATELESS = ("udp", "udplite", "raw")
"""Protocols whose sockets are counted under their name and shown whatever the states chosen."""
_COUNTED = (*(state.value for state in TcpState), *STATELESS)
_ADDRESSES = 3
"""The first fields of a row: table and both ends."""
_COUNT_STEP_S = 0.2
_LOG_LENGTH = 1000
_MOST_HELD = 20_000
"""Transitions kept while the view is held; of more the number is told."""

LogLine: TypeAlias = "Event | Loss | Notice"


class Mark(Enum):
    """What has just happened to a row; valued as the sign beside it."""

    NONE = " "
    NEW = "+"
    CHANGED = "*"
    ENDED = "x"


class View(NamedTuple):
    """What to show, and in which order.

    ``states`` are the TCP states shown; ``show`` all rows, servers only, or all but servers;
    ``pairs`` puts both ends of a connection within this machine one below the other.
    """

    sort: SortBy = SortBy.LOCAL
    descending: bool = False
    filter: Filter | None = None
    show: Show = Show.ALL
    states: frozenset[TcpState] = frozenset(TcpState)
    pairs: bool = True


class Count(NamedTuple):
    """How many sockets are in a state (or of a protocol without states), and how many more
    or fewer than :data:`FRESH_S` seconds before."""

    word: str
    number: int
    change: int


class Model:
    """Joins the frames of a feed to what is shown of them.

    ``view`` says what is shown, change it with :meth:`show`. ``log`` has the last
    transitions and what the feed said, newest last, of ``logged`` lines in all; ``lost``
    counts the transitions that are known to be missing. ``snapshot`` is the last reading,
    ``undecided`` how many sockets the last :meth:`rows` left out because nobody can tell
    whether the filter holds for them. ``held_at`` is when the view was held, None while it
    moves. ``ports`` are the ephemeral ports, where they are known.
    """

    def __init__(self, view: View | None = None, ports: PortRange | None = None) -> None:
        self.view = View()
        self._ports = ports
        self.log: deque[LogLine] = deque(maxlen=_LOG_LENGTH)
        self.held_at: float | None = None
        self.undecided = 0
        self._held: list[Frame] = []
        self._held_snapshot: Snapshot | None = None
        self._passed = 0
        self._sieve: Sieve | None = None
        self._begin()
        self.show(view or self.view)

    def _begin(self) -> None:
        self._tracker = Tracker(LINGER_S)
        self._read_at: dict[Proto, float] = {}
        self._read_count = 0
        self._rows: list[History] = []
        self._rows_state: object = None
        self._counts: deque[tuple[float, Counter[str]]] = deque()
        self._present: Counter[str] = Counter()
        self._counted_changes = -1
        self.log.clear()
        self.logged = 0
        self.lost = 0
        self.snapshot: Snapshot | None = None
        self._port_troubles: dict[tuple[object, ...], list[str]] | None = None

    def show(self, view: View) -> None:
        """Show this from now on."""
        self._sieve = None if view.filter is None else Sieve(view.filter)
        self.view = view

    def take(self, frames: Iterable[Frame]) -> None:
        """Take in what came. While the view is held it is kept for later."""
        if self.held_at is not None:
            self._keep(frames)
            return
        for frame in frames:
            self._take(frame)

    def hold(self, now: float) -> None:
        """Let the view stand still: nothing in it changes until :meth:`release`."""
        self.held_at = now

    def release(self) -> None:
        """Let it move on, with everything that happened meanwhile."""
        if self.held_at is None:
            return
        self.held_at = None
        self.take(self._held)
        if self._passed:
            why = f"{self._passed} transitions passed by while the view was held"
            last = self._held[-1]
            self._take(Loss(_moment(last), self._passed, why))
        if self._held_snapshot is not None:
            self._take(self._held_snapshot)
        self._held, self._held_snapshot, self._passed = [], None, 0

    def now(self, now: float) -> float:
        """The moment that is shown: ``now``, or when the view was held."""
        return now if self.held_at is None else self.held_at

    def rows(self, now: float) -> list[History]:
        """The sockets to show, in their order. The same list as before when nothing changed."""
        self._tracker.expire(now)
        state = (self._tracker.changes, self.view, self._read_count if self._is_moving() else 0)
        if state != self._rows_state:
            rows = self._sifted(list(filter(self._is_shown, self._tracker.histories())))
            rows.sort(key=sort_key(self.view.sort), reverse=self.view.descending)
            self._rows = _paired(rows) if self.view.pairs else rows
            self._rows_state = state
        return self._rows

    def counts(self, now: float) -> list[Count]:
        """All living sockets, counted: TCP by state, the others by protocol."""
        if self._tracker.changes != self._counted_changes:
            self._present = self._count()
            self._counted_changes = self._tracker.changes
        present, past = self._present, self._counts
        if self.snapshot is not None and (not past or past[-1][0] < now - _COUNT_STEP_S):
            past.append((now, present))
        while len(past) > 1 and past[1][0] <= now - FRESH_S:
            past.popleft()
        before = past[0][1] if past else present
        return [
            Count(word, present[word], present[word] - before[word])
            for word in _COUNTED
            if present[word] or before[word]
        ]

    def _count(self) -> Counter[str]:
        """The living sockets by what they are counted under."""
        pairs = Counter(
            (history.record.proto, history.record.state)
            for history in takewhile(_is_alive, self._tracker.histories())
        )
        counts: Counter[str] = Counter()
        for (proto, state), number in pairs.items():
            counts[proto.base if proto.base in STATELESS else state.value] += number
        return counts

    def __len__(self) -> int:
        """How many sockets live, shown or not."""
        return len(self._tracker)

    def mark(self, history: History, now: float) -> Mark:
        """What has just happened to the row."""
        if history.ended_at is not None:
            return Mark.ENDED
        if now - history.first_seen < FRESH_S and not history.was_there:
            return Mark.NEW
        if now - history.changed_at < FRESH_S and history.changed_at > history.first_seen:
            return Mark.CHANGED
        return Mark.NONE

    def present(self, history: History, now: float) -> SocketRecord:
        """The row as far as it is known now.

        Its timer has run down since it was read; what was read before the last change of
        state says nothing about the new one and is None.
        """
        record = history.record
        read_at = self._read_at.get(record.proto)
        if read_at is None or history.changed_at > read_at:
            record = record._replace(timer=None, recv_q=None, send_q=None, backlog=None)
        elif record.timer is not None and record.timer.kind != TimerKind.OFF:
            until = history.ended_at or now
            left = max(record.timer.expires_s - max(until - read_at, 0.0), 0.0)
            record = record._replace(timer=record.timer._replace(expires_s=left))
        if record.state is TcpState.TIME_WAIT and record.owners:
            record = record._replace(owners=())
        return record

    def missing(self, record: SocketRecord) -> Missing | None:
        """Why a row has no owner; None when it has one, and when nobody has looked yet."""
        if record.owners is None or self.snapshot is None:
            return None
        return self.snapshot.why_no_owner(record)

    def sentence(self, history: History, now: float) -> str:
        """What the row means, in a sentence."""
        if history.ended_at is not None:
            ago = duration(max(now - history.ended_at, 0.0))
            return f"Ended {ago} ago: {_ENDS.get(history.why_ended, _ENDS[WhyEnded.GONE])}"
        record = self.present(history, now)
        return explain_row(record, self.missing(record))

    def troubles(self, history: History, now: float) -> list[str]:
        """What the row points to that is wrong, a sentence each."""
        if history.ended_at is not None or self.snapshot is None:
            return []
        record, since = self.present(history, now), history.trail[-1].since
        alone = self.snapshot._replace(records=[record], unix=[])
        known = None if since is None else {record.cookie or 0: now - since}
        found = [trouble.sentence for trouble in find_trouble(alone, since=known)]
        return found + self._troubles_with_ports().get(record[:_ADDRESSES], [])

    def _troubles_with_ports(self) -> dict[tuple[object, ...], list[str]]:
        """What is said of ephemeral ports, by the addresses of the row to say it at."""
        if self._port_troubles is None:
            self._port_troubles = {}
            if self._ports is not None and self.snapshot is not None:
                for trouble in used_up_ports(self.snapshot.records, self._ports):
                    key = trouble.record[:_ADDRESSES]
                    self._port_troubles.setdefault(key, []).append(trouble.sentence)
        return self._port_troubles

    def in_state_s(self, history: History, now: float) -> float | None:
        """For how long it has been in its state (ended: gone); None where nobody knows."""
        if history.ended_at is not None:
            return max(now - history.ended_at, 0.0)
        since = history.trail[-1].since if history.trail else None
        return None if since is None else max(now - since, 0.0)

    def holds(self, event: Event) -> bool:
        """Whether the filter does not leave the transition out."""
        return self._sieve is None or self._sieve.holds(event.record(), None) is not False

    def _take(self, frame: Frame) -> None:
        if isinstance(frame, Snapshot):
            self._tracker.snapshot(frame)
            self.snapshot = frame
            self._port_troubles = None
            self._read_count += 1
            self._read_at.update(dict.fromkeys(frame.sources, frame.taken_at))
        elif isinstance(frame, Restart):
            self._begin()
        else:
            self.log.append(frame)
            self.logged += 1
            if isinstance(frame, Event):
                self._tracker.event(frame)
            elif isinstance(frame, Loss):
                self.lost += frame.lost or 1

    def _keep(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            if isinstance(frame, Snapshot):
                self._held_snapshot = frame
            elif len(self._held) < _MOST_HELD:
                self._held.append(frame)
            else:
                self._passed += 1

    def _is_moving(self) -> bool:
        """Whether rows may come, go or move though none has changed its state."""
        return self._sieve is not None or self.view.sort in MOVING

    def _is_shown(self, history: History) -> bool:
        record, view = history.record, self.view
        if record.state not in view.states and record.proto.base not in STATELESS:
            return False
        return view.show is Show.ALL or is_server(record) is (view.show is Show.LISTENING)

    def _sifted(self, rows: list[History]) -> list[History]:
        """Those for which the filter holds; counts those for which nobody can tell."""
        self.undecided = 0
        if self._sieve is None:
            return rows
        coverage = self.snapshot.coverage if self.snapshot is not None else None
        kept = []
        for history in rows:
            holds = self._sieve.holds(history.record, coverage)
            if holds:
                kept.append(history)
            elif holds is None:
                self.undecided += 1
        return kept


_ENDS: dict[WhyEnded | None, str] = {
    WhyEnded.CLOSED: "it was closed in order, and nothing of it is left.",
    WhyEnded.TIME_WAIT_OVER: "it was closed long before, and its time in TIME_WAIT is over.",
    WhyEnded.RESET: "it was reset, without the closing handshake; what was not read is lost.",
    WhyEnded.NOT_CONNECTED: "the connection was refused, or its beginning was given up.",
    WhyEnded.GONE: "closed or reset, nobody has seen how.",
}


def _is_alive(history: History) -> bool:
    return history.ended_at is None


def _moment(frame: Frame) -> float:
    return frame.taken_at if isinstance(frame, Snapshot) else frame.at


def _paired(rows: list[History]) -> list[History]:
    """The same rows, the other end of each connection directly below the one that comes first."""
    shown = set(map(id, rows))
    placed: set[int] = set()
    paired = []
    for history in rows:
        if id(history) in placed:
            continue
        paired.append(history)
        pair = history.pair
        if pair is not None and id(pair) in shown:
            paired.append(pair)
            placed.add(id(pair))
    return paired
