"""Transitions as text, one on a line, and as JSON lines. Pure.

docs/events.md describes both.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from pynetstat.history.transition import Event, Loss
from pynetstat.records import Addr, TcpState
from pynetstat.text import printable
from pynetstat.words import duration, unmapped

FORMAT_VERSION = 1
"""Raised when a name or a meaning changes; not for a name that is added."""

_GONE = "gone"
_UNKNOWN = "?"
_UNCONNECTED = "UNCONNECTED"
_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


def event_line(event: Event) -> str:
    """``time proto local foreign OLD -> NEW``, then what is known beyond that."""
    parts = [
        datetime.fromtimestamp(event.at).strftime("%H:%M:%S.%f"),
        f"{event.proto:<4}",
        f"{_address(event.laddr):<23}",
        f"{_address(event.raddr):<23}",
        f"{_state(event, event.old, _UNKNOWN):>11} -> {_state(event, event.new, _GONE):<11}",
    ]
    spent = "" if event.seconds is None else f"after {duration(event.seconds)}"
    parts.append(f"{spent:<11}")
    if event.owners:
        owners = (f"{owner.pid}/{printable(owner.name)}" for owner in event.owners)
        parts.append(",".join(dict.fromkeys(owners)))
    if event.totals is not None:
        totals = event.totals
        parts.append(f"bytes_acked {totals.bytes_acked} bytes_received {totals.bytes_received}")
    if event.inferred:
        parts.append("(inferred)")
    return " ".join(parts).rstrip() + "\n"


def json_line(item: Event | Loss) -> str:
    """One JSON object on a line."""
    return _encode(_loss_values(item) if isinstance(item, Loss) else _values(item)) + "\n"


def json_head(source: str | None, refusals: list[str]) -> str:
    """The first line: the version of the format and where the events come from."""
    reasons = [printable(refusal) for refusal in refusals]
    head = {"type": "start", "format": FORMAT_VERSION, "source": source, "refusals": reasons}
    return _encode(head) + "\n"


def _values(event: Event) -> dict[str, Any]:
    owners = None
    if event.owners is not None:
        owners = [
            {"pid": owner.pid, "fd": owner.fd if owner.fd >= 0 else None,
             "name": printable(owner.name)}
            for owner in event.owners
        ]  # fmt: skip
    return {
        "type": "event",
        "at": round(event.at, 6),
        "proto": event.proto.value,
        "local": {"ip": event.laddr.ip, "port": event.laddr.port},
        "remote": {"ip": event.raddr.ip, "port": event.raddr.port},
        "cookie": event.cookie,
        "inode": event.inode,
        "uid": event.uid,
        "old": event.old,
        "new": event.new,
        "seconds": None if event.seconds is None else round(event.seconds, 6),
        "owners": owners,
        "totals": None if event.totals is None else event.totals._asdict(),
        "inferred": event.inferred,
    }


def _loss_values(loss: Loss) -> dict[str, Any]:
    return {
        "type": "loss",
        "at": round(loss.at, 6),
        "lost": loss.lost,
        "why": printable(loss.why),
    }


def _address(addr: Addr) -> str:
    return f"{unmapped(addr.ip)}:{addr.port or '*'}"


def _state(event: Event, state: TcpState | None, none: str) -> str:
    if state is None:
        return none
    if state is TcpState.CLOSE and event.proto.base == "udp":
        return _UNCONNECTED
    return state.value
