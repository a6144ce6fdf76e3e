"""The watch screen: its start, what it takes of a core, and a refresh with many sockets."""

from __future__ import annotations

import fcntl
import gc
import os
import pty
import select
import signal
import socket
import statistics
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.commands import environment, our_command
from pynetstat.watch.live import LiveFeed
from pynetstat.watch.model import Model

_COLUMNS, _LINES = 120, 40
_PATIENCE_S = 30.0
_WARM_UP_S = 5.0
_MEASURED_S = 10.0
_ROW = b"LISTEN"
_TICKS = os.sysconf("SC_CLK_TCK")


def first_rows(turns: int) -> list[float]:
    """Seconds from the start of the command to its first row on the terminal, turn by turn."""
    return [_first_row() for _ in range(turns)]


def _first_row() -> float:
    started = time.perf_counter()
    with _watching() as (master, _):
        _read_until(master, _ROW)
        return time.perf_counter() - started


def share_of_core() -> float:
    """The share of a core that the screen takes at one refresh a second."""
    with _watching() as (master, pid):
        _read_until(master, _ROW)
        _read_for(master, _WARM_UP_S)
        started, spent = time.monotonic(), _spent_s(pid)
        _read_for(master, _MEASURED_S)
        return (_spent_s(pid) - spent) / (time.monotonic() - started)


def refresh(turns: int) -> float:
    """The median seconds of reading everything and putting it in order, after a change."""
    gc.disable()  # as the command has it while it shows the screen
    feed, model = LiveFeed(), Model()
    seconds = []
    for _ in range(turns):
        with socket.create_server(("127.0.0.1", 0)):
            started = time.perf_counter()
            feed.look()
            model.take(feed.take())
            model.rows(feed.now())
            model.counts(feed.now())
            seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


@contextmanager
def _watching() -> Iterator[tuple[int, int]]:
    """The command on a terminal: the descriptor to read from, and its pid."""
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", _LINES, _COLUMNS, 0, 0))
    process = subprocess.Popen(
        [*our_command(), "--watch", "-tauon"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**environment(), "TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(terminal)
    try:
        yield master, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        while process.poll() is None:
            _read_for(master, 0.05)
        os.close(master)


def _read_until(master: int, text: bytes) -> None:
    shown = b""
    end = time.monotonic() + _PATIENCE_S
    while text not in shown:
        if time.monotonic() > end:
            raise TimeoutError(f"no {text!r} on the screen after {_PATIENCE_S:g} s")
        shown = shown[-len(text) :] + _read(master, 1.0)


def _read_for(master: int, seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        _read(master, left)


def _read(master: int, patience_s: float) -> bytes:
    ready, _, _ = select.select([master], [], [], patience_s)
    if not ready:
        return b""
    try:
        return os.read(master, 65536)
    except OSError:  # EIO: the last process on the terminal has closed it
        time.sleep(min(patience_s, 0.01))
        return b""


def _spent_s(pid: int) -> float:
    """The processor time of the process and its threads (proc_pid_stat(5), fields 14 and 15)."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
