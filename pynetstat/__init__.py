"""pynetstat: this machine's sockets as typed records, and netstat's -tauon view of them."""

from __future__ import annotations

from pynetstat.errors import (
    FilterError,
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

__version__ = "0.1.0"

__all__ = [
    "Addr",
    "Coverage",
    "FilterError",
    "Gap",
    "GapKind",
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
    "TcpState",
    "Timer",
    "TimerKind",
    "UnixRecord",
    "UnixState",
    "UnixType",
    "__version__",
    "collect",
]
