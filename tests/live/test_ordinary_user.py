"""The command without privileges: nothing collapses, and what is hidden is said."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from pynetstat import Missing, Snapshot, collect

from .bench import Bench, acting_as, port_of
from .namespace import Done, Namespace
from .users import NOBODY, environment, python_for

_LISTENERS = 5


@contextmanager
def listeners_of_two_users(other: int) -> Iterator[tuple[int, int, int]]:
    """Five listeners of this user on one port, and one that a process of ``other`` holds.

    Yields both ports and that process's pid.
    """
    with ExitStack() as stack:
        bench = Bench(stack)
        port = 0
        for _ in range(_LISTENERS):
            sock = bench.new(socket.AF_INET, socket.SOCK_STREAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind(("127.0.0.1", port))
            port = port_of(sock)
            sock.listen()
        with acting_as(other):
            theirs = bench.new(socket.AF_INET, socket.SOCK_STREAM)
            theirs.bind(("127.0.0.1", 0))
            theirs.listen()
        other_port = port_of(theirs)
        pid = bench.shared(theirs, name="their-server", uid=other)
        theirs.close()
        yield port, other_port, pid


def _as_nobody(namespace: Namespace, *arguments: str) -> Done:
    python = python_for(NOBODY)
    return namespace.run(
        python, "-m", "pynetstat", "--format", "plain", *arguments, uid=NOBODY, **environment()
    )


def _rows(done: Done, port: int) -> list[list[str]]:
    rows = [line.split() for line in done.text.splitlines()[2:]]
    return [row for row in rows if row[3].endswith(f":{port}")]


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize("source", ["auto", "sockdiag", "procfs"])
def test_five_listeners_of_another_user_are_five_rows(namespace: Namespace, source: str) -> None:
    port, other_port, pid = namespace.hold(listeners_of_two_users, NOBODY)
    done = _as_nobody(namespace, "-tlnpe", "--source", source)
    assert done.code == 0
    rows = _rows(done, port)
    assert len(rows) == _LISTENERS
    assert len({row[7] for row in rows}) == _LISTENERS
    assert {(row[6], row[8]) for row in rows} == {("0", "-")}
    (own,) = _rows(done, other_port)
    assert (own[6], own[8]) == (str(NOBODY), f"{pid}/their-server")


@pytest.mark.usefixtures("as_root")
def test_hidden_owners_are_said_on_stderr_in_one_line(namespace: Namespace) -> None:
    namespace.hold(listeners_of_two_users, NOBODY)
    done = _as_nobody(namespace, "-tlnp")
    (line,) = done.complaint.splitlines()
    assert line.startswith("pynetstat: owners are incomplete: ")
    assert "run as root" in line


@pytest.mark.usefixtures("as_root")
def test_nothing_is_said_when_owners_are_not_asked_for(namespace: Namespace) -> None:
    namespace.hold(listeners_of_two_users, NOBODY)
    done = _as_nobody(namespace, "-tln")
    assert (done.code, done.err) == (0, b"")


@pytest.mark.usefixtures("as_root")
def test_root_sees_every_owner(namespace: Namespace) -> None:
    port, other_port, pid = namespace.hold(listeners_of_two_users, NOBODY)
    done = namespace.pynetstat("-tlnp", "--format", "plain")
    assert {row[6].partition("/")[0] for row in _rows(done, port)} == {str(namespace.pid)}
    assert [row[6] for row in _rows(done, other_port)] == [f"{pid}/their-server"]


def test_own_sockets_have_their_owner() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        snapshot: Snapshot = collect(["tcp"], owners=True)
        inode = os.fstat(server.fileno()).st_ino
        (record,) = [row for row in snapshot.records if row.inode == inode]
        assert record.owners is not None
        assert (os.getpid(), server.fileno()) in {(own.pid, own.fd) for own in record.owners}
        assert record.uid == os.geteuid()
        assert snapshot.why_no_owner(record) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root sees every owner")
def test_sockets_of_others_have_a_reason() -> None:
    snapshot = collect(["tcp", "tcp6", "udp", "udp6"], owners=True)
    foreign = [row for row in snapshot.records if row.uid not in (None, os.geteuid()) and row.inode]
    if not foreign:
        pytest.skip("no other user has a socket here")
    assert {snapshot.why_no_owner(row) for row in foreign if not row.owners} <= {
        Missing.OTHER_USER,
        Missing.ELSEWHERE,
    }
