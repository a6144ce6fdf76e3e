"""A recording as a watch screen's feed: played, held, stepped, undone."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from pynetstat.errors import RecordingError
from pynetstat.history.recording import Item
from pynetstat.history.transition import Loss
from pynetstat.watch.feed import Feed, Notice, Player, Restart
from pynetstat.watch.player import RecordingFeed

from .test_recording import EVENT, ROW, snapshot_of
from .test_recording_file import record

ITEMS: list[Item] = [
    snapshot_of(ROW, at=10.0),
    EVENT._replace(at=10.5),
    snapshot_of(at=11.0),
    Loss(13.0, None, "lost"),
]


class Clock:
    """Time that is set."""

    def __init__(self) -> None:
        self.time = 500.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def play(tmp_path: Path, clock: Clock) -> Callable[..., RecordingFeed]:
    record(tmp_path / "lesson.jsonl", ITEMS)

    def start(speed: float = 1.0) -> RecordingFeed:
        feed = RecordingFeed(str(tmp_path / "lesson.jsonl"), speed, clock)
        feed.start()
        return feed

    return start


def test_it_is_a_player(play: Callable[..., RecordingFeed]) -> None:
    feed: Feed = play()
    assert isinstance(feed, Player)
    assert (feed.title, feed.events_source) == ("replay of lesson.jsonl", "destroy")
    feed.close()


def test_each_frame_comes_at_its_time(play: Callable[..., RecordingFeed], clock: Clock) -> None:
    feed = play()
    assert (feed.now(), feed.take(), feed.take()) == (10.0, ITEMS[:1], [])
    clock.time += 0.5
    assert (feed.now(), feed.take()) == (10.5, ITEMS[1:2])
    clock.time += 0.75
    assert (feed.now(), feed.take(), feed.at_end) == (11.25, ITEMS[2:3], False)
    clock.time += 60
    assert (feed.take(), feed.now(), feed.at_end) == (ITEMS[3:], 13.0, True)
    clock.time += 60
    assert (feed.take(), feed.now()) == ([], 13.0)
    feed.close()


def test_the_speed_can_change_while_it_plays(
    play: Callable[..., RecordingFeed], clock: Clock
) -> None:
    feed = play(2.0)
    clock.time += 0.25
    assert (feed.now(), feed.take()) == (10.5, ITEMS[:2])
    feed.speed = 0.5
    clock.time += 0.5
    assert (feed.speed, feed.now(), feed.take()) == (0.5, 10.75, [])
    feed.speed = math.inf
    assert (feed.take(), feed.now(), feed.at_end) == (ITEMS[2:], 13.0, True)
    feed.close()


def test_held_time_stands_still(play: Callable[..., RecordingFeed], clock: Clock) -> None:
    feed = play()
    feed.take()
    clock.time += 0.25
    feed.hold(True)
    clock.time += 60
    assert (feed.held, feed.now(), feed.take()) == (True, 10.25, [])
    feed.hold(False)
    clock.time += 0.25
    assert (feed.held, feed.now(), feed.take()) == (False, 10.5, ITEMS[1:2])
    feed.close()


def test_steps_go_one_frame_on_and_back(play: Callable[..., RecordingFeed]) -> None:
    feed = play()
    feed.take()
    feed.step()
    assert (feed.held, feed.now(), feed.take()) == (True, 10.5, ITEMS[1:2])
    feed.step()
    feed.step()
    assert (feed.now(), feed.take(), feed.at_end) == (13.0, ITEMS[2:], True)
    feed.step()
    assert feed.take() == []
    feed.back()
    assert (feed.now(), feed.take(), feed.at_end) == (11.0, [Restart(10.0), *ITEMS[:3]], False)
    for _ in range(5):
        feed.back()
    assert (feed.now(), feed.take()) == (10.0, [Restart(10.0)])
    feed.step()
    assert feed.take() == ITEMS[:1]
    feed.close()


def test_damage_is_told_where_the_good_part_ends(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "x\x1b[2J.jsonl"
    path.write_bytes(b"".join(record(tmp_path / "whole", ITEMS))[:-5])
    feed = RecordingFeed(str(path), math.inf, clock)
    feed.start()
    assert feed.title == "replay of x\\x1b[2J.jsonl"
    *frames, notice = feed.take()
    assert frames == ITEMS[:3]
    assert isinstance(notice, Notice)
    assert notice.text.startswith("line 5 is damaged")
    assert feed.at_end
    feed.close()


def test_a_recording_of_nothing_ends_at_once(tmp_path: Path, clock: Clock) -> None:
    record(tmp_path / "empty", [])
    feed = RecordingFeed(str(tmp_path / "empty"), 1.0, clock)
    feed.start()
    feed.step()
    assert (feed.take(), feed.at_end) == ([], True)
    feed.close()


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none").write_text("tcp\n")
    with pytest.raises(RecordingError):
        RecordingFeed(str(tmp_path / "none"))


def test_a_fast_player_gives_so_much_at_a_time(tmp_path: Path, clock: Clock) -> None:
    record(tmp_path / "long", [EVENT] * 450)
    feed = RecordingFeed(str(tmp_path / "long"), math.inf, clock)
    feed.start()
    assert [len(feed.take()) for _ in range(4)] == [200, 200, 50, 0]
    feed.close()
