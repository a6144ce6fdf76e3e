"""Any row, snapshot, event and loss, hostile texts among them."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import strategies as st

from pynetstat.owners import Coverage
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
from pynetstat.snapshot import Gap, GapKind, Snapshot
from pynetstat.transition import Event, Loss, Totals

_NUMBERS = st.one_of(st.integers(0, 3), st.integers(0, 2**64 - 1))
_MAYBE = st.one_of(st.none(), _NUMBERS)
_TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.binary(max_size=8).map(os.fsdecode),
    st.sampled_from(["\x1b[31m", "\u202e", "\0", "\\ud800", '"', "\n", "\U0001f40d"]),
)
_TIMES = st.floats(0, 4e9)
_SPANS = st.floats(0, 1e9)

ADDRS = st.builds(
    Addr,
    st.one_of(
        st.ip_addresses(v=4).map(str),
        st.ip_addresses(v=6).map(str),
        st.sampled_from(["0.0.0.0", "::", "::ffff:127.0.0.1", "fe80::1%eth0"]),
    ),
    st.integers(0, 65535),
)
TIMERS = st.builds(
    Timer,
    st.one_of(st.sampled_from(TimerKind), st.sampled_from(["unkn-7", "unkn-255"])),
    _SPANS,
    _NUMBERS,
    _NUMBERS,
)
OWNERS: Any = st.one_of(
    st.none(),
    st.lists(st.builds(Owner, _NUMBERS, st.integers(-1, 2**31), _TEXTS), max_size=3).map(tuple),
)
INET = st.builds(
    SocketRecord,
    st.sampled_from([proto for proto in Proto if proto is not Proto.UNIX]),
    ADDRS,
    ADDRS,
    st.sampled_from(TcpState),
    _MAYBE,
    _MAYBE,
    _MAYBE,
    st.one_of(st.none(), TIMERS),
    _MAYBE,
    _MAYBE,
    _MAYBE,
    st.one_of(st.none(), st.integers(0, 2**32 - 1)),
    OWNERS,
    info=st.none(),
    netns=st.none(),
)
UNIX = st.builds(
    UnixRecord,
    st.one_of(st.sampled_from(UnixType), st.just("UNKNOWN")),
    st.one_of(st.none(), st.sampled_from(UnixState)),
    st.binary(max_size=12),
    _MAYBE,
    _MAYBE,
    _MAYBE,
    _MAYBE,
    _MAYBE,
    _MAYBE,
    _MAYBE,
    OWNERS,
    st.booleans(),
    netns=st.none(),
)
GAPS = st.builds(
    Gap, st.sampled_from(GapKind), st.one_of(st.none(), st.sampled_from(Proto)), _TEXTS
)
COVERAGES = st.one_of(st.none(), st.builds(Coverage, _NUMBERS, st.booleans()))
SOURCES = st.dictionaries(
    st.sampled_from(Proto), st.sampled_from(["sockdiag", "procfs", "psutil"]), max_size=3
)


def snapshots(inet: Any = INET, unix: Any = UNIX) -> Any:
    """Snapshots of such rows."""
    return st.builds(
        Snapshot,
        st.lists(inet, max_size=6),
        st.lists(unix, max_size=4),
        SOURCES,
        st.lists(GAPS, max_size=2).map(tuple),
        COVERAGES,
        _TIMES,
        st.just({}),
    )


EVENTS = st.builds(
    Event,
    _TIMES,
    st.sampled_from(Proto),
    ADDRS,
    ADDRS,
    _MAYBE,
    st.one_of(st.none(), st.sampled_from(TcpState)),
    st.one_of(st.none(), st.sampled_from(TcpState)),
    st.one_of(st.none(), _SPANS),
    _MAYBE,
    _MAYBE,
    OWNERS,
    st.one_of(st.none(), st.builds(Totals, _NUMBERS, _NUMBERS, _NUMBERS, _NUMBERS, _NUMBERS)),
    st.booleans(),
)
LOSSES = st.builds(Loss, _TIMES, _MAYBE, _TEXTS)
