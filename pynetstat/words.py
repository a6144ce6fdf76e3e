"""The texts a view prints for addresses, ports, users, owners and times."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import NamedTuple

from pynetstat.records import Owner
from pynetstat.text import printable

_MAPPED = "::ffff:"


def unmapped(ip: str) -> str:
    """An IPv4-mapped IPv6 address as the IPv4 address it stands for, others as they are."""
    return ip.removeprefix(_MAPPED) if "." in ip else ip


def duration(seconds: float) -> str:
    """A time span in few characters: ``180us``, ``12ms``, ``59.8s``, ``2m05s``, ``3h07m``."""
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f}us"
    if seconds < 0.9995:
        return f"{seconds * 1e3:.0f}ms"
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def countdown(seconds: float) -> str:
    """What is left of a timer, as fine as netstat's: ``0.20s``, ``59.8s``, ``2m05s``, ``1h59m``."""
    if seconds < 10:
        return f"{seconds:.2f}s"
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    return f"{minutes // 60}h{minutes % 60:02}m"


class Hosts(dict[str, str]):
    """Text for an address: its name where one is known, else its number.

    An IPv4-mapped address reads as IPv4, as in netstat.
    """

    def __missing__(self, ip: str) -> str:
        text = self[ip] = unmapped(ip)
        return text


class Words(NamedTuple):
    """The texts that a view prints for addresses, ports and users.

    ``services`` has the known names of ports by protocol, ``users`` those of user ids;
    what is not in them is shown as its number.
    """

    hosts: Hosts
    services: dict[str, dict[int, str]]
    users: dict[int, str]

    def ports(self, base: str) -> dict[int, str]:
        """The names of a protocol's (``tcp``, ``udp``, ...) ports; 0 is ``*``."""
        return {**self.services.get(base, {}), 0: "*"}


def numbers() -> Words:
    """Words that look nothing up."""
    return Words(Hosts(), {}, {})


def owner_text(owner: Owner) -> str:
    """An owner as ``pid/name``, the name in quotes where it could pass for several."""
    name = printable(owner.name)
    return f'{owner.pid}/"{name}"' if "," in name else f"{owner.pid}/{name}"


def interface_name(
    index: int, netns: str | None = None, names: Mapping[str, Mapping[int, str]] = {}
) -> str:
    """The name of an interface, its number when none is known.

    One of this program's network namespace, or of ``netns``, as ``names`` has them.
    """
    if netns is not None:
        return printable(names.get(netns, {}).get(index, str(index)))
    try:
        return printable(socket.if_indextoname(index))
    except OSError:
        return str(index)
