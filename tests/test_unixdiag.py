"""Unix sockets through sock_diag: messages, and recorded answers."""

from __future__ import annotations

import errno
import socket
import struct

import pytest

from pynetstat.errors import ParseError, SourceUnavailable
from pynetstat.records import UnixRecord, UnixState, UnixType
from pynetstat.sources import Notes
from pynetstat.sources.sockdiag import SockDiag
from pynetstat.sources.unixdiag import decode, pack_request

from .fake_kernel import FakeKernel
from .messages import attribute, done, message, unix_body
from .trees import netlink_answer

_NAME, _VFS, _PEER, _ICONS, _RQLEN, _UID = 0, 1, 2, 3, 4, 7


def _u32(*numbers: int) -> bytes:
    return struct.pack(f"={len(numbers)}I", *numbers)


def _read(*buffers: bytes) -> tuple[list[UnixRecord], Notes]:
    kernel, notes = FakeKernel.saying(*buffers), Notes()
    records = SockDiag(kernel).read_unix(notes)
    assert kernel.all_closed
    return records, notes


def test_the_request_is_for_every_unix_socket() -> None:
    request = pack_request()
    assert struct.unpack("=I", request[:4]) == (len(request),) == (16 + 24,)
    family, protocol, states = struct.unpack("=BBxxI", request[16:24])
    assert (family, protocol, states) == (socket.AF_UNIX, 0, 0xFFFFFFFF)


def test_a_message_field_by_field() -> None:
    body = unix_body(state=1, inode=4294967295, cookie=0x1122334455667788)
    attrs = [(_NAME, b"\0name"), (_PEER, _u32(78)), (_RQLEN, _u32(5, 6)), (_UID, _u32(1000))]
    (record,) = decode(message(body + b"".join(attribute(*each) for each in attrs)))
    assert record == UnixRecord(
        UnixType.STREAM,
        UnixState.CONNECTED,
        b"\0name",
        inode=4294967295,
        peer_inode=78,
        recv_q=5,
        send_q=6,
        refcnt=None,
        uid=1000,
        cookie=0x1122334455667788,
    )


def test_without_attributes_what_is_not_told_is_none() -> None:
    (record,) = decode(message(unix_body(state=7)))
    assert record.state is UnixState.UNCONNECTED
    assert (record.path, record.peer_inode) == (b"", 0)
    assert (record.recv_q, record.send_q, record.uid) == (None, None, None)


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        (b"/run/x\0", b"/run/x"),
        (b"trailing  \0", b"trailing  "),
        (b"/a\nb\x1b[31m\xff", b"/a\nb\x1b[31m\xff"),
        (b"\0abstract\0with\0nul\0", b"\0abstract\0with\0nul\0"),
        (b"\0", b"\0"),
        (b"", b""),
    ],
)
def test_names_are_exact_bytes(sent: bytes, path: bytes) -> None:
    (record,) = decode(message(unix_body() + attribute(_NAME, sent)))
    assert record.path == path


def test_a_listener_tells_of_those_that_wait_for_accept() -> None:
    attrs = attribute(_NAME, b"/run/x\0") + attribute(_ICONS, _u32(90, 91))
    records = decode(message(unix_body(state=10) + attrs))
    assert [(r.state, r.path, r.inode, r.peer_inode) for r in records] == [
        (UnixState.LISTENING, b"/run/x", 77, 0),
        (UnixState.CONNECTING, b"/run/x", 0, 90),
        (UnixState.CONNECTING, b"/run/x", 0, 91),
    ]


def test_unknown_attributes_are_passed_over() -> None:
    attrs = attribute(200, b"?" * 7) + attribute(_VFS, _u32(1, 2)) + attribute(_NAME, b"/x\0")
    (record,) = decode(message(unix_body() + attrs))
    assert record.path == b"/x"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        message(unix_body()[:-4]),
        message(unix_body() + struct.pack("=HH", 3, 0)),
        message(unix_body() + struct.pack("=HH", 99, 0)),
    ],
)
def test_messages_that_do_not_fit_are_refused(data: bytes) -> None:
    with pytest.raises(ParseError):
        decode(data)


def test_broken_messages_are_noted_and_the_others_kept() -> None:
    broken = message(unix_body(cookie=2) + struct.pack("=HH", 99, 0))
    records, notes = _read(
        message(unix_body(cookie=1)) + broken + message(unix_body(cookie=3)) + done()
    )
    assert [record.cookie for record in records] == [1, 3]
    assert notes.bad_rows == 1


def test_each_cookie_comes_once() -> None:
    first, second = message(unix_body(cookie=1)), message(unix_body(cookie=2))
    records, _ = _read(first + second, second + first, done())
    assert [record.cookie for record in records] == [1, 2]


def test_a_refusal_is_unavailable() -> None:
    with pytest.raises(SourceUnavailable, match="no sock_diag module"):
        _read(done(-errno.ENOENT))


def test_a_recorded_answer() -> None:
    records, notes = _read(*netlink_answer("unix"))
    assert notes.bad_rows == 0
    by_inode = {record.inode: record for record in records if record.inode}
    assert {inode: row.path for inode, row in by_inode.items() if inode <= 842668} == {
        842657: b"\0abstract",
        842658: b"with space",
        842659: b"trailing  ",
        842660: b"\xff\xfe\x80raw",
        842661: b"\x1b[31mred",
        842662: b"a\xe2\x80\xaeb",
        842663: b"\0@x",
        842664: b"@x",
        842665: b"\0nul\0inside",
        842666: b"/run/ux/" + b"l" * 99,
        842667: b"",
        842668: b"",
    }
    assert (by_inode[842667].peer_inode, by_inode[842668].peer_inode) == (842668, 842667)
    listener = by_inode[842670]
    assert (listener.state, listener.recv_q, listener.send_q) == (UnixState.LISTENING, 2, 4)
    waiting = [row for row in records if row.state is UnixState.CONNECTING]
    assert [(row.path, row.peer_inode) for row in waiting] == [
        (b"\0waiting", 842671),
        (b"\0waiting", 842672),
    ]


def test_a_forged_row_is_only_a_name() -> None:
    records, _ = _read(*netlink_answer("unix-forged"))
    assert 99999 not in [record.inode for record in records]
    (forger,) = (record for record in records if b"/run/forged" in record.path)
    assert forger.path.startswith(b"\0x\n0000000000000001: 00000002")
