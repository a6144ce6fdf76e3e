"""SYN_RECV: a row that the kernel's two tables tell differently.

/proc gives it the listener's user and counts timeouts; sock_diag gives it user 0 and
counts the SYN-ACKs that were sent again. Under TCP_DEFER_ACCEPT the counts differ.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from pynetstat import Snapshot, SocketRecord, TcpState

from .bench import Bench, acting_as
from .kernel import wait_until
from .look import look
from .namespace import Namespace
from .ss import parse
from .tcp_states import connect, deferred

_NOBODY = 65534
_ATTEMPTS = 10
"""Timers fire between two looks; what never agrees in so many attempts differs."""


@contextmanager
def deferred_for_another_user(uid: int) -> Iterator[None]:
    """A SYN_RECV row whose listener is another user's, after its first timeout."""
    with ExitStack() as stack:
        with acting_as(uid):
            deferred(Bench(stack))
        wait_until(lambda: _timeouts() > 0, "timeout of the SYN_RECV row")
        yield


@contextmanager
def deferred_here() -> Iterator[None]:
    """A SYN_RECV row, after its first timeout."""
    with ExitStack() as stack:
        deferred(Bench(stack))
        wait_until(lambda: _timeouts() > 0, "timeout of the SYN_RECV row")
        yield


@contextmanager
def unanswered_data() -> Iterator[None]:
    """A client that took its handshake for finished and sends while the server defers."""
    with ExitStack() as stack:
        bench = Bench(stack)
        server = bench.bound(socket.AF_INET, socket.SOCK_STREAM)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)
        server.listen(2)
        silent = connect(bench, server)
        for _ in range(3):
            client = connect(bench, server)
            wait_until(lambda sock=client: _is_writable(sock), "connection")  # type: ignore[misc]
            client.send(b"hello")
        silent.send(b"late")
        bench.expect("tcp", server, silent.getsockname()[1], "SYN_RECV")
        wait_until(lambda: _resent(silent) > 0, "retransmission of the late data")
        yield


def _is_writable(sock: socket.socket) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def _handshakes() -> list[list[str]]:
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [row for row in rows if row[3] == "03"]


def _timeouts() -> int:
    return sum(int(row[6], 16) for row in _handshakes())


def _resent(sock: socket.socket) -> int:
    port = f":{sock.getsockname()[1]:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(int(row[6], 16) for row in rows if row[1].endswith(port))


def _handshake(namespace: Namespace, source: str) -> SocketRecord:
    snapshot: Snapshot = namespace.call(look, ["tcp"], source)
    (record,) = [row for row in snapshot.records if row.state is TcpState.SYN_RECV]
    return record


def _counts(record: SocketRecord) -> tuple[int, int]:
    assert record.timer is not None
    return record.timer.retransmits, record.timer.probes


def _user_column(text: str) -> list[str]:
    return [line.split()[6] for line in text.splitlines() if " SYN_RECV " in line]


@pytest.mark.parametrize("source", ["auto", "procfs"])
@pytest.mark.usefixtures("as_root")
def test_user_column_is_netstats(
    namespace: Namespace, tool: Callable[[str], str], source: str
) -> None:
    netstat = tool("netstat")
    namespace.hold(deferred_for_another_user, _NOBODY)
    theirs = _user_column(namespace.run(netstat, "-tane").text)
    ours = _user_column(namespace.pynetstat("-tane", "--source", source).text)
    assert theirs == [str(_NOBODY)]
    assert ours == theirs


def test_counts_are_those_of_each_table(namespace: Namespace, tool: Callable[[str], str]) -> None:
    netstat, ss = tool("netstat"), tool("ss")
    namespace.hold(deferred_here)
    for attempt in range(1, _ATTEMPTS + 1):
        ours = _counts(_handshake(namespace, "procfs"))
        text = namespace.run(netstat, "-tano").text
        (theirs,) = re.findall(r" SYN_RECV .*/(\d+)/(\d+)\)", text)
        if ours == (int(theirs[0]), int(theirs[1])) or attempt == _ATTEMPTS:
            break
    assert ours == (int(theirs[0]), int(theirs[1]))
    assert ours[0] > 0
    told = _handshake(namespace, "sockdiag")
    (row,) = [row for row in parse(namespace.run(ss, "-HOanoet").text) if row.state == "SYN_RECV"]
    assert told.timer is not None
    assert (told.timer.kind, *_counts(told)) == (row.timer, row.resent, 0)


def test_client_that_retransmits_into_a_deferred_handshake(namespace: Namespace) -> None:
    namespace.hold(unanswered_data)
    waiting = _handshake(namespace, "auto")
    snapshot: Snapshot = namespace.call(look, ["tcp"])
    (client,) = [row for row in snapshot.records if row.laddr == waiting.raddr]
    assert client.state is TcpState.ESTABLISHED
    assert client.send_q == 4
    assert client.timer is not None
    assert client.timer.kind == "on"
    assert client.timer.retransmits > 0
    assert (waiting.inode, waiting.owners) == (0, None)
