"""Asks the kernel to end a socket: SOCK_DESTROY (include/uapi/linux/sock_diag.h).

It needs CAP_NET_ADMIN in the socket's network namespace, and a kernel that was built with
CONFIG_INET_DIAG_DESTROY. The socket is named by its addresses, interface and cookie, so
that no other can be meant (struct inet_diag_req_v2).
"""

from __future__ import annotations

import socket
import struct

from pynetstat.records import SocketRecord
from pynetstat.sources.netlink import (
    NLM_F_ACK,
    NLM_F_REQUEST,
    NetlinkSocket,
    acknowledged,
    name_protocol,
    pack_message,
)

SOCK_DESTROY = 21

_REQUEST = struct.Struct("=BBBxI")
_PORTS = struct.Struct("!HH")
_INTERFACE_AND_COOKIE = struct.Struct("=IQ")
_EVERY_STATE = 0xFFFFFFFF


def pack_destroy(record: SocketRecord, sequence: int) -> bytes:
    """The request to end the socket that ``record`` is about. ValueError without a cookie."""
    if not record.cookie:
        raise ValueError("a socket without a cookie may be another one by now")
    family = socket.AF_INET6 if record.proto.is_ipv6 else socket.AF_INET
    number, named = name_protocol(record.proto.base)
    body = b"".join(
        (
            _REQUEST.pack(family, number, 0, _EVERY_STATE),
            _PORTS.pack(record.laddr.port, record.raddr.port),
            socket.inet_pton(family, record.laddr.ip).ljust(16, b"\0"),
            socket.inet_pton(family, record.raddr.ip).ljust(16, b"\0"),
            _INTERFACE_AND_COOKIE.pack(record.ifindex or 0, record.cookie),
            named,
        )
    )
    return pack_message(SOCK_DESTROY, NLM_F_REQUEST | NLM_F_ACK, body, sequence)


def destroy(sock: NetlinkSocket, record: SocketRecord, sequence: int) -> int:
    """End the socket that ``record`` is about: 0, or the errno with which the kernel refuses.

    OSError when the kernel can't be asked, ParseError when it answers nonsense.
    """
    return acknowledged(sock, pack_destroy(record, sequence), sequence)
