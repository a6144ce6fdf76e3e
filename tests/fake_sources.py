"""A source that says what a test wants it to say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pynetstat.errors import ParseError, SourceUnavailable
from pynetstat.query import Query
from pynetstat.records import Proto, SocketRecord, UnixRecord
from pynetstat.sources import Holders, Notes, with_owners


class Table(NamedTuple):
    """What a source has: batches of rows, an error behind them, and rows it could not read."""

    batches: list[list[SocketRecord]]
    failure: Exception | None = None
    bad_rows: int = 0
    remark: str = ""


class FakeSource:
    """Answers for the tables it was given and refuses every other one."""

    def __init__(
        self,
        name: str,
        tables: Mapping[Proto, Table | Exception] | None = None,
        unix: list[UnixRecord] | Exception | None = None,
    ) -> None:
        self.name = name
        self.asked: list[Proto] = []
        self._tables = tables or {}
        self._unix = unix

    def read(
        self, proto: Proto, query: Query, notes: Notes, holders: Holders | None = None
    ) -> Iterator[list[SocketRecord]]:
        """The table's batches with their owners, then its failure."""
        del query  # a source may give more than is asked
        self.asked.append(proto)
        table = self._tables.get(proto, SourceUnavailable(f"{self.name}: refused"))
        if isinstance(table, Exception):
            raise table
        for batch in table.batches:
            yield with_owners(batch, holders)
        for number in range(table.bad_rows):
            notes.bad_row(ParseError("not a row", f"line {number}"))
        if table.remark:
            notes.remarks.append(table.remark)
        if table.failure is not None:
            raise table.failure

    def read_unix(self, notes: Notes, holders: Holders | None = None) -> list[UnixRecord]:
        """The unix rows with their owners."""
        del notes  # it understands all of them
        self.asked.append(Proto.UNIX)
        if self._unix is None:
            raise SourceUnavailable(f"{self.name}: refused")
        if isinstance(self._unix, Exception):
            raise self._unix
        return with_owners(self._unix, holders)
