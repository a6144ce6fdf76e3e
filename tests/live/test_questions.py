"""The table from netstat, ss and lsof to pynetstat: each row is asked, the answers are one."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pynetstat.shell.man import EXAMPLES
from tests.examples import ROOT, blocks

from .answers import ROWS, Row, counts, listeners, numbers, tcp_figures, unix_inodes, unix_pids
from .namespace import Done, Namespace
from .questions import questions

_ATTEMPTS = 20
"""Timers fire and other namespaces' sockets come between two looks."""

FORMATS = ROOT / "docs/formats.md"
CLOSES = "Close the connections to port 443"
"""The question that changes what the others ask about."""

_PEERS = ("netstat", "ss", "lsof")


class Question(NamedTuple):
    """A row of the table: the command of each program that can be asked."""

    text: str
    ours: str
    peers: dict[str, str]


def _read() -> list[Question]:
    questions = []
    for line in (ROOT / "docs/from-netstat-ss-lsof.md").read_text(encoding="utf-8").splitlines():
        cells = [
            cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip("|"))
        ]
        if len(cells) == 5 and cells[1].startswith("`"):
            text, ours, *others = (cell.strip("`") for cell in cells)
            peers = dict(zip(_PEERS, others, strict=True))
            questions.append(
                Question(text, ours, {name: peers[name] for name in _PEERS if peers[name] != "-"})
            )
    return questions


QUESTIONS = _read()
ASKED = [
    pytest.param(question, peer, id=f"{question.text} {peer}")
    for question in QUESTIONS
    for peer in question.peers
    if question.text != CLOSES
]


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH on which ``pynetstat`` is this checkout's."""
    folder = tmp_path_factory.mktemp("bin")
    command = folder / "pynetstat"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pynetstat "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return os.pathsep.join([str(folder), os.environ["PATH"]])


def _status(_program: str, done: Done) -> int:
    return done.code


def _of_text(read: Callable[[str], Any], _program: str, done: Done) -> Any:
    return read(done.text)


_SPECIAL: dict[str, Callable[[str, Done], Any]] = {
    "Its pid alone?": partial(_of_text, numbers),
    "Does anything listen on port 8080? (exit status)": _status,
    "Wait until port 8080 listens": _status,
    "How full are the accept queues?": lambda program, done: listeners(program, done.text),
    "How many sockets are in TIME_WAIT?": partial(_of_text, numbers),
    "How many are there in each state?": partial(_of_text, counts),
    "How many connections has each remote host?": partial(_of_text, counts),
    "How many sockets are there at all?": partial(_of_text, numbers),
    "What does TCP keep for each connection?": lambda _, done: tcp_figures(done.text),
    "Which unix sockets listen?": lambda program, done: unix_inodes(program, done.text),
    "Who holds a unix socket by its path?": lambda program, done: unix_pids(program, done.text),
    "Which unix sockets have a word in their path?": lambda program, done: unix_inodes(
        program, done.text
    ),
}
"""How answers are read that are not rows of internet sockets."""


def _rows(question: Question, peer: str, ours: Done, theirs: Done) -> tuple[Any, Any]:
    """Both answers as what both programs tell of each row."""
    flags = question.ours.split()[1]
    found = ROWS["pynetstat"](ours.text), ROWS[peer](theirs.text)
    both = [*found[0], *found[1]]
    keep = {
        "state": all(row.state for row in both),
        "timer": "o" in flags,
        "pids": "p" in flags,
    }

    def kept(row: Row) -> Row:
        empty = {name: None for name, wanted in keep.items() if not wanted}
        return row._replace(**empty)  # type: ignore[arg-type]

    # lsof tells a socket once for each process, so that equal rows can't be counted.
    gather: Callable[..., Any] = set if peer == "lsof" else Counter
    return gather(map(kept, found[0])), gather(map(kept, found[1]))


@pytest.mark.parametrize(("question", "peer"), ASKED)
def test_the_answer_is_the_peers(
    asked: tuple[Namespace, dict[str, str]],
    tool: Callable[[str], str],
    path: str,
    question: Question,
    peer: str,
) -> None:
    tool(peer)
    namespace, here = asked
    if "www-data" in question.ours and os.geteuid() != 0:
        pytest.skip("needs root: it gives a socket to another user")

    def run(command: str) -> Done:
        for there, this in here.items():
            command = command.replace(there, this)
        done = namespace.run("sh", "-c", command, PATH=path)
        assert "pynetstat:" not in done.complaint
        return done

    for attempt in range(1, _ATTEMPTS + 1):
        ours, theirs = run(question.ours), run(question.peers[peer])
        read = _SPECIAL.get(question.text)
        answers = (
            (read("pynetstat", ours), read(peer, theirs))
            if read
            else _rows(question, peer, ours, theirs)
        )
        if answers[0] == answers[1] or attempt == _ATTEMPTS:
            break
    assert answers[0] == answers[1]
    assert answers[0] == 0 if read is _status else answers[0]


def test_the_same_connections_are_closed(
    namespace: Namespace, another_namespace: Namespace, tool: Callable[[str], str], path: str
) -> None:
    ss = tool("ss")
    (question,) = (question for question in QUESTIONS if question.text == CLOSES)
    left = []
    for place, command in (
        (namespace, question.ours),
        (another_namespace, question.peers["ss"]),
    ):
        place.hold(questions, None)
        assert _states_of(place, ss)["ESTABLISHED", 443] == 2
        done = place.run("sh", "-c", command, PATH=path)
        if "not supported" in done.text + done.complaint:
            pytest.skip("this kernel closes no sockets")
        assert done.code == 0, done.complaint
        left.append(_states_of(place, ss))
    assert left[0] == left[1]
    assert left[0]["ESTABLISHED", 443] == 0


def _states_of(namespace: Namespace, ss: str) -> Counter[tuple[str | None, int]]:
    """How many TCP sockets are in each state, those to low remote ports apart."""
    rows = ROWS["ss"](namespace.run(ss, "-tan").text)
    return Counter((row.state, row.remote[1] if row.remote[1] < 1024 else 0) for row in rows)


@pytest.mark.parametrize(
    "command",
    [line for code in blocks(FORMATS, "sh") for line in code.splitlines()],
)
def test_an_example_of_the_formats_runs(
    asked: tuple[Namespace, dict[str, str]], path: str, tmp_path: Path, command: str
) -> None:
    namespace, _ = asked
    done = namespace.run("sh", "-c", f"cd '{tmp_path}' && {command}", PATH=path)
    assert (done.code, done.complaint) == (0, "")
    written = [file for file in tmp_path.iterdir() if file.stat().st_size]
    assert written or done.text or " -q" in command


def test_there_are_questions() -> None:
    assert len(QUESTIONS) >= 40
    assert set(_SPECIAL) <= {question.text for question in QUESTIONS}
    asked_of = Counter(peer for question in QUESTIONS for peer in question.peers)
    assert min(asked_of.values()) >= 12


def test_the_commands_are_of_their_columns() -> None:
    for question in QUESTIONS:
        for name, command in {"pynetstat": question.ours, **question.peers}.items():
            assert re.match(rf"(until |nsenter -t 812 -n )?{name} ", command), question.text


def test_the_manual_has_questions_of_the_table() -> None:
    ours = {question.ours for question in QUESTIONS}
    formats = FORMATS.read_text(encoding="utf-8")
    for command in EXAMPLES.values():
        assert command in ours or command in formats or "--explain" in command
