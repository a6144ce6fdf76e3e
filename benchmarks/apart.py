"""Calls a function in a new process: its memory and its heap weigh on no other figure.

``python -m benchmarks.apart PARENT MODULE FUNCTION ARGUMENTS`` prints what the function returns;
both arguments and result travel as JSON.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import subprocess
import sys
from typing import Any

from benchmarks.commands import environment
from benchmarks.timing import CommandFailed

_PR_SET_PDEATHSIG = 1


def call_apart(module: str, function: str, *arguments: Any) -> Any:
    """What ``benchmarks.MODULE.FUNCTION(*arguments)`` returns. CommandFailed when it raises."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.apart", str(os.getpid())),
            *(module, function, json.dumps(arguments)),
        ],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    if done.returncode != 0:
        reason = done.stderr.splitlines() or [f"exit status {done.returncode}"]
        raise CommandFailed(reason[-1])
    return json.loads(done.stdout)


def _main(parent: str, module: str, function: str, arguments: str) -> None:
    # Who starts this may be killed: then this ends as well, and its workers before it.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        return
    called = getattr(importlib.import_module(f"benchmarks.{module}"), function)
    json.dump(called(*json.loads(arguments)), sys.stdout)


if __name__ == "__main__":
    _main(*sys.argv[1:])
