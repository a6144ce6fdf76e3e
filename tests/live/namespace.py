"""The test's end of a process in its own namespace: calls go in, plain data comes out."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from .inside import run_command

CHECKOUT = Path(__file__).parents[2]


def with_checkout(path: str | None) -> str:
    """A PYTHONPATH on which the checkout comes first."""
    return os.pathsep.join([str(CHECKOUT), *([path] if path else [])])


class Refused(Exception):
    """This machine allows no namespace of one's own."""


class CallFailed(Exception):
    """A function raised inside the namespace; the text is its traceback."""


class Done(NamedTuple):
    """A command that ended."""

    code: int
    out: bytes
    err: bytes

    @property
    def text(self) -> str:
        """Standard output as text."""
        return self.out.decode("utf-8", "surrogateescape")

    @property
    def complaint(self) -> str:
        """Standard error as text."""
        return self.err.decode("utf-8", "surrogateescape")


class Namespace:
    """A network (and mount table) of its own, with a process in it that does as told."""

    def __init__(self, mounts: bool = False) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.live.inside", *(["mounts"] if mounts else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONPATH": with_checkout(os.environ.get("PYTHONPATH"))},
        )
        ready, reason = self._receive()
        if not ready:
            self.close()
            raise Refused(reason)

    @property
    def pid(self) -> int:
        """The process inside."""
        return self._process.pid

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What ``function``, of a module of this package, returns inside."""
        return self._ask(False, function, args, kwargs)

    def hold(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Enter the context manager that ``function`` makes inside, until :meth:`close`."""
        return self._ask(True, function, args, kwargs)

    def run(self, *argv: str, uid: int | None = None, **environment: str) -> Done:
        """Run a command inside."""
        return Done(*self.call(run_command, list(argv), uid, environment))

    def pynetstat(self, *arguments: str) -> Done:
        """Run this checkout's command inside."""
        return self.run(sys.executable, "-m", "pynetstat", *arguments)

    def close(self) -> None:
        """Let the process inside release what it holds, and wait for its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def __enter__(self) -> Namespace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, hold: bool, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        assert self._process.stdin is not None
        module = function.__module__.rpartition(".")[2]
        pickle.dump((hold, module, function.__name__, args, kwargs), self._process.stdin)
        self._process.stdin.flush()
        succeeded, result = self._receive()
        if not succeeded:
            raise CallFailed(result)
        return result

    def _receive(self) -> tuple[bool, Any]:
        assert self._process.stdout is not None
        succeeded, result = pickle.load(self._process.stdout)
        return succeeded, result
