"""netlink as sock_diag speaks it: requests out, runs of messages in.

Packing and walking are pure; only :func:`dump` touches a socket, and that one can be
handed in, so that every answer a kernel may give can be tried (netlink(7), sock_diag(7),
include/uapi/linux/netlink.h).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

from pynetstat.errors import ParseError, SourceFailed, SourceUnavailable

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLMSG_ERROR = 2
NLMSG_DONE = 3
NLM_F_REQUEST = 0x001
NLM_F_ACK = 0x004
NLM_F_DUMP = 0x300

HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_ERROR_CODE = struct.Struct("=i")
_MAX_ERRNO = 4095
"""MAX_ERRNO (include/linux/err.h)."""

_PROTOCOL_NUMBERS = {
    "tcp": socket.IPPROTO_TCP,
    "udp": socket.IPPROTO_UDP,
    "udplite": 136,
    "raw": socket.IPPROTO_RAW,
    "sctp": 132,
    "mptcp": 262,
}
_REQ_PROTOCOL = 3
"""INET_DIAG_REQ_PROTOCOL: carries a protocol number that does not fit the request's byte."""

_SEQUENCE = 1
_RECEIVE_SIZE = 64 * 1024
"""The kernel fills up to 32 KiB a message buffer once it has seen a reader take that much."""
_PATIENCE_S = 10.0

_REFUSALS = {
    errno.ENOENT: "the kernel has no sock_diag module for it",
    errno.EBUSY: "another dump is running on the same netlink socket",
    errno.EPERM: "not permitted",
    errno.EACCES: "not permitted",
}


class Run(NamedTuple):
    """Neighbouring messages with one and the same header: a block of equal-sized records.

    ``data`` holds them header and padding included, each ``size`` bytes apart, of which
    ``length`` are message.
    """

    type: int
    length: int
    size: int
    data: memoryview


class NetlinkSocket(Protocol):
    """The part of a socket that a dump uses."""

    def settimeout(self, value: float | None, /) -> None:
        """As socket.settimeout."""

    def sendto(self, data: bytes, address: tuple[int, int], /) -> int:
        """As socket.sendto."""

    def recvmsg(self, bufsize: int, /) -> tuple[bytes, Any, int, Any]:
        """As socket.recvmsg: data, ancillary data, flags, sender."""

    def close(self) -> None:
        """As socket.close."""


def open_socket() -> NetlinkSocket:
    """A sock_diag socket of this network namespace. OSError where there is none."""
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
    return socket.socket(socket.AF_NETLINK, kind, NETLINK_SOCK_DIAG)


def align(length: int) -> int:
    """The length with the padding that netlink puts behind messages and attributes."""
    return (length + 3) & ~3


def pack_attribute(kind: int, payload: bytes) -> bytes:
    """One attribute with its header and padding."""
    length = _ATTRIBUTE.size + len(payload)
    return _ATTRIBUTE.pack(length, kind) + payload + b"\0" * (align(length) - length)


def name_protocol(base: str) -> tuple[int, bytes]:
    """A protocol's number for the byte of a request, and the attribute of one that is larger."""
    number = _PROTOCOL_NUMBERS[base]
    if number <= 255:
        return number, b""
    return socket.IPPROTO_RAW, pack_attribute(_REQ_PROTOCOL, struct.pack("=I", number))


def pack_dump(body: bytes) -> bytes:
    """A sock_diag request for a whole table."""
    return pack_message(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, body)


def pack_message(kind: int, flags: int, body: bytes, sequence: int = _SEQUENCE) -> bytes:
    """One message with its header."""
    return HEADER.pack(HEADER.size + len(body), kind, flags, sequence, 0) + body


def walk(data: bytes, sequence: int = _SEQUENCE) -> Iterator[Run]:
    """The messages of one received buffer that answer request ``sequence``, in runs.

    Messages of another sequence are passed over. ParseError where a length does not fit.
    """
    view = memoryview(data)
    start, end = 0, len(data)
    while start < end:
        if end - start < HEADER.size:
            raise ParseError("netlink message shorter than its header", data[start:])
        length, kind, _flags, seq, _port = HEADER.unpack_from(data, start)
        if length < HEADER.size or length > end - start:
            raise ParseError(f"netlink length {length} of {end - start} bytes", data[start:])
        size = align(length)
        stop = min(start + size * _equal_headers(data, start, size), end)
        if seq == sequence:
            yield Run(kind, length, size, view[start:stop])
        start = stop


def _equal_headers(data: bytes, start: int, size: int) -> int:
    """How many messages from ``start`` on, ``size`` apart, have the same header."""
    header = data[start : start + HEADER.size]
    most = max((len(data) - start) // size, 1)
    stop = start + most * size
    # Almost always it is all of them, and the strides of a slice are compared in C.
    if all(data[start + at : stop : size].count(header[at]) == most for at in range(len(header))):
        return most
    count = 1
    while data.startswith(header, start + count * size):
        count += 1
    return count


def attributes(payload: bytes) -> dict[int, bytes]:
    """The attributes in ``payload`` by their number, unknown ones too.

    ParseError where a length does not fit.
    """
    found = {}
    start, end = 0, len(payload)
    while end - start >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(payload, start)
        if length < _ATTRIBUTE.size or length > end - start:
            raise ParseError(f"netlink attribute length {length} of {end - start}", payload)
        found[kind] = payload[start + _ATTRIBUTE.size : start + length]
        start += align(length)
    return found


def dump(request: bytes, opener: Callable[[], NetlinkSocket] = open_socket) -> Iterator[Run]:
    """Send ``request`` and yield the records of the answer until the kernel says done.

    SourceUnavailable when the kernel refuses before the first record, SourceFailed when
    it breaks off after it.
    """
    started = False
    try:
        for run in _exchange(request, opener):
            yield run
            started = True
    except (OSError, ParseError) as error:
        what = _explain(error)
        if started:
            raise SourceFailed(f"sock_diag broke off: {what}") from error
        raise SourceUnavailable(f"sock_diag: {what}") from error


def acknowledged(sock: NetlinkSocket, request: bytes, sequence: int) -> int:
    """Send ``request``, which asks for an acknowledgement; 0, or the kernel's errno.

    OSError when it can't be sent or isn't answered, ParseError for an answer that no kernel
    gives.
    """
    sock.settimeout(_PATIENCE_S)
    sock.sendto(request, (0, 0))
    while True:
        data, _ancillary, _flags, sender = sock.recvmsg(_RECEIVE_SIZE)
        if not isinstance(sender, tuple) or sender[0] != 0:
            continue  # not from the kernel
        for run in walk(data, sequence):
            if run.type == NLMSG_ERROR:
                return error_of(run)


def error_of(run: Run) -> int:
    """The errno in an NLMSG_ERROR, 0 for none. ParseError for what can't be one."""
    if run.length < HEADER.size + _ERROR_CODE.size:
        raise ParseError("netlink error without a code", bytes(run.data))
    (code,) = _ERROR_CODE.unpack_from(run.data, HEADER.size)
    if not -_MAX_ERRNO <= code <= 0:
        raise ParseError(f"netlink error with the code {code}", bytes(run.data))
    return -int(code)


def _exchange(request: bytes, opener: Callable[[], NetlinkSocket]) -> Iterator[Run]:
    sock = opener()
    try:
        sock.settimeout(_PATIENCE_S)
        sock.sendto(request, (0, 0))
        while True:
            data, _ancillary, flags, sender = sock.recvmsg(_RECEIVE_SIZE)
            if not isinstance(sender, tuple) or sender[0] != 0:
                continue  # not from the kernel
            if flags & socket.MSG_TRUNC:
                raise ParseError("netlink answer larger than the buffer", data[:16])
            if not data:
                raise ParseError("netlink answer ended without its last message", data)
            for run in walk(data):
                if run.type == SOCK_DIAG_BY_FAMILY:
                    yield run
                elif run.type in (NLMSG_DONE, NLMSG_ERROR):
                    _check_code(run)
                    return
    finally:
        sock.close()


def _check_code(run: Run) -> None:
    """A refusal comes as NLMSG_ERROR, or hides as a negative code inside NLMSG_DONE."""
    if run.length < HEADER.size + _ERROR_CODE.size:
        if run.type == NLMSG_ERROR:
            raise ParseError("netlink error without a code", bytes(run.data))
        return
    (code,) = _ERROR_CODE.unpack_from(run.data, HEADER.size)
    if code < -_MAX_ERRNO:
        raise ParseError(f"netlink error with the code {code}", bytes(run.data))
    if code < 0:
        raise OSError(-code, os.strerror(-code))
    if run.type == NLMSG_ERROR:
        raise ParseError("netlink answer ended without its last message", bytes(run.data))


def _explain(error: OSError | ParseError) -> str:
    if isinstance(error, ParseError):
        return str(error)
    if isinstance(error, TimeoutError):
        return f"no answer for {_PATIENCE_S:.0f} seconds"
    reason = _REFUSALS.get(error.errno or 0)
    named = error.strerror or str(error)
    return f"{reason} ({named})" if reason else named
