"""Where rows come from: one protocol for all sources, and the order in which to ask them.

A source reads one table at a time. It either answers the whole of it, or raises
:class:`~pynetstat.errors.SourceUnavailable` before its first row so that another source
can be asked; it never presents a failure as an empty table.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pynetstat.query import Show
    from pynetstat.records import Proto, SocketRecord, UnixRecord

SOURCE_NAMES = ("auto", "sockdiag", "procfs", "psutil")
"""The values of ``--source``, in the order in which ``auto`` asks them."""


class Notes:
    """What a source could not make sense of while it read one table."""

    def __init__(self) -> None:
        self.bad_rows = 0
        self.first_bad = ""
        self.remarks: list[str] = []

    def bad_row(self, error: Exception) -> None:
        """Count one row that was left out because it could not be understood."""
        self.bad_rows += 1
        if self.bad_rows == 1:
            self.first_bad = str(error)


class Source(Protocol):
    """One way to read this machine's socket tables."""

    name: str

    def read(self, proto: Proto, show: Show, notes: Notes) -> Iterator[list[SocketRecord]]:
        """The table of ``proto`` in batches, at least the rows that ``show`` asks for.

        Raises SourceUnavailable before the first batch, SourceFailed after it.
        """
        ...

    def read_unix(self, notes: Notes) -> list[UnixRecord]:
        """All unix-domain sockets. Raises SourceUnavailable or SourceFailed."""
        ...


def open_sources(
    name: str = "auto", proc_root: str | None = None, owners: bool = False
) -> tuple[Source, ...]:
    """The sources to ask, the first that can answer wins, one protocol at a time.

    ``proc_root`` names a saved /proc tree, which only procfs can read. With ``owners``
    the rows of a source without inodes carry their owners already. ValueError for an
    unknown name and for a ``proc_root`` together with a source that can't use it.
    """
    if name not in SOURCE_NAMES:
        raise ValueError(f"no source {name!r}: choose from {', '.join(SOURCE_NAMES)}")
    if proc_root is not None and name not in ("auto", "procfs"):
        raise ValueError(f"source {name!r} reads the running kernel, not the tree {proc_root!r}")
    if proc_root is not None or name == "procfs":
        return (_procfs(proc_root or "/proc"),)
    if name == "sockdiag":
        return (_sockdiag(),)
    if name == "psutil":
        return (_portable(owners), _procfs("/proc"))
    if not sys.platform.startswith("linux"):
        return (_portable(owners),)
    return (_sockdiag(), _procfs("/proc"), _portable(owners))


# Imported on use: a table read through netlink pays for no other source.


def _sockdiag() -> Source:
    from pynetstat.sources.sockdiag import SockDiag

    return SockDiag()


def _procfs(root: str) -> Source:
    from pynetstat.sources.procfs import ProcFs

    return ProcFs(root)


def _portable(owners: bool) -> Source:
    from pynetstat.sources.portable import Portable

    return Portable(owners)
