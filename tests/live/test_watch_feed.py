"""This machine as a feed: what happens to real sockets arrives, and nothing is left behind."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pynetstat import Snapshot, TcpState
from pynetstat.errors import SourceUnavailable
from pynetstat.history.transition import Event, Loss
from pynetstat.watch import live
from pynetstat.watch.feed import Feed, Frame, Notice
from pynetstat.watch.live import LiveFeed
from pynetstat.watch.model import Model
from tests.trees import tree
from tests.waiting import wait_until
from tests.watched import look, row, step


@contextmanager
def started(**options: object) -> Iterator[LiveFeed]:
    feed = LiveFeed(["tcp"], interval_s=0.05, **options)  # type: ignore[arg-type]
    feed.start()
    try:
        yield feed
    finally:
        feed.close()


def first_frames(feed: LiveFeed) -> list[Frame]:
    """The next frames that come."""
    frames: list[Frame] = []

    def come() -> bool:
        frames.extend(feed.take())
        return bool(frames)

    wait_until(come, "frame")
    return frames


def our_threads() -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name in ("pynetstat-look", "pynetstat-listen")]


def test_a_half_close_arrives_with_both_ends_their_owner_and_every_state_at_rest() -> None:
    model = Model()
    with started() as feed, socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def states() -> list[TcpState]:
            """Those of the connection, the server's end first."""
            model.take(feed.take())
            rows = [history for history in model.rows(feed.now()) if history.ended_at is None]
            ends = [history for history in rows if history.record.raddr.port]
            ours = [
                history
                for history in ends
                if port in (history.record.laddr.port, history.record.raddr.port)
            ]
            ours.sort(key=lambda history: history.record.laddr.port != port)
            if len(ours) == 2 and not all(history.pair for history in ours):
                return []
            return [history.record.state for history in ours]

        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        with client, accepted:
            wait_until(lambda: states() == [TcpState.ESTABLISHED] * 2, "connection")
            client.shutdown(socket.SHUT_WR)
            half = [TcpState.CLOSE_WAIT, TcpState.FIN_WAIT2]
            wait_until(lambda: states() == half, "half-closed connection")

            def has_owners() -> bool:
                states()
                rows = [
                    history.record
                    for history in model.rows(feed.now())
                    if port in (history.record.laddr.port, history.record.raddr.port)
                ]
                return all(
                    [owner.pid for owner in record.owners or ()] == [os.getpid()] for record in rows
                )

            wait_until(has_owners, "owner of every row")
            accepted.close()
            wait_until(lambda: states() == [TcpState.TIME_WAIT], "TIME_WAIT of the client alone")
    assert our_threads() == []


def test_the_second_start_does_nothing_and_close_may_be_repeated() -> None:
    with started() as feed:
        feed.start()
        wait_until(lambda: len(our_threads()) == 2, "two threads")
    feed.close()
    assert our_threads() == []


@pytest.mark.parametrize("source", ["procfs", "psutil"])
def test_other_sources_give_tables_and_no_transitions(source: str) -> None:
    with started(source=source) as feed:
        frames = first_frames(feed)
        assert [type(frame) for frame in frames] == [Snapshot]
        assert feed.events_source == ""
        assert our_threads() == ["pynetstat-look"]


def test_a_saved_tree_gives_its_tables() -> None:
    saved = next(iter(sorted(os.listdir(tree(".")))))
    with started(proc_root=tree(saved)) as feed:
        frames = first_frames(feed)
        assert isinstance(frames[0], Snapshot)
        assert set(frames[0].sources.values()) == {"procfs"}


def test_a_stream_that_is_refused_is_told_and_the_tables_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise SourceUnavailable("destroy: not here")

    monkeypatch.setattr(live, "events", refuse)
    with started() as feed:
        frames: list[Frame] = []

        def told() -> bool:
            frames.extend(feed.take())
            return {Notice, Snapshot} <= {type(frame) for frame in frames}

        wait_until(told, "notice and reading")
        (notice,) = [frame for frame in frames if isinstance(frame, Notice)]
        assert notice.text.endswith("only what each reading shows: destroy: not here")
        assert first_frames(feed)


def test_a_bug_in_a_thread_is_raised_where_the_frames_are_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live.LiveFeed, "look", lambda *_args, **_options: 1 / 0)
    with started() as feed:

        def breaks() -> bool:
            with pytest.raises(ZeroDivisionError):
                feed.take()
            return True

        wait_until(lambda: not our_threads() or "pynetstat-look" not in our_threads(), "its end")
        assert breaks()


def test_a_reading_stands_among_the_transitions_at_its_time() -> None:
    feed = LiveFeed(["tcp"])
    before, after = step(row(2), None, TcpState.LISTEN, 1.0), step(row(2), None, None, 3.0)
    feed._waiting += [before, after]
    feed._snapshot = look(after_s=2.0)
    assert [type(frame) for frame in feed.take()] == [Event, Snapshot, Event]


def test_what_nobody_takes_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_MOST_WAITING", 2)
    feed = LiveFeed(["tcp"])
    for number in range(5):
        feed._put(step(row(2), None, TcpState.LISTEN, float(number)))
    *events, loss = feed.take()
    assert len(events) == 2
    assert isinstance(loss, Loss)
    assert loss.lost == 3
    assert feed.take() == []


def test_it_is_a_feed() -> None:
    feed: Feed = LiveFeed(["tcp"])
    assert feed.title == "live"
