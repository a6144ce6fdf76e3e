"""The ledger: looks and ends in, events out."""

from __future__ import annotations

from pynetstat.history.ledger import Ledger
from pynetstat.history.transition import Event, Totals
from pynetstat.records import (
    STATE_CODES,
    TIMER_OFF,
    Addr,
    Owner,
    Proto,
    SocketRecord,
    TcpState,
    Timer,
    TimerKind,
)
from pynetstat.sources.destroy import End
from pynetstat.sources.sockstates import Look

_S = TcpState
_CODES = {state: code for code, state in STATE_CODES.items() if code < 12}
_TOTALS = Totals(100, 50, 3, 4, 0)


def _row(cookie: int, state: TcpState, inode: int = 7, proto: Proto = Proto.TCP) -> SocketRecord:
    timer = Timer(TimerKind.TIMEWAIT, 59.0, 0, 0) if state is _S.TIME_WAIT else TIMER_OFF
    remote = Addr("127.0.0.1", 0 if state is _S.LISTEN else 9)
    return SocketRecord(
        proto, Addr("127.0.0.1", cookie), remote, state, 0, 0, None, timer, 0, inode, cookie, 0, ()
    )


def _end(cookie: int, totals: Totals | None = _TOTALS, proto: Proto = Proto.TCP) -> End:
    return End(9.0, proto, Addr("127.0.0.1", cookie), Addr("127.0.0.1", 9), 0, cookie, totals)


class _Table:
    """A ledger, and the table that it looks at."""

    def __init__(self, *rows: SocketRecord, proto: Proto = Proto.TCP) -> None:
        self.ledger = Ledger()
        self._proto = proto
        self.ledger.start(proto, self._look(*rows), 0.0)

    def _look(self, *rows: SocketRecord) -> Look:
        known = self.ledger.marks(self._proto)
        marks = {(_CODES[row.state], row.cookie or 0, row.inode or 0): row for row in rows}
        return Look(set(marks), [row for mark, row in marks.items() if mark not in known])

    def look(
        self, at: float, *rows: SocketRecord, ended: tuple[int, ...] = (), confirm: bool = False
    ) -> list[Event]:
        return self.ledger.looked(self._proto, self._look(*rows), at, set(ended), confirm)


def _steps(events: list[Event]) -> list[tuple[TcpState | None, TcpState | None, bool]]:
    return [(event.old, event.new, event.inferred) for event in events]


def test_what_was_there_is_no_event_and_what_stays_is_none() -> None:
    rows = [_row(1, _S.LISTEN), _row(2, _S.ESTABLISHED)]
    table = _Table(*rows)
    assert table.look(1.0, *rows) == []


def test_a_new_socket_and_its_first_step() -> None:
    table = _Table()
    (born,) = table.look(1.0, _row(1, _S.SYN_SENT))
    assert (born.old, born.new, born.seconds, born.inferred) == (None, _S.SYN_SENT, None, False)
    (step,) = table.look(1.5, _row(1, _S.ESTABLISHED))
    assert (step.at, step.old, step.new, step.seconds) == (1.5, _S.SYN_SENT, _S.ESTABLISHED, 0.5)
    assert (step.cookie, step.inferred) == (1, False)


def test_states_that_must_have_been_passed_are_inferred_without_times() -> None:
    table = _Table(_row(1, _S.ESTABLISHED), _row(2, _S.ESTABLISHED))
    events = table.look(1.0, _row(1, _S.LAST_ACK), _row(2, _S.TIME_WAIT))
    first = [event for event in events if event.cookie == 1]
    assert _steps(first) == [
        (_S.ESTABLISHED, _S.CLOSE_WAIT, True),
        (_S.CLOSE_WAIT, _S.LAST_ACK, False),
    ]
    second = [event for event in events if event.cookie == 2]
    assert _steps(second) == [(_S.ESTABLISHED, _S.FIN_WAIT1, True), (None, _S.TIME_WAIT, False)]
    assert {event.seconds for event in events} == {None}
    (born, seen) = table.look(
        2.0, *[_row(1, _S.LAST_ACK), _row(2, _S.TIME_WAIT)], _row(3, _S.CLOSE_WAIT)
    )
    assert (born.new, born.inferred, seen.old, seen.new) == (
        _S.ESTABLISHED, True, _S.ESTABLISHED, _S.CLOSE_WAIT,
    )  # fmt: skip


def test_owners_that_become_known_are_no_event_but_stay_known() -> None:
    table = _Table(_row(1, _S.ESTABLISHED, inode=0))
    accepted = _row(1, _S.ESTABLISHED, inode=8)._replace(owners=(Owner(5, 3, "server"),))
    assert table.look(1.0, accepted) == []
    (step,) = table.look(2.0, _row(1, _S.FIN_WAIT1, inode=0))
    assert step.owners == accepted.owners


def test_an_end_that_leaves_nothing() -> None:
    table = _Table(_row(1, _S.LAST_ACK), _row(2, _S.ESTABLISHED), _row(3, _S.LISTEN))
    (closed,) = table.ledger.ended(_end(1), None)
    assert (closed.at, closed.old, closed.new) == (9.0, _S.LAST_ACK, None)
    assert (closed.totals, closed.inferred) == (_TOTALS, False)
    (gone,) = table.ledger.ended(_end(2), None)
    assert (gone.old, gone.inferred) == (_S.ESTABLISHED, True)  # closed or reset
    (stopped,) = table.ledger.ended(_end(3, None), None)
    assert (stopped.old, stopped.inferred, stopped.raddr.port) == (_S.LISTEN, False, 0)
    assert table.look(10.0) == []


def test_an_end_that_leaves_time_wait() -> None:
    table = _Table(_row(1, _S.FIN_WAIT2))
    (step,) = table.ledger.ended(_end(1), _row(1, _S.TIME_WAIT, inode=0))
    assert (step.old, step.new, step.totals) == (_S.FIN_WAIT2, _S.TIME_WAIT, _TOTALS)
    assert table.look(9.5, _row(1, _S.TIME_WAIT, inode=0)) == []
    assert table.look(69.0) == []  # a look may miss one
    (end,) = table.look(69.5)
    assert (end.at, end.old, end.new, end.seconds) == (69.0, _S.TIME_WAIT, None, 60.0)
    assert (end.inferred, end.totals) == (False, _TOTALS)


def test_an_end_that_a_look_was_faster_than() -> None:
    table = _Table(_row(1, _S.FIN_WAIT2))
    (step,) = table.look(8.9, _row(1, _S.TIME_WAIT, inode=0))
    assert step.totals is None
    assert table.ledger.ended(_end(1), None) == []
    table.look(69.0)
    (end,) = table.look(69.5)
    assert end.totals == _TOTALS


def test_another_socket_with_the_same_addresses_is_not_what_is_left() -> None:
    table = _Table(_row(1, _S.LAST_ACK), _row(77, _S.TIME_WAIT))
    for other in (_row(77, _S.TIME_WAIT), _row(78, _S.ESTABLISHED)):
        assert not table.ledger.is_left(other, 1)
    (closed,) = table.ledger.ended(_end(1), _row(77, _S.TIME_WAIT))
    assert (closed.old, closed.new) == (_S.LAST_ACK, None)


def test_time_wait_of_a_socket_that_nobody_had_looked_at_has_a_cookie_of_its_own() -> None:
    table = _Table()
    left = _row(1, _S.TIME_WAIT, inode=0)._replace(cookie=2)
    events = table.ledger.ended(_end(1), left)
    assert _steps(events) == [(None, _S.FIN_WAIT1, True), (None, _S.TIME_WAIT, False)]
    assert {event.cookie for event in events} == {1}
    assert (events[-1].totals, events[0].totals) == (_TOTALS, None)
    assert table.look(9.1, left) == []
    table.look(69.0)
    (end,) = table.look(69.1)
    assert (end.cookie, end.old, end.new, end.seconds) == (1, _S.TIME_WAIT, None, 60.0)


def test_the_end_of_what_no_look_has_seen() -> None:
    table = _Table()
    established, gone = table.ledger.ended(_end(1), None)
    assert (established.new, established.inferred) == (_S.ESTABLISHED, True)
    assert (gone.old, gone.new, gone.totals, gone.inferred) == (_S.ESTABLISHED, None, _TOTALS, True)
    (silent,) = table.ledger.ended(_end(2, Totals(0, 0, 1, 1, 0)), None)
    assert (silent.old, silent.new, silent.inferred) == (None, None, False)
    unbound = _end(3, None)._replace(laddr=Addr("0.0.0.0", 0), raddr=Addr("0.0.0.0", 0))
    assert table.ledger.ended(unbound, None) == []
    datagram = _end(4, None, Proto.UDP)._replace(state=_S.CLOSE)
    (udp,) = table.ledger.ended(datagram, None)
    assert (udp.old, udp.new, udp.inferred) == (_S.CLOSE, None, False)


def test_what_ended_during_a_look_is_not_born_again() -> None:
    table = _Table()
    table.ledger.ended(_end(1), None)
    assert table.look(9.0, _row(1, _S.ESTABLISHED), ended=(1,)) == []
    assert table.look(9.1) == []


def test_a_look_that_misses_a_socket_once_is_not_believed() -> None:
    table = _Table(_row(1, _S.ESTABLISHED))
    assert table.look(1.0) == []
    assert table.look(2.0, _row(1, _S.ESTABLISHED)) == []
    assert table.look(3.0) == []
    (left,) = table.look(4.0)
    # Its end was not told: it was aborted, and its process holds it.
    assert (left.at, left.old, left.new, left.inferred) == (3.0, _S.ESTABLISHED, _S.CLOSE, True)
    assert table.look(5.0) == table.look(6.0) == []
    (end,) = table.ledger.ended(_end(1), None)
    assert (end.old, end.new, end.seconds) == (_S.CLOSE, None, 6.0)


def test_after_a_loss_what_is_missing_may_have_ended() -> None:
    table = _Table(_row(1, _S.ESTABLISHED))
    table.ledger.lost()
    table.look(1.0)
    (end,) = table.look(2.0)
    assert (end.old, end.new, end.inferred) == (_S.ESTABLISHED, None, True)
    assert table.ledger.known == {}


def test_udp_is_born_connected_and_ends() -> None:
    table = _Table(proto=Proto.UDP)
    (born,) = table.look(1.0, _row(1, _S.CLOSE, proto=Proto.UDP))
    (connected,) = table.look(2.0, _row(1, _S.ESTABLISHED, proto=Proto.UDP))
    (end,) = table.ledger.ended(_end(1, None, Proto.UDP), None)
    assert [(event.old, event.new) for event in (born, connected, end)] == [
        (None, _S.CLOSE), (_S.CLOSE, _S.ESTABLISHED), (_S.ESTABLISHED, None),
    ]  # fmt: skip
    assert (connected.seconds, end.seconds, end.inferred) == (1.0, 7.0, False)


def test_where_somebody_else_tells_news_need_a_second_look() -> None:
    table = _Table(_row(1, _S.ESTABLISHED))
    rows = [_row(1, _S.CLOSE_WAIT), _row(2, _S.LISTEN)]
    assert table.look(1.0, *rows, confirm=True) == []
    events = table.look(2.0, *rows, confirm=True)
    assert {(event.cookie, event.new) for event in events} == {(1, _S.CLOSE_WAIT), (2, _S.LISTEN)}
    assert table.look(3.0, *rows, confirm=True) == []
    assert table.look(4.0, rows[0], _row(2, _S.LISTEN, inode=9), confirm=True) == []


def test_a_socket_that_is_held_longer_than_time_wait_ends_once() -> None:
    table = _Table(_row(1, _S.FIN_WAIT2))
    (step,) = table.look(1.0, _row(1, _S.TIME_WAIT, inode=0))
    assert (step.old, step.new) == (_S.FIN_WAIT2, _S.TIME_WAIT)
    table.look(61.0)
    (gone,) = table.look(61.1)
    assert (gone.old, gone.new, gone.seconds) == (_S.TIME_WAIT, None, 60.0)
    assert table.ledger.ended(_end(1), None) == []
