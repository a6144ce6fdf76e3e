"""Every column a view can show: its name, title, value, text, and what it takes to know it.

All formats show the same columns: JSON the values, tables the texts, CSV the values that
are numbers or words and the texts of the others. None means "can't tell", or that the row
can't have one.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Flag, auto
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from pynetstat.cmdline import command_line
from pynetstat.owners import Coverage, Missing, why_no_owner
from pynetstat.records import Addr, Owner, SocketRecord, TcpState, Timer, UnixRecord, UnixState
from pynetstat.remark import Remarks
from pynetstat.render.info import info_text
from pynetstat.render.netstat import timer_text
from pynetstat.tcpinfo import TcpInfo
from pynetstat.text import printable, unix_name
from pynetstat.words import Words, interface_name, numbers, owner_text

Row: TypeAlias = SocketRecord | UnixRecord

UNTOLD = "-"
"""What a table shows for None."""

_DATAGRAM = ("udp", "udplite", "raw")


class Need(Flag):
    """What must be asked for beside the table."""

    NOTHING = 0
    OWNERS = auto()
    INFO = auto()
    HOSTS = auto()
    USERS = auto()
    REMARKS = auto()


class Context:
    """What columns need beside the row: names, the walk's coverage, the time, the processes.

    ``coverage`` may be set anew while rows arrive; None when owners were not asked for.
    ``explain`` makes the remarks on a row; None when they were not asked for. ``interfaces``
    are a reader's.
    """

    def __init__(
        self,
        words: Words | None = None,
        euid: int = 0,
        proc_root: str = "/proc",
        taken_at: str | None = None,
    ) -> None:
        self.words = words or numbers()
        self.coverage: Coverage | None = None
        self.explain: Remarks | None = None
        self.taken_at = taken_at
        self._euid = euid
        self._proc_root = proc_root
        self._ports: dict[str, dict[int, str]] = {}
        self.interfaces: Mapping[str, Mapping[int, str]] = {}
        self._interface_names: dict[tuple[int, str | None], str] = {}
        self._command_lines: dict[int, tuple[str, ...] | None] = {}

    def why_no_owner(self, row: Row) -> Missing | None:
        """As Snapshot.why_no_owner."""
        if row.owners or self.coverage is None:
            return None
        return why_no_owner(row, self.coverage, self._euid)

    def port(self, base: str, port: int) -> str:
        """The text of a port of a protocol."""
        if base not in self._ports:
            self._ports[base] = self.words.ports(base)
        return self._ports[base].get(port) or str(port)

    def interface(self, index: int, netns: str | None) -> str:
        """The name of an interface in a network namespace."""
        key = index, netns
        if key not in self._interface_names:
            self._interface_names[key] = interface_name(index, netns, self.interfaces)
        return self._interface_names[key]

    def command_line(self, owner: Owner, inode: int | None) -> tuple[str, ...] | None:
        """The owner's arguments, looked at once for each process."""
        if owner.pid not in self._command_lines and inode:
            line = command_line(owner, inode, self._proc_root)
            if line is None:
                return None
            self._command_lines[owner.pid] = line
        return self._command_lines.get(owner.pid)


class Column(NamedTuple):
    """One column.

    ``value`` is what JSON shows; ``text`` what tables show, where it is not the plain text
    of the value; ``key`` what rows are sorted by, where it is not the value.
    """

    name: str
    title: str
    about: str
    value: Callable[[Row, Context], Any]
    text: Callable[[Row, Context], str | None] | None = None
    key: Callable[[Row, Context], Any] | None = None
    right: bool = False
    needs: Need = Need.NOTHING

    def cell(self, row: Row, context: Context) -> str:
        """The text for a table; ``-`` for None."""
        found = (self.text or self.value)(row, context)
        return UNTOLD if found is None else str(found)

    def sort_key(self, row: Row, context: Context) -> Any:
        """What the row is sorted by; None sorts last."""
        return (self.key or self.value)(row, context)


def find_column(name: str) -> Column:
    """The column of that name, ``-`` and ``_`` alike. KeyError where there is none."""
    return COLUMNS[name.strip().lower().replace("-", "_")]


def find_columns(names: str) -> tuple[Column, ...]:
    """The columns of a list with commas; ``bytes`` stands for two. KeyError for an unknown one."""
    found: list[Column] = []
    for name in names.split(","):
        for each in GROUPED.get(name.strip().lower(), (name,)):
            found.append(find_column(each))
    return tuple(found)


def known_names() -> str:
    """The names of all columns, as a person would write them."""
    return ", ".join(name.replace("_", "-") for name in (*COLUMNS, *GROUPED))


class SortKey(NamedTuple):
    """A column to sort by, and in which direction."""

    column: Column
    descending: bool = False


def find_sort_keys(names: str) -> tuple[SortKey, ...]:
    """The keys of a list with commas, ``-`` before a name for descending. KeyError as above."""
    words = [name.strip() for name in names.split(",")]
    return tuple(
        SortKey(column, word.startswith("-"))
        for word in words
        for column in find_columns(word.removeprefix("-"))
    )


def sort_rows(rows: Sequence[Any], keys: Iterable[SortKey], context: Context) -> list[Any]:
    """The rows in order; those that can't be told come last, equal ones stay as they were."""
    ordered = list(rows)
    for column, descending in reversed(tuple(keys)):
        keyed = [(column.sort_key(row, context), row) for row in ordered]
        told = [pair for pair in keyed if pair[0] is not None]
        told.sort(key=lambda pair: pair[0], reverse=descending)
        ordered = [row for _, row in told] + [row for key, row in keyed if key is None]
    return ordered


def needs_of(columns: Iterable[Column]) -> Need:
    """All that the columns need."""
    needs = Need.NOTHING
    for column in columns:
        needs |= column.needs
    return needs


def owners_value(row: Row) -> list[dict[str, Any]] | None:
    """The owners for JSON; ``name_hex`` has the exact bytes of a name that had to be escaped."""
    if row.owners is None:
        return None
    return [_owner_value(owner) for owner in row.owners]


def _owner_value(owner: Owner) -> dict[str, Any]:
    name = printable(owner.name)
    value = {"pid": owner.pid, "fd": None if owner.fd < 0 else owner.fd, "name": name}
    if name != owner.name:
        value["name_hex"] = owner.name.encode("utf-8", "surrogateescape").hex()
    return value


def path_hex(path: bytes) -> str | None:
    """The exact bytes in hexadecimal where :func:`printable` text does not show them, else None."""
    text = unix_name(path)
    exact = printable(text) == text and b"\0" not in path[1:]
    return None if exact else path.hex()


def address_host(ip: str, context: Context) -> str:
    """The text of an address alone, its name where one is known."""
    return context.words.hosts[ip] if ip != "::" else "::"


def address_text(addr: Addr, row: SocketRecord, context: Context, scoped: bool) -> str:
    """Host and port, IPv6 in brackets, with the interface where it belongs to the address."""
    host = address_host(addr.ip, context)
    if scoped and row.ifindex:
        host += f"%{context.interface(row.ifindex, row.netns)}"
    if ":" in host:
        host = f"[{host}]"
    return f"{host}:{context.port(row.proto.base, addr.port)}"


def info_value(info: TcpInfo | None) -> dict[str, Any] | None:
    """TCP's figures for JSON, by the kernel's names."""
    if info is None:
        return None
    value = info._asdict()
    value["congestion"] = _congestion(info)
    for name in ("algorithm", "memory"):
        if value[name] is not None:
            value[name] = value[name]._asdict()
    return value


def _congestion(info: TcpInfo | None) -> str | None:
    return None if info is None or info.congestion is None else printable(info.congestion)


def _attribute(name: str) -> Callable[[Row, Context], Any]:
    return lambda row, _: getattr(row, name, None)


def _of_inet(function: Callable[[SocketRecord, Context], Any]) -> Callable[[Row, Context], Any]:
    """A function of internet rows that gives None for unix ones."""
    return lambda row, context: None if isinstance(row, UnixRecord) else function(row, context)


def _of_unix(function: Callable[[UnixRecord], Any]) -> Callable[[Row, Context], Any]:
    return lambda row, _: function(row) if isinstance(row, UnixRecord) else None


def _of_timer(name: str) -> Callable[[Row, Context], Any]:
    def value(row: SocketRecord, _: Context) -> Any:
        return None if row.timer is None else getattr(row.timer, name)

    return _of_inet(value)


def _of_info(name: str) -> Callable[[Row, Context], Any]:
    def value(row: SocketRecord, _: Context) -> Any:
        return None if row.info is None else getattr(row.info, name)

    return _of_inet(value)


@lru_cache(maxsize=65536)
def _ip_key(ip: str) -> tuple[int, bytes]:
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    return (6 if ":" in ip else 4), socket.inet_pton(family, ip.partition("%")[0])


def _state_text(row: Row, _: Context) -> str | None:
    """Blank where netstat leaves it blank."""
    if row.state is None:
        return None
    if row.state is UnixState.UNCONNECTED:
        return ""
    idle = row.state is TcpState.CLOSE and row.proto.base in _DATAGRAM
    return "" if idle else str(row.state)


def _local_text(row: SocketRecord, context: Context) -> str:
    return address_text(row.laddr, row, context, scoped=True)


def _remote_text(row: SocketRecord, context: Context) -> str:
    return address_text(row.raddr, row, context, scoped=row.raddr.ip.startswith("fe80:"))


def _timer_value(timer: Timer | None) -> dict[str, Any] | None:
    return None if timer is None else {**timer._asdict(), "kind": str(timer.kind)}


def _interface(row: SocketRecord, context: Context) -> str | None:
    if row.ifindex is None:
        return None
    return context.interface(row.ifindex, row.netns) if row.ifindex else ""


def _user(row: Row, context: Context) -> str | None:
    return None if row.uid is None else context.words.users.get(row.uid)


def _user_text(row: Row, context: Context) -> str | None:
    return None if row.uid is None else _user(row, context) or str(row.uid)


def _pids(row: Row, _: Context) -> list[int] | None:
    return None if row.owners is None else sorted({owner.pid for owner in row.owners})


def _pids_text(row: Row, _: Context) -> str | None:
    return ",".join(map(str, _pids(row, _) or ())) or None


def _programs(row: Row, _: Context) -> list[str] | None:
    if row.owners is None:
        return None
    return list(dict.fromkeys(printable(owner.name) for owner in row.owners))


def _programs_text(row: Row, context: Context) -> str | None:
    return ", ".join(_programs(row, context) or ()) or None


def _owners_text(row: Row, context: Context) -> str | None:
    if row.owners:
        return ", ".join(owner_text(owner) for owner in row.owners)
    missing = context.why_no_owner(row)
    return f"({missing.value})" if missing else None


def _no_owner(row: Row, context: Context) -> str | None:
    missing = context.why_no_owner(row)
    return missing.name.lower() if missing else None


def _no_owner_text(row: Row, context: Context) -> str:
    missing = context.why_no_owner(row)
    return missing.value if missing else ""


def _command_lines(row: Row, context: Context) -> list[list[str] | None] | None:
    if row.owners is None:
        return None
    lines = [context.command_line(owner, row.inode) for owner in row.owners]
    return [None if line is None else [printable(word) for word in line] for line in lines]


def _command_lines_text(row: Row, context: Context) -> str | None:
    lines = _command_lines(row, context) or ()
    return "; ".join(UNTOLD if line is None else " ".join(line) for line in lines) or None


def _remarks(row: Row, context: Context, trouble: bool) -> list[str] | None:
    if context.explain is None:
        return None
    return [remark.text for remark in context.explain(row) if remark.trouble is trouble]


def _explanation(row: Row, context: Context) -> str | None:
    return " ".join(_remarks(row, context, trouble=False) or ()) or None


def _trouble(row: Row, context: Context) -> list[str] | None:
    return _remarks(row, context, trouble=True)


def _trouble_text(row: Row, context: Context) -> str | None:
    return " ".join(_trouble(row, context) or ()) or None


def _milliseconds(name: str) -> Callable[[Row, Context], str | None]:
    value = _of_info(name)

    def text(row: Row, context: Context) -> str | None:
        told = value(row, context)
        return None if told is None else f"{told / 1000:.3f}ms"

    return text


def _first(values: Callable[[Row, Context], list[Any] | None]) -> Callable[[Row, Context], Any]:
    """A key that is None where there is no value."""
    return lambda row, context: values(row, context) or None


def _info_column(name: str, title: str, about: str, field: str) -> Column:
    return Column(name, title, about, _of_info(field), right=True, needs=Need.INFO)


def _time_column(name: str, title: str, about: str) -> Column:
    return Column(
        name,
        title,
        f"{about}, in microseconds",
        _of_info(name),
        _milliseconds(name),
        right=True,
        needs=Need.INFO,
    )


_ALL = (
    Column("time", "Time", "when the tables were read", lambda _, context: context.taken_at),
    Column("proto", "Proto", "the table", lambda row, _: row.proto.value),
    Column(
        "recv_q",
        "Recv-Q",
        "bytes not read, connections not accepted",
        _attribute("recv_q"),
        right=True,
    ),
    Column("send_q", "Send-Q", "bytes not acknowledged", _attribute("send_q"), right=True),
    Column("backlog", "Backlog", "the accept queue's limit", _attribute("backlog"), right=True),
    Column(
        "local",
        "Local Address",
        "address and port on this side",
        _of_inet(lambda row, _: row.laddr._asdict()),
        _of_inet(_local_text),
        _of_inet(lambda row, _: (_ip_key(row.laddr.ip), row.laddr.port)),
        needs=Need.HOSTS,
    ),
    Column(
        "remote",
        "Foreign Address",
        "address and port on the other side",
        _of_inet(lambda row, _: row.raddr._asdict()),
        _of_inet(_remote_text),
        _of_inet(lambda row, _: (_ip_key(row.raddr.ip), row.raddr.port)),
        needs=Need.HOSTS,
    ),
    Column(
        "v6only",
        "V6 Only",
        "whether it takes no IPv4, of unconnected IPv6 sockets",
        _attribute("v6only"),
    ),
    Column(
        "local_ip",
        "Local IP",
        "address on this side",
        _of_inet(lambda row, _: row.laddr.ip),
        key=_of_inet(lambda row, _: _ip_key(row.laddr.ip)),
    ),
    Column(
        "local_port",
        "Local Port",
        "port on this side",
        _of_inet(lambda row, _: row.laddr.port),
        right=True,
    ),
    Column(
        "remote_ip",
        "Foreign IP",
        "address on the other side",
        _of_inet(lambda row, _: row.raddr.ip),
        key=_of_inet(lambda row, _: _ip_key(row.raddr.ip)),
    ),
    Column(
        "remote_port",
        "Foreign Port",
        "port on the other side",
        _of_inet(lambda row, _: row.raddr.port),
        right=True,
    ),
    Column(
        "state",
        "State",
        "the state in netstat's words",
        lambda row, _: None if row.state is None else row.state.value,
        _state_text,
    ),
    Column(
        "timer",
        "Timer",
        "kind (seconds/retransmits/probes)",
        _of_inet(lambda row, _: _timer_value(row.timer)),
        _of_inet(lambda row, _: None if row.timer is None else timer_text(row.timer)),
        _of_timer("expires_s"),
    ),
    Column("timer_kind", "Timer Kind", "what the timer runs for", _of_timer("kind")),
    Column(
        "timer_s", "Timer s", "seconds until the timer fires", _of_timer("expires_s"), right=True
    ),
    Column(
        "retransmits",
        "Retransmits",
        "segments sent again without an answer",
        _of_timer("retransmits"),
        right=True,
    ),
    Column("probes", "Probes", "probes sent without an answer", _of_timer("probes"), right=True),
    Column("uid", "UID", "the owner's user id", _attribute("uid"), right=True),
    Column("user", "User", "the owner's name", _user, _user_text, needs=Need.USERS),
    Column("inode", "Inode", "the socket's inode, 0 for none", _attribute("inode"), right=True),
    Column(
        "cookie", "Cookie", "the kernel's name for the socket", _attribute("cookie"), right=True
    ),
    Column(
        "ifindex",
        "IfIndex",
        "the interface's number, 0 for none",
        _attribute("ifindex"),
        right=True,
    ),
    Column("interface", "Interface", "the interface the socket is bound to", _of_inet(_interface)),
    Column("netns", "Netns", "its network namespace's label", _attribute("netns")),
    Column(
        "pid", "PID", "the owners' process ids", _pids, _pids_text, _first(_pids), needs=Need.OWNERS
    ),
    Column(
        "program",
        "Program",
        "the owners' names",
        _programs,
        _programs_text,
        _first(_programs),
        needs=Need.OWNERS,
    ),
    Column(
        "owners",
        "PID/Program name",
        "the processes that hold the socket, or why there is none",
        lambda row, _: owners_value(row),
        _owners_text,
        _first(_pids),
        needs=Need.OWNERS,
    ),
    Column(
        "no_owner",
        "No Owner",
        "why there is no owner",
        _no_owner,
        _no_owner_text,
        needs=Need.OWNERS,
    ),
    Column(
        "cmdline",
        "Command Line",
        "the owners' command lines",
        _command_lines,
        _command_lines_text,
        _command_lines_text,
        needs=Need.OWNERS,
    ),
    Column(
        "explanation",
        "Explanation",
        "what the row means, in a sentence",
        _explanation,
        needs=Need.OWNERS | Need.REMARKS,
    ),
    Column(
        "trouble",
        "Trouble",
        "what in the row points to trouble",
        _trouble,
        _trouble_text,
        _trouble_text,
        needs=Need.OWNERS | Need.REMARKS,
    ),
    Column(
        "info",
        "Info",
        "all that TCP keeps",
        _of_inet(lambda row, _: info_value(row.info)),
        _of_inet(lambda row, _: None if row.info is None else info_text(row.info)),
        _of_info("rtt"),
        needs=Need.INFO,
    ),
    Column(
        "congestion",
        "Congestion",
        "the congestion control's name",
        _of_inet(lambda row, _: _congestion(row.info)),
        needs=Need.INFO,
    ),
    _time_column("rtt", "RTT", "smoothed round-trip time"),
    _time_column("min_rtt", "Min RTT", "least round-trip time"),
    _time_column("rto", "RTO", "retransmission timeout"),
    _info_column("cwnd", "Cwnd", "congestion window in segments", "snd_cwnd"),
    _info_column("mss", "MSS", "bytes a segment", "snd_mss"),
    _info_column("unacked", "Unacked", "segments under way", "unacked"),
    _info_column("bytes_sent", "Sent", "bytes sent, also those sent again", "bytes_sent"),
    _info_column("bytes_acked", "Acked", "bytes acknowledged", "bytes_acked"),
    _info_column("bytes_received", "Received", "bytes received", "bytes_received"),
    _info_column("retrans", "Retrans", "segments ever sent again", "total_retrans"),
    Column("type", "Type", "a unix socket's type", _of_unix(lambda row: row.type)),
    Column("refcnt", "RefCnt", "a unix socket's reference count", _attribute("refcnt"), right=True),
    Column(
        "peer_inode",
        "Peer",
        "the inode at a unix socket's other end",
        _attribute("peer_inode"),
        right=True,
    ),
    Column(
        "path",
        "Path",
        "a unix socket's name",
        _of_unix(lambda row: printable(unix_name(row.path))),
        key=_of_unix(lambda row: row.path or None),
    ),
    Column(
        "path_hex",
        "Path in hex",
        "its exact bytes where they had to be escaped",
        _of_unix(lambda row: path_hex(row.path)),
    ),
    Column(
        "abstract",
        "Abstract",
        "whether the name is no file's",
        _of_unix(lambda row: row.path.startswith(b"\0")),
    ),
    Column(
        "trusted", "Trusted", "whether the row can't be forged", _of_unix(lambda row: row.trusted)
    ),
)

COLUMNS: dict[str, Column] = {column.name: column for column in _ALL}
COLUMNS["foreign"] = COLUMNS["remote"]
COLUMNS["cong"] = COLUMNS["congestion"]

GROUPED: dict[str, tuple[str, ...]] = {"bytes": ("bytes_acked", "bytes_received")}
"""One word for several columns."""
