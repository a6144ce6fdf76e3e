"""For authors of tests: is it listening, how many are there, what leaked.

Everything here reads the socket tables, so that a server which accepts only once still has
its accept, and nothing appears in its log. The functions with ``_async`` in their name are
the same for asyncio.
"""

from __future__ import annotations

from pynetstat.errors import ProcessEnded, SocketsLeaked, WaitFailed, WaitTimeout
from pynetstat.testing.binding import BindAnswer, can_bind, listening_socket
from pynetstat.testing.leaks import Leak, LeakCheck
from pynetstat.testing.listening import (
    wait_for_listen,
    wait_for_listen_async,
    wait_until_closed,
    wait_until_closed_async,
)
from pynetstat.testing.matching import wait_for, wait_for_async

__all__ = [
    "BindAnswer",
    "Leak",
    "LeakCheck",
    "ProcessEnded",
    "SocketsLeaked",
    "WaitFailed",
    "WaitTimeout",
    "can_bind",
    "listening_socket",
    "wait_for",
    "wait_for_async",
    "wait_for_listen",
    "wait_for_listen_async",
    "wait_until_closed",
    "wait_until_closed_async",
]
