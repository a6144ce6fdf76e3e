"""The rows that a lab must see: patterns, and how they are held against a snapshot. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pynetstat import SocketRecord, UnixRecord

Amount = int | range
"""An exact number, or a range that the number must be in."""

NOBODY: tuple[str, ...] = ()
"""No process holds the socket."""


class Row(NamedTuple):
    """What must be true of one row (or of ``times`` rows).

    ``end`` tells which end of the lab's connection it is: ``L`` listens on the lab's port,
    ``S`` has it as its local port, ``C`` as its foreign port, ``=`` as both, ``?`` is any
    other socket of the lab's processes. ``port`` names the variable with that port.
    ``owners`` are the names of the processes that must hold it, all of them; None: any.
    ``laddr`` and ``raddr`` are addresses without their port. What is None is not looked at.
    """

    end: str
    state: str | None = None
    times: int = 1
    port: str = "PORT"
    proto: str | None = None
    recv_q: Amount | None = None
    send_q: Amount | None = None
    backlog: int | None = None
    timer: str | None = None
    expires_s: range | None = None
    retransmits: Amount | None = None
    probes: Amount | None = None
    owners: tuple[str, ...] | None = None
    laddr: str | None = None
    raddr: str | None = None
    expires_ms: range | None = None

    def __str__(self) -> str:
        number = f"{self.times} x " if self.times != 1 else ""
        wanted = [
            f"{name} {_amount(value)}"
            for name, value in zip(self._fields[5:12], self[5:12], strict=True)
            if value is not None
        ]
        if self.owners is not None:
            wanted.append(f"held by {', '.join(self.owners) or 'nobody'}")
        ends = (("at", self.laddr), ("to", self.raddr))
        wanted += [f"{word} {ip}" for word, ip in ends if ip is not None]
        if self.expires_ms is not None:
            wanted.append(f"expires_ms {_amount(self.expires_ms)}")
        port = "" if self.port == "PORT" else f" of {self.port}"
        return " ".join([f"{number}{self.end}{port}", self.state or "", *wanted]).strip()


class UnixRow(NamedTuple):
    """What must be true of one unix socket of the lab (or of ``times``)."""

    state: str
    type: str = "STREAM"
    path: bytes | None = None
    times: int = 1

    def __str__(self) -> str:
        return f"{self.times} x unix {self.type} {self.state} {self.path!r}"


def listening(**more: object) -> Row:
    """A listener on the lab's port."""
    return Row("L", "LISTEN")._replace(**more)  # type: ignore[arg-type]


def server(state: str, **more: object) -> Row:
    """The server's end of a connection."""
    return Row("S", state)._replace(**more)  # type: ignore[arg-type]


def client(state: str, **more: object) -> Row:
    """The client's end of a connection."""
    return Row("C", state)._replace(**more)  # type: ignore[arg-type]


class Mismatch(NamedTuple):
    """The patterns that no row fulfilled, and the rows that no pattern asked for."""

    missing: list[Row | UnixRow]
    unexpected: list[SocketRecord | UnixRecord]

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected)


def compare(
    patterns: Sequence[Row | UnixRow],
    rows: Iterable[SocketRecord | UnixRecord],
    ports: Mapping[str, int],
    names: Mapping[int, str],
) -> Mismatch:
    """Hold rows against patterns: each row must be asked for, each pattern fulfilled.

    ``ports`` are the lab's ports by name, ``names`` its processes by pid.
    """
    left = list(rows)
    wanted = [pattern for pattern in patterns for _ in range(pattern.times)]
    candidates = [
        [at for at, row in enumerate(left) if fulfils(row, pattern, ports, names)]
        for pattern in wanted
    ]
    taken: dict[int, int] = {}
    missing = [wanted[at] for at in range(len(wanted)) if not _assign(at, candidates, taken, set())]
    unexpected = [row for at, row in enumerate(left) if at not in taken]
    return Mismatch([pattern._replace(times=1) for pattern in missing], unexpected)


def _assign(
    pattern: int, candidates: list[list[int]], taken: dict[int, int], tried: set[int]
) -> bool:
    """Give the pattern a row, moving others to another row of theirs if need be."""
    for row in candidates[pattern]:
        if row not in tried:
            tried.add(row)
            if row not in taken or _assign(taken[row], candidates, taken, tried):
                taken[row] = pattern
                return True
    return False


def end_of(record: SocketRecord, port: int) -> str:
    """Which end of the lab's connection a row is, see :class:`Row`."""
    local, foreign = record.laddr.port == port, record.raddr.port == port
    if record.state == "LISTEN":
        return "L" if local else "?"
    if local and foreign:
        return "="
    return "S" if local else "C" if foreign else "?"


def fulfils(
    row: SocketRecord | UnixRecord,
    pattern: Row | UnixRow,
    ports: Mapping[str, int],
    names: Mapping[int, str],
) -> bool:
    """Whether the row is what the pattern asks for."""
    if isinstance(pattern, UnixRow):
        return (
            isinstance(row, UnixRecord)
            and (row.state, row.type) == (pattern.state, pattern.type)
            and pattern.path in (None, row.path)
        )
    if not isinstance(row, SocketRecord) or end_of(row, ports.get(pattern.port, 0)) != pattern.end:
        return False
    timer = row.timer
    checks = (
        (pattern.state, row.state),
        (pattern.proto, row.proto),
        (pattern.recv_q, row.recv_q),
        (pattern.send_q, row.send_q),
        (pattern.backlog, row.backlog),
        (pattern.timer, _timer_kind(row)),
        (pattern.expires_s, timer and int(timer.expires_s)),
        (pattern.expires_ms, timer and int(timer.expires_s * 1000)),
        (pattern.retransmits, timer and timer.retransmits),
        (pattern.probes, timer and timer.probes),
        (pattern.owners, _names(row, names)),
        (pattern.laddr, row.laddr.ip),
        (pattern.raddr, row.raddr.ip),
    )
    return all(
        wanted is None or (value in wanted if isinstance(wanted, range) else value == wanted)
        for wanted, value in checks
    )


def _timer_kind(row: SocketRecord) -> str | None:
    """The kind of timer; of FIN_WAIT2 without a process always ``timewait``.

    The kernel counts its minute with keepalive's timer when the FIN was acknowledged while
    close() still had the socket locked, which happens on a busy machine
    (tcp_rcv_state_process in net/ipv4/tcp_input.c).
    """
    if row.timer is None:
        return None
    if row.state == "FIN_WAIT2" and row.inode == 0 and row.timer.kind == "keepalive":
        return "timewait"
    return row.timer.kind


def _names(row: SocketRecord, names: Mapping[int, str]) -> tuple[str, ...]:
    return tuple(sorted(names.get(owner.pid, str(owner.pid)) for owner in row.owners or ()))


def _amount(value: object) -> str:
    if isinstance(value, range):
        return f"{value.start} to {value.stop - 1}"
    return str(value)
