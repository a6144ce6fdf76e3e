"""Who holds a socket, found on real processes, and why nobody is found."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pynetstat.owners import (
    Coverage,
    Missing,
    OwnerTable,
    program_name,
    walk_processes,
    why_no_owner,
)
from pynetstat.records import Addr, Owner, Proto, SocketRecord, TcpState, UnixRecord, UnixState

_UNTIL_INPUT_ENDS = "import sys; print('ready', flush=True); sys.stdin.read()"

_NAMES = {
    "spaces": b"a  name with  spaces",
    "leading dash": b"-bash",
    "newline": b"two\nlines",
    "escape": b"\x1b[31mred\x1b[0m",
    "not UTF-8": b"caf\xe9\xff",
    "bidi": "a\u202eb".encode(),
    "long": b"x" * 200,
    "brackets": b"(sd-pam) [kworker/0:1]",
}


@pytest.fixture
def held() -> Iterator[tuple[socket.socket, int]]:
    """A listening socket and its inode."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock, os.fstat(sock.fileno()).st_ino


class _Child:
    """A process that holds ``sock`` as a descriptor of its own until it is let go."""

    def __init__(self, sock: socket.socket, argv0: bytes) -> None:
        self._process = subprocess.Popen(
            [argv0, "-S", "-c", _UNTIL_INPUT_ENDS],
            executable=sys.executable,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[sock.fileno()],
            env={**os.environ, "PYTHONHOME": sys.base_prefix},
        )
        self.pid = self._process.pid

    def __enter__(self) -> _Child:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)


@pytest.mark.parametrize("argv0", _NAMES.values(), ids=_NAMES.keys())
def test_a_name_is_the_whole_argv0_whatever_it_holds(
    held: tuple[socket.socket, int], argv0: bytes
) -> None:
    sock, inode = held
    with _Child(sock, argv0) as child:
        owners = walk_processes().by_inode[inode]
        assert Owner(child.pid, sock.fileno(), os.fsdecode(argv0)) in owners


def test_an_absolute_argv0_is_cut_to_its_last_part(held: tuple[socket.socket, int]) -> None:
    sock, inode = held
    with _Child(sock, b"/opt/some dir/server: main") as child:
        names = {owner.pid: owner.name for owner in walk_processes().by_inode[inode]}
        assert names[child.pid] == "server: main"


def test_every_holder_of_a_shared_socket_is_an_owner(held: tuple[socket.socket, int]) -> None:
    sock, inode = held
    with _Child(sock, b"one") as one, _Child(sock, b"two") as two, _Child(sock, b"three") as three:
        owners = walk_processes().by_inode[inode]
    pids = {os.getpid(), one.pid, two.pid, three.pid}
    assert {owner.pid for owner in owners} == pids
    assert len(owners) == 4
    assert [owner.pid for owner in owners] == sorted(pids)


def test_both_descriptors_of_one_process_are_owners(held: tuple[socket.socket, int]) -> None:
    sock, inode = held
    with sock.dup() as again:
        owners = walk_processes().by_inode[inode]
        assert {(owner.pid, owner.fd) for owner in owners} == {
            (os.getpid(), sock.fileno()),
            (os.getpid(), again.fileno()),
        }


def test_a_closed_socket_has_no_owner() -> None:
    with socket.socket() as sock:
        inode = os.fstat(sock.fileno()).st_ino
        assert inode in walk_processes().by_inode
    owners = walk_processes().by_inode.get(inode, ())
    assert os.getpid() not in [owner.pid for owner in owners]


def test_the_walk_leaves_no_descriptor_open() -> None:
    walk_processes()
    before = os.listdir("/proc/self/fd")
    walk_processes()
    assert os.listdir("/proc/self/fd") == before


def test_a_tree_without_processes_is_not_complete(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "none"):
        table = walk_processes(str(root))
        assert table == OwnerTable({}, Coverage(0, hidden=True))
        assert not table.coverage.complete


def _saved_process(root: Path, pid: int, cmdline: bytes, *links: str, comm: bytes = b"") -> None:
    fds = root / str(pid) / "fd"
    fds.mkdir(parents=True)
    for number, link in enumerate(links):
        (fds / str(number)).symlink_to(link)
    (root / str(pid) / "cmdline").write_bytes(cmdline)
    (root / str(pid) / "comm").write_bytes(comm)


def test_a_saved_tree(tmp_path: Path) -> None:
    _saved_process(tmp_path, 1, b"/sbin/init\0--x\0", "/dev/null", "socket:[5]", "pipe:[7]")
    _saved_process(tmp_path, 30, b"", "socket:[5]", "socket:[4294967295]", comm=b"kernel) task\n")
    _saved_process(tmp_path, 4, b"worker\0", "socket:[5]", "anon_inode:[eventpoll]")
    (tmp_path / "self").symlink_to("1")
    (tmp_path / "net").mkdir()
    table = walk_processes(str(tmp_path))
    assert table.by_inode == {
        5: (Owner(1, 1, "init"), Owner(4, 0, "worker"), Owner(30, 0, "kernel) task")),
        4294967295: (Owner(30, 1, "kernel) task"),),
    }
    assert table.coverage.complete


def test_a_process_that_cannot_be_looked_into_is_counted(tmp_path: Path) -> None:
    _saved_process(tmp_path, 1, b"init\0", "socket:[5]")
    (tmp_path / "2").write_text("no folder")
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / "fd").write_text("no folder")
    (tmp_path / "4").mkdir()
    table = walk_processes(str(tmp_path))
    assert table.by_inode == {5: (Owner(1, 0, "init"),)}
    assert table.coverage == Coverage(denied=2, hidden=False)


def test_a_later_walk_is_believed_where_both_know() -> None:
    one, two = Owner(1, 3, "one"), Owner(2, 3, "two")
    early = OwnerTable({5: (one,), 6: (one,)}, Coverage(3, hidden=True))
    late = OwnerTable({6: (two,), 7: (two,)}, Coverage(0, hidden=False))
    assert early.together(late) == OwnerTable(
        {5: (one,), 6: (two,), 7: (two,)}, Coverage(0, hidden=False)
    )


@pytest.mark.parametrize(
    ("argv0", "name"),
    [
        (b"server", "server"),
        (b"/usr/sbin/sshd", "sshd"),
        (b"bin/relative", "bin/relative"),
        (b"-bash", "-bash"),
        (b"", ""),
        (b"/", ""),
        (b"caf\xe9", "caf\udce9"),
    ],
)
def test_program_names(argv0: bytes, name: str) -> None:
    assert program_name(argv0) == name


_ALL, _DENIED, _HIDDEN = Coverage(0, False), Coverage(3, False), Coverage(0, True)


def _inet(state: TcpState, inode: int | None, uid: int | None = 1000) -> SocketRecord:
    ends = Addr("127.0.0.1", 1), Addr("127.0.0.1", 2)
    return SocketRecord(Proto.TCP, *ends, state, uid=uid, inode=inode)


def _unix(inode: int | None, uid: int | None = None) -> UnixRecord:
    return UnixRecord("STREAM", UnixState.CONNECTED, b"", inode, uid=uid)


@pytest.mark.parametrize(
    ("record", "coverage", "euid", "reason"),
    [
        (_inet(TcpState.ESTABLISHED, None), _ALL, 0, Missing.UNTOLD),
        (_unix(None), _DENIED, 1000, Missing.UNTOLD),
        (_inet(TcpState.TIME_WAIT, 0, None), _ALL, 0, Missing.TIME_WAIT),
        (_inet(TcpState.TIME_WAIT, 0, None), _DENIED, 1000, Missing.TIME_WAIT),
        (_inet(TcpState.SYN_RECV, 0, None), _ALL, 0, Missing.SYN_RECV),
        (_inet(TcpState.ESTABLISHED, 0), _ALL, 0, Missing.NOT_ACCEPTED),
        (_inet(TcpState.CLOSE_WAIT, 0), _ALL, 0, Missing.NOT_ACCEPTED),
        (_unix(0), _ALL, 0, Missing.NOT_ACCEPTED),
        (_inet(TcpState.FIN_WAIT1, 0), _ALL, 0, Missing.ORPHANED),
        (_inet(TcpState.FIN_WAIT2, 0, None), _ALL, 0, Missing.ORPHANED),
        (_inet(TcpState.LAST_ACK, 0), _ALL, 0, Missing.ORPHANED),
        (_inet(TcpState.CLOSING, 0), _ALL, 0, Missing.ORPHANED),
        (_inet(TcpState.LISTEN, 7, 0), _DENIED, 1000, Missing.OTHER_USER),
        (_inet(TcpState.LISTEN, 7, 0), _HIDDEN, 1000, Missing.OTHER_USER),
        (_unix(7, 0), _DENIED, 1000, Missing.OTHER_USER),
        (_inet(TcpState.LISTEN, 7, 1000), _DENIED, 1000, Missing.HIDDEN),
        (_inet(TcpState.LISTEN, 7, 1000), _DENIED, 0, Missing.HIDDEN),
        (_inet(TcpState.LISTEN, 7, 1000), _HIDDEN, 0, Missing.HIDDEN),
        (_inet(TcpState.LISTEN, 7, 1000), _ALL, 0, Missing.ELSEWHERE),
        (_inet(TcpState.LISTEN, 7, 0), _ALL, 1000, Missing.ELSEWHERE),
        (_unix(7, 1000), _ALL, 1000, Missing.ELSEWHERE),
    ],
)
def test_why_there_is_no_owner(
    record: SocketRecord | UnixRecord, coverage: Coverage, euid: int, reason: Missing
) -> None:
    assert why_no_owner(record, coverage, euid) is reason
