"""The watch screen on a real terminal: it starts, and leaves the terminal as it was."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import ARGV, run
from tests.terminal import Terminal

_TRACES = Path("/sys/kernel/tracing/instances")


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a server that listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def watching(port: int, **more: object) -> Terminal:
    """The watch screen of the port's sockets."""
    return Terminal([*ARGV, "--watch", "-tan", f"sport = :{port} or dport = :{port}"], **more)  # type: ignore[arg-type]


def traces_of(pid: int) -> list[str]:
    """The tracing instances that the process has left behind."""
    if not os.access(_TRACES, os.R_OK):
        return []
    return [name for name in os.listdir(_TRACES) if name.startswith(f"pynetstat-{pid}-")]


def test_it_shows_what_happens_and_quits(port: int) -> None:
    with watching(port) as terminal:
        terminal.wait_for(f"127.0.0.1:{port}", "LISTEN")
        with socket.create_connection(("127.0.0.1", port)):
            terminal.wait_for("ESTABLISHED")
        terminal.type("q")
        assert terminal.end() == 0
        assert terminal.is_as_before()
        assert traces_of(terminal.process.pid) == []


def test_dash_c_on_a_terminal_is_the_same_screen(port: int) -> None:
    with Terminal([*ARGV, "-c", "-tan", f"sport = :{port}"]) as terminal:
        terminal.wait_for("\x1b[?1049h", "pause")
        terminal.type("q")
        assert terminal.end() == 0


def test_a_resize_is_followed(port: int) -> None:
    with watching(port, changes={"COLUMNS": "80", "LINES": "24"}) as terminal:
        terminal.wait_for("LISTEN", "Transitions")
        for columns, lines in ((40, 10), (200, 60), (2, 2), (80, 24)):
            since = terminal.resize(columns, lines)
        terminal.wait_for("LISTEN", since=since)
        terminal.type("q")
        assert terminal.end() == 0
        assert terminal.is_as_before()


def test_ctrl_z_and_back(port: int) -> None:
    with watching(port) as terminal:
        terminal.wait_for("LISTEN")
        terminal.type("\x1a")
        terminal.wait_until_stopped()
        assert terminal.is_as_before()
        since = len(terminal.shown)
        terminal.signal(signal.SIGCONT)
        terminal.wait_for("\x1b[?1049h", "LISTEN", since=since)
        terminal.wait_for("pynetstat", "Local Address", "Latest change", "pause", since=since)
        terminal.type("q")
        assert terminal.end() == 0
        assert terminal.is_as_before()


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_a_signal_ends_it_in_order(port: int, number: signal.Signals, status: int) -> None:
    with watching(port) as terminal:
        terminal.wait_for("LISTEN")
        terminal.signal(number)
        assert terminal.end() == status
        assert terminal.is_as_before()
        assert traces_of(terminal.process.pid) == []


def test_ctrl_c_ends_it(port: int) -> None:
    with watching(port) as terminal:
        terminal.wait_for("LISTEN")
        terminal.type("\x03")
        assert terminal.end() == 130
        assert terminal.is_as_before()


def test_a_terminal_that_is_lost_ends_it(port: int) -> None:
    with watching(port) as terminal:
        terminal.wait_for("LISTEN")
        terminal.hang_up()
        assert terminal.end() == 129
        assert traces_of(terminal.process.pid) == []


def test_a_lost_terminal_ends_it_also_where_the_signal_is_ignored() -> None:
    deaf = ["/bin/sh", "-c", 'trap "" HUP; exec "$@"', "sh"]
    with Terminal([*deaf, *ARGV, "--watch", "-tan"]) as terminal:
        terminal.wait_for("\x1b[?1049h", "pause")
        terminal.signal(signal.SIGHUP)
        terminal.type("?")
        terminal.wait_for("filter as you type")
        terminal.hang_up()
        assert terminal.end() == 129


def test_no_colours_when_they_are_not_wanted(port: int) -> None:
    with watching(port, changes={"NO_COLOR": "1"}) as terminal:
        terminal.wait_for("LISTEN")
        terminal.type("q")
        terminal.end()
        assert b"\x1b[38;" not in terminal.shown
        assert b";38;" not in terminal.shown
        assert b"48;" not in terminal.shown


def test_an_encoding_without_the_signs_breaks_nothing(port: int) -> None:
    with watching(port, changes={"PYTHONIOENCODING": "ascii"}) as terminal:
        terminal.wait_for("LISTEN", "pynetstat")
        terminal.type("q")
        assert terminal.end() == 0
        assert terminal.shown.isascii()


def test_no_screen_in_a_pipe() -> None:
    done = run("--watch")
    assert (done.status, done.out) == (2, "")
    assert done.complaints == [
        "pynetstat: --watch: no screen here: standard input is not a terminal; -c repeats the table"
    ]


def test_a_dumb_terminal_gets_the_table_again_and_again(port: int) -> None:
    changes = {"TERM": "dumb"}
    arguments = ["--interval", "0.05", "-tan", f"sport = :{port}"]
    with Terminal([*ARGV, *arguments], changes=changes) as terminal:
        terminal.wait_for("LISTEN")
        terminal.wait_for("LISTEN", since=terminal.shown.index(b"LISTEN") + 1)
        assert b"\x1b[?1049h" not in terminal.shown
        terminal.type("\x03")
        assert terminal.end() == 130
    with Terminal([*ARGV, "--watch"], changes=changes) as terminal:
        assert terminal.end() == 2
        assert b"TERM=dumb is a terminal that can't place text" in terminal.shown


def test_dash_c_in_a_pipe_repeats_the_plain_text(port: int) -> None:
    command = [*ARGV, "--interval", "0.05", "-tan", "sport", "=", f":{port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(6)]
        process.stdout.close()
        process.wait(30)
    assert lines[:3] == lines[3:]
    assert lines[0] == b"Active Internet connections (servers and established)\n"


def test_nothing_of_it_is_loaded_for_a_pipe() -> None:
    code = (
        "import sys; from pynetstat.cli import main; main(['-tauon']); "
        "bad = {'textual', 'rich', 'psutil', 'asyncio'} & set(sys.modules); "
        "print(sorted(bad), file=sys.stderr)"
    )
    done = subprocess.run([ARGV[0], "-c", code], capture_output=True, check=True)
    assert done.stderr.splitlines()[-1] == b"[]"
