"""What happened between two looks at the same tables: opened, closed, changed state. Pure.

A socket is the same one when its cookie is (it keeps that through all its states). Tables
of which one look has no cookies are compared by addresses and inode; a socket that lost its
inode meanwhile, as on entering TIME_WAIT, is known by its addresses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import NamedTuple, TypeAlias

from pynetstat.records import Proto, SocketRecord, UnixRecord
from pynetstat.tabular import SOCKET_TITLES, socket_cells, table

Record: TypeAlias = SocketRecord | UnixRecord


class Change(NamedTuple):
    """One socket in both looks, in another state in the later one."""

    before: Record
    after: Record


class Diff(NamedTuple):
    """The sockets that only one of two snapshots has, and those whose state differs.

    ``incomparable`` names the tables that only one of the two has read: nothing is said
    of their sockets. False in a condition when nothing was seen to happen. As text it is a
    table.
    """

    opened: tuple[Record, ...]
    closed: tuple[Record, ...]
    changed: tuple[Change, ...]
    incomparable: tuple[Proto, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.opened or self.closed or self.changed)

    def __str__(self) -> str:
        rows = [("opened", *socket_cells(record)) for record in self.opened]
        rows += [("closed", *socket_cells(record)) for record in self.closed]
        for change in self.changed:
            proto, laddr, raddr, state, owners = socket_cells(change.after)
            state = f"{change.before.state} -> {state}"
            rows.append(("changed", proto, laddr, raddr, state, owners))
        lines = [table(("", *SOCKET_TITLES), rows, indent="")] if rows else ["no difference"]
        if self.incomparable:
            lines.append(f"not compared: {', '.join(self.incomparable)}")
        return "\n".join(lines)


def compare(before: Iterable[Record], after: Iterable[Record]) -> Diff:
    """The difference between two lists of sockets of the same tables."""
    closed, opened = _by_proto(before), _by_proto(after)
    result = Diff((), (), ())
    for proto in dict.fromkeys([*closed, *opened]):
        part = _compare_table(closed[proto], opened[proto])
        result = Diff(
            result.opened + part.opened,
            result.closed + part.closed,
            result.changed + part.changed,
        )
    return result


def _by_proto(records: Iterable[Record]) -> defaultdict[Proto, list[Record]]:
    tables: defaultdict[Proto, list[Record]] = defaultdict(list)
    for record in records:
        tables[record.proto].append(record)
    return tables


def _compare_table(before: list[Record], after: list[Record]) -> Diff:
    with_cookies = all(record.cookie is not None for record in (*before, *after))
    closed, opened, same = _match(before, after, by_cookie=with_cookies)
    if not with_cookies:
        closed, opened, moved = _match_without_inode(closed, opened)
        same += moved
    changed = tuple(change for change in same if change.before.state is not change.after.state)
    return Diff(tuple(opened), tuple(closed), changed)


def _match(
    before: list[Record], after: list[Record], *, by_cookie: bool
) -> tuple[list[Record], list[Record], list[Change]]:
    """What only ``before`` has, what only ``after`` has, and the pairs."""
    waiting: defaultdict[Hashable, list[Record]] = defaultdict(list)
    for record in before:
        waiting[identity(record, by_cookie=by_cookie)].append(record)
    opened, same = [], []
    for record in after:
        candidates = waiting[identity(record, by_cookie=by_cookie)]
        if candidates:
            same.append(Change(candidates.pop(0), record))
        else:
            opened.append(record)
    closed = [record for candidates in waiting.values() for record in candidates]
    return closed, opened, same


def identity(record: Record, *, by_cookie: bool = True) -> Hashable:
    """What stays the same about a socket: its namespace, and in it the cookie, else protocol,
    addresses and inode."""
    if by_cookie and record.cookie:
        return record.netns, record.cookie
    if isinstance(record, UnixRecord):
        return record.netns, record.type, record.path, record.inode, record.peer_inode
    return record.netns, record.proto, record.laddr, record.raddr, record.inode


def _match_without_inode(
    closed: list[Record], opened: list[Record]
) -> tuple[list[Record], list[Record], list[Change]]:
    """Pairs among the unmatched that differ in the inode alone, one side having none."""
    by_ends: defaultdict[Hashable, list[SocketRecord]] = defaultdict(list)
    for new in opened:
        if isinstance(new, SocketRecord) and new.raddr.port:
            by_ends[new.netns, new.laddr, new.raddr].append(new)
    gone: list[Record] = []
    moved: list[Change] = []
    for old in closed:
        candidates = (
            by_ends[old.netns, old.laddr, old.raddr] if isinstance(old, SocketRecord) else []
        )
        new_one = next((new for new in candidates if not (old.inode and new.inode)), None)
        if new_one is None:
            gone.append(old)
        else:
            candidates.remove(new_one)
            moved.append(Change(old, new_one))
    found = {id(change.after) for change in moved}
    return gone, [new for new in opened if id(new) not in found], moved
