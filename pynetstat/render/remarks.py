"""Plain text with remarks below its rows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pynetstat.records import SocketRecord, UnixRecord
from pynetstat.remark import Remark, Remarks

_INDENT = "      "
_TROUBLE_INDENT = "    ! "


def remark_line(remark: Remark) -> str:
    """A remark as one line, however long; one that points to trouble begins with ``!``."""
    return f"{_TROUBLE_INDENT if remark.trouble else _INDENT}{remark.text}\n"


def with_remarks(rows: str, records: Sequence[SocketRecord | UnixRecord], below: Remarks) -> str:
    """The text of the rows, a line for each record, and below each line its remarks."""
    lines = zip(rows.splitlines(), records, strict=True)
    return "".join(_with_remarks(line, below(record)) for line, record in lines)


def _with_remarks(line: str, remarks: Iterable[Remark]) -> str:
    return f"{line}\n" + "".join(map(remark_line, remarks))
