"""The view for people, on a terminal (rich)."""

from __future__ import annotations

from pynetstat.names import Words
from pynetstat.query import Query
from pynetstat.render.netstat import Columns
from pynetstat.snapshot import Snapshot


def print_snapshot(snapshot: Snapshot, query: Query, columns: Columns, words: Words) -> None:
    """Print the view to standard output."""
