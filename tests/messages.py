"""Netlink messages as a kernel builds them, for answers that no kernel gives on demand."""

from __future__ import annotations

import socket
import struct

from pynetstat.sources.netlink import NLMSG_DONE, NLMSG_ERROR, SOCK_DIAG_BY_FAMILY

_HEADER = struct.Struct("=IHHII")
_FLAG_MULTI = 2


def message(body: bytes, kind: int = SOCK_DIAG_BY_FAMILY, sequence: int = 1) -> bytes:
    """One message with its header and padding."""
    length = _HEADER.size + len(body)
    return _HEADER.pack(length, kind, _FLAG_MULTI, sequence, 4711) + body + b"\0" * (-length % 4)


def done(code: int = 0) -> bytes:
    """The end of a dump; a code below 0 is a refusal."""
    return message(struct.pack("=i", code), NLMSG_DONE)


def error(code: int) -> bytes:
    """NLMSG_ERROR with the header of the request behind the code, as kernels send it."""
    return message(struct.pack("=i", code) + bytes(_HEADER.size), NLMSG_ERROR)


def attribute(kind: int, payload: bytes) -> bytes:
    """One attribute with its header and padding."""
    length = 4 + len(payload)
    return struct.pack("=HH", length, kind) + payload + b"\0" * (-length % 4)


def inet_body(
    *,
    family: int = socket.AF_INET,
    state: int = 1,
    timer: int = 0,
    count: int = 0,
    local: tuple[str, int] = ("127.0.0.1", 8080),
    remote: tuple[str, int] = ("127.0.0.1", 40001),
    ifindex: int = 0,
    cookie: int = 1,
    expires_ms: int = 0,
    recv_q: int = 0,
    send_q: int = 0,
    uid: int = 1000,
    inode: int = 77,
) -> bytes:
    """struct inet_diag_msg."""
    return b"".join(
        (
            struct.pack("=BBBB", family, state, timer, count),
            struct.pack("!HH", local[1], remote[1]),
            socket.inet_pton(family, local[0]).ljust(16, b"\0"),
            socket.inet_pton(family, remote[0]).ljust(16, b"\0"),
            struct.pack("=IQ", ifindex, cookie),
            struct.pack("=IIIII", expires_ms, recv_q, send_q, uid, inode),
        )
    )


def unix_body(
    *, kind: int = socket.SOCK_STREAM, state: int = 1, inode: int = 77, cookie: int = 1
) -> bytes:
    """struct unix_diag_msg."""
    return struct.pack("=BBBxIQ", socket.AF_UNIX, kind, state, inode, cookie)
