"""Where the figures come from, in a few lines above them."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

from benchmarks.commands import PEERS, our_command
from pynetstat import __version__


def describe(network: str) -> str:
    """The versions, the machine, and who else is on it."""
    lines = [
        f"pynetstat {__version__}: {' '.join(our_command())}",
        *(f"{peer}: {_version(peer)}" for peer in PEERS),
        f"Python {platform.python_version()}, {platform.system()} {platform.release()}, "
        f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.2f}",
        f"network: {network}",
        f"other processes hold {_foreign_descriptors():,} descriptors, which -p walks, too",
    ]
    return "\n".join(lines)


def sockets_here() -> int:
    """How many TCP and UDP sockets this network namespace holds."""
    return sum(_rows(table) for table in ("tcp", "tcp6", "udp", "udp6"))


def _rows(table: str) -> int:
    try:
        return len(Path("/proc/net", table).read_bytes().splitlines()[1:])
    except OSError:
        return 0


def _foreign_descriptors() -> int:
    count = 0
    for process in Path("/proc").glob("[0-9]*/fd"):
        try:
            count += len(os.listdir(process))
        except OSError:  # it has ended, or is another user's
            continue
    return count


def _version(command: str) -> str:
    path = shutil.which(command)
    if path is None:
        return "not installed"
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return (done.stdout.splitlines() or [path])[0]
