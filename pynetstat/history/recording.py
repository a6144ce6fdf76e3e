"""The format of a recording: snapshots and events as JSON lines (docs/recording.md). Pure.

::

    encoder = Encoder()
    line = encode_header(header); line = encoder.snapshot(snapshot); line = encoder.event(event)

    decoder = Decoder(decode_header(first_line))
    item = decoder.item(line)           # Snapshot, Event, Loss, None for a kind that is new

What is decoded equals what was encoded; only a kernel's "can't tell" (None) is left out of a
line. A line comes from outside: every value is checked for its type and range, so that a
forged recording can put nothing into a row that no source would.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from typing import Any, Generic, NamedTuple, NoReturn, TypeAlias, TypeVar

from pynetstat.diff import identity
from pynetstat.errors import RecordingError
from pynetstat.history.transition import Event, Loss, Totals
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

VERSION = 1
"""Raised when a name or a meaning changes; not for a field or a kind of line that is added."""

LONGEST_LINE = 1 << 25
"""Bytes: a snapshot of 200,000 sockets. Longer lines are neither written nor read."""

INET_FIELDS = (
    "proto", "laddr", "raddr", "state", "recv_q", "send_q", "backlog", "timer", "uid", "inode",
    "cookie", "ifindex", "owners", "v6only",
)  # fmt: skip
UNIX_FIELDS = (
    "type", "state", "path", "inode", "peer_inode", "recv_q", "send_q", "refcnt", "uid", "cookie",
    "owners", "trusted",
)  # fmt: skip

Item: TypeAlias = "Snapshot | Event | Loss"

_Row = TypeVar("_Row", SocketRecord, UnixRecord)

_FULL_EVERY = 60
"""Snapshots from one that stands alone to the next: what a damaged line costs at most."""
_LATEST = 253402300799.0 - 2 * 86400.0
"""The end of the year 9999 but for two days: a time up to which is a date in every zone."""
_MOST = 2**64
_MOST_INTERFACES = 2**32
_MOST_KNOWN_IPS = 100_000
_SOURCE_NAME = re.compile(r"[a-z_]{1,20}")
_SCOPE = re.compile(r"[0-9A-Za-z_.-]{1,15}")
_UNKNOWN_TIMER = re.compile(r"unkn-[0-9]{1,3}")
_UNKNOWN_TYPE = "UNKNOWN"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

_encode_json = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


class Header(NamedTuple):
    """What a recording says of itself in its first line.

    ``started`` is in seconds since the epoch; ``program`` who wrote it; ``interval_s`` the
    seconds between snapshots; ``event_source`` where events come from, None without events;
    ``euid`` the user who recorded, since that decides what could be seen.
    """

    started: float
    program: str
    interval_s: float | None = None
    event_source: str | None = None
    euid: int | None = None


# Writing


def encode_header(header: Header) -> str:
    """The first line."""
    started = datetime.fromtimestamp(header.started, timezone.utc)
    values = {
        "pynetstat": "recording",
        "version": VERSION,
        "started": started.isoformat(timespec="microseconds"),
        "program": header.program,
        "interval_s": header.interval_s,
        "event_source": header.event_source,
        "euid": header.euid,
        "inet_fields": INET_FIELDS,
        "unix_fields": UNIX_FIELDS,
    }
    return _line(values)


class Encoder:
    """Makes the lines of one recording, each snapshot by what differs from the one before."""

    def __init__(self, full_every: int = _FULL_EVERY) -> None:
        self._full_every = full_every
        self._before: Snapshot | None = None
        self._since_full = 0

    def snapshot(self, snapshot: Snapshot) -> str:
        """A snapshot's line. RecordingError when it has more sockets than a line holds."""
        before = self._before
        self._since_full += 1
        if before is None or self._since_full >= self._full_every:
            before, self._since_full = None, 0
        values: dict[str, Any] = {
            "type": "snapshot",
            "at": snapshot.taken_at,
            "full": before is None,
            "sources": {str(proto): name for proto, name in snapshot.sources.items()},
        }
        if snapshot.gaps:
            values["gaps"] = [
                [gap.kind.name.lower(), gap.proto, _text(gap.reason)] for gap in snapshot.gaps
            ]
        if snapshot.coverage is not None:
            values["coverage"] = snapshot.coverage
        values["inet"] = _rows(snapshot.records, before.records if before else [], INET_FIELDS)
        values["unix"] = _rows(snapshot.unix, before.unix if before else [], UNIX_FIELDS)
        line = _line(values)
        if "\\ud" in line:  # perhaps a lone surrogate
            for rows in (values["inet"], values["unix"]):
                rows[:] = map(_without_surrogates, rows)
            line = _line(values)
        if len(line) > LONGEST_LINE:
            rows = len(snapshot.records) + len(snapshot.unix)
            raise RecordingError(f"{rows} sockets are more than a line of a recording holds")
        self._before = snapshot
        return line

    def event(self, event: Event) -> str:
        """An event's line."""
        values: dict[str, Any] = {"type": "event"}
        values |= {name: value for name, value in event._asdict().items() if value is not None}
        if not event.inferred:
            del values["inferred"]
        if event.owners is not None:
            values["owners"] = _owners(event.owners)
        if event.totals is not None:
            values["totals"] = event.totals._asdict()
        return _line(values)

    def loss(self, loss: Loss) -> str:
        """A loss's line."""
        return _line({"type": "loss", "at": loss.at, "lost": loss.lost, "why": _text(loss.why)})


def _line(values: dict[str, Any]) -> str:
    return _encode_json(values) + "\n"


def _text(text: str) -> Any:
    """Text as JSON that any reader takes: its bytes where it is not Unicode."""
    if _LONE_SURROGATE.search(text):
        return {"hex": text.encode("utf-8", "surrogateescape").hex()}
    return text


def _owners(owners: Iterable[Owner]) -> list[Any]:
    return [[owner.pid, owner.fd, _text(owner.name)] for owner in owners]


def _path(path: bytes) -> Any:
    try:
        return path.decode()
    except UnicodeDecodeError:
        return {"hex": path.hex()}


def _rows(rows: Sequence[_Row], before: Sequence[_Row], fields: tuple[str, ...]) -> list[Any]:
    """The rows: each whole, or by the place in the table before of the same socket's row.

    Places only go up, so that no line can name more rows than there are.
    """
    places = {identity(row): place for place, row in enumerate(before)}
    encoded: list[Any] = []
    run: list[int] = []
    free = 0
    for row in rows:
        place = places.get(identity(row), -1)
        if place < free:
            run = []
            encoded.append(_whole(row, fields))
            continue
        free = place + 1
        if row != before[place]:
            run = []
            encoded.append({"row": place, **_changes(before[place], row, fields)})
        elif run and run[0] + run[1] == place:
            run[1] += 1
        else:
            run = [place, 1]
            encoded.append(run)
    return encoded


def _whole(row: SocketRecord | UnixRecord, fields: tuple[str, ...]) -> list[Any]:
    values: list[Any] = list(row[: len(fields)])
    if isinstance(row, UnixRecord):
        values[2] = _path(row.path)
    return values


def _changes(
    before: SocketRecord | UnixRecord, row: SocketRecord | UnixRecord, fields: tuple[str, ...]
) -> dict[str, Any]:
    old, new = _whole(before, fields), _whole(row, fields)
    return {name: there for name, was, there in zip(fields, old, new, strict=True) if was != there}


def _without_surrogates(row: Any) -> Any:
    """The row as it is, but for the names of its owners."""
    if isinstance(row, dict):
        return {name: _clean(value) if name == "owners" else value for name, value in row.items()}
    return [_clean(value) for value in row]


def _clean(value: Any) -> Any:
    if isinstance(value, tuple) and value and isinstance(value[0], Owner):
        return _owners(value)
    return value


# Reading


def decode_header(line: str) -> tuple[Header, Decoder]:
    """What the first line says, and what decodes the lines behind it.

    RecordingError when this is no recording, or one of a newer version.
    """
    try:
        values = _object(line)
    except RecordingError:
        values = {}
    if values.get("pynetstat") != "recording":
        raise RecordingError("this is no recording of pynetstat's")
    version = values.get("version")
    if type(version) is not int or version < 1:
        raise RecordingError("this recording does not say which version it is")
    if version > VERSION:
        raise RecordingError(
            f"this recording is of version {version}; this pynetstat reads versions up to {VERSION}"
        )
    header = Header(
        _date(values.get("started")),
        _str(values.get("program", "")),
        _maybe(_seconds)(values.get("interval_s")),
        _maybe(_source)(values.get("event_source")),
        _maybe(_number)(values.get("euid")),
    )
    return header, Decoder(_names(values, "inet_fields"), _names(values, "unix_fields"))


class Decoder:
    """Decodes the lines behind the first one, in their order.

    ``inet_fields`` and ``unix_fields`` name the values of a row; unknown ones are passed over.
    """

    def __init__(
        self,
        inet_fields: Sequence[str] = INET_FIELDS,
        unix_fields: Sequence[str] = UNIX_FIELDS,
    ) -> None:
        self._inet: _Table[SocketRecord] = _Table(SocketRecord, inet_fields, _INET_VALUES)
        self._unix: _Table[UnixRecord] = _Table(UnixRecord, unix_fields, _UNIX_VALUES)
        self._follows = False

    def skip(self) -> None:
        """A line is missing: snapshots can be told again from the next one that stands alone."""
        self._follows = False

    def item(self, line: str) -> Item | None:
        """What a line says; None for a kind of line that this version does not know, and for a
        snapshot of which the one before is missing. RecordingError when it is damaged."""
        values = _object(line)
        kind = values.get("type")
        if kind == "event":
            return _event(values)
        if kind == "loss":
            at, lost = _time(values.get("at")), _maybe(_number)(values.get("lost"))
            return Loss(at, lost, _any_text(values.get("why")))
        if kind == "snapshot":
            return self._snapshot(values)
        _str(kind)
        return None

    def _snapshot(self, values: dict[str, Any]) -> Snapshot | None:
        full = _bool(values.get("full"))
        if not full and not self._follows:
            return None
        self._follows = False
        records = self._inet.rows(_list(values.get("inet", [])), full)
        unix = self._unix.rows(_list(values.get("unix", [])), full)
        snapshot = Snapshot(
            records,
            unix,
            {
                _proto(proto): _source(name)
                for proto, name in _dict(values.get("sources", {})).items()
            },
            tuple(_gap(gap) for gap in _list(values.get("gaps", []))),
            _maybe(_coverage)(values.get("coverage")),
            _time(values.get("at")),
        )
        self._inet.before, self._unix.before = records, unix
        self._follows = True
        return snapshot


class _Table(Generic[_Row]):
    """Decodes rows of one kind; ``before`` are those of the snapshot before."""

    def __init__(
        self,
        kind: type[_Row],
        fields: Sequence[str],
        values: dict[str, Callable[[Any], Any]],
    ) -> None:
        needed = {name for name in kind._fields if name not in kind._field_defaults}
        _check(needed <= set(fields), "its rows lack what every row has")
        self.before: list[_Row] = []
        self._make: Callable[..., _Row] = kind
        self._values = values
        self._width = len(fields)
        self._places = [
            (name, fields.index(name), value) for name, value in values.items() if name in fields
        ]

    def rows(self, encoded: list[Any], full: bool) -> list[_Row]:
        before = [] if full else self.before
        rows: list[_Row] = []
        free = 0
        for item in encoded:
            if isinstance(item, dict):
                place = _number(item.get("row"))
                _check(free <= place < len(before), "a row refers to none")
                rows.append(self._changed(before[place], item))
                free = place + 1
            elif _list(item) and type(item[0]) is int:
                _check(len(item) == 2, "a row refers to none")
                place, count = item[0], _number(item[1])
                _check(free <= place <= place + count <= len(before), "a row refers to none")
                rows += before[place : place + count]
                free = place + count
            else:
                rows.append(self._whole(item))
        return rows

    def _whole(self, item: list[Any]) -> _Row:
        _check(len(item) == self._width, "a row has too few or too many values")
        return self._make(**{name: value(item[at]) for name, at, value in self._places})

    def _changed(self, row: _Row, changes: dict[str, Any]) -> _Row:
        values = self._values
        known = {name: values[name](value) for name, value in changes.items() if name in values}
        changed: _Row = row._replace(**known)
        return changed


def _bad(what: str) -> NoReturn:
    raise RecordingError(what)


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        _bad(otherwise)


def _object(line: str) -> dict[str, Any]:
    try:
        values = json.loads(line, parse_constant=_bad)
    except (ValueError, RecursionError):
        _bad("not JSON")
    except RecordingError:
        _bad("a number that is none")
    return _dict(values)


def _dict(value: Any) -> dict[str, Any]:
    _check(isinstance(value, dict), "no object where one belongs")
    return value  # type: ignore[no-any-return]


def _list(value: Any) -> list[Any]:
    _check(isinstance(value, list), "no list where one belongs")
    return value  # type: ignore[no-any-return]


def _names(values: dict[str, Any], name: str) -> list[str]:
    return [_str(field) for field in _list(values.get(name))]


def _bool(value: Any) -> bool:
    _check(isinstance(value, bool), "neither true nor false")
    return value  # type: ignore[no-any-return]


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < _MOST:
        _bad("a number that can't be")
    return value


def _interface(value: Any) -> int:
    number = _number(value)
    _check(number < _MOST_INTERFACES, "an interface that can't be")
    return number


def _descriptor(value: Any) -> int:
    return -1 if value == -1 and type(value) is int else _number(value)


def _port(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= 0xFFFF:
        _bad("a port that can't be")
    return value


def _float(value: Any) -> float:
    if type(value) not in (int, float) or not -_MOST <= value <= _MOST:  # NaN is not between
        _bad("a number that can't be")
    return float(value)


def _seconds(value: Any) -> float:
    seconds = _float(value)
    _check(seconds >= 0, "a time span below 0")
    return seconds


def _time(value: Any) -> float:
    at = _float(value)
    _check(0 <= at <= _LATEST, "a time that can't be")
    return at


def _date(value: Any) -> float:
    try:
        return _time(datetime.fromisoformat(_str(value)).timestamp())
    except (ValueError, OverflowError):
        _bad("a date that can't be read")


def _str(value: Any) -> str:
    if type(value) is not str or (not value.isascii() and _LONE_SURROGATE.search(value)):
        _bad("no text where some belongs")
    return value


def _hex(value: dict[str, Any]) -> bytes:
    try:
        return bytes.fromhex(_str(value.get("hex")))
    except ValueError:
        _bad("bytes that are not hexadecimal")


def _any_text(value: Any) -> str:
    if isinstance(value, dict):
        return _hex(value).decode("utf-8", "surrogateescape")
    return _str(value)


def _any_bytes(value: Any) -> bytes:
    return _hex(value) if isinstance(value, dict) else _str(value).encode()


def _source(value: Any) -> str:
    name = _str(value)
    _check(_SOURCE_NAME.fullmatch(name) is not None, "a source that has no such name")
    return name


_Value = TypeVar("_Value")


def _maybe(decode: Callable[[Any], _Value]) -> Callable[[Any], _Value | None]:
    return lambda value: None if value is None else decode(value)


def _word(words: dict[str, _Value], what: str) -> Callable[[Any], _Value]:
    def decode(value: Any) -> _Value:
        word = words.get(value) if type(value) is str else None
        if word is None:
            _bad(f"{what} that is not known")
        return word

    return decode


_proto = _word({proto.value: proto for proto in Proto}, "a protocol")
_tcp_state = _word({state.value: state for state in TcpState}, "a state")
_unix_state = _word({state.value: state for state in UnixState}, "a state")
_timer_kind = _word({kind.value: kind for kind in TimerKind}, "a timer")
_unix_type = _word({kind.value: kind for kind in UnixType}, "a socket type")
_gap_kind = _word({kind.name.lower(): kind for kind in GapKind}, "a gap")

_known_ips: dict[str, bool] = {}


def _ip(value: Any) -> str:
    text = _str(value)
    known = _known_ips.get(text)
    if known is None:
        if len(_known_ips) >= _MOST_KNOWN_IPS:
            _known_ips.clear()
        known = _known_ips[text] = _is_ip(text)
    _check(known, "an address that is none")
    return text


def _is_ip(text: str) -> bool:
    address, percent, scope = text.partition("%")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        socket.inet_pton(family, address)
    except (OSError, ValueError):
        return False
    return not percent or _SCOPE.fullmatch(scope) is not None


def _addr(value: Any) -> Addr:
    _check(len(_list(value)) == 2, "an address that is none")
    return Addr(_ip(value[0]), _port(value[1]))


def _timer(value: Any) -> Timer:
    _check(len(_list(value)) == 4, "a timer that is none")
    kind, expires_s, retransmits, probes = value
    if type(kind) is not str or not _UNKNOWN_TIMER.fullmatch(kind):
        kind = _timer_kind(kind)
    return Timer(kind, _float(expires_s), _number(retransmits), _number(probes))


def _owner(value: Any) -> Owner:
    _check(len(_list(value)) == 3, "an owner who is none")
    return Owner(_number(value[0]), _descriptor(value[1]), _any_text(value[2]))


def _owner_list(value: Any) -> tuple[Owner, ...]:
    return tuple(_owner(owner) for owner in _list(value))


def _any_unix_type(value: Any) -> str:
    return _UNKNOWN_TYPE if value == _UNKNOWN_TYPE else _unix_type(value)


def _coverage(value: Any) -> Coverage:
    _check(len(_list(value)) == 2, "counts of processes that are none")
    return Coverage(_number(value[0]), _bool(value[1]))


def _gap(value: Any) -> Gap:
    _check(len(_list(value)) == 3, "a gap that is none")
    return Gap(_gap_kind(value[0]), _maybe(_proto)(value[1]), _any_text(value[2]))


def _totals(value: Any) -> Totals:
    values = _dict(value)
    return Totals(*(_number(values.get(name)) for name in Totals._fields))


_maybe_number = _maybe(_number)
_maybe_owners = _maybe(_owner_list)

_INET_VALUES: dict[str, Callable[[Any], Any]] = {
    "proto": _proto,
    "laddr": _addr,
    "raddr": _addr,
    "state": _tcp_state,
    "recv_q": _maybe_number,
    "send_q": _maybe_number,
    "backlog": _maybe_number,
    "timer": _maybe(_timer),
    "uid": _maybe_number,
    "inode": _maybe_number,
    "cookie": _maybe_number,
    "ifindex": _maybe(_interface),
    "owners": _maybe_owners,
    "v6only": _maybe(_bool),
}
_UNIX_VALUES: dict[str, Callable[[Any], Any]] = {
    "type": _any_unix_type,
    "state": _maybe(_unix_state),
    "path": _any_bytes,
    "inode": _maybe_number,
    "peer_inode": _maybe_number,
    "recv_q": _maybe_number,
    "send_q": _maybe_number,
    "refcnt": _maybe_number,
    "uid": _maybe_number,
    "cookie": _maybe_number,
    "owners": _maybe_owners,
    "trusted": _bool,
}


def _event(values: dict[str, Any]) -> Event:
    get = values.get
    return Event(
        _time(get("at")),
        _proto(get("proto")),
        _addr(get("laddr")),
        _addr(get("raddr")),
        _maybe_number(get("cookie")),
        _maybe(_tcp_state)(get("old")),
        _maybe(_tcp_state)(get("new")),
        _maybe(_seconds)(get("seconds")),
        _maybe_number(get("inode")),
        _maybe_number(get("uid")),
        _maybe_owners(get("owners")),
        _maybe(_totals)(get("totals")),
        _bool(get("inferred", False)),
    )
