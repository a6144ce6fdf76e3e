"""The completions in the shells that they are for."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pynetstat.shell.vocabulary import read_vocabulary

from .examples import ROOT
from .typed import Fish, Shell, bash, zsh

BASH = ROOT / "share/bash-completion/completions/pynetstat"
ZSH = ROOT / "share/zsh/site-functions/_pynetstat"
FISH = ROOT / "share/fish/vendor_completions.d/pynetstat.fish"
VOCABULARY = read_vocabulary()
NAMES = [name for flag in VOCABULARY.flags for name in flag.names]

LINES = [
    ("--columns local,peer", ["--columns", "local,peer-inode"]),
    ("--columns=peer", ["--columns=peer-inode"]),
    ("--columns=local,state,peer", ["--columns=local,state,peer-inode"]),
    ("--explain TIME_W", ["--explain", "TIME_WAIT"]),
    ("--explain addr", ["--explain", "address already in use"]),
    ("--explain=TIME_W", ["--explain=TIME_WAIT"]),
    ("--explain=--prox", ["--explain=--prox"]),
    ("--explain=--proc", ["--explain=--proc-root"]),
    ("--format ri", ["--format", "rich"]),
    ("--format=ri", ["--format=rich"]),
    ("--group-by pro", ["--group-by", "process"]),
    ("--html sock", ["--html", "sockets.html"]),
    ("--proc-root fol", ["--proc-root", "folder/"]),
    ("--sort -peer", ["--sort", "-peer-inode"]),
    ("--sort=state,-peer", ["--sort=state,-peer-inode"]),
    ("--source ps", ["--source", "psutil"]),
    ("-f sta", ["-f", "sta"]),
    ("-tan state est", ["-tan", "state", "established"]),
    ("-tan exclude time", ["-tan", "exclude", "time-wait"]),
    ("-tan proto = uni", ["-tan", "proto", "=", "unix"]),
    ("-tan timer keep", ["-tan", "timer", "keepalive"]),
    ("-tan timer != keep", ["-tan", "timer", "!=", "keepalive"]),
    ("-tan sport = fol", ["-tan", "sport", "=", "fol"]),
    ("-tan state listening sen", ["-tan", "state", "listening", "send-q"]),
    ("-tan --explain LIS", ["-tan", "--explain", "LIS"]),
    ("-tan user = roo", ["-tan", "user", "=", "root"]),
]
"""What is typed before Tab, and the arguments behind it."""


def find(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    (folder / "folder").mkdir()
    (folder / "folded").touch()
    (folder / "sockets.html").touch()
    return folder


@pytest.fixture(scope="module")
def typed_bash(home: Path) -> Iterator[Shell]:
    with bash(find("bash"), BASH, home) as shell:
        yield shell


@pytest.fixture(scope="module")
def typed_zsh(home: Path) -> Iterator[Shell]:
    with zsh(find("zsh"), ZSH, home) as shell:
        yield shell


@pytest.fixture(scope="module")
def fish(home: Path) -> Fish:
    return Fish(find("fish"), FISH, home)


def shortest(name: str) -> str:
    """What has to be typed of a flag until it can be no other one."""
    for length in range(3, len(name)):
        if [other for other in NAMES if other.startswith(name[:length])] == [name]:
            return name[:length]
    return name


@pytest.mark.parametrize(
    ("program", "flags", "script"),
    [("bash", ["-n"], BASH), ("zsh", ["-f", "-n"], ZSH), ("fish", ["-n"], FISH)],
    ids=["bash", "zsh", "fish"],
)
def test_the_syntax_is_right(program: str, flags: list[str], script: Path, home: Path) -> None:
    done = subprocess.run(
        [find(program), *flags, str(script)],
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("line", "expected"), LINES, ids=[line for line, _ in LINES])
def test_bash_completes(typed_bash: Shell, line: str, expected: list[str]) -> None:
    assert typed_bash.arguments(line) == expected


@pytest.mark.parametrize(("line", "expected"), LINES, ids=[line for line, _ in LINES])
def test_zsh_completes(typed_zsh: Shell, line: str, expected: list[str]) -> None:
    # Enter takes back the slash that Tab put behind a directory.
    assert typed_zsh.arguments(line) == [word.removesuffix("/") for word in expected]


# fish takes a word with a dash for a flag; its --sort=-COLUMN is among these.
@pytest.mark.parametrize(
    ("line", "expected"),
    [case for case in LINES if case[0] != "--sort -peer"],
    ids=[line for line, _ in LINES if line != "--sort -peer"],
)
def test_fish_completes(fish: Fish, line: str, expected: list[str]) -> None:
    offered = list(fish.candidates(line))
    last = expected[-1]
    assert offered == ([] if line.endswith(last) else [last])


@pytest.mark.parametrize("shell", ["typed_bash", "typed_zsh"])
def test_every_long_flag_is_completed(shell: str, request: pytest.FixtureRequest) -> None:
    complete: Callable[[str], list[str]] = request.getfixturevalue(shell).arguments
    for name in NAMES:
        if name.startswith("--") and shortest(name) != name:
            (completed,) = complete(shortest(name))
            assert completed.removesuffix("=") == name


def test_bash_offers_every_flag() -> None:
    script = f"source '{BASH}'; COMP_WORDS=(pynetstat -); COMP_CWORD=1; _pynetstat; "
    done = subprocess.run(
        [find("bash"), "--norc", "-c", script + 'printf "%s\\n" "${COMPREPLY[@]}"'],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout.split(), done.stderr) == (NAMES, "")


def test_fish_offers_every_flag_with_its_help(fish: Fish) -> None:
    offered = fish.candidates("-") | fish.candidates("--")
    for flag in VOCABULARY.flags:
        for name in flag.names:
            assert offered[name] == flag.about


def test_fish_describes_columns(fish: Fish) -> None:
    offered = fish.candidates("--columns ")
    assert offered == VOCABULARY.columns


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("-tan ", {"state", "sport", "process", "not"}),
        ("-tan state ", set(VOCABULARY.conditions["state"])),
        ("--explain ", {"TIME_WAIT", "address already in use"}),
        ("--format ", {"plain", "rich", "json", "jsonl", "csv"}),
    ],
)
def test_fish_offers_words(fish: Fish, line: str, offered: set[str]) -> None:
    found = fish.candidates(line)
    assert offered <= set(found)
    assert not any(word.startswith("-") for word in found)
