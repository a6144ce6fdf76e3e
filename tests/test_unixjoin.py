"""One unix table out of what sock_diag and /proc say."""

from __future__ import annotations

from typing import Any

from pynetstat.records import UnixRecord, UnixState, UnixType
from pynetstat.sources import Notes
from pynetstat.sources.sockdiag import SockDiag
from pynetstat.sources.unixjoin import join_unix

from .fake_kernel import FakeKernel
from .trees import netlink_answer, read_unix_tree


def _row(inode: int, path: bytes = b"", **fields: Any) -> UnixRecord:
    row = UnixRecord(UnixType.STREAM, UnixState.UNCONNECTED, path, inode)
    return row._replace(**fields)


def _waiting(path: bytes, **fields: Any) -> UnixRecord:
    return _row(0, path, state=UnixState.CONNECTING, **fields)


def test_rows_come_in_the_order_of_proc_with_its_counts() -> None:
    exact = [_row(1, b"/one", uid=7, cookie=11), _row(2, b"/two", uid=8, cookie=12)]
    listed = [_row(2, b"/two", refcnt=5), _row(1, b"/one", refcnt=2)]
    assert join_unix(exact, listed) == [
        _row(2, b"/two", uid=8, cookie=12, refcnt=5),
        _row(1, b"/one", uid=7, cookie=11, refcnt=2),
    ]


def test_the_names_of_sock_diag_are_believed() -> None:
    exact = [_row(1, b"@x")]
    (joined,) = join_unix(exact, [_row(1, b"\0x", refcnt=2, trusted=False)])
    assert (joined.path, joined.trusted, joined.refcnt) == (b"@x", True, 2)


def test_rows_that_sock_diag_does_not_confirm_are_dropped() -> None:
    listed = [_row(9, b"/forged"), _row(1, b"/real"), _waiting(b"/forged")]
    assert [row.path for row in join_unix([_row(1, b"/real")], listed)] == [b"/real"]


def test_a_forged_repetition_of_a_real_row_is_dropped() -> None:
    listed = [_row(1, b"/real"), _row(1, b"/forged")]
    assert [row.path for row in join_unix([_row(1, b"/real")], listed)] == [b"/real"]


def test_sockets_that_proc_did_not_list_come_last() -> None:
    exact = [_row(3), _row(1), _waiting(b"/l", peer_inode=3)]
    joined = join_unix(exact, [_row(1, refcnt=2)])
    assert [(row.inode, row.refcnt) for row in joined] == [(1, 2), (3, None), (0, None)]


def test_sockets_that_wait_are_confirmed_by_their_listener_as_often_as_it_says() -> None:
    exact = [_row(1, b"/l"), _waiting(b"/l", peer_inode=8), _waiting(b"/l", peer_inode=9)]
    listed = [_waiting(b"/l", refcnt=3, trusted=False)] * 3 + [_row(1, b"/l", refcnt=2)]
    joined = join_unix(exact, listed)
    assert [(row.inode, row.refcnt, row.trusted) for row in joined] == [
        (0, 3, True),
        (0, 3, True),
        (1, 2, True),
    ]


def test_nothing_listed_leaves_the_exact_rows() -> None:
    exact = [_row(1, b"/l"), _waiting(b"/l", peer_inode=8)]
    assert join_unix(exact, []) == exact
    assert join_unix([], [_row(1), _waiting(b"/l")]) == []


def test_recorded_tables() -> None:
    exact = SockDiag(FakeKernel.saying(*netlink_answer("unix-forged"))).read_unix(Notes())
    listed, _ = read_unix_tree("unix-forged")
    joined = join_unix(exact, listed)
    assert [row.inode for row in joined] == [row.inode for row in listed if row.inode != 99999]
    assert all(row.refcnt for row in joined)
    assert all(row.trusted for row in joined)
    assert b"/run/forged" not in [row.path for row in joined]
