"""What tells of transitions: pages of the trace, ends by netlink, marks; and their views."""

from __future__ import annotations

import socket
import struct
import sys
from pathlib import Path

from pynetstat.errors import ParseError, PynetstatError
from pynetstat.history.transition import Event, Loss
from pynetstat.records import STATE_CODES, Addr, Proto
from pynetstat.sources import Notes, destroy, tracefs
from pynetstat.sources.netlink import acknowledged, walk
from pynetstat.sources.sockdiag import AddressTexts, decode
from pynetstat.sources.sockstates import Finder, Question, SockStates
from tests.fake_kernel import FakeKernel
from tests.fuzz.choices import Choices
from tests.fuzz.events import check_events, some_event
from tests.fuzz.harmless import check_line, check_parse_error
from tests.messages import done

_DATA = Path(__file__).parents[2] / "data/events"
_STATE_FORMAT = (_DATA / "inet_sock_set_state.format").read_text()
_END_FORMAT = (_DATA / "tcp_destroy_sock.format").read_text()
_TRACE = tracefs.Decoder(_STATE_FORMAT, _END_FORMAT)
_STATE_SIZE = 72
"""Up to the last field, daddr_v6."""
_PAGE_HEADER = 16
_ENDS_MESSAGE = 88
_LOCAL, _REMOTE = Addr("127.0.0.1", 8080), Addr("127.0.0.1", 40001)
_MOST_EVENTS = 8

SHARE = 0.5
WORDS = (
    struct.pack("=IHHII", 88, 20, 0, 0, 0),
    b"\x14\x00\x03\x00",
    b"\x05\x00\x0a\x00\x06\x00\x00\x00",
    b"\x06\x00",
    b"\x00\x00\x00\x80",
    "field:int a;\toffset:8;\tsize:4;\tsigned:0;",
    "offset:",
    "size:",
    "ID: ",
    "\x1b[31m",
)


def check(data: bytes) -> None:
    """Each kind of input by itself; the first byte says which."""
    kinds = (_check_page, _check_end, _check_format, _check_answers, _check_views)
    choices = Choices(data)
    choices.one_of(kinds)(choices)


def _check_page(choices: Choices) -> None:
    """Entries lie one behind the other inside the page, in both orders of bytes."""
    page = choices.rest()
    for byteorder in (sys.byteorder, "big", "little"):
        try:
            found = tracefs.parse_page(page, byteorder)
        except ParseError as error:
            check_parse_error(error)
            continue
        free = _PAGE_HEADER
        commit = struct.unpack_from("=Q", page, 8)[0] & 0x07FFFFFF
        for _, start, length in found.entries:
            assert free < start
            assert length >= 0
            free = start + length
            assert free <= _PAGE_HEADER + commit <= len(page)
        told = _TRACE.decode(page, found)
        assert len(told) <= len(found.entries)
        _check_told(page, found, told)


def _check_told(
    page: bytes,
    found: tracefs.Page,
    told: list[tracefs.Transition | tracefs.Destroyed],
) -> None:
    """What is told stands in the entry of its number."""
    state = tracefs.parse_format(_STATE_FORMAT, ("skaddr", "oldstate", "newstate", "protocol"))
    end = tracefs.parse_format(_END_FORMAT, ("skaddr", "sock_cookie"))
    expected: list[tuple[object, ...]] = []
    for at_ns, start, length in found.entries:
        number = int.from_bytes(page[start : start + 2], sys.byteorder)
        if number == state.number and length >= _STATE_SIZE:
            skaddr, old, new, protocol = state.struct.unpack_from(page, start)
            if protocol == socket.IPPROTO_TCP and old in STATE_CODES and new in STATE_CODES:
                expected.append((at_ns, skaddr, STATE_CODES[old], STATE_CODES[new]))
        elif number == end.number and length >= end.struct.size:
            expected.append((at_ns, *end.struct.unpack_from(page, start)))
    assert len(told) == len(expected)
    for item, wanted in zip(told, expected, strict=True):
        if isinstance(item, tracefs.Transition):
            shown: tuple[object, ...] = (item.at_ns, item.skaddr, item.old, item.new)
            assert item.laddr.ip.count(":") >= (2 if item.proto is Proto.TCP6 else 0)
        else:
            shown = item
        assert shown == wanted


def _check_end(choices: Choices) -> None:
    """One message of the destroy groups, which tells a socket, nothing, or is refused."""
    message = choices.rest()
    try:
        end = destroy.Decoder().decode(message, 1.5)
    except ParseError as error:
        check_parse_error(error)
        return
    if end is None:
        return
    (family,) = struct.unpack_from("=B", message, 16)
    assert end.proto.is_ipv6 is (family == socket.AF_INET6)
    size = 16 if end.proto.is_ipv6 else 4
    ports = struct.unpack_from("!HH", message, 20)
    assert (end.laddr.port, end.raddr.port) == ports
    for addr, at in ((end.laddr, 24), (end.raddr, 40)):
        assert socket.inet_pton(family, addr.ip) == message[at : at + size]
    assert (end.ifindex, end.cookie) == struct.unpack_from("=IQ", message, 56)
    if end.totals is not None:
        assert end.raddr.port
        assert end.state is None


def _check_format(choices: Choices) -> None:
    """A format of another kernel's: a layout of just these fields, or a ParseError."""
    text = _STATE_FORMAT
    if choices.yes():
        text = choices.rest().decode("latin-1")
    else:
        for _ in range(1 + choices.number(3)):
            at, size = choices.number(len(text)), choices.number(30)
            text = text[:at] + choices.some(30).decode("latin-1") + text[at + size :]
    try:
        tracefs.Decoder(text, _END_FORMAT).decode(bytes(200), tracefs.Page([(0, 0, 200)], False))
    except ParseError as error:
        check_parse_error(error)


def _check_answers(choices: Choices) -> None:
    """Answers to looks, to questions for one socket, and to a request to end one."""
    proto = choices.one_of((Proto.TCP, Proto.TCP6, Proto.UDP))
    packet = choices.rest()
    kernel = FakeKernel.saying(packet, done())
    try:
        look = SockStates(kernel).look(proto, set())
    except PynetstatError as error:
        check_line(str(error))
    else:
        rows = [
            row
            for run in walk(packet)
            if run.type == 20
            for row in decode(run, proto, AddressTexts(proto), Notes())
        ]
        assert {row.cookie for row in look.changed} <= {cookie for _, cookie, _ in look.marks}
        assert {row.cookie for row in look.changed} <= {row.cookie for row in rows}
    assert kernel.all_closed
    _check_finder(packet)
    _check_acknowledged(packet)


def _check_finder(packet: bytes) -> None:
    kernel = FakeKernel.saying(packet)
    finder = Finder(kernel)
    try:
        (row,) = finder.find([Question(Proto.TCP, _LOCAL, _REMOTE)])
        assert row is None or (row.laddr, row.raddr) == (_LOCAL, _REMOTE)
    except PynetstatError as error:
        check_line(str(error))
    finally:
        finder.close()
    assert kernel.all_closed


def _check_acknowledged(packet: bytes) -> None:
    sock = FakeKernel.saying(packet)()
    try:
        assert 0 <= acknowledged(sock, b"request", 1) < 4096
    except ParseError as error:
        check_parse_error(error)
    except OSError:
        pass  # no answer


def _check_views(choices: Choices) -> None:
    items: list[Event | Loss] = []
    while choices.left and len(items) < _MOST_EVENTS:
        if choices.number(8) == 0:
            items.append(Loss(1.5, choices.number(9) or None, choices.text(40)))
        else:
            protos = (Proto.TCP, Proto.TCP, Proto.TCP, Proto.UDP6)
            items.append(some_event(choices, protos))
    check_events(items)
