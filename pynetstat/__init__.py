"""pynetstat: this machine's sockets as typed records, and netstat's -tauon view of them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pynetstat.errors import (
    ParseError,
    ProtocolAbsent,
    PynetstatError,
    SourceFailed,
    SourceUnavailable,
)
from pynetstat.owners import Coverage, Missing
from pynetstat.query import Show
from pynetstat.records import (
    Addr,
    Owner,
    Proto,
    SocketRecord,
    TcpState,
    Timer,
    TimerKind,
    UnixRecord,
    UnixState,
    UnixType,
)
from pynetstat.snapshot import Gap, GapKind, Snapshot, collect

if TYPE_CHECKING:
    from pynetstat.stream import Stream, events
    from pynetstat.tracker import History, Step, Tracker, WhyEnded
    from pynetstat.transition import Event, Loss, Totals

__version__ = "0.1.0"

__all__ = [
    "Addr",
    "Coverage",
    "Event",
    "Gap",
    "GapKind",
    "History",
    "Loss",
    "Missing",
    "Owner",
    "ParseError",
    "Proto",
    "ProtocolAbsent",
    "PynetstatError",
    "Show",
    "Snapshot",
    "SocketRecord",
    "SourceFailed",
    "SourceUnavailable",
    "Step",
    "Stream",
    "TcpState",
    "Timer",
    "TimerKind",
    "Totals",
    "Tracker",
    "UnixRecord",
    "UnixState",
    "UnixType",
    "WhyEnded",
    "__version__",
    "collect",
    "events",
]

_ON_USE = {
    "Event": "transition",
    "History": "tracker",
    "Loss": "transition",
    "Step": "tracker",
    "Stream": "stream",
    "Totals": "transition",
    "Tracker": "tracker",
    "WhyEnded": "tracker",
    "events": "stream",
}
"""What a look at the tables does not need is imported when it is first asked for."""


def __getattr__(name: str) -> Any:
    module = _ON_USE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{module}"), name)
