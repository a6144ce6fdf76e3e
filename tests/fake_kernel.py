"""A kernel's end of netlink: a function from request to replies."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

KERNEL = (0, 0)


class Packet(NamedTuple):
    """One thing that recvmsg() returns."""

    data: bytes
    flags: int = 0
    sender: Any = KERNEL


class FakeSocket:
    """A netlink socket whose other end answers from a list; silent once that is used up."""

    def __init__(self, answer: Callable[[bytes], Iterable[Packet | OSError]]) -> None:
        self.requests: list[bytes] = []
        self.closed = False
        self.timeout: float | None = None
        self._answer = answer
        self._replies: Iterator[Packet | OSError] = iter(())

    def settimeout(self, value: float | None, /) -> None:
        """Remember it: whoever waits for this kernel must have set one."""
        self.timeout = value

    def sendto(self, data: bytes, address: tuple[int, int], /) -> int:
        """Take a request to the kernel, and to nobody else."""
        assert address == KERNEL
        self.requests.append(data)
        self._replies = iter(self._answer(data))
        return len(data)

    def recvmsg(self, bufsize: int, /) -> tuple[bytes, Any, int, Any]:
        """The next reply, cut to the buffer as a kernel would."""
        assert not self.closed
        assert self.timeout is not None, "waits for ever"
        reply = next(self._replies, TimeoutError("timed out"))
        if isinstance(reply, OSError):
            raise reply
        flags = reply.flags
        if len(reply.data) > bufsize:
            flags |= socket.MSG_TRUNC
        return reply.data[:bufsize], [], flags, reply.sender

    def close(self) -> None:
        """As socket.close."""
        self.closed = True


class FakeKernel:
    """Called, it opens a socket; it keeps all of them for the test to look at."""

    def __init__(self, answer: Callable[[bytes], Iterable[Packet | OSError]]) -> None:
        self.sockets: list[FakeSocket] = []
        self._answer = answer

    @classmethod
    def saying(cls, *replies: bytes | Packet | OSError) -> FakeKernel:
        """A kernel that gives these replies to every request."""
        packets = [Packet(reply) if isinstance(reply, bytes) else reply for reply in replies]
        return cls(lambda _request: packets)

    def __call__(self) -> FakeSocket:
        """Open a socket."""
        self.sockets.append(FakeSocket(self._answer))
        return self.sockets[-1]

    @property
    def requests(self) -> list[bytes]:
        """All that was asked."""
        return [request for each in self.sockets for request in each.requests]

    @property
    def all_closed(self) -> bool:
        """Whether every socket that was opened is closed again."""
        return all(each.closed for each in self.sockets)
