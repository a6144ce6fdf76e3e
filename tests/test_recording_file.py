"""Recordings as files: made with care, and read as far as they are whole."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pynetstat.errors import RecordingError
from pynetstat.history.recording import LONGEST_LINE, Encoder, Item, encode_header
from pynetstat.history.recording_file import Recorder, Recording
from pynetstat.history.transition import Loss

from .test_recording import EVENT, HEADER, ROW, snapshot_of

ITEMS: list[Item] = [
    snapshot_of(ROW, at=1),
    EVENT,
    snapshot_of(ROW, ROW._replace(cookie=8), at=2),
    Loss(2.5, 3, "lost"),
    snapshot_of(ROW._replace(cookie=8), at=3),
]


def record(path: Path, items: list[Item] = ITEMS) -> list[bytes]:
    with Recorder(str(path), HEADER) as recorder:
        for item in items:
            recorder.add(item)
    return path.read_bytes().splitlines(keepends=True)


def play(path: Path) -> tuple[list[Item], str]:
    with Recording(str(path)) as recording:
        items = list(recording)
        return items, str(recording.damage or "")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    assert len(record(path)) == 6
    with Recording(str(path)) as recording:
        assert recording.header == HEADER
        assert list(recording) == ITEMS
        assert recording.damage is None
        assert list(recording) == []


def test_each_line_is_in_the_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    with Recorder(str(path), HEADER) as recorder:
        for number, item in enumerate(ITEMS):
            recorder.add(item)
            assert play(path) == (ITEMS[: number + 1], "")


def test_others_can_not_read_it(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    record(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    path.write_text("precious")
    with pytest.raises(RecordingError, match="exists"):
        Recorder(str(path), HEADER)
    assert path.read_text() == "precious"


@pytest.mark.parametrize("target_exists", [True, False])
def test_a_link_is_not_followed(tmp_path: Path, target_exists: bool) -> None:
    target, link = tmp_path / "target", tmp_path / "session.jsonl"
    if target_exists:
        target.write_text("precious")
    link.symlink_to(target)
    with pytest.raises(RecordingError, match="exists"):
        Recorder(str(link), HEADER)
    assert target.exists() is target_exists
    assert not target_exists or target.read_text() == "precious"


@pytest.mark.parametrize("path", ["/nowhere/at/all", "a\0b", ""])
def test_a_path_that_can_not_be_is_told(path: str) -> None:
    with pytest.raises(RecordingError, match="can't record"):
        Recorder(path, HEADER)
    with pytest.raises(RecordingError, match="can't read"):
        Recording(path)


def test_a_full_disk_leaves_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    script = (
        "import resource, sys, signal\n"
        "from tests.test_recording_file import HEADER, ITEMS, Recorder\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "with Recorder(sys.argv[1], HEADER) as recorder:\n"
        "    while True:\n"
        "        recorder.add(ITEMS[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True, check=False
    )
    assert "RecordingError: can't write" in done.stderr
    items, damage = play(path)
    assert len(items) > 3
    assert set(items) == {EVENT}
    assert "the file ends within the line; 1 line left out" in damage


def test_a_file_cut_within_a_line(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    lines = record(path)
    path.write_bytes(b"".join(lines)[:-20])
    assert play(path) == (
        ITEMS[:-1],
        "line 6 is damaged: the file ends within the line; 1 line left out",
    )


def test_every_cut_plays_what_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    lines = record(path)
    whole = b"".join(lines)
    for length in range(len(lines[0]), len(whole)):
        path.write_bytes(whole[:length])
        ends = [sum(map(len, lines[: count + 1])) for count in range(len(lines))]
        complete = sum(end <= length for end in ends)
        items, damage = play(path)
        assert items == ITEMS[: complete - 1]
        assert bool(damage) is (length not in ends)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"\0" * 100 + b"\n", "not JSON"),
        (b"\n", "not JSON"),
        (b"{]\n", "not JSON"),
        (b"\xff\xfe\n", "not UTF-8"),
        (b'{"type": "event", "at": "now"}\n', "a number that can't be"),
    ],
)
def test_a_damaged_line_is_passed_over(tmp_path: Path, bad: bytes, why: str) -> None:
    """Snapshots behind it can be told again from the next one that stands alone."""
    path = tmp_path / "session.jsonl"
    lines = record(path)
    again = Encoder().snapshot(snapshot_of(ROW, at=9)).encode()
    path.write_bytes(b"".join([*lines[:3], bad, *lines[4:], again]))
    assert play(path) == (
        [*ITEMS[:2], ITEMS[3], snapshot_of(ROW, at=9)],
        f"line 4 is damaged: {why}; 2 lines left out",
    )


def test_a_line_of_100_megabytes_takes_no_more_memory_than_a_line_may(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    lines = record(path)
    with open(path, "wb") as file:
        file.writelines(lines[:3])
        file.seek(100_000_000, os.SEEK_CUR)
        file.writelines([b"\n", *lines[4:5]])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    items, damage = play(path)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert items == [*ITEMS[:2], ITEMS[3]]
    assert damage == f"line 4 is damaged: it is longer than {LONGEST_LINE} bytes; 1 line left out"
    assert grown * 1024 < 3 * LONGEST_LINE


@pytest.mark.parametrize(
    ("contents", "why"),
    [
        (b"", "it is empty"),
        (b"\n", "no recording"),
        (b"\x7fELF\0\0\xff\n", "not UTF-8"),
        (b'{"pynetstat":"recor', "ends within"),
        (encode_header(HEADER).replace('"version":1', '"version":7').encode(), "of version 7"),
        (Encoder().event(EVENT).encode(), "no recording"),
        (b" " * (LONGEST_LINE + 5), "longer than"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, contents: bytes, why: str) -> None:
    path = tmp_path / "session.jsonl"
    path.write_bytes(contents)
    with pytest.raises(RecordingError, match=why) as caught:
        Recording(str(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_header_alone_is_a_recording_of_nothing(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    record(path, [])
    assert play(path) == ([], "")


def test_a_folder_is_none(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="can't read"):
        Recording(str(tmp_path))
