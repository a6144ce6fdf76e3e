"""What a comparison of two looks says: opened, closed, changed, and what it can't compare."""

from __future__ import annotations

import socket

from pynetstat import Addr, Owner, Proto, SocketRecord, TcpState, UnixRecord, UnixState, collect
from pynetstat.diff import compare
from pynetstat.filters import Port

CLIENT, SERVER = Addr("127.0.0.1", 40000), Addr("127.0.0.1", 80)


def row(
    state: TcpState, *, cookie: int | None = None, inode: int | None = 7, proto: Proto = Proto.TCP
) -> SocketRecord:
    return SocketRecord(proto, CLIENT, SERVER, state, inode=inode, cookie=cookie)


def listener(port: int, cookie: int | None = None) -> SocketRecord:
    return SocketRecord(
        Proto.TCP, Addr("0.0.0.0", port), Addr("0.0.0.0", 0), TcpState.LISTEN, cookie=cookie
    )


def test_nothing_happened() -> None:
    diff = compare([row(TcpState.ESTABLISHED, cookie=1)], [row(TcpState.ESTABLISHED, cookie=1)])
    assert not diff
    assert str(diff) == "no difference"


def test_the_cookie_is_the_same_through_every_state() -> None:
    before, after = row(TcpState.ESTABLISHED, cookie=1), row(TcpState.TIME_WAIT, cookie=1, inode=0)
    diff = compare([before], [after])
    assert (diff.opened, diff.closed) == ((), ())
    assert [(change.before, change.after) for change in diff.changed] == [(before, after)]


def test_a_reused_pair_of_addresses_is_a_new_socket() -> None:
    before, after = row(TcpState.TIME_WAIT, cookie=1), row(TcpState.ESTABLISHED, cookie=2)
    diff = compare([before], [after])
    assert (diff.opened, diff.closed, diff.changed) == ((after,), (before,), ())


def test_without_cookies_the_inode_tells() -> None:
    before, after = row(TcpState.ESTABLISHED, inode=7), row(TcpState.ESTABLISHED, inode=8)
    diff = compare([before], [after])
    assert (diff.opened, diff.closed) == ((after,), (before,))


def test_without_cookies_a_socket_that_lost_its_inode_is_known_by_its_addresses() -> None:
    diff = compare([row(TcpState.ESTABLISHED, inode=7)], [row(TcpState.TIME_WAIT, inode=0)])
    assert not diff.opened
    assert [change.after.state for change in diff.changed] == [TcpState.TIME_WAIT]


def test_one_look_without_cookies_is_compared_without_them() -> None:
    diff = compare([row(TcpState.ESTABLISHED, cookie=1)], [row(TcpState.ESTABLISHED)])
    assert not diff


def test_equal_rows_of_a_source_without_inodes_are_counted() -> None:
    three, two = [listener(80)] * 3, [listener(80)] * 2
    assert compare(three, two).closed == (listener(80),)
    assert compare(two, three).opened == (listener(80),)


def test_unix_sockets_are_compared_too() -> None:
    before = UnixRecord("STREAM", UnixState.UNCONNECTED, b"/run/x", 5, cookie=9)
    after = before._replace(state=UnixState.LISTENING)
    assert [change.after for change in compare([before], [after]).changed] == [after]


def test_the_text_is_a_table() -> None:
    opened = listener(8080, cookie=3)._replace(owners=(Owner(12, 3, "serve\x1b[31m"),))
    changed = row(TcpState.CLOSE_WAIT, cookie=1)
    diff = compare([row(TcpState.ESTABLISHED, cookie=1), listener(22, cookie=2)], [opened, changed])
    assert str(diff).splitlines() == [
        "         Proto  Local Address    Foreign Address  State                      "
        "PID/Program name",
        "opened   tcp    0.0.0.0:8080     *                LISTEN                     "
        "12/serve\\x1b[31m",
        "closed   tcp    0.0.0.0:22       *                LISTEN                     -",
        "changed  tcp    127.0.0.1:40000  127.0.0.1:80     ESTABLISHED -> CLOSE_WAIT  -",
    ]


def test_snapshots_of_real_sockets() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = Port("sport", "=", server.getsockname()[1])
        before = collect(["tcp"], filter=where)
        assert not before.diff(collect(["tcp"], filter=where))
    after = collect(["tcp"], filter=where)
    assert [record.state for record in before.diff(after).closed] == [TcpState.LISTEN]
    assert [record.state for record in after.diff(before).opened] == [TcpState.LISTEN]


def test_a_table_that_only_one_look_has_is_named_and_not_compared() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = Port("sport", "=", server.getsockname()[1])
        none, both = collect(["udp"], filter=where), collect(["tcp", "udp"], filter=where)
    diff = none.diff(both)
    assert not diff
    assert diff.incomparable == (Proto.TCP,)
    assert str(diff) == "no difference\nnot compared: tcp"


def test_the_same_cookie_in_two_namespaces_is_two_sockets() -> None:
    blue = row(TcpState.ESTABLISHED, cookie=1)._replace(netns="blue")
    red = blue._replace(netns="red", state=TcpState.CLOSE_WAIT)
    assert not compare([blue, red], [red, blue])
    diff = compare([blue], [red])
    assert (diff.opened, diff.closed, diff.changed) == ((red,), (blue,), ())


def test_without_cookies_namespaces_are_not_mixed_up_either() -> None:
    blue = row(TcpState.ESTABLISHED)._replace(netns="blue")
    red = blue._replace(netns="red")
    assert compare([blue], [red]).closed == (blue,)
    gone = row(TcpState.TIME_WAIT, inode=0)._replace(netns="red")
    assert compare([blue], [gone]).opened == (gone,)
