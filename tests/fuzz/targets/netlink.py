"""Netlink answers: messages, attributes, and what inet_diag and unix_diag put into them."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

from pynetstat.errors import ParseError, SourceFailed, SourceUnavailable
from pynetstat.query import Query
from pynetstat.records import STATE_CODES, Addr, Proto, SocketRecord
from pynetstat.sources import Notes, unixdiag
from pynetstat.sources.netlink import (
    NLMSG_DONE,
    NLMSG_ERROR,
    SOCK_DIAG_BY_FAMILY,
    align,
    attributes,
    walk,
)
from pynetstat.sources.sockdiag import AddressTexts, SockDiag, decode
from tests.fake_kernel import FakeKernel
from tests.fuzz.choices import Choices
from tests.fuzz.harmless import check_line, check_parse_error
from tests.messages import done

_TABLES = [proto for proto in Proto if proto is not Proto.UNIX]
_HEADER = 16
_INET_MESSAGE = 72
_UNIX_MESSAGE = 16
_LISTEN = 10

WORDS = (
    b"\x14\x00\x03\x00",
    b"\x01\x00\x00\x00",
    b"\x00\x00\x00\x80",
    b"\xff\xff\xff\xff",
    struct.pack("=IHHII", 88, 20, 2, 1, 0),
    struct.pack("=IHHII", 20, NLMSG_DONE, 2, 1, 0),
    struct.pack("=IHHII", 36, NLMSG_ERROR, 2, 1, 0),
)


class _Message(NamedTuple):
    type: int
    body: bytes


def check(data: bytes) -> None:
    """What one message after the other says is what runs of them say; else ParseError."""
    choices = Choices(data)
    proto = choices.one_of(_TABLES)
    cut = choices.number(1 << 16)
    buffer = choices.rest()
    _check_walk(buffer)
    _check_attributes(buffer)
    _check_decode(buffer, proto)
    for message in _messages(buffer)[0]:
        _check_unix(message)
    _check_answer([part for part in (buffer[:cut], buffer[cut:]) if part], proto)


def _messages(buffer: bytes) -> tuple[list[_Message], bool]:
    """The messages of sequence 1 one by one, and whether the buffer is sound to its end."""
    found: list[_Message] = []
    at = 0
    while at < len(buffer):
        if len(buffer) - at < _HEADER:
            return found, False
        length, kind, _, sequence, _ = struct.unpack_from("=IHHII", buffer, at)
        if length < _HEADER or at + length > len(buffer):
            return found, False
        if sequence == 1:
            found.append(_Message(kind, buffer[at + _HEADER : at + length]))
        at += align(length)
    return found, True


def _check_walk(buffer: bytes) -> None:
    found: list[_Message] = []
    sound = True
    try:
        for run in walk(buffer):
            assert run.size == align(run.length)
            for at in range(0, len(run.data), run.size):
                message = bytes(run.data[at : at + run.length])
                assert len(message) == run.length
                found.append(_Message(run.type, message[_HEADER:]))
    except ParseError as error:
        check_parse_error(error)
        sound = False
    assert (found, sound) == _messages(buffer)


def _check_attributes(payload: bytes) -> None:
    try:
        found = attributes(payload)
    except ParseError as error:
        check_parse_error(error)
        return
    for kind, value in found.items():
        assert struct.pack("=HH", 4 + len(value), kind) + value in payload


def _check_decode(buffer: bytes, proto: Proto) -> None:
    """Every message of a known state is a row with the numbers in it, others are counted."""
    rows: list[SocketRecord] = []
    notes, texts = Notes(), AddressTexts(proto)
    try:
        for run in walk(buffer):
            before = len(rows) + notes.bad_rows
            rows += decode(run, proto, texts, notes)
            whole = run.length >= _INET_MESSAGE + _HEADER
            messages = -(-len(run.data) // run.size)
            assert len(rows) + notes.bad_rows - before == (messages if whole else 1)
    except ParseError as error:
        check_parse_error(error)
    check_line(notes.first_bad)
    bodies = [body for _, body in _messages(buffer)[0] if len(body) >= _INET_MESSAGE]
    expected = [body for body in bodies if body[1] in STATE_CODES]
    assert len(rows) == len(expected)
    for row, body in zip(rows, expected, strict=True):
        _check_row(row, body, proto)


def _check_row(row: SocketRecord, body: bytes, proto: Proto) -> None:
    _, code, timer, count, lport, rport = struct.unpack_from("!BBBBHH", body)
    size, family = (16, socket.AF_INET6) if proto.is_ipv6 else (4, socket.AF_INET)
    ifindex, cookie, expires_ms, recv_q, send_q, uid, inode = struct.unpack_from(
        "=IQIIIII", body, 40
    )
    assert row.state is STATE_CODES[code]
    assert row.laddr == Addr(socket.inet_ntop(family, body[8 : 8 + size]), lport)
    assert row.raddr == Addr(socket.inet_ntop(family, body[24 : 24 + size]), rport)
    assert (row.recv_q, row.inode, row.cookie) == (recv_q, inode, cookie)
    assert (row.send_q, row.backlog) == ((0, send_q) if code == _LISTEN else (send_q, None))
    assert row.ifindex == ifindex
    assert row.uid == uid or not inode
    assert row.timer is not None
    if timer:
        assert row.timer.expires_s == expires_ms / 1000
        assert row.timer.retransmits + row.timer.probes == count


def _check_unix(message: _Message) -> None:
    """The socket and its waiting peers, whose names are those that the message has."""
    whole = bytes(_HEADER) + message.body
    try:
        record, *waiting = unixdiag.decode(whole)
    except ParseError as error:
        check_parse_error(error)
        return
    assert record.path in message.body
    assert (record.inode, record.cookie) == struct.unpack_from("=IQ", message.body, 4)
    assert record.trusted
    assert len(waiting) * 4 <= len(message.body) - _UNIX_MESSAGE
    for peer in waiting:
        assert (peer.path, peer.inode, peer.type) == (record.path, 0, record.type)
        assert struct.pack("=I", peer.peer_inode or 0) in message.body


def _check_answer(packets: list[bytes], proto: Proto) -> None:
    """A kernel's whole answer: rows up to where it ends or breaks, then an error that says so."""
    kernel = FakeKernel.saying(*packets, done())
    rows: list[SocketRecord] = []
    notes = Notes()
    broken: Exception | None = None
    try:
        for batch in SockDiag(kernel).read(proto, Query(), notes):
            rows += batch
    except (SourceUnavailable, SourceFailed) as error:
        check_line(str(error))
        broken = error
    assert kernel.all_closed
    cookies = [row.cookie for row in rows]
    assert len(set(cookies)) == len(cookies)
    told, ends = _told(packets)
    assert set(cookies) == {
        struct.unpack_from("=Q", body, 44)[0] for body in told if body[1] in STATE_CODES
    }
    assert (broken is None) is ends
    if isinstance(broken, SourceUnavailable):
        assert not rows
    _check_unix_answer(packets, ends)


def _told(packets: list[bytes]) -> tuple[list[bytes], bool]:
    """The inet_diag messages before the end of the answer, and whether that end is a good one."""
    told = []
    for packet in packets:
        messages, sound = _messages(packet)
        for kind, body in messages:
            if kind == SOCK_DIAG_BY_FAMILY and len(body) >= _INET_MESSAGE:
                told.append(body)
            elif kind == NLMSG_DONE:
                refused = len(body) >= 4 and struct.unpack_from("=i", body)[0] < 0
                return told, not refused
            elif kind == NLMSG_ERROR:
                return told, False
        if not sound:
            return told, False
    return told, True


def _check_unix_answer(packets: list[bytes], ends: bool) -> None:
    notes = Notes()
    kernel = FakeKernel.saying(*packets, done())
    try:
        records = unixdiag.read_unix(kernel, notes)
    except (SourceUnavailable, SourceFailed) as error:
        check_line(str(error))
        assert not ends
    else:
        assert ends
        cookies = [record.cookie for record in records if record.cookie is not None]
        assert len(set(cookies)) == len(cookies)
    assert kernel.all_closed
