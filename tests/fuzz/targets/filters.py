"""The filter language: reading it, writing it down again, deciding rows by it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from pynetstat.errors import FilterError
from pynetstat.filter_grammar import filter_text, parse_filter
from pynetstat.filters import (
    ALWAYS,
    BOUND_INACTIVE,
    NEVER,
    Filter,
    Path,
    Process,
    Record,
    States,
    compile_filter,
    for_table,
    is_bound_inactive,
    leaves,
    matches,
    needs_owners,
    states_of,
    untold,
)
from pynetstat.query import Query, state_mask
from pynetstat.records import (
    STATE_CODES,
    Addr,
    Owner,
    Proto,
    SocketRecord,
    TcpState,
    Timer,
    TimerKind,
    UnixRecord,
    UnixState,
)
from pynetstat.sources.bytecode import bytecode, decidable
from tests.fuzz.harmless import check_filter_error

_HOME4, _HOME6 = Addr("127.0.0.1", 80), Addr("::1", 443)
_MAPPED = Addr("::ffff:10.0.0.1", 40000)
_NGINX = (Owner(1, 3, "nginx"), Owner(2, 4, "a b\n"))
_KEEPALIVE = Timer(TimerKind.KEEPALIVE, 1.0, 0, 0)
ROWS: tuple[Record, ...] = (
    SocketRecord(
        Proto.TCP, _HOME4, Addr("10.1.0.1", 1), TcpState.ESTABLISHED, 1, 0, None, _KEEPALIVE,
        0, 7, 1, 2, _NGINX,
    ),
    SocketRecord(
        Proto.TCP6, _MAPPED, _HOME6, TcpState.TIME_WAIT, 0, 0, None,
        Timer(TimerKind.TIMEWAIT, 60.0, 0, 0), None, 0, 2, 0, (),
    ),
    SocketRecord(Proto.TCP, _HOME4, Addr("0.0.0.0", 0), TcpState.CLOSE, 0, 0, inode=8, cookie=3),
    SocketRecord(Proto.UDP6, Addr("fe80::1%eth0", 53), Addr("::", 0), TcpState.CLOSE),
    UnixRecord(
        "STREAM", UnixState.LISTENING, b"\0x\xff", 9, 0, 0, 5, uid=1, cookie=4, owners=_NGINX
    ),
    UnixRecord("DGRAM", None, b""),
)  # fmt: skip
"""Rows that tell everything and rows that tell little."""

_WORDS = """
state exclude established closed bound-inactive listening all sport dport src dst process pid
user inode path recv-q send-q timer proto dev keepalive tcp6 unix lo and or not ( ) = != < <= >
>= ~ !~ & | ! * :80 http root localhost 10/8 [::1]:80 127.0.0.1 ::ffff:10.0.0.1 fe80::/10
4294967296 99999999999999999999 " ' \\ /run/x [a-z] (?i) {9,} ^ $ +
"""
WORDS = tuple(_WORDS.split())

_NEW_SYN_RECV = 12
"""Asked for by the bit of SYN_RECV."""
_LONGEST_PATTERN = 60
"""A pattern that tries every way to match can take for ever; it is the asker's own."""


def check(data: bytes) -> None:
    """Understood or refused with a place; what is understood is decided alike everywhere."""
    text = data.decode("utf-8", "surrogateescape")
    with _names_of_this_machine():
        try:
            found = parse_filter(text)
        except FilterError as error:
            check_filter_error(error, text)
            return
        written = filter_text(found)
        assert parse_filter(written) == found
        assert filter_text(parse_filter(written)) == written
    texts = [part for part in leaves(found) if isinstance(part, Path | Process)]
    if sum(len(part.text) for part in texts if part.op == "~") > _LONGEST_PATTERN:
        return
    for row in ROWS:
        _check_decided(found, row)
    _check_kernel_side(found)


@contextmanager
def _names_of_this_machine() -> Iterator[None]:
    """No name server is asked: a resolver that knows ``localhost`` only."""

    def resolve(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        host.encode("idna")
        if host != "localhost":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, 1, 6, "", ("127.0.0.1", 0))]

    with mock.patch.object(socket, "getaddrinfo", resolve):
        yield


def _check_decided(found: Filter, row: Record) -> None:
    answer = matches(found, row)
    assert answer in (True, False, None)
    assert compile_filter(found, row.proto)(row) is answer
    assert matches(for_table(found, row.proto), row) is answer
    blind = compile_filter(found, row.proto, owners=False)(row)
    assert blind is answer or (blind is None and needs_owners(found))
    unknown = untold(found, row)
    assert answer is not None or unknown
    if isinstance(row, SocketRecord) and answer is not False:
        states = states_of(found)
        named = {s for leaf in leaves(found) if isinstance(leaf, States) for s in leaf.states}
        if not is_bound_inactive(row):
            assert row.state in states
        elif BOUND_INACTIVE in named:
            assert BOUND_INACTIVE in states
        assert matches(decidable(for_table(found, row.proto)), row) is not False


def _check_kernel_side(found: Filter) -> None:
    for proto in Proto:
        question = for_table(found, proto)
        if proto is Proto.UNIX or question == NEVER:
            continue
        mask = state_mask(proto, Query((proto,), filter=question))
        assert 0 <= mask < 1 << 14
        if proto.base != "sctp":
            wanted = states_of(question)
            codes = [code for code, state in STATE_CODES.items() if state in wanted]
            assert all(mask & 1 << code for code in codes if code != _NEW_SYN_RECV)
        program = bytecode(question)
        if program is None:
            continue
        assert question != ALWAYS
        assert program
        assert len(program) % 4 == 0
        assert len(program) < 1 << 16
