"""A recorded snapshot, read as if it were this machine: flags, filter and views apply to it."""

from __future__ import annotations

from collections.abc import Iterator

from pynetstat.owners import Coverage, OwnerTable
from pynetstat.query import Query
from pynetstat.records import Proto, SocketRecord, UnixRecord
from pynetstat.snapshot import GapKind, Reader, Snapshot

_ANEW = (GapKind.OWNERS, GapKind.UNDECIDED)
"""Gaps that depend on what is asked: they are found again."""


class RecordedReader(Reader):
    """Reads from ``snapshot`` what ``query`` asks for.

    Tables that are not in it are not asked for: see :func:`tables_of`.
    """

    def __init__(self, query: Query, snapshot: Snapshot) -> None:
        here = tuple(proto for proto in query.protos if proto in tables_of(snapshot))
        super().__init__(query._replace(protos=here), [])
        self._snapshot = snapshot
        asked = (*here, None)
        self._gaps = [gap for gap in snapshot.gaps if gap.proto in asked and gap.kind not in _ANEW]

    @property
    def taken_at(self) -> float:
        """When it was recorded, in seconds since the epoch."""
        return self._snapshot.taken_at

    def _walk_once(self) -> None:
        if self.query.owners and self._owner_table is None:
            coverage = self._snapshot.coverage or Coverage(0, True)
            self._owner_table = OwnerTable({}, coverage)

    def _may_find_more(self, _rows: object) -> bool:
        return False

    def _inet_tables(self, proto: Proto) -> Iterator[list[SocketRecord]]:
        rows = [record for record in self._snapshot.records if record.proto is proto]
        if not self.query.owners:
            rows = [record._replace(owners=None) for record in rows]
        self._take_source(proto)
        yield self._selected(proto, rows)

    def _unix_tables(self) -> list[UnixRecord]:
        self._take_source(Proto.UNIX)
        if self.query.owners:
            return self._snapshot.unix
        return [record._replace(owners=None) for record in self._snapshot.unix]

    def _take_source(self, proto: Proto) -> None:
        if proto in self._snapshot.sources:
            self.sources_used[proto] = self._snapshot.sources[proto]


def tables_of(snapshot: Snapshot) -> set[Proto]:
    """The tables that the snapshot has, or says of why it does not."""
    return {*snapshot.sources, *(gap.proto for gap in snapshot.gaps if gap.proto is not None)}
