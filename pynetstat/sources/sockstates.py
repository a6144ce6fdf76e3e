"""What sock_diag says of every socket's state, for little; and of single sockets by address.

A look at a table that is taken ten times a second must not decode what has not changed:
cookie, state and inode are taken out of the messages and compared as sets, and only what is
new is decoded (include/uapi/linux/inet_diag.h).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

from pynetstat.errors import ParseError, SourceFailed, SourceUnavailable
from pynetstat.records import Addr, Proto, SocketRecord
from pynetstat.sources import Notes
from pynetstat.sources.netlink import (
    HEADER,
    NLM_F_REQUEST,
    NLMSG_ERROR,
    SOCK_DIAG_BY_FAMILY,
    NetlinkSocket,
    Run,
    dump,
    error_of,
    open_socket,
    walk,
)
from pynetstat.sources.sockdiag import AddressTexts, decode, pack_request

Mark: TypeAlias = "tuple[int, int, int]"
"""State code, cookie and inode: all that is compared."""

_MARK_FIELDS = "17x B 42x Q 16x I"
"""In a netlink header and struct inet_diag_msg."""
_SHORTEST = struct.calcsize("=" + _MARK_FIELDS)
_SOCKET_ID = struct.Struct("=HH16s16sIII")
_NO_COOKIE = 0xFFFFFFFF
_BATCH = 64
"""Questions in one message to the kernel; their answers fit any receive buffer."""
_PATIENCE_S = 10.0
_RECEIVE_SIZE = 32 * 1024
_FIRST_SEQUENCE = 2


class Look(NamedTuple):
    """One look at a table: every socket's mark, and the rows whose mark was not known."""

    marks: set[Mark]
    changed: list[SocketRecord]


class SockStates:
    """Reads tables again and again, telling what changed. Needs no privileges."""

    def __init__(self, opener: Callable[[], NetlinkSocket] = open_socket) -> None:
        self._opener = opener
        self._texts: dict[Proto, AddressTexts] = {}

    def look(self, proto: Proto, known: set[Mark]) -> Look:
        """The table now. SourceUnavailable or SourceFailed when it can't be read."""
        if not hasattr(socket, "AF_NETLINK"):
            raise SourceUnavailable("sock_diag: this system has no netlink")
        marks: set[Mark] = set()
        changed: dict[int | None, SocketRecord] = {}
        # Ever new addresses come by while it runs for days.
        texts = AddressTexts(proto)
        listener_uids: dict[tuple[bytes, int], int] = {}
        for run in dump(pack_request(proto), self._opener):
            here = _marks(run)
            if not here <= known:
                cookies = {cookie for _, cookie, _ in here - known}
                for record in decode(run, proto, texts, Notes(), listener_uids=listener_uids):
                    if record.cookie in cookies:
                        changed[record.cookie] = record
            marks |= here
        return Look(marks, list(changed.values()))


def _marks(run: Run) -> set[Mark]:
    if run.length < _SHORTEST:
        raise SourceFailed("sock_diag broke off: inet_diag_msg cut short")
    layout = struct.Struct(f"={_MARK_FIELDS} {run.size - _SHORTEST}x")
    short = -len(run.data) % run.size
    # The last message of a buffer may lack its padding.
    return set(layout.iter_unpack(bytes(run.data) + bytes(short) if short else run.data))


class Question(NamedTuple):
    """One TCP socket, by its addresses and the interface it is bound to (0: none)."""

    proto: Proto
    laddr: Addr
    raddr: Addr
    ifindex: int = 0


class Finder:
    """Asks sock_diag for single TCP sockets by their addresses, many in one go. Close it."""

    def __init__(self, opener: Callable[[], NetlinkSocket] = open_socket) -> None:
        try:
            self._socket = opener()
        except (OSError, AttributeError) as error:
            raise SourceUnavailable(f"sock_diag: {error}") from error
        self._socket.settimeout(_PATIENCE_S)
        self._sequence = _FIRST_SEQUENCE

    def find(self, questions: Iterable[Question]) -> list[SocketRecord | None]:
        """The row of each, None where this network namespace has no such socket now.

        SourceFailed when the kernel does not answer.
        """
        asked = list(questions)
        found: list[SocketRecord | None] = []
        for start in range(0, len(asked), _BATCH):
            try:
                found += self._ask(asked[start : start + _BATCH])
            except (OSError, ParseError) as error:
                raise SourceFailed(f"sock_diag broke off: {error}") from error
        return found

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def _ask(self, questions: list[Question]) -> list[SocketRecord | None]:
        first = self._sequence
        self._sequence += len(questions)
        if self._sequence > 0x7FFFFFFF:
            self._sequence = _FIRST_SEQUENCE
        numbered = dict(enumerate(questions, start=first))
        request = b"".join(pack_question(each, number) for number, each in numbered.items())
        self._socket.sendto(request, (0, 0))
        answers: dict[int, SocketRecord | None] = {}
        while len(answers) < len(questions):
            data, _, _, sender = self._socket.recvmsg(_RECEIVE_SIZE)
            if sender[0] != 0:
                continue  # not from the kernel
            number = HEADER.unpack_from(data)[3] if len(data) >= HEADER.size else -1
            question = numbered.get(number)
            if question is not None:
                answers[number] = _answer(data, number, question)
        return [answers[number] for number in numbered]


def pack_question(question: Question, sequence: int) -> bytes:
    """The request for one socket (struct inet_diag_req_v2 with its whole address)."""
    family = socket.AF_INET6 if question.proto.is_ipv6 else socket.AF_INET
    (lip, lport), (rip, rport) = question.laddr, question.raddr
    # All of the message's ports are in network order.
    body = struct.pack("=BBBxI", family, socket.IPPROTO_TCP, 0, 0xFFFFFFFF) + _SOCKET_ID.pack(
        socket.htons(lport),
        socket.htons(rport),
        socket.inet_pton(family, lip),
        socket.inet_pton(family, rip),
        question.ifindex,
        _NO_COOKIE,
        _NO_COOKIE,
    )
    length = HEADER.size + len(body)
    return HEADER.pack(length, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, sequence, 0) + body


def _answer(data: bytes, sequence: int, question: Question) -> SocketRecord | None:
    for run in walk(data, sequence):
        if run.type == NLMSG_ERROR:
            code = error_of(run)
            if code not in (errno.ENOENT, 0):
                raise OSError(code, os.strerror(code))
            return None
        if run.type == SOCK_DIAG_BY_FAMILY:
            records = decode(run, question.proto, AddressTexts(question.proto), Notes())
            for record in records:
                # Without such a connection the kernel answers with the listener.
                if (record.laddr, record.raddr) == (question.laddr, question.raddr):
                    return record
    return None
