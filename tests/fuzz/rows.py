"""Rows with names, paths and numbers of a fuzzer's choice."""

from __future__ import annotations

import socket

from pynetstat.filters import Record
from pynetstat.owners import Coverage
from pynetstat.query import NETSTAT_ORDER
from pynetstat.records import (
    TIMER_OFF,
    Addr,
    Owner,
    Proto,
    SocketRecord,
    TcpState,
    Timer,
    UnixRecord,
    UnixState,
    timer_kind,
    unix_type,
)
from pynetstat.snapshot import Gap, GapKind, Snapshot
from pynetstat.text import printable
from pynetstat.words import Hosts, Words

from .choices import Choices

_INET = [proto for proto in Proto if proto is not Proto.UNIX]
_MOST_ROWS = 6
_MOST_OWNERS = 5
_LONGEST = 70
_U32, _U64 = 1 << 32, 1 << 64


def some_snapshot(choices: Choices) -> Snapshot:
    """A snapshot with a few rows, most of its bytes in names."""
    records: list[SocketRecord] = []
    unix: list[UnixRecord] = []
    coverage = Coverage(choices.number(3), choices.yes()) if choices.yes() else None
    gaps = []
    for kind in GapKind:
        if choices.yes():
            proto = choices.one_of([None, *Proto])
            gaps.append(Gap(kind, proto, f"because of {choices.text(_LONGEST)}"))
    while choices.left and len(records) + len(unix) < _MOST_ROWS:
        if choices.yes():
            unix.append(_unix_row(choices))
        else:
            records.append(_inet_row(choices))
    order = {proto: at for at, proto in enumerate(NETSTAT_ORDER)}
    records.sort(key=lambda record: order[record.proto])
    protos = [record.proto for record in records] + [Proto.UNIX] * bool(unix)
    sources = dict.fromkeys(protos, "sockdiag")
    return Snapshot(records, unix, sources, tuple(gaps), coverage, 0.0)


def some_words(choices: Choices, snapshot: Snapshot) -> Words:
    """Names for what is in the snapshot, as a look-up gives them: printable, and no more."""
    hosts, services, users = Hosts(), {}, {}
    for record in snapshot.records:
        if choices.yes():
            hosts[record.laddr.ip] = printable(choices.text(_LONGEST)) or "h"
            services[record.proto.base] = {
                record.raddr.port: printable(choices.text(_LONGEST)) or "s"
            }
            users[record.uid or 0] = printable(choices.text(_LONGEST)) or "u"
    return Words(hosts, services, users)


def all_rows(snapshot: Snapshot) -> list[Record]:
    """The internet and the unix rows."""
    rows: list[Record] = [*snapshot.records]
    rows += snapshot.unix
    return rows


def names_of(row: Record) -> list[str]:
    """The names of a row's owners, as text from outside."""
    return [owner.name for owner in row.owners or ()]


def _inet_row(choices: Choices) -> SocketRecord:
    proto = choices.one_of(_INET)
    state = choices.one_of(list(TcpState))
    return SocketRecord(
        proto,
        _end(choices, proto),
        _end(choices, proto),
        state,
        _maybe(choices, _U32),
        _maybe(choices, _U32),
        _maybe(choices, _U32) if state is TcpState.LISTEN else None,
        _timer(choices),
        _maybe(choices, _U32),
        _maybe(choices, _U32),
        _maybe(choices, _U64),
        _maybe(choices, _U32),
        _owners(choices),
    )


def _unix_row(choices: Choices) -> UnixRecord:
    return UnixRecord(
        unix_type(choices.number(8)),
        choices.one_of([None, *UnixState]),
        choices.some(_LONGEST),
        _maybe(choices, _U32),
        _maybe(choices, _U32),
        _maybe(choices, _U32),
        _maybe(choices, _U32),
        _maybe(choices, _U32),
        _maybe(choices, _U32),
        _maybe(choices, _U64),
        _owners(choices),
        choices.yes(),
    )


def _end(choices: Choices, proto: Proto) -> Addr:
    """One end, most often that of a few which rows have in common."""
    kind = choices.number(4)
    if kind < 2:
        return Addr("::" if proto.is_ipv6 else "0.0.0.0", 0 if kind else choices.number(1 << 16))
    if kind == 2:
        return Addr("::ffff:127.0.0.1" if proto.is_ipv6 else "127.0.0.1", 8080)
    size, family = (16, socket.AF_INET6) if proto.is_ipv6 else (4, socket.AF_INET)
    ip = socket.inet_ntop(family, choices.raw(size).ljust(size, b"\0"))
    return Addr(ip, choices.number(1 << 16))


def _timer(choices: Choices) -> Timer | None:
    if choices.yes():
        return choices.one_of([None, TIMER_OFF])
    kind = timer_kind(choices.number(7))
    return Timer(kind, choices.number(_U32) / 1000, choices.number(256), choices.number(256))


def _owners(choices: Choices) -> tuple[Owner, ...] | None:
    number = choices.number(_MOST_OWNERS + 2)
    if number > _MOST_OWNERS:
        return None
    return tuple(
        Owner(choices.number(1 << 22), choices.number(1 << 16) - 1, choices.text(_LONGEST))
        for _ in range(number)
    )


def _maybe(choices: Choices, below: int) -> int | None:
    kind = choices.number(4)
    if kind == 0:
        return None
    return kind - 1 if kind < 3 else choices.number(below)
