"""The text of /proc/net/sctp/eps and /proc/net/sctp/assocs. Pure (net/sctp/proc.c).

An endpoint or association may have many addresses; a record holds the first of each side,
the primary one where the kernel marks it with ``*``.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator

from pynetstat.errors import ParseError
from pynetstat.records import TIMER_OFF, Addr, Proto, SocketRecord, TcpState
from pynetstat.sources import Notes

_ASSOC_STATES = (
    TcpState.CLOSE,
    TcpState.SYN_SENT,
    TcpState.SYN_RECV,
    TcpState.ESTABLISHED,
    TcpState.FIN_WAIT1,
    TcpState.FIN_WAIT1,
    TcpState.LAST_ACK,
    TcpState.CLOSING,
)
"""The nearest TCP word for enum sctp_state (include/net/sctp/constants.h): CLOSED,
COOKIE_WAIT, COOKIE_ECHOED, ESTABLISHED, SHUTDOWN_PENDING, _SENT, _RECEIVED, _ACK_SENT."""
_LISTENING = 10

_MOST_16, _MOST_32, _MOST_64 = 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
"""What a port, a queue or user id, and an inode can be."""


def parse_endpoints(text: str, proto: Proto, notes: Notes) -> Iterator[SocketRecord]:
    """The endpoints that listen, of the family of ``proto``."""
    for line in _rows(text):
        try:
            fields = line.split()
            state, uid = (_number(fields[i], _MOST_32) for i in (3, 6))
            lport, inode = _number(fields[5], _MOST_16), _number(fields[7], _MOST_64)
            laddr = Addr(_address(fields[8]), lport)
        except (ValueError, IndexError):
            notes.bad_row(ParseError("not a row of /proc/net/sctp/eps", line))
            continue
        if state == _LISTENING and (":" in laddr.ip) is proto.is_ipv6:
            raddr = Addr("::" if proto.is_ipv6 else "0.0.0.0", 0)
            yield SocketRecord(
                proto, laddr, raddr, TcpState.LISTEN, 0, 0, None, TIMER_OFF, uid, inode
            )


def parse_associations(text: str, proto: Proto, notes: Notes) -> Iterator[SocketRecord]:
    """The associations of the family of ``proto``."""
    for line in _rows(text):
        try:
            fields = line.split()
            arrow = fields.index("<->")
            code, send_q, recv_q, uid = (_number(fields[i], _MOST_32) for i in (4, 7, 8, 9))
            inode = _number(fields[10], _MOST_64)
            lport, rport = (_number(fields[i], _MOST_16) for i in (11, 12))
            state = _ASSOC_STATES[code]
            laddr = Addr(_primary(fields[13:arrow]), lport)
            raddr = Addr(_primary(fields[arrow + 1 :]), rport)
        except (ValueError, IndexError):
            notes.bad_row(ParseError("not a row of /proc/net/sctp/assocs", line))
            continue
        if (":" in laddr.ip) is proto.is_ipv6:
            yield SocketRecord(
                proto, laddr, raddr, state, recv_q, send_q, None, TIMER_OFF, uid, inode
            )


def _rows(text: str) -> list[str]:
    """The lines below the heading."""
    return text.removesuffix("\n").split("\n")[1:]


def _primary(words: list[str]) -> str:
    marked = [word[1:] for word in words if word.startswith("*")]
    return _address(marked[0] if marked else words[0])


def _number(word: str, most: int) -> int:
    if not word.isdecimal() or int(word) > most:
        raise ValueError(word)
    return int(word)


def _address(word: str) -> str:
    """The canonical text of an address. ValueError for anything else."""
    family = socket.AF_INET6 if ":" in word else socket.AF_INET
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, word))
    except OSError as error:
        raise ValueError(word) from error
