"""The kernel's own tables through NETLINK_SOCK_DIAG: the default on Linux.

Made equal to the other sources here: a LISTEN socket's wqueue is its ``backlog`` and its
``send_q`` is 0 as in /proc; the one retransmission counter counts probes unless the timer
is ``on``; TIME_WAIT has no uid, and SYN_RECV has its listener's, which sock_diag leaves out
(include/uapi/linux/inet_diag.h, net/ipv4/inet_diag.c). One thing can't be made equal: on
SYN_RECV sock_diag counts the SYN-ACKs that were sent again, /proc the timeouts.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pynetstat.errors import ParseError, SourceFailed, SourceUnavailable
from pynetstat.query import Query, state_mask
from pynetstat.records import (
    STATE_CODES,
    TIMER_OFF,
    Addr,
    Proto,
    SocketRecord,
    TcpState,
    Timer,
    TimerKind,
    UnixRecord,
    timer_kind,
)
from pynetstat.sources import Holders, Notes, with_owners
from pynetstat.sources.netlink import (
    NetlinkSocket,
    Run,
    attributes,
    dump,
    name_protocol,
    open_socket,
    pack_attribute,
    pack_dump,
)
from pynetstat.sources.readahead import read_ahead

if TYPE_CHECKING:
    from pynetstat.tcpinfo import TcpInfo

_REQ_BYTECODE = 1

_REQUEST = struct.Struct("=BBBxI48x")
"""Family, protocol, extensions, states."""
_FIELDS = "16x x BBB HH 16s16s I Q IIIII"
_FIELDS_IPV4 = "16x x BBB HH 4s12x4s12x I Q IIIII"
"""A netlink header and struct inet_diag_msg; IPv4 uses the first word of an address."""
_SHORTEST = struct.calcsize("=" + _FIELDS)
_STATE_AT = struct.calcsize("=16x x")
_COOKIE_AT = struct.calcsize("=16x x BBB HH 16s16s I")
_COOKIE = struct.Struct("=Q")
_SKV6ONLY = 11
"""INET_DIAG_SKV6ONLY, which the kernel adds unasked in these states."""
_UNCONNECTED = (bytes([7]), bytes([10]))

EVERYTHING = Query()
"""The question without any condition."""

_STATES = [STATE_CODES.get(code) for code in range(256)]
"""By the value of a byte: a list is looked up faster than a dict."""


def pack_request(
    proto: Proto, query: Query = EVERYTHING, program: bytes | None = None, extensions: int = 0
) -> bytes:
    """The request for the table of ``proto`` (struct inet_diag_req_v2).

    ``program`` is bytecode for the kernel to choose rows by, ``extensions`` are the bits of
    the attributes that rows shall have behind them.
    """
    family = socket.AF_INET6 if proto.is_ipv6 else socket.AF_INET
    number, named = name_protocol(proto.base)
    mask = state_mask(proto, query)
    attributes = b"" if program is None else pack_attribute(_REQ_BYTECODE, program)
    return pack_dump(_REQUEST.pack(family, number, extensions, mask) + attributes + named)


class AddressTexts(dict[bytes, str]):
    """The text of each address, worked out once: a table repeats few addresses often."""

    def __init__(self, proto: Proto) -> None:
        self._family = socket.AF_INET6 if proto.is_ipv6 else socket.AF_INET

    def __missing__(self, packed: bytes) -> str:
        text = self[packed] = socket.inet_ntop(self._family, packed)
        return text


def decode(
    run: Run,
    proto: Proto,
    texts: AddressTexts,
    notes: Notes,
    holders: Holders | None = None,
    *,
    listener_uids: dict[tuple[bytes, int], int] | None = None,
) -> list[SocketRecord]:
    """The records in a run of inet_diag_msg; rows that make no sense are noted, not raised.

    ``listener_uids`` (by local end) is filled by the listeners, which come first in a dump, and
    read for their SYN_RECV rows.
    """
    if listener_uids is None:
        listener_uids = {}
    if run.length < _SHORTEST:
        notes.bad_row(ParseError("inet_diag_msg cut short", bytes(run.data)))
        return []
    padding = run.size - _SHORTEST
    fields = _FIELDS if proto.is_ipv6 else _FIELDS_IPV4
    rows = struct.Struct(f"={fields} {padding}x").iter_unpack(_whole(run))
    records: list[SocketRecord] = []
    add, new, ntohs = records.append, tuple.__new__, socket.ntohs
    owners = None
    # This loop runs once a socket and decides the speed of the whole program: rows are
    # made with tuple.__new__, which skips the named tuple's Python-level constructor.
    for code, timer_code, count, lport, rport, lip, rip, ifindex, cookie, expires, recv_q, \
            send_q, uid, inode in rows:  # fmt: skip
        state = _STATES[code]
        if state is None:
            notes.bad_row(ParseError("unknown socket state", str(code)))
            continue
        backlog = None
        if code == 10:
            backlog, send_q = send_q, 0
            listener_uids[lip, lport] = uid
        elif not inode:
            if state is TcpState.SYN_RECV:
                of_any = listener_uids.get((bytes(len(lip)), lport))
                uid = listener_uids.get((lip, lport), of_any)
            elif timer_code == 3:
                uid = None
        if not timer_code:
            timer = TIMER_OFF
        elif timer_code == 1:
            timer = Timer(TimerKind.ON, expires / 1000, count, 0)
        else:
            timer = Timer(timer_kind(timer_code), expires / 1000, 0, count)
        if holders is not None:
            owners = holders.get(inode, ())
        laddr = new(Addr, (texts[lip], ntohs(lport)))
        raddr = new(Addr, (texts[rip], ntohs(rport)))
        add(
            new(
                SocketRecord,
                (proto, laddr, raddr, state, recv_q, send_q, backlog, timer, uid, inode, cookie,
                 ifindex, owners, None, None, None),
            )
        )  # fmt: skip
    return _with_v6only(run, records) if proto.is_ipv6 else records


class SockDiag:
    """Reads socket tables over netlink; needs no privileges.

    A dump that takes several messages goes on at a position in a hash bucket. While other
    sockets come and go, one that stays may slip through there, in a few of a thousand
    dumps: with ``thorough`` a second dump is merged in. With ``info`` TCP rows have their
    TcpInfo.
    """

    name = "sockdiag"

    def __init__(
        self,
        opener: Callable[[], NetlinkSocket] = open_socket,
        thorough: bool = False,
        info: bool = False,
    ) -> None:
        self._opener = opener
        self._thorough = thorough
        self._info = info

    def read(
        self, proto: Proto, query: Query, notes: Notes, holders: Holders | None = None
    ) -> Iterator[list[SocketRecord]]:
        """The table of ``proto``, each socket once, in the kernel's order."""
        if not hasattr(socket, "AF_NETLINK"):
            raise SourceUnavailable("sock_diag: this system has no netlink")
        return self._read(proto, query, notes, holders)

    def _read(
        self, proto: Proto, query: Query, notes: Notes, holders: Holders | None
    ) -> Iterator[list[SocketRecord]]:
        texts = AddressTexts(proto)
        listener_uids: dict[tuple[bytes, int], int] = {}
        seen: set[int | None] = set()
        if state_mask(proto, query) & 1 << 13 and _release() < (6, 8):
            notes.remarks.append("before Linux 6.8 sockets that are only bound are not told")
        decode_run = decode
        extensions = 0
        # Other protocols have other figures under the same numbers.
        if self._info and proto.base == "tcp":
            from pynetstat.sources.tcpinfo import EXTENSIONS

            decode_run, extensions = _decode_with_info, EXTENSIONS
        plain = pack_request(proto, query, extensions=extensions)
        request = pack_request(proto, query, _program(proto, query), extensions)
        runs = 0
        for run in read_ahead(self._dump(request, plain)):
            runs += 1
            records = decode_run(run, proto, texts, notes, holders, listener_uids=listener_uids)
            yield _first_sightings(records, seen)
        if not self._thorough or runs < 2:
            return
        try:
            for run in read_ahead(self._dump(request, plain)):
                if not seen.issuperset(_cookies(run)):
                    records = decode_run(
                        run, proto, texts, Notes(), holders, listener_uids=listener_uids
                    )
                    yield _first_sightings(records, seen)
        except (SourceUnavailable, SourceFailed) as error:
            notes.remarks.append(f"read once instead of twice ({error})")

    def _dump(self, request: bytes, plainer: bytes) -> Iterator[Run]:
        """The answer to ``request``, or to ``plainer`` where this kernel can't read that one."""
        if request == plainer:
            return (yield from dump(request, self._opener))
        answer = dump(request, self._opener)
        try:
            first = next(answer, None)
        except SourceUnavailable as refusal:
            cause = refusal.__cause__
            if not isinstance(cause, OSError) or cause.errno != errno.EINVAL:
                raise
            return (yield from dump(plainer, self._opener))
        if first is not None:
            yield first
            yield from answer

    def read_unix(self, notes: Notes, holders: Holders | None = None) -> list[UnixRecord]:
        """All unix sockets with the exact bytes of their names."""
        from pynetstat.sources.unixdiag import read_unix

        return with_owners(read_unix(self._opener, notes), holders)


def _release() -> tuple[int, ...]:
    """The version of the running kernel, as far as its two first numbers."""
    return tuple(map(int, re.findall(r"\d+", os.uname().release)[:2]))


def _program(proto: Proto, query: Query) -> bytes | None:
    """Bytecode for the kernel to choose by, if it can help.

    Listeners pass where the answer may have SYN_RECV rows, whose users only they know.
    """
    if query.filter is None:
        return None
    from pynetstat.filters import any_of
    from pynetstat.sources.bytecode import LISTENER, bytecode

    wanted = query.filter
    if proto.base in ("tcp", "mptcp") and state_mask(proto, query) & 1 << 3:
        wanted = any_of(wanted, LISTENER)
    return bytecode(wanted)


def _decode_with_info(
    run: Run,
    proto: Proto,
    texts: AddressTexts,
    notes: Notes,
    holders: Holders | None = None,
    *,
    listener_uids: dict[tuple[bytes, int], int] | None = None,
) -> list[SocketRecord]:
    """As :func:`decode`, with what the attributes tell."""
    from pynetstat.sources.tcpinfo import infos

    records = decode(run, proto, texts, notes, holders, listener_uids=listener_uids)
    told: dict[int | None, TcpInfo] = dict(infos(run, _COOKIE_AT))
    return [record._replace(info=told.get(record.cookie)) for record in records]


def _with_v6only(run: Run, records: list[SocketRecord]) -> list[SocketRecord]:
    """The records of an IPv6 table, with whether those that are not connected take no IPv4."""
    states = bytes(run.data[_STATE_AT :: run.size])
    told: dict[int | None, bool] = {}
    for state in _UNCONNECTED:
        at = states.find(state)
        while at >= 0:
            message = bytes(run.data[at * run.size : at * run.size + run.length])
            with contextlib.suppress(ParseError):
                flag = attributes(message[_SHORTEST:]).get(_SKV6ONLY)
                if flag:
                    (cookie,) = _COOKIE.unpack_from(message, _COOKIE_AT)
                    told[cookie] = flag != b"\0"
            at = states.find(state, at + 1)
    if not told:
        return records
    return [row._replace(v6only=told[row.cookie]) if row.cookie in told else row for row in records]


def _cookies(run: Run) -> Iterator[int]:
    """The cookies in a run, for little of the price of its records."""
    if run.length < _SHORTEST:
        return iter(())
    layout = struct.Struct(f"={_COOKIE_AT}x Q {run.size - _COOKIE_AT - 8}x")
    return (cookie for (cookie,) in layout.iter_unpack(_whole(run)))


def _whole(run: Run) -> memoryview | bytes:
    """The run's data, with the padding that the last message of a buffer may lack."""
    if len(run.data) % run.size == 0:
        return run.data
    return bytes(run.data).ljust(len(run.data) // run.size * run.size + run.size, b"\0")


def _first_sightings(records: list[SocketRecord], seen: set[int | None]) -> list[SocketRecord]:
    """The records whose socket was not ``seen`` before; now they are.

    A dump goes on at a position in a hash bucket, so that sockets which others have
    pushed behind that position meanwhile are sent a second time.
    """
    cookies = {record.cookie for record in records}
    if len(cookies) < len(records) or not seen.isdisjoint(cookies):
        fresh = {record.cookie: record for record in records if record.cookie not in seen}
        records = list(fresh.values())
    seen |= cookies
    return records
