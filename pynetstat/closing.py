"""Ends sockets from outside their processes, as ss -K does, and looks whether they are gone.

What a process notices is an error: ECONNABORTED from its next call. It still has to close
its descriptor, and a port that it chose itself stays bound until then.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import NamedTuple

from pynetstat.errors import ParseError, PynetstatError
from pynetstat.filters import EVEN_BOUND
from pynetstat.places import open_places
from pynetstat.query import Query
from pynetstat.records import SocketRecord, TcpState, UnixRecord
from pynetstat.sources import Notes, Reading, sources_inside
from pynetstat.sources.destroying import destroy
from pynetstat.sources.netlink import NetlinkSocket, open_socket

Record = SocketRecord | UnixRecord
Openers = Mapping[str | None, Callable[[], NetlinkSocket]]

_REASONS = {
    errno.EPERM: "not permitted: it takes CAP_NET_ADMIN in its network namespace",
    errno.EOPNOTSUPP: "this kernel can't close sockets of this kind, or none at all "
    "(CONFIG_INET_DIAG_DESTROY)",
    errno.EINVAL: "this kernel can't close sockets (SOCK_DESTROY came with Linux 4.5)",
}


class Outcome(Enum):
    """What became of a socket that was to be closed."""

    CLOSED = "closed"
    ENDED = "had ended already"
    REFUSED = "not closed"


class Closed(NamedTuple):
    """A socket that was to be closed, and what became of it; a reason where it was refused."""

    record: Record
    outcome: Outcome
    reason: str = ""


def close_sockets(
    records: Iterable[Record], *, netns: str | int | None = None, all_netns: bool = False
) -> list[Closed]:
    """Close the sockets of a snapshot that was read through sock_diag, and say of each how it went.

    ``netns`` or ``all_netns`` are as they were for the snapshot. Only the very socket that
    a record is about is closed: a cookie is never used twice. Records without one (from
    /proc or psutil) are refused, and so are unix sockets, for which the kernel has no way.
    Needs CAP_NET_ADMIN in the socket's network namespace; without it sockets are refused,
    nothing is raised.

    NamespaceUnavailable and ValueError as :func:`~pynetstat.collect`; SourceUnavailable where
    there is no sock_diag to ask.
    """
    if netns is None and not all_netns:
        return close_through({None: open_socket}, records)
    with open_places(netns, all_netns) as places:
        openers = {place.label: place.opener for place in places}
        return close_through(
            {label: opener for label, opener in openers.items() if opener}, records
        )


def close_through(openers: Openers, records: Iterable[Record]) -> list[Closed]:
    """As :func:`close_sockets`, by sockets that ``openers`` open for each ``netns`` of a record."""
    records = list(records)
    results: dict[int, Closed] = {}
    asked: dict[str | None, list[tuple[int, SocketRecord]]] = {}
    for at, record in enumerate(records):
        why_not = _why_not(record, openers)
        if why_not is not None:
            results[at] = Closed(record, Outcome.REFUSED, why_not)
        elif isinstance(record, SocketRecord):
            asked.setdefault(record.netns, []).append((at, record))
    for netns, numbered in asked.items():
        outcomes = _close_in(openers[netns], [record for _, record in numbered])
        results.update(zip((at for at, _ in numbered), outcomes, strict=True))
    return [results[at] for at in range(len(records))]


def can_be_closed(record: Record) -> bool:
    """Whether the kernel could be asked to close this socket."""
    return isinstance(record, SocketRecord) and bool(record.cookie)


def _why_not(record: Record, openers: Openers) -> str | None:
    if isinstance(record, UnixRecord):
        return "the kernel has no way to close unix sockets"
    if not record.cookie:
        return "only sock_diag can name it so that no other socket is meant, and did not show it"
    if record.netns not in openers:
        return "its network namespace can't be entered"
    return None


def _close_in(opener: Callable[[], NetlinkSocket], records: list[SocketRecord]) -> list[Closed]:
    """Close sockets of one namespace."""
    codes, failure = _ask(opener, records)
    left = _still_there(opener, records)
    return [
        Closed(record, Outcome.REFUSED, failure) if code is None else _judge(record, code, left)
        for record, code in zip(records, codes, strict=True)
    ]


def _ask(
    opener: Callable[[], NetlinkSocket], records: list[SocketRecord]
) -> tuple[list[int | None], str]:
    """The kernel's errno for each, 0 for done; None for those that it could not be asked, and why.

    The kernel looks for a socket by its addresses before it compares the cookie. Of
    listeners that share a port it finds only one until that is gone, so those it did not
    find are asked for again as long as others end.
    """
    codes: list[int | None] = [None] * len(records)
    try:
        sock = opener()
    except OSError as error:
        return codes, f"sock_diag can't be asked: {error.strerror or error}"
    try:
        waiting = list(range(len(records)))
        sequence = 0
        while waiting:
            for at in waiting:
                sequence += 1
                codes[at] = destroy(sock, records[at], sequence)
            missed = [at for at in waiting if codes[at] == errno.ENOENT]
            if len(missed) == len(waiting):
                break
            waiting = missed
    except (OSError, ParseError) as error:
        return codes, f"sock_diag can't be asked: {error}"
    finally:
        sock.close()
    return codes, ""


def _still_there(
    opener: Callable[[], NetlinkSocket], records: list[SocketRecord]
) -> dict[int, TcpState] | None:
    """The state of every socket by its cookie, in the tables of ``records``; None if unread."""
    found: dict[int, TcpState] = {}
    query = Query(filter=EVEN_BOUND)
    try:
        for source in sources_inside("sockdiag", "", opener, Reading(thorough=True)):
            for proto in {record.proto for record in records}:
                for batch in source.read(proto, query, Notes()):
                    found.update((row.cookie, row.state) for row in batch if row.cookie)
    except PynetstatError:
        return None
    return found


def _judge(record: SocketRecord, code: int, left: dict[int, TcpState] | None) -> Closed:
    state = (left or {}).get(record.cookie or 0)
    if code == 0:
        if state is None or (state is TcpState.CLOSE and record.state is not TcpState.CLOSE):
            return Closed(record, Outcome.CLOSED)
        reason = "the kernel told its process, which has to close it: its port is still bound"
        return Closed(record, Outcome.REFUSED, reason)
    if code == errno.ENOENT:
        if left is None:
            reason = "the kernel did not find it, and whether it has ended can't be told"
        elif state is None:
            return Closed(record, Outcome.ENDED)
        elif state is TcpState.CLOSE:
            reason = "it is only bound: the kernel closes what listens or is connected"
        else:
            reason = "the kernel finds another socket at its addresses"
        return Closed(record, Outcome.REFUSED, reason)
    return Closed(record, Outcome.REFUSED, _REASONS.get(code, os.strerror(code)))
