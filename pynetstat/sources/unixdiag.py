"""Unix-domain sockets through sock_diag (include/uapi/linux/unix_diag.h).

Names come as exact bytes, which /proc/net/unix can't give. Sockets that wait to be
accepted have no inode yet and are left out of the dump; each is known from its listener,
which names the connecting sockets.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Callable

from pynetstat.errors import ParseError
from pynetstat.records import UnixRecord, UnixState, unix_type
from pynetstat.sources import Notes
from pynetstat.sources.netlink import HEADER, NetlinkSocket, Run, attributes, dump, pack_dump

_REQUEST = struct.Struct("=BBHIIIII")
_MESSAGE = struct.Struct("=BBBxIQ")
_EVERY_STATE = 0xFFFFFFFF
_SHOW_NAME, _SHOW_PEER, _SHOW_ICONS, _SHOW_RQLEN, _SHOW_UID = 0x01, 0x04, 0x08, 0x10, 0x40
_NAME, _PEER, _ICONS, _RQLEN, _UID = 0, 2, 3, 4, 7
_NO_COOKIE = 0xFFFFFFFF

_TCP_ESTABLISHED, _TCP_LISTEN = 1, 10


def pack_request() -> bytes:
    """The request for every unix socket with name, peer, waiting peers and queues."""
    show = _SHOW_NAME | _SHOW_PEER | _SHOW_ICONS | _SHOW_RQLEN | _SHOW_UID
    return pack_dump(
        _REQUEST.pack(socket.AF_UNIX, 0, 0, _EVERY_STATE, 0, show, _NO_COOKIE, _NO_COOKIE)
    )


def decode(message: bytes) -> list[UnixRecord]:
    """The socket in one message, and a CONNECTING one for each peer that waits for accept().

    ParseError for a message that is not a unix_diag_msg.
    """
    if len(message) < HEADER.size + _MESSAGE.size:
        raise ParseError("unix_diag_msg cut short", message)
    _family, kind, code, inode, cookie = _MESSAGE.unpack_from(message, HEADER.size)
    found = attributes(message[HEADER.size + _MESSAGE.size :])
    path = found.get(_NAME, b"")
    if not path.startswith(b"\0"):
        path = path.rstrip(b"\0")
    peer, uid = _number(found, _PEER), _number(found, _UID)
    queues = found.get(_RQLEN, b"")
    recv_q, send_q = struct.unpack("=II", queues) if len(queues) == 8 else (None, None)
    record = UnixRecord(
        unix_type(kind),
        _state(code),
        path,
        inode,
        peer_inode=peer or 0,
        recv_q=recv_q,
        send_q=send_q,
        uid=uid,
        cookie=cookie,
    )
    icons = found.get(_ICONS, b"")
    waiting = [
        UnixRecord(record.type, UnixState.CONNECTING, path, 0, peer_inode)
        for (peer_inode,) in struct.iter_unpack("=I", icons[: len(icons) & ~3])
    ]
    return [record, *waiting]


def _number(found: dict[int, bytes], kind: int) -> int | None:
    payload = found.get(kind, b"")
    return int.from_bytes(payload, sys.byteorder) if len(payload) == 4 else None


def _state(code: int) -> UnixState:
    """netstat's word for the TCP state number that unix sockets borrow (net/unix/diag.c)."""
    if code == _TCP_LISTEN:
        return UnixState.LISTENING
    return UnixState.CONNECTED if code == _TCP_ESTABLISHED else UnixState.UNCONNECTED


def read_unix(opener: Callable[[], NetlinkSocket], notes: Notes) -> list[UnixRecord]:
    """All unix sockets of this network namespace. SourceUnavailable or SourceFailed."""
    records: list[UnixRecord] = []
    seen: set[int | None] = set()
    for run in dump(pack_request(), opener):
        for message in _messages(run):
            try:
                found = decode(message)
            except ParseError as error:
                notes.bad_row(error)
                continue
            if found[0].cookie not in seen:
                seen.add(found[0].cookie)
                records += found
    return records


def _messages(run: Run) -> list[bytes]:
    return [
        bytes(run.data[start : start + run.length]) for start in range(0, len(run.data), run.size)
    ]
