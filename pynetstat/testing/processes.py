"""The processes that a wait or a leak check watches: alive or not, their children, their sockets.

Everything is read from /proc where there is one (proc(5)), else through psutil.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any, Protocol, TypeAlias

from pynetstat.errors import SourceUnavailable
from pynetstat.owners import walk_processes
from pynetstat.records import Owner, SocketRecord, UnixRecord

_ENDED_STATES = ("Z", "X")


class HasPid(Protocol):
    """Anything with a process id: subprocess.Popen, multiprocessing.Process, psutil.Process."""

    @property
    def pid(self) -> int | None:
        """The process id."""


ProcessLike: TypeAlias = int | HasPid


class Family:
    """A process and, with ``include_children``, all that descend from it, as of each call.

    A process that ended and a later one under the same pid are not taken for each other.
    ValueError for something without a pid, SourceUnavailable for a process that may not be
    looked into, or that is in another network namespace, whose tables these are not.
    """

    def __init__(self, process: ProcessLike, include_children: bool = True) -> None:
        pid = process if isinstance(process, int) else getattr(process, "pid", None)
        if not isinstance(pid, int):
            why = "it was not started" if hasattr(process, "pid") else "give a number or a process"
            raise ValueError(f"{process!r} has no pid: {why}")
        self.pid = pid
        self._include_children = include_children
        self._started = _start_time(pid)
        self.was_there = self._started is not None or _is_zombie(pid)
        """Whether there was such a process when this was made."""
        self.holdings()

    def __str__(self) -> str:
        return f"pid {self.pid} or its children" if self._include_children else f"pid {self.pid}"

    @property
    def alive(self) -> bool:
        """Whether the process itself still runs; one that nobody has waited for does not."""
        return self._started is not None and _start_time(self.pid) == self._started

    def pids(self) -> list[int]:
        """The process ids, the first being the process itself. Empty when it has ended."""
        if not self.alive:
            return []
        if not self._include_children:
            return [self.pid]
        children = _descendants(self.pid)
        return [self.pid, *(pid for pid in children if _start_time(pid) is not None)]

    def holdings(self) -> Holdings:
        """What the processes hold now. SourceUnavailable when this one may not be looked into."""
        holdings = Holdings(self.pids())
        if self.pid in holdings.denied:
            raise SourceUnavailable(
                f"pid {self.pid} can't be looked into (its descriptors may not be read): "
                "run as its user or as root, or ask without a pid"
            )
        if _is_elsewhere(self.pid):
            raise SourceUnavailable(
                f"pid {self.pid} is in another network namespace, which has tables of its own: "
                "wait there (nsenter -n -t PID)"
            )
        return holdings


class Holdings:
    """The sockets that some processes hold, at one moment.

    ``denied`` are those of the processes that may not be looked into.
    """

    def __init__(self, pids: list[int]) -> None:
        self.pids = frozenset(pids)
        self.by_inode: dict[int, tuple[Owner, ...]] = {}
        self.denied: list[int] = []
        if not _has_proc():
            return
        self.by_inode, coverage = walk_processes(pids=pids)
        if coverage.denied:
            # One that is about to end refuses, too: it is asked whether it still runs.
            refusing = [pid for pid in pids if walk_processes(pids=[pid]).coverage.denied]
            self.denied = [pid for pid in refusing if _start_time(pid) is not None]

    def of(self, record: SocketRecord | UnixRecord) -> tuple[Owner, ...]:
        """Those of the processes that hold ``record``; empty when none does."""
        if record.inode:
            return self.by_inode.get(record.inode, ())
        return tuple(owner for owner in record.owners or () if owner.pid in self.pids)


def _has_proc() -> bool:
    return sys.platform.startswith("linux") and os.path.exists("/proc/self/stat")


def _is_elsewhere(pid: int) -> bool:
    """Whether it is in another network namespace; what can't be told is no."""
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino != os.stat("/proc/self/ns/net").st_ino
    except OSError:
        return False


def _start_time(pid: int) -> object | None:
    """What tells this process from a later one with its pid; None when it has ended."""
    if not _has_proc():
        return _start_time_by_psutil(pid)
    fields = _stat(pid)
    if fields is None or fields[0] in _ENDED_STATES:
        return None
    return fields[19]


def _is_zombie(pid: int) -> bool:
    return _has_proc() and _stat(pid) is not None


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on; None when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read()
    except OSError:
        return None
    # The name before it may hold anything, closing parentheses too.
    return text[text.rindex(b")") + 2 :].decode("ascii").split()


def _descendants(pid: int) -> list[int]:
    # Kernels without CONFIG_PROC_CHILDREN lack the file.
    if not os.path.exists(f"/proc/{pid}/task/{pid}/children"):
        return _descendants_by_psutil(pid)
    found: list[int] = []
    waiting = [pid]
    while waiting:
        children = list(_children(waiting.pop()))
        found += children
        waiting += children
    return found


def _children(pid: int) -> Iterator[int]:
    """The children of every thread (/proc/PID/task/TID/children), zombies too."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                yield from map(int, file.read().split())
        except OSError:
            continue


def _start_time_by_psutil(pid: int) -> object | None:
    psutil = _psutil()
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        started: float = process.create_time()
    except psutil.Error:
        return None
    return started


def _descendants_by_psutil(pid: int) -> list[int]:
    psutil = _psutil()
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []


def _psutil() -> Any:
    import psutil

    return psutil
