"""Looks at the tables from inside a namespace, as plain data for the test outside."""

from __future__ import annotations

from pynetstat import Proto, Snapshot, SourceUnavailable, UnixRecord, collect
from pynetstat.query import NETSTAT_ORDER

INET = tuple(proto for proto in NETSTAT_ORDER if proto is not Proto.UNIX)


def look(protos: list[str], source: str = "auto", owners: bool = False) -> Snapshot:
    """A snapshot."""
    return collect(protos, source=source, owners=owners)


def look_at_all(source: str, owners: bool = False) -> dict[str, Snapshot]:
    """A snapshot of each internet table that ``source`` itself can read."""
    found = {}
    for proto in INET:
        try:
            snapshot = collect([proto], source=source, owners=owners)
        except SourceUnavailable:
            continue
        if snapshot.sources.get(proto) == source:
            found[str(proto)] = snapshot
    return found


def look_at_unix(source: str) -> list[UnixRecord]:
    """The unix sockets as ``source`` tells them."""
    return collect(["unix"], source=source).unix
