"""The watch screen's model: what is shown of what a feed told, without any screen."""

from __future__ import annotations

import pytest

from pynetstat import Addr, Proto, SocketRecord, TcpState, Timer, TimerKind
from pynetstat.explain.ports import PortRange
from pynetstat.filter_grammar import parse_filter
from pynetstat.history.transition import Loss
from pynetstat.query import Show
from pynetstat.watch.feed import Notice, Restart
from pynetstat.watch.model import FRESH_S, LINGER_S, Count, Mark, Model, View
from pynetstat.watch.sorting import SortBy
from tests.watched import ANYONE, CLIENT, SERVER, START, listener, look, row, step

E, L, TW = TcpState.ESTABLISHED, TcpState.LISTEN, TcpState.TIME_WAIT


def cookies(model: Model, after_s: float = 0.0) -> list[int | None]:
    return [history.record.cookie for history in model.rows(START + after_s)]


def pair() -> tuple[SocketRecord, SocketRecord]:
    """Both ends of a connection: the server's 2, the client's 3."""
    return row(2), row(3, CLIENT, SERVER)


def test_what_was_there_is_not_new() -> None:
    model = Model()
    model.take([look(listener())])
    (history,) = model.rows(START)
    assert model.mark(history, START) is Mark.NONE
    assert model.in_state_s(history, START + 5) is None


@pytest.mark.parametrize(
    ("after_s", "mark"), [(1.0, Mark.NEW), (0.9 + FRESH_S, Mark.NEW), (1.0 + FRESH_S, Mark.NONE)]
)
def test_a_new_row_is_marked_for_a_while(after_s: float, mark: Mark) -> None:
    model = Model()
    model.take([look(listener()), look(listener(), row(2), after_s=1)])
    assert model.mark(model.rows(START + after_s)[1], START + after_s) is mark


@pytest.mark.parametrize(("after_s", "mark"), [(20.0, Mark.CHANGED), (23.0, Mark.NONE)])
def test_a_changed_state_is_marked_for_a_while(after_s: float, mark: Mark) -> None:
    model = Model()
    model.take([look(row(2)), step(row(2), E, TcpState.CLOSE_WAIT, 20.0, 3.0)])
    (history,) = model.rows(START + after_s)
    assert model.mark(history, START + after_s) is mark
    assert history.record.state is TcpState.CLOSE_WAIT


def test_an_ended_row_lingers_in_its_place() -> None:
    model = Model()
    model.take([look(listener(), row(2), row(4, Addr("127.0.0.1", 9000)))])
    model.take([step(row(2), E, None, 1.0), look(listener(), row(4, Addr("127.0.0.1", 9000)))])
    assert cookies(model, LINGER_S) == [1, 2, 4]
    ended = model.rows(START + LINGER_S)[1]
    assert model.mark(ended, START + LINGER_S) is Mark.ENDED
    assert model.sentence(ended, START + 3).startswith("Ended 2.0s ago: it was reset")
    assert cookies(model, LINGER_S + 1.0) == [1, 4]


def test_a_timer_runs_down_between_readings() -> None:
    model = Model()
    model.take([look(row(2, timer=Timer(TimerKind.KEEPALIVE, 7.5, 0, 1)))])
    (history,) = model.rows(START)
    assert model.present(history, START + 2).timer == Timer(TimerKind.KEEPALIVE, 5.5, 0, 1)
    assert model.present(history, START + 9).timer == Timer(TimerKind.KEEPALIVE, 0.0, 0, 1)


def test_what_was_read_before_a_change_of_state_says_nothing_about_it() -> None:
    model = Model()
    model.take([look(row(2, recv_q=5)), step(row(2), E, TcpState.CLOSE_WAIT, 1.0)])
    present = model.present(model.rows(START + 1)[0], START + 1)
    assert (present.recv_q, present.send_q, present.timer) == (None, None, None)
    model.take([look(row(2, state=TcpState.CLOSE_WAIT, recv_q=6), after_s=2)])
    assert model.present(model.rows(START + 2)[0], START + 2).recv_q == 6


def test_time_wait_has_no_owner_even_before_it_is_read_again() -> None:
    model = Model()
    model.take([look(row(2)), step(row(2), TcpState.FIN_WAIT2, TW, 1.0)])
    assert model.present(model.rows(START + 1)[0], START + 1).owners == ()


def test_an_owner_nobody_has_looked_for_is_not_missing() -> None:
    model = Model()
    model.take([look(row(2, owners=None), row(3, CLIENT, SERVER, owners=()))])
    unknown, nobody = (model.present(history, START) for history in model.rows(START))
    assert model.missing(unknown) is None
    assert model.missing(nobody) is not None


def test_counts_and_their_change() -> None:
    model = Model()
    udp = row(9, Addr("127.0.0.1", 53), ANYONE, TcpState.CLOSE, proto=Proto.UDP)
    model.take([look(listener(), *pair(), udp)])
    assert model.counts(START) == [Count("ESTABLISHED", 2, 0), Count("LISTEN", 1, 0),
                                   Count("udp", 1, 0)]  # fmt: skip
    model.take([step(row(2), E, TcpState.CLOSE_WAIT, 1.0)])
    expected = [Count("ESTABLISHED", 1, -1), Count("CLOSE_WAIT", 1, 1), Count("LISTEN", 1, 0)]
    assert model.counts(START + 1)[:3] == expected
    later = START + 1 + FRESH_S
    assert [count.change for count in model.counts(later)] == [0, 0, 0, 0]
    assert len(model) == 4


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (View(), [1, 2, 3, 9]),
        (View(show=Show.LISTENING), [1, 9]),
        (View(show=Show.CONNECTED), [2, 3]),
        (View(states=frozenset((L,))), [1, 9]),
        (View(filter=parse_filter("sport = :8080 and state established")), [2]),
        (View(filter=parse_filter("process = nc")), [1, 2, 3]),
        (View(descending=True, pairs=False), [3, 9, 2, 1]),
    ],
)
def test_what_is_shown(view: View, expected: list[int]) -> None:
    model = Model(view)
    udp = row(9, Addr("127.0.0.1", 9000), ANYONE, TcpState.CLOSE, proto=Proto.UDP, owners=())
    model.take([look(udp, *pair(), listener())])
    assert set(cookies(model)) == set(expected)
    if view.descending:
        assert cookies(model) == expected


def test_rows_for_which_nobody_can_tell_are_counted() -> None:
    model = Model(View(filter=parse_filter("process = nc")))
    model.take([look(row(2, owners=None), listener())])
    assert cookies(model) == [1]
    assert model.undecided == 1


def test_pairs_stand_together() -> None:
    between = row(5, Addr("127.0.0.1", 9000), Addr("192.0.2.1", 1))
    model = Model()
    model.take([look(listener(), row(2), between, row(3, CLIENT, SERVER))])
    assert cookies(model) == [1, 2, 3, 5]
    model.show(View(pairs=False))
    assert cookies(model) == [1, 2, 5, 3]


VARIED = {
    "a": row(1, Addr("10.0.0.10", 80), recv_q=9, send_q=None, state=TW, uid=3, inode=30,
             timer=Timer(TimerKind.ON, 5.0, 0, 0)),
    "b": row(2, Addr("10.0.0.9", 80), recv_q=None, send_q=4, state=E, uid=None, inode=20,
             timer=None, owners=()),
    "c": row(3, Addr("10.0.0.9", 7), recv_q=1, send_q=2, state=L, uid=1, inode=10,
             proto=Proto.UDP),
}  # fmt: skip


@pytest.mark.parametrize(
    ("by", "order"),
    [
        (SortBy.LOCAL, "cba"),
        (SortBy.FOREIGN, "cba"),
        (SortBy.PROTO, "bac"),
        (SortBy.RECV_Q, "cab"),
        (SortBy.SEND_Q, "cba"),
        (SortBy.STATE, "bac"),
        (SortBy.TIMER, "acb"),
        (SortBy.PROGRAM, "cab"),
        (SortBy.USER, "cab"),
        (SortBy.INODE, "cba"),
    ],
)
def test_every_column_sorts_and_the_unknown_comes_last(by: SortBy, order: str) -> None:
    model = Model(View(sort=by))
    model.take([look(*VARIED.values())])
    assert cookies(model) == [VARIED[name].cookie for name in order]


def test_the_latest_change_comes_first() -> None:
    model = Model(View(sort=SortBy.FOR))
    model.take([look(listener(), row(5, Addr("127.0.0.1", 9000), Addr("192.0.2.1", 1)))])
    model.take([step(row(5, Addr("127.0.0.1", 9000), Addr("192.0.2.1", 1)), E, TW, 2.0)])
    assert cookies(model, 2.0) == [5, 1]


def test_rows_are_the_same_list_as_long_as_nothing_changes() -> None:
    model = Model()
    model.take([look(listener(), row(2))])
    rows = model.rows(START)
    model.take([look(listener(), row(2, recv_q=7), after_s=1)])
    assert model.rows(START + 1) is rows
    assert rows[1].record.recv_q == 7
    model.show(View(sort=SortBy.RECV_Q, descending=True))
    assert cookies(model, 1) == [2, 1]
    model.take([look(listener(), row(2, recv_q=0), after_s=2)])
    assert cookies(model, 2) != [1]


def test_a_held_view_stands_still_and_catches_up() -> None:
    model = Model()
    model.take([look(row(2))])
    model.hold(START + 1)
    model.take([step(row(2), E, TcpState.CLOSE_WAIT, 2.0), look(row(2, state=TW), after_s=1.5)])
    assert model.now(START + 100) == START + 1
    assert model.rows(START + 1)[0].record.state is E
    model.release()
    assert model.now(START + 3) == START + 3
    assert model.rows(START + 3)[0].record.state is TcpState.CLOSE_WAIT


def test_a_view_held_for_long_tells_how_much_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pynetstat.watch.model._MOST_HELD", 2)
    model = Model()
    model.take([look(row(2))])
    model.hold(START)
    model.take([step(row(2), E, TcpState.CLOSE_WAIT, number) for number in range(1, 6)])
    model.release()
    assert model.lost == 3
    assert isinstance(model.log[-1], Loss)
    assert "3 transitions passed by" in model.log[-1].why


def test_losses_are_counted_and_logged_as_what_the_feed_says() -> None:
    model = Model()
    model.take([Loss(START, 5, "5 lost"), Loss(START, None, "some lost"), Notice(START, "hello")])
    assert model.lost == 6
    assert [type(line) for line in model.log] == [Loss, Loss, Notice]
    assert model.logged == 3


def test_a_restart_forgets_everything() -> None:
    model = Model(View(show=Show.LISTENING))
    model.take([look(listener()), Loss(START, 1, "lost"), Restart(START)])
    assert (len(model), model.lost, list(model.log), model.rows(START)) == (0, 0, [], [])
    assert model.view.show is Show.LISTENING


def test_trouble_knows_how_long_it_has_been_seen() -> None:
    model = Model()
    model.take([look(row(2)), step(row(2), E, TcpState.CLOSE_WAIT, 1.0)])
    model.take([look(row(2, state=TcpState.CLOSE_WAIT, recv_q=1), after_s=1.5)])
    (history,) = model.rows(START + 2)
    assert model.troubles(history, START + 2) == []
    assert model.troubles(history, START + 8)[0].startswith("The peer closed 7.0s ago and nc")


def test_ports_that_are_nearly_used_up_are_told_at_the_first_of_them() -> None:
    clients = [
        row(cookie, Addr("127.0.0.1", 40_000 + cookie), SERVER, TW, inode=0, owners=())
        for cookie in range(1, 10)
    ]
    for ports, told in ((PortRange(40_001, 40_010), 1), (PortRange(40_001, 40_100), 0), (None, 0)):
        model = Model(ports=ports)
        model.take([look(*clients)])
        troubles = [model.troubles(history, START) for history in model.rows(START)]
        assert [len(each) for each in troubles] == [told] + 8 * [0]
        if told:
            assert troubles[0][0].startswith("9 of 10 ephemeral ports from 127.0.0.1 to ")
            model.take([look(*clients[:4], after_s=1.0)])
            assert not any(model.troubles(history, START + 1) for history in model.rows(START + 1))


def test_transitions_that_the_filter_leaves_out() -> None:
    model = Model(View(filter=parse_filter("sport = :8080")))
    assert model.holds(step(row(2), E, TW, 1.0))
    assert not model.holds(step(row(3, CLIENT, SERVER), E, TW, 1.0))
