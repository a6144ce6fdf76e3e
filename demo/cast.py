"""The processes of a lab, as the lab sees them."""

from __future__ import annotations

import json
import os
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

_HERE = Path(__file__).parent
_PROGRAM = str(_HERE / "actor.py")
_PATIENCE_S = 10.0
_PAUSES = (signal.SIGSTOP, signal.SIGCONT)


class ActorError(Exception):
    """An actor did not do what the lab expects; the text says what it did instead."""


class Action(NamedTuple):
    """What one actor does in a step, and the code that is shown for it.

    ``fails`` is the beginning of the error that must come, such as ``ConnectionRefusedError``;
    ``returns`` the repr of the last line's value; ``waits`` whether the step goes on only
    when the code has ended; ``begun`` that it was started by an earlier action; ``signal``
    is sent to the process instead of code.
    """

    actor: Actor
    code: str = ""
    fails: str | None = None
    returns: str | None = None
    waits: bool = True
    signal: signal.Signals | None = None
    begun: bool = False

    def run(self) -> None:
        """Do it. ActorError when it does not come out as expected."""
        if self.signal in _PAUSES:
            os.kill(self.actor.pid, self.signal)
            return
        if self.signal is not None:
            self.actor.end(self.signal)
            return
        if not self.begun:
            self.actor.send(code=self.code)
        if self.waits:
            self.actor.expect(self)


class Actor:
    """A process with a name of its own; ``/proc`` and netstat show it under that name."""

    def __init__(self, name: str, beside: int | None = None) -> None:
        """``beside`` is the process whose network it is to be in."""
        self.name = name
        # The name stands in argv[0], so python can't find its home by it.
        environment = {**os.environ, "PYTHONHOME": sys.base_prefix}
        # A short path: the command line is shown beside the sockets.
        command = [name, "-S", os.path.relpath(_PROGRAM)]
        if beside is not None:
            command = [sys.executable, "-S", str(_HERE / "enter.py"), str(beside), *command]
        self._process = subprocess.Popen(
            command,
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
        """Start code that blocks; :meth:`returns` waits for its end."""
        return Action(self, code, waits=False)

    def returns(self, code: str) -> Action:
        """Wait, as a part of a step, for code that :meth:`begins` started."""
        return Action(self, code, begun=True)

    def dies(self, by: signal.Signals = signal.SIGKILL) -> Action:
        """End the process with a signal."""
        return Action(self, signal=by)

    def pauses(self) -> Action:
        """Stop the process, as Ctrl-Z does, until :meth:`resumes`."""
        return Action(self, signal=signal.SIGSTOP)

    def resumes(self) -> Action:
        """Let the process go on."""
        return Action(self, signal=signal.SIGCONT)

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


class Program(Actor):
    """A process that runs one of this package's programs; its code is the command line.

    :meth:`begins` starts it, with ``<`` and ``>`` as in a shell; file names are relative
    to ``folder``. :meth:`returns` waits for its good end. Standard input, unless it is a
    file, is a pipe that says nothing and does not end, or a ``terminal`` where nobody
    types. Output goes nowhere, unless it is a file.
    """

    def __init__(
        self,
        name: str,
        started: Callable[[int, str], None],
        folder: str = ".",
        terminal: bool = False,
    ) -> None:
        self.name = name
        self._started = started
        self._folder = folder
        self._terminal = terminal
        self._open: list[int] = []
        self._running = False

    def value(self, code: str) -> Any:
        """Nothing can be asked of a program."""
        raise ActorError(f"{self.name} is a program and can't say {code}")

    def learns(self, **names: object) -> None:
        """Nothing: a program knows its command line."""

    def send(self, **request: object) -> None:
        """Start the command line."""
        words = shlex.split(str(request["code"]))
        program = str(_HERE / f"{words[0]}.py")
        try:
            source = self._source(words)
            sink = self._file(words, ">", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            self._process = subprocess.Popen(
                [words[0], "-S", program, *words[1:]],
                executable=sys.executable,
                env={**os.environ, "PYTHONHOME": sys.base_prefix},
                stdin=source,
                stdout=subprocess.DEVNULL if sink is None else sink,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise ActorError(f"{self.name} can't be started: {error}") from error
        self._running = True
        self._started(self._process.pid, self.name)

    def expect(self, action: Action) -> None:
        """Wait until the program has ended; it must say that all went well."""
        try:
            status = self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired as error:
            raise ActorError(f"{self.name} did not end: {action.code}") from error
        if status != 0:
            assert self._process.stderr is not None
            said = self._process.stderr.read().decode(errors="replace").strip()
            raise ActorError(f"{self.name} ended with {status}: {said}")

    def end(self, by: signal.Signals = signal.SIGKILL) -> None:
        """End the process, if it was started, and wait until it is gone."""
        if self._running:
            super().end(by)
            if self._process.stderr is not None:
                self._process.stderr.close()
        while self._open:
            os.close(self._open.pop())

    def _source(self, words: list[str]) -> int:
        if (file := self._file(words, "<", os.O_RDONLY)) is not None:
            return file
        ours, theirs = os.openpty() if self._terminal else os.pipe()[::-1]
        self._open += (ours, theirs)
        return theirs

    def _file(self, words: list[str], sign: str, flags: int) -> int | None:
        """The file after the sign, opened; both are taken out of the words."""
        if sign not in words:
            return None
        at = words.index(sign)
        file = os.open(os.path.join(self._folder, words[at + 1]), flags, 0o600)
        self._open.append(file)
        del words[at : at + 2]
        return file
