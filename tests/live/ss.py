"""What ss prints, as rows. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

STATES = {
    "ESTAB": "ESTABLISHED",
    "SYN-SENT": "SYN_SENT",
    "SYN-RECV": "SYN_RECV",
    "FIN-WAIT-1": "FIN_WAIT1",
    "FIN-WAIT-2": "FIN_WAIT2",
    "TIME-WAIT": "TIME_WAIT",
    "UNCONN": "CLOSE",
    "CLOSE-WAIT": "CLOSE_WAIT",
    "LAST-ACK": "LAST_ACK",
    "LISTEN": "LISTEN",
    "CLOSING": "CLOSING",
}
TIMERS = {"persist": "probe", "on": "on", "keepalive": "keepalive", "timewait": "timewait"}

_OWNER = re.compile(r"pid=(\d+),fd=(\d+)")


class SsRow(NamedTuple):
    """One line of ``ss -Hanoep``, in this package's words."""

    state: str
    recv_q: int
    send_q: int
    laddr: tuple[str, int]
    raddr: tuple[str, int]
    timer: str
    resent: int
    uid: int
    inode: int
    cookie: int
    owners: frozenset[tuple[int, int]]


def parse(text: str) -> list[SsRow]:
    """The rows of ``ss -HOanoep`` with one protocol asked for, so without its column."""
    return [_parse_line(line) for line in text.splitlines() if line.strip()]


def _parse_line(line: str) -> SsRow:
    state, recv_q, send_q, local, remote, *details = line.split(maxsplit=5)
    rest = details[0] if details else ""
    timer, count = "off", 0
    found = re.search(r"timer:\((\w+),[^,]*,(\d+)\)", rest)
    if found:
        timer, count = TIMERS[found[1]], int(found[2])
    return SsRow(
        STATES[state],
        int(recv_q),
        int(send_q),
        _address(local),
        _address(remote),
        timer,
        count,
        _number(r"\buid:(\d+)", rest),
        _number(r"\bino:(\d+)", rest),
        _number(r"\bsk:([0-9a-f]+)", rest, 16),
        frozenset((int(pid), int(fd)) for pid, fd in _OWNER.findall(rest)),
    )


def identity(line: str) -> tuple[tuple[str, int], tuple[str, int], int]:
    """Both ends and the cookie (0 where ss has none) of a line of ``ss -e``.

    Its first column may be missing: ss leaves the state out when only one was asked for.
    """
    ends = re.search(r"(\S+:\S+) +(\S+:\S+)", line)
    assert ends is not None, line
    return _address(ends[1]), _address(ends[2]), _number(r"\bsk:([0-9a-f]+)", line, 16)


def _address(text: str) -> tuple[str, int]:
    """Brackets off; ``*`` is ss's word for ``::`` on a dual-stack socket."""
    host, _, port = text.rpartition(":")
    host = "::" if host == "*" else host.removeprefix("[").removesuffix("]")
    return host.partition("%")[0], 0 if port == "*" else int(port)


def _number(pattern: str, text: str, base: int = 10) -> int:
    found = re.search(pattern, text)
    return int(found[1], base) if found else 0
