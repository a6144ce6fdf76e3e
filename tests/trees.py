"""The /proc trees and netlink answers under data/, read and taken apart."""

from __future__ import annotations

from pathlib import Path

from pynetstat.query import Query
from pynetstat.records import Proto, SocketRecord, UnixRecord
from pynetstat.sources import Notes
from pynetstat.sources.procfs import ProcFs

_DATA = Path(__file__).parent / "data"


def tree(case: str) -> str:
    """Where the saved /proc tree of this case is."""
    root = _DATA / "proc" / case
    assert root.is_dir(), root
    return str(root)


def table_text(case: str, table: str) -> str:
    """The text of one file of a tree, as bytes in latin-1."""
    return (Path(tree(case)) / "net" / table).read_text("latin-1")


def read_tree(case: str, proto: Proto) -> tuple[list[SocketRecord], Notes]:
    """All rows of one table of a tree, and what was noted."""
    return read_root(tree(case), proto)


def read_root(root: str, proto: Proto) -> tuple[list[SocketRecord], Notes]:
    """The same for a tree anywhere."""
    notes = Notes()
    batches = ProcFs(root).read(proto, Query(), notes)
    return [record for batch in batches for record in batch], notes


def read_unix_tree(case: str) -> tuple[list[UnixRecord], Notes]:
    """All unix rows of a tree, and what was noted."""
    notes = Notes()
    return ProcFs(tree(case)).read_unix(notes), notes


def netlink_answer(case: str) -> list[bytes]:
    """The buffers of a recorded answer, as recv() gave them one by one."""
    text = (_DATA / "netlink" / f"{case}.hex").read_text()
    return [bytes.fromhex(part) for part in text.split("\n\n")]
