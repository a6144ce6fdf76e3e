"""Runs the watch screen on this process's terminal, and leaves it as it was.

Textual writes to standard error and expects a terminal that can't fail; here the screen is
standard output, in its encoding, and a terminal that is gone ends the program.
"""

from __future__ import annotations

import asyncio
import gc
import os
import select
import signal
import sys
from functools import partial
from typing import Any

from textual.drivers.linux_driver import LinuxDriver

from pynetstat.render.watch.app import WatchApp

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_S = 1.0
_COLLECT_S = 5.0
_WHOLE_TURNS = 12
_USUAL_SIZE = (80, 24)


class _Screen:
    """Standard output as the file that the driver's thread writes to.

    What its encoding lacks becomes a question mark of the same width. Once the terminal is
    gone nothing is written any more: the thread must go on taking what is put to it.
    """

    def __init__(self) -> None:
        self._descriptor = sys.stdout.fileno()
        self._encoding = sys.stdout.encoding or "ascii"
        self._is_lost = False

    def write(self, text: str) -> None:
        """Write all of it."""
        left = memoryview(text.encode(self._encoding, "replace"))
        while left and not self._is_lost:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                select.select([], [self._descriptor], [], _LOOK_S)
            except OSError:
                self._is_lost = True

    def flush(self) -> None:
        """Nothing is held back."""

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """It was checked before."""
        return True


class _Driver(LinuxDriver):
    def __init__(self, app: WatchApp, **more: Any) -> None:
        super().__init__(app, **more)
        self._output = _Screen()
        self._file = self._output  # type: ignore[assignment]

    def _get_terminal_size(self) -> tuple[int, int]:
        """The terminal's own size: COLUMNS and LINES would stand still when it changes."""
        try:
            columns, lines = os.get_terminal_size(self._output.fileno())
        except OSError:
            return _USUAL_SIZE
        return (columns, lines) if columns and lines else _USUAL_SIZE


def run(app: WatchApp) -> int:
    """Show ``app`` until it ends, by a key or by a signal; the exit code.

    128 and the signal's number when a signal, or the loss of the terminal, ended it.
    """
    app.driver_class = _Driver
    gc.disable()
    gc.freeze()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        for number in _ENDING:
            if signal.getsignal(number) is signal.SIG_IGN:
                continue  # whoever started it wants it so, as nohup does
            loop.add_signal_handler(number, app.action_leave, 128 + number)
        loop.call_later(_LOOK_S, partial(_leave_when_lost, app, loop))
        loop.call_later(_COLLECT_S, partial(_collect, loop, 1))
        code = app.run(loop=loop)
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    return app.return_code or 0 if code is None else code


def _collect(loop: asyncio.AbstractEventLoop, turn: int) -> None:
    """Collect what is young, and every so many turns everything.

    Rows make no cycles, and the collector on its own would walk them several times in each
    reading. The screen's own objects do make some, and it may run for days.
    """
    gc.collect(2 if turn % _WHOLE_TURNS == 0 else 1)
    loop.call_later(_COLLECT_S, partial(_collect, loop, turn + 1))


def _leave_when_lost(app: WatchApp, loop: asyncio.AbstractEventLoop) -> None:
    """A terminal may go without a signal: nohup, or a parent that ignores it."""
    if not os.isatty(sys.stdin.fileno()):
        app.action_leave(128 + signal.SIGHUP)
    loop.call_later(_LOOK_S, partial(_leave_when_lost, app, loop))
