"""Rows as tests need them."""

from __future__ import annotations

from typing import Any

from pynetstat.records import (
    TIMER_OFF,
    Addr,
    Proto,
    SocketRecord,
    TcpState,
    UnixRecord,
    UnixState,
)

HOSTILE_TEXTS = (
    "=cmd|' /C calc'!A0",
    "+1",
    "-1+1",
    "@SUM(A1)",
    "'=1",
    "''@",
    "\ttab",
    "\rreturn",
    "a,b",
    'quo"te',
    "line\nfeed",
    "trailing  ",
    "\x1b[31mred\x1b[0m",
    "\u202etxt.exe",
    "\udcff\udcfe",
    "cut \udce2\udc82",
    "[/bin/sh]",
    ") R 1 1",
    "NaN",
    "\N{CJK UNIFIED IDEOGRAPH-4E2D}",
    "",
)
"""Process names and arguments as any user may choose them, undecodable bytes as surrogates."""


def tcp_row(**fields: Any) -> SocketRecord:
    """An established connection, but for the fields given."""
    row = SocketRecord(
        Proto.TCP,
        Addr("127.0.0.1", 8080),
        Addr("127.0.0.1", 40001),
        TcpState.ESTABLISHED,
        recv_q=0,
        send_q=0,
        timer=TIMER_OFF,
        uid=1000,
        inode=77,
        cookie=1,
        ifindex=0,
    )
    return row._replace(**fields)


def unix_row(path: bytes, **fields: Any) -> UnixRecord:
    """A listening unix socket of that name."""
    return UnixRecord("STREAM", UnixState.LISTENING, path, 78)._replace(**fields)
