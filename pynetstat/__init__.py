"""pynetstat: this machine's sockets as typed records, and netstat's -tauon view of them.

Names load on first use: pytest imports this package for its plugin in every suite.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pynetstat.closing import Closed, Outcome, close_sockets
    from pynetstat.containers import Container
    from pynetstat.diff import Change, Diff
    from pynetstat.errors import (
        FilterError,
        NamespaceUnavailable,
        ParseError,
        ProcessEnded,
        ProtocolAbsent,
        PynetstatError,
        SocketsLeaked,
        SourceFailed,
        SourceUnavailable,
        WaitFailed,
        WaitTimeout,
    )
    from pynetstat.history.stream import Stream, events
    from pynetstat.history.tracker import History, Step, Tracker, WhyEnded
    from pynetstat.history.transition import Event, Loss, Totals
    from pynetstat.netns import Found, Namespace, find_namespace, find_namespaces
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

_HOMES = {
    "closing": ("Closed", "Outcome", "close_sockets"),
    "containers": ("Container",),
    "diff": ("Change", "Diff"),
    "errors": (
        "FilterError",
        "NamespaceUnavailable",
        "ParseError",
        "ProcessEnded",
        "ProtocolAbsent",
        "PynetstatError",
        "SocketsLeaked",
        "SourceFailed",
        "SourceUnavailable",
        "WaitFailed",
        "WaitTimeout",
    ),
    "netns": ("Found", "Namespace", "find_namespace", "find_namespaces"),
    "owners": ("Coverage", "Missing"),
    "query": ("Show",),
    "records": (
        "Addr",
        "Owner",
        "Proto",
        "SocketRecord",
        "TcpState",
        "Timer",
        "TimerKind",
        "UnixRecord",
        "UnixState",
        "UnixType",
    ),
    "snapshot": ("Gap", "GapKind", "Snapshot", "collect"),
    "history.stream": ("Stream", "events"),
    "history.tracker": ("History", "Step", "Tracker", "WhyEnded"),
    "history.transition": ("Event", "Loss", "Totals"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Addr",
    "Change",
    "Closed",
    "Container",
    "Coverage",
    "Diff",
    "Event",
    "FilterError",
    "Found",
    "Gap",
    "GapKind",
    "History",
    "Loss",
    "Missing",
    "Namespace",
    "NamespaceUnavailable",
    "Outcome",
    "Owner",
    "ParseError",
    "ProcessEnded",
    "Proto",
    "ProtocolAbsent",
    "PynetstatError",
    "Show",
    "Snapshot",
    "SocketRecord",
    "SocketsLeaked",
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
    "WaitFailed",
    "WaitTimeout",
    "WhyEnded",
    "__version__",
    "close_sockets",
    "collect",
    "events",
    "find_namespace",
    "find_namespaces",
]


def __getattr__(name: str) -> Any:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
