"""A named file is written whole, and not through a trap."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pynetstat.command.files import write_file


def _others(folder: Path, *expected: str) -> list[str]:
    return sorted(set(os.listdir(folder)) - set(expected))


def test_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "report.svg"
    write_file(str(path), "first\N{EURO SIGN}")
    write_file(str(path), "second")
    assert path.read_text() == "second"
    assert _others(tmp_path, "report.svg") == []


def test_a_bare_name_is_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_file("report.svg", "x")
    assert (tmp_path / "report.svg").read_text() == "x"


def test_an_old_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.write_text("old")
    path.chmod(0o640)
    write_file(str(path), "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_failure_leaves_the_old_contents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_file(str(path), "new")
    assert path.read_text() == "old"
    assert _others(tmp_path, "report") == []


@pytest.mark.parametrize("euid", [0, 1000])
def test_only_an_ordinary_user_follows_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, euid: int
) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("precious")
    link.symlink_to(target)
    monkeypatch.setattr(os, "geteuid", lambda: euid)
    if euid == 0:
        with pytest.raises(OSError, match="symbolic link"):
            write_file(str(link), "new")
        assert target.read_text() == "precious"
    else:
        write_file(str(link), "new")
        assert target.read_text() == "new"
    assert link.is_symlink()
    assert _others(tmp_path, "target", "link") == []


def test_what_is_no_regular_file_stays_what_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_file(str(pipe), "through")
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
