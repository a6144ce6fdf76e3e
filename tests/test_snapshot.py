"""One look at the tables: which source answers, and what a snapshot says it lacks."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from pynetstat import FilterError, GapKind, Missing, collect
from pynetstat.errors import ProtocolAbsent, SourceFailed, SourceUnavailable
from pynetstat.filter_grammar import parse_filter
from pynetstat.filters import Port
from pynetstat.query import Query, Show
from pynetstat.records import Addr, Owner, Proto, SocketRecord, TcpState, UnixRecord, UnixState
from pynetstat.snapshot import Gap, Reader, Snapshot, name_sources

from .fake_sources import FakeSource, Table
from .trees import tree

_BOTH = (Proto.TCP, Proto.UDP)


def _row(proto: Proto, port: int, inode: int | None = 0, remote_port: int = 9) -> SocketRecord:
    state = TcpState.ESTABLISHED if remote_port else TcpState.LISTEN
    ends = Addr("127.0.0.1", port), Addr("127.0.0.1" if remote_port else "0.0.0.0", remote_port)
    return SocketRecord(proto, *ends, state, inode=inode)


def _look(
    *sources: FakeSource, protos: tuple[Proto, ...] = _BOTH, show: Show = Show.ALL
) -> Snapshot:
    return Reader(Query(protos, show), sources).snapshot()


def _ports(snapshot: Snapshot) -> list[int]:
    return [record.laddr.port for record in snapshot.records]


def test_the_first_source_that_answers_gives_the_table() -> None:
    first = FakeSource("sockdiag", {Proto.TCP: Table([[_row(Proto.TCP, 1)]])})
    second = FakeSource("procfs", {proto: Table([[_row(proto, 2)]]) for proto in _BOTH})
    third = FakeSource("psutil")
    snapshot = _look(first, second, third)
    assert _ports(snapshot) == [1, 2]
    assert snapshot.sources == {Proto.TCP: "sockdiag", Proto.UDP: "procfs"}
    assert snapshot.source == "sockdiag; udp from procfs"
    reason = "sockdiag: refused; read from procfs instead"
    assert snapshot.gaps == (Gap(GapKind.FALLBACK, Proto.UDP, reason),)
    assert snapshot.complete
    assert (first.asked, second.asked, third.asked) == ([*_BOTH], [Proto.UDP], [])


def test_a_table_that_no_source_can_read_is_told_and_not_empty() -> None:
    one = FakeSource("sockdiag", {Proto.TCP: Table([[_row(Proto.TCP, 1)]])})
    snapshot = _look(one, FakeSource("procfs"))
    assert snapshot.gaps == (Gap(GapKind.UNREAD, Proto.UDP, "sockdiag: refused; procfs: refused"),)
    assert not snapshot.complete
    assert Proto.UDP not in snapshot.sources
    assert _ports(snapshot) == [1]


def test_an_empty_table_is_an_answer() -> None:
    second = FakeSource("procfs", {Proto.TCP: Table([[_row(Proto.TCP, 2)]])})
    snapshot = _look(FakeSource("sockdiag", {Proto.TCP: Table([])}), second, protos=(Proto.TCP,))
    assert (snapshot.records, snapshot.gaps, snapshot.complete) == ([], (), True)
    assert second.asked == []


def test_a_protocol_that_the_kernel_lacks_is_asked_for_no_further() -> None:
    absent = ProtocolAbsent("procfs: there is no udplite")
    third = FakeSource("psutil", {Proto.UDPLITE: Table([[_row(Proto.UDPLITE, 1)]])})
    snapshot = _look(
        FakeSource("sockdiag"),
        FakeSource("procfs", {Proto.UDPLITE: absent}),
        third,
        protos=(Proto.UDPLITE,),
    )
    assert snapshot.gaps == (Gap(GapKind.ABSENT, Proto.UDPLITE, str(absent)),)
    assert (snapshot.complete, snapshot.records, third.asked) == (True, [], [])


def test_rows_left_out_are_told_by_table_with_the_first() -> None:
    source = FakeSource(
        "procfs",
        {Proto.TCP: Table([[_row(Proto.TCP, 1)]], bad_rows=1), Proto.UDP: Table([], bad_rows=3)},
    )
    snapshot = _look(source)
    assert [str(gap) for gap in snapshot.gaps] == [
        "tcp: 1 row left out, the first: not a row: 'line 0'",
        "udp: 3 rows left out, the first: not a row: 'line 0'",
    ]
    assert {gap.kind for gap in snapshot.gaps} == {GapKind.BAD_ROWS}
    assert not snapshot.complete
    assert _ports(snapshot) == [1]


def test_remarks_are_told_as_doubts() -> None:
    snapshot = _look(FakeSource("x", {Proto.TCP: Table([], remark="hm")}), protos=(Proto.TCP,))
    assert snapshot.gaps == (Gap(GapKind.DOUBTFUL, Proto.TCP, "hm"),)
    assert not snapshot.complete


def test_a_source_that_breaks_off_is_no_reason_to_ask_another() -> None:
    broken = Table([[_row(Proto.TCP, 1)]], failure=SourceFailed("broke off"))
    second = FakeSource("procfs", {Proto.TCP: Table([[_row(Proto.TCP, 2)]])})
    with pytest.raises(SourceFailed, match="broke off"):
        _look(FakeSource("sockdiag", {Proto.TCP: broken}), second)
    assert second.asked == []


def test_a_bug_in_a_source_is_not_hidden_behind_another() -> None:
    with pytest.raises(ZeroDivisionError):
        _look(FakeSource("sockdiag", {Proto.TCP: ZeroDivisionError()}), FakeSource("procfs"))


def test_rows_are_selected_in_every_batch() -> None:
    batches = [[_row(Proto.TCP, 1), _row(Proto.TCP, 2, 0, 0)], [_row(Proto.TCP, 3, 0, 0)]]
    source = FakeSource("x", {Proto.TCP: Table(batches)})
    shown = {show: _ports(_look(source, protos=(Proto.TCP,), show=show)) for show in Show}
    assert shown == {Show.ALL: [1, 2, 3], Show.LISTENING: [2, 3], Show.CONNECTED: [1]}


def test_rows_come_while_the_table_is_read() -> None:
    batches = [[_row(Proto.TCP, 1)], [_row(Proto.TCP, 2)]]
    source = FakeSource("x", {Proto.TCP: Table(batches, SourceFailed("broke off"))})
    reader = Reader(Query((Proto.TCP,)), (source,))
    stream = reader.inet()
    assert [record.laddr.port for record in next(stream)] == [1]
    assert [record.laddr.port for record in next(stream)] == [2]
    with pytest.raises(SourceFailed):
        next(stream)


def _unix(inode: int, path: bytes, refcnt: int | None = None) -> UnixRecord:
    return UnixRecord("STREAM", UnixState.UNCONNECTED, path, inode, refcnt=refcnt)


def test_unix_rows_have_the_counts_of_proc_and_the_truth_of_sock_diag() -> None:
    listed = [_unix(2, b"/b", 5), _unix(9, b"/forged", 2), _unix(1, b"/a", 3)]
    snapshot = _look(
        FakeSource("sockdiag", unix=[_unix(1, b"/a"), _unix(2, b"/b")]),
        FakeSource("procfs", unix=listed),
        protos=(Proto.UNIX,),
    )
    assert [(row.path, row.refcnt) for row in snapshot.unix] == [(b"/b", 5), (b"/a", 3)]
    assert (snapshot.records, snapshot.sources) == ([], {Proto.UNIX: "sockdiag"})


def test_without_proc_unix_rows_have_no_counts() -> None:
    snapshot = _look(
        FakeSource("sockdiag", unix=[_unix(1, b"/a")]), FakeSource("procfs"), protos=(Proto.UNIX,)
    )
    assert [(row.path, row.refcnt) for row in snapshot.unix] == [(b"/a", None)]
    assert snapshot.gaps == ()


def test_unix_rows_fall_back_like_all_others() -> None:
    procfs = FakeSource("procfs", unix=[_unix(1, b"/a", 2)])
    snapshot = _look(FakeSource("sockdiag"), procfs, protos=(Proto.UNIX,))
    assert [gap.kind for gap in snapshot.gaps] == [GapKind.FALLBACK]
    assert len(snapshot.unix) == 1
    snapshot = _look(FakeSource("sockdiag"), protos=(Proto.UNIX,))
    assert snapshot.gaps == (Gap(GapKind.UNREAD, Proto.UNIX, "sockdiag: refused"),)


def test_asked_for_owners_no_row_has_none() -> None:
    waiting = UnixRecord("STREAM", UnixState.CONNECTING, b"/l", 0)
    exact = [UnixRecord("STREAM", UnixState.LISTENING, b"/l", 0), waiting]
    source = FakeSource("sockdiag", {Proto.TCP: Table([[_row(Proto.TCP, 1, 0)]])}, unix=exact)
    listed = FakeSource("procfs", unix=[waiting._replace(refcnt=3)])
    query = Query((Proto.TCP, Proto.UNIX), owners=True)
    snapshot = Reader(query, (source, listed)).snapshot()
    assert [record.owners for record in snapshot.records] == [()]
    assert [record.owners for record in snapshot.unix] == [()] * len(snapshot.unix)


def test_not_asked_for_owners_every_row_has_none() -> None:
    source = FakeSource("x", {Proto.TCP: Table([[_row(Proto.TCP, 1, 7)]])})
    snapshot = _look(source, protos=(Proto.TCP,))
    assert snapshot.records[0].owners is None
    assert snapshot.coverage is None
    assert snapshot.why_no_owner(snapshot.records[0]) is None


def _saved_process(root: Path, pid: int, inode: int) -> None:
    (root / str(pid) / "fd").mkdir(parents=True)
    (root / str(pid) / "fd" / "3").symlink_to(f"socket:[{inode}]")
    (root / str(pid) / "cmdline").write_bytes(b"/sbin/server\0")


def test_owners_come_from_the_same_tree(tmp_path: Path) -> None:
    _saved_process(tmp_path, 1, 77)
    rows = [_row(Proto.TCP, 1, 77), _row(Proto.TCP, 2, 78), _row(Proto.TCP, 3, 0)]
    source = FakeSource("x", {Proto.TCP: Table([rows])})
    snapshot = Reader(Query((Proto.TCP,), owners=True), (source,), str(tmp_path)).snapshot()
    assert [row.owners for row in snapshot.records] == [(Owner(1, 3, "server"),), (), ()]
    assert snapshot.gaps == ()
    assert [snapshot.why_no_owner(row) for row in snapshot.records] == [
        None,
        Missing.ELSEWHERE,
        Missing.NOT_ACCEPTED,
    ]


def test_incomplete_owners_are_told_only_where_one_is_missing(tmp_path: Path) -> None:
    _saved_process(tmp_path, 5, 77)
    kinds = []
    for inode in (77, 78):
        source = FakeSource("x", {Proto.TCP: Table([[_row(Proto.TCP, 1, inode)]])})
        snapshot = Reader(Query((Proto.TCP,), owners=True), (source,), str(tmp_path)).snapshot()
        kinds.append([gap.kind for gap in snapshot.gaps])
        assert snapshot.complete
    assert kinds == [[], [GapKind.OWNERS]]


def test_owners_that_a_source_knows_itself_are_kept(tmp_path: Path) -> None:
    _saved_process(tmp_path, 1, 77)
    own = _row(Proto.TCP, 1, None)._replace(owners=(Owner(5, -1, "known"),))
    source = FakeSource("psutil", {Proto.TCP: Table([[own]])})
    snapshot = Reader(Query((Proto.TCP,), owners=True), (source,), str(tmp_path)).snapshot()
    assert snapshot.records == [own]


def _filtered(text: str, *sources: FakeSource, root: str = "/proc") -> Snapshot:
    query = Query((Proto.TCP, Proto.UDP, Proto.UNIX), filter=parse_filter(text))
    return Reader(query, sources, root).snapshot()


def test_a_filter_chooses_rows_of_every_table() -> None:
    tables = {proto: Table([[_row(proto, 1), _row(proto, 2)]]) for proto in _BOTH}
    unix = [UnixRecord("STREAM", UnixState.CONNECTED, name) for name in (b"/a", b"/b")]
    snapshot = _filtered("sport = :2 or path = /b", FakeSource("x", tables, unix))
    assert [(row.proto, row.laddr.port) for row in snapshot.records] == [("tcp", 2), ("udp", 2)]
    assert [row.path for row in snapshot.unix] == [b"/b"]
    assert snapshot.gaps == ()


def test_a_table_that_can_not_match_is_not_read() -> None:
    source = FakeSource("x", {Proto.TCP: Table([[_row(Proto.TCP, 1)]])}, [])
    snapshot = _filtered("proto = tcp", source)
    assert source.asked == [Proto.TCP]
    assert len(snapshot.records) == 1
    assert snapshot.complete
    assert _filtered("proto = udp6", source).sources == {}


def test_rows_that_can_not_be_decided_are_left_out_and_counted() -> None:
    rows = [_row(Proto.TCP, port)._replace(recv_q=queue) for port, queue in
            ((1, None), (2, 5), (3, 0), (4, None))]  # fmt: skip
    one = _row(Proto.UDP, 1)
    source = FakeSource("psutil", {Proto.TCP: Table([rows]), Proto.UDP: Table([[one]])}, [])
    snapshot = _filtered("recv-q > 0", source)
    assert _ports(snapshot) == [2]
    assert snapshot.gaps == (
        Gap(GapKind.UNDECIDED, Proto.TCP, "2 rows left out: psutil can't tell recv-q"),
        Gap(GapKind.UNDECIDED, Proto.UDP, "1 row left out: psutil can't tell recv-q"),
    )
    assert not snapshot.complete
    assert _ports(_filtered("recv-q > 0 or sport < :9", source)) == [1, 2, 3, 4, 1]


def test_a_filter_on_processes_looks_for_owners(tmp_path: Path) -> None:
    _saved_process(tmp_path, 1, 77)
    _saved_process(tmp_path, 9, 79)
    rows = [_row(Proto.TCP, port, inode) for port, inode in ((1, 77), (2, 78), (3, 0), (4, 79))]
    unix = [UnixRecord("STREAM", None, b"/a", 79), UnixRecord("STREAM", None, b"/b", 80)]
    source = FakeSource("x", {Proto.TCP: Table([rows]), Proto.UDP: Table([])}, unix)
    for text, ports, paths in (
        ("pid = 1", [1], []),
        ("pid = 9", [4], [b"/a"]),
        ("process = server", [1, 4], [b"/a"]),
        ("not process = server", [2, 3], [b"/b"]),
        ("pid = 9 sport = :1", [], []),
        ("pid = 9 or sport = :2", [2, 4], [b"/a"]),
    ):
        snapshot = _filtered(text, source, root=str(tmp_path))
        assert _ports(snapshot) == ports
        assert [row.path for row in snapshot.unix] == paths
        assert snapshot.gaps == ()


def test_what_an_unseen_process_may_hold_is_not_decided_by_process(tmp_path: Path) -> None:
    _saved_process(tmp_path, 5, 77)  # without pid 1: not every process is shown
    ended = _row(Proto.TCP, 5, None)._replace(state=TcpState.TIME_WAIT, owners=())
    rows = [*(_row(Proto.TCP, port, inode) for port, inode in ((1, 77), (2, 78), (3, 0))), ended]
    source = FakeSource("x", {Proto.TCP: Table([rows]), Proto.UDP: Table([])}, [])
    left_out = Gap(
        GapKind.UNDECIDED, Proto.TCP, "1 row left out: the process that holds it can't be seen"
    )
    for text, ports in (("pid = 5", [1]), ("not pid = 5", [3, 5])):
        snapshot = _filtered(text, source, root=str(tmp_path))
        assert _ports(snapshot) == ports
        assert left_out in snapshot.gaps
    snapshot = _filtered("pid = 5 sport != :2", source, root=str(tmp_path))
    assert left_out not in snapshot.gaps


def test_who_asks_for_bound_sockets_is_told_where_they_can_not_be_seen() -> None:
    sources = (
        FakeSource("sockdiag", {Proto.TCP: Table([])}),
        FakeSource("procfs", dict.fromkeys(_BOTH, Table([]))),
    )
    for text in ("state bound-inactive", "not state established state bound-inactive"):
        assert _filtered(text, *sources).gaps[0].kind is GapKind.FALLBACK
    gaps = _filtered("state bound-inactive", sources[1], FakeSource("x", unix=[])).gaps
    assert [(gap.kind, gap.proto) for gap in gaps if gap.kind is GapKind.UNDECIDED] == [
        (GapKind.UNDECIDED, Proto.TCP)
    ]
    assert "bound" in str(gaps[-1])


@pytest.mark.parametrize(
    ("sources", "line"),
    [
        ({}, ""),
        ({Proto.TCP: "sockdiag", Proto.UDP: "sockdiag"}, "sockdiag"),
        (
            {Proto.TCP: "sockdiag", Proto.RAW: "procfs", Proto.RAW6: "procfs"},
            "sockdiag; raw, raw6 from procfs",
        ),
    ],
)
def test_sources_in_one_line(sources: dict[Proto, str], line: str) -> None:
    assert name_sources(sources) == line


def test_collecting_a_saved_tree() -> None:
    before = time.time()
    snapshot = collect(["raw", "tcp", "tcp"], proc_root=tree("captured"))
    assert before <= snapshot.taken_at <= time.time()
    assert len(snapshot.records) == 31
    assert [record.proto for record in snapshot.records[-2:]] == [Proto.RAW, Proto.RAW]
    assert (snapshot.source, snapshot.complete, snapshot.unix) == ("procfs", True, [])
    listening = collect(["tcp"], show=Show.LISTENING, proc_root=tree("captured"))
    assert {record.state for record in listening.records} == {TcpState.LISTEN}
    assert len(listening.records) == 4


def test_collecting_with_a_filter() -> None:
    by_text = collect(["tcp"], filter="state listening", proc_root=tree("captured"))
    assert {record.state for record in by_text.records} == {TcpState.LISTEN}
    assert len(by_text.records) == 4
    port = by_text.records[0].laddr.port
    by_hand = collect(["tcp"], filter=Port("sport", "=", port), proc_root=tree("captured"))
    assert {record.laddr.port for record in by_hand.records} == {port}
    with pytest.raises(FilterError):
        collect(filter="nonsense")


def test_collecting_what_cannot_be_read_raises(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"tcp: procfs: there is no .*/net/tcp"):
        collect(proc_root=str(tmp_path))


def test_collecting_what_the_kernel_lacks_raises_nothing() -> None:
    snapshot = collect(["tcp", "sctp"], proc_root=tree("ipv6-absent"))
    assert [(gap.kind, gap.proto) for gap in snapshot.gaps] == [(GapKind.ABSENT, Proto.SCTP)]
    assert len(snapshot.records) == 29


def test_collecting_broken_rows_tells_of_them() -> None:
    snapshot = collect(["tcp", "unix"], proc_root=tree("broken-rows"))
    bad = [gap.proto for gap in snapshot.gaps if gap.kind is GapKind.BAD_ROWS]
    assert bad == [Proto.TCP, Proto.UNIX]
    assert not snapshot.complete
    assert (len(snapshot.records), len(snapshot.unix)) == (4, 2)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        collect(["nonsense"])
    with pytest.raises(ValueError, match="no source 'magic'"):
        collect(source="magic")
    for source in ("sockdiag", "psutil"):
        with pytest.raises(ValueError, match="not the tree"):
            collect(source=source, proc_root="/")


@pytest.mark.skipif(not os.path.exists("/proc/net/tcp"), reason="there is no /proc/net/tcp")
def test_this_process_finds_its_own_socket() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        snapshot = collect(["tcp"], owners=True, show=Show.LISTENING)
        (row,) = (record for record in snapshot.records if record.laddr.port == port)
    assert row.state is TcpState.LISTEN
    assert os.getpid() in [owner.pid for owner in row.owners or ()]
