"""Ports that nobody has, and that no other test is given while one waits for its server."""

from __future__ import annotations

import random
import socket

from pynetstat.explain.ports import read_port_range

_LOWEST = 10_000
_TRIES = 100


def free_port() -> int:
    """A free port that connect() chooses for no client, as long as there are such."""
    ephemeral = read_port_range()
    highest = 65_535 if ephemeral is None or ephemeral.low <= _LOWEST else ephemeral.low - 1
    for _ in range(_TRIES):
        with socket.socket() as sock:
            try:
                sock.bind(("0.0.0.0", random.randint(_LOWEST, highest)))
            except OSError:
                continue
            return int(sock.getsockname()[1])
    raise AssertionError("no free port is found")
