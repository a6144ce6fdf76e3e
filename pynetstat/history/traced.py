"""From the trace of every network namespace to the events of this one. Pure but for a callable.

The tracepoints know a socket by its address in the kernel and don't say whose namespace it is
in. Whose it is, sock_diag knows, which sees this namespace only: a living socket is asked for by
its addresses, which gives its cookie; the end of a socket has its cookie in the trace, and is
told with the same cookie by the destroy groups of this namespace. What neither confirms within
a second is another namespace's and is dropped, but for a socket that was aborted before anybody
saw it and is still held by its process: no table has it, so that its end must tell, however late.
A socket of another namespace with exactly the
addresses of one of ours (both on loopback, say) is told apart as long as ours is known already;
where both begin in the same moment, they can be mistaken for each other until they end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from pynetstat.history.ledger import Known, Ledger, keeps_waiting
from pynetstat.history.transition import Event, Totals
from pynetstat.records import Addr, Owner, Proto, SocketRecord, TcpState
from pynetstat.sources.destroy import End
from pynetstat.sources.sockstates import Question
from pynetstat.sources.tracefs import Destroyed, Transition

Find: TypeAlias = "Callable[[list[Question]], list[SocketRecord | None]]"
"""Asks sock_diag; None for a socket that this namespace does not have."""

_PATIENCE_NS = 1_000_000_000
"""How long to wait for a sign that a socket is of this namespace, and for the totals of a closed
one: the kernel's work queue tells them, which has to wait for a processor like everybody."""
_TRACE_NS = 40_000_000
"""How long an end waits for the trace, which is written before it."""
_MOST_LATE = 10_000
"""Sockets whose totals are still to come though their end was told without them."""
_CLOSE_NS = 10_000_000
"""How long a socket that went to CLOSE may take to be destroyed; else a process holds it."""
_PORT_NS = 100_000_000
"""How long a connect() may take to choose its port, which it does behind SYN_SENT."""
_MOST_LIVES = 100_000
_LEAVES_TIME_WAIT = (TcpState.FIN_WAIT1, TcpState.FIN_WAIT2, TcpState.CLOSING)
_BY_ITS_OWN_PROCESS = {
    TcpState.SYN_SENT, TcpState.LISTEN, TcpState.FIN_WAIT1, TcpState.LAST_ACK,
}  # fmt: skip
"""States that a socket enters inside a system call of a process that holds it."""


class _Life:
    """One socket of the trace, from its first transition to its end."""

    __slots__ = (
        "asked", "asked_held", "cookie", "destroyed_ns", "laddr", "left", "ours", "owner", "proto",
        "raddr", "skaddr", "thread", "waiting",
    )  # fmt: skip

    def __init__(self, first: Transition) -> None:
        self.skaddr = first.skaddr
        self.proto = first.proto
        self.laddr = first.laddr
        self.raddr = first.raddr
        self.waiting: list[Transition] = []
        """What no event has been made of yet."""
        self.ours = False
        """Whether it is known to be of this namespace; then it has a key in the ledger, too."""
        self.cookie: int | None = None
        """Its key; below 0 a stand-in for a cookie that nothing has told yet."""
        self.left: int | None = None
        """The cookie of the TIME_WAIT that goes on instead, while a process holds the socket."""
        self.destroyed_ns: int | None = None
        self.asked = 0
        """How many transitions were waiting when sock_diag was last asked."""
        self.asked_held = False
        """Whether that was when it had gone to CLOSE and was not destroyed."""
        self.thread: int | None = None
        self.owner: Owner | None = None

    def add(self, transition: Transition) -> None:
        self.waiting.append(transition)
        self.asked_held = False
        if transition.new is not TcpState.CLOSE:
            self.left = None  # its process has made another connection with it
        forgets = transition.new is TcpState.CLOSE and not transition.raddr.port
        if transition.laddr.port and not forgets:
            self.laddr, self.raddr = transition.laddr, transition.raddr


class Traced:
    """Puts the trace and the ends of TCP sockets together; keeps the ledger up to date."""

    def __init__(
        self,
        ledger: Ledger,
        find: Find,
        owner_of: Callable[[int], Owner | None],
        is_here: Callable[[int], bool],
    ) -> None:
        self._ledger = ledger
        self._find = find
        self._owner_of = owner_of
        self._is_here = is_here
        self._lives: dict[int, _Life] = {}
        self._claimed: dict[int, _Life] = {}
        self._active: dict[int, _Life] = {}
        """Lives with something waiting, by identity."""
        self._dying: list[_Life] = []
        self._ends: dict[int, tuple[int, End]] = {}
        self._late: dict[int, None] = {}
        self._index: dict[tuple[Proto, Addr, Addr], int] = {}
        self._indexed_ns = -_PATIENCE_NS

    @property
    def busy(self) -> bool:
        """Whether something waits for what may come in the next moments."""
        return bool(self._active or self._dying or self._ends)

    def take(
        self,
        happened: list[Transition | Destroyed],
        ends: list[End],
        now_ns: int,
        epoch_s: float,
        read_until_ns: int | None = None,
    ) -> list[Event]:
        """The events that are certain now. ``epoch_s`` is the epoch's time of clock value 0.

        ``read_until_ns`` is how far the trace has been read, which falls behind ``now_ns`` when
        more happens than can be read: nobody waits in vain for what is written there already.
        """
        arrived_ns, now_ns = now_ns, now_ns if read_until_ns is None else read_until_ns
        for end in ends:
            if end.cookie in self._late:
                del self._late[end.cookie]
            else:
                self._ends[end.cookie] = (arrived_ns, end)
        for item in happened:
            if isinstance(item, Destroyed):
                self._destroy(item)
            else:
                self._move(item)
        self._identify(now_ns, epoch_s)
        events: list[Event] = []
        remains = self._remains(
            [life for life in self._active.values() if life.ours and _is_held(life, now_ns)]
        )
        for life in list(self._active.values()):
            if life.ours:
                self._tell(life, remains.get(id(life)), now_ns, epoch_s, events)
            if not life.waiting:
                del self._active[id(life)]
            elif not life.ours and now_ns - life.waiting[-1].at_ns > _PATIENCE_NS:
                del self._active[id(life)]
                if life.waiting[-1].new is not TcpState.CLOSE:
                    life.waiting.clear()
                    life.asked = 0
        self._bury(now_ns, epoch_s, events)
        self._end_untraced(now_ns, events)
        events.sort(key=lambda event: event.at)
        return events

    def adopt(self, record: SocketRecord) -> bool:
        """A look at the table found a socket that nobody knows: whether the trace has it."""
        if record.cookie is None or record.cookie in self._claimed or keeps_waiting(record):
            return record.cookie in self._claimed
        for life in self._active.values():
            if not life.ours and life.proto is record.proto and _fits(life, record):
                self._claim(life, record)
                return True
        return False

    def forget(self) -> None:
        """Something of the trace is lost: who is who is found out anew."""
        self._lives.clear()
        self._active.clear()
        self._claimed.clear()

    def _move(self, transition: Transition) -> None:
        life = self._lives.get(transition.skaddr)
        if life is None:
            if len(self._lives) >= _MOST_LIVES:
                self.forget()
            life = self._lives[transition.skaddr] = _Life(transition)
        life.add(transition)
        self._active[id(life)] = life
        if transition.pid is not None and transition.new in _BY_ITS_OWN_PROCESS:
            life.thread = transition.pid
            life.owner = self._owner_of(transition.pid) or life.owner

    def _destroy(self, destroyed: Destroyed) -> None:
        life = self._lives.pop(destroyed.skaddr, None)
        if life is None:
            return
        self._active.pop(id(life), None)
        if life.cookie is not None:
            self._claimed.pop(life.cookie, None)
            if life.cookie < 0:
                self._ledger.known[destroyed.cookie] = self._ledger.known.pop(life.cookie)
        life.cookie = destroyed.cookie
        life.destroyed_ns = destroyed.at_ns
        self._dying.append(life)

    def _identify(self, now_ns: int, epoch_s: float) -> None:
        """Find out which of the living sockets are of this namespace."""
        unknown = []
        for life in self._active.values():
            if not life.ours and life.laddr.port:
                held = _is_held(life, now_ns)
                if life.asked < len(life.waiting) or (
                    held and _may_wait(life) and not life.asked_held
                ):
                    life.asked_held = held
                    unknown.append(life)
                elif held:
                    self._look_up(life, now_ns)
            elif _has_stand_in(life) and life.asked < len(life.waiting):
                unknown.append(life)
        rows = self._find([Question(life.proto, life.laddr, life.raddr) for life in unknown])
        for life, record in zip(unknown, rows, strict=True):
            life.asked = len(life.waiting)
            if life.ours:
                self._name(life, record)
            elif record is not None and self._can_be(life, record, epoch_s):
                self._claim(life, record)

    def _can_be(self, life: _Life, record: SocketRecord, epoch_s: float) -> bool:
        """Whether the row with the same addresses can be this socket, not one of another
        namespace whose addresses are the same."""
        if record.cookie is None or record.cookie in self._claimed:
            return False
        known = self._ledger.known.get(record.cookie)
        first = life.waiting[0]
        if keeps_waiting(record):
            may_be_its_own = life.asked_held and _may_wait(life)
            before = (first.old, record.state if len(life.waiting) == 1 else None)
            return may_be_its_own and (known is None or known.record.state in before)
        begins = first.old in (TcpState.CLOSE, TcpState.LISTEN) and first.new is not TcpState.CLOSE
        if known is None or not begins:
            return True
        early = known.record.state in (TcpState.CLOSE, TcpState.SYN_RECV)
        return early or known.first_seen > first.at_ns / 1e9 + epoch_s

    def _look_up(self, life: _Life, now_ns: int) -> None:
        """A socket that was closed while its process holds it is in no table: was it?"""
        if now_ns - self._indexed_ns >= _PATIENCE_NS:
            self._indexed_ns = now_ns
            self._index = {
                (known.record.proto, known.record.laddr, known.record.raddr): cookie
                for cookie, known in self._ledger.known.items()
            }
        cookie = self._index.get((life.proto, life.laddr, life.raddr))
        known = self._ledger.known.get(cookie) if cookie is not None else None
        if known is not None and known.record.state is life.waiting[0].old:
            self._claim(life, known.record)
        elif known is None and life.thread is not None and self._is_here(life.thread):
            # A connect() that failed: no table has had it, but the process is one of here.
            life.ours = True
            life.cookie = -life.skaddr
            self._know(life)

    def _name(self, life: _Life, record: SocketRecord | None) -> None:
        """Give a socket that had a stand-in for its cookie the one that a table has now."""
        if record is None or record.cookie is None or record.cookie in self._claimed:
            return
        assert life.cookie is not None
        known = self._ledger.known.pop(life.cookie)
        known.record = known.record._replace(cookie=record.cookie)
        self._ledger.known[record.cookie] = known
        self._claim(life, record)

    def _claim(self, life: _Life, record: SocketRecord) -> None:
        assert record.cookie is not None
        life.ours = True
        life.cookie = record.cookie
        life.laddr, life.raddr = record.laddr, record.raddr
        self._claimed[record.cookie] = life
        known = self._ledger.known.get(record.cookie)
        if keeps_waiting(record):
            # The kernel tells neither of them any more, and says 0.
            record = record._replace(inode=None, uid=None)
        elif known is not None:
            known.record = known.record._replace(
                inode=record.inode, uid=record.uid, owners=record.owners or known.record.owners
            )
        self._know(life, record)

    def _know(self, life: _Life, record: SocketRecord | None = None) -> Known:
        """The ledger's entry for the socket, made where there is none."""
        assert life.cookie is not None
        known = self._ledger.known.get(life.cookie)
        if known is None:
            old = life.waiting[0].old if life.waiting else TcpState.CLOSE
            if record is None:
                cookie = life.cookie if life.cookie > 0 else None
                record = SocketRecord(life.proto, life.laddr, life.raddr, old, cookie=cookie)
            elif record.state is not old:
                record = record._replace(state=old)
            known = Known(record, 0.0)
            self._ledger.known[life.cookie] = known
        return known

    def _tell(
        self,
        life: _Life,
        remains: SocketRecord | None,
        now_ns: int,
        epoch_s: float,
        events: list[Event],
    ) -> None:
        """Make events of what waits, up to what may turn out to be the end.

        ``remains`` is what sock_diag has under the addresses of a socket that went to CLOSE
        and is held.
        """
        if life.left is not None:
            life.waiting.clear()  # nothing new: it was told to be in TIME_WAIT
            return
        told = 0
        known = self._know(life)
        assert life.cookie is not None
        for transition in life.waiting:
            age_ns = now_ns - transition.at_ns
            if transition.new is TcpState.CLOSE and age_ns < _CLOSE_NS:
                break
            if not life.laddr.port and age_ns < _PORT_NS:
                break
            told += 1
            is_last = told == len(life.waiting)
            if is_last and remains is not None and self._ledger.is_left(remains, life.cookie):
                self._leave(life, known, transition, remains, None, epoch_s, events)
            else:
                _step(life, known, transition, transition.new, epoch_s, events)
        del life.waiting[:told]
        life.asked = 0

    def _remains(self, lives: list[_Life]) -> dict[int, SocketRecord | None]:
        """What sock_diag has now of those that may have left TIME_WAIT behind, by identity."""
        leaving = [life for life in lives if _may_wait(life)]
        rows = self._find([Question(life.proto, life.laddr, life.raddr) for life in leaving])
        return {id(life): row for life, row in zip(leaving, rows, strict=True)}

    def _leave(  # noqa: PLR0917 - one of each
        self,
        life: _Life,
        known: Known,
        last: Transition,
        remains: SocketRecord,
        totals: Totals | None,
        epoch_s: float,
        events: list[Event],
    ) -> None:
        """The connection goes on as what the socket has left behind, where the trace reads
        CLOSE."""
        assert life.cookie is not None
        if remains.state is not last.old:
            before = len(events)
            _step(life, known, last, remains.state, epoch_s, events)
            events[before:] = [event._replace(totals=totals) for event in events[before:]]
        known.take(remains)
        self._ledger.leave(life.cookie, known, remains, totals)
        life.left = remains.cookie

    def _bury(self, now_ns: int, epoch_s: float, events: list[Event]) -> None:
        """The last events of the sockets whose totals are here, or late."""
        ready, dying = [], []
        for life in self._dying:
            assert life.cookie is not None
            assert life.destroyed_ns is not None
            told = life.cookie in self._ends
            life.ours = life.ours or told or life.cookie in self._ledger.known
            age_ns = now_ns - life.destroyed_ns
            if age_ns < _PATIENCE_NS and not told:
                dying.append(life)
            elif life.ours:
                ready.append(life)
        self._dying = dying
        remains = self._remains(ready)
        for life in ready:
            self._end(life, remains.get(id(life)), epoch_s, events)

    def _end(
        self, life: _Life, remains: SocketRecord | None, epoch_s: float, events: list[Event]
    ) -> None:
        assert life.cookie is not None
        assert life.destroyed_ns is not None
        _, end = self._ends.pop(life.cookie, (0, None))
        totals = end.totals if end is not None else None
        if life.left is not None:
            if life.left in self._ledger.known:
                self._ledger.known[life.left].totals = totals
            return
        if end is None:
            self._late[life.cookie] = None
            if len(self._late) > _MOST_LATE:
                del self._late[next(iter(self._late))]
        known = self._know(life)
        last = None
        is_left = remains is not None and self._ledger.is_left(remains, life.cookie)
        if is_left or (life.waiting and life.destroyed_ns - life.waiting[-1].at_ns < _CLOSE_NS):
            last = life.waiting.pop()
        for transition in life.waiting:
            _step(life, known, transition, transition.new, epoch_s, events)
        if last is None:
            events.append(
                self._ledger.gone(life.cookie, life.destroyed_ns / 1e9 + epoch_s, totals, seen=True)
            )
            return
        if remains is not None and is_left:
            self._leave(life, known, last, remains, totals, epoch_s, events)
            return
        if known.record.state is not last.old:
            known.record = known.record._replace(state=last.old)
            known.since = None
        events.append(self._ledger.gone(life.cookie, last.at_ns / 1e9 + epoch_s, totals, seen=True))

    def _end_untraced(self, now_ns: int, events: list[Event]) -> None:
        """Ends of sockets that the trace does not know, because a part of it was lost or it
        began later."""
        late = [end for at_ns, end in self._ends.values() if now_ns - at_ns > _TRACE_NS]
        if not late:
            return
        for end in late:
            del self._ends[end.cookie]
        rows = self._find([Question(end.proto, end.laddr, end.raddr, end.ifindex) for end in late])
        for end, row in zip(late, rows, strict=True):
            events += self._ledger.ended(end, row)


def _step(  # noqa: PLR0917 - one of each
    life: _Life,
    known: Known,
    transition: Transition,
    new: TcpState,
    epoch_s: float,
    events: list[Event],
) -> None:
    """Make one event of a transition to ``new`` and write it into the ledger."""
    at = transition.at_ns / 1e9 + epoch_s
    record = known.record
    proto, state, owners = record.proto, record.state, record.owners
    uid, inode, cookie = record.uid, record.inode, record.cookie
    if not owners and life.owner is not None:
        owners = (life.owner,)
    laddr, raddr, old = life.laddr, life.raddr, transition.old
    make = tuple.__new__
    known.record = record._replace(laddr=laddr, raddr=raddr, state=new, owners=owners)
    if state is new:
        return  # a look was faster
    since, known.since = known.since, at
    known.first_seen = known.first_seen or at
    seconds = None if since is None or state is not old else max(at - since, 0.0)
    events.append(
        make(
            Event,
            (at, proto, laddr, raddr, cookie, old, new, seconds, inode, uid, owners, None,
             False),
        )
    )  # fmt: skip


def _has_stand_in(life: _Life) -> bool:
    """Whether it is one of here whose cookie nobody has told, and in a table by now."""
    named = life.cookie is None or life.cookie >= 0
    return not named and bool(life.laddr.port) and life.waiting[-1].new is not TcpState.CLOSE


def _fits(life: _Life, record: SocketRecord) -> bool:
    """Whether the row has the addresses of the socket, as far as that has chosen its own."""
    if life.raddr != record.raddr or life.laddr.ip != record.laddr.ip:
        return False
    return life.laddr.port in (0, record.laddr.port)


def _is_held(life: _Life, now_ns: int) -> bool:
    last = life.waiting[-1]
    return last.new is TcpState.CLOSE and now_ns - last.at_ns >= _CLOSE_NS


def _may_wait(life: _Life) -> bool:
    """Whether it went to CLOSE by way of which TIME_WAIT is left behind."""
    return (
        bool(life.waiting)
        and life.waiting[-1].new is TcpState.CLOSE
        and life.waiting[-1].old in _LEAVES_TIME_WAIT
    )
