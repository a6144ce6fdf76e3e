"""Which unix socket a path means, however it and the socket's own name are spelled."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from pynetstat.owners import walk_processes
from pynetstat.records import Owner, UnixRecord

Path = str | bytes | os.PathLike[str]


class UnixPath:
    """A unix socket's name; with a leading NUL or ``@`` an abstract one.

    The kernel keeps a name as bind() was given it. One that is not absolute is taken from the
    folder that its holder works in, as long as that can be seen and has the file.
    """

    def __init__(self, path: Path) -> None:
        name = os.fsencode(path)
        self.name = b"\0" + name[1:] if name.startswith(b"@") else name
        self._is_abstract = self.name.startswith(b"\0")
        self._file = self.name if self._is_abstract else os.path.realpath(self.name)

    def means(self, record: UnixRecord) -> bool:
        """Whether it is this socket's name."""
        path = record.path
        if self._is_abstract or not path or path.startswith(b"\0"):
            return path == self.name
        if os.path.isabs(path):
            return path == self.name or os.path.realpath(path) == self._file
        if os.path.basename(path) != os.path.basename(self._file):
            return False
        places = {os.path.join(folder, path) for folder in _folders(record)}
        there = [place for place in places if os.path.lexists(place)]
        if there:
            return any(os.path.realpath(place) == self._file for place in there)
        # Nobody can tell where it was bound: there is a socket of that name, at least.
        return _is_socket(self._file)


def _folders(record: UnixRecord) -> Iterable[bytes]:
    """The folders that the socket's holders work in, as far as they can be seen."""
    for owner in _holders(record):
        try:
            yield os.readlink(f"/proc/{owner.pid}/cwd".encode())
        except OSError:
            continue


def _holders(record: UnixRecord) -> tuple[Owner, ...]:
    if record.owners is not None or not record.inode:
        return record.owners or ()
    return walk_processes().by_inode.get(record.inode, ())


def _is_socket(path: bytes) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False
