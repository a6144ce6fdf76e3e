"""A netlink socket that listens to multicast groups and takes many messages in one call.

recv() takes one message, and a thread that competes for the interpreter's lock takes one per
switch interval: 200 a second. recvmmsg(2), which the socket module does not have, takes as many
as wait.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import socket
import struct

from pynetstat.sources.netlink import NETLINK_SOCK_DIAG

_SO_RCVBUFFORCE = 33
_SO_MEMINFO = 55
_MEMINFO = struct.Struct("=32x I")
"""SK_MEMINFO_DROPS, the ninth number (linux/sock_diag.h)."""
_MESSAGES = 256
_ROOM = 2048
"""Bytes a message; the kernel's are 380 long as of Linux 6.18."""
_SENDER = struct.Struct("=HxxII")
_PATIENCE_MS = 200


class _IoVector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """struct msghdr (recvmsg(2))."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.c_void_p),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Received(ctypes.Structure):
    """struct mmsghdr (recvmmsg(2))."""

    _fields_ = (("header", _Header), ("length", ctypes.c_uint))


class GroupSocket:
    """Told of everything in the sock_diag groups of ``mask`` (1 << number - 1). Close it.

    ``buffer_size`` is asked for; an ordinary user is given net.core.rmem_max at most. OSError
    or AttributeError where the system has none.
    """

    def __init__(self, mask: int, buffer_size: int) -> None:
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        self._call = ctypes.CDLL(None, use_errno=True).recvmmsg
        self._socket = socket.socket(socket.AF_NETLINK, kind, NETLINK_SOCK_DIAG)
        try:
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, buffer_size)
            except PermissionError:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_size)
            self._socket.bind((0, mask))
        except BaseException:
            self._socket.close()
            raise
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._room = ctypes.create_string_buffer(_MESSAGES * _ROOM)
        self._names = ctypes.create_string_buffer(_MESSAGES * _SENDER.size)
        self._received = (_Received * _MESSAGES)()
        self._vectors = (_IoVector * _MESSAGES)()
        room, names = ctypes.addressof(self._room), ctypes.addressof(self._names)
        for at, vector in enumerate(self._vectors):
            header = self._received[at].header
            vector.base, vector.length = room + at * _ROOM, _ROOM
            header.name, header.name_length = names + at * _SENDER.size, _SENDER.size
            header.vectors, header.vector_count = ctypes.addressof(vector), 1

    def receive(self) -> list[bytes]:
        """The messages that wait, from the kernel only; none after a fifth of a second.

        OSError: ENOBUFS when the kernel had no room for some, EMSGSIZE for one too large.
        """
        if not self._poll.poll(_PATIENCE_MS):
            return []
        descriptor = self._socket.fileno()
        count = self._call(descriptor, self._received, _MESSAGES, socket.MSG_DONTWAIT, None)
        if count < 0:
            number = ctypes.get_errno()
            if number in (errno.EAGAIN, errno.EINTR):
                return []
            raise OSError(number, os.strerror(number))
        senders = _SENDER.iter_unpack(self._names.raw[: count * _SENDER.size])
        data = self._room.raw[: count * _ROOM]
        messages = []
        for at, (_, sender, _) in enumerate(senders):
            received = self._received[at]
            if received.header.flags & socket.MSG_TRUNC:
                raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
            if sender == 0:
                messages.append(data[at * _ROOM : at * _ROOM + received.length])
        return messages

    def count_drops(self) -> int | None:
        """How many messages the kernel had no room for since the beginning; None where it
        does not say (before Linux 4.12)."""
        try:
            info = self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
            return int(_MEMINFO.unpack(info)[0])
        except (OSError, struct.error):
            return None

    def close(self) -> None:
        """Leave the groups."""
        self._socket.close()
