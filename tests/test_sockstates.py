"""Looks that decode only what changed, and questions for single sockets."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable

import pytest

from pynetstat.errors import SourceFailed, SourceUnavailable
from pynetstat.records import Addr, Proto, TcpState
from pynetstat.sources.netlink import NLMSG_ERROR
from pynetstat.sources.sockstates import Finder, Question, SockStates, pack_question

from .fake_kernel import FakeKernel, Packet
from .messages import done, inet_body, message
from .trees import netlink_answer

_CLIENT, _SERVER = Addr("127.0.0.1", 40001), Addr("127.0.0.1", 8080)
_QUESTION = Question(Proto.TCP, _SERVER, _CLIENT)


@pytest.mark.parametrize("case", ["tcp", "tcp-privileged"])
def test_a_recorded_table_is_decoded_once(case: str) -> None:
    states = SockStates(FakeKernel.saying(*netlink_answer(case)))
    look = states.look(Proto.TCP, set())
    assert len(look.changed) == len(look.marks) > 20
    for record in look.changed:
        assert any(
            (cookie, inode) == (record.cookie, record.inode) for _, cookie, inode in look.marks
        )
    again = states.look(Proto.TCP, look.marks)
    assert (again.changed, again.marks) == ([], look.marks)


def test_only_changes_of_state_and_inode_are_changes() -> None:
    states = SockStates(
        FakeKernel.saying(
            message(inet_body(cookie=1, state=1, recv_q=7))
            + message(inet_body(cookie=2, state=8))
            + message(inet_body(cookie=3, state=1, inode=9)),
            done(),
        )
    )
    look = states.look(Proto.TCP, {(1, 1, 77), (1, 2, 77), (1, 3, 0)})
    assert [(record.cookie, record.state) for record in look.changed] == [
        (2, TcpState.CLOSE_WAIT),
        (3, TcpState.ESTABLISHED),
    ]


def test_a_refused_look_is_no_empty_table() -> None:
    with pytest.raises(SourceUnavailable):
        SockStates(FakeKernel.saying(done(-errno.ENOENT))).look(Proto.TCP, set())


def test_a_question_names_one_socket() -> None:
    packed = pack_question(_QUESTION, 7)
    length, kind, flags, sequence, _ = struct.unpack_from("=IHHII", packed)
    assert (length, kind, flags, sequence) == (len(packed), 20, 1, 7)
    family, protocol, states = struct.unpack_from("=BBxxI", packed, 16)
    assert (family, protocol, states) == (socket.AF_INET, socket.IPPROTO_TCP, 0xFFFFFFFF)
    assert struct.unpack_from("!HH", packed, 24) == (8080, 40001)
    assert packed[28:32] == packed[44:48] == socket.inet_aton("127.0.0.1")
    assert packed[-8:] == b"\xff" * 8


def _answers(answer: Callable[[int], bytes]) -> FakeKernel:
    """A kernel that answers each question of a message by its sequence number."""

    def reply(request: bytes) -> list[Packet]:
        packets, start = [], 0
        while start < len(request):
            length, _, _, sequence, _ = struct.unpack_from("=IHHII", request, start)
            packets.append(Packet(answer(sequence)))
            start += length
        return packets

    return FakeKernel(reply)


def _refusal(sequence: int, code: int) -> bytes:
    return message(struct.pack("=i", -code) + bytes(16), kind=2, sequence=sequence)


def test_many_questions_are_answered_in_their_order() -> None:
    def answer(sequence: int) -> bytes:
        if sequence % 2:
            return _refusal(sequence, errno.ENOENT)
        return message(inet_body(cookie=sequence), sequence=sequence)

    kernel = _answers(answer)
    finder = Finder(kernel)
    rows = finder.find([_QUESTION] * 100)
    assert [row.cookie if row else None for row in rows] == [
        None if number % 2 else number for number in range(2, 102)
    ]
    assert len(kernel.requests) == 2
    finder.close()
    assert kernel.all_closed


def test_a_listener_s_answer_is_not_the_connection_s() -> None:
    listener = {"state": 10, "remote": ("0.0.0.0", 0)}
    finder = Finder(
        _answers(lambda sequence: message(inet_body(**listener), sequence=sequence))  # type: ignore[arg-type]
    )
    assert finder.find([_QUESTION]) == [None]


def test_answers_to_others_are_passed_over() -> None:
    kernel = FakeKernel.saying(
        Packet(message(inet_body(cookie=9), sequence=2), sender=(5, 0)),
        message(inet_body(cookie=8), sequence=99),
        message(inet_body(cookie=7), sequence=2),
    )
    (row,) = Finder(kernel).find([_QUESTION])
    assert row is not None
    assert row.cookie == 7


def test_a_kernel_that_does_not_answer_is_an_error_not_an_absence() -> None:
    with pytest.raises(SourceFailed):
        Finder(FakeKernel.saying()).find([_QUESTION])
    with pytest.raises(SourceFailed, match="Operation not permitted"):
        Finder(_answers(lambda sequence: _refusal(sequence, errno.EPERM))).find([_QUESTION])
    with pytest.raises(SourceFailed):
        Finder(_answers(lambda sequence: message(b"", kind=2, sequence=sequence))).find([_QUESTION])


@pytest.mark.parametrize("code", [-(2**31), 1])
def test_a_code_that_is_no_errno_is_an_error_not_an_absence(code: int) -> None:
    body = struct.pack("=i", code) + bytes(16)
    finder = Finder(FakeKernel.saying(message(body, NLMSG_ERROR, sequence=2)))
    with pytest.raises(SourceFailed, match="netlink error with the code"):
        finder.find([_QUESTION])
    finder.close()


def test_without_netlink_there_is_no_finder() -> None:
    def refuse() -> FakeKernel:
        raise OSError(errno.EAFNOSUPPORT, "no netlink")

    with pytest.raises(SourceUnavailable):
        Finder(refuse)  # type: ignore[arg-type]


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_real_connection_is_found_in_all_its_states(family: int) -> None:
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    proto = Proto.TCP if family == socket.AF_INET else Proto.TCP6
    try:
        server = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip(f"no {host} here")
    finder = Finder()
    try:
        with server:
            client = socket.create_connection(server.getsockname()[:2])
            accepted, _ = server.accept()
            ends = Addr(*client.getsockname()[:2]), Addr(*client.getpeername()[:2])
            questions = [Question(proto, *ends), Question(proto, ends[0], Addr(host, 1))]
            row, nothing = finder.find(questions)
            assert row is not None
            assert (row.state, nothing) == (TcpState.ESTABLISHED, None)
            with accepted:
                client.close()
            after = finder.find(questions[:1])[0]
            assert after is None or after.cookie == row.cookie
            listening = Question(
                proto, Addr(*server.getsockname()[:2]), Addr("::" if ":" in host else "0.0.0.0", 0)
            )
            (listener,) = finder.find([listening])
            assert listener is not None
            assert listener.state is TcpState.LISTEN
    finally:
        finder.close()
