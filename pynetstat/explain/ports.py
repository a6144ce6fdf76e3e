"""The ports that the kernel gives to outgoing connections: how many there are."""

from __future__ import annotations

import os
from typing import NamedTuple


class PortRange(NamedTuple):
    """The ephemeral ports, ``low`` to ``high``, and those of them that are ``reserved``."""

    low: int
    high: int
    reserved: frozenset[int] = frozenset()

    def __contains__(self, port: object) -> bool:
        return isinstance(port, int) and self.low <= port <= self.high and port not in self.reserved

    @property
    def size(self) -> int:
        """How many ports connect() can choose from."""
        return self.high - self.low + 1 - len(self.reserved)


def read_port_range(proc_root: str = "/proc") -> PortRange | None:
    """The range of this network namespace; None where it can't be read.

    sys/net/ipv4/ip_local_port_range and ip_local_reserved_ports
    (Documentation/networking/ip-sysctl.rst).
    """
    folder = f"{proc_root}/sys/net/ipv4"
    try:
        low, high = (int(word) for word in _read(f"{folder}/ip_local_port_range").split())
    except (OSError, ValueError):
        return None
    try:
        reserved = _ports(_read(f"{folder}/ip_local_reserved_ports"))
    except (OSError, ValueError):
        reserved = set()
    return PortRange(low, high, frozenset(port for port in reserved if low <= port <= high))


def _ports(text: str) -> set[int]:
    """The ports in a list like ``8080,9148-9150``."""
    ports: set[int] = set()
    for part in text.strip().split(","):
        if part:
            first, _, last = part.partition("-")
            ports.update(range(int(first), int(last or first) + 1))
    return ports


def _read(path: str) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 65536).decode("ascii")
    finally:
        os.close(descriptor)
