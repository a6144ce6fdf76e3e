"""How many sockets there are, from the kernel's own counters: no table is read.

/proc/net/sockstat and sockstat6 (net/ipv4/proc.c, net/ipv6/proc.c), CurrEstab of
/proc/net/snmp (RFC 1213).
"""

from __future__ import annotations

from typing import NamedTuple

from pynetstat.errors import ParseError, SourceUnavailable

_FOLDERS = ("net", "self/net")
_TRANSPORTS = ("raw", "udp", "tcp", "frag")
_INET = ("raw", "udp", "tcp")


class Tcp(NamedTuple):
    """TCP sockets of this network namespace.

    ``established`` counts CLOSE_WAIT, too. ``closed`` are those in no table of the kernel:
    never connected, or let go of already; ``time_wait`` is among them. ``orphaned`` and
    ``time_wait`` are held by no process. The kernel counts orphans, and what it has
    allocated (so ``total`` and ``closed``), for all namespaces together.
    """

    total: int
    established: int
    closed: int
    orphaned: int
    time_wait: int


class Transport(NamedTuple):
    """Sockets in use of one transport protocol; ``ipv6`` is None without IPv6."""

    ipv4: int
    ipv6: int | None

    @property
    def total(self) -> int:
        """Both families."""
        return self.ipv4 + (self.ipv6 or 0)


class Totals(NamedTuple):
    """All counts; ``sockets`` counts those of every family, unix and netlink too.

    ``transports`` has raw, udp, tcp, inet (these three together) and frag (datagrams
    being put together).
    """

    sockets: int
    tcp: Tcp
    transports: dict[str, Transport]


def read_totals(proc_root: str = "/proc") -> Totals:
    """The counters now. SourceUnavailable when they can't be read or understood."""
    ipv4 = _counters(proc_root, "sockstat")
    try:
        ipv6: dict[str, dict[str, int]] | None = _counters(proc_root, "sockstat6")
    except _Absent:
        ipv6 = None
    try:
        return _add_up(ipv4, ipv6, _established(_read(proc_root, "snmp")))
    except KeyError as missing:
        raise SourceUnavailable(f"procfs: {proc_root}/net/sockstat has no {missing}") from missing


class _Absent(SourceUnavailable):
    """The file is not there."""


def _add_up(
    ipv4: dict[str, dict[str, int]], ipv6: dict[str, dict[str, int]] | None, established: int
) -> Totals:
    transports = {}
    for name in _TRANSPORTS:
        six = None if ipv6 is None else ipv6[f"{name.upper()}6"]["inuse"]
        transports[name] = Transport(ipv4[name.upper()]["inuse"], six)
    transports["inet"] = Transport(
        sum(transports[name].ipv4 for name in _INET),
        None if ipv6 is None else sum(transports[name].ipv6 or 0 for name in _INET),
    )
    tcp = ipv4["TCP"]
    total = tcp["alloc"] + tcp["tw"]
    closed = total - transports["tcp"].total
    return Totals(
        ipv4["sockets"]["used"],
        Tcp(total, established, closed, tcp["orphan"], tcp["tw"]),
        transports,
    )


def _counters(proc_root: str, name: str) -> dict[str, dict[str, int]]:
    """``TCP: inuse 1 orphan 0`` by its words."""
    counters = {}
    for line in _read(proc_root, name).splitlines():
        label, colon, rest = line.partition(":")
        words = rest.split()
        if not colon or len(words) % 2 or not all(word.isdecimal() for word in words[1::2]):
            raise SourceUnavailable(str(ParseError(f"procfs: not a line of {name}", line)))
        counters[label] = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    return counters


def _established(snmp: str) -> int:
    lines = [line.split() for line in snmp.splitlines() if line.startswith("Tcp:")]
    if len(lines) == 2:
        found = dict(zip(*lines, strict=False)).get("CurrEstab", "")
        if found.isdecimal():
            return int(found)
    raise SourceUnavailable("procfs: net/snmp does not tell Tcp CurrEstab")


def _read(proc_root: str, name: str) -> str:
    for folder in _FOLDERS:
        path = f"{proc_root}/{folder}/{name}"
        try:
            with open(path, encoding="ascii", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise SourceUnavailable(f"procfs: {path}: {error.strerror}") from error
    raise _Absent(f"procfs: there is no {proc_root}/net/{name}")
