"""Closing sockets through SOCK_DESTROY: requests, the kernel's answers, and a look afterwards."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterable

import pytest

from pynetstat.closing import Closed, Outcome, can_be_closed, close_through
from pynetstat.records import Addr, Proto, SocketRecord, TcpState, UnixRecord
from pynetstat.sources.destroying import SOCK_DESTROY, pack_destroy
from pynetstat.sources.netlink import NLMSG_ERROR

from .fake_kernel import FakeKernel, Packet
from .messages import done, inet_body, message

_HEADER = struct.Struct("=IHHII")
_COOKIE_AT = _HEADER.size + 48


def _record(
    cookie: int | None = 1, state: TcpState = TcpState.ESTABLISHED, proto: Proto = Proto.TCP
) -> SocketRecord:
    ip = "::1" if proto.is_ipv6 else "127.0.0.1"
    return SocketRecord(proto, Addr(ip, 8080), Addr(ip, 40001), state, cookie=cookie, ifindex=7)


class _Kernel:
    """Sockets by cookie and state, and the errno with which it refuses each."""

    def __init__(self, sockets: dict[int, int], refuses: dict[int, int] | None = None) -> None:
        self.sockets = sockets
        self.asked: list[int] = []
        self._refuses = refuses or {}

    def __call__(self, request: bytes) -> Iterable[Packet | OSError]:
        _, kind, _, sequence, _ = _HEADER.unpack_from(request)
        if kind == SOCK_DESTROY:
            (cookie,) = struct.unpack_from("=Q", request, _COOKIE_AT)
            self.asked.append(cookie)
            return [Packet(_ack(self.destroy(cookie), sequence))]
        family = request[_HEADER.size]
        rows = [
            message(inet_body(family=family, state=state, cookie=cookie))
            if family == socket.AF_INET
            else message(
                inet_body(
                    family=family, state=state, cookie=cookie, local=("::1", 1), remote=("::1", 2)
                )
            )
            for cookie, state in self.sockets.items()
        ]
        return [Packet(b"".join(rows) + done())]

    def destroy(self, cookie: int) -> int:
        """0 or an errno."""
        if cookie in self._refuses:
            return self._refuses[cookie]
        return 0 if self.sockets.pop(cookie, None) else errno.ENOENT


def _ack(code: int, sequence: int) -> bytes:
    return message(struct.pack("=i", -code) + bytes(_HEADER.size), NLMSG_ERROR, sequence)


def _close(kernel: _Kernel, *records: SocketRecord | UnixRecord) -> list[Closed]:
    fake = FakeKernel(kernel)
    results = close_through({None: fake}, records)
    assert fake.all_closed
    return results


@pytest.mark.parametrize(
    ("proto", "family", "number"),
    [(Proto.TCP, socket.AF_INET, 6), (Proto.TCP6, socket.AF_INET6, 6), (Proto.UDP, 2, 17)],
)
def test_a_request_names_the_very_socket(proto: Proto, family: int, number: int) -> None:
    request = pack_destroy(_record(cookie=2**40 + 5, proto=proto), sequence=9)
    length, kind, flags, sequence, port = _HEADER.unpack_from(request)
    assert (length, kind, flags, sequence, port) == (len(request), 21, 5, 9, 0)
    assert request[16:18] == bytes([family, number])
    assert struct.unpack_from("!HH", request, 24) == (8080, 40001)
    ip = socket.inet_pton(family, "::1" if proto.is_ipv6 else "127.0.0.1").ljust(16, b"\0")
    assert request[28:60] == ip + ip
    assert struct.unpack_from("=IQ", request, 60) == (7, 2**40 + 5)


def test_a_protocol_beyond_a_byte_is_named_behind() -> None:
    request = pack_destroy(_record(proto=Proto.MPTCP), 1)
    assert request[17] == 255
    assert request[72:] == struct.pack("=HHI", 8, 3, 262)


@pytest.mark.parametrize("cookie", [None, 0])
def test_a_request_without_a_cookie_is_refused(cookie: int | None) -> None:
    with pytest.raises(ValueError, match="cookie"):
        pack_destroy(_record(cookie), 1)


def test_closed_is_what_is_gone_afterwards() -> None:
    kernel = _Kernel({1: 1, 2: 10})
    records = [_record(1), _record(2, TcpState.LISTEN)]
    assert _close(kernel, *records) == [Closed(each, Outcome.CLOSED) for each in records]


def test_others_are_not_asked_for() -> None:
    kernel = _Kernel({1: 1, 2: 1, 3: 1})
    _close(kernel, _record(2))
    assert kernel.asked == [2]
    assert kernel.sockets == {1: 1, 3: 1}


def test_one_that_is_gone_already_had_ended() -> None:
    (result,) = _close(_Kernel({}), _record(1))
    assert result == Closed(_record(1), Outcome.ENDED)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.EPERM, "CAP_NET_ADMIN"),
        (errno.EOPNOTSUPP, "CONFIG_INET_DIAG_DESTROY"),
        (errno.EINVAL, "Linux 4.5"),
        (errno.EBUSY, "busy"),
    ],
)
def test_a_refusal_has_its_reason(code: int, words: str) -> None:
    first, second = _close(_Kernel({1: 1, 2: 1}, {1: code}), _record(1), _record(2))
    assert first.outcome is Outcome.REFUSED
    assert words in first.reason
    assert second.outcome is Outcome.CLOSED


class _OneListenerAtATime(_Kernel):
    """Finds by the addresses always the last of its sockets, as with SO_REUSEPORT."""

    def destroy(self, cookie: int) -> int:
        if not self.sockets or cookie != max(self.sockets):
            return errno.ENOENT
        return super().destroy(cookie)


def test_listeners_that_share_a_port_are_closed_one_after_the_other() -> None:
    kernel = _OneListenerAtATime(dict.fromkeys(range(1, 6), 10))
    records = [_record(cookie, TcpState.LISTEN) for cookie in range(1, 6)]
    assert {result.outcome for result in _close(kernel, *records)} == {Outcome.CLOSED}
    assert kernel.sockets == {}


def test_one_that_the_kernel_does_not_find_but_shows_is_not_closed() -> None:
    kernel = _OneListenerAtATime({1: 10, 9: 10})
    (result,) = _close(kernel, _record(1, TcpState.LISTEN))
    assert result.outcome is Outcome.REFUSED
    assert "another socket" in result.reason


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        (TcpState.ESTABLISHED, 7, Outcome.CLOSED),
        (TcpState.LISTEN, 7, Outcome.CLOSED),
        (TcpState.CLOSE, 7, Outcome.REFUSED),
        (TcpState.ESTABLISHED, 1, Outcome.REFUSED),
    ],
)
def test_an_acknowledgement_is_not_believed_before_a_look(
    before: TcpState, after: int, outcome: Outcome
) -> None:
    (result,) = _close(_Kernel({1: after}, {1: 0}), _record(1, before))
    assert result.outcome is outcome


def test_without_a_look_what_was_not_found_is_not_called_ended() -> None:
    class Mute(_Kernel):
        def __call__(self, request: bytes) -> Iterable[Packet | OSError]:
            if _HEADER.unpack_from(request)[1] == SOCK_DESTROY:
                return super().__call__(request)
            return [OSError(errno.EIO, "no")]

    found, lost = _close(Mute({1: 1}), _record(1), _record(2))
    assert found.outcome is Outcome.CLOSED
    assert (lost.outcome, "can't be told" in lost.reason) == (Outcome.REFUSED, True)


def test_a_kernel_that_falls_silent_is_told_of_those_not_asked_for() -> None:
    class Tired(_Kernel):
        def __call__(self, request: bytes) -> Iterable[Packet | OSError]:
            if self.asked and _HEADER.unpack_from(request)[1] == SOCK_DESTROY:
                return []
            return super().__call__(request)

    first, second = _close(Tired({1: 1, 2: 1}), _record(1), _record(2))
    assert first.outcome is Outcome.CLOSED
    assert second.outcome is Outcome.REFUSED
    assert "can't be asked" in second.reason


def test_answers_to_other_requests_and_from_other_senders_are_passed_over() -> None:
    class Noisy(_Kernel):
        def __call__(self, request: bytes) -> Iterable[Packet | OSError]:
            sequence = _HEADER.unpack_from(request)[3]
            answer = super().__call__(request)
            stray = Packet(_ack(errno.EPERM, sequence + 1))
            forged = Packet(_ack(errno.EPERM, sequence), sender=(4711, 0))
            return [forged, stray, *answer]

    (result,) = _close(Noisy({1: 1}), _record(1))
    assert result.outcome is Outcome.CLOSED


def test_what_can_not_be_named_is_not_asked_for() -> None:
    kernel = _Kernel({1: 1})
    unix = UnixRecord("STREAM", None, b"/run/x", 5, cookie=1)
    elsewhere = _record(1)._replace(netns="blue")
    results = _close(kernel, _record(None), unix, elsewhere)
    assert [result.outcome for result in results] == [Outcome.REFUSED] * 3
    assert [words in result.reason for words, result in zip(
        ("sock_diag", "unix", "entered"), results, strict=True)] == [True] * 3  # fmt: skip
    assert kernel.asked == []
    assert [can_be_closed(each) for each in (_record(1), _record(None), unix)] == [
        True, False, False,
    ]  # fmt: skip


def test_each_namespace_is_asked_for_its_own() -> None:
    here, there = _Kernel({1: 1}), _Kernel({1: 1})
    there_record = _record(1)._replace(netns="blue")
    (result,) = close_through({None: FakeKernel(here), "blue": FakeKernel(there)}, [there_record])
    assert result == Closed(there_record, Outcome.CLOSED)
    assert (here.asked, there.asked) == ([], [1])


def test_where_there_is_no_netlink_nothing_is_closed_and_that_is_said() -> None:
    def refuses() -> socket.socket:
        raise OSError(errno.EPROTONOSUPPORT, "Protocol not supported")

    (result,) = close_through({None: refuses}, [_record(1)])
    assert result.outcome is Outcome.REFUSED
    assert "Protocol not supported" in result.reason


def test_a_code_that_is_no_errno_refuses() -> None:
    def answer(_request: bytes) -> list[Packet]:
        return [Packet(_ack(2**31, 1))]

    (result,) = close_through({None: FakeKernel(answer)}, [_record()])
    assert result.outcome is Outcome.REFUSED
    assert "netlink error with the code -2147483648" in result.reason
