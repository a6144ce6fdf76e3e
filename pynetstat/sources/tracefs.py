"""Every TCP transition with its moment, as root: two tracepoints through tracefs.

``sock/inet_sock_set_state`` tells each change of state, ``tcp/tcp_destroy_sock`` each end
with the socket's cookie. Both are recorded in a tracing instance of our own, so that nobody
else's tracing is disturbed, and read as the binary pages of ``trace_pipe_raw``: unlike its text
they hold the socket's kernel address, which is its identity as long as it lives, and no process
name that could break a line (Documentation/trace/ftrace.rst, events/header_page,
events/header_event).

tracefs is used where it is mounted. Where it is not, a mount of our own is made that is
attached nowhere: only this process's descriptor sees it, and it goes with it (fsmount(2)).

The tracepoints fire in every network namespace and don't say in which.

An instance is removed by :meth:`Trace.close`. One left behind by a process that was killed is
removed by the next that starts: its name tells the process and when that began, and the kernel
removes no instance that somebody still reads.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import re
import select
import socket
import struct
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

from pynetstat.errors import ParseError, SourceFailed, SourceUnavailable
from pynetstat.records import STATE_CODES, Addr, Proto, TcpState

_MOUNTS = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
_STATE_EVENT = "events/sock/inet_sock_set_state"
_DESTROY_EVENT = "events/tcp/tcp_destroy_sock"
_STATE_FIELDS = (
    "common_flags", "common_pid", "skaddr", "oldstate", "newstate", "sport", "dport", "family",
    "protocol", "saddr", "daddr", "saddr_v6", "daddr_v6",
)  # fmt: skip
_DESTROY_FIELDS = ("skaddr", "sock_cookie")
_IN_INTERRUPT = 0x08 | 0x10
"""TRACE_FLAG_HARDIRQ and TRACE_FLAG_SOFTIRQ: the current process has nothing to do with it."""

_BUFFERS_KB = 32 * 1024
"""Of all processors together: about 400,000 transitions. None gets less than the usual."""
_LEAST_BUFFER_KB = 1408
_NAME = re.compile(r"pynetstat-(\d+)-(\d+)-\d+")
_serials = itertools.count(1)

_SYS_FSOPEN, _SYS_FSCONFIG, _SYS_FSMOUNT = 430, 431, 432
"""The same on all architectures but alpha (include/uapi/asm-generic/unistd.h)."""
_FSOPEN_CLOEXEC, _FSMOUNT_CLOEXEC, _FSCONFIG_CMD_CREATE = 1, 1, 6

_PADDING, _TIME_EXTEND, _TIME_STAMP = 29, 30, 31
_PAGE_HEADER = struct.Struct("=QQ")
_WORD = struct.Struct("=I")
_DATA_LENGTH = 0x07FFFFFF
"""The rest of the page header's ``commit`` is flags."""
_READ_SIZE = 64 * 1024
_MOST_TEXTS = 10_000
"""Addresses remembered: peers come and go for as long as it runs."""
_MOST_PAGES = 256
"""Read of each processor at a time: about 13,000 entries."""
_COUNT_EVERY_S = 1.0
"""Pages tell of what was overwritten before them; other losses only the counters tell."""
_LOST_COUNT = re.compile(r"^(?:overrun|commit overrun|dropped events): (\d+)$", re.MULTILINE)
_KINDS = {(1, "0"): "B", (2, "0"): "H", (4, "0"): "I", (4, "1"): "i", (8, "0"): "Q"}
_ADDRESSES = {"saddr": 4, "daddr": 4, "saddr_v6": 16, "daddr_v6": 16}
_MOST_BETWEEN = 4096
"""Bytes between two fields: no entry is larger than its page."""
_FIELD = re.compile(
    r"field:[^;]*?(\w+)(?:\[\d*\])?;\s*offset:(\d{1,5});\s*size:(\d{1,5});\s*signed:(\d);"
)


class Transition(NamedTuple):
    """A TCP socket changed its state.

    ``at_ns`` is CLOCK_MONOTONIC; ``skaddr`` the socket's address in the kernel. ``pid`` is the
    thread (of the initial pid namespace) inside whose system call it happened, None when it
    happened in an interrupt, where the current process is anybody. The child of a listener
    begins with LISTEN as its old state.
    """

    at_ns: int
    skaddr: int
    pid: int | None
    proto: Proto
    laddr: Addr
    raddr: Addr
    old: TcpState
    new: TcpState


class Destroyed(NamedTuple):
    """A TCP socket is no more, or leaves TIME_WAIT behind."""

    at_ns: int
    skaddr: int
    cookie: int


class Layout(NamedTuple):
    """How one tracepoint's entries look: its number, and the fields asked for."""

    number: int
    struct: struct.Struct


def parse_format(text: str, names: tuple[str, ...]) -> Layout:
    """The layout from a tracepoint's ``format`` file.

    ParseError when a field is missing, stands before one that is named before it, or is not
    as large as what it is read as.
    """
    number = re.search(r"^ID: (\d{1,9})$", text, re.MULTILINE)
    fields = {name: (int(at), int(size), sign) for name, at, size, sign in _FIELD.findall(text)}
    if number is None or not fields.keys() >= set(names):
        raise ParseError("not the format of the tracepoint", text)
    parts, end = ["="], 0
    for name in names:
        at, size, sign = fields[name]
        kind = f"{size}s" if _ADDRESSES.get(name) == size else _KINDS.get((size, sign))
        if kind is None or size != _ADDRESSES.get(name, size) or not 0 <= at - end <= _MOST_BETWEEN:
            raise ParseError(f"a tracepoint's field that can't be read: {name}", text)
        parts.append(f"{at - end}x {kind}")
        end = at + size
    return Layout(int(number[1]), struct.Struct(" ".join(parts)))


class Page(NamedTuple):
    """The entries of one page as (time in ns, start, length), and whether some are missing
    before it."""

    entries: list[tuple[int, int, int]]
    missed: bool


def parse_page(data: bytes, byteorder: str = sys.byteorder) -> Page:
    """One page of a ring buffer. ParseError where a length does not fit."""
    if len(data) < _PAGE_HEADER.size:
        raise ParseError("tracing page without its header", data)
    now, commit = _PAGE_HEADER.unpack_from(data)
    end = _PAGE_HEADER.size + (commit & _DATA_LENGTH)
    if end > len(data):
        raise ParseError("tracing page shorter than it says", data)
    little = byteorder == "little"
    entries = []
    at = _PAGE_HEADER.size
    word = _WORD.unpack_from
    while at + 4 <= end:
        (head,) = word(data, at)
        kind, delta = (head & 31, head >> 5) if little else (head >> 27, head & 0x07FFFFFF)
        at += 4
        if 1 <= kind < _PADDING:
            length = kind * 4
        elif at + 4 > end or (kind == _PADDING and delta == 0):
            break  # the rest of the page is empty
        else:
            (length,) = word(data, at)
            if kind == _TIME_EXTEND:
                now += (length << 27) + delta
                at += 4
                continue
            if kind == _TIME_STAMP:
                # 59 bits; the rest is as before.
                now = (now & ~((1 << 59) - 1)) | (length << 27) + delta
                at += 4
                continue
            if length < 4:
                raise ParseError("tracing entry without a length", data[at - 4 : at + 12])
            if kind == 0:
                at += 4
                length -= 4
        if at + length > end:
            raise ParseError("tracing entry longer than its page", data[at - 4 : at + 12])
        now += delta
        if kind != _PADDING:
            entries.append((now, at, length))
        at += length
    return Page(entries, bool(commit & ~_DATA_LENGTH))


class Decoder:
    """Turns the entries of pages into transitions and ends."""

    def __init__(self, state_format: str, destroy_format: str) -> None:
        self._states = parse_format(state_format, _STATE_FIELDS)
        self._ends = parse_format(destroy_format, _DESTROY_FIELDS)
        self._texts: dict[bytes, str] = {}

    def decode(self, data: bytes, page: Page) -> list[Transition | Destroyed]:
        """The page's entries in their order; other protocols than TCP are passed over."""
        found: list[Transition | Destroyed] = []
        state_number, (_, states) = self._states.number, self._states
        end_number, (_, ends) = self._ends.number, self._ends
        texts, new, order = self._texts, tuple.__new__, sys.byteorder
        # Runs for every transition of the machine, as in sockdiag.decode.
        for at_ns, start, length in page.entries:
            number = int.from_bytes(data[start : start + 2], order)
            if number == state_number and length >= states.size:
                flags, pid, skaddr, old, now, sport, dport, family, protocol, *ips = (
                    states.unpack_from(data, start)
                )
                before, after = STATE_CODES.get(old), STATE_CODES.get(now)
                if protocol != socket.IPPROTO_TCP or before is None or after is None:
                    continue
                if family == socket.AF_INET:
                    proto, lip, rip = Proto.TCP, ips[0], ips[1]
                else:
                    proto, lip, rip = Proto.TCP6, ips[2], ips[3]
                local = new(Addr, (texts.get(lip) or self._text(lip), sport))
                remote = new(Addr, (texts.get(rip) or self._text(rip), dport))
                thread = None if flags & _IN_INTERRUPT else pid
                found.append(
                    new(Transition, (at_ns, skaddr, thread, proto, local, remote, before, after))
                )
            elif number == end_number and length >= ends.size:
                found.append(new(Destroyed, (at_ns, *ends.unpack_from(data, start))))
        return found

    def _text(self, packed: bytes) -> str:
        if len(self._texts) > _MOST_TEXTS:
            self._texts.clear()
        family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
        text = self._texts[packed] = socket.inet_ntop(family, packed)
        return text


class Trace:
    """A tracing instance of this process's own. Close it.

    ``buffer_kb`` is the size of each processor's buffer. SourceUnavailable where this process
    may not trace or the kernel has no such tracepoint.
    """

    def __init__(self, buffer_kb: int | None = None) -> None:
        self._pipes: list[int] = []
        self._held: list[Transition | Destroyed] = []
        self._processors: list[str] = []
        self._overrun = 0
        self.read_until_ns = 0
        """CLOCK_MONOTONIC: what happened before that, :meth:`take` has told."""
        self._counted_at = time.monotonic()
        self._root = _open_root()
        self._name = f"pynetstat-{os.getpid()}-{_start_time(os.getpid())}-{next(_serials)}"
        made = False
        try:
            remove_stale(self._root)
            os.mkdir(f"instances/{self._name}", dir_fd=self._root)
            made = True
            self._decoder = self._set_up(buffer_kb)
        except (OSError, ParseError) as error:
            self._give_up(made)
            raise SourceUnavailable(f"tracefs: {error}") from error
        except BaseException:
            self._give_up(made)
            raise

    def wait(self, timeout_s: float) -> bool:
        """Whether something has happened within that time."""
        poll = select.poll()
        for pipe in self._pipes:
            poll.register(pipe, select.POLLIN)
        return bool(poll.poll(timeout_s * 1000))

    def take(self) -> tuple[list[Transition | Destroyed], int]:
        """What happened since the last call, in order, and how many were lost.

        What happens while this reads is held back for the next call: the processors' buffers
        are read one after the other.
        """
        until = time.monotonic_ns()
        missed = False
        for pipe in self._pipes:
            pages = 0
            for data in _pages(pipe):
                pages += 1
                try:
                    page = parse_page(data)
                    self._held += self._decoder.decode(data, page)
                except ParseError as error:
                    raise SourceFailed(f"tracefs: {error}") from error
                missed = missed or page.missed
            if pages == _MOST_PAGES and page.entries:
                until = min(until, page.entries[-1][0])  # there is more of that time
        self.read_until_ns = until
        self._held.sort(key=lambda happened: happened.at_ns)
        count = len(self._held)
        while count and self._held[count - 1].at_ns >= until:
            count -= 1
        taken, self._held = self._held[:count], self._held[count:]
        if not missed and time.monotonic() < self._counted_at + _COUNT_EVERY_S:
            return taken, 0
        self._counted_at = time.monotonic()
        return taken, self._count_overrun()

    def close(self) -> None:
        """Stop tracing and remove the instance."""
        self._give_up(made=True)

    def _set_up(self, buffer_kb: int | None) -> Decoder:
        decoder = Decoder(
            self._read(f"{_STATE_EVENT}/format"), self._read(f"{_DESTROY_EVENT}/format")
        )
        folder = self._open("per_cpu", os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._processors = sorted(os.listdir(folder))
        finally:
            os.close(folder)
        if buffer_kb is None:
            buffer_kb = max(_BUFFERS_KB // len(self._processors), _LEAST_BUFFER_KB)
        settings = {
            "trace_clock": "mono",
            "buffer_size_kb": str(buffer_kb),
            "buffer_percent": "0",
            # The ends first: an address in the kernel whose socket's end is not told would seem
            # to be the same socket when it is used again.
            f"{_DESTROY_EVENT}/enable": "1",
            f"{_STATE_EVENT}/enable": "1",
        }
        for name in self._processors:
            pipe = self._open(f"per_cpu/{name}/trace_pipe_raw", os.O_RDONLY | os.O_NONBLOCK)
            self._pipes.append(pipe)
        for name, value in settings.items():
            self._write(name, value)
        return decoder

    def _count_overrun(self) -> int:
        """How many more entries the kernel has thrown away."""
        overrun = 0
        for name in self._processors:
            counts = _LOST_COUNT.findall(self._read(f"per_cpu/{name}/stats"))
            overrun += sum(int(count) for count in counts)
        more = overrun - self._overrun
        self._overrun = overrun
        return more

    def _give_up(self, made: bool) -> None:
        while self._pipes:
            os.close(self._pipes.pop())
        if made:
            # Somebody who looks into the instance keeps it from being removed: then it is
            # silent at least, and removed by the next process that traces.
            for name in (_STATE_EVENT, _DESTROY_EVENT):
                with contextlib.suppress(OSError):
                    self._write(f"{name}/enable", "0")
            with contextlib.suppress(OSError):
                os.rmdir(f"instances/{self._name}", dir_fd=self._root)
        if self._root >= 0:
            os.close(self._root)
            self._root = -1

    def _open(self, name: str, flags: int) -> int:
        return os.open(f"instances/{self._name}/{name}", flags | os.O_CLOEXEC, dir_fd=self._root)

    def _read(self, name: str) -> str:
        with open(self._open(name, os.O_RDONLY), encoding="ascii", errors="replace") as file:
            return file.read()

    def _write(self, name: str, value: str) -> None:
        descriptor = self._open(name, os.O_WRONLY)
        try:
            os.write(descriptor, value.encode("ascii"))
        finally:
            os.close(descriptor)


def _pages(pipe: int) -> Iterator[bytes]:
    """The pages that wait in a processor's buffer, and no more than that buffer holds."""
    for _ in range(_MOST_PAGES):
        try:
            data = os.read(pipe, _READ_SIZE)
        except BlockingIOError:
            return
        if not data:
            return
        yield data


def remove_stale(root: int) -> None:
    """Remove the instances of processes of ours that are no more, below tracefs at ``root``."""
    instances = os.open("instances", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=root)
    try:
        for name in os.listdir(instances):
            match = _NAME.fullmatch(name)
            if match is not None and _start_time(int(match[1])) != int(match[2]):
                # Refused while somebody reads it: a process of another pid namespace.
                with contextlib.suppress(OSError):
                    os.rmdir(name, dir_fd=instances)
    finally:
        os.close(instances)


def _start_time(pid: int) -> int:
    """When the process began, in ticks since boot (proc(5)); -1 when there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, IndexError):
        return -1


def _open_root() -> int:
    """A descriptor of tracefs's root. SourceUnavailable when there is none to be had."""
    flags = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
    for path in _MOUNTS:
        with contextlib.suppress(OSError):
            root = os.open(path, flags)
            try:
                os.stat("instances", dir_fd=root)
            except OSError:
                os.close(root)  # the empty folder that it would be mounted on
                continue
            return root
    try:
        return _mount_unattached()
    except (OSError, AttributeError) as error:
        hint = "only root may trace" if isinstance(error, PermissionError) else str(error)
        raise SourceUnavailable(f"tracefs: {hint}") from error


def _mount_unattached() -> int:
    """The root of a tracefs that is mounted nowhere. OSError when the kernel refuses."""
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    context = _checked(call(_SYS_FSOPEN, b"tracefs", _FSOPEN_CLOEXEC))
    try:
        _checked(call(_SYS_FSCONFIG, context, _FSCONFIG_CMD_CREATE, None, None, 0))
        return _checked(call(_SYS_FSMOUNT, context, _FSMOUNT_CLOEXEC, 0))
    finally:
        os.close(context)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
