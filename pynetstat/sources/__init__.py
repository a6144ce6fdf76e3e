"""Where rows come from: one protocol for all sources, and the order in which to ask them.

A source reads one table at a time. It either answers the whole of it, or raises
:class:`~pynetstat.errors.SourceUnavailable` before its first row so that another source
can be asked; it never presents a failure as an empty table.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from pynetstat.query import Query
    from pynetstat.records import Owner, Proto, SocketRecord, UnixRecord
    from pynetstat.sources.netlink import NetlinkSocket

_Row = TypeVar("_Row", "SocketRecord", "UnixRecord")

SOURCE_NAMES = ("auto", "sockdiag", "procfs", "psutil")
"""The values of ``--source``, in the order in which ``auto`` asks them."""

EVENT_SOURCE_NAMES = ("auto", "tracefs", "destroy")
"""The values of ``--source`` for events: of transitions, not of tables."""

Holders: TypeAlias = "Mapping[int, tuple[Owner, ...]]"
"""Who holds a socket, by its inode."""


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

    def read(
        self, proto: Proto, query: Query, notes: Notes, holders: Holders | None = None
    ) -> Iterator[list[SocketRecord]]:
        """The table of ``proto`` in batches, at least the rows that ``query`` asks for.

        With ``holders`` rows come with their owners, looked up there by inode unless the
        source knows them itself. Raises SourceUnavailable before the first batch,
        SourceFailed after it.
        """
        ...

    def read_unix(self, notes: Notes, holders: Holders | None = None) -> list[UnixRecord]:
        """All unix-domain sockets, with owners as :meth:`read`.

        Raises SourceUnavailable or SourceFailed.
        """
        ...


def with_owners(rows: list[_Row], holders: Holders | None) -> list[_Row]:
    """The rows, those without an owner with the one that ``holders`` has for their inode.

    As they are without ``holders``, and where the source tells no inode.
    """
    if holders is None:
        return rows
    return [
        row if row.owners or row.inode is None else row._replace(owners=holders.get(row.inode, ()))
        for row in rows
    ]


class Sources:
    """Sources in the order in which to ask them, each opened when it is first asked.

    A table read through netlink pays for the import of no other source.
    """

    def __init__(self, *openers: Callable[[], Source]) -> None:
        self._openers = openers
        self._opened: list[Source] = []

    def __iter__(self) -> Iterator[Source]:
        for at, opener in enumerate(self._openers):
            if at == len(self._opened):
                self._opened.append(opener())
            yield self._opened[at]


class Place(NamedTuple):
    """A network namespace to read.

    ``label`` goes into its rows; None for this program's own when no other is read.
    ``interfaces`` has the names of its interfaces by index, ``opener`` opens a netlink
    socket inside; None where that can't be done.
    """

    label: str | None
    sources: Iterable[Source]
    interfaces: Mapping[int, str] = {}
    opener: Callable[[], NetlinkSocket] | None = None


class Reading(NamedTuple):
    """How sources read: large netlink tables twice (``thorough``), with TCP's own figures."""

    thorough: bool = False
    info: bool = False


ONCE = Reading()


class Where(NamedTuple):
    """What to read: a source, of this machine or of a saved /proc tree, in this program's
    network namespace, in the one that ``netns`` names, or in all."""

    source: str = "auto"
    proc_root: str | None = None
    netns: str | int | None = None
    all_netns: bool = False


HERE = Where()


def open_sources(
    name: str = "auto", proc_root: str | None = None, thorough: bool = False, info: bool = False
) -> Sources:
    """The sources to ask; the first that can answer wins, one protocol at a time.

    ``proc_root`` names a saved /proc tree, which only procfs can read. ``thorough``
    reads large netlink tables twice, for tables that change fast; ``info`` adds TCP's own
    figures where the source can. ValueError for an unknown name and for a ``proc_root``
    together with a source that can't use it.
    """
    if name not in SOURCE_NAMES:
        raise ValueError(f"no source {name!r}: choose from {', '.join(SOURCE_NAMES)}")
    if proc_root is not None and name not in ("auto", "procfs"):
        raise ValueError(f"source {name!r} reads the running kernel, not the tree {proc_root!r}")
    sockdiag = partial(_sockdiag, Reading(thorough, info))
    procfs = partial(_procfs, proc_root or "/proc")
    if proc_root is not None or name == "procfs":
        return Sources(procfs)
    if name == "sockdiag":
        return Sources(sockdiag)
    if name == "psutil":
        return Sources(_portable, procfs)
    if not sys.platform.startswith("linux"):
        return Sources(_portable)
    return Sources(sockdiag, procfs, _portable)


def sources_inside(
    name: str, proc_root: str, opener: Callable[[], NetlinkSocket] | None, reading: Reading
) -> Sources:
    """The sources for another network namespace, of which psutil is none.

    ``proc_root`` has its ``net``; without an ``opener`` of netlink sockets inside only that
    is read. ValueError for a source that can't read it.
    """
    if name not in ("auto", "sockdiag", "procfs"):
        raise ValueError(f"source {name!r} can't read another network namespace")
    procfs = partial(_procfs, proc_root)
    if opener is None or name == "procfs":
        return Sources(procfs)
    sockdiag = partial(_sockdiag, reading, opener)
    return Sources(sockdiag) if name == "sockdiag" else Sources(sockdiag, procfs)


def _sockdiag(reading: Reading, opener: Callable[[], NetlinkSocket] | None = None) -> Source:
    from pynetstat.sources.netlink import open_socket
    from pynetstat.sources.sockdiag import SockDiag

    return SockDiag(opener or open_socket, reading.thorough, reading.info)


def _procfs(root: str) -> Source:
    from pynetstat.sources.procfs import ProcFs

    return ProcFs(root)


def _portable() -> Source:
    from pynetstat.sources.portable import Portable

    return Portable()
