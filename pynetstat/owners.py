"""Which processes hold which sockets: one walk over /proc/*/fd, and why an owner is missing.

The walk names a socket by its inode, the number in the link ``socket:[N]`` (proc(5)).
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from pynetstat.records import Owner, SocketRecord, TcpState, UnixRecord

_LINK = "socket:["
_GONE = (errno.ENOENT, errno.ESRCH)
_PF_KTHREAD = 0x00200000
"""In the flags of /proc/PID/stat (include/linux/sched.h)."""
_THREAD_GROUP = re.compile(rb"^Tgid:\t(\d+)$", re.MULTILINE)
_THREADS = 2
"""readlink() works without the interpreter's lock; a third thread gained nothing."""


class Coverage(NamedTuple):
    """How much of the process table a walk could see.

    ``denied`` counts the processes that could not be looked into; ``hidden`` says that
    /proc does not list every process (hidepid, or no processes at all).
    """

    denied: int
    hidden: bool

    @property
    def complete(self) -> bool:
        """Whether every process of this pid namespace was looked into."""
        return not self.denied and not self.hidden


class OwnerTable(NamedTuple):
    """What a walk found: every holder of a socket, by inode and in the order of pids."""

    by_inode: dict[int, tuple[Owner, ...]]
    coverage: Coverage

    def together(self, later: OwnerTable) -> OwnerTable:
        """Both walks in one: where both know an inode, the later walk is believed."""
        return OwnerTable({**self.by_inode, **later.by_inode}, later.coverage)


class Missing(Enum):
    """Why a socket has no owner; valued as a few plain words."""

    TIME_WAIT = "kernel, TIME_WAIT"
    SYN_RECV = "kernel, handshake not finished"
    NOT_ACCEPTED = "not accepted yet"
    ORPHANED = "closed by its process"
    OTHER_USER = "another user's process"
    ELSEWHERE = "kernel or another pid namespace"
    HIDDEN = "a process that can't be looked into"
    UNTOLD = "this source can't tell"


class _Process(NamedTuple):
    pid: int
    name: str
    sockets: list[tuple[int, int]]
    denied: bool


def walk_processes(proc_root: str = "/proc", pids: Iterable[int] | None = None) -> OwnerTable:
    """Every socket that a process under ``proc_root`` holds, or that one of ``pids`` does.

    Processes that end meanwhile are passed over; those that may not be looked into are
    counted. Never raises for what a single process does.
    """
    hidden = False
    if pids is None:
        pids = _listed_pids(proc_root)
        hidden = 1 not in pids
    by_inode: dict[int, tuple[Owner, ...]] = {}
    denied = 0
    new = tuple.__new__
    for process in sorted(_look_into_all(proc_root, list(pids))):
        denied += process.denied
        pid, name = process.pid, process.name
        for inode, fd in process.sockets:
            owner = (new(Owner, (pid, fd, name)),)
            by_inode[inode] = by_inode[inode] + owner if inode in by_inode else owner
    return OwnerTable(by_inode, Coverage(denied, hidden))


def _listed_pids(proc_root: str) -> list[int]:
    try:
        return sorted(int(name) for name in os.listdir(proc_root) if name.isdecimal())
    except OSError:
        return []


def process_of(thread: int, proc_root: str = "/proc") -> Owner | None:
    """The process that the thread with this id belongs to, its fd -1.

    None when it has ended and for a thread of the kernel's own.
    """
    try:
        folder = os.open(f"{proc_root}/{thread}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fields = os.fsdecode(_read(folder, "stat")).rpartition(")")[2].split()
        pids = _THREAD_GROUP.search(_read(folder, "status"))
        if pids is None or len(fields) < 7 or int(fields[6]) & _PF_KTHREAD:
            return None
        return Owner(int(pids[1]), -1, process_name(folder))
    finally:
        os.close(folder)


def why_no_owner(record: SocketRecord | UnixRecord, coverage: Coverage, euid: int) -> Missing:
    """The reason why a walk by user ``euid`` found nobody who holds ``record``."""
    if record.inode is None:
        return Missing.UNTOLD
    if record.inode == 0:
        return _why_no_inode(record)
    if euid != 0 and not coverage.complete and record.uid != euid:
        return Missing.OTHER_USER
    return Missing.ELSEWHERE if coverage.complete else Missing.HIDDEN


def _why_no_inode(record: SocketRecord | UnixRecord) -> Missing:
    if isinstance(record, UnixRecord):
        return Missing.NOT_ACCEPTED
    if record.state is TcpState.TIME_WAIT:
        return Missing.TIME_WAIT
    if record.state is TcpState.SYN_RECV:
        return Missing.SYN_RECV
    if record.state in (TcpState.ESTABLISHED, TcpState.CLOSE_WAIT):
        return Missing.NOT_ACCEPTED
    return Missing.ORPHANED


def program_name(argv0: bytes) -> str:
    """netstat's name for a process: argv[0], its last part when it is an absolute path.

    Empty where that is; the kernel's comm has to do then.
    """
    name = os.fsdecode(argv0)
    return name.rpartition("/")[2] if name.startswith("/") else name


def _look_into_all(proc_root: str, pids: list[int]) -> list[_Process]:
    import threading  # here, since commands without owners need not wait for it

    found: list[_Process] = []
    waiting = iter(pids)

    def look() -> None:
        for pid in waiting:
            process = _look_into(proc_root, pid)
            if process is not None:
                found.append(process)

    threads = min(_THREADS, len(pids))
    helpers = [threading.Thread(target=look, daemon=True) for _ in range(threads - 1)]
    for helper in helpers:
        helper.start()
    look()
    for helper in helpers:
        helper.join()
    return found


def _look_into(proc_root: str, pid: int) -> _Process | None:
    """The sockets of one process; None when it ended or holds none.

    Everything is read below one descriptor of /proc/PID, so that a reused pid can't lend
    its name to the sockets of the process before it.
    """
    try:
        folder = os.open(f"{proc_root}/{pid}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        return None if error.errno in _GONE else _Process(pid, "", [], True)
    try:
        sockets, denied = _sockets(folder)
        if not sockets and not denied:
            return None
        return _Process(pid, process_name(folder) if sockets else "", sockets, denied)
    finally:
        os.close(folder)


def _sockets(folder: int) -> tuple[list[tuple[int, int]], bool]:
    """The inode and descriptor of each socket, and whether any descriptor was refused."""
    sockets = []
    denied = False
    try:
        fds = os.open("fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        return [], error.errno not in _GONE
    try:
        for fd in os.listdir(fds):
            try:
                link = os.readlink(fd, dir_fd=fds)
            except OSError as error:
                denied = denied or error.errno not in _GONE
                continue
            if link.startswith(_LINK):
                sockets.append((int(link[8:-1]), int(fd)))
    except OSError as error:
        denied = denied or error.errno not in _GONE
    finally:
        os.close(fds)
    return sockets, denied


def process_name(folder: int) -> str:
    """The name of the process whose /proc/PID is open as ``folder``; empty once it has ended."""
    argv0 = _read(folder, "cmdline").partition(b"\0")[0]
    return program_name(argv0) or os.fsdecode(_read(folder, "comm").removesuffix(b"\n"))


def _read(folder: int, name: str) -> bytes:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return b""
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""
    finally:
        os.close(descriptor)
