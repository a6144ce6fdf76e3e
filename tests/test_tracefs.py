"""The trace: pages that a kernel wrote, pages built by hand, and the kernel's instances."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pynetstat.errors import ParseError, SourceUnavailable
from pynetstat.records import Addr, Proto, TcpState
from pynetstat.sources import tracefs
from pynetstat.sources.tracefs import (
    Decoder,
    Destroyed,
    Trace,
    Transition,
    parse_format,
    parse_page,
)

from .waiting import wait_until

_DATA = Path(__file__).parent / "data/events"
_STATES = (_DATA / "inet_sock_set_state.format").read_text()
_ENDS = (_DATA / "tcp_destroy_sock.format").read_text()
_PAGE = bytes.fromhex((_DATA / "pages.hex").read_text())


def _trace(buffer_kb: int | None = None) -> Trace:
    try:
        return Trace(buffer_kb)
    except SourceUnavailable as refusal:
        pytest.skip(str(refusal))


@contextlib.contextmanager
def instances() -> Iterator[int]:
    """A descriptor of the folder of instances."""
    root = tracefs._open_root()
    try:
        folder = os.open("instances", os.O_RDONLY | os.O_DIRECTORY, dir_fd=root)
        try:
            yield folder
        finally:
            os.close(folder)
    finally:
        os.close(root)


def test_a_page_that_a_kernel_wrote() -> None:
    page = parse_page(_PAGE)
    assert not page.missed
    found = Decoder(_STATES, _ENDS).decode(_PAGE, page)
    assert len(found) == len(page.entries) == 23
    assert [item.at_ns for item in found] == sorted(item.at_ns for item in found)
    listening, connecting = found[:2]
    assert isinstance(listening, Transition)
    assert listening == Transition(
        2263742776564, 18446612688113013376, 6310, Proto.TCP, Addr("127.0.0.1", 40563),
        Addr("0.0.0.0", 0), TcpState.CLOSE, TcpState.LISTEN,
    )  # fmt: skip
    assert isinstance(connecting, Transition)
    assert connecting.laddr == Addr("127.0.0.1", 0)
    child = found[3]
    assert isinstance(child, Transition)
    assert (child.pid, child.old, child.new) == (None, TcpState.LISTEN, TcpState.SYN_RECV)
    assert found[10] == Destroyed(2263744713643, connecting.skaddr, 1496245)
    mapped = found[17]
    assert isinstance(mapped, Transition)
    assert (mapped.proto, mapped.laddr) == (Proto.TCP6, Addr("::ffff:127.0.0.1", 40511))
    assert found[-3].at_ns - found[-4].at_ns == 25488
    # A time extension stands between these two.
    assert found[-4].at_ns - found[-5].at_ns == 200297223


def _page(*parts: bytes, flags: int = 0, now: int = 1000) -> bytes:
    body = b"".join(parts)
    return struct.pack("=QQ", now, len(body) | flags) + body


def _head(kind: int, delta: int) -> bytes:
    return struct.pack("=I", kind | delta << 5)


@pytest.mark.skipif(struct.pack("=H", 1) != b"\1\0", reason="the entries here are little-endian")
def test_every_kind_of_entry() -> None:
    data = _page(
        _head(2, 5), b"12345678",
        _head(0, 1), struct.pack("=I", 12), b"abcdefgh",
        _head(29, 2), struct.pack("=I", 8), b"gone",
        _head(30, 3), struct.pack("=I", 1),
        _head(1, 4), b"last",
        _head(31, 7), struct.pack("=I", 2),
        _head(1, 1), b"then",
        _head(29, 0), b"rest",
    )  # fmt: skip
    page = parse_page(data)
    extended = 1008 + 3 + (1 << 27) + 4
    times = [1005, 1006, extended, (2 << 27) + 7 + 1]
    assert [at for at, _, _ in page.entries] == times
    texts = [data[start : start + length] for _, start, length in page.entries]
    assert texts == [b"12345678", b"abcdefgh", b"last", b"then"]


def test_big_endian_entries_have_their_type_in_front() -> None:
    head = struct.pack("=I", 1 << 27 | 9)
    assert parse_page(_page(head, b"data"), "big").entries[0][0] == 1009


def test_a_page_says_whether_some_are_missing_before_it() -> None:
    assert parse_page(_page(flags=1 << 31)).missed
    assert not parse_page(_page()).missed


@pytest.mark.parametrize(
    "data",
    [
        b"short",
        struct.pack("=QQ", 0, 100),
        _page(_head(5, 0), b"1234"),
        _page(_head(0, 0), struct.pack("=I", 3), b"1234"),
        _page(_head(29, 1), struct.pack("=I", 4000)),
    ],
)
def test_a_page_that_no_kernel_writes_is_an_error(data: bytes) -> None:
    with pytest.raises(ParseError):
        parse_page(data, "little")


def test_unknown_entries_and_other_protocols_are_passed_over() -> None:
    decoder = Decoder(_STATES.replace("ID: ", "ID: 9"), _ENDS.replace("ID: ", "ID: 9"))
    assert decoder.decode(_PAGE, parse_page(_PAGE)) == []


def test_a_format_without_a_field_is_an_error() -> None:
    with pytest.raises(ParseError):
        parse_format(_STATES, ("skaddr", "no_such_field"))
    with pytest.raises(ParseError):
        parse_format("nothing", ("skaddr",))


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("oldstate;	offset:16;	size:4", "oldstate;	offset:16;	size:3"),
        ("saddr[4];	offset:32;	size:4", "saddr[4];	offset:32;	size:8"),
        ("skaddr;	offset:8;", "skaddr;	offset:6;"),
        ("skaddr;	offset:8;", f"skaddr;	offset:{'9' * 5000};"),
        ("sport;	offset:24;", "sport;	offset:26;"),
        ("daddr_v6[16];	offset:56;", "daddr_v6[16];	offset:99999;"),
        ("ID: 2287", f"ID: {'9' * 5000}"),
    ],
)
def test_a_format_that_can_t_be_read_is_an_error(there: str, instead: str) -> None:
    assert there in _STATES
    with pytest.raises(ParseError):
        Decoder(_STATES.replace(there, instead), _ENDS)


def test_a_format_in_another_order_is_an_error() -> None:
    swapped = _STATES.replace("sport;", "x;").replace("dport;", "sport;").replace("x;", "dport;")
    with pytest.raises(ParseError, match="dport"):
        Decoder(swapped, _ENDS)


def test_who_may_not_trace_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(tracefs, "_MOUNTS", ("/none/such",))
    monkeypatch.setattr(tracefs, "_mount_unattached", refuse)
    with pytest.raises(SourceUnavailable, match="tracefs: only root may trace"):
        Trace()


def test_a_folder_that_is_no_tracefs_is_not_taken_for_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse() -> int:
        raise OSError(19, "No such device")

    monkeypatch.setattr(tracefs, "_MOUNTS", (str(tmp_path),))
    monkeypatch.setattr(tracefs, "_mount_unattached", refuse)
    with pytest.raises(SourceUnavailable, match="No such device"):
        Trace()


def test_a_kernel_without_the_tracepoints_is_told_and_left_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _trace().close()
    monkeypatch.setattr(tracefs, "_DESTROY_EVENT", "events/tcp/no_such_event")
    with pytest.raises(SourceUnavailable, match="tracefs: "):
        Trace()
    with instances() as folder:
        assert not [name for name in os.listdir(folder) if f"-{os.getpid()}-" in name]


def test_an_instance_is_there_while_it_is_open() -> None:
    trace = _trace()
    try:
        with instances() as folder:
            assert trace._name in os.listdir(folder)
    finally:
        trace.close()
    with instances() as folder:
        assert trace._name not in os.listdir(folder)


def test_what_a_dead_process_left_behind_is_removed_and_a_living_one_s_is_not() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        dead = process.pid
    _trace().close()
    living = f"pynetstat-{os.getppid()}-{tracefs._start_time(os.getppid())}-900"
    stale = [f"pynetstat-{dead}-1-1", f"pynetstat-{os.getpid()}-1-1"]
    with instances() as folder:
        for name in (living, *stale):
            os.mkdir(name, dir_fd=folder)
        try:
            _trace().close()
            left = os.listdir(folder)
        finally:
            for name in {living, *stale} & set(os.listdir(folder)):
                os.rmdir(name, dir_fd=folder)
    assert living in left
    assert not set(stale) & set(left)


def test_what_runs_over_is_counted() -> None:
    trace = _trace(buffer_kb=4)
    lost = 0
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            for _ in range(500):
                socket.create_connection(server.getsockname()).close()
                server.accept()[0].close()

        def told() -> bool:
            nonlocal lost
            lost += trace.take()[1]
            return lost > 0

        wait_until(told, "overrun")
    finally:
        trace.close()
    assert lost > 500


_CHURN = """
import socket, struct, time
reset = socket.SO_LINGER, struct.pack("ii", 1, 0)
end = time.monotonic() + 30
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    while time.monotonic() < end:
        with socket.create_connection(server.getsockname()) as client, server.accept()[0]:
            client.setsockopt(socket.SOL_SOCKET, *reset)
"""
"""Connections one after the other, which leave no TIME_WAIT."""


def test_no_end_is_missing_of_what_is_told_from_the_start() -> None:
    """The next socket at the same address in the kernel would be taken for the same one."""
    command = [sys.executable, "-c", _CHURN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as churn:
        assert churn.stdout is not None
        try:
            port = int(churn.stdout.readline())
            for _ in range(5):
                trace = _trace()
                try:
                    assert trace.wait(5)
                    time.sleep(0.05)
                    happened, lost = trace.take()
                finally:
                    trace.close()
                assert not lost
                assert _begun_unended(happened, port) == []
        finally:
            churn.kill()


def _begun_unended(happened: list[Transition | Destroyed], port: int) -> list[Transition]:
    """The connections made at an address in the kernel that no end was told of."""
    living: set[int] = set()
    strange = []
    for item in happened:
        if isinstance(item, Destroyed):
            living.discard(item.skaddr)
        elif item.raddr.port == port:
            if item.new is TcpState.SYN_SENT and item.skaddr in living:
                strange.append(item)
            living.add(item.skaddr)
    return strange
