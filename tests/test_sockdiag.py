"""The sock_diag source: requests, messages of internet sockets, and recorded answers."""

from __future__ import annotations

import errno
import os
import socket
import struct
from types import SimpleNamespace
from typing import Any

import pytest

from pynetstat.errors import SourceFailed, SourceUnavailable
from pynetstat.filter_grammar import parse_filter
from pynetstat.query import Query, Show, state_mask
from pynetstat.records import (
    TIMER_OFF,
    Addr,
    Proto,
    SocketRecord,
    TcpState,
    Timer,
)
from pynetstat.sources import Notes
from pynetstat.sources.bytecode import bytecode
from pynetstat.sources.netlink import attributes, walk
from pynetstat.sources.sockdiag import AddressTexts, SockDiag, decode, pack_request

from .fake_kernel import FakeKernel, Packet
from .messages import attribute, done, error, inet_body, message
from .trees import netlink_answer, read_tree

_MARK = attribute(15, struct.pack("=I", 9))


def _decode(data: bytes, proto: Proto = Proto.TCP) -> tuple[list[SocketRecord], Notes]:
    notes, texts = Notes(), AddressTexts(proto)
    return [row for run in walk(data) for row in decode(run, proto, texts, notes)], notes


def _decode_one(proto: Proto = Proto.TCP, **fields: Any) -> SocketRecord:
    ((record,), notes) = _decode(message(inet_body(**fields)), proto)
    assert notes.bad_rows == 0
    return record


def _read(kernel: FakeKernel, proto: Proto = Proto.TCP) -> tuple[list[SocketRecord], Notes]:
    notes = Notes()
    batches = SockDiag(kernel).read(proto, Query(), notes)
    return [record for batch in batches for record in batch], notes


@pytest.mark.parametrize(
    ("proto", "family", "number"),
    [
        (Proto.TCP, socket.AF_INET, 6),
        (Proto.TCP6, socket.AF_INET6, 6),
        (Proto.UDP, socket.AF_INET, 17),
        (Proto.UDP6, socket.AF_INET6, 17),
        (Proto.UDPLITE, socket.AF_INET, 136),
        (Proto.RAW6, socket.AF_INET6, 255),
        (Proto.SCTP, socket.AF_INET, 132),
    ],
)
def test_requests(proto: Proto, family: int, number: int) -> None:
    for show in Show:
        request = pack_request(proto, Query(show=show))
        assert len(request) == 16 + 56
        assert struct.unpack("=I", request[:4]) == (len(request),)
        assert tuple(request[16:18]) == (family, number)
        assert struct.unpack("=I", request[20:24]) == (state_mask(proto, Query(show=show)),)
        assert request[24:] == bytes(48)


def test_a_protocol_number_beyond_a_byte_goes_into_an_attribute() -> None:
    request = pack_request(Proto.MPTCP6)
    assert request[16] == socket.AF_INET6
    assert request[72:] == attribute(3, struct.pack("=I", 262))
    assert struct.unpack("=I", request[:4]) == (len(request),)


def test_a_message_field_by_field() -> None:
    record = _decode_one(
        state=1,
        timer=1,
        count=3,
        local=("192.0.2.1", 443),
        remote=("198.51.100.7", 65535),
        ifindex=2,
        cookie=0x1122334455667788,
        expires_ms=476,
        recv_q=0xFFFFFFFF,
        send_q=17,
        uid=4294967294,
        inode=4294967295,
    )
    assert record == SocketRecord(
        Proto.TCP,
        Addr("192.0.2.1", 443),
        Addr("198.51.100.7", 65535),
        TcpState.ESTABLISHED,
        recv_q=0xFFFFFFFF,
        send_q=17,
        backlog=None,
        timer=Timer("on", 0.476, 3, 0),
        uid=4294967294,
        inode=4294967295,
        cookie=0x1122334455667788,
        ifindex=2,
        owners=None,
    )


@pytest.mark.parametrize(("code", "state"), list(enumerate(TcpState, start=1)))
def test_every_state(code: int, state: TcpState) -> None:
    assert _decode_one(state=code).state is state


def test_state_12_reads_as_syn_recv() -> None:
    assert _decode_one(state=12, timer=1, inode=0, uid=0).state is TcpState.SYN_RECV


def test_a_handshake_has_the_user_of_its_listener_or_none() -> None:
    listeners = [
        inet_body(state=10, local=("0.0.0.0", port), remote=("0.0.0.0", 0), uid=uid, cookie=port)
        for port, uid in ((80, 33), (443, 34))
    ]
    handshakes = [
        inet_body(state=3, timer=1, local=("127.0.0.1", port), inode=0, uid=0, cookie=1000 + port)
        for port in (443, 80, 22)
    ]
    data = message(listeners[0]) + message(listeners[1])
    records, _ = _read(FakeKernel.saying(data, *map(message, handshakes), done()))
    assert [record.uid for record in records] == [33, 34, 34, 33, None]


@pytest.mark.parametrize(
    ("code", "timer"),
    [
        (0, TIMER_OFF),
        (1, Timer("on", 7.5, 10, 0)),
        (2, Timer("keepalive", 7.5, 0, 10)),
        (3, Timer("timewait", 7.5, 0, 10)),
        (4, Timer("probe", 7.5, 0, 10)),
        (5, Timer("unkn-5", 7.5, 0, 10)),
        (255, Timer("unkn-255", 7.5, 0, 10)),
    ],
)
def test_timers(code: int, timer: Timer) -> None:
    assert _decode_one(timer=code, count=10, expires_ms=7500).timer == timer


def test_the_send_queue_of_a_listener_is_its_backlog() -> None:
    record = _decode_one(state=10, recv_q=3, send_q=128, remote=("0.0.0.0", 0))
    assert (record.recv_q, record.send_q, record.backlog) == (3, 0, 128)


def test_only_what_the_kernel_alone_holds_has_no_uid() -> None:
    assert _decode_one(state=6, timer=3, inode=0, uid=0).uid is None
    assert _decode_one(state=5, timer=3, inode=0, uid=0).uid is None
    assert _decode_one(state=5, timer=0, inode=77, uid=0).uid == 0
    assert _decode_one(state=9, timer=4, inode=0, uid=1000).uid == 1000
    assert _decode_one(state=1, timer=0, inode=0, uid=1000).uid == 1000


@pytest.mark.parametrize("ip", ["::", "::1", "fe80::1", "2001:db8::7", "::ffff:127.0.0.1"])
def test_ipv6_addresses(ip: str) -> None:
    record = _decode_one(Proto.TCP6, family=socket.AF_INET6, local=(ip, 1), remote=("::", 0))
    assert (record.proto, record.laddr) == (Proto.TCP6, Addr(ip, 1))


def test_ipv6_sockets_that_are_not_connected_say_whether_they_take_ipv4() -> None:
    told = [
        (10, b"\0", False),
        (1, None, None),
        (7, b"\1", True),
        (10, None, None),
        (10, b"", None),
    ]
    data = b"".join(
        message(
            inet_body(family=socket.AF_INET6, local=("::", 80), remote=("::", 0), state=code,
                      cookie=cookie)
            + (b"" if payload is None else attribute(8, b"\0") + attribute(11, payload))
        )
        for cookie, (code, payload, _) in enumerate(told, start=1)
    )  # fmt: skip
    records, notes = _decode(data, Proto.TCP6)
    assert [record.v6only for record in records] == [v6only for *_, v6only in told]
    assert notes.bad_rows == 0
    broken = inet_body(family=socket.AF_INET6, local=("::", 80), remote=("::", 0), state=10)
    ((record,), notes) = _decode(message(broken + struct.pack("=HH", 99, 11)), Proto.TCP6)
    assert (record.v6only, notes.bad_rows) == (None, 0)


def test_messages_with_and_without_the_mark_stand_in_one_buffer() -> None:
    bodies = [inet_body(cookie=cookie, inode=cookie) for cookie in range(1, 7)]
    data = b"".join(
        message(body + (_MARK if number in (1, 2, 4) else b""))
        for number, body in enumerate(bodies)
    )
    records, notes = _decode(data)
    assert [record.cookie for record in records] == [1, 2, 3, 4, 5, 6]
    assert notes.bad_rows == 0


def test_attributes_of_any_length_and_number_do_not_matter() -> None:
    for size in range(9):
        records, notes = _decode(message(inet_body() + attribute(999, bytes(size))))
        assert (len(records), notes.bad_rows) == (1, 0)


def test_a_last_message_without_padding_is_read() -> None:
    data = message(inet_body() + struct.pack("=HH", 5, 1) + b"x")
    assert len(_decode(data[:-3])[0]) == 1


def test_unknown_states_are_noted_and_the_others_kept() -> None:
    data = b"".join(message(inet_body(state=state, cookie=state)) for state in (1, 0, 13, 10))
    records, notes = _decode(data)
    assert [record.state for record in records] == [TcpState.ESTABLISHED, TcpState.LISTEN]
    assert (notes.bad_rows, notes.first_bad) == (2, "unknown socket state: '0'")


def test_a_message_too_short_for_a_socket_is_noted() -> None:
    records, notes = _decode(message(inet_body()[:-4]) + message(inet_body()))
    assert (len(records), notes.bad_rows) == (1, 1)


def test_each_cookie_comes_once_across_batches() -> None:
    batches = ((1, 2, 3), (3, 4, 4), (1,), (5,), (2, 6), (6, 7, 5))
    buffers = [_rows(*cookies) for cookies in batches]
    records, _ = _read(FakeKernel.saying(*buffers, done()))
    assert [record.cookie for record in records] == [1, 2, 3, 4, 5, 6, 7]


def test_rows_that_look_the_same_but_have_their_own_cookies_all_stay() -> None:
    data = b"".join(message(inet_body(state=10, cookie=cookie)) for cookie in range(5))
    assert len(_read(FakeKernel.saying(data, done()))[0]) == 5


def _rows(*cookies: int) -> bytes:
    return b"".join(message(inet_body(cookie=cookie)) for cookie in cookies)


def _kernel_with_two_answers(*answers: list[Packet | OSError]) -> FakeKernel:
    left = iter(answers)
    return FakeKernel(lambda _request: next(left))


def _read_thoroughly(kernel: FakeKernel, notes: Notes) -> list[int | None]:
    batches = SockDiag(kernel, thorough=True).read(Proto.TCP, Query(), notes)
    return [record.cookie for batch in batches for record in batch]


def test_a_thorough_reader_adds_what_the_first_dump_missed_and_doubles_nothing() -> None:
    kernel = _kernel_with_two_answers(
        [Packet(_rows(1, 2)), Packet(_rows(2, 4, 5) + done())],
        [Packet(_rows(1, 2, 3)), Packet(_rows(3, 4, 6, 6) + done())],
    )
    assert _read_thoroughly(kernel, Notes()) == [1, 2, 4, 5, 3, 6]
    assert kernel.requests == [pack_request(Proto.TCP)] * 2
    assert kernel.all_closed


def test_a_second_dump_that_is_refused_takes_nothing_from_the_first_and_is_told() -> None:
    kernel = _kernel_with_two_answers(
        [Packet(_rows(1)), Packet(_rows(2) + done())], [Packet(done(-errno.EBUSY))]
    )
    notes = Notes()
    assert _read_thoroughly(kernel, notes) == [1, 2]
    assert [remark.startswith("read once instead of twice") for remark in notes.remarks] == [True]
    assert kernel.all_closed


@pytest.mark.parametrize("proto", [Proto.RAW, Proto.SCTP])
def test_a_recorded_refusal_is_unavailable(proto: Proto) -> None:
    kernel = FakeKernel.saying(*netlink_answer(f"{proto}-refused"))
    with pytest.raises(SourceUnavailable, match="no sock_diag module"):
        _read(kernel, proto)
    assert kernel.all_closed


def test_an_answer_that_breaks_off_late_is_a_failure_after_its_rows() -> None:
    buffers = [message(inet_body(cookie=cookie)) for cookie in range(20)]
    kernel = FakeKernel.saying(*buffers, OSError(errno.ENOBUFS, "No buffer space available"))
    batches: list[list[SocketRecord]] = []
    with pytest.raises(SourceFailed):
        batches.extend(SockDiag(kernel).read(Proto.TCP, Query(), Notes()))
    assert sum(map(len, batches)) == 20
    assert kernel.all_closed


@pytest.mark.parametrize("proto", [Proto.TCP, Proto.TCP6, Proto.UDP, Proto.UDP6, Proto.UDPLITE])
def test_a_recorded_answer_says_what_proc_said_at_the_same_time(proto: Proto) -> None:
    records, notes = _read(FakeKernel.saying(*netlink_answer(proto)), proto)
    expected, _ = read_tree("captured", proto)
    assert sorted(map(_common, records)) == sorted(map(_common, expected))
    assert notes.bad_rows == 0
    assert all(record.cookie for record in records)


def _common(row: SocketRecord) -> tuple[str, ...]:
    """What both sources tell and no clock changes."""
    timer = row.timer and (row.timer.kind, row.timer.retransmits, row.timer.probes)
    fields = (row.laddr, row.raddr, row.state, row.recv_q, row.send_q, timer, row.uid, row.inode)
    return tuple(map(repr, fields))


def test_the_marks_of_a_privileged_reader_change_no_row() -> None:
    plain, _ = _read(FakeKernel.saying(*netlink_answer("tcp")))
    privileged, _ = _read(FakeKernel.saying(*netlink_answer("tcp-privileged")))
    assert {len(message) for message in netlink_answer("tcp")} != {
        len(message) for message in netlink_answer("tcp-privileged")
    }
    assert [row._replace(timer=None) for row in privileged] == [
        row._replace(timer=None) for row in plain
    ]


def test_backlogs_of_a_recorded_answer() -> None:
    records, _ = _read(FakeKernel.saying(*netlink_answer("tcp")))
    backlogs = {row.laddr.port: row.backlog for row in records if row.state is TcpState.LISTEN}
    assert backlogs == {8080: 8, 8081: 8, 8082: 8, 8083: 1}


def _bytecode(request: bytes) -> bytes | None:
    return attributes(request[72:]).get(1)


def test_a_filter_goes_to_the_kernel_as_mask_and_bytecode() -> None:
    kernel = FakeKernel.saying(done())
    question = parse_filter("state established state syn-recv dport = :443")
    list(SockDiag(kernel).read(Proto.TCP, Query(filter=question), Notes()))
    list(SockDiag(kernel).read(Proto.UDP, Query(filter=question), Notes()))
    tcp, udp = kernel.requests
    # The listeners come along, for they know the users of SYN_RECV rows.
    assert struct.unpack("=I", tcp[20:24]) == (1 << 1 | 1 << 3 | 1 << 10,)
    assert struct.unpack("=I", udp[20:24]) == (1 << 1 | 1 << 3,)
    assert _bytecode(udp) == bytecode(parse_filter("dport = :443"))
    assert _bytecode(tcp) == bytecode(parse_filter("dport = :443 or dport <= :0"))


def test_a_filter_on_a_protocol_of_a_large_number_keeps_that_number() -> None:
    kernel = FakeKernel.saying(done())
    list(SockDiag(kernel).read(Proto.MPTCP, Query(filter=parse_filter("sport = :1")), Notes()))
    (request,) = kernel.requests
    assert set(attributes(request[72:])) == {1, 3}


@pytest.mark.parametrize("refusal", [done(-errno.EINVAL), error(-errno.EINVAL)])
def test_a_kernel_that_refuses_bytecode_is_asked_without(refusal: bytes) -> None:
    row = message(inet_body(remote=("127.0.0.1", 443)))

    def answer(request: bytes) -> list[Packet]:
        return [Packet(refusal)] if _bytecode(request) else [Packet(row), Packet(done())]

    kernel = FakeKernel(answer)
    query = Query(filter=parse_filter("dport = :443"))
    batches = SockDiag(kernel).read(Proto.TCP, query, Notes())
    assert [record.raddr.port for batch in batches for record in batch] == [443]
    assert [bool(_bytecode(request)) for request in kernel.requests] == [True, False]
    assert kernel.all_closed


@pytest.mark.parametrize(("code", "asked"), [(errno.ENOENT, 1), (errno.EINVAL, 2)])
def test_every_other_refusal_stays_one(code: int, asked: int) -> None:
    kernel = FakeKernel.saying(error(-code))
    query = Query(filter=parse_filter("dport = :443"))
    with pytest.raises(SourceUnavailable):
        list(SockDiag(kernel).read(Proto.TCP, query, Notes()))
    assert len(kernel.requests) == asked


@pytest.mark.parametrize(("release", "told"), [("6.7.9-x", False), ("6.8.0", True), ("10.1", True)])
def test_an_old_kernel_is_named_when_it_can_not_tell_bound_sockets(
    release: str, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(release=release))
    kernel, notes = FakeKernel.saying(done()), Notes()
    query = Query(filter=parse_filter("state bound-inactive"))
    list(SockDiag(kernel).read(Proto.TCP, query, notes))
    assert struct.unpack("=I", kernel.requests[0][20:24]) == (1 << 13,)
    assert (not notes.remarks) is told
