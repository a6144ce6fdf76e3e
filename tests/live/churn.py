"""Sockets that open and close as fast as they can: python -m tests.live.churn tcp|udp.

A ring of a few hundred is open at any time, the oldest making way for the newest; a few of
them stay for longer, so that some are opened during a snapshot and outlive it. It ends when
standard input closes.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from pynetstat import collect

from .kernel import wait_until

CHECKOUT = Path(__file__).parents[2]

_RING = 300
_KEEP_EVERY = 300
_STABLE = 700


def main() -> None:
    """Churn until standard input closes."""
    ended = threading.Event()
    threading.Thread(target=_wait_for_end, args=[ended], daemon=True).start()
    kind = socket.SOCK_STREAM if sys.argv[1] == "tcp" else socket.SOCK_DGRAM
    ring: deque[socket.socket] = deque()
    elders: deque[socket.socket] = deque()
    made = 0
    while not ended.is_set():
        sock = socket.socket(socket.AF_INET, kind)
        ring.append(sock)
        with contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", 0))
            if kind == socket.SOCK_STREAM:
                sock.listen()
        if len(ring) == _RING:
            oldest = ring.popleft()
            made += 1
            if made % _KEEP_EVERY:
                oldest.close()
            else:
                elders.append(oldest)
        if len(elders) == _RING:
            elders.popleft().close()
    for sock in (*ring, *elders):
        sock.close()


def _wait_for_end(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


@contextmanager
def _churning(table: str) -> Iterator[int]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.live.churn", table],
        stdin=subprocess.PIPE,
        cwd=CHECKOUT,  # the namespace's process has the checkout on its PYTHONPATH already
    ) as process:
        yield process.pid


@contextmanager
def _stable(table: str) -> Iterator[set[int]]:
    """The inodes of sockets that stay open, in a table of several pages."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    kind = socket.SOCK_STREAM if table == "tcp" else socket.SOCK_DGRAM
    with ExitStack() as stack:
        inodes = set()
        for _ in range(min(_STABLE, hard - 100)):
            sock = stack.enter_context(socket.socket(socket.AF_INET, kind))
            sock.bind(("127.0.0.1", 0))
            if table == "tcp":
                sock.listen()
            inodes.add(os.fstat(sock.fileno()).st_ino)
        yield inodes


def _open_inodes(pid: int) -> set[int]:
    inodes = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            link = os.readlink(f"/proc/{pid}/fd/{fd}")
            if link.startswith("socket:["):
                inodes.add(int(link[8:-1]))
    return inodes


def watch(table: str, snapshots: int) -> list[dict[str, Any]]:
    """Snapshots under churn: how many stable sockets each missed and doubled.

    Also how many rows were not among the stable ones (the churn itself), and the source.
    """
    found = []
    with _stable(table) as stable, _churning(table) as churner:
        _wait_for_churn(churner)
        for _ in range(snapshots):
            snapshot = collect([table])
            inodes = [record.inode for record in snapshot.records]
            ours = [inode for inode in inodes if inode in stable]
            found.append(
                {
                    "missed": len(stable) - len(set(ours)),
                    "doubled": len(ours) - len(set(ours)),
                    "passing": len(inodes) - len(ours),
                    "passing_inodes": set(inodes) - stable,
                    "complete": snapshot.complete,
                    "sources": set(snapshot.sources.values()),
                }
            )
    return found


def watch_owners(table: str, snapshots: int) -> list[dict[str, Any]]:
    """Snapshots with owners: how many rows whose socket outlived the snapshot had none."""
    found = []
    with _stable(table) as stable, _churning(table) as churner:
        _wait_for_churn(churner)
        for _ in range(snapshots):
            snapshot = collect([table], owners=True)
            open_still = _open_inodes(churner) | stable
            lasting = [record for record in snapshot.records if record.inode in open_still]
            found.append(
                {
                    "lasting": len(lasting),
                    "passing": len([row for row in lasting if row.inode not in stable]),
                    "without": [row for row in lasting if not row.owners],
                    "strange": [
                        row
                        for row in lasting
                        if {owner.pid for owner in row.owners or ()} - {os.getpid(), churner}
                    ],
                }
            )
    return found


def _wait_for_churn(churner: int) -> None:
    wait_until(lambda: len(_open_inodes(churner)) >= _RING - 1, "churn")


if __name__ == "__main__":
    main()
