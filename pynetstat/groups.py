"""Rows counted by what they have in common. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from pynetstat.columns import Context, Row, address_host
from pynetstat.owners import Missing
from pynetstat.records import UnixRecord
from pynetstat.text import printable


class Grouping(NamedTuple):
    """A way to group: the fields that tell the groups apart, their titles, and a row's groups.

    A row may be in several groups, such as one for each process that holds the socket.
    """

    fields: tuple[str, ...]
    titles: tuple[str, ...]
    keys: Callable[[Row, Context], Iterable[tuple[Any, ...]]]
    cells: Callable[[tuple[Any, ...], Context], tuple[str, ...]]
    """The texts of a group's fields for a table."""


class Group(NamedTuple):
    """How many rows have this key."""

    key: tuple[Any, ...]
    sockets: int


def count_groups(rows: Iterable[Row], grouping: Grouping, context: Context) -> list[Group]:
    """The groups, the largest first; of equal ones the first by name."""
    counts: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        counts.update(grouping.keys(row, context))
    return [
        Group(key, sockets)
        for key, sockets in sorted(counts.items(), key=lambda item: (-item[1], _order(item[0])))
    ]


def _order(key: tuple[Any, ...]) -> list[tuple[bool, bool, Any]]:
    """Comparable whatever the key has: None last, numbers apart from words."""
    return [(part is None, isinstance(part, str), 0 if part is None else part) for part in key]


def _state(row: Row, _: Context) -> Iterable[tuple[Any, ...]]:
    return [(row.proto.base, None if row.state is None else row.state.value)]


def _process(row: Row, context: Context) -> Iterable[tuple[Any, ...]]:
    """The processes that hold the socket, each once; else the reason for there being none."""
    if row.owners:
        return {(owner.pid, printable(owner.name), None) for owner in row.owners}
    missing = context.why_no_owner(row)
    return [(None, None, missing.name.lower() if missing else None)]


def _process_cells(key: tuple[Any, ...], _: Context) -> tuple[str, ...]:
    pid, name, no_owner = key
    if pid is not None:
        return (f"{pid}/{name}",)
    return (f"({Missing[no_owner.upper()].value})" if no_owner else "-",)


def _remote(row: Row, _: Context) -> Iterable[tuple[Any, ...]]:
    return [(None,)] if isinstance(row, UnixRecord) else [(row.raddr.ip,)]


def _port(row: Row, _: Context) -> Iterable[tuple[Any, ...]]:
    if isinstance(row, UnixRecord):
        return [("unix", None)]
    return [(row.proto.base, row.laddr.port)]


def _port_cells(key: tuple[Any, ...], context: Context) -> tuple[str, ...]:
    base, port = key
    return (base, "-" if port is None else context.port(base, port))


GROUPINGS: dict[str, Grouping] = {
    "state": Grouping(
        ("proto", "state"),
        ("Proto", "State"),
        _state,
        lambda key, _: (key[0], "-" if key[1] is None else key[1]),
    ),
    "process": Grouping(
        ("pid", "program", "no_owner"), ("PID/Program name",), _process, _process_cells
    ),
    "remote": Grouping(
        ("remote_ip",),
        ("Foreign Address",),
        _remote,
        lambda key, context: ("-" if key[0] is None else address_host(key[0], context),),
    ),
    "port": Grouping(("proto", "local_port"), ("Proto", "Local Port"), _port, _port_cells),
}
"""By what ``--group-by`` can group; protocols without their address family."""
