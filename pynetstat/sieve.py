"""Applies a filter to the rows of a snapshot, and counts those it can't be decided for."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

from pynetstat.filters import (
    BOUND_INACTIVE,
    NEVER,
    Filter,
    Test,
    compile_filter,
    for_table,
    needs_owners,
    states_of,
    untold,
)
from pynetstat.owners import Coverage
from pynetstat.records import Proto, SocketRecord, TcpState, UnixRecord

_Row = TypeVar("_Row", SocketRecord, UnixRecord)


class Undecided(NamedTuple):
    """How many rows of a table were left out, and what the filter asked that no one can tell."""

    rows: int
    unknown: tuple[str, ...]


class Sieve:
    """Lets the rows pass that a filter holds for.

    A filter that asks for processes is applied twice: what can match by all else is kept
    until the owners are known.
    """

    def __init__(self, filter: Filter) -> None:  # noqa: A002
        self.undecided: dict[Proto, Undecided] = {}
        self._filter = filter
        self._needs_owners = needs_owners(filter)
        self._tests: dict[tuple[Proto, bool], Test] = {}

    def question(self, proto: Proto) -> Filter | None:
        """The filter as it is for this table; None when none of its rows can match."""
        question = for_table(self._filter, proto)
        return None if question == NEVER else question

    def asks_for_bound_inactive(self, proto: Proto) -> bool:
        """Whether rows match that only sock_diag can show."""
        return proto.base == "tcp" and BOUND_INACTIVE in states_of(for_table(self._filter, proto))

    def may_match(self, proto: Proto, rows: list[_Row]) -> list[_Row]:
        """The rows of one table that match, or may do so depending on their owners."""
        test = self._test(proto, owners=False)
        if self._needs_owners:
            return [row for row in rows if test(row) is not False]
        return self._passing(rows, [test(row) for row in rows])

    def match(self, rows: list[_Row], coverage: Coverage | None) -> list[_Row]:
        """Of rows that passed :meth:`may_match`, those that match, now their owners are known."""
        if not self._needs_owners:
            return rows
        return self._passing(rows, [self.holds(row, coverage) for row in rows])

    def holds(self, row: SocketRecord | UnixRecord, coverage: Coverage | None) -> bool | None:
        """Whether the filter holds for one row, its owners known as far as they can be.

        None when nobody can tell.
        """
        seen = coverage is not None and coverage.complete
        return self._test(row.proto, owners=seen or _holders_known(row))(row)

    def _test(self, proto: Proto, owners: bool) -> Test:
        test = self._tests.get((proto, owners))
        if test is None:
            test = self._tests[proto, owners] = compile_filter(self._filter, proto, owners=owners)
        return test

    def _passing(self, rows: list[_Row], answers: list[bool | None]) -> list[_Row]:
        if None in answers:
            for row, answer in zip(rows, answers, strict=True):
                if answer is None:
                    self._count(row)
        return [row for row, answer in zip(rows, answers, strict=True) if answer]

    def _count(self, row: SocketRecord | UnixRecord) -> None:
        before = self.undecided.get(row.proto)
        if before is None:
            unknown = untold(self._filter, row if row.owners else row._replace(owners=None))
            before = Undecided(0, tuple(unknown))
        self.undecided[row.proto] = before._replace(rows=before.rows + 1)


def _holders_known(row: SocketRecord | UnixRecord) -> bool:
    """Whether a walk that did not see every process still says who holds this socket."""
    ended = isinstance(row, SocketRecord) and row.state is TcpState.TIME_WAIT
    return bool(row.owners) or row.inode == 0 or ended
