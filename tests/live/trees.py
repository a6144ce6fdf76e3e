"""Saved /proc trees, written by hand as the kernel writes them, from a seed."""

from __future__ import annotations

import random
import socket
import sys
from pathlib import Path

_HEADS = {
    "tcp": (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt"
        "   uid  timeout inode"
    ),
    "tcp6": (
        "  sl  local_address                         remote_address                        st"
        " tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
    ),
    "udp": (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt"
        "   uid  timeout inode ref pointer drops"
    ),
}
_IPV4 = ("0.0.0.0", "127.0.0.1", "255.255.255.255", "10.1.2.3", "192.168.100.200")
_IPV6 = (
    "::",
    "::1",
    "fe80::1234:5678:9abc:def0",
    "2001:db8:1111:2222:3333:4444:5555:6666",
    "2001:db8::1",
    "::ffff:10.20.30.40",
    "::ffff:255.255.255.255",
    "::10.9.8.7",
    "ff02::1:ff00:1234",
    "1:0:0:2::3",
    "0:1::",
)
_PORTS = (0, 1, 22, 80, 8080, 65535)
_LISTEN = 10
_TCP_STATES = range(1, 12)
"""Without 0C, NEW_SYN_RECV: netstat 2.10 has no word for it, and no kernel writes it there."""


def write_tree(root: Path, seed: int) -> None:
    """Every table below ``root``/net, some rows of each."""
    chance = random.Random(seed)
    net = root / "net"
    net.mkdir(parents=True)
    for table in ("tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6"):
        six = table.endswith("6")
        base = table.removesuffix("6")
        heading = "tcp6" if six else ("tcp" if base == "tcp" else "udp")
        rows = [_row(chance, base, six, number) for number in range(chance.randrange(60))]
        if base == "tcp":
            rows += [_row(chance, base, six, 100 + code, code) for code in _TCP_STATES]
        lines = [_HEADS[heading], *rows]
        width = 0 if six else 149  # the kernel pads the lines of IPv4 tables
        (net / table).write_text("".join(f"{line:<{width}}\n" for line in lines))
    (net / "unix").write_text(_unix(chance))


def _row(chance: random.Random, base: str, six: bool, number: int, state: int = 0) -> str:
    ips = _IPV6 if six else _IPV4
    local, remote = chance.choices(ips, k=2)
    lport, rport = chance.choices((*_PORTS, chance.randrange(65536)), k=2)
    if base == "tcp":
        state = state or chance.choice(_TCP_STATES)
        if state == _LISTEN:
            remote, rport = ips[0], 0
        timer = chance.choice((0, 0, 1, 2, 3, 4, 5, 9))
    else:
        state = chance.choice((1, 7))
        timer = 0
    ticks = chance.choice((0, 1, 99, 100, 6000, 720000, 0xFFFFFF)) if timer else 0
    resent = chance.choice((0, 1, 9, 10, 15, 255)) if timer else 0
    probes = chance.choice((0, 1, 12)) if timer else 0
    queues = [chance.choice((0, 0, 0, 1, 4096, 999999, 1000000, 0x7FFFFFFF)) for _ in range(2)]
    inode = chance.choice((number + 1, 638740 + number, 4294967295 - number))
    uid = chance.choice((0, 1000, 65534, 2147483647))  # netstat prints larger ones below 0
    tail = {"tcp": " 1 00000000f947abf3 100 0 0 10 0", "raw": " 2 00000000f947abf3 0"}
    if base == "tcp" and (timer == 3 or state == 3):
        uid = inode = 0
        lport = 10000 + number  # no socket of the kernel's is there twice
        tail["tcp"] = " 3 00000000f947abf3"
    ends = f"{_words(local)}:{lport:04X} {_words(remote)}:{rport:04X}"
    return (
        f"{number:4d}: {ends} {state:02X} {queues[0]:08X}:{queues[1]:08X}"
        f" {timer:02X}:{ticks:08X} {resent:08X} {uid:5d} {probes:8d} {inode}"
        f"{tail.get(base, ' 2 00000000f947abf3 17')}"
    )


def _words(ip: str) -> str:
    """The address as the kernel prints it: words in this machine's byte order, in hex."""
    packed = socket.inet_pton(socket.AF_INET6 if ":" in ip else socket.AF_INET, ip)
    words = [packed[start : start + 4] for start in range(0, len(packed), 4)]
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)


def _unix(chance: random.Random) -> str:
    """Names without spaces: netstat 2.10 ends a name at its first one."""
    lines = ["Num       RefCount Protocol Flags    Type St Inode Path"]
    for number in range(40):
        kind = chance.choice((1, 2, 5))
        flags, state = chance.choice(((0x10000, 1), (0, 1), (0, 3), (0, 2)))
        if kind == 2 and flags:
            flags = 0
        name = chance.choice(("", "", " /run/a.sock", " @abstract", " /tmp/" + "x" * 90))
        inode = chance.choice((0, chance.randrange(1, 10**8))) if state == 2 else number + 1000
        lines.append(
            f"{number:016x}: {chance.randrange(2, 20):08X} 00000000 {flags:08X}"
            f" {kind:04X} {state:02X} {inode:5d}{name}"
        )
    return "\n".join(lines) + "\n"
