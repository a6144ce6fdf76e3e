"""The process inside a namespace of its own: python -m tests.live.inside [mounts].

It does what it is asked over a pipe (calls of this package's functions) until the pipe
closes, and then lets go of everything it holds.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import traceback
from contextlib import ExitStack
from importlib import import_module
from typing import Any, BinaryIO

from tests.live.namespaces import isolate


def main() -> None:
    """Answer requests from standard input on standard output."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    _point_elsewhere()
    with requests, answers, ExitStack() as held:
        try:
            isolate(mounts="mounts" in sys.argv[1:])
        except OSError as error:
            _send(answers, (False, str(error)))
            return
        _send(answers, (True, None))
        while True:
            try:
                request = pickle.load(requests)
            except EOFError:
                return
            _send(answers, _answer(held, request))


def _answer(held: ExitStack, request: Any) -> tuple[bool, Any]:
    hold, module, name, args, kwargs = request
    try:
        function = getattr(import_module(f"tests.live.{module}"), name)
        result = function(*args, **kwargs)
        return True, held.enter_context(result) if hold else result
    except Exception:  # noqa: BLE001 - the test that asked shows it
        return False, traceback.format_exc()


def _send(answers: BinaryIO, answer: tuple[bool, Any]) -> None:
    pickle.dump(answer, answers)
    answers.flush()


def _point_elsewhere() -> None:
    """So that no command started here can read requests or write answers."""
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)


def run_command(
    argv: list[str], uid: int | None = None, environment: dict[str, str] | None = None
) -> tuple[int, bytes, bytes]:
    """Run a command here, as user ``uid``; its exit code, output and error output."""
    identity: dict[str, Any] = {}
    if uid is not None:
        identity = {"user": uid, "group": uid, "extra_groups": []}
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
        cwd="/",
        env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})},
        **identity,
    )
    return done.returncode, done.stdout, done.stderr


if __name__ == "__main__":
    main()
