"""The summary of -s as text and as a JSON object. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pynetstat.totals import Totals

_ORDER = ("raw", "udp", "tcp", "inet", "frag")


def totals_text(totals: Totals, header: bool = True) -> Iterator[str]:
    """The lines; ``-`` where there is no IPv6."""
    tcp = totals.tcp
    yield f"Sockets: {totals.sockets}\n"
    yield (
        f"TCP:     {tcp.total} ({tcp.established} established, {tcp.closed} closed, "
        f"{tcp.orphaned} orphaned, {tcp.time_wait} in TIME_WAIT)\n"
    )
    rows = [("Transport", "Total", "IPv4", "IPv6")] if header else []
    for name in _ORDER:
        counts = totals.transports[name]
        ipv6 = "-" if counts.ipv6 is None else str(counts.ipv6)
        rows.append((name.upper(), str(counts.total), str(counts.ipv4), ipv6))
    yield "\n"
    for name, *numbers in rows:
        yield f"{name:<9}{''.join(f' {number:>9}' for number in numbers)}\n"


def totals_value(totals: Totals) -> dict[str, Any]:
    """The same numbers for JSON."""
    return {
        "sockets": totals.sockets,
        "tcp": totals.tcp._asdict(),
        "transports": {
            name: {
                "total": totals.transports[name].total,
                "ipv4": totals.transports[name].ipv4,
                "ipv6": totals.transports[name].ipv6,
            }
            for name in _ORDER
        },
    }
