"""Short texts in aligned columns, for messages. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pynetstat.records import Addr, Owner, SocketRecord, UnixRecord
from pynetstat.text import printable, unix_name
from pynetstat.words import unmapped

_GAP = "  "
_MOST_ROWS = 20
SOCKET_TITLES = ("Proto", "Local Address", "Foreign Address", "State", "PID/Program name")
"""The titles over :func:`socket_cells`."""


def table(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    indent: str = "  ",
    most: int | None = _MOST_ROWS,
) -> str:
    """The rows below their titles, each column as wide as its widest cell.

    Of many rows the first ``most`` are shown and the rest counted; None shows all. No line
    ends in a space, and the text does not end in a line end.
    """
    shown = [titles, *rows[:most]]
    widths = [max(len(row[at]) for row in shown) for at in range(len(titles))]
    lines = [
        indent + _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in shown
    ]
    if most is not None and len(rows) > most:
        lines.append(f"{indent}and {len(rows) - most} more")
    return "\n".join(line.rstrip() for line in lines)


def socket_cells(record: SocketRecord | UnixRecord) -> tuple[str, str, str, str, str]:
    """A socket as the cells below :data:`SOCKET_TITLES`; nothing in them can harm a terminal."""
    owners = owners_text(record.owners)
    state = str(record.state or "?")
    if isinstance(record, UnixRecord):
        return "unix", printable(unix_name(record.path)) or "-", "", state, owners
    return record.proto.value, address(record.laddr), address(record.raddr), state, owners


def address(addr: Addr) -> str:
    """``127.0.0.1:80``, ``[::1]:80``, ``*`` for an end that is not set; mapped ones as IPv4."""
    host = unmapped(addr.ip)
    if addr.port == 0:
        return "*" if host in ("0.0.0.0", "::") else host
    return f"[{host}]:{addr.port}" if ":" in host else f"{host}:{addr.port}"


def owners_text(owners: tuple[Owner, ...] | None) -> str:
    """Every holder as ``pid/name``, each process once; ``-`` when none is known."""
    processes = dict.fromkeys(f"{owner.pid}/{printable(owner.name)}" for owner in owners or ())
    return ", ".join(processes) or "-"
