"""The command as its users run it: a process with arguments, output and an exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import IO, NamedTuple

_PATIENCE_S = 60.0

_CHANGES_OUTPUT = ("PYTHONIOENCODING", "PYTHONUTF8", "PYTHONUNBUFFERED", "PYTHONWARNINGS")

ARGV = [sys.executable, "-W", "error", "-m", "pynetstat"]
"""Warnings are errors, so that a file or socket left open shows on stderr."""


class Done(NamedTuple):
    """How a command ended and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def complaints(self) -> list[str]:
        """The lines on stderr."""
        return self.err.splitlines()


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment with the changes, and nothing that changes output by accident."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _CHANGES_OUTPUT and not name.startswith("LC_")
    }
    return {**kept, "LC_ALL": "C.UTF-8", **(changes or {})}


def run(
    *arguments: str,
    out: int | IO[bytes] = subprocess.PIPE,
    changes: Mapping[str, str] | None = None,
) -> Done:
    """Run the command to its end, in this environment with the ``changes``."""
    done = subprocess.run(
        [*ARGV, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.PIPE,
        env=environment(changes),
        timeout=_PATIENCE_S,
        check=False,
    )
    written = done.stdout or b""
    return Done(done.returncode, written.decode("latin-1"), done.stderr.decode("utf-8"))


def start(*arguments: str) -> subprocess.Popen[bytes]:
    """Start the command with pipes for its output; it starts with its own signal group."""
    return subprocess.Popen(
        [*ARGV, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    )
