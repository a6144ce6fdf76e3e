"""The processes of a lab, as the lab sees them."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

_PROGRAM = str(Path(__file__).with_name("actor.py"))
_PATIENCE_S = 10.0


class ActorError(Exception):
    """An actor did not do what the lab expects; the text says what it did instead."""


class Action(NamedTuple):
    """What one actor does in a step, and the code that is shown for it.

    ``fails`` is the beginning of the error that must come, such as ``ConnectionRefusedError``;
    ``returns`` the repr of the last line's value; ``waits`` whether the step goes on only
    when the code has ended; ``signal`` is sent to the process instead of code.
    """

    actor: Actor
    code: str = ""
    fails: str | None = None
    returns: str | None = None
    waits: bool = True
    signal: signal.Signals | None = None

    def run(self) -> None:
        """Do it. ActorError when it does not come out as expected."""
        if self.signal is not None:
            self.actor.end(self.signal)
            return
        self.actor.send(code=self.code)
        if self.waits:
            self.actor.expect(self)


class Actor:
    """A process with a name of its own; ``/proc`` and netstat show it under that name."""

    def __init__(self, name: str) -> None:
        self.name = name
        # The name stands in argv[0], so python can't find its home by it.
        environment = {**os.environ, "PYTHONHOME": sys.base_prefix}
        self._process = subprocess.Popen(
            [name, "-S", _PROGRAM],
            executable=sys.executable,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the lab, which then ends its actors
        )
        self._unread = b""

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def does(self, code: str) -> Action:
        """Run code that must succeed."""
        return Action(self, code)

    def gets(self, code: str, value: object) -> Action:
        """Run code whose last line must have this value."""
        return Action(self, code, returns=repr(value))

    def fails(self, code: str, error: str) -> Action:
        """Run code that must end with an error that begins with this text."""
        return Action(self, code, fails=error)

    def begins(self, code: str) -> Action:
        """Start code that blocks; :meth:`finishes` waits for its end."""
        return Action(self, code, waits=False)

    def dies(self, by: signal.Signals = signal.SIGKILL) -> Action:
        """End the process with a signal."""
        return Action(self, signal=by)

    def finishes(self) -> None:
        """Wait for code that :meth:`begins` started. ActorError when it failed."""
        self.expect(Action(self, "what was begun"))

    def value(self, code: str) -> Any:
        """The value of an expression, which must be a literal. Not shown."""
        import ast

        self.send(code=code)
        return ast.literal_eval(self._answer().get("value", "None"))

    def learns(self, **names: object) -> None:
        """Give the process variables. Not shown."""
        self.send(names=names)
        self._answer()

    def send(self, **request: object) -> None:
        """Send a request without waiting for its answer."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise ActorError(f"{self.name} is gone") from error

    def expect(self, action: Action) -> None:
        """Wait for the answer and hold it against the action."""
        answer = self._answer()
        error, value = answer.get("error"), answer.get("value")
        if action.fails is not None:
            if error is None:
                raise ActorError(f"{self.name} succeeded, expected {action.fails}: {action.code}")
            if not error.startswith(action.fails):
                raise ActorError(f"{self.name} got {error}, expected {action.fails}")
        elif error is not None:
            raise ActorError(f"{self.name} got {error} from: {action.code}")
        elif action.returns is not None and value != action.returns:
            raise ActorError(f"{self.name} got {value}, expected {action.returns}: {action.code}")

    def end(self, by: signal.Signals = signal.SIGKILL) -> None:
        """End the process and wait until it is gone."""
        if self._process.poll() is None:
            self._process.send_signal(by)
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue

    def _answer(self) -> dict[str, str]:
        """The next line of the process, within the patience of a lab."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        until = time.monotonic() + _PATIENCE_S
        while b"\n" not in self._unread:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise ActorError(f"{self.name} did not answer for {_PATIENCE_S:g} seconds")
            part = os.read(descriptor, 65536)
            if not part:
                raise ActorError(f"{self.name} ended unexpectedly")
            self._unread += part
        line, _, self._unread = self._unread.partition(b"\n")
        answer: dict[str, str] = json.loads(line)
        return answer
