"""What holds for every record and for every input, however strange."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynetstat.errors import ParseError
from pynetstat.records import (
    STATE_CODES,
    TIMER_KINDS,
    TIMER_OFF,
    Addr,
    Owner,
    Proto,
    SocketRecord,
    TcpState,
    Timer,
    UnixRecord,
    UnixState,
    timer_kind,
)
from pynetstat.render.netstat import Columns, inet_rows, unix_rows
from pynetstat.sources import Notes, proc_inet, proc_sctp, proc_unix, sockdiag, unixdiag
from pynetstat.sources.netlink import attributes, walk
from pynetstat.text import printable
from pynetstat.words import numbers

from .messages import inet_body, message
from .trees import netlink_answer, table_text

_TABLES = [proto for proto in Proto if proto.base in ("tcp", "udp", "udplite", "raw")]
_CODES = {state: code for code, state in reversed(STATE_CODES.items()) if code != 12}
_U32 = st.integers(0, 0xFFFFFFFF)
_IPV4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address)
_IPV6 = st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address)


def _canonical(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """As C libraries write it: IPv4 in the last 32 bits is dotted."""
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    return socket.inet_ntop(family, ip.packed)


@st.composite
def _records(draw: st.DrawFn) -> SocketRecord:
    proto = draw(st.sampled_from(_TABLES))
    addrs = st.builds(
        Addr, (_IPV6 if proto.is_ipv6 else _IPV4).map(_canonical), st.integers(0, 65535)
    )
    state = draw(st.sampled_from(list(TcpState)))
    timer, inode = TIMER_OFF, draw(_U32)
    if proto.base == "tcp":
        kind = draw(st.integers(1, 255))
        counts = draw(st.integers(0, 255)), draw(st.integers(0, 255))
        timer = Timer(timer_kind(kind), draw(_U32) / 100, *counts)
        if draw(st.booleans()):
            timer = TIMER_OFF
    kernels = proto.base == "tcp" and inode == 0
    nobodys = kernels and timer.kind == TIMER_KINDS[3]
    return SocketRecord(
        proto,
        draw(addrs),
        draw(addrs),
        state,
        recv_q=draw(_U32),
        send_q=draw(_U32),
        timer=timer,
        uid=None if nobodys else draw(_U32),
        inode=inode,
    )


def _proc_line(record: SocketRecord, byteorder: str, slot: int) -> str:
    """The record as a kernel of this byte order writes it."""

    def end(addr: Addr) -> str:
        packed = ipaddress.ip_address(addr.ip).packed
        order = "<" if byteorder == "little" else ">"
        words = struct.unpack(f"{order}{len(packed) // 4}I", packed)
        return "".join(f"{word:08X}" for word in words) + f":{addr.port:04X}"

    timer = record.timer or TIMER_OFF
    known = [str(kind) for kind in TIMER_KINDS]
    number = known.index(timer.kind) if timer.kind in known else timer.kind[5:]
    return (
        f"{slot:4d}: {end(record.laddr)} {end(record.raddr)} {_CODES[record.state]:02X} "
        f"{record.send_q:08X}:{record.recv_q:08X} "
        f"{int(number):02X}:{round(timer.expires_s * 100):08X} {timer.retransmits:08X} "
        f"{record.uid or 0:5d} {timer.probes:8d} {record.inode} 1 00000000c6a37b12"
    )


@given(_records(), st.sampled_from(["little", "big"]), st.integers(0, 1 << 20))
def test_a_record_written_as_a_line_reads_as_the_record(
    record: SocketRecord, byteorder: str, slot: int
) -> None:
    line = _proc_line(record, byteorder, slot)
    texts = proc_inet.AddressTexts(byteorder)
    assert proc_inet.parse_line(record.proto, line, texts, 100) == record
    padded = proc_inet.parse_line(record.proto, line.ljust(149), texts, 100)
    assert padded == record


@given(st.lists(_records(), max_size=5), st.sampled_from(["little", "big"]))
def test_a_table_of_them_reads_back(records: list[SocketRecord], byteorder: str) -> None:
    rows = [record for record in records if record.proto is Proto.TCP6]
    text = "\n".join(
        ["  sl  local_address                         remote_address"]
        + [_proc_line(row, byteorder, slot) for slot, row in enumerate(rows)]
        + [""]
    )
    notes = Notes()
    assert list(proc_inet.parse_table(Proto.TCP6, text, notes, 100, byteorder)) == rows
    assert notes.bad_rows == 0


@given(
    code=st.sampled_from(sorted(STATE_CODES)),
    port=st.integers(0, 65535),
    ip=_IPV4,
    numbers_=st.tuples(_U32, _U32, _U32, _U32, _U32, st.integers(0, 2**64 - 1)),
)
def test_a_message_reads_as_what_was_put_in(
    code: int, port: int, ip: ipaddress.IPv4Address, numbers_: tuple[int, ...]
) -> None:
    recv_q, send_q, uid, inode, ifindex, cookie = numbers_
    body = inet_body(
        state=code,
        local=(str(ip), port),
        recv_q=recv_q,
        send_q=send_q,
        uid=uid,
        inode=inode,
        ifindex=ifindex,
        cookie=cookie,
    )
    (run,) = walk(message(body))
    texts = sockdiag.AddressTexts(Proto.TCP)
    (row,) = sockdiag.decode(run, Proto.TCP, texts, Notes())
    assert (row.state, row.laddr) == (STATE_CODES[code], Addr(str(ip), port))
    assert (row.recv_q, row.inode, row.ifindex, row.cookie) == (recv_q, inode, ifindex, cookie)
    assert (row.backlog if code == 10 else row.send_q) == send_q
    assert row.uid in (uid, None)


def _mutations(samples: list[bytes]) -> st.SearchStrategy[bytes]:
    """Real input with some of it replaced, cut out or put in."""

    @st.composite
    def mutated(draw: st.DrawFn) -> bytes:
        data = draw(st.sampled_from(samples))
        for _ in range(draw(st.integers(1, 4))):
            start = draw(st.integers(0, len(data)))
            stop = draw(st.integers(start, min(len(data), start + 8)))
            data = data[:start] + draw(st.binary(max_size=8)) + data[stop:]
        return data

    return st.one_of(st.binary(max_size=400), mutated())


def _lines(*tables: str) -> list[bytes]:
    return [
        line
        for table in tables
        for line in table_text(*table.split("/", 1)).encode("latin-1").splitlines()
    ]


_INET_LINES = _lines("every-state/tcp", "every-state/tcp6", "captured/udp", "timers/tcp")
_UNIX_LINES = _lines("unix-names/unix", "unix-forged/unix")
_SCTP_LINES = _lines("sctp/sctp/eps", "sctp/sctp/assocs")
_BUFFERS = [
    buffer
    for case in ("tcp", "tcp6", "udp", "unix", "raw-refused", "tcp-privileged")
    for buffer in netlink_answer(case)
]


def _only_parse_errors(call: Callable[[], object]) -> None:
    try:
        call()
    except ParseError as error:
        text = str(error)
        assert text.isascii()
        assert text.isprintable()
        assert len(text) < 200


@given(st.sampled_from(_TABLES), _mutations(_INET_LINES))
def test_any_inet_line_is_a_record_or_a_parse_error(proto: Proto, line: bytes) -> None:
    texts = proc_inet.AddressTexts()
    _only_parse_errors(lambda: proc_inet.parse_line(proto, line.decode("latin-1"), texts, 100))


@given(st.sampled_from(_TABLES), st.text())
def test_any_text_is_a_record_or_a_parse_error(proto: Proto, text: str) -> None:
    _only_parse_errors(lambda: proc_inet.parse_line(proto, text, proc_inet.AddressTexts(), 100))


@given(st.lists(_mutations(_INET_LINES), max_size=5))
def test_any_inet_table_is_read(lines: list[bytes]) -> None:
    notes, text = Notes(), b"\n".join(lines).decode("latin-1")
    records = list(proc_inet.parse_table(Proto.TCP, text, notes))
    assert len(records) + notes.bad_rows <= text.count("\n") + 1


@given(_mutations(_UNIX_LINES))
def test_any_unix_line_is_a_record_or_a_parse_error(line: bytes) -> None:
    _only_parse_errors(lambda: proc_unix.parse_line(line))


@given(st.lists(_mutations(_UNIX_LINES), max_size=5))
def test_any_unix_table_is_read(lines: list[bytes]) -> None:
    notes, text = Notes(), b"\n".join(lines)
    records = list(proc_unix.first_sightings(proc_unix.parse_table(text, notes)))
    assert len(records) + notes.bad_rows <= text.count(b"\n") + 1


@pytest.mark.parametrize("parse", [proc_sctp.parse_endpoints, proc_sctp.parse_associations])
@given(lines=st.lists(_mutations(_SCTP_LINES), max_size=5), heading=st.booleans())
def test_any_sctp_table_is_read(
    parse: Callable[[str, Proto, Notes], object], lines: list[bytes], heading: bool
) -> None:
    text = b"\n".join([b"heading"] * heading + lines).decode("latin-1")
    for proto in (Proto.SCTP, Proto.SCTP6):
        for record in parse(text, proto, Notes()):  # type: ignore[attr-defined]
            assert record.proto is proto


@given(_mutations(_BUFFERS), st.sampled_from([Proto.TCP, Proto.TCP6]))
def test_any_buffer_is_records_and_notes_or_a_parse_error(data: bytes, proto: Proto) -> None:
    def read() -> None:
        for run in walk(data):
            assert len(run.data) >= run.length
            sockdiag.decode(run, proto, sockdiag.AddressTexts(proto), Notes())

    _only_parse_errors(read)


@given(_mutations(_BUFFERS))
def test_any_unix_message_is_records_or_a_parse_error(data: bytes) -> None:
    _only_parse_errors(lambda: unixdiag.decode(data))


@given(_mutations([buffer[88:] for buffer in _BUFFERS]))
def test_any_attributes_are_read_or_a_parse_error(data: bytes) -> None:
    _only_parse_errors(lambda: attributes(data))


@given(st.text())
def test_whatever_is_made_printable_is(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert printable(shown) == shown
    assert text.isprintable() <= (shown == text)


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_no_name_breaks_a_line_or_moves_a_column(names: list[str]) -> None:
    ends = Addr("127.0.0.1", 1), Addr("127.0.0.1", 2)
    rows = [
        SocketRecord(
            Proto.TCP,
            *ends,
            TcpState.ESTABLISHED,
            0,
            0,
            timer=TIMER_OFF,
            uid=5,
            inode=6,
            owners=(Owner(pid, 3, name),),
        )
        for pid, name in enumerate(names, start=1)
    ]
    text = inet_rows(rows, Columns(True, True, True), numbers())
    lines = text.split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(names)
    for pid, line in enumerate(lines, start=1):
        assert line.isprintable()
        assert line[79:101] == " 5          6         "
        assert line[101:].startswith(f" {pid}/")
        assert len(line) == 79 + 22 + 21 + len(" off (0.00/0/0)")
        assert line.endswith(" off (0.00/0/0)")


@given(st.binary(), st.text())
def test_no_unix_name_breaks_a_line(path: bytes, name: str) -> None:
    row = UnixRecord("STREAM", UnixState.CONNECTED, path, 7, owners=(Owner(1, 3, name),))
    text = unix_rows([row], Columns(programs=True))
    assert text.endswith("\n")
    assert text[:-1].isprintable()
    assert text[59:61] == "1/"
    assert text[79] == " "
