"""UDP, UDP-Lite, raw, MPTCP and unix-domain sockets, bound, connected and filled."""

from __future__ import annotations

import socket
from pathlib import Path

from .bench import Bench, port_of
from .kernel import wait_until

IPPROTO_UDPLITE = 136
IPPROTO_MPTCP = 262
_RAW_PROTOCOL = 253
"""For experiments (RFC 3692): no packet of it arrives by itself."""

_FAMILIES = ((socket.AF_INET, ""), (socket.AF_INET6, "6"))


def datagrams(bench: Bench, table: str, number: int) -> None:
    """Bound and idle, bound with unread data, and connected, v4 and v6."""
    for family, suffix in _FAMILIES:
        idle = bench.bound(family, socket.SOCK_DGRAM, number)
        bench.expect(table + suffix, idle, 0, "CLOSE")
        unread = bench.bound(family, socket.SOCK_DGRAM, number)
        client = bench.bound(family, socket.SOCK_DGRAM, number)
        client.connect(unread.getsockname())
        client.send(b"hello")
        bench.expect(table + suffix, unread, 0, "CLOSE")
        bench.expect(table + suffix, client, port_of(unread), "ESTABLISHED")


def udp(bench: Bench) -> None:
    """UDP, also bound to every address."""
    datagrams(bench, "udp", 0)
    bench.expect("udp6", bench.bound(socket.AF_INET6, socket.SOCK_DGRAM, ip="::"), 0, "CLOSE")


def udplite(bench: Bench) -> None:
    """UDP-Lite, where the kernel has it."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM, IPPROTO_UDPLITE).close()
    except OSError:
        return
    datagrams(bench, "udplite", IPPROTO_UDPLITE)


def raw(bench: Bench) -> None:
    """Raw sockets, where this process may have them."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, _RAW_PROTOCOL).close()
    except OSError:
        return
    for (family, suffix), ip in zip(_FAMILIES, ("127.0.0.1", "::1"), strict=True):
        bench.new(family, socket.SOCK_RAW, _RAW_PROTOCOL)
        bench.expect(f"raw{suffix}", _RAW_PROTOCOL, 0, "CLOSE")
        bench.new(family, socket.SOCK_RAW, _RAW_PROTOCOL).connect((ip, 0))
        bench.expect(f"raw{suffix}", _RAW_PROTOCOL, 0, "ESTABLISHED")


def mptcp(bench: Bench) -> None:
    """An MPTCP connection, where the kernel has the protocol."""
    try:
        server = bench.new(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    except OSError:
        return
    server.bind(("127.0.0.1", 0))
    server.listen(1)
    client = bench.new(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    client.connect(server.getsockname())
    bench.keep(server.accept()[0])
    bench.expect("tcp", client, port_of(server), "ESTABLISHED")


def unix(bench: Bench, folder: Path) -> None:
    """Unix sockets of each type and kind of name, connected and waiting for accept()."""
    paths = []
    for kind, name in (
        (socket.SOCK_STREAM, "stream"),
        (socket.SOCK_DGRAM, "dgram"),
        (socket.SOCK_SEQPACKET, "seqpacket"),
    ):
        for path in (f"\0pynetstat-{name}", str(folder / name)):
            server = bench.new(socket.AF_UNIX, kind)
            server.bind(path)
            paths.append(path)
            client = bench.new(socket.AF_UNIX, kind)
            if kind == socket.SOCK_DGRAM:
                client.connect(path)
                continue
            server.listen(4)
            client.connect(path)
            bench.keep(server.accept()[0])
            client.send(b"unread")
            bench.new(socket.AF_UNIX, kind).connect(path)  # nobody accepts this one
    bench.new(socket.AF_UNIX, socket.SOCK_DGRAM).bind("")
    bench.new(socket.AF_UNIX, socket.SOCK_STREAM)
    for sock in socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM):
        bench.keep(sock)
    wait_until(lambda: all(_is_listed(path) for path in paths), "unix names in /proc/net/unix")


def _is_listed(path: str) -> bool:
    return path.replace("\0", "@") in Path("/proc/net/unix").read_text()
