"""The parts that sentences about sockets share: who holds it, where it is, how many. Pure."""

from __future__ import annotations

from pynetstat.owners import Missing
from pynetstat.records import ANY, Addr, Owner, SocketRecord, TcpState, UnixRecord
from pynetstat.text import printable
from pynetstat.words import unmapped

_NAMED_OWNERS = 3
_PLAIN_MARKS = "._-+/@:"

SENT_FIN = (TcpState.FIN_WAIT1, TcpState.CLOSING, TcpState.LAST_ACK)
"""The states in which this side's FIN is not acknowledged."""


def count(number: int, one: str, many: str | None = None) -> str:
    """A number and its noun: ``1 byte``, ``2 bytes``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def address(addr: Addr) -> str:
    """``127.0.0.1:80`` or ``[::1]:80``."""
    ip = unmapped(addr.ip)
    return f"[{ip}]:{addr.port}" if ":" in ip else f"{ip}:{addr.port}"


def place(record: SocketRecord) -> str:
    """Where a bound socket can be reached, for a sentence that begins with what it does."""
    addr = record.laddr
    if addr.ip not in ANY:
        return address(addr)
    if addr.ip != "::":
        return f"port {addr.port} of every IPv4 address"
    if record.v6only is None:
        return f"port {addr.port} of every address, IPv4 too unless it set IPV6_V6ONLY"
    return f"port {addr.port} of every {'IPv6 address' if record.v6only else 'address, IPv4 too'}"


def holders(owners: tuple[Owner, ...]) -> str:
    """The processes by name, pid and descriptor, the first ones of many."""
    named = [_holder(owner) for owner in owners[:_NAMED_OWNERS]]
    if len(owners) > _NAMED_OWNERS:
        named.append(f"{len(owners) - _NAMED_OWNERS} more")
    if len(named) == 1:
        return named[0]
    return f"{', '.join(named[:-1])} and {named[-1]}"


def unacknowledged_bytes(record: SocketRecord) -> int:
    """The bytes in Send-Q without this side's SYN or FIN, which the kernel counts as 1."""
    counted = record.state in SENT_FIN or record.state is TcpState.SYN_SENT
    return max((record.send_q or 0) - counted, 0)


def whose_turn(record: SocketRecord | UnixRecord) -> str:
    """Who has to act: the holders, or the process that no one can name."""
    return holders(record.owners) if record.owners else "its process"


def ownership(record: SocketRecord | UnixRecord, missing: Missing | None) -> str:
    """Who holds the socket or why no one is seen to; empty when it was not asked."""
    if record.owners:
        return f"held by {holders(record.owners)}"
    if missing is None:
        return ""
    if missing is Missing.OTHER_USER and record.uid is not None:
        return f"held by a process of user {record.uid}, into which this user can't look"
    return _NO_OWNER[missing]


_NO_OWNER = {
    Missing.TIME_WAIT: "no process holds it, the kernel does",
    Missing.SYN_RECV: "no process holds it before the handshake is finished",
    Missing.NOT_ACCEPTED: "no process holds it until the server calls accept()",
    Missing.ORPHANED: "no process holds it any more, the kernel finishes alone",
    Missing.OTHER_USER: "held by another user's process, into which this user can't look",
    Missing.ELSEWHERE: "held by the kernel itself or by a process of another pid namespace",
    Missing.HIDDEN: "held by a process into which this user can't look",
    Missing.UNTOLD: "this source can't tell who holds it",
}


def _holder(owner: Owner) -> str:
    name = printable(owner.name)
    if not name or not all(char.isalnum() or char in _PLAIN_MARKS for char in name):
        # Spaces and commas of a name must not read as words of the sentence.
        name = '"' + name.replace('"', "'") + '"'
    fd = f", fd {owner.fd}" if owner.fd >= 0 else ""
    return f"{name} (pid {owner.pid}{fd})"
