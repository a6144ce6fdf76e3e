"""Bytecode for the kernel: programs that it takes, and that pass no row too few."""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynetstat.filter_grammar import parse_filter
from pynetstat.filters import NEVER, Filter, any_of, leaves, matches
from pynetstat.records import Proto, SocketRecord
from pynetstat.sources.bytecode import bytecode, decidable

from .any_filter import FILTERS, HOSTS, INTERFACES, SIDED_PORTS, inet_rows, put_together

_NOP, _JMP, _S_GE, _S_LE, _D_GE, _D_LE, _S_COND, _D_COND, _DEV, _S_EQ, _D_EQ = (
    0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 12,
)  # fmt: skip
_LEAST_SIZES = {
    _NOP: 4, _JMP: 4, _S_GE: 8, _S_LE: 8, _D_GE: 8, _D_LE: 8, _S_EQ: 8, _D_EQ: 8, _DEV: 8,
    _S_COND: 12, _D_COND: 12,
}  # fmt: skip


_HOST = struct.Struct("=BBxxi")


class _Op(NamedTuple):
    code: int
    yes: int
    no: int


def _op(program: bytes, at: int) -> _Op:
    return _Op(*struct.unpack_from("=BBH", program, at))


def _check(program: bytes) -> None:
    """What inet_diag_bc_audit() asks of a program."""
    assert len(program) >= 4
    starts = set()
    at = 0
    while at < len(program):
        starts.add(at)
        at += _op(program, at).yes
    assert at == len(program)
    for at in starts:
        op, left = _op(program, at), len(program) - at
        least = _LEAST_SIZES[op.code]
        if op.code in (_S_COND, _D_COND):
            family, bits = struct.unpack_from("=BB", program, at + 4)
            size = {socket.AF_INET: 4, socket.AF_INET6: 16}[family]
            least += size
            assert bits <= 8 * size
        assert least <= left
        for jump in (op.yes, op.no):
            assert least <= jump <= left + 4 or op.code == _JMP
            assert jump % 4 == 0
        assert 4 <= op.no <= left + 4
        assert op.no >= left or at + op.no in starts


def _run(program: bytes, row: SocketRecord) -> bool:
    """What inet_diag_bc_run() says of the row."""
    at = 0
    while at < len(program):
        op = _op(program, at)
        at += op.yes if _holds(op, program, at, row) else op.no
    return at == len(program)


def _holds(op: _Op, program: bytes, at: int, row: SocketRecord) -> bool:
    if op.code == _JMP:
        return False
    if op.code == _DEV:
        return row.ifindex == int.from_bytes(program[at + 4 : at + 8], sys.byteorder)
    if op.code in (_S_COND, _D_COND):
        return _is_in(program, at + 4, row, op.code == _S_COND)
    port = int.from_bytes(program[at + 6 : at + 8], sys.byteorder)
    local, remote = row.laddr.port, row.raddr.port
    return {
        _S_GE: local >= port,
        _S_LE: local <= port,
        _S_EQ: local == port,
        _D_GE: remote >= port,
        _D_LE: remote <= port,
        _D_EQ: remote == port,
    }[op.code]


def _is_in(program: bytes, at: int, row: SocketRecord, local: bool) -> bool:
    family: int
    bits: int
    family, bits, port = _HOST.unpack_from(program, at)
    end = row.laddr if local else row.raddr
    size = 4 if family == socket.AF_INET else 16
    asked = program[at + 8 : at + 8 + size]
    ip = ipaddress.ip_address(end.ip).packed
    if port not in (-1, end.port):
        return False
    if row.proto.is_ipv6 and family == socket.AF_INET:
        if not ip.startswith(bytes(10) + b"\xff\xff"):
            return False
        ip = ip[12:]
    if len(ip) != size:
        return False
    shift = 8 * size - bits
    difference = int.from_bytes(ip, "big") ^ int.from_bytes(asked, "big")
    return difference >> shift == 0


@given(FILTERS, inet_rows())
def test_no_row_that_may_match_is_held_back(question: Filter, row: SocketRecord) -> None:
    program = bytecode(question)
    if program is None:
        return
    _check(program)
    if matches(question, row):
        assert _run(program, row)


_TABLES = st.sampled_from([Proto.TCP, Proto.TCP6, Proto.UDP])


@given(put_together(st.one_of(SIDED_PORTS, HOSTS, INTERFACES)), _TABLES.flatmap(inet_rows))
def test_ports_addresses_and_interfaces_are_decided_wholly(
    question: Filter, row: SocketRecord
) -> None:
    program = bytecode(question)
    assert program is not None
    _check(program)
    assert _run(program, row) is matches(question, row)


@pytest.mark.parametrize(
    "text",
    [
        "pid = 1",
        "not pid = 1",
        "user = 0 and recv-q > 0",
        "dport = :443 or user = 0",
        "not ( dport = :443 and user = 0 )",
        "state established",
        "not state established",
        "dport = *",
    ],
)
def test_what_the_kernel_can_not_decide_is_not_asked(text: str) -> None:
    assert bytecode(parse_filter(text)) is None


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("dport = :443 and user = 0", "dport = :443"),
        ("not ( dport = :443 or user = 0 )", "not dport = :443"),
        ("not ( not dport = :443 or user = 0 )", "dport = :443"),
        ("( dport = :1 or dport = :2 ) state established", "dport = :1 or dport = :2"),
    ],
)
def test_the_rest_is_still_asked(text: str, left: str) -> None:
    rest = decidable(parse_filter(text))
    assert bytecode(rest) == bytecode(parse_filter(left))
    assert bytecode(rest) == bytecode(parse_filter(text))


def test_one_comparison_is_one_instruction() -> None:
    program = bytecode(parse_filter("dport = :443"))
    assert program == struct.pack("=BBHBBH", _D_EQ, 8, 12, 0, 0, 443)


def test_what_never_holds_passes_nothing() -> None:
    program = bytecode(NEVER)
    assert program == struct.pack("=BBH", _JMP, 4, 8)


def test_a_question_too_long_for_the_kernel_is_not_asked() -> None:
    def many(count: int) -> Filter:
        return any_of(*(parse_filter(f"src [::1]:{port}") for port in range(count)))

    longest = many(2000)
    assert len(list(leaves(longest))) == 2000
    program = bytecode(longest)
    assert program is not None
    assert len(program) < 0xFFF0
    _check(program)
    assert bytecode(many(2001)) is None
