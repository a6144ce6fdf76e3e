"""A command on a terminal of its own, as a person would have it: a pseudo-terminal (pty(7))."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.command import environment
from tests.waiting import wait_until

_PATIENCE_S = 30.0

_KEPT = 1 << 20

_BEGIN = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)
"""Makes the terminal the one that rules the command: Ctrl-C and a hangup reach it."""

LEFT_ALONE = (
    (b"\x1b[?1049h", b"\x1b[?1049l"),
    (b"\x1b[?25l", b"\x1b[?25h"),
    (
        b"\x1b[?1003h",
        b"\x1b[?1003l",
    ),
    (b"\x1b[?2004h", b"\x1b[?2004l"),
)
"""What switches something on, and off again: the other screen, no cursor, mouse, pasting."""


class Terminal:
    """Runs a command on it; what it shows is kept in ``shown``."""

    def __init__(
        self,
        command: list[str],
        columns: int = 100,
        lines: int = 30,
        changes: Mapping[str, str] | None = None,
    ) -> None:
        self.shown = b""
        self._master, self._terminal = pty.openpty()
        self._size(columns, lines)
        self.modes = self._modes()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _BEGIN, *command],
            stdin=self._terminal,
            stdout=self._terminal,
            stderr=self._terminal,
            env={**environment(), "TERM": "xterm-256color", **(changes or {})},
            start_new_session=True,
        )

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.send_signal(signal.SIGCONT)
        self.process.wait(_PATIENCE_S)
        for descriptor in (self._master, self._terminal):
            if descriptor >= 0:
                os.close(descriptor)
        self._master = self._terminal = -1

    def wait_for(self, *texts: str, since: int = 0) -> None:
        """Return once all texts were shown, behind the first ``since`` bytes."""
        wanted = [text.encode() for text in texts]
        self._read_until(lambda: all(text in self.shown[since:] for text in wanted), repr(texts))

    def type(self, keys: str) -> int:
        """Press keys; how much had been shown before."""
        os.write(self._master, keys.encode())
        return len(self.shown)

    def resize(self, columns: int, lines: int) -> int:
        """Give it another size, as a window does; how much had been shown before."""
        self._size(columns, lines)
        return len(self.shown)

    def hang_up(self) -> None:
        """Take the terminal away, as a closed window does."""
        os.close(self._terminal)
        os.close(self._master)
        self._master = self._terminal = -1

    def signal(self, number: signal.Signals) -> None:
        """Send the command a signal."""
        self.process.send_signal(number)

    def wait_until_stopped(self) -> None:
        """Return once the command has been stopped by itself."""
        self._read_until(lambda: _state_of(self.process.pid) == "T", "stop")

    def watch_for(self, seconds: float) -> None:
        """Keep reading what it shows, of which only the last is kept."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._read(0.1)
            self.shown = self.shown[-_KEPT:]

    def end(self) -> int:
        """Wait until the command has ended; its exit status."""
        self._read_until(lambda: self.process.poll() is not None, "end")
        while self._read(0.0):
            pass
        return self.process.wait()

    def is_as_before(self) -> bool:
        """Whether echo, line mode and all that are set as they were at first, and whatever was
        switched on has been switched off."""
        switched_off = all(
            self.shown.rfind(off) > self.shown.rfind(on)
            for on, off in LEFT_ALONE
            if on in self.shown
        )
        return self._modes() == self.modes and switched_off

    def _read_until(self, condition: Callable[[], bool], what: str) -> None:
        def met() -> bool:
            self._read(0.02)
            return condition()

        try:
            wait_until(met, what)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; shown: {self.shown[-3000:]!r}") from None

    def _read(self, patience_s: float) -> bool:
        if self._master < 0:
            time.sleep(patience_s)
            return False
        ready, _, _ = select.select([self._master], [], [], patience_s)
        if ready:
            self.shown += os.read(self._master, 65536)
        return bool(ready)

    def _size(self, columns: int, lines: int) -> None:
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)

    def _modes(self) -> list[Any]:
        return termios.tcgetattr(self._terminal)


def _state_of(pid: int) -> str:
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[0]
