"""netstat's plain text, byte for byte. Pure.

What netstat never has to say, because /proc always tells, reads ``-`` here: a queue, a
timer or a count that the source does not know.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from pynetstat.query import Show
from pynetstat.records import (
    TIMER_OFF,
    Owner,
    Proto,
    SocketRecord,
    TcpState,
    Timer,
    UnixRecord,
    UnixState,
)
from pynetstat.text import printable, unix_name
from pynetstat.words import Words

_ADDRESS_WIDTH = 23
_BOTH_WIDTHS = 2 * _ADDRESS_WIDTH
_ADDRESS_ROOM = 22
"""Characters that an address and its port share, the colon aside, before netstat cuts."""
_PORT_ROOM = 18
_PROGRAM_WIDTH = 20
_PROGRAM_ROOM = 19
_NETNS_TITLE = "Netns               "
_NETNS_WIDTH = len(_NETNS_TITLE)

_NAMES = {Proto.UDPLITE: "udpl", Proto.UDPLITE6: "udpl6", Proto.SCTP6: "sctp"}
_STATES = {state: f"{state:<11}" for state in TcpState}
_RAW_STATES = {state: f"{code:<11}" for code, state in enumerate(TcpState, start=1)}
_UDP_STATES = {**_STATES, TcpState.CLOSE: " " * 11}
_UNTOLD = "-"


class Columns(NamedTuple):
    """The columns beyond the first six, and whether addresses are shown whole (-W).

    ``netns`` is not netstat's: it stands before the timer, which has blanks in it.
    """

    extend: bool = False
    programs: bool = False
    timers: bool = False
    wide: bool = False
    netns: bool = False


def inet_heading(show: Show, columns: Columns) -> str:
    """The two lines above the internet sockets."""
    titles = (
        "Proto Recv-Q Send-Q Local Address           Foreign Address         State      "
        + (" User       Inode     " if columns.extend else "")
        + (" PID/Program name    " if columns.programs else "")
        + (f" {_NETNS_TITLE}" if columns.netns else "")
        + (" Timer" if columns.timers else "")
    )
    return f"Active Internet connections ({show.value})\n{titles}\n"


def inet_rows(records: Iterable[SocketRecord], columns: Columns, words: Words) -> str:
    """A line for each record, each with its line end."""
    return "".join(
        _table_rows(proto, rows, columns, words)
        for proto, rows in groupby(records, attrgetter("proto"))
    )


def _table_rows(
    proto: Proto, records: Iterable[SocketRecord], columns: Columns, words: Words
) -> str:
    hosts, ports = words.hosts, words.ports(proto.base)
    port = ports.get
    name = _NAMES.get(proto, proto.value)
    prefix = f"{name:<5} "
    idle = f"{prefix}     0      0 "
    states = _state_texts(proto)
    cuts = not columns.wide
    extend, programs, timers = columns.extend, columns.programs, columns.timers
    names_netns = columns.netns
    program_texts: dict[tuple[int, str] | None, str] = {}
    lines = []
    # Runs once a socket: on large tables this loop is a third of the program's time.
    for record in records:
        (
            _,
            (lip, lport),
            (rip, rport),
            state,
            recv_q,
            send_q,
            _,
            timer,
            uid,
            inode,
            _,
            _,
            owners,
            _,
            netns,
            _,
        ) = record
        laddr = f"{hosts[lip]}:{port(lport, lport)}".ljust(_ADDRESS_WIDTH)
        raddr = f"{hosts[rip]}:{port(rport, rport)}".ljust(_ADDRESS_WIDTH)
        if cuts and len(laddr) + len(raddr) > _BOTH_WIDTHS:
            laddr = cut_address(hosts[lip], str(port(lport, lport)))
            raddr = cut_address(hosts[rip], str(port(rport, rport)))
        queues = idle if recv_q == 0 == send_q else prefix + _queues(recv_q, send_q)
        line = f"{queues}{laddr} {raddr} {states[state]}"
        if extend:
            line += _user_and_inode(uid, inode, words)
        if programs:
            holder = (owners[0][0], owners[0][2]) if owners else None
            program = program_texts.get(holder)
            if program is None:
                program = program_texts[holder] = f" {program_text(owners):<{_PROGRAM_WIDTH}}"
            line += program
        if names_netns:
            line += f" {netns or _UNTOLD:<{_NETNS_WIDTH}}"
        if timers:
            line += " off (0.00/0/0)" if timer is TIMER_OFF else " " + timer_text(timer)
        lines.append(line)
    lines.append("")
    return "\n".join(lines)


def _state_texts(proto: Proto) -> dict[TcpState, str]:
    if proto.base == "raw":
        return _RAW_STATES
    return _UDP_STATES if proto.base in ("udp", "udplite") else _STATES


def _queues(recv_q: int | None, send_q: int | None) -> str:
    recv, send = (_UNTOLD if size is None else size for size in (recv_q, send_q))
    return f"{recv:>6} {send:>6} "


def cut_address(host: str, port: str) -> str:
    """Address and port in netstat's 22 characters and a colon; the port keeps up to 18."""
    port = port[:_PORT_ROOM]
    return f"{host[: _ADDRESS_ROOM - len(port)]}:{port}".ljust(_ADDRESS_WIDTH)


def timer_text(timer: Timer | None) -> str:
    """netstat's timer column: ``kind (seconds/retransmits/probes)``."""
    if timer is None:
        return _UNTOLD
    kind, expires_s, retransmits, probes = timer
    return f"{kind} ({expires_s:.2f}/{retransmits}/{probes})"


def program_text(owners: tuple[Owner, ...] | None) -> str:
    """netstat's program column: the first owner as ``pid/name``, 19 characters at most."""
    if not owners:
        return _UNTOLD
    return f"{owners[0].pid}/{printable(owners[0].name)}"[:_PROGRAM_ROOM]


def _user_and_inode(uid: int | None, inode: int | None, words: Words) -> str:
    """netstat's columns of -e; it says user 0 where the kernel keeps none."""
    if inode is None:
        return f" {_UNTOLD:<10} {_UNTOLD:<10}"
    user = words.users.get(uid or 0, uid or 0)
    return f" {user:<10} {inode:<10}"


def unix_heading(show: Show, columns: Columns) -> str:
    """The two lines above the unix sockets."""
    program = "PID/Program name     " if columns.programs else ""
    netns = f"{_NETNS_TITLE} " if columns.netns else ""
    return (
        f"Active UNIX domain sockets ({show.value})\n"
        f"Proto RefCnt Flags       Type       State         I-Node   {program}{netns}Path\n"
    )


def unix_rows(records: Iterable[UnixRecord], columns: Columns) -> str:
    """A line for each record, each with its line end; the whole name, unlike netstat."""
    return "".join(_unix_row(record, columns) for record in records)


def _unix_row(record: UnixRecord, columns: Columns) -> str:
    flags = "[ ACC ]" if record.state is UnixState.LISTENING else "[ ]"
    if record.state is None:
        flags = _UNTOLD
    refcnt = _UNTOLD if record.refcnt is None else str(record.refcnt)
    inode = _UNTOLD if record.inode is None else str(record.inode)
    state = _UNTOLD if record.state is None else str(record.state)
    if record.state is UnixState.UNCONNECTED:
        state = ""
    program = f"{program_text(record.owners):<{_PROGRAM_WIDTH}} " if columns.programs else ""
    netns = f"{record.netns or _UNTOLD:<{_NETNS_WIDTH}} " if columns.netns else ""
    return (
        f"unix  {refcnt:<6} {flags:<11} {record.type:<10} {state:<13} {inode:<8} {program}{netns}"
        f"{printable(unix_name(record.path))}\n"
    )
