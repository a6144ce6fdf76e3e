"""The default source against ss, row by row and in its order."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pynetstat import Snapshot, SocketRecord, TcpState, TimerKind

from .look import look
from .namespace import Namespace
from .ss import SsRow, parse

_ATTEMPTS = 10
"""Timers fire between two looks; what never agrees in so many attempts differs."""

_TABLES = [
    ("tcp", ("-t", "-4")),
    ("tcp6", ("-t", "-6")),
    ("udp", ("-u", "-4")),
    ("udp6", ("-u", "-6")),
    ("mptcp", ("-M", "-4")),
]


def _in_words_of_ss(record: SocketRecord) -> SsRow:
    """The record as ss would print it: the backlog as a listener's Send-Q, one timer count."""
    timer = record.timer
    assert timer is not None
    assert record.send_q is not None
    counter = timer.retransmits if timer.kind == TimerKind.ON else timer.probes
    listens = record.state is TcpState.LISTEN
    return SsRow(
        record.state.value,
        record.recv_q or 0,
        (record.backlog or 0) if listens else record.send_q,
        (record.laddr.ip, record.laddr.port),
        (record.raddr.ip, record.raddr.port),
        str(timer.kind),
        counter,
        record.uid or 0,
        record.inode or 0,
        record.cookie or 0,
        frozenset((owner.pid, owner.fd) for owner in record.owners or ()),
    )


@pytest.mark.parametrize(("table", "flags"), _TABLES, ids=[table for table, _ in _TABLES])
def test_rows_are_those_of_ss(
    states: Namespace, tool: Callable[[str], str], table: str, flags: tuple[str, ...]
) -> None:
    ss = tool("ss")
    for attempt in range(1, _ATTEMPTS + 1):
        snapshot: Snapshot = states.call(look, [table], "auto", owners=True)
        ours = [_in_words_of_ss(record) for record in snapshot.records]
        theirs = parse(states.run(ss, "-HOanoep", *flags).text)
        if ours == theirs or attempt == _ATTEMPTS:
            break
    if table == "mptcp" and not snapshot.records:
        pytest.skip("this kernel has no MPTCP")
    assert snapshot.sources == {table: "sockdiag"}
    assert ours
    assert ours == theirs


def test_listeners_are_those_of_ss(states: Namespace, tool: Callable[[str], str]) -> None:
    ss = tool("ss")
    theirs = {row.inode for row in parse(states.run(ss, "-HOlntep").text)}
    done = states.pynetstat("-tlne", "--format", "plain")
    ours = [int(line.split()[7]) for line in done.text.splitlines()[2:]]
    assert len(ours) == len(set(ours))
    assert set(ours) == theirs
