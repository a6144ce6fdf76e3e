"""Files that a person names: written whole or not at all, and never through a trap."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

_NEW_FILE_MODE = 0o666


def write_file(path: str, text: str) -> None:
    """Write ``text`` to ``path``, so that a reader sees the old contents or the new, never half.

    As root a symbolic link is refused rather than followed. What is no regular file (a
    device, a pipe) is written to as it is. OSError when it can't be done; then the file is
    as it was.
    """
    contents = text.encode("utf-8", "backslashreplace")
    if os.geteuid() != 0:
        path = os.path.realpath(path)
    try:
        before = os.lstat(path)
    except FileNotFoundError:
        before = None
    if before is not None and stat.S_ISLNK(before.st_mode):
        raise OSError(None, "it is a symbolic link, and root does not follow those", path)
    if before is not None and not stat.S_ISREG(before.st_mode):
        _write(os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC), contents)
        return
    _replace(path, contents, None if before is None else stat.S_IMODE(before.st_mode))


def _replace(path: str, contents: bytes, mode: int | None) -> None:
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, _NEW_FILE_MODE)
    try:
        if mode is not None:
            os.fchmod(descriptor, mode)
        _write(descriptor, contents)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _write(descriptor: int, contents: bytes) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.write(contents)
