"""The columns of the watched table: titles, and what stands in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from pynetstat.history.tracker import History
from pynetstat.records import ANY, Addr, SocketRecord, TcpState, Timer, TimerKind
from pynetstat.render.layout import Cell
from pynetstat.render.netstat import Columns
from pynetstat.render.watch.styles import ALERT, MARKS, PLAIN, QUIET, STRONG, state_style
from pynetstat.tabular import owners_text
from pynetstat.watch.model import STATELESS, Mark, Model
from pynetstat.watch.sorting import SortBy
from pynetstat.words import Words, countdown, duration

_UNTOLD = Cell("?", QUIET)


class Context(NamedTuple):
    """What the cells of a row are made from."""

    history: History
    record: SocketRecord
    """The row as it is known now."""
    now: float
    model: Model
    words: Words


Maker: TypeAlias = "Callable[[Context], Cell]"


class TableColumn(NamedTuple):
    """A column: what it sorts by, its cells, its least width, and where they stand."""

    sort: SortBy
    make: Maker
    least: int
    right: bool = False

    @property
    def title(self) -> str:
        """What stands above it."""
        return self.sort.value


def table_columns(columns: Columns) -> list[TableColumn]:
    """The columns to show, in their order; user and inode where they are wanted."""
    shown = [
        TableColumn(SortBy.PROTO, lambda row: Cell(row.record.proto.value, QUIET), 5),
        TableColumn(SortBy.RECV_Q, lambda row: _queue(row.record.recv_q), 6, right=True),
        TableColumn(SortBy.SEND_Q, lambda row: _queue(row.record.send_q), 6, right=True),
        TableColumn(SortBy.LOCAL, _laddr, 15),
        TableColumn(SortBy.FOREIGN, _raddr, 15),
        TableColumn(SortBy.STATE, _state, 11),
        TableColumn(SortBy.FOR, _for, 6, right=True),
        TableColumn(SortBy.TIMER, _timer, 16),
    ]
    if columns.extend:
        shown.append(TableColumn(SortBy.USER, _user, 5))
        shown.append(TableColumn(SortBy.INODE, lambda row: _number(row.record.inode), 7))
    shown.append(TableColumn(SortBy.PROGRAM, _program, 16))
    return shown


def mark_cell(mark: Mark, alone: bool) -> Cell:
    """The sign of what has just happened to a row; ``alone`` leaves no place for more."""
    return Cell(mark.value if alone else f" {mark.value} ", MARKS[mark])


def address(addr: Addr, record: SocketRecord, words: Words) -> str:
    """An address and its port, with their names where they are known."""
    if addr.port == 0 and addr.ip in ANY:
        return "*"
    host = words.hosts[addr.ip] if addr.ip != "::" else "::"
    if ":" in host:
        host = f"[{host}]"
    return f"{host}:{words.ports(record.proto.base).get(addr.port, addr.port)}"


def _laddr(row: Context) -> Cell:
    return Cell(address(row.record.laddr, row.record, row.words), PLAIN)


def _raddr(row: Context) -> Cell:
    text = address(row.record.raddr, row.record, row.words)
    return Cell(text, QUIET if text == "*" else PLAIN)


def _state(row: Context) -> Cell:
    state = row.record.state
    if state is TcpState.CLOSE and row.record.proto.base in STATELESS:
        return Cell("", PLAIN)
    return Cell(state.value, state_style(state))


def _for(row: Context) -> Cell:
    """How long in this state."""
    seconds = row.model.in_state_s(row.history, row.now)
    if seconds is None:
        return Cell("", QUIET)
    # Steps finer than the screen's own would only flicker.
    text = duration(seconds) if seconds >= 1 else f"{seconds:.1f}s"
    return Cell(text, QUIET)


def _timer(row: Context) -> Cell:
    if row.history.ended_at is not None:
        return Cell(f"ended: {row.history.why_ended.value}" if row.history.why_ended else "ended")
    return timer_cell(row.record.timer)


def timer_cell(timer: Timer | None) -> Cell:
    """A timer in a few characters: ``timewait 59.8s``."""
    if timer is None:
        return _UNTOLD
    if timer.kind == TimerKind.OFF:
        return Cell("off", QUIET)
    text = f"{timer.kind} {countdown(timer.expires_s)}"
    if timer.retransmits:
        text += f", sent again {timer.retransmits}x"
    if timer.probes:
        text += f", {timer.probes} probe{'s' if timer.probes > 1 else ''}"
    return Cell(text, ALERT if timer.retransmits or timer.probes else PLAIN)


def _queue(queued: int | None) -> Cell:
    if queued is None:
        return _UNTOLD
    return Cell(str(queued), ALERT) if queued else Cell("0", QUIET)


def _number(number: int | None) -> Cell:
    return _UNTOLD if number is None else Cell(str(number), PLAIN if number else QUIET)


def _user(row: Context) -> Cell:
    uid = row.record.uid
    return _UNTOLD if uid is None else Cell(row.words.users.get(uid, str(uid)), PLAIN)


def _program(row: Context) -> Cell:
    if row.record.owners:
        return Cell(owners_text(row.record.owners), STRONG)
    missing = row.model.missing(row.record)
    return Cell(f"({missing.value})", QUIET) if missing else _UNTOLD
