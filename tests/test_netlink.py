"""Netlink as bytes, and dumps from a kernel that answers whatever a kernel may answer."""

from __future__ import annotations

import errno
import socket
import struct

import pytest

from pynetstat.errors import ParseError, SourceFailed, SourceUnavailable
from pynetstat.sources.netlink import (
    NetlinkSocket,
    Run,
    align,
    attributes,
    dump,
    pack_attribute,
    pack_dump,
    walk,
)

from .fake_kernel import FakeKernel, Packet
from .messages import attribute, done, error, message

_REQUEST = pack_dump(b"whatever is asked")


def _bodies(runs: list[Run]) -> list[bytes]:
    """The messages of all runs, without headers and padding."""
    return [
        bytes(run.data[start + 16 : start + run.length])
        for run in runs
        for start in range(0, len(run.data), run.size)
    ]


def _dump(kernel: FakeKernel) -> list[bytes]:
    """All bodies that a dump gives; the socket must be closed after it, whatever happens."""
    try:
        return _bodies(list(dump(_REQUEST, kernel)))
    finally:
        assert len(kernel.sockets) == 1
        assert kernel.all_closed


def test_requests_carry_their_length_and_ask_for_a_whole_table() -> None:
    request = pack_dump(b"body")
    length, kind, flags, sequence, port = struct.unpack("=IHHII", request[:16])
    assert (length, kind, sequence, port) == (20, 20, 1, 0)
    assert flags == 0x301
    assert request[16:] == b"body"


@pytest.mark.parametrize("size", range(9))
def test_attributes_are_packed_as_they_are_read(size: int) -> None:
    payload = bytes(range(size))
    packed = pack_attribute(7, payload)
    assert packed == attribute(7, payload)
    assert len(packed) == align(len(packed))
    assert attributes(packed + pack_attribute(8, b"next")) == {7: payload, 8: b"next"}


def test_neighbours_of_one_header_make_one_run() -> None:
    data = message(b"a" * 8) * 3
    (run,) = walk(data)
    assert (run.type, run.length, run.size, bytes(run.data)) == (20, 24, 24, data)


def test_messages_of_mixed_lengths_in_one_buffer_all_come_in_order() -> None:
    bodies = [b"a" * 8, b"b" * 8, b"c" * 9, b"d" * 72, b"e" * 80, b"f" * 72, b"g" * 8]
    runs = list(walk(b"".join(message(body) for body in bodies) + done()))
    assert _bodies(runs[:-1]) == bodies
    assert [run.length for run in runs[:-1]] == [24, 25, 88, 96, 88, 24]
    assert runs[-1].type == 3


def test_the_last_message_may_lack_its_padding() -> None:
    data = (message(b"12345") * 2)[:-3]
    assert _bodies(list(walk(data))) == [b"12345", b"12345"]


def test_another_sequence_is_passed_over() -> None:
    data = message(b"old!", sequence=7) + message(b"mine") + message(b"old!", sequence=7)
    assert _bodies(list(walk(data))) == [b"mine"]
    assert _bodies(list(walk(data, sequence=7))) == [b"old!", b"old!"]


@pytest.mark.parametrize(
    "data",
    [
        b"\0",
        message(b"good") + b"\x10\0\0\0",
        struct.pack("=IHHII", 0, 20, 0, 1, 0),
        struct.pack("=IHHII", 15, 20, 0, 1, 0),
        struct.pack("=IHHII", 17, 20, 0, 1, 0),
        struct.pack("=IHHII", 0xFFFFFFFF, 20, 0, 1, 0),
        message(b"good") + struct.pack("=IHHII", 0xFFFFFFFE, 20, 0, 1, 0) + bytes(100),
    ],
)
def test_lengths_of_messages_that_do_not_fit_are_refused(data: bytes) -> None:
    with pytest.raises(ParseError, match="netlink"):
        list(walk(data))


@pytest.mark.parametrize("code", [-4096, -(2**31)])
def test_a_code_that_no_error_has_is_still_a_refusal(code: int) -> None:
    for refusal in (done(code), error(code)):
        with pytest.raises(SourceUnavailable, match=f"the code {code}"):
            _dump(FakeKernel.saying(refusal))


@pytest.mark.parametrize("length", [0, 3, 9, 0xFFFF])
def test_lengths_of_attributes_that_do_not_fit_are_refused(length: int) -> None:
    with pytest.raises(ParseError, match=f"attribute length {length}"):
        attributes(attribute(1, b"good") + struct.pack("=HH", length, 2) + bytes(4))


def test_a_dump_gives_the_records_of_all_buffers_until_the_end() -> None:
    kernel = FakeKernel.saying(
        message(b"1111") + message(b"2222"), message(b"3333"), done(), message(b"late")
    )
    assert _dump(kernel) == [b"1111", b"2222", b"3333"]
    assert kernel.requests == [_REQUEST]


def test_an_empty_table_is_empty() -> None:
    assert _dump(FakeKernel.saying(done())) == []


def test_an_end_without_a_code_is_an_end() -> None:
    assert _dump(FakeKernel.saying(message(b"1111"), message(b"", kind=3))) == [b"1111"]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOENT, "the kernel has no sock_diag module for it"),
        (errno.EBUSY, "another dump is running"),
        (errno.EPERM, "not permitted"),
        (errno.EACCES, "not permitted"),
        (errno.EOPNOTSUPP, "not supported"),
    ],
)
def test_a_refusal_in_either_shape_is_unavailable(number: int, said: str) -> None:
    for refusal in (done(-number), error(-number)):
        with pytest.raises(SourceUnavailable, match=said):
            _dump(FakeKernel.saying(refusal))


def test_an_error_message_without_a_code_is_a_refusal_too() -> None:
    with pytest.raises(SourceUnavailable, match="without a code"):
        _dump(FakeKernel.saying(message(b"", kind=2)))


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (PermissionError(errno.EPERM, "Operation not permitted"), "not permitted"),
        (OSError(errno.ENOBUFS, "No buffer space available"), "No buffer space"),
        (TimeoutError("timed out"), "no answer for 10 seconds"),
        (Packet(b""), "ended without its last message"),
        (Packet(message(b"1111"), flags=socket.MSG_TRUNC), "larger than the buffer"),
        (Packet(b"\x01\x02\x03"), "shorter than its header"),
    ],
)
def test_what_goes_wrong_is_unavailable_first_and_a_failure_later(
    reply: OSError | Packet, said: str
) -> None:
    with pytest.raises(SourceUnavailable, match=said):
        _dump(FakeKernel.saying(reply))
    with pytest.raises(SourceFailed, match=said):
        _dump(FakeKernel.saying(message(b"1111"), reply))


def test_a_refusal_after_the_first_record_is_a_failure() -> None:
    for refusal in (done(-errno.ENOBUFS), error(-errno.EBUSY)):
        kernel = FakeKernel.saying(message(b"1111") + refusal)
        runs = dump(_REQUEST, kernel)
        assert _bodies([next(runs)]) == [b"1111"]
        with pytest.raises(SourceFailed, match="broke off"):
            next(runs)
        assert kernel.all_closed


def test_an_answer_that_just_stops_is_a_failure() -> None:
    with pytest.raises(SourceFailed, match="no answer"):
        _dump(FakeKernel.saying(message(b"1111")))


def test_a_buffer_that_no_reader_expects_is_too_large() -> None:
    with pytest.raises(SourceUnavailable, match="larger than the buffer"):
        _dump(FakeKernel.saying(message(b"x" * 4) * 60_000))


@pytest.mark.parametrize("sender", [(4711, 0), (4711, 1), None, b"", "elsewhere"])
def test_only_the_kernel_is_listened_to(sender: object) -> None:
    forged = Packet(message(b"evil") + done(), sender=sender)
    assert _dump(FakeKernel.saying(forged, message(b"good"), forged, done())) == [b"good"]


@pytest.mark.parametrize("packet", [Packet(b""), Packet(b"x", flags=socket.MSG_TRUNC)])
def test_nobody_but_the_kernel_can_end_an_answer(packet: Packet) -> None:
    forged = packet._replace(sender=(4711, 0))
    assert _dump(FakeKernel.saying(forged, message(b"good"), done())) == [b"good"]


def test_leftovers_of_an_earlier_request_do_not_end_an_answer() -> None:
    stale = message(struct.pack("=i", -errno.ENOENT), kind=3, sequence=7)
    assert _dump(FakeKernel.saying(stale, message(b"good"), done())) == [b"good"]


def test_messages_of_unknown_types_are_passed_over() -> None:
    kernel = FakeKernel.saying(message(b"noop", kind=1) + message(b"good") + done())
    assert _dump(kernel) == [b"good"]


def test_no_socket_at_all_is_unavailable() -> None:
    def refuse() -> NetlinkSocket:
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    with pytest.raises(SourceUnavailable, match="Address family not supported"):
        list(dump(_REQUEST, refuse))


def test_a_reader_that_stops_early_closes_the_socket() -> None:
    kernel = FakeKernel.saying(message(b"1111"), message(b"2222"), done())
    runs = dump(_REQUEST, kernel)
    next(runs)
    runs.close()  # type: ignore[attr-defined]  # it is a generator
    assert kernel.all_closed
