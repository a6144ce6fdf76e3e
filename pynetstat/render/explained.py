"""netstat's text with sentences below its rows. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pynetstat.explain.remarks import Explain
from pynetstat.records import SocketRecord, UnixRecord

_INDENT = "      "
_TROUBLE_INDENT = "    ! "


def with_remarks(rows: str, records: Sequence[SocketRecord | UnixRecord], explain: Explain) -> str:
    """The text of the rows, a line for each record, and below each line its remarks.

    A remark is one line, however long; one that points to trouble begins with ``!``.
    """
    lines: list[str] = []
    for line, record in zip(rows.split("\n"), records, strict=False):
        lines.append(line)
        for remark in explain(record):
            lines.append(f"{_TROUBLE_INDENT if remark.trouble else _INDENT}{remark.text}")
    return "".join(f"{line}\n" for line in lines)
