"""One look at the socket tables: which source answered, the rows, and what is incomplete.

A :class:`Reader` streams table by table for a view that prints as it reads;
:func:`collect` gathers the same into a :class:`Snapshot`.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from pynetstat.diff import Diff, compare
from pynetstat.errors import ProtocolAbsent, SourceUnavailable
from pynetstat.owners import Coverage, Missing, OwnerTable, walk_processes, why_no_owner
from pynetstat.query import TCP_AND_UDP, Query, Show, in_netstat_order, select, select_unix
from pynetstat.records import Proto, SocketRecord, UnixRecord
from pynetstat.sources import (
    HERE,
    ONCE,
    Holders,
    Notes,
    Place,
    Reading,
    Source,
    Where,
    open_sources,
    with_owners,
)

if TYPE_CHECKING:
    from pynetstat.filters import Filter
    from pynetstat.places import Places
    from pynetstat.sieve import Sieve
    from pynetstat.sources.netlink import NetlinkSocket

_Row = TypeVar("_Row", SocketRecord, UnixRecord)


class GapKind(Enum):
    """How a snapshot falls short of the whole truth."""

    UNREAD = "could not be read"
    ABSENT = "not in this kernel"
    FALLBACK = "read from another source than the one asked for"
    BAD_ROWS = "rows left out"
    DOUBTFUL = "not to be trusted"
    UNDECIDED = "may match the filter or not"
    OWNERS = "owners incomplete"
    NAMESPACES = "network namespaces left out"
    NOT_ENTERED = "network namespaces read from outside"
    FIGURES = "without TCP's own figures"


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
    is in seconds since the epoch. ``interfaces`` has the names of the interfaces by index,
    for each label in the rows' ``netns``.
    """

    records: list[SocketRecord]
    unix: list[UnixRecord]
    sources: dict[Proto, str]
    gaps: tuple[Gap, ...]
    coverage: Coverage | None
    taken_at: float
    interfaces: Mapping[str, Mapping[int, str]] = {}

    @property
    def source(self) -> str:
        """The sources in one line: ``sockdiag``, or ``sockdiag; raw, raw6 from procfs``."""
        return name_sources(self.sources)

    @property
    def complete(self) -> bool:
        """Whether every table asked for was read to its last row."""
        return all(gap.kind in _HARMLESS for gap in self.gaps)

    def diff(self, later: Snapshot) -> Diff:
        """What was opened, closed or changed its state between this snapshot and ``later``.

        Tables that only one of the two has read are named and not compared.
        """
        both = self.sources.keys() & later.sources.keys()
        before, after = self._rows_of(both), later._rows_of(both)
        only_one = in_netstat_order(self.sources.keys() ^ later.sources.keys())
        return compare(before, after)._replace(incomparable=only_one)

    def _rows_of(self, protos: Collection[Proto]) -> list[SocketRecord | UnixRecord]:
        rows: list[SocketRecord | UnixRecord] = [*self.records]
        rows += self.unix
        return [row for row in rows if row.proto in protos]

    def why_no_owner(self, record: SocketRecord | UnixRecord) -> Missing | None:
        """Why ``record`` has no owner; None when it has one or owners were not asked for."""
        if record.owners or self.coverage is None:
            return None
        return why_no_owner(record, self.coverage, os.geteuid())


_HARMLESS = {
    GapKind.OWNERS, GapKind.FALLBACK, GapKind.ABSENT, GapKind.NOT_ENTERED, GapKind.FIGURES,
}  # fmt: skip
"""Gaps that leave no row out."""


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

    ``sources`` are asked in their order, anew for each table. ``sources_used`` and
    ``gaps`` fill while the tables are read. Owners are also looked for when the query's
    filter asks for them; a table that the filter can't match is not read. With
    ``owner_table``, of a walk made before, no other walk is made. A reader reads once: after
    :meth:`snapshot` the other methods give the same rows again.

    With ``places`` it reads those network namespaces instead, each table of all of them
    before the next. What is to be closed with it, :meth:`close` closes. ``info`` says that
    the sources are to tell TCP's own figures: a gap names those that can't.
    """

    def __init__(
        self,
        query: Query,
        sources: Iterable[Source] = (),
        proc_root: str = "/proc",
        places: Places | None = None,
        *,
        owner_table: OwnerTable | None = None,
        info: bool = False,
    ) -> None:
        self._sieve: Sieve | None = None
        if query.filter is not None:
            from pynetstat.filters import needs_owners
            from pynetstat.sieve import Sieve

            self._sieve = Sieve(query.filter)
            query = query._replace(owners=query.owners or needs_owners(query.filter))
        self.query = query
        self.sources_used: dict[Proto, str] = {}
        self._gaps: list[Gap] = []
        self._places = [Place(None, sources)] if places is None else list(places)
        if places is not None:
            self._gaps += _namespace_gaps(places)
        self._stack = ExitStack()
        self._proc_root = proc_root
        self._info = info
        self._owner_table = owner_table
        self._walks = owner_table is None
        self._unowned = False
        self._kept: Snapshot | None = None

    def inet(self) -> Iterator[list[SocketRecord]]:
        """The rows of the internet tables in netstat's order, in batches.

        When owners are wanted, processes are walked before the tables are read, so that
        a socket which closes meanwhile still has its owner. From the first row on that
        lacks one all rows are held back until processes have been walked once more, for
        the sockets that were opened meanwhile.
        """
        if self._kept is not None:
            yield self._kept.records
            return
        self._walk_once()
        held: list[SocketRecord] = []
        for proto in self.query.protos:
            if proto is not Proto.UNIX and self._may_match(proto):
                for batch in self._inet_tables(proto):
                    if held or self._may_find_more(batch):
                        held += batch
                    else:
                        yield self._finished(batch)
        if held:
            yield self._look_again(held)

    def unix(self) -> list[UnixRecord]:
        """The unix rows, their owners looked for as in :meth:`inet`; empty if not wanted."""
        if self._kept is not None:
            return self._kept.unix
        if Proto.UNIX not in self.query.protos or not self._may_match(Proto.UNIX):
            return []
        self._walk_once()
        records = select_unix(self._unix_tables(), self.query.show)
        if self._sieve is not None:
            records = self._sieve.may_match(Proto.UNIX, records)
        if self._may_find_more(records):
            return self._look_again(records)
        return self._finished(records)

    def close_with(self, stack: ExitStack) -> None:
        """Let :meth:`close` close ``stack``, too."""
        self._stack.push(stack)

    def close(self) -> None:
        """Leave the network namespaces that it read. More than once does no harm."""
        self._stack.close()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def interfaces(self) -> dict[str, Mapping[int, str]]:
        """The names of interfaces by index, for each ``netns`` of rows."""
        return {place.label: place.interfaces for place in self._places if place.label}

    @property
    def openers(self) -> dict[str | None, Callable[[], NetlinkSocket]]:
        """What opens a netlink socket, by the ``netns`` of the rows from there."""
        from pynetstat.sources.netlink import open_socket

        return {
            place.label: place.opener or open_socket
            for place in self._places
            if place.label is None or place.opener is not None
        }

    @property
    def gaps(self) -> list[Gap]:
        """What is missing from the rows read so far."""
        gaps = [*self._gaps, *self._undecided(), *self._without_figures()]
        if self._unowned and self._owner_table is not None:
            gaps += _owner_gap(self._owner_table.coverage, self._proc_root)
        return gaps

    @property
    def coverage(self) -> Coverage | None:
        """How much of the process table was seen so far; None when owners are not wanted."""
        return self._owner_table.coverage if self._owner_table is not None else None

    @property
    def taken_at(self) -> float:
        """The moment that rows read now are of, in seconds since the epoch."""
        return time.time()

    def snapshot(self) -> Snapshot:
        """Everything at once."""
        if self._kept is None:
            taken_at = self.taken_at
            records = [record for batch in self.inet() for record in batch]
            unix = self.unix()
            self._kept = Snapshot(
                records,
                unix,
                self.sources_used,
                tuple(self.gaps),
                self.coverage,
                taken_at,
                self.interfaces,
            )
        return self._kept

    def _inet_tables(self, proto: Proto) -> Iterator[list[SocketRecord]]:
        """The table of every place, and notes of those that have none to read."""
        unread = []
        for place in self._places:
            refusal = yield from self._inet_table(proto, place)
            if refusal is not None:
                unread.append(self._said_of(place, refusal))
        self._note_unread(proto, unread)

    def _inet_table(
        self, proto: Proto, place: Place
    ) -> Generator[list[SocketRecord], None, str | None]:
        """The rows of one place; returns why no source could read them, None if one could."""
        refusals: list[str] = []
        query = self.query
        if self._sieve is not None:
            query = query._replace(filter=self._sieve.question(proto))
        for source in place.sources:
            notes = Notes()
            try:
                batches = source.read(proto, query, notes, self._holders)
                first = next(batches, [])
            except ProtocolAbsent as absence:
                self._note_absent(proto, absence)
                return None
            except SourceUnavailable as refusal:
                refusals.append(str(refusal))
                continue
            self._read_from(source, proto, place, refusals)
            yield _labelled(self._selected(proto, first), place)
            for batch in batches:
                yield _labelled(self._selected(proto, batch), place)
            self._take_notes(proto, place, notes)
            return None
        return "; ".join(refusals)

    def _may_match(self, proto: Proto) -> bool:
        return self._sieve is None or self._sieve.question(proto) is not None

    def _selected(self, proto: Proto, batch: list[SocketRecord]) -> list[SocketRecord]:
        """The rows that are asked for, as far as that can be said without their owners."""
        rows = select(batch, self.query.show)
        return rows if self._sieve is None else self._sieve.may_match(proto, rows)

    def _undecided(self) -> Iterator[Gap]:
        """What the filter asked and nobody could tell."""
        if self._sieve is None:
            return
        for proto, source in self.sources_used.items():
            if source != "sockdiag" and self._sieve.asks_for_bound_inactive(proto):
                reason = (
                    f"{source} can't tell sockets that are bound and neither listen nor connect"
                )
                yield Gap(GapKind.UNDECIDED, proto, reason)
        for proto, (rows, unknown) in self._sieve.undecided.items():
            why = f"{self.sources_used[proto]} can't tell {', '.join(unknown)}"
            if "the process" in unknown:
                why = "the process that holds it can't be seen"
            count = "1 row" if rows == 1 else f"{rows} rows"
            yield Gap(GapKind.UNDECIDED, proto, f"{count} left out: {why}")

    def _without_figures(self) -> Iterator[Gap]:
        """TCP tables whose figures were asked for and not told."""
        if not self._info:
            return
        for proto, names in self.sources_used.items():
            silent = [name for name in names.split(" and ") if name != "sockdiag"]
            if proto.base == "tcp" and silent:
                reason = f"{silent[0]} can't tell TCP's own figures, only sock_diag can"
                yield Gap(GapKind.FIGURES, proto, reason)

    def _unix_tables(self) -> list[UnixRecord]:
        """The unix rows of every place, and notes of those that have none to read."""
        rows: list[UnixRecord] = []
        unread = []
        for place in self._places:
            try:
                rows += _labelled(self._unix_table(place), place)
            except SourceUnavailable as refusal:
                unread.append(self._said_of(place, str(refusal)))
        self._note_unread(Proto.UNIX, unread)
        return rows

    def _unix_table(self, place: Place) -> list[UnixRecord]:
        """The unix rows of one place. SourceUnavailable when no source can read them."""
        refusals: list[str] = []
        for source in place.sources:
            notes = Notes()
            try:
                records = source.read_unix(notes, self._holders)
            except SourceUnavailable as refusal:
                refusals.append(str(refusal))
                continue
            self._read_from(source, Proto.UNIX, place, refusals)
            self._take_notes(Proto.UNIX, place, notes)
            return self._with_counts(records, place) if source.name == "sockdiag" else records
        raise SourceUnavailable("; ".join(refusals))

    def _with_counts(self, records: list[UnixRecord], place: Place) -> list[UnixRecord]:
        """With the reference counts, which netstat shows and only /proc knows."""
        from pynetstat.sources.unixjoin import join_unix

        for other in place.sources:
            if other.name == "procfs":
                try:
                    return join_unix(records, other.read_unix(Notes(), self._holders))
                except SourceUnavailable:
                    break
        return records

    def _said_of(self, place: Place, text: str) -> str:
        """``text`` with the place it is about, where there are several."""
        return f"{place.label}: {text}" if len(self._places) > 1 else text

    def _read_from(self, source: Source, proto: Proto, place: Place, refusals: list[str]) -> None:
        before = self.sources_used.get(proto, source.name)
        if source.name not in before.split(" and "):
            before += f" and {source.name}"
        self.sources_used[proto] = before
        if refusals:
            reason = f"{'; '.join(refusals)}; read from {source.name} instead"
            self._gaps.append(Gap(GapKind.FALLBACK, proto, self._said_of(place, reason)))

    def _note_unread(self, proto: Proto, unread: list[str]) -> None:
        """A table that was read in some places is left out in the others, else unread."""
        kind = GapKind.NAMESPACES if proto in self.sources_used else GapKind.UNREAD
        self._gaps += [Gap(kind, proto, reason) for reason in unread]

    def _note_absent(self, proto: Proto, absence: ProtocolAbsent) -> None:
        """Said once: what the kernel lacks, it lacks in every place."""
        if all((gap.kind, gap.proto) != (GapKind.ABSENT, proto) for gap in self._gaps):
            self._gaps.append(Gap(GapKind.ABSENT, proto, str(absence)))

    def _take_notes(self, proto: Proto, place: Place, notes: Notes) -> None:
        if notes.bad_rows:
            count = "1 row" if notes.bad_rows == 1 else f"{notes.bad_rows} rows"
            reason = f"{count} left out, the first: {notes.first_bad}"
            self._gaps.append(Gap(GapKind.BAD_ROWS, proto, self._said_of(place, reason)))
        for remark in notes.remarks:
            self._gaps.append(Gap(GapKind.DOUBTFUL, proto, self._said_of(place, remark)))

    @property
    def _holders(self) -> Holders | None:
        return self._owner_table.by_inode if self._owner_table is not None else None

    def _walk_once(self) -> None:
        if self.query.owners and self._owner_table is None:
            self._owner_table = walk_processes(self._proc_root)

    def _may_find_more(self, rows: Iterable[_Row]) -> bool:
        """Whether some row lacks an owner that this user could see."""
        if self._owner_table is None or not self._walks:
            return False
        euid = os.geteuid()
        return any(not row.owners and row.inode and euid in (0, row.uid) for row in rows)

    def _look_again(self, rows: list[_Row]) -> list[_Row]:
        """The rows after a second walk, which begins when they have all been read."""
        assert self._owner_table is not None
        self._owner_table = self._owner_table.together(walk_processes(self._proc_root))
        return self._finished(with_owners(rows, self._holders))

    def _finished(self, rows: list[_Row]) -> list[_Row]:
        """The rows that are asked for, their owners known; notes whether some have none."""
        if self._owner_table is not None and not self._unowned:
            self._unowned = any(not row.owners and row.inode for row in rows)
        if self._sieve is None or self._owner_table is None:
            return rows
        return self._sieve.match(rows, self._owner_table.coverage)


def _labelled(rows: list[_Row], place: Place) -> list[_Row]:
    return rows if place.label is None else [row._replace(netns=place.label) for row in rows]


def _namespace_gaps(places: Places) -> list[Gap]:
    """What is missing or less exact because of namespaces."""
    gaps = [Gap(GapKind.NAMESPACES, None, line) for line in places.left_out]
    if places.not_entered is not None:
        gaps.append(Gap(GapKind.NOT_ENTERED, None, places.not_entered))
    return gaps


def _owner_gap(coverage: Coverage, proc_root: str) -> list[Gap]:
    """Why a held socket may have an owner that was not seen, if it may."""
    if coverage.denied:
        count = "1 process" if coverage.denied == 1 else f"{coverage.denied} processes"
        reason = f"{count} could not be looked into"
    elif coverage.hidden:
        reason = f"{proc_root} does not show every process"
    else:
        return []
    hint = "" if os.geteuid() == 0 else "; run as root to see all owners"
    return [Gap(GapKind.OWNERS, None, f"owners are incomplete: {reason}{hint}")]


def open_reader(query: Query, where: Where = HERE, reading: Reading = ONCE) -> Reader:
    """A reader of what :func:`collect` reads, to be closed when it has read.

    ValueError for names that are not known or don't go together, NamespaceUnavailable when
    the namespace that ``netns`` names can't be read.
    """
    source, proc_root, netns, all_netns = where
    if netns is None and not all_netns:
        sources = open_sources(source, proc_root, *reading)
        return Reader(query, sources, proc_root or "/proc", info=reading.info)
    if proc_root is not None:
        raise ValueError(f"the tree {proc_root!r} is of one network namespace")
    from pynetstat.places import open_places

    with ExitStack() as stack:
        places = stack.enter_context(open_places(netns, all_netns, source, reading))
        reader = Reader(query, places=places, info=reading.info)
        reader.close_with(stack.pop_all())
    return reader


def collect(
    protos: Iterable[Proto | str] = TCP_AND_UDP,
    *,
    show: Show = Show.ALL,
    owners: bool = False,
    filter: str | Filter | None = None,  # noqa: A002
    info: bool = False,
    source: str = "auto",
    proc_root: str | None = None,
    netns: str | int | None = None,
    all_netns: bool = False,
) -> Snapshot:
    """This machine's sockets, now.

    ``protos`` names tables as netstat does (``tcp``, ``tcp6``, ``udp``, ..., ``unix``),
    ``show`` chooses rows, ``owners`` adds the processes, ``info`` what TCP keeps for a
    connection. ``filter`` is an expression in ss's language (``"state established dport =
    :443"``, see docs/filters.md) or made of the conditions in :mod:`pynetstat.filters`;
    rows for which the source can't tell are left out and counted in ``Snapshot.gaps``.
    ``source`` is ``auto``, ``sockdiag``, ``procfs`` or ``psutil``; ``proc_root`` reads a
    saved /proc tree instead of the running kernel. ``netns`` reads another network
    namespace: that of a process, of a name, or of the path of an nsfs file (see
    docs/namespaces.md); ``all_netns`` all that can be found. Rows then say in ``netns``
    where they are from.

    Unlike the plain text of the command, which streams, large tables are read twice and
    merged, so that a socket is not missed because others come and go.

    Raises FilterError for a filter that can't be understood, SourceUnavailable when a
    table that was asked for can't be read by any source, SourceFailed when one broke off,
    ValueError for an unknown name. A protocol that this kernel doesn't have, rows that
    were left out and owners that can't be seen raise nothing: they are in
    ``Snapshot.gaps``. NamespaceUnavailable, a SourceUnavailable, when the namespace that
    ``netns`` names can't be read; with ``all_netns`` that is a gap, too.
    """
    if isinstance(filter, str):
        from pynetstat.filter_grammar import parse_filter

        elsewhere = netns is not None or all_netns
        filter = parse_filter(filter, interface_names=not elsewhere)  # noqa: A001
    query = Query(in_netstat_order(protos), show, owners, filter)
    where = Where(source, proc_root, netns, all_netns)
    opened = open_reader(query, where, Reading(thorough=True, info=info))
    with opened as reader, _collector_paused():
        snapshot = reader.snapshot()
    for gap in snapshot.gaps:
        if gap.kind is GapKind.UNREAD:
            raise SourceUnavailable(str(gap))
    return snapshot


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Without the cycle collector, which would walk rows without cycles again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
