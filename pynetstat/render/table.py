"""The view for people, on a terminal (rich).

Everything that comes from outside is escaped and becomes a segment of its own; nothing is
ever read as markup.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.style import Style

from pynetstat.query import Query
from pynetstat.records import (
    ANY,
    Addr,
    Proto,
    SocketRecord,
    TcpState,
    Timer,
    TimerKind,
    UnixRecord,
    UnixState,
)
from pynetstat.remark import Remarks
from pynetstat.render.layout import Cell, Column, grid, prose
from pynetstat.render.netstat import Columns
from pynetstat.snapshot import GapKind, Snapshot
from pynetstat.text import printable, unix_name
from pynetstat.words import Words, countdown, interface_name, owner_text

_HEADING = Style(bold=True)
_QUIET = Style(dim=True)
_ALERT = Style(color="yellow", bold=True)
_ANYONE = Style(bold=True)

_OPENING = Style(color="yellow")
_CLOSING = Style(color="magenta")
_STATE_STYLES = {
    TcpState.LISTEN: Style(color="cyan", bold=True),
    TcpState.ESTABLISHED: Style(color="green"),
    TcpState.SYN_SENT: _OPENING,
    TcpState.SYN_RECV: _OPENING,
    TcpState.FIN_WAIT1: _CLOSING,
    TcpState.FIN_WAIT2: _CLOSING,
    TcpState.CLOSING: _CLOSING,
    TcpState.LAST_ACK: _CLOSING,
    TcpState.TIME_WAIT: Style(color="blue"),
    TcpState.CLOSE_WAIT: Style(color="red", bold=True),
    TcpState.CLOSE: _QUIET,
}
_UNIX_STATE_STYLES = {
    UnixState.LISTENING: _STATE_STYLES[TcpState.LISTEN],
    UnixState.CONNECTED: _STATE_STYLES[TcpState.ESTABLISHED],
    UnixState.CONNECTING: _OPENING,
    UnixState.DISCONNECTING: _CLOSING,
}

_UNTOLD = Cell("?", _QUIET)
_NOTHING = Cell("", None)
_ZERO = Cell("0", _QUIET)
_TIMER_OFF = Cell("off", _QUIET)
_DATAGRAM = ("udp", "udplite", "raw")


def print_snapshot(
    snapshot: Snapshot, query: Query, columns: Columns, words: Words, output: TextIO
) -> None:
    """Print the view to ``output``, as wide as the terminal. Errors of writing are OSErrors."""
    print_view(SnapshotView(snapshot, query, columns, words), output)


def print_view(view: RenderableType, output: TextIO) -> None:
    """Print any view as :func:`print_snapshot`."""
    open_console(output).print(view, soft_wrap=True, end="")


def open_console(output: TextIO) -> Console:
    """A console as wide as the terminal, for texts that are never read as markup."""
    width, height = _dumb_size()
    return _Console(
        file=output, width=width, height=height, highlight=False, markup=False, emoji=False
    )


def state_style(state: TcpState) -> Style:
    """How a TCP state looks in every view for people."""
    return _STATE_STYLES[state]


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the caller; rich would end the process with 1."""
        raise  # noqa: PLE0704 - called while the error is being handled


def _dumb_size() -> tuple[int, int] | tuple[None, None]:
    """The size of a terminal that rich takes for too dumb to have one; None for others."""
    if os.environ.get("TERM", "") not in ("dumb", "unknown"):
        return None, None
    columns, lines = shutil.get_terminal_size()
    return columns, lines


class SnapshotView:
    """A snapshot as a rich renderable: title, tables, and a line that counts the states.

    ``marks`` gives internet sockets, by cookie, a mark in a column of its own. ``below``
    says what stands below each row. Without ``header`` titles and counts are left out.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        query: Query,
        columns: Columns,
        words: Words,
        marks: Mapping[int | None, str] | None = None,
        *,
        below: Remarks | None = None,
        header: bool = True,
    ) -> None:
        self._snapshot = snapshot
        self._query = query
        self._columns = columns
        self._words = words
        self._marks = marks
        self._below = below
        self._header = header

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        if self._query.protos != (Proto.UNIX,):
            yield from self._inet(width)
        if Proto.UNIX in self._query.protos:
            if self._query.protos != (Proto.UNIX,):
                yield Segment.line()
            yield from self._unix(width)

    def _inet(self, width: int) -> Iterator[Segment]:
        records = self._snapshot.records
        yield from self._title("Active Internet connections", width)
        titles, makers = self._inet_columns()
        rows = [[make(record) for make in makers] for record in records]
        below = remark_cells(records, self._below)
        yield from grid(titles, rows, width, _QUIET, below=below, header=self._header)
        if self._header:
            yield from prose(count_states(records), _HEADING, width)

    def _unix(self, width: int) -> Iterator[Segment]:
        records = self._snapshot.unix
        yield from self._title("Active UNIX domain sockets", width)
        titles, makers = self._unix_columns()
        rows = [[make(record) for make in makers] for record in records]
        below = remark_cells(records, self._below)
        yield from grid(titles, rows, width, _QUIET, below=below, header=self._header)
        if self._header:
            yield from prose(count_unix_states(records), _HEADING, width)

    def _title(self, heading: str, width: int) -> Iterator[Segment]:
        source = self._snapshot.source or "nothing could be read"
        title = f"{heading} ({self._query.show.value}), from {source}"
        if self._header:
            yield from prose(title, _HEADING, width)
        yield from incompleteness_lines(self._snapshot, width)

    def _inet_columns(self) -> tuple[list[Column], list[Callable[[SocketRecord], Cell]]]:
        """The columns in netstat's order, and what makes the cell of each."""
        columns = [
            (Column("Proto"), lambda record: Cell(record.proto.value)),
            (Column("Recv-Q", right=True), lambda record: _queue(record.recv_q)),
            (Column("Send-Q", right=True), lambda record: _queue(record.send_q)),
            (Column("Local Address"), self._laddr),
            (Column("Foreign Address"), self._raddr),
            (Column("State"), _state),
        ]
        if self._columns.extend:
            columns.append((Column("User"), self._user))
            columns.append((Column("Inode"), lambda record: _number(record.inode)))
        if self._columns.programs:
            columns.append((Column("PID/Program name"), self._program))
        if self._columns.netns:
            columns.append((Column("Netns"), _netns))
        if self._columns.timers:
            columns.append((Column("Timer"), lambda record: _timer(record.timer)))
        if self._marks is not None:
            columns.insert(0, (Column(""), self._mark))
        return [column for column, _ in columns], [make for _, make in columns]

    def _unix_columns(self) -> tuple[list[Column], list[Callable[[UnixRecord], Cell]]]:
        columns: list[tuple[Column, Callable[[UnixRecord], Cell]]] = [
            (Column("Proto"), lambda _: Cell("unix")),
            (Column("RefCnt", right=True), lambda record: _number(record.refcnt)),
            (Column("Type"), lambda record: Cell(record.type)),
            (Column("State"), _unix_state),
            (Column("I-Node", right=True), lambda record: _number(record.inode)),
            (Column("Peer", right=True), lambda record: _number(record.peer_inode)),
        ]
        if self._columns.programs:
            columns.append((Column("PID/Program name"), self._program))
        if self._columns.netns:
            columns.append((Column("Netns"), _netns))
        columns.append((Column("Path"), _path))
        return [column for column, _ in columns], [make for _, make in columns]

    def _mark(self, record: SocketRecord) -> Cell:
        return Cell((self._marks or {}).get(record.cookie, ""), _ALERT)

    def _laddr(self, record: SocketRecord) -> Cell:
        text = self._address(record.laddr, record, scoped=True)
        return Cell(text, _ANYONE if record.laddr.ip in ANY else None)

    def _raddr(self, record: SocketRecord) -> Cell:
        if record.raddr.port == 0 and record.raddr.ip in ANY:
            return Cell("*", _QUIET)
        return Cell(self._address(record.raddr, record, record.raddr.ip.startswith("fe80:")))

    def _address(self, addr: Addr, record: SocketRecord, scoped: bool) -> str:
        host = self._words.hosts[addr.ip] if addr.ip != "::" else "::"
        if scoped and record.ifindex:
            names = self._snapshot.interfaces
            host += f"%{interface_name(record.ifindex, record.netns, names)}"
        if ":" in host:
            host = f"[{host}]"
        return f"{host}:{self._words.ports(record.proto.base).get(addr.port, addr.port)}"

    def _user(self, record: SocketRecord) -> Cell:
        uid = record.uid
        return _UNTOLD if uid is None else Cell(self._words.users.get(uid, str(uid)))

    def _program(self, record: SocketRecord | UnixRecord) -> Cell:
        if record.owners:
            return Cell(", ".join(owner_text(owner) for owner in record.owners))
        missing = self._snapshot.why_no_owner(record)
        return Cell(f"({missing.value})" if missing else "?", _QUIET)


def remark_cells(
    rows: Sequence[SocketRecord | UnixRecord], below: Remarks | None
) -> list[list[Cell]] | None:
    """What stands below each row, if anything does."""
    if below is None:
        return None
    return [
        [
            Cell(f"! {text}", _ALERT) if trouble else Cell(text, _QUIET)
            for text, trouble in below(row)
        ]
        for row in rows
    ]


def count_states(records: list[SocketRecord]) -> str:
    """The line that counts: TCP by state, the others by protocol."""
    counts = Counter(
        record.proto.base if record.proto.base in _DATAGRAM else record.state.value
        for record in records
    )
    order = [*(state.value for state in TcpState), *_DATAGRAM]
    return _count_line(len(records), [(word, counts[word]) for word in order if counts[word]])


def count_unix_states(records: list[UnixRecord]) -> str:
    """The line that counts unix sockets by state."""
    counts = Counter(record.state for record in records if record.state is not None)
    words = [(state.value, counts[state]) for state in UnixState if counts[state]]
    return _count_line(len(records), words)


def _count_line(total: int, counts: list[tuple[str, int]]) -> str:
    sockets = "1 socket" if total == 1 else f"{total} sockets"
    return f"{sockets}: {', '.join(f'{n} {word}' for word, n in counts)}" if counts else sockets


def incompleteness_lines(snapshot: Snapshot, width: int) -> Iterator[Segment]:
    """:func:`incompleteness` in the colour of a warning."""
    for line in incompleteness(snapshot):
        yield from prose(line, _ALERT, width)


def incompleteness(snapshot: Snapshot) -> list[str]:
    """What the reader should know before believing the view, a line each."""
    lines: dict[str, list[str]] = {}
    for gap in snapshot.gaps:
        if gap.kind in (GapKind.FALLBACK, GapKind.ABSENT):
            continue
        what = gap.kind.value if gap.kind is GapKind.UNREAD else gap.reason
        lines.setdefault(what, []).append(str(gap.proto or ""))
    return [
        f"incomplete: {', '.join(protos)}: {printable(what)}" if protos[0] else printable(what)
        for what, protos in lines.items()
    ]


def _state(record: SocketRecord) -> Cell:
    if record.state is TcpState.CLOSE and record.proto.base in _DATAGRAM:
        return _NOTHING
    return Cell(record.state.value, _STATE_STYLES[record.state])


def _unix_state(record: UnixRecord) -> Cell:
    if record.state is None:
        return _UNTOLD
    if record.state is UnixState.UNCONNECTED:
        return _NOTHING
    return Cell(record.state.value, _UNIX_STATE_STYLES.get(record.state))


def _queue(size: int | None) -> Cell:
    if size is None:
        return _UNTOLD
    return Cell(str(size), _ALERT) if size else _ZERO


def _number(number: int | None) -> Cell:
    return _UNTOLD if number is None else Cell(str(number), None if number else _QUIET)


def _netns(record: SocketRecord | UnixRecord) -> Cell:
    return Cell(record.netns) if record.netns is not None else _UNTOLD


def _path(record: UnixRecord) -> Cell:
    name = printable(unix_name(record.path))
    return Cell(name) if record.trusted or not name else Cell(f"{name} (unverified)", _ALERT)


def _timer(timer: Timer | None) -> Cell:
    if timer is None:
        return _UNTOLD
    if timer.kind == TimerKind.OFF:
        return _TIMER_OFF
    text = f"{timer.kind} {countdown(timer.expires_s)}"
    if timer.retransmits:
        text += f", {timer.retransmits} retransmit{'s' if timer.retransmits > 1 else ''}"
    if timer.probes:
        text += f", {timer.probes} probe{'s' if timer.probes > 1 else ''}"
    return Cell(text, _ALERT if timer.retransmits or timer.probes else None)
