"""A filter for the kernel: inet_diag bytecode that passes at least what the filter does.

The kernel runs it for each socket of a dump, so that only rows that may match are built
and sent (include/uapi/linux/inet_diag.h; inet_diag_bc_run() and inet_diag_bc_audit() in
net/ipv4/inet_diag.c). An instruction is a test that jumps forward: by ``yes`` bytes where
it holds, by ``no`` bytes where it doesn't. A run that ends just behind the last one
passes the socket, one that ends four bytes further does not. ``yes`` has to lead to the
next instruction, and ``no`` to the beginning of one.

The kernel can decide ports, addresses and interfaces. Every other condition is taken to
hold, be it negated or not: the answer may have rows too many, never too few.
"""

from __future__ import annotations

import struct
from socket import AF_INET, AF_INET6

from pynetstat.filters import (
    ALWAYS,
    NEVER,
    All,
    AnyOf,
    Filter,
    Host,
    Interface,
    Not,
    Port,
    all_of,
    any_of,
    leaves,
)

_JMP, _S_COND, _D_COND, _DEV_COND = 1, 7, 8, 9
_PORT_CODES = {
    ("sport", ">="): 2,
    ("sport", "<="): 3,
    ("sport", "="): 11,
    ("dport", ">="): 4,
    ("dport", "<="): 5,
    ("dport", "="): 12,
}
_OPPOSITES = {"!=": "=", "<": ">=", ">": "<="}

_OP = struct.Struct("=BBH")
_PORT = struct.Struct("=xxH")
"""A port comes where a second instruction has its ``no``."""
_HOST = struct.Struct("=BBxxi")
"""struct inet_diag_hostcond: family, prefix length, port or -1; the address follows."""
_MOST_TESTS = 2000
"""At 32 bytes each: jumps, and the length of the attribute, are told in 16 bits."""

_REJECT = -_OP.size

LISTENER = Port("dport", "<=", 0)
"""Holds for listeners: nobody is at their other end."""


def bytecode(filter: Filter) -> bytes | None:  # noqa: A002
    """The program for the payload of INET_DIAG_REQ_BYTECODE.

    None where the kernel can't help: it would have to pass every socket, or the program
    would be too long for it.
    """
    question = decidable(filter)
    if question == ALWAYS:
        return None
    if sum(1 for _ in leaves(question)) > _MOST_TESTS:
        return None
    return _assemble(question, 0, _REJECT, b"")


def decidable(filter: Filter, wanted: bool = True) -> Filter:  # noqa: A002
    """What the kernel can decide of ``filter`` (or, with ``wanted`` False, of its negation).

    It holds wherever that does, and is made of ports, hosts and interfaces.
    """
    if isinstance(filter, Not):
        return decidable(filter.filter, not wanted)
    if isinstance(filter, All | AnyOf):
        parts = [decidable(part, wanted) for part in filter.filters]
        if isinstance(filter, All) is wanted:
            return NEVER if NEVER in parts else all_of(*parts)
        return ALWAYS if ALWAYS in parts else any_of(*parts)
    if isinstance(filter, Port | Host | Interface):
        return filter if wanted else Not(filter)
    return ALWAYS


def _assemble(condition: Filter, yes: int, no: int, after: bytes) -> bytes:
    """Instructions for ``condition``, followed by those of ``after``.

    ``yes`` and ``no`` are where to go on, counted in bytes from the end of the program.
    """
    if isinstance(condition, Not):
        return _assemble(condition.filter, no, yes, after)
    if isinstance(condition, All | AnyOf):
        return _assemble_parts(condition, yes, no, after)
    if isinstance(condition, Port):
        return _assemble_port(condition, yes, no, after)
    if isinstance(condition, Host):
        code = _S_COND if condition.side == "src" else _D_COND
        return _test(code, _host(condition), yes, no, after)
    assert isinstance(condition, Interface)
    return _test(_DEV_COND, struct.pack("=I", condition.index), yes, no, after)


def _assemble_parts(condition: All | AnyOf, yes: int, no: int, after: bytes) -> bytes:
    """From the last part to the first: each that doesn't decide goes on to the one behind it."""
    if not condition.filters:
        return _jump(yes if isinstance(condition, All) else no, after)
    *others, last = condition.filters
    program = _assemble(last, yes, no, after)
    for part in reversed(others):
        following = len(program)
        if isinstance(condition, All):
            program = _assemble(part, following, no, program)
        else:
            program = _assemble(part, yes, following, program)
    return program


def _assemble_port(condition: Port, yes: int, no: int, after: bytes) -> bytes:
    code = _PORT_CODES.get((condition.side, condition.op))
    if code is None:
        opposite = _PORT_CODES[condition.side, _OPPOSITES[condition.op]]
        return _test(opposite, _PORT.pack(condition.port), no, yes, after)
    return _test(code, _PORT.pack(condition.port), yes, no, after)


def _host(condition: Host) -> bytes:
    port = -1 if condition.port is None else condition.port
    network = condition.network
    family = AF_INET if network.version == 4 else AF_INET6
    return _HOST.pack(family, network.prefixlen, port) + network.network_address.packed


def _test(code: int, argument: bytes, yes: int, no: int, after: bytes) -> bytes:
    if yes != len(after):
        after = _jump(yes, after)
    size = _OP.size + len(argument)
    return _OP.pack(code, size, size + len(after) - no) + argument + after


def _jump(target: int, after: bytes) -> bytes:
    """An unconditional jump: the kernel always takes its ``no``."""
    return _OP.pack(_JMP, _OP.size, _OP.size + len(after) - target) + after
