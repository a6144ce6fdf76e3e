"""One look at the socket tables: which source answered, the rows, and what is incomplete.

A :class:`Reader` streams table by table for a view that prints as it reads;
:func:`collect` gathers the same into a :class:`Snapshot`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import NamedTuple, TypeVar

from pynetstat.errors import ProtocolAbsent, SourceUnavailable
from pynetstat.owners import Coverage, Missing, OwnerTable, walk_processes, why_no_owner
from pynetstat.query import TCP_AND_UDP, Query, Show, in_netstat_order, select, select_unix
from pynetstat.records import Proto, SocketRecord, UnixRecord
from pynetstat.sources import Notes, Source, open_sources
from pynetstat.sources.unixjoin import join_unix

_Row = TypeVar("_Row", SocketRecord, UnixRecord)


class GapKind(Enum):
    """How a snapshot falls short of the whole truth."""

    UNREAD = "could not be read"
    ABSENT = "not in this kernel"
    FALLBACK = "read from another source than the one asked for"
    BAD_ROWS = "rows left out"
    DOUBTFUL = "not to be trusted"
    OWNERS = "owners incomplete"


class Gap(NamedTuple):
    """One thing that is missing from a snapshot, the table it concerns, and why."""

    kind: GapKind
    proto: Proto | None
    reason: str

    def __str__(self) -> str:
        return f"{self.proto}: {self.reason}" if self.proto else self.reason


class Snapshot(NamedTuple):
    """The socket tables as they were read at one moment.

    ``records`` and ``unix`` are in netstat's order. ``sources`` names the source of each
    table that was read. ``gaps`` says what is missing; empty when nothing is.
    ``coverage`` says how much of the process table the owners come from, None when they
    were not asked for. ``taken_at``
    is in seconds since the epoch.
    """

    records: list[SocketRecord]
    unix: list[UnixRecord]
    sources: dict[Proto, str]
    gaps: tuple[Gap, ...]
    coverage: Coverage | None
    taken_at: float

    @property
    def source(self) -> str:
        """The sources in one line: ``sockdiag``, or ``sockdiag; raw, raw6 from procfs``."""
        return name_sources(self.sources)

    @property
    def complete(self) -> bool:
        """Whether every table asked for was read to its last row."""
        harmless = (GapKind.OWNERS, GapKind.FALLBACK, GapKind.ABSENT)
        return all(gap.kind in harmless for gap in self.gaps)

    def why_no_owner(self, record: SocketRecord | UnixRecord) -> Missing | None:
        """Why ``record`` has no owner; None when it has one or owners were not asked for."""
        if record.owners or self.coverage is None:
            return None
        return why_no_owner(record, self.coverage, os.geteuid())


def name_sources(sources: dict[Proto, str]) -> str:
    """Which source gave which table, in one line; empty when nothing was read."""
    tables: dict[str, list[str]] = {}
    for proto, name in sources.items():
        tables.setdefault(name, []).append(str(proto))
    parts = [
        f"{', '.join(protos)} from {name}" if number else name
        for number, (name, protos) in enumerate(tables.items())
    ]
    return "; ".join(parts)


class Reader:
    """Reads what a query asks for, each table from the first source that can answer.

    ``sources_used`` and ``gaps`` fill while the tables are read.
    """

    def __init__(self, query: Query, sources: tuple[Source, ...], proc_root: str = "/proc") -> None:
        self.query = query
        self.sources_used: dict[Proto, str] = {}
        self.gaps: list[Gap] = []
        self._sources = sources
        self._proc_root = proc_root

    def inet(self) -> Iterator[list[SocketRecord]]:
        """The rows of the internet tables in netstat's order, in batches, without owners."""
        for proto in self.query.protos:
            if proto is not Proto.UNIX:
                yield from self._inet_table(proto)

    def unix(self) -> list[UnixRecord]:
        """The unix rows, without owners; empty when they were not asked for."""
        if Proto.UNIX not in self.query.protos:
            return []
        refusals: list[str] = []
        for number, source in enumerate(self._sources):
            notes = Notes()
            try:
                records = source.read_unix(notes)
            except SourceUnavailable as refusal:
                refusals.append(str(refusal))
                continue
            self._read_from(source, Proto.UNIX, refusals)
            self._take_notes(Proto.UNIX, notes)
            records = self._with_counts(records, self._sources[number + 1 :])
            return select_unix(records, self.query.show)
        self._unread(Proto.UNIX, refusals)
        return []

    def snapshot(self) -> Snapshot:
        """Everything at once, with owners when the query wants them.

        Processes are walked before the tables are read, so that a socket which closes
        meanwhile still has its owner, and a second time when a row has none, for the
        sockets that were opened meanwhile.
        """
        owner_table = walk_processes(self._proc_root) if self.query.owners else None
        taken_at = time.time()
        records = [record for batch in self.inet() for record in batch]
        unix = self.unix()
        if owner_table is not None:
            if _may_find_more(records, owner_table) or _may_find_more(unix, owner_table):
                owner_table = owner_table.together(walk_processes(self._proc_root))
            records = _with_owners(records, owner_table)
            unix = _unix_with_owners(unix, owner_table)
            if _any_unowned(records) or _any_unowned(unix):
                self._doubt_owners(owner_table.coverage)
        coverage = owner_table.coverage if owner_table is not None else None
        return Snapshot(records, unix, self.sources_used, tuple(self.gaps), coverage, taken_at)

    def _inet_table(self, proto: Proto) -> Iterator[list[SocketRecord]]:
        refusals: list[str] = []
        for source in self._sources:
            notes = Notes()
            try:
                batches = source.read(proto, self.query.show, notes)
                first = next(batches, [])
            except ProtocolAbsent as absence:
                self.gaps.append(Gap(GapKind.ABSENT, proto, str(absence)))
                return
            except SourceUnavailable as refusal:
                refusals.append(str(refusal))
                continue
            self._read_from(source, proto, refusals)
            yield select(first, self.query.show)
            for batch in batches:
                yield select(batch, self.query.show)
            self._take_notes(proto, notes)
            return
        self._unread(proto, refusals)

    def _with_counts(
        self, records: list[UnixRecord], others: tuple[Source, ...]
    ) -> list[UnixRecord]:
        """With the reference counts, which netstat shows and only /proc knows."""
        for other in others:
            if other.name == "procfs":
                try:
                    return join_unix(records, other.read_unix(Notes()))
                except SourceUnavailable:
                    break
        return records

    def _read_from(self, source: Source, proto: Proto, refusals: list[str]) -> None:
        self.sources_used[proto] = source.name
        if refusals:
            reason = f"{'; '.join(refusals)}; read from {source.name} instead"
            self.gaps.append(Gap(GapKind.FALLBACK, proto, reason))

    def _unread(self, proto: Proto, refusals: list[str]) -> None:
        self.gaps.append(Gap(GapKind.UNREAD, proto, "; ".join(refusals)))

    def _take_notes(self, proto: Proto, notes: Notes) -> None:
        if notes.bad_rows:
            count = "1 row" if notes.bad_rows == 1 else f"{notes.bad_rows} rows"
            reason = f"{count} left out, the first: {notes.first_bad}"
            self.gaps.append(Gap(GapKind.BAD_ROWS, proto, reason))
        for remark in notes.remarks:
            self.gaps.append(Gap(GapKind.DOUBTFUL, proto, remark))

    def _doubt_owners(self, coverage: Coverage) -> None:
        if coverage.denied:
            count = "1 process" if coverage.denied == 1 else f"{coverage.denied} processes"
            reason = f"{count} could not be looked into"
        elif coverage.hidden:
            reason = f"{self._proc_root} does not show every process"
        else:
            return
        hint = "" if os.geteuid() == 0 else "; run as root to see all owners"
        self.gaps.append(Gap(GapKind.OWNERS, None, f"owners are incomplete: {reason}{hint}"))


def _may_find_more(rows: Iterable[_Row], table: OwnerTable) -> bool:
    """Whether some row lacks an owner that this user could see."""
    known, euid = table.by_inode, os.geteuid()
    return any(row.inode and row.inode not in known and euid in (0, row.uid) for row in rows)


def _any_unowned(rows: Iterable[_Row]) -> bool:
    return any(row.inode and not row.owners for row in rows)


def _with_owners(records: list[SocketRecord], table: OwnerTable) -> list[SocketRecord]:
    known = table.by_inode
    new = tuple.__new__  # _replace would cost several times as much, a hundred thousand times
    return [
        record
        if record.owners is not None
        else new(SocketRecord, (*record[:-1], known.get(record.inode or 0, ())))
        for record in records
    ]


def _unix_with_owners(records: list[UnixRecord], table: OwnerTable) -> list[UnixRecord]:
    known = table.by_inode
    return [
        record
        if record.owners is not None
        else record._replace(owners=known.get(record.inode or 0, ()))
        for record in records
    ]


def collect(
    protos: Iterable[Proto | str] = TCP_AND_UDP,
    *,
    show: Show = Show.ALL,
    owners: bool = False,
    source: str = "auto",
    proc_root: str | None = None,
) -> Snapshot:
    """This machine's sockets, now.

    ``protos`` names tables as netstat does (``tcp``, ``tcp6``, ``udp``, ..., ``unix``),
    ``show`` chooses rows, ``owners`` adds the processes. ``source`` is ``auto``,
    ``sockdiag``, ``procfs`` or ``psutil``; ``proc_root`` reads a saved /proc tree instead
    of the running kernel.

    Raises SourceUnavailable when a table that was asked for can't be read by any source,
    SourceFailed when one broke off, ValueError for an unknown name. A protocol that this
    kernel doesn't have, rows that were left out and owners that can't be seen raise
    nothing: they are in ``Snapshot.gaps``.
    """
    query = Query(in_netstat_order(protos), show, owners)
    reader = Reader(query, open_sources(source, proc_root, owners), proc_root or "/proc")
    snapshot = reader.snapshot()
    for gap in snapshot.gaps:
        if gap.kind is GapKind.UNREAD:
            raise SourceUnavailable(str(gap))
    return snapshot
