"""The text of /proc/net/{tcp,udp,udplite,raw} and their IPv6 twins. Pure.

Lines are as net/ipv4/tcp_ipv4.c, net/ipv4/udp.c, net/ipv4/raw.c and their IPv6 twins
print them: addresses as host-endian words, ports and queues in hex, times in clock ticks.
TIME_WAIT and SYN_RECV rows stop after the inode and two more fields.
"""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Iterator

from pynetstat.errors import ParseError
from pynetstat.records import (
    STATE_CODES,
    TIMER_OFF,
    Addr,
    Proto,
    SocketRecord,
    Timer,
    timer_kind,
)
from pynetstat.sources import Notes

_LINE = re.compile(
    r" *\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})"
    r" ([0-9A-F]{2}) ([0-9A-F]{8}):([0-9A-F]{8}) ([0-9A-F]{2}):([0-9A-F]{8,16})"
    r" ([0-9A-F]{8}) +(\d{1,10}) +(\d{1,10}) (\d{1,20}) \d+ [!-~]+(?: [ -~]*)?",
    re.ASCII,
)
_TIMEWAIT = 3
_HEADING = re.compile(r" *sl +local_address\b.*")


class AddressTexts(dict[str, str]):
    """The text of each hex address, worked out once: a table repeats few addresses often."""

    def __init__(self, byteorder: str = sys.byteorder) -> None:
        self._swapped = byteorder == "little"

    def __missing__(self, digits: str) -> str:
        packed = bytes.fromhex(digits)
        if self._swapped:
            words = (packed[i : i + 4] for i in range(0, len(packed), 4))
            packed = b"".join(word[::-1] for word in words)
        family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
        text = self[digits] = socket.inet_ntop(family, packed)
        return text


def parse_line(proto: Proto, line: str, texts: AddressTexts, ticks_per_s: int) -> SocketRecord:
    """The socket on one line. ParseError for a line that the kernel would not write."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise ParseError(f"not a row of /proc/net/{proto}", line)
    lip, lport, rip, rport, code, send_q, recv_q, kind, expires, retransmits, uid, probes, inode = (
        match.groups()
    )
    if (len(lip) == 32) is not proto.is_ipv6 or len(lip) != len(rip):
        raise ParseError(f"address of the wrong family in /proc/net/{proto}", line)
    state = STATE_CODES.get(int(code, 16))
    if state is None:
        raise ParseError(f"unknown socket state in /proc/net/{proto}", line)
    timer_code, ticks, resent = int(kind, 16), int(expires, 16), int(retransmits, 16)
    is_tcp = proto.base == "tcp"
    timer = TIMER_OFF
    if is_tcp and (timer_code or resent or probes != "0"):
        timer = Timer(timer_kind(timer_code), ticks / ticks_per_s, resent, int(probes))
    inode_number = int(inode)
    no_uid = is_tcp and inode_number == 0 and timer_code == _TIMEWAIT
    return SocketRecord(
        proto,
        Addr(texts[lip], int(lport, 16)),
        Addr(texts[rip], int(rport, 16)),
        state,
        int(recv_q, 16),
        int(send_q, 16),
        timer=timer,
        uid=None if no_uid else int(uid),
        inode=inode_number,
    )


def parse_table(
    proto: Proto, text: str, notes: Notes, ticks_per_s: int = 100, byteorder: str = sys.byteorder
) -> Iterator[SocketRecord]:
    """The sockets of a whole file; lines that make no sense are noted, not raised."""
    texts = AddressTexts(byteorder)
    for number, line in enumerate(text.removesuffix("\n").split("\n")):
        if number == 0 and _HEADING.fullmatch(line):
            continue
        try:
            yield parse_line(proto, line, texts, ticks_per_s)
        except ParseError as error:
            notes.bad_row(error)


def first_sightings(records: Iterator[SocketRecord]) -> Iterator[SocketRecord]:
    """Each socket once: by inode, and by addresses and state where the inode is 0.

    A reader that comes back for the next page of a table which has grown meanwhile is
    given its last rows again.
    """
    seen = set()
    for record in records:
        key = record.inode or (record.laddr, record.raddr, record.state)
        if key not in seen:
            seen.add(key)
            yield record
