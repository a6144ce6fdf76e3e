"""The labs: every one comes out here or says why not; a wrong row is told and ends in 1."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from demo.lab import Lab, LabFailed, Step
from demo.labs import LABS
from demo.rows import NOBODY, Row, client, compare, listening, server
from pynetstat import Addr, Owner, Proto, SocketRecord, TcpState, Timer

from .waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 60


def demo(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "demo", *arguments],
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.mark.parametrize("name", [lab.name for lab in LABS])
def test_a_lab_sees_all_its_rows(name: str) -> None:
    done = demo(name)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    skipped = re.search(rf"^{name}: skipped, (.*)$", done.stdout, re.MULTILINE)
    if skipped:
        pytest.skip(skipped[1])
    assert f"\n{name}: all rows seen, " in done.stdout
    assert "Local Address" in done.stdout


def test_the_list_has_a_line_for_each_of_nineteen_labs() -> None:
    done = demo()
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == [lab.name for lab in LABS]
    assert len(LABS) == 19


def test_an_unknown_lab_is_a_wrong_command_line() -> None:
    done = demo("\x1b[31m")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "\x1b" not in done.stderr


class _Nobody:
    def step(self, number: int, step: Step) -> None:
        """See it and say nothing."""


def test_a_lab_without_its_rows_says_which_and_what_was_there() -> None:
    with Lab(_Nobody(), patience_s=0.2) as lab:
        actor = lab.actor("server")
        lab.listen(actor)
        with pytest.raises(LabFailed) as failure:
            lab.step("Nothing happens.", [], [server("ESTABLISHED")], "so be it")
        pid = actor.pid
    text = str(failure.value)
    assert "step 2, Nothing happens." in text
    assert "missing: S ESTABLISHED" in text
    assert "there instead: tcp 127.0.0.1:" in text
    assert f"held by {pid}/server" in text
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_action_that_comes_out_otherwise_fails_the_lab() -> None:
    with Lab(_Nobody(), patience_s=0.2) as lab:
        actor = lab.actor("one")
        for action, words in (
            (actor.gets("1 + 1", 3), "got 2, expected 3"),
            (actor.does("1 / 0"), "got ZeroDivisionError"),
            (actor.fails("1 / 1", "ZeroDivisionError"), "succeeded, expected ZeroDivisionError"),
        ):
            with pytest.raises(LabFailed, match=re.escape(words)):
                lab.step("It goes wrong.", [action], [], "")


def _row(local: int, foreign: int, state: TcpState, *pids: int, recv_q: int = 0) -> SocketRecord:
    owners = tuple(Owner(pid, 3, "x") for pid in pids)
    ends = Addr("127.0.0.1", local), Addr("127.0.0.1", foreign)
    return SocketRecord(Proto.TCP, *ends, state, recv_q, 0, inode=1, owners=owners)


PORTS, NAMES = {"PORT": 80}, {1: "server", 2: "client"}
CONNECTION = [
    _row(80, 0, TcpState.LISTEN, 1, recv_q=1),
    _row(80, 5000, TcpState.ESTABLISHED),
    _row(5000, 80, TcpState.ESTABLISHED, 2),
]


def test_rows_are_held_against_patterns() -> None:
    patterns = [
        client("ESTABLISHED", owners=("client",)),
        server("ESTABLISHED", owners=NOBODY),
        listening(recv_q=range(1, 3)),
    ]
    assert not compare(patterns, CONNECTION, PORTS, NAMES)


@pytest.mark.parametrize(
    ("patterns", "missing", "unexpected"),
    [
        ([], 0, 3),
        ([listening(recv_q=0)], 1, 3),
        ([server("ESTABLISHED", owners=("server",)), client("ESTABLISHED")], 1, 2),
        ([server("ESTABLISHED", times=2)], 1, 2),
        ([server("CLOSE_WAIT")], 1, 3),
    ],
)
def test_what_does_not_fit_is_named(patterns: list[Row], missing: int, unexpected: int) -> None:
    found = compare(patterns, CONNECTION, PORTS, NAMES)
    assert (len(found.missing), len(found.unexpected)) == (missing, unexpected)


@pytest.mark.parametrize(("kind", "inode", "fits"), [
    ("timewait", 0, True), ("keepalive", 0, True), ("keepalive", 7, False), ("on", 0, False),
])  # fmt: skip
def test_what_a_busy_kernel_counts_with_another_timer(kind: str, inode: int, fits: bool) -> None:
    left = _row(80, 1, TcpState.FIN_WAIT2)._replace(inode=inode, timer=Timer(kind, 60.0, 0, 0))
    mismatch = compare([server("FIN_WAIT2", timer="timewait")], [left], PORTS, NAMES)
    assert bool(mismatch) is not fits


def test_a_general_pattern_leaves_the_row_that_only_a_special_one_wants() -> None:
    rows = [_row(80, 1, TcpState.ESTABLISHED, recv_q=1), _row(80, 2, TcpState.ESTABLISHED)]
    patterns = [server("ESTABLISHED"), server("ESTABLISHED", recv_q=1)]
    assert not compare(patterns, rows, PORTS, NAMES)


def test_pausing_waits_for_enter_at_each_step() -> None:
    done = demo("accept-queue", "--pause", stdin="\n" * 3)
    assert done.returncode == 0
    assert done.stdout.count("[Enter]") == 3


def test_a_picture_of_what_was_shown(tmp_path: Path) -> None:
    picture = tmp_path / "lab.svg"
    assert demo("accept-queue", "--svg", str(picture)).returncode == 0
    text = picture.read_text(encoding="utf-8")
    assert "ESTABLISHED" in text
    assert "@font-face" not in text


def test_a_picture_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    done = demo("accept-queue", "--svg", str(tmp_path / "none" / "lab.svg"))
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


def test_populate_holds_until_interrupted_and_cleans_up() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "demo", "populate", "--connections=10", "--udp=3"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline().startswith("10 connections (20 sockets)")
        assert "pynetstat -tauonp" in process.stdout.readline()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        workers = children.read_text(encoding="ascii").split() if children.exists() else []
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
    wait_until(lambda: not [pid for pid in workers if Path("/proc", pid).exists()], "end of them")


@pytest.mark.parametrize("arguments", [["--udp=-1"], ["--connections=60000"], ["--hold=-2"]])
def test_populate_refuses_nonsense(arguments: list[str]) -> None:
    done = demo("populate", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""


def test_what_others_left_on_a_reserved_port_is_none_of_the_lab_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        client.close()
        accepted.close()

    class Chosen(socket.socket):
        def bind(self, address: Any) -> None:
            super().bind((address[0], port))

    monkeypatch.setattr("demo.lab.socket.socket", Chosen)
    with Lab(_Nobody()) as lab:
        assert lab.reserve() == port
        assert lab.look().records == []
