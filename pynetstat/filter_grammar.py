"""The filter language: ss's, and conditions of our own; text to conditions and back.

As in ss there is no precedence: ``a or b and c`` is read from left to right as
``( a or b ) and c``, terms side by side mean ``and``, ``not`` takes the one term behind it,
and states that come first hold for the whole of the rest. docs/filters.md has the grammar.

Names of hosts, services, users and interfaces are looked up while the text is read, and
only where no number is given.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple, cast

from pynetstat.errors import FilterError
from pynetstat.filters import (
    ALL_STATES,
    ALWAYS,
    BOUND_INACTIVE,
    All,
    AnyOf,
    Comparison,
    Filter,
    Host,
    Inode,
    Interface,
    Not,
    Path,
    Pid,
    Port,
    Process,
    ProtoIs,
    Queue,
    State,
    States,
    TimerIs,
    User,
    all_of,
    any_of,
    pattern,
)
from pynetstat.records import Proto, TcpState, TimerKind
from pynetstat.text import printable

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<quoted>"(?:[^"\\]|\\.)*"|'[^']*')
      | (?P<mark>&&?|\|\|?|[()]|==|!=|!~|<=|>=|[=!<>~])
      | (?P<word>[^\s()&|!=<>~"']+)
      | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)
_DEEPEST = 100
"""Parentheses and negations within each other: more is no question that a person asks."""
_HIGHEST = 90
"""Conditions within each other; fewer, so that a filter written down can be read again."""

_AND = ("and", "&", "&&")
_OR = ("or", "|", "||")
_NOT = ("not", "!")
_STATE_WORDS = ("state", "exclude", "excl")
_OPS: dict[str, Comparison] = {
    **dict.fromkeys(("=", "==", "eq"), "="),
    **dict.fromkeys(("!=", "ne", "neq"), "!="),
    **dict.fromkeys(("<", "lt"), "<"),
    **dict.fromkeys(("<=", "le", "leq"), "<="),
    **dict.fromkeys((">", "gt"), ">"),
    **dict.fromkeys((">=", "ge", "geq"), ">="),
}

_STATE_NAMES: dict[State, str] = {
    TcpState.ESTABLISHED: "established",
    TcpState.SYN_SENT: "syn-sent",
    TcpState.SYN_RECV: "syn-recv",
    TcpState.FIN_WAIT1: "fin-wait-1",
    TcpState.FIN_WAIT2: "fin-wait-2",
    TcpState.TIME_WAIT: "time-wait",
    TcpState.CLOSE: "closed",
    TcpState.CLOSE_WAIT: "close-wait",
    TcpState.LAST_ACK: "last-ack",
    TcpState.LISTEN: "listening",
    TcpState.CLOSING: "closing",
    BOUND_INACTIVE: "bound-inactive",
}
"""ss's name for each state."""

_IDLE: frozenset[State] = frozenset({TcpState.CLOSE, TcpState.LISTEN})
_BUCKET: frozenset[State] = frozenset({TcpState.SYN_RECV, TcpState.TIME_WAIT})
_GROUPS: dict[str, frozenset[State]] = {
    "all": ALL_STATES,
    "connected": ALL_STATES - _IDLE,
    "synchronized": ALL_STATES - _IDLE - {TcpState.SYN_SENT},
    "bucket": _BUCKET,
    "big": ALL_STATES - _BUCKET,
}
_STATE_WORD: dict[str, frozenset[State]] = {
    **{name: frozenset({state}) for state, name in _STATE_NAMES.items()},
    **{state.lower().replace("_", "-"): frozenset({state}) for state in TcpState},
    "estab": frozenset({TcpState.ESTABLISHED}),
    "syn-rcv": frozenset({TcpState.SYN_RECV}),
    "unconnected": frozenset({TcpState.CLOSE}),
    "unconn": frozenset({TcpState.CLOSE}),
    **_GROUPS,
}

_PROTO_WORD = {**{str(proto): proto for proto in Proto}, "udpl": Proto.UDPLITE,
               "udpl6": Proto.UDPLITE6}  # fmt: skip
_TIMER_WORD = {**{str(kind): kind for kind in TimerKind}, "persist": TimerKind.PROBE}

_ANY = ("*", "any", "all", "default")
_HOST_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_.-]+")
_SHORT_PREFIX = re.compile(r"(\d{1,3}(?:\.\d{1,3}){0,2})/(\d{1,2})")

_A_CONDITION = (
    "a condition (state, exclude, src, dst, sport, dport, dev, proto, process, pid, user, "
    "inode, path, recv-q, send-q, timer)"
)
_A_PORT = "a port (80, :80, or a service that this machine knows)"
_A_HOST = "an address ([::1] for IPv6), a prefix like 10.0.0.0/8, or a host that is known by name"

_REFUSED = {
    "autobound": "whether the kernel chose its port",
    "fwmark": "its mark, which the kernel tells to root only",
    "cgroup": "its cgroup",
}


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def parse_filter(
    filter: str | Iterable[str],  # noqa: A002
    *,
    interface_names: bool = True,
) -> Filter:
    """The condition that a text, or words of a command line, ask for.

    Without ``interface_names`` interfaces have to be numbers, since their names are those
    of this program's network namespace.

    FilterError for a text that can't be understood, and for a name that nobody knows.
    """
    text = filter if isinstance(filter, str) else " ".join(filter)
    return _Parser(text, interface_names).whole()


def filter_text(filter: Filter) -> str:  # noqa: A002
    """A filter as text from which :func:`parse_filter` makes the same filter again."""
    if isinstance(filter, All | AnyOf):
        if not filter.filters:
            return "sport = *" if isinstance(filter, All) else "not sport = *"
        word = " and " if isinstance(filter, All) else " or "
        return f"( {word.join(map(filter_text, filter.filters))} )"
    if isinstance(filter, Not):
        return f"not {filter_text(filter.filter)}"
    if isinstance(filter, States):
        names = [name for state, name in _STATE_NAMES.items() if state in filter.states]
        if not names:
            return "state closed exclude closed"
        return " ".join(f"state {name}" for name in names)
    if isinstance(filter, Port):
        return f"{filter.side} {filter.op} :{filter.port}"
    if isinstance(filter, Host):
        return f"{filter.side} {_host_text(filter)}"
    if isinstance(filter, Process):
        return f"process {filter.op} {_quoted(filter.text)}"
    if isinstance(filter, Path):
        return f"path {filter.op} {_quoted(filter.text)}"
    if isinstance(filter, Queue):
        return f"{filter.side} {filter.op} {filter.size}"
    if isinstance(filter, Pid):
        return f"pid = {filter.pid}"
    if isinstance(filter, User):
        return f"user = {filter.uid}"
    if isinstance(filter, Inode):
        return f"inode = {filter.inode}"
    if isinstance(filter, Interface):
        return f"dev = {filter.index}"
    if isinstance(filter, TimerIs):
        return f"timer = {filter.kind}"
    return f"proto = {filter.proto}"


def _host_text(host: Host) -> str:
    port = "" if host.port is None else f":{host.port}"
    return f"{host.network}{port}" if host.network.version == 4 else f"[{host.network}]{port}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class _Parser:
    """Reads one text, a token ahead."""

    def __init__(self, text: str, interface_names: bool) -> None:
        self._text = text
        self._interface_names = interface_names
        self._depth = 0
        self._height = 0  # of the condition read last: what is within each other in it
        self._token = self._read(0)

    def whole(self) -> Filter:
        if self._token.kind == "end":
            raise self._wrong(_A_CONDITION)
        if self._is(_STATE_WORDS):
            first = self._states()
            if self._token.kind == "end":
                return first
            if self._is(_OR):
                found = self._more(first)
            else:
                self._accept(_AND)
                found = all_of(first, self._more(self._term()))
        else:
            found = self._more(self._term())
        if self._token.kind != "end":
            raise self._wrong("and, or, another condition, or the end")
        return found

    def _more(self, found: Filter) -> Filter:
        """``found`` with the terms that follow it, from left to right."""
        last_join = None
        height = self._height
        while self._token.kind != "end" and self._token.text != ")":
            join = any_of if self._is(_OR) else all_of
            self._accept(_OR if join is any_of else _AND)
            found = join(found, self._term())
            # Each change between the two puts all that was read so far one level down.
            height = max(height + (join is not last_join), self._height + 1)
            self._check_height(height)
            last_join = join
        self._height = height
        return found

    def _term(self) -> Filter:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong(f"at most {_DEEPEST} parentheses and negations within each other")
        try:
            if self._accept(_NOT):
                negated = Not(self._term())
                self._height += 1
                self._check_height(self._height)
                return negated
            if self._accept(("(",)):
                found = self._more(self._term())
                if not self._accept((")",)):
                    raise self._wrong("a closing parenthesis")
                return found
            self._height = 0
            return self._condition()
        finally:
            self._depth -= 1

    def _check_height(self, height: int) -> None:
        if height > _HIGHEST:
            raise self._wrong(
                f"at most {_HIGHEST} negations and changes between and and or within each other"
            )

    def _condition(self) -> Filter:
        if self._is(_STATE_WORDS):
            return self._states()
        word = self._token.text.lower()
        if word in _REFUSED:
            raise self._wrong(f"another condition, since no row tells {_REFUSED[word]}")
        reader = _READERS.get(word) if self._token.kind == "word" else None
        if reader is None:
            raise self._wrong(_A_CONDITION)
        self._next()
        return reader(self, word)

    def _states(self) -> Filter:
        """States side by side add up; an ``exclude`` that comes first begins with all."""
        states: frozenset[State] | None = None
        while self._is(_STATE_WORDS):
            excludes = self._token.text.lower() != "state"
            self._next()
            named = _STATE_WORD.get(self._token.text.lower().replace("_", "-"))
            if named is None:
                raise self._wrong(f"a state ({', '.join([*_STATE_NAMES.values(), *_GROUPS])})")
            self._next()
            if excludes:
                states = (ALL_STATES if states is None else states) - named
            else:
                states = (states or frozenset()) | named
        assert states is not None
        return States(states)

    def port(self, side: str) -> Filter:
        """``sport`` and ``dport``."""
        op = self._comparison()
        if op == "=" and self._token.text in ("*", ":*"):
            self._next()
            return ALWAYS
        number = self._port_number(self._token.text.removeprefix(":"))
        self._next()
        return Port(cast("Literal['sport', 'dport']", side), op, number)

    def host(self, side: str) -> Filter:
        """``src`` and ``dst``."""
        negated = self._equality() == "!="
        if self._token.kind != "word":
            raise self._wrong(_A_HOST)
        found = self._host_condition(cast("Literal['src', 'dst']", side), self._token.text)
        self._next()
        return Not(found) if negated else found

    def process(self, _word: str) -> Filter:
        """``process``."""
        op, text, negated = self._text_condition("the name of a process")
        return Not(Process(op, text)) if negated else Process(op, text)

    def path(self, _word: str) -> Filter:
        """``path``."""
        op, text, negated = self._text_condition("the name of a unix socket")
        return Not(Path(op, text)) if negated else Path(op, text)

    def queue(self, side: str) -> Filter:
        """``recv-q`` and ``send-q``."""
        op = self._comparison()
        return Queue(cast("Literal['recv-q', 'send-q']", side), op, self._number("a number"))

    def pid(self, _word: str) -> Filter:
        """``pid``."""
        return self._equal(lambda: Pid(self._number("the number of a process")))

    def inode(self, _word: str) -> Filter:
        """``inode``."""
        return self._equal(lambda: Inode(self._number("an inode's number")))

    def user(self, _word: str) -> Filter:
        """``user``."""
        return self._equal(lambda: User(self._uid()))

    def interface(self, _word: str) -> Filter:
        """``dev``."""
        return self._equal(lambda: Interface(self._ifindex()))

    def timer(self, _word: str) -> Filter:
        """``timer``."""
        return self._equal(lambda: TimerIs(self._one_of(_TIMER_WORD, "a timer")))

    def proto(self, _word: str) -> Filter:
        """``proto``."""
        return self._equal(lambda: ProtoIs(self._one_of(_PROTO_WORD, "a table")))

    def _equal(self, value: Callable[[], Filter]) -> Filter:
        negated = self._equality() == "!="
        found = value()
        return Not(found) if negated else found

    def _comparison(self) -> Comparison:
        """The comparison that stands here; without one ``=`` is meant, as in ss."""
        op = _OPS.get(self._token.text.lower()) if self._token.kind != "quoted" else None
        if op is None:
            if self._token.kind == "mark":
                raise self._wrong("a comparison (= != < <= > >=)")
            return "="
        self._next()
        return op

    def _equality(self) -> Comparison:
        if _OPS.get(self._token.text.lower(), "=") not in ("=", "!="):
            raise self._wrong("= or !=")
        return self._comparison()

    def _text_condition(self, what: str) -> tuple[Literal["=", "~"], str, bool]:
        by_pattern = self._token.text in ("~", "!~")
        negated = self._token.text == "!~"
        if by_pattern:
            self._next()
        else:
            negated = self._equality() == "!="
        if self._token.kind not in ("word", "quoted"):
            raise self._wrong(f"{what}, in quotes if it has spaces or signs")
        text = self._token.text
        if self._token.kind == "quoted":
            text = _unquoted(text)
        if by_pattern:
            try:
                pattern(text)
            except re.error as error:
                raise self._wrong(f"a regular expression ({printable(str(error))})") from error
        self._next()
        return ("~" if by_pattern else "="), text, negated

    def _number(self, what: str, most: int | None = None) -> int:
        if not re.fullmatch(r"[0-9]{1,20}", self._token.text):
            raise self._wrong(what)
        number = int(self._token.text)
        if most is not None and number > most:
            raise self._wrong(what)
        self._next()
        return number

    def _one_of(self, words: dict[str, Proto] | dict[str, TimerKind], what: str) -> Any:
        value = words.get(self._token.text.lower())
        if value is None:
            raise self._wrong(f"{what} ({', '.join(words)})")
        self._next()
        return value

    def _uid(self) -> int:
        if self._token.text.isdecimal():
            return self._number("a user")
        expected = "a user's name that this machine knows, or a number"
        if self._token.kind == "end":
            raise self._wrong(expected)
        try:
            import pwd

            uid = pwd.getpwnam(self._token.text).pw_uid
        except (ImportError, KeyError, ValueError) as error:
            raise self._wrong(expected) from error
        self._next()
        return uid

    def _ifindex(self) -> int:
        if self._token.text.isdecimal():
            return self._number("an interface's number from 0 to 4294967295", 0xFFFFFFFF)
        if not self._interface_names:
            raise self._wrong("an interface's number: each network namespace has its own names")
        try:
            index = socket.if_nametoindex(self._token.text)
        except (OSError, ValueError) as error:
            raise self._wrong("an interface of this machine, or its number") from error
        self._next()
        return index

    def _port_number(self, text: str, at: int = 0) -> int:
        """``at``: where in the token the port begins, for the caret."""
        if self._token.kind != "word":
            raise self._wrong(_A_PORT)
        if text.isdecimal() and text.isascii():
            digits = text.lstrip("0") or "0"
            # int() refuses thousands of digits with an error of its own.
            if len(digits) > 5 or int(digits) > 65535:
                raise self._wrong("a port from 0 to 65535", at)
            return int(digits)
        try:
            return socket.getservbyname(text)
        except (OSError, ValueError) as error:
            raise self._wrong(_A_PORT, at) from error

    def _host_condition(self, side: Literal["src", "dst"], text: str) -> Filter:
        """``text`` is ADDRESS, [ADDRESS], either with :PORT behind it, or a name so."""
        host, port_text = self._host_and_port(text)
        port = None
        if port_text not in (None, "*"):
            assert port_text is not None
            port = self._port_number(port_text, len(text) - len(port_text))
        if host.lower() in ("", *_ANY):
            if port is None:
                return ALWAYS
            return Port("sport" if side == "src" else "dport", "=", port)
        network = _network(host)
        if network is not None:
            return Host(side, network, port)
        if not _HOST_NAME.fullmatch(host):
            raise self._wrong(_A_HOST)
        return any_of(*(Host(side, address, port) for address in self._addresses(host)))

    def _host_and_port(self, text: str) -> tuple[str, str | None]:
        if text.startswith("["):
            host, bracket, rest = text[1:].partition("]")
            if not bracket or (rest and not rest.startswith(":")) or ":" not in host:
                raise self._wrong("an IPv6 address in brackets, with :PORT behind it or without")
            return host, rest[1:] if rest else None
        if text.count(":") < 2:
            host, colon, port = text.partition(":")
            return host, port if colon else None
        # More colons: an IPv6 address, perhaps with a port behind the last one.
        host, _, port = text.rpartition(":")
        with_port = _network(host) is not None and (port == "*" or port.isdecimal())
        if _network(text) is None:
            if _network(host) is None:
                raise self._wrong(_A_HOST)
            return host, port
        if with_port and "/" not in text:
            raise self._wrong(f"brackets: [{host}]:{port} or [{text}]")
        return text, None

    def _addresses(self, name: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise self._wrong(_A_HOST) from error
        ips = dict.fromkeys(str(address[0]).partition("%")[0] for *_, address in found)
        return [ipaddress.ip_network(ip) for ip in ips]

    def _is(self, words: tuple[str, ...]) -> bool:
        return self._token.kind != "quoted" and self._token.text.lower() in words

    def _accept(self, words: tuple[str, ...]) -> bool:
        found = self._is(words)
        if found:
            self._next()
        return found

    def _next(self) -> None:
        self._token = self._read(self._token.at + len(self._token.text))

    def _read(self, start: int) -> _Token:
        match = _TOKEN.match(self._text, start)
        if match is None:
            at = len(self._text) - len(self._text[start:].lstrip())
            raise FilterError(self._text, at, "a closing quote behind what begins here")
        assert match.lastgroup is not None
        return _Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup))

    def _wrong(self, expected: str, offset: int = 0) -> FilterError:
        return FilterError(self._text, self._token.at + offset, expected)


_READERS: dict[str, Callable[[_Parser, str], Filter]] = {
    "sport": _Parser.port,
    "dport": _Parser.port,
    "src": _Parser.host,
    "dst": _Parser.host,
    "dev": _Parser.interface,
    "proto": _Parser.proto,
    "process": _Parser.process,
    "pid": _Parser.pid,
    "user": _Parser.user,
    "inode": _Parser.inode,
    "path": _Parser.path,
    "recv-q": _Parser.queue,
    "send-q": _Parser.queue,
    "timer": _Parser.timer,
}


def _unquoted(text: str) -> str:
    """Between single quotes all is meant as it stands; between double ones ``\\"``, ``\\\\``."""
    return text[1:-1] if text[0] == "'" else re.sub(r'\\(["\\])', r"\1", text[1:-1])


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """An address or a prefix; bits behind a prefix's length don't matter. None for others."""
    short = _SHORT_PREFIX.fullmatch(text)
    if short:
        missing = 3 - short[1].count(".")
        text = f"{short[1]}{'.0' * missing}/{short[2]}"
    if "%" in text or ("/" in text and not text.rpartition("/")[2].isdecimal()):
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


CONDITION_VALUES: dict[str, tuple[str, ...]] = {
    "state": (*_STATE_NAMES.values(), *_GROUPS),
    "exclude": (*_STATE_NAMES.values(), *_GROUPS),
    **dict.fromkeys(_READERS, ()),
    "proto": tuple(map(str, Proto)),
    "timer": tuple(map(str, TimerKind)),
}
"""The words that begin a condition, and those that may follow where they are of a known list."""
