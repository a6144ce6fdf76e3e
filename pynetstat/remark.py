"""A line that a view writes below a row. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from pynetstat.records import SocketRecord, UnixRecord


class Remark(NamedTuple):
    """One line below a row, and whether it points to trouble."""

    text: str
    trouble: bool = False


Remarks: TypeAlias = Callable[[SocketRecord | UnixRecord], list[Remark]]
"""Gives the lines below a row."""
