"""All there is to say about one socket, in lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from time import localtime, strftime
from typing import NamedTuple

from pynetstat.history.tracker import History
from pynetstat.history.transition import Totals
from pynetstat.records import Owner, TcpState
from pynetstat.tabular import address
from pynetstat.text import printable
from pynetstat.watch.model import Model
from pynetstat.watch.processes import Process
from pynetstat.words import duration

_BEFORE = (TcpState.CLOSE.value, TcpState.LISTEN.value)
"""Every socket begins closed, and an accepted one as its listener's copy."""


class Kind(Enum):
    """What a line of details is."""

    HEADING = "heading"
    PLAIN = "plain"
    TRAIL = "trail"
    TROUBLE = "trouble"
    QUIET = "quiet"


class Detail(NamedTuple):
    """One line; it may have to be wrapped."""

    kind: Kind
    text: str


def details(
    history: History, model: Model, now: float, processes: dict[int, Process | None]
) -> list[Detail]:
    """What is known of the socket and of the other end of its connection.

    ``processes`` has what is known of the holders, by pid; None where it has ended.
    """
    lines = list(_end(history, model, now, processes))
    if history.pair is not None:
        lines.append(Detail(Kind.QUIET, ""))
        lines += _end(history.pair, model, now, processes, other=True)
    return lines


def trail(history: History, now: float) -> str:
    """The states it has gone through, without the one that it had before it was connected."""
    first, mark, rest = history.trail_text(now).partition(" > ")
    return (
        rest
        if mark and first in _BEFORE and history.trail[0].seconds is None
        else (f"{first}{mark}{rest}")
    )


def _end(
    history: History,
    model: Model,
    now: float,
    processes: dict[int, Process | None],
    other: bool = False,
) -> Iterator[Detail]:
    record = model.present(history, now)
    place = f"{record.proto.value} {address(record.laddr)}"
    if record.raddr.port:
        place += f" > {address(record.raddr)}"
    yield Detail(Kind.HEADING, f"the other end: {place}" if other else place)
    yield Detail(Kind.TRAIL, trail(history, now))
    yield Detail(Kind.PLAIN, model.sentence(history, now))
    for trouble in model.troubles(history, now):
        yield Detail(Kind.TROUBLE, trouble)
    for owner in record.owners or ():
        yield Detail(Kind.PLAIN, _holder(owner, processes, now))
    if history.totals is not None:
        yield Detail(Kind.QUIET, _totals(history.totals))


def _holder(owner: Owner, processes: dict[int, Process | None], now: float) -> str:
    name = f"{owner.pid}/{printable(owner.name)}" + (f" fd {owner.fd}" if owner.fd >= 0 else "")
    if owner.pid not in processes:
        return name
    process = processes[owner.pid]
    if process is None:
        return f"{name}: the process has ended"
    since = ""
    if process.started_at is not None:
        ago = duration(max(now - process.started_at, 0.0))
        since = f", since {strftime('%H:%M:%S', localtime(process.started_at))} ({ago})"
    user = f" of {printable(process.user)}" if process.user else ""
    return f"{name}{user}{since}: {printable(process.command)}"


def _totals(totals: Totals) -> str:
    return (
        f"In its life: {totals.bytes_acked} bytes sent and acknowledged, "
        f"{totals.bytes_received} received; {totals.segs_out} segments out, {totals.segs_in} in, "
        f"{totals.retransmits} sent again."
    )
