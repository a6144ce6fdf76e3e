"""Feeds of the watch screen on real sockets: live, and recorded while they are watched."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pynetstat.command.record import header_now
from pynetstat.errors import RecordingError
from pynetstat.filter_grammar import parse_filter
from pynetstat.history.recording_file import Recorder, Recording
from pynetstat.history.stream import rows_that_match
from pynetstat.history.transition import Event
from pynetstat.records import Proto, TcpState
from pynetstat.snapshot import Snapshot
from pynetstat.watch.feed import Feed, Frame, Notice
from pynetstat.watch.live import LiveFeed
from pynetstat.watch.player import RecordingFeed
from pynetstat.watch.recorder import RecordedFeed

from .test_recording import EVENT, HEADER, ROW, snapshot_of

_PATIENCE_S = 30.0


@contextmanager
def _running(feed: Feed) -> Iterator[Feed]:
    feed.start()
    try:
        yield feed
    finally:
        feed.close()


def _take_until(feed: Feed, enough: Callable[[list[Frame]], bool]) -> list[Frame]:
    frames: list[Frame] = []
    end = time.monotonic() + _PATIENCE_S
    while not enough(frames):
        assert time.monotonic() < end, frames
        frames += feed.take()
        time.sleep(0.01)
    return frames


def _has_looked(frames: list[Frame]) -> bool:
    return any(isinstance(frame, Snapshot) for frame in frames)


def _ends_of(port: int, frames: list[Frame]) -> list[Event]:
    return [
        frame
        for frame in frames
        if isinstance(frame, Event) and frame.laddr.port == port and frame.new is None
    ]


def test_begun_twice_it_still_tells_everything_once() -> None:
    """The command begins it early, and the screen when it is there."""
    with _running(LiveFeed(["tcp"], interval_s=0.05)) as feed:
        feed.start()
        _take_until(feed, lambda _: bool(feed.events_source))
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            _take_until(feed, lambda frames: _sees(port, frames))
        with socket.create_server(("127.0.0.1", 0)) as later:
            other = later.getsockname()[1]
            frames = _take_until(feed, lambda frames: _sees(other, frames))
        frames += _take_until(feed, lambda frames: bool(_ends_of(other, frames)))
    assert len(_ends_of(port, frames)) == 1


def _sees(port: int, frames: list[Frame]) -> bool:
    return any(
        record.laddr.port == port
        for frame in frames
        if isinstance(frame, Snapshot)
        for record in frame.records
    )


def test_what_is_watched_can_be_recorded_and_played(tmp_path: Path) -> None:
    path = str(tmp_path / "session")
    header = header_now(0.05, None)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        _running(RecordedFeed(LiveFeed(["tcp"], interval_s=0.05), path, header)) as feed,
    ):
        port = server.getsockname()[1]
        assert feed.title == "live, recorded"
        frames = _take_until(feed, _has_looked)
    with Recording(path) as recording:
        recorded = list(recording)
    assert recorded == [frame for frame in frames if not isinstance(frame, Notice)]
    with _running(RecordingFeed(path)) as player:
        assert _sees(port, _take_until(player, _has_looked))


def test_what_is_not_wanted_is_not_recorded(tmp_path: Path) -> None:
    path = str(tmp_path / "session")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        live = LiveFeed(["tcp"], interval_s=0.05)
        wanted = rows_that_match(parse_filter(f"sport = :{port}"))
        with _running(RecordedFeed(live, path, header_now(0.05, None), wanted)) as feed:
            _take_until(feed, lambda _: bool(feed.events_source))
            with socket.create_server(("127.0.0.1", 0)) as other:
                _take_until(feed, lambda frames: _sees(other.getsockname()[1], frames))
            server.close()
            _take_until(feed, lambda frames: bool(_ends_of(port, frames)))
    with Recording(path) as recording:
        items = list(recording)
    rows = [row for item in items if isinstance(item, Snapshot) for row in item.records]
    rows += [item.record() for item in items if isinstance(item, Event)]
    assert {row.laddr.port for row in rows} == {port}


def test_a_player_shows_the_tables_that_are_asked_for(tmp_path: Path) -> None:
    path = str(tmp_path / "session")
    mixed = snapshot_of(ROW, ROW._replace(proto=Proto.UDP, state=TcpState.CLOSE))
    with Recorder(path, HEADER) as recorder:
        recorder.add(mixed)
        recorder.add(EVENT)
    every = {EVENT.proto, *(row.proto for row in mixed.records)}
    assert len(every) > 1
    for proto in every:
        with _running(RecordingFeed(path, math.inf, protos=[proto])) as player:
            frames = _take_until(player, lambda _, player=player: player.at_end)  # type: ignore[misc]
        for frame in frames:
            if isinstance(frame, Snapshot):
                assert {row.proto for row in frame.records} <= {proto}
            elif isinstance(frame, Event):
                assert frame.proto is proto


def test_a_file_that_is_there_already_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "session"
    path.write_text("mine")
    with pytest.raises(RecordingError, match="it exists"):
        RecordedFeed(LiveFeed(["tcp"]), str(path), header_now(1.0, None))
    assert path.read_text() == "mine"


def test_a_full_disk_ends_the_recording_and_not_the_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _running(
        RecordedFeed(LiveFeed(["tcp"], interval_s=0.05), str(tmp_path / "s"), header_now(1.0, None))
    ) as feed:
        monkeypatch.setattr("pynetstat.history.recording_file.Recorder.add", _disk_full)
        frames = _take_until(feed, _has_looked)
        assert any("disk" in frame.text for frame in frames if isinstance(frame, Notice))
        assert feed.title == "live, not recorded any more"
        assert _take_until(feed, _has_looked)


def _disk_full(*_: object) -> None:
    raise RecordingError("can't record any more: the disk is full")
