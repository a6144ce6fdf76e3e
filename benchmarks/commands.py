"""The commands that are compared: ours and the peers, and the environment they run in."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

OURS = "pynetstat"
PEERS = ("ss", "netstat")


def our_command() -> list[str]:
    """The console script beside this interpreter, or the package run as a module."""
    script = Path(sys.executable).with_name(OURS)
    if os.access(script, os.X_OK):
        return [str(script)]
    return [sys.executable, "-m", OURS]


def bare_interpreter() -> list[str]:
    """What any program in Python costs at least."""
    return [sys.executable, "-c", "pass"]


def missing_peers() -> list[str]:
    """The peers that are not installed."""
    return [peer for peer in PEERS if shutil.which(peer) is None]


def in_comparison(flags: str) -> dict[str, list[str]]:
    """Our command and every installed peer with the same flags, by name."""
    commands = {OURS: [*our_command(), flags]}
    for peer in PEERS:
        path = shutil.which(peer)
        if path is not None:
            commands[peer] = [path, flags]
    return commands


def environment() -> dict[str, str]:
    """This environment without what makes Python behave unlike a user's.

    Such as PYTHONDONTWRITEBYTECODE, under which a module just edited is compiled anew on
    every run.
    """
    kept = ("PYTHONPATH", "PYTHONHOME")
    own = {
        name: value
        for name, value in os.environ.items()
        if name in kept or not name.startswith("PYTHON")
    }
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
        own.pop(name, None)
    return own
