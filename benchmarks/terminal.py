"""The time of a view on a terminal of 120 columns whose reader keeps up."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import struct
import subprocess
import termios
import time
from collections.abc import Sequence

from benchmarks.commands import environment
from benchmarks.timing import CommandFailed, Run

COLUMNS = 120
_SIZE = struct.pack("HHHH", 40, COLUMNS, 0, 0)


def run_on_terminal(command: Sequence[str]) -> Run:
    """Run ``command`` on a pseudo-terminal; what it shows is read and dropped."""
    master, terminal = pty.openpty()
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, _SIZE)
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env={**environment(), "TERM": "xterm-256color"},
            start_new_session=True,
        )
        os.close(terminal)
        lines, last = _drain(master)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        os.close(master)
    if process.returncode != 0:
        reason = last.decode(errors="replace").strip().splitlines()
        raise CommandFailed(reason[-1] if reason else f"exit status {process.returncode}")
    return Run(seconds, usage.ru_maxrss, lines)


def _drain(master: int) -> tuple[int, bytes]:
    lines, last = 0, b""
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError as error:
            if error.errno == errno.EIO:  # the last process on the terminal has closed it
                return lines, last
            raise
        if not chunk:
            return lines, last
        lines += chunk.count(b"\n")
        last = chunk
