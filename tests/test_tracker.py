"""The tracker on recorded frames: snapshots and events in, histories out."""

from __future__ import annotations

import pytest

from pynetstat.history.tracker import History, Tracker, WhyEnded
from pynetstat.history.transition import Event, Totals
from pynetstat.records import Addr, Proto, SocketRecord, TcpState
from pynetstat.snapshot import Gap, GapKind, Snapshot

_S = TcpState
_SERVER, _CLIENT = Addr("127.0.0.1", 80), Addr("127.0.0.1", 4000)
_TOTALS = Totals(6, 1, 3, 5, 0)


def _row(
    state: TcpState,
    cookie: int | None = 1,
    inode: int | None = 7,
    ends: tuple[Addr, Addr] = (_CLIENT, _SERVER),
    proto: Proto = Proto.TCP,
) -> SocketRecord:
    return SocketRecord(proto, *ends, state, 0, 0, inode=inode, cookie=cookie)


def _snapshot(at: float, *rows: SocketRecord, gaps: tuple[Gap, ...] = ()) -> Snapshot:
    return Snapshot([*rows], [], {Proto.TCP: "x", Proto.TCP6: "x"}, gaps, None, at)


def _event(
    at: float,
    old: TcpState | None,
    new: TcpState | None,
    seconds: float | None = None,
    *,
    cookie: int | None = 1,
    inferred: bool = False,
    totals: Totals | None = None,
) -> Event:
    return Event(
        at, Proto.TCP, _CLIENT, _SERVER, cookie, old, new, seconds, totals=totals, inferred=inferred
    )


def _only(tracker: Tracker) -> History:
    (history,) = tracker.histories()
    return history


def _states(history: History) -> list[TcpState]:
    return [step.state for step in history.trail]


def test_snapshots_alone_make_a_trail() -> None:
    tracker = Tracker()
    tracker.snapshot(_snapshot(0.0))
    for at, state in ((1.0, _S.SYN_SENT), (2.0, _S.ESTABLISHED), (3.2, _S.FIN_WAIT2)):
        tracker.snapshot(_snapshot(at, _row(state)))
    history = _only(tracker)
    assert history.trail_text() == "SYN_SENT 1.0s > ESTABLISHED > ~FIN_WAIT1 > FIN_WAIT2"
    assert history.trail_text(now=5.2).endswith("> FIN_WAIT2 2.0s")
    assert (history.first_seen, history.changed_at, history.was_there) == (1.0, 3.2, False)


def test_a_socket_of_the_first_snapshot_is_not_new() -> None:
    tracker = Tracker()
    tracker.snapshot(_snapshot(1.0, _row(_S.ESTABLISHED)))
    history = _only(tracker)
    assert history.was_there
    # Nobody knows for how long it has been so.
    assert history.trail_text(now=9.0) == "ESTABLISHED"
    tracker.snapshot(_snapshot(2.0, _row(_S.CLOSE_WAIT)))
    assert history.trail_text(now=3.0) == "ESTABLISHED > CLOSE_WAIT 1.0s"


def test_a_row_that_stays_is_kept_fresh() -> None:
    tracker = Tracker()
    tracker.snapshot(_snapshot(1.0, _row(_S.ESTABLISHED)))
    tracker.snapshot(_snapshot(2.0, _row(_S.ESTABLISHED)._replace(recv_q=99)))
    history = _only(tracker)
    assert (history.record.recv_q, history.changed_at) == (99, 1.0)


def test_events_alone_make_an_exact_trail() -> None:
    tracker = Tracker()
    tracker.event(_event(1.0, _S.CLOSE, _S.SYN_SENT))
    tracker.event(_event(1.5, _S.SYN_SENT, _S.ESTABLISHED, 0.5))
    tracker.event(_event(2.7, _S.ESTABLISHED, _S.FIN_WAIT1, 1.2))
    tracker.event(_event(2.8, _S.FIN_WAIT1, _S.FIN_WAIT2, 0.1))
    tracker.event(_event(3.0, _S.FIN_WAIT2, _S.TIME_WAIT, 0.2, totals=_TOTALS))
    history = _only(tracker)
    assert _states(history)[1:] == [
        _S.SYN_SENT, _S.ESTABLISHED, _S.FIN_WAIT1, _S.FIN_WAIT2, _S.TIME_WAIT,
    ]  # fmt: skip
    assert history.trail_text(now=4.0) == (
        "CLOSE > SYN_SENT 500ms > ESTABLISHED 1.2s > FIN_WAIT1 100ms > FIN_WAIT2 200ms "
        "> TIME_WAIT 1.0s"
    )
    assert (history.totals, history.record.state) == (_TOTALS, _S.TIME_WAIT)
    tracker.event(_event(63.0, _S.TIME_WAIT, None, 60.0))
    assert (history.ended_at, history.why_ended) == (63.0, WhyEnded.TIME_WAIT_OVER)
    assert history.trail_text(now=99.0).endswith("TIME_WAIT 1m00s > TIME_WAIT ran out")
    assert len(tracker) == 0


def test_inferred_states_are_marked() -> None:
    tracker = Tracker()
    tracker.snapshot(_snapshot(0.0, _row(_S.ESTABLISHED)))
    tracker.event(_event(2.0, _S.ESTABLISHED, _S.FIN_WAIT1, inferred=True))
    tracker.event(_event(2.0, None, _S.TIME_WAIT, totals=_TOTALS))
    assert _only(tracker).trail_text() == "ESTABLISHED > ~FIN_WAIT1 > TIME_WAIT"


def test_events_that_come_after_the_snapshot_that_saw_their_end() -> None:
    tracker = Tracker()
    tracker.snapshot(_snapshot(0.0, _row(_S.ESTABLISHED)))
    tracker.snapshot(_snapshot(5.0, _row(_S.LAST_ACK)))
    assert _only(tracker).trail_text() == "ESTABLISHED > ~CLOSE_WAIT > LAST_ACK"
    tracker.event(_event(3.0, _S.ESTABLISHED, _S.CLOSE_WAIT, 3.0))
    tracker.event(_event(4.0, _S.CLOSE_WAIT, _S.LAST_ACK, 1.0))
    history = _only(tracker)
    assert history.trail_text(now=6.0) == "ESTABLISHED 3.0s > CLOSE_WAIT 1.0s > LAST_ACK 2.0s"
    assert history.record.state is _S.LAST_ACK


def test_events_of_looks_that_come_after_what_a_snapshot_found() -> None:
    """A stream without tracefs looks itself, and may do so later."""
    tracker = Tracker()
    tracker.snapshot(_snapshot(1.0, _row(_S.ESTABLISHED)))
    tracker.event(_event(1.1, None, _S.ESTABLISHED))
    tracker.snapshot(_snapshot(2.0, _row(_S.FIN_WAIT2)))
    tracker.event(_event(2.1, _S.ESTABLISHED, _S.FIN_WAIT1, inferred=True))
    tracker.event(_event(2.1, _S.FIN_WAIT1, _S.FIN_WAIT2))
    tracker.snapshot(_snapshot(3.0, _row(_S.TIME_WAIT)))
    tracker.event(_event(3.1, _S.FIN_WAIT2, _S.TIME_WAIT, 1.0))
    history = _only(tracker)
    assert _states(history) == [_S.ESTABLISHED, _S.FIN_WAIT1, _S.FIN_WAIT2, _S.TIME_WAIT]
    assert history.trail_text() == "ESTABLISHED > ~FIN_WAIT1 > FIN_WAIT2 1.0s > TIME_WAIT"


def test_an_inferred_end_does_not_undo_what_a_look_found() -> None:
    tracker = Tracker()
    tracker.snapshot(_snapshot(1.0, _row(_S.CLOSE_WAIT)))
    tracker.snapshot(_snapshot(2.0, _row(_S.LAST_ACK)))
    tracker.event(_event(2.1, _S.CLOSE_WAIT, None, inferred=True))
    history = _only(tracker)
    assert _states(history) == [_S.CLOSE_WAIT, _S.LAST_ACK]
    assert history.why_ended is WhyEnded.CLOSED


def test_a_snapshot_that_is_older_than_an_event_changes_no_state() -> None:
    tracker = Tracker()
    tracker.snapshot(_snapshot(0.0, _row(_S.ESTABLISHED)))
    tracker.event(_event(2.0, _S.ESTABLISHED, _S.CLOSE_WAIT, 2.0))
    tracker.snapshot(_snapshot(1.9, _row(_S.ESTABLISHED)._replace(recv_q=5)))
    history = _only(tracker)
    assert (history.record.state, history.record.recv_q) == (_S.CLOSE_WAIT, 5)
    tracker.event(_event(3.0, _S.CLOSE_WAIT, _S.LAST_ACK, 1.0))
    tracker.event(_event(3.1, _S.LAST_ACK, None, 0.1))
    tracker.snapshot(_snapshot(3.05, _row(_S.LAST_ACK)))
    assert (history.ended_at, history.why_ended) == (3.1, WhyEnded.CLOSED)
    assert len(tracker) == 0


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (_event(1.0, _S.LAST_ACK, None), WhyEnded.CLOSED),
        (_event(1.0, _S.LISTEN, None), WhyEnded.CLOSED),
        (_event(1.0, _S.ESTABLISHED, None), WhyEnded.RESET),
        (_event(1.0, _S.ESTABLISHED, None, inferred=True), WhyEnded.GONE),
        (_event(1.0, _S.SYN_SENT, None), WhyEnded.NOT_CONNECTED),
        (_event(1.0, _S.TIME_WAIT, None), WhyEnded.TIME_WAIT_OVER),
        (_event(1.0, None, None, totals=_TOTALS), WhyEnded.CLOSED),
        (_event(1.0, _S.ESTABLISHED, None)._replace(proto=Proto.UDP), WhyEnded.CLOSED),
    ],
)
def test_why_it_ended_goes_no_further_than_the_evidence(event: Event, why: WhyEnded) -> None:
    tracker = Tracker()
    if event.old is not None:
        tracker.event(event._replace(at=0.0, old=None, new=event.old, inferred=False))
    tracker.event(event)
    assert _only(tracker).why_ended is why


def test_ended_sockets_linger_and_go() -> None:
    tracker = Tracker(linger_s=10.0)
    tracker.snapshot(
        _snapshot(0.0, _row(_S.TIME_WAIT), _row(_S.ESTABLISHED, 2, 8, (_SERVER, _CLIENT)))
    )
    tracker.snapshot(_snapshot(1.0))
    assert len(tracker) == 0
    assert {history.why_ended for history in tracker.histories()} == {
        WhyEnded.TIME_WAIT_OVER, WhyEnded.GONE,
    }  # fmt: skip
    tracker.snapshot(_snapshot(10.9))
    assert len(list(tracker.histories())) == 2
    tracker.expire(11.0)
    assert list(tracker.histories()) == []


def test_a_table_that_was_not_read_whole_ends_nothing() -> None:
    tracker = Tracker()
    tracker.snapshot(_snapshot(0.0, _row(_S.ESTABLISHED)))
    tracker.snapshot(_snapshot(1.0, gaps=(Gap(GapKind.BAD_ROWS, Proto.TCP, "3 left out"),)))
    tracker.snapshot(_snapshot(2.0)._replace(sources={Proto.TCP6: "x"}))
    assert _only(tracker).ended_at is None


def test_a_socket_that_a_look_had_missed_goes_on() -> None:
    tracker = Tracker()
    tracker.snapshot(_snapshot(0.0, _row(_S.ESTABLISHED)))
    tracker.snapshot(_snapshot(1.0))
    tracker.snapshot(_snapshot(2.0, _row(_S.ESTABLISHED)))
    history = _only(tracker)
    assert (history.ended_at, history.why_ended, _states(history)) == (None, None, [_S.ESTABLISHED])


def test_the_same_addresses_with_another_cookie_are_another_socket() -> None:
    tracker = Tracker()
    tracker.snapshot(_snapshot(0.0, _row(_S.TIME_WAIT, 1, 0)))
    tracker.snapshot(_snapshot(1.0, _row(_S.ESTABLISHED, 2, 9)))
    new, old = tracker.histories()
    assert (new.record.cookie, old.record.cookie, old.ended_at) == (2, 1, 1.0)
    assert _states(new) == [_S.ESTABLISHED]
    assert tracker.find(_row(_S.ESTABLISHED, 2)) is new


def test_without_cookies_a_socket_is_known_while_its_inode_comes_and_goes() -> None:
    tracker = Tracker()
    tracker.snapshot(_snapshot(0.0))
    waiting = _row(_S.ESTABLISHED, None, 0)
    for at, row in (
        (1.0, waiting),
        (2.0, _row(_S.ESTABLISHED, None, 5)),
        (3.0, _row(_S.FIN_WAIT2, None, 0)),
        (4.0, _row(_S.TIME_WAIT, None, 0)),
    ):
        tracker.snapshot(_snapshot(at, row))
    history = _only(tracker)
    assert _states(history) == [_S.ESTABLISHED, _S.FIN_WAIT1, _S.FIN_WAIT2, _S.TIME_WAIT]


def test_without_cookies_another_inode_or_a_new_beginning_is_another_socket() -> None:
    for row in (_row(_S.ESTABLISHED, None, 6), _row(_S.SYN_SENT, None, 0)):
        tracker = Tracker()
        tracker.snapshot(_snapshot(0.0, _row(_S.ESTABLISHED, None, 5)))
        tracker.snapshot(_snapshot(1.0, row))
        assert [history.ended_at for history in tracker.histories()] == [None, 1.0]


def test_listeners_that_share_an_address_stay_apart() -> None:
    for cookies in ((1, 2, 3), (None, None, None)):
        tracker = Tracker()
        any_end = (_SERVER, Addr("0.0.0.0", 0))
        rows = [
            _row(_S.LISTEN, cookie, inode, any_end) for inode, cookie in enumerate(cookies, start=5)
        ]
        tracker.snapshot(_snapshot(0.0, *rows))
        tracker.snapshot(_snapshot(1.0, *reversed(rows)))
        assert len(tracker) == 3
        tracker.snapshot(_snapshot(2.0, *rows[:2]))
        assert len(tracker) == 2


def test_both_ends_of_a_loopback_connection_are_a_pair() -> None:
    mapped = (Addr("::ffff:127.0.0.1", 80), Addr("::ffff:127.0.0.1", 4000))
    client = _row(_S.ESTABLISHED, 1)
    server = _row(_S.ESTABLISHED, 2, 8, mapped, Proto.TCP6)
    tracker = Tracker()
    tracker.snapshot(
        _snapshot(0.0, client, server, _row(_S.LISTEN, 3, 9, (_SERVER, Addr("0.0.0.0", 0))))
    )
    one, other, listener = tracker.histories()
    assert (one.pair, other.pair, listener.pair) == (other, one, None)
    tracker.snapshot(_snapshot(1.0, server))
    assert other.pair is one  # just ended, still shown
    tracker.snapshot(_snapshot(12.0, server))
    assert other.pair is None


def test_a_socket_that_is_connected_to_itself_has_no_pair() -> None:
    tracker = Tracker()
    tracker.snapshot(_snapshot(0.0, _row(_S.ESTABLISHED, ends=(_CLIENT, _CLIENT))))
    assert _only(tracker).pair is None


def test_a_port_that_was_not_chosen_yet_is_filled_in() -> None:
    tracker = Tracker()
    tracker.event(_event(1.0, _S.CLOSE, _S.SYN_SENT)._replace(laddr=Addr("127.0.0.1", 0)))
    tracker.event(_event(1.1, _S.SYN_SENT, _S.ESTABLISHED, 0.1))
    history = _only(tracker)
    assert history.record.laddr == _CLIENT
    tracker.snapshot(_snapshot(2.0, _row(_S.ESTABLISHED, 1)))
    assert _only(tracker) is history


def test_time_wait_may_have_a_cookie_of_its_own() -> None:
    left = _row(_S.TIME_WAIT, 2, 0)
    tracker = Tracker()
    tracker.event(_event(1.0, None, _S.FIN_WAIT2))
    tracker.event(_event(1.5, _S.FIN_WAIT2, _S.TIME_WAIT, 0.5))
    tracker.snapshot(_snapshot(2.0, left))
    history = _only(tracker)
    assert _states(history) == [_S.FIN_WAIT2, _S.TIME_WAIT]
    tracker.snapshot(_snapshot(3.0, left))
    tracker.event(_event(61.5, _S.TIME_WAIT, None, 60.0))
    assert (_only(tracker), history.why_ended) == (history, WhyEnded.TIME_WAIT_OVER)


def test_events_without_cookie_find_the_socket_by_its_addresses() -> None:
    tracker = Tracker()
    tracker.snapshot(_snapshot(0.0, _row(_S.ESTABLISHED, None, 5)))
    tracker.event(_event(1.0, _S.ESTABLISHED, _S.CLOSE_WAIT, 1.0, cookie=44))
    history = _only(tracker)
    assert (history.record.cookie, history.record.state) == (44, _S.CLOSE_WAIT)
    tracker.snapshot(_snapshot(2.0, _row(_S.CLOSE_WAIT, 44, 5)))
    assert _only(tracker) is history


def test_ten_thousand_short_connections_a_second_stay_bounded() -> None:
    tracker = Tracker(linger_s=1e9)
    for cookie in range(30_000):
        address = Addr("127.0.0.1", cookie)
        born = _event(1.0, None, _S.ESTABLISHED, cookie=cookie)._replace(laddr=address)
        tracker.event(born)
        tracker.event(born._replace(old=_S.ESTABLISHED, new=None))
    assert len(list(tracker.histories())) == 20_000
    assert len(tracker._by_table) == len(tracker._by_ends) == 20_000


def test_a_socket_that_is_used_again_and_again_has_a_bounded_trail() -> None:
    tracker = Tracker()
    for turn in range(100):
        tracker.event(_event(turn, _S.CLOSE, _S.SYN_SENT))
        tracker.event(_event(turn + 0.5, _S.SYN_SENT, _S.CLOSE, 0.5))
    assert len(_only(tracker).trail) == 32


@pytest.mark.parametrize(
    ("before", "why"),
    [
        (_S.ESTABLISHED, WhyEnded.RESET),
        (_S.CLOSE_WAIT, WhyEnded.RESET),
        (_S.SYN_SENT, WhyEnded.NOT_CONNECTED),
        (_S.LAST_ACK, WhyEnded.CLOSED),
    ],
)
def test_a_closed_socket_that_its_process_holds_has_not_ended(
    before: TcpState, why: WhyEnded
) -> None:
    for told in (True, False):
        tracker = Tracker()
        tracker.snapshot(_snapshot(1.0, _row(before)))
        tracker.event(_event(2.0, before, _S.CLOSE))
        tracker.snapshot(_snapshot(3.0))
        history = _only(tracker)
        assert (history.ended_at, history.record.state) == (None, _S.CLOSE)
        if told:
            tracker.event(_event(6.0, _S.CLOSE, None, 4.0))
        else:
            tracker.snapshot(_snapshot(1000.0))
        assert history.why_ended is why
