"""What netstat, ss and lsof answer, as rows that can be held to each other. Pure."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

from .ss import STATES, TIMERS

_NETSTAT_INET = re.compile(
    r"(?:tcp|udp|raw)6? +\d+ +\d+ +(?P<local>\S+:\S+) +(?P<remote>\S+:\S+)"
    r"(?: +(?P<state>[A-Z][A-Z_\d]+)\b)?"
)
_SS_INET = re.compile(
    r"(?:(?:tcp|udp|p_raw) +)?(?:(?P<state>[A-Z][A-Z\d-]+) +)?\d+ +\d+ +"
    r"(?P<local>\S+:\S+) +(?P<remote>\S+:\S+)"
)
_LSOF_INET = re.compile(
    r"\S+ +(?P<pid>\d+) .* IPv(?P<version>[46]) .* (?:TCP|UDP) "
    r"(?P<local>\S+?)(?:->(?P<remote>\S+))?(?: \((?P<state>\w+)\))? *$"
)
_NETSTAT_UNIX = re.compile(r"unix +\d+ +\[.*?\] +[A-Z]+ +(?:[A-Z]+ +)?(\d+)")
_SS_UNIX = re.compile(r"(?:u_\w+ +)?(?:[A-Z-]+ +)?\d+ +\d+ +\S+ +(\d+) +\S+ +\d+")
_LSOF_UNIX = re.compile(r"\S+ +\d+ .* unix +\S+ +\S+ +(\d+) ")

_LSOF_STATES = {"SYN_RCDV": "SYN_RECV", "FIN_WAIT_1": "FIN_WAIT1", "FIN_WAIT_2": "FIN_WAIT2"}


class Row(NamedTuple):
    """A row of an answer; None for what the program does not tell of it."""

    local: tuple[str, int]
    remote: tuple[str, int]
    state: str | None
    timer: str | None
    pids: frozenset[int]
    """netstat names the first owner only."""


def rows_of_netstat(text: str) -> list[Row]:
    """The internet rows of netstat's text, pynetstat's too."""
    rows = []
    for line in text.splitlines():
        found = _NETSTAT_INET.match(line)
        if found:
            timer = re.search(r"\b(off|on|keepalive|timewait|probe) \(", line)
            rows.append(
                Row(
                    _address(found["local"]),
                    _address(found["remote"]),
                    found["state"],
                    timer[1] if timer else None,
                    frozenset(map(int, re.findall(r" (\d+)/", line))),
                )
            )
    return rows


def rows_of_ss(text: str) -> list[Row]:
    """The internet rows of ss; what it says below them is passed over."""
    rows = []
    for line in text.splitlines():
        found = _SS_INET.match(line)
        if found:
            timer = re.search(r"timer:\((\w+),", line)
            rows.append(
                Row(
                    _address(found["local"]),
                    _address(found["remote"]),
                    STATES[found["state"]] if found["state"] else None,
                    TIMERS[timer[1]] if timer else "off",
                    frozenset(map(int, re.findall(r"pid=(\d+),", line))),
                )
            )
    return rows


def rows_of_lsof(text: str) -> list[Row]:
    """The internet rows of lsof, one for each socket whatever holds it."""
    pids: dict[Row, set[int]] = {}
    for line in text.splitlines():
        found = _LSOF_INET.match(line)
        if found:
            anywhere = "0.0.0.0" if found["version"] == "4" else "::"
            local, remote = (
                _address(re.sub(r"^\*", anywhere, found[end] or "*:*"))
                for end in ("local", "remote")
            )
            state = _LSOF_STATES.get(found["state"], found["state"])
            pids.setdefault(Row(local, remote, state, None, frozenset()), set()).add(
                int(found["pid"])
            )
    return [row._replace(pids=frozenset(holders)) for row, holders in pids.items()]


ROWS = {
    "pynetstat": rows_of_netstat,
    "netstat": rows_of_netstat,
    "ss": rows_of_ss,
    "lsof": rows_of_lsof,
}

_UNIX = {
    "pynetstat": _NETSTAT_UNIX,
    "netstat": _NETSTAT_UNIX,
    "ss": _SS_UNIX,
    "lsof": _LSOF_UNIX,
}


def unix_inodes(program: str, text: str) -> set[int]:
    """The inodes of the unix sockets in an answer."""
    found = map(_UNIX[program].match, text.splitlines())
    return {int(match[1]) for match in found if match}


def counts(text: str) -> dict[str, int]:
    """Lines that begin with a count, by the last word behind it, in netstat's words."""
    found = re.findall(r"^ *(\d+) +(?:\S+ +)?(\S+)$", text, re.MULTILINE)
    return {STATES.get(word, word): int(count) for count, word in found}


def numbers(text: str) -> list[int]:
    """Every number that stands alone."""
    return [int(number) for number in re.findall(r"\b\d+\b", text)]


def _address(text: str) -> tuple[str, int]:
    """Brackets and interface off; ``*`` is ss's word for ``::`` on a dual-stack socket.

    An IPv4 address on such a socket is IPv4's to netstat, and mapped (::ffff:...) to ss.
    """
    host, _, port = text.rpartition(":")
    host = "::" if host == "*" else host.removeprefix("[").removesuffix("]")
    host = host.partition("%")[0].removeprefix("::ffff:")
    return host, 0 if port == "*" else int(port)


def unix_pids(program: str, text: str) -> dict[int, frozenset[int]]:
    """The inodes of the unix sockets in an answer, and the pids of each line together."""
    found: dict[int, frozenset[int]] = {}
    for line in text.splitlines():
        match = _UNIX[program].match(line)
        if match:
            pids = {
                "ss": r"pid=(\d+),",
                "lsof": r"^\S+ +(\d+) ",
            }.get(program, r" (\d+)/")
            pid = frozenset(map(int, re.findall(pids, line)))
            found[int(match[1])] = found.get(int(match[1]), frozenset()) | pid
    return found


def listeners(program: str, text: str) -> list[tuple[tuple[str, int], int, int]]:
    """Address, waiting connections and limit of each, from ss or the columns of those names."""
    pattern = r"^(\S+:\d+) +(\d+) +(\d+)$"
    order = (1, 2, 3)
    if program == "ss":
        pattern, order = r"^LISTEN +(\d+) +(\d+) +(\S+:\d+) ", (3, 1, 2)
    return sorted(
        (_address(match[order[0]]), int(match[order[1]]), int(match[order[2]]))
        for match in re.finditer(pattern, text, re.MULTILINE)
    )


def tcp_figures(text: str) -> list[tuple[tuple[str, int], tuple[str, int], tuple[str, ...]]]:
    """Both ends of each row, and the window and segment size below it."""
    found = []
    lines = text.splitlines()
    for line, below in pairwise(lines):
        ends = re.search(r"(\S+:\d+) +(\S+:\d+)", line)
        if ends and below[:1].isspace():
            figures = [re.search(rf"\b{name}[: ](\d+)", below) for name in ("cwnd", "mss")]
            found.append(
                (
                    _address(ends[1]),
                    _address(ends[2]),
                    tuple(figure[1] if figure else "" for figure in figures),
                )
            )
    return sorted(found)
