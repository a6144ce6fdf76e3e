"""The command line of a process that holds a socket, and of no other process.

A pid may be reused between the walk that found the owner and the look at its command
line. So both are read below one descriptor of /proc/PID, and only while that process
still holds the very socket.
"""

from __future__ import annotations

import os

from pynetstat.records import Owner

_READ_SIZE = 65536


def command_line(owner: Owner, inode: int, proc_root: str = "/proc") -> tuple[str, ...] | None:
    """The arguments of ``owner``, empty for a process that has none (a zombie).

    Undecodable bytes are lone surrogates, as from os.fsdecode. None when it can't be told:
    the process is gone, may not be looked into, or no longer holds the socket ``inode``.
    """
    try:
        folder = os.open(f"{proc_root}/{owner.pid}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        text = _read(folder)
        if os.readlink(f"fd/{owner.fd}", dir_fd=folder) != f"socket:[{inode}]":
            return None
    except OSError:
        return None
    finally:
        os.close(folder)
    if not text:
        return ()
    return tuple(os.fsdecode(word) for word in text.removesuffix(b"\0").split(b"\0"))


def _read(folder: int) -> bytes:
    descriptor = os.open("cmdline", os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        parts = []
        while part := os.read(descriptor, _READ_SIZE):
            parts.append(part)
    finally:
        os.close(descriptor)
    return b"".join(parts)
