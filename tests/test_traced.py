"""The trace of every namespace and the ends of this one, put together."""

from __future__ import annotations

from pathlib import Path

import pytest

from pynetstat.history.ledger import Known, Ledger
from pynetstat.history.traced import Traced
from pynetstat.history.transition import Event, Totals
from pynetstat.records import (
    TIMER_OFF,
    Addr,
    Owner,
    Proto,
    SocketRecord,
    TcpState,
    Timer,
    TimerKind,
)
from pynetstat.sources import destroy, tracefs
from pynetstat.sources.destroy import End
from pynetstat.sources.sockstates import Question
from pynetstat.sources.tracefs import Destroyed, Transition

_S = TcpState
_DATA = Path(__file__).parent / "data/events"
_HERE, _THERE = Addr("127.0.0.1", 4000), Addr("127.0.0.1", 80)
_UNCHOSEN = Addr("127.0.0.1", 0)
_OWNER = Owner(5, -1, "client")
_MS = 1_000_000


class _Kernel:
    """sock_diag, one process, and the clock."""

    def __init__(self) -> None:
        self.rows: list[SocketRecord] = []
        self.asked = 0
        self.ledger = Ledger()
        self.traced = Traced(
            self.ledger,
            self._find,
            lambda thread: _OWNER if thread == 5 else None,
            lambda thread: thread == 5,
        )

    def _find(self, questions: list[Question]) -> list[SocketRecord | None]:
        self.asked += len(questions)
        rows = {(row.proto, row.laddr, row.raddr): row for row in self.rows}
        return [rows.get((each.proto, each.laddr, each.raddr)) for each in questions]

    def knows(self, state: TcpState, cookie: int = 1) -> None:
        """A look has seen this socket before."""
        row = _row(state, cookie)
        self.ledger.known[cookie] = Known(row, 0.0)
        self.rows = [row]

    def take(
        self,
        now_ms: int,
        *happened: Transition | Destroyed,
        ends: tuple[End, ...] = (),
        read_ms: int | None = None,
    ) -> list[Event]:
        read_until_ns = None if read_ms is None else read_ms * _MS
        return self.traced.take([*happened], [*ends], now_ms * _MS, 1000.0, read_until_ns)


def _row(state: TcpState, cookie: int = 1) -> SocketRecord:
    return SocketRecord(
        Proto.TCP, _HERE, _THERE, state, 0, 0, None, TIMER_OFF, 1000, 7, cookie, 0, ()
    )


_WAITING = _row(_S.TIME_WAIT)._replace(inode=0, timer=Timer(TimerKind.TIMEWAIT, 60.0, 0, 0))


def _move(
    at_ms: int, old: TcpState, new: TcpState, laddr: Addr = _HERE, pid: int | None = None
) -> Transition:
    return Transition(at_ms * _MS, 0xABC, pid, Proto.TCP, laddr, _THERE, old, new)


def _end(cookie: int = 1) -> End:
    return End(1000.0, Proto.TCP, _HERE, _THERE, 0, cookie, Totals(1, 2, 3, 4, 5))


def _steps(events: list[Event]) -> list[tuple[TcpState | None, TcpState | None]]:
    return [(event.old, event.new) for event in events]


def test_a_recorded_trace_and_its_ends() -> None:
    decoder = tracefs.Decoder(
        (_DATA / "inet_sock_set_state.format").read_text(),
        (_DATA / "tcp_destroy_sock.format").read_text(),
    )
    page = bytes.fromhex((_DATA / "pages.hex").read_text())
    happened = decoder.decode(page, tracefs.parse_page(page))
    ends_decoder = destroy.Decoder()
    ends = [
        end
        for part in (_DATA / "ends.hex").read_text().split("\n\n")
        if (end := ends_decoder.decode(bytes.fromhex(part), 0.0)) and end.proto.base == "tcp"
    ]
    kernel = _Kernel()
    now_ms = happened[-1].at_ns // _MS + 1
    events = kernel.take(now_ms, *happened, ends=tuple(ends))
    ways: dict[int | None, list[tuple[TcpState | None, TcpState | None]]] = {}
    for event in events:
        ways.setdefault(event.cookie, []).append((event.old, event.new))
    assert ways[1496245] == [
        (_S.CLOSE, _S.SYN_SENT), (_S.SYN_SENT, _S.ESTABLISHED), (_S.ESTABLISHED, _S.FIN_WAIT1),
        (_S.FIN_WAIT1, _S.FIN_WAIT2), (_S.FIN_WAIT2, None),
    ]  # fmt: skip
    assert ways[1496246] == [
        (_S.LISTEN, _S.SYN_RECV), (_S.SYN_RECV, _S.ESTABLISHED), (_S.ESTABLISHED, _S.CLOSE_WAIT),
        (_S.CLOSE_WAIT, _S.LAST_ACK), (_S.LAST_ACK, None),
    ]  # fmt: skip
    assert ways[1496249] == [
        (_S.CLOSE, _S.SYN_SENT), (_S.SYN_SENT, _S.ESTABLISHED), (_S.ESTABLISHED, None),
    ]  # fmt: skip
    assert ways[1496250][-1] == (_S.ESTABLISHED, None)
    first, last = [event for event in events if event.cookie == 1496245][:: len(ways[1496245]) - 1]
    assert first.laddr.port == 53188  # chosen behind SYN_SENT
    assert last.totals == Totals(2, 6, 5, 3, 0)
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert not any(event.inferred for event in events)


def test_a_connection_is_told_while_it_lives_with_its_times() -> None:
    kernel = _Kernel()
    assert kernel.take(1, _move(0, _S.CLOSE, _S.SYN_SENT, _UNCHOSEN, pid=5)) == []
    kernel.rows = [_row(_S.ESTABLISHED)]
    connecting, connected = kernel.take(4, _move(3, _S.SYN_SENT, _S.ESTABLISHED))
    assert (connecting.laddr, connecting.owners, connecting.cookie) == (_HERE, (_OWNER,), 1)
    assert (connected.at, connected.inode, connected.uid) == (1000.003, 7, 1000)
    assert connected.seconds is not None
    assert round(connected.seconds, 6) == 0.003
    assert not kernel.traced.busy


def test_a_known_socket_s_first_step_has_no_time_and_its_addresses() -> None:
    kernel = _Kernel()
    kernel.knows(_S.ESTABLISHED)
    (step,) = kernel.take(2, _move(1, _S.ESTABLISHED, _S.CLOSE_WAIT))
    assert (step.old, step.new, step.seconds) == (_S.ESTABLISHED, _S.CLOSE_WAIT, None)
    assert kernel.ledger.known[1].record.state is _S.CLOSE_WAIT


def test_what_a_look_has_seen_already_is_not_told_twice() -> None:
    kernel = _Kernel()
    kernel.knows(_S.CLOSE_WAIT)
    assert kernel.take(2, _move(1, _S.ESTABLISHED, _S.CLOSE_WAIT)) == []


def test_an_end_waits_for_its_totals_but_not_for_ever() -> None:
    for ends in ((_end(),), ()):
        kernel = _Kernel()
        kernel.knows(_S.LAST_ACK)
        happened = (_move(1, _S.LAST_ACK, _S.CLOSE), Destroyed(_MS, 0xABC, 1))
        assert kernel.take(2, *happened) == []
        assert kernel.traced.busy
        assert kernel.take(900) == []
        (end,) = kernel.take(1100, ends=ends)
        assert (end.at, end.old, end.new, end.inferred) == (1000.001, _S.LAST_ACK, None, False)
        assert end.totals == (ends[0].totals if ends else None)
        assert kernel.ledger.known == {}
        assert not kernel.traced.busy


def test_totals_that_come_when_nobody_waits_any_more_are_no_other_end() -> None:
    kernel = _Kernel()
    kernel.knows(_S.LAST_ACK)
    kernel.take(2, _move(1, _S.LAST_ACK, _S.CLOSE), Destroyed(_MS, 0xABC, 1))
    (end,) = kernel.take(1100)
    assert end.totals is None
    assert kernel.take(1200, ends=(_end(),)) == []
    assert kernel.take(3000) == []
    assert not kernel.traced.busy


def test_an_end_waits_for_a_trace_that_has_fallen_behind() -> None:
    kernel = _Kernel()
    assert kernel.take(3000, ends=(_end(),), read_ms=0) == []
    assert kernel.take(5000, read_ms=1) == []
    events = kernel.take(
        6000,
        _move(2, _S.CLOSE, _S.SYN_SENT, pid=5),
        _move(3, _S.SYN_SENT, _S.ESTABLISHED),
        _move(4, _S.ESTABLISHED, _S.CLOSE),
        Destroyed(4 * _MS, 0xABC, 1),
        read_ms=5,
    )
    assert _steps(events) == [
        (_S.CLOSE, _S.SYN_SENT), (_S.SYN_SENT, _S.ESTABLISHED), (_S.ESTABLISHED, None),
    ]  # fmt: skip
    assert events[-1].totals == _end().totals
    assert kernel.take(9000, read_ms=9000) == []


def test_a_socket_that_leaves_time_wait() -> None:
    kernel = _Kernel()
    kernel.knows(_S.FIN_WAIT2)
    kernel.rows = [_WAITING]
    happened = (_move(1, _S.FIN_WAIT2, _S.CLOSE), Destroyed(_MS, 0xABC, 1))
    (step,) = kernel.take(2, *happened, ends=(_end(),))
    assert (step.old, step.new, step.totals) == (_S.FIN_WAIT2, _S.TIME_WAIT, _end().totals)
    assert kernel.ledger.known[1].record.state is _S.TIME_WAIT


def test_time_wait_may_have_a_cookie_of_its_own() -> None:
    kernel = _Kernel()
    kernel.rows = [_WAITING._replace(cookie=2)]
    happened = (_move(1, _S.FIN_WAIT2, _S.CLOSE), Destroyed(_MS, 0xABC, 1))
    (step,) = kernel.take(2, *happened, ends=(_end(),))
    assert (step.old, step.new, step.cookie) == (_S.FIN_WAIT2, _S.TIME_WAIT, 1)
    assert kernel.ledger.known.keys() == {2}


def test_a_socket_enters_time_wait_while_its_process_still_holds_it() -> None:
    """After shutdown() the other side's FIN ends the connection, and nobody has called close()."""
    kernel = _Kernel()
    kernel.knows(_S.FIN_WAIT2)
    kernel.rows = [_WAITING]
    assert kernel.take(0, _move(0, _S.FIN_WAIT2, _S.CLOSE)) == []
    (event,) = kernel.take(15)
    assert (event.old, event.new, event.cookie) == (_S.FIN_WAIT2, _S.TIME_WAIT, 1)
    assert kernel.take(900, Destroyed(900 * _MS, 0xABC, 1), ends=(_end(),)) == []
    assert kernel.take(2000) == []
    known = kernel.ledger.known[1]
    assert known.record.state is _S.TIME_WAIT
    assert known.totals == Totals(1, 2, 3, 4, 5)


def test_a_socket_that_waits_for_the_other_side_without_its_process() -> None:
    kernel = _Kernel()
    kernel.knows(_S.FIN_WAIT2)
    kernel.rows = [_WAITING._replace(state=_S.FIN_WAIT2)]
    happened = (_move(1, _S.FIN_WAIT2, _S.CLOSE), Destroyed(_MS, 0xABC, 1))
    assert kernel.take(2, *happened, ends=(_end(),)) == []
    assert kernel.ledger.known[1].totals == _end().totals


@pytest.mark.parametrize("old", [_S.FIN_WAIT2, _S.CLOSING])
def test_time_wait_of_a_socket_that_its_process_still_holds(old: TcpState) -> None:
    """The socket itself goes to CLOSE, the connection goes on in TIME_WAIT."""
    kernel = _Kernel()
    kernel.knows(_S.FIN_WAIT1)
    (step,) = kernel.take(2, _move(1, _S.FIN_WAIT1, old))
    kernel.rows = [_WAITING]
    assert kernel.take(102, _move(101, old, _S.CLOSE)) == []
    (step,) = kernel.take(120)
    assert (step.at, step.old, step.new) == (1000.101, old, _S.TIME_WAIT)
    assert step.seconds is not None
    assert round(step.seconds, 6) == 0.1
    assert kernel.ledger.known[1].record == _WAITING
    assert not kernel.traced.busy
    assert kernel.take(500, Destroyed(499 * _MS, 0xABC, 1)) == []
    assert kernel.take(501, ends=(_end(),)) == []
    assert kernel.ledger.known[1].totals == _end().totals
    assert not kernel.traced.busy


def test_time_wait_of_a_socket_that_was_held_for_a_moment() -> None:
    """It is destroyed before anything was told of its CLOSE."""
    kernel = _Kernel()
    kernel.rows = [_WAITING._replace(cookie=2)]
    happened = (_move(1, _S.FIN_WAIT2, _S.CLOSE), Destroyed(30 * _MS, 0xABC, 1))
    (step,) = kernel.take(31, *happened, ends=(_end(),))
    assert (step.at, step.old, step.new) == (1000.001, _S.FIN_WAIT2, _S.TIME_WAIT)
    assert step.totals == _end().totals
    assert kernel.ledger.known.keys() == {2}


def test_time_wait_that_is_over_before_its_process_lets_go() -> None:
    kernel = _Kernel()
    kernel.knows(_S.FIN_WAIT2)
    kernel.rows = [_WAITING]
    kernel.take(2, _move(1, _S.FIN_WAIT2, _S.CLOSE))
    assert _steps(kernel.take(20)) == [(_S.FIN_WAIT2, _S.TIME_WAIT)]
    kernel.ledger.gone(1, 1060.0, None)
    happened = (_move(61_000, _S.CLOSE, _S.CLOSE), Destroyed(61_000 * _MS, 0xABC, 1))
    assert kernel.take(61_001, *happened, ends=(_end(),)) == []
    assert kernel.take(70_000) == []
    assert kernel.ledger.known == {}


def test_time_wait_of_a_held_socket_that_nobody_had_looked_at() -> None:
    kernel = _Kernel()
    kernel.rows = [_WAITING._replace(cookie=2)]
    happened = [
        _move(0, _S.CLOSE, _S.SYN_SENT, _UNCHOSEN, pid=5), _move(1, _S.SYN_SENT, _S.ESTABLISHED),
        _move(2, _S.ESTABLISHED, _S.FIN_WAIT1, pid=5), _move(3, _S.FIN_WAIT1, _S.FIN_WAIT2),
        _move(4, _S.FIN_WAIT2, _S.CLOSE),
    ]  # fmt: skip
    assert kernel.take(5, *happened) == []
    events = kernel.take(20)
    assert [event.new for event in events] == [
        _S.SYN_SENT, _S.ESTABLISHED, _S.FIN_WAIT1, _S.FIN_WAIT2, _S.TIME_WAIT,
    ]  # fmt: skip
    assert {(event.cookie, event.inode, event.uid) for event in events} == {(2, None, None)}
    assert {event.owners for event in events} == {(_OWNER,)}
    kernel.take(500, Destroyed(499 * _MS, 0xABC, 1))
    assert kernel.take(501, ends=(_end(1),)) == []
    assert kernel.ledger.known.keys() == {2}
    assert kernel.ledger.known[2].totals == _end().totals


@pytest.mark.parametrize("known", [_S.FIN_WAIT2, _S.TIME_WAIT])
def test_time_wait_of_a_held_socket_that_only_looks_knew(known: TcpState) -> None:
    kernel = _Kernel()
    kernel.knows(known)
    kernel.traced._indexed_ns = 0  # what a look found is not in the index yet
    kernel.rows = [_WAITING]
    kernel.take(2, _move(1, _S.FIN_WAIT2, _S.CLOSE))
    told = _steps(kernel.take(20))
    assert told == ([] if known is _S.TIME_WAIT else [(_S.FIN_WAIT2, _S.TIME_WAIT)])
    kernel.take(500, Destroyed(499 * _MS, 0xABC, 1))
    assert kernel.take(501, ends=(_end(),)) == []


def test_a_connection_reset_in_fin_wait2_waits_for_nothing() -> None:
    kernel = _Kernel()
    kernel.knows(_S.FIN_WAIT2)
    kernel.take(1, _move(0, _S.FIN_WAIT1, _S.FIN_WAIT2))
    kernel.rows = []
    kernel.take(3, _move(2, _S.FIN_WAIT2, _S.CLOSE))
    assert _steps(kernel.take(20)) == [(_S.FIN_WAIT2, _S.CLOSE)]


def test_another_connection_of_a_held_socket_is_told_to_its_end() -> None:
    kernel = _Kernel()
    kernel.knows(_S.FIN_WAIT2)
    kernel.rows = [_WAITING]
    kernel.take(2, _move(1, _S.FIN_WAIT2, _S.CLOSE))
    kernel.take(20)
    events = kernel.take(
        200, _move(150, _S.CLOSE, _S.SYN_SENT, pid=5), _move(151, _S.SYN_SENT, _S.ESTABLISHED)
    )
    assert _steps(events) == [(_S.CLOSE, _S.SYN_SENT), (_S.SYN_SENT, _S.ESTABLISHED)]


def test_a_reset_socket_that_its_process_still_holds() -> None:
    kernel = _Kernel()
    kernel.knows(_S.ESTABLISHED)
    kernel.rows = []
    assert kernel.take(2, _move(1, _S.ESTABLISHED, _S.CLOSE)) == []
    (reset,) = kernel.take(20)
    assert (reset.old, reset.new) == (_S.ESTABLISHED, _S.CLOSE)
    kernel.take(500, Destroyed(499 * _MS, 0xABC, 1))
    (end,) = kernel.take(501, ends=(_end(),))
    assert (end.old, end.new) == (_S.CLOSE, None)


def test_a_socket_that_was_reset_before_anybody_saw_it_is_told_at_its_end() -> None:
    kernel = _Kernel()
    kernel.take(
        2, _move(0, _S.LISTEN, _S.SYN_RECV), _move(0, _S.SYN_RECV, _S.ESTABLISHED),
        _move(1, _S.ESTABLISHED, _S.CLOSE),
    )  # fmt: skip
    assert kernel.take(5000) == []
    assert not kernel.traced.busy
    kernel.take(9000, Destroyed(9000 * _MS, 0xABC, 1))
    events = kernel.take(9001, ends=(_end(),))
    assert _steps(events) == [
        (_S.LISTEN, _S.SYN_RECV), (_S.SYN_RECV, _S.ESTABLISHED), (_S.ESTABLISHED, _S.CLOSE),
        (_S.CLOSE, None),
    ]  # fmt: skip
    assert [event.at for event in events] == [1000.0, 1000.0, 1000.001, 1009.0]


def test_a_connection_that_failed_is_told_before_its_process_closes_it() -> None:
    kernel = _Kernel()
    kernel.take(
        1, _move(0, _S.CLOSE, _S.SYN_SENT, _UNCHOSEN, pid=5), _move(0, _S.SYN_SENT, _S.CLOSE, pid=5)
    )
    events = kernel.take(20)
    assert _steps(events) == [(_S.CLOSE, _S.SYN_SENT), (_S.SYN_SENT, _S.CLOSE)]
    assert {event.cookie for event in events} == {None}
    assert {event.laddr for event in events} == {_HERE}
    kernel.take(900, Destroyed(899 * _MS, 0xABC, 1))
    (end,) = kernel.take(901, ends=(_end(),))
    assert (end.old, end.new) == (_S.CLOSE, None)
    assert kernel.ledger.known == {}


def test_a_socket_that_tries_again_has_its_cookie_then() -> None:
    kernel = _Kernel()
    failed = (
        _move(0, _S.CLOSE, _S.SYN_SENT, _UNCHOSEN, pid=5), _move(0, _S.SYN_SENT, _S.CLOSE, pid=5),
    )  # fmt: skip
    kernel.take(1, *failed)
    assert len(kernel.take(20)) == 2
    kernel.rows = [_row(_S.ESTABLISHED)]
    again = (
        _move(500, _S.CLOSE, _S.SYN_SENT, _UNCHOSEN, pid=5),
        _move(501, _S.SYN_SENT, _S.ESTABLISHED),
    )
    events = kernel.take(502, *again)
    assert _steps(events) == [(_S.CLOSE, _S.SYN_SENT), (_S.SYN_SENT, _S.ESTABLISHED)]
    assert [event.cookie for event in events] == [1, 1]
    assert events[-1].inode == 7
    assert kernel.ledger.known.keys() == {1}
    assert kernel.traced.adopt(_row(_S.ESTABLISHED))
    (end,) = kernel.take(
        600, _move(599, _S.ESTABLISHED, _S.CLOSE), Destroyed(599 * _MS, 0xABC, 1), ends=(_end(),)
    )
    assert (end.new, end.cookie) == (None, 1)
    assert kernel.ledger.known == {}


def test_other_namespaces_sockets_are_dropped() -> None:
    kernel = _Kernel()
    happened = (
        _move(0, _S.CLOSE, _S.SYN_SENT, pid=6),
        _move(1, _S.SYN_SENT, _S.ESTABLISHED, pid=6),
    )
    assert kernel.take(2, *happened) == []
    assert kernel.take(1500) == []
    assert not kernel.traced.busy
    assert kernel.take(1600, _move(1600, _S.ESTABLISHED, _S.CLOSE)) == []
    kernel.take(1601, Destroyed(1600 * _MS, 0xABC, 99))
    assert kernel.take(3000) == []
    assert kernel.ledger.known == {}
    assert not kernel.traced.busy


def test_another_namespace_s_socket_with_the_same_addresses_is_not_ours() -> None:
    kernel = _Kernel()
    kernel.knows(_S.ESTABLISHED)
    happened = (_move(5, _S.CLOSE, _S.SYN_SENT), _move(6, _S.SYN_SENT, _S.ESTABLISHED))
    assert kernel.take(7, *happened) == []


def test_each_socket_is_asked_for_once_a_transition_at_most() -> None:
    kernel = _Kernel()
    kernel.take(1, _move(0, _S.CLOSE, _S.SYN_SENT))
    for now_ms in range(2, 9):
        kernel.take(now_ms)
    assert kernel.asked == 1


def test_a_pending_connect_is_told_as_soon_as_a_look_finds_it() -> None:
    kernel = _Kernel()
    kernel.take(1, _move(0, _S.CLOSE, _S.SYN_SENT, _UNCHOSEN, pid=5))
    assert not kernel.traced.adopt(_row(_S.SYN_SENT)._replace(raddr=Addr("127.0.0.1", 81)))
    assert kernel.traced.adopt(_row(_S.SYN_SENT))
    (event,) = kernel.take(50)
    assert (event.laddr, event.new, event.cookie) == (_HERE, _S.SYN_SENT, 1)


def test_ends_that_the_trace_does_not_know_are_told_as_well() -> None:
    kernel = _Kernel()
    kernel.knows(_S.LAST_ACK)
    kernel.rows = []
    assert kernel.take(1, ends=(_end(),)) == []
    (end,) = kernel.take(60)
    assert (end.old, end.new, end.totals) == (_S.LAST_ACK, None, _end().totals)


def test_after_a_loss_sockets_are_found_out_anew() -> None:
    kernel = _Kernel()
    kernel.knows(_S.ESTABLISHED)
    kernel.take(2, _move(1, _S.ESTABLISHED, _S.CLOSE_WAIT))
    kernel.traced.forget()
    (step,) = kernel.take(4, _move(3, _S.CLOSE_WAIT, _S.LAST_ACK))
    assert (step.cookie, step.old, step.new) == (1, _S.CLOSE_WAIT, _S.LAST_ACK)
