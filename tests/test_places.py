"""Several network namespaces in one snapshot: whose rows, from where, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator

from pynetstat.errors import ProtocolAbsent
from pynetstat.explain.remarks import explainer_of_all
from pynetstat.places import Places
from pynetstat.query import Query
from pynetstat.records import Addr, Proto, SocketRecord, TcpState, UnixRecord
from pynetstat.snapshot import Gap, GapKind, Reader, Snapshot
from pynetstat.sources import Place
from pynetstat.words import interface_name

from .fake_sources import FakeSource, Table

_ROW = SocketRecord(Proto.TCP, Addr("127.0.0.1", 80), Addr("0.0.0.0", 0), TcpState.LISTEN)
_UNIX = UnixRecord("STREAM", None, b"\0x", 5)


class _These(Places):
    """Places that a test has made."""

    def __init__(self, *places: Place) -> None:
        super().__init__()
        self._made = places

    def __iter__(self) -> Iterator[Place]:
        return iter(self._made)


def _place(label: str, *sources: FakeSource) -> Place:
    return Place(label, sources, {1: f"{label}-lo"})


def _source(name: str, table: Table | Exception | None = None) -> FakeSource:
    return FakeSource(name, {Proto.TCP: table or Table([[_ROW]])}, [_UNIX])


def _look(*places: Place, protos: tuple[Proto, ...] = (Proto.TCP, Proto.UNIX)) -> Snapshot:
    return Reader(Query(protos), places=_These(*places)).snapshot()


def test_rows_say_where_they_are_from() -> None:
    snapshot = _look(_place("blue", _source("procfs")), _place("red", _source("procfs")))
    assert [row.netns for row in snapshot.records] == ["blue", "red"]
    assert [row.netns for row in snapshot.unix] == ["blue", "red"]
    assert snapshot.gaps == ()


def test_interfaces_are_named_by_their_namespace() -> None:
    snapshot = _look(_place("blue", _source("procfs")), _place("red", _source("procfs")))
    names = snapshot.interfaces
    assert [interface_name(1, netns, names) for netns in ("blue", "red")] == ["blue-lo", "red-lo"]
    assert interface_name(2, "red", names) == "2"
    assert interface_name(1, "gone", names) == "1"


def test_an_interface_of_a_hostile_name_is_escaped() -> None:
    assert interface_name(1, "blue", {"blue": {1: "x\x1b[m"}}) == r"x\x1b[m"


def test_two_sources_for_one_table_are_both_named() -> None:
    snapshot = _look(
        _place("blue", _source("sockdiag")), _place("red", _source("procfs")), protos=(Proto.TCP,)
    )
    assert snapshot.sources == {Proto.TCP: "sockdiag and procfs"}


def test_a_table_that_one_namespace_lacks_is_left_out_there() -> None:
    blue, red = _place("blue", _source("procfs")), _place("red", FakeSource("procfs"))
    snapshot = _look(blue, red)
    assert [row.netns for row in snapshot.records] == ["blue"]
    assert snapshot.gaps == (
        Gap(GapKind.NAMESPACES, Proto.TCP, "red: procfs: refused"),
        Gap(GapKind.NAMESPACES, Proto.UNIX, "red: procfs: refused"),
    )
    assert not snapshot.complete


def test_a_table_that_no_namespace_has_is_unread() -> None:
    snapshot = _look(_place("blue", FakeSource("procfs")), _place("red", FakeSource("procfs")))
    assert {gap.kind for gap in snapshot.gaps} == {GapKind.UNREAD}
    assert not snapshot.sources


def test_a_protocol_that_the_kernel_lacks_is_said_once() -> None:
    absent = ProtocolAbsent("no such table")
    snapshot = _look(
        _place("blue", _source("procfs", absent)),
        _place("red", _source("procfs", absent)),
        protos=(Proto.TCP,),
    )
    assert snapshot.gaps == (Gap(GapKind.ABSENT, Proto.TCP, "no such table"),)


def test_what_is_wrong_with_a_table_says_where() -> None:
    bad = Table([[_ROW]], bad_rows=1, remark="odd")
    snapshot = _look(
        _place("blue", _source("procfs")), _place("red", _source("procfs", bad)),
        protos=(Proto.TCP,),
    )  # fmt: skip
    assert [gap.kind for gap in snapshot.gaps] == [GapKind.BAD_ROWS, GapKind.DOUBTFUL]
    assert all(gap.reason.startswith("red: ") for gap in snapshot.gaps)


def test_one_namespace_alone_is_not_repeated_in_every_reason() -> None:
    snapshot = _look(_place("blue", FakeSource("procfs")), protos=(Proto.TCP,))
    assert snapshot.gaps == (Gap(GapKind.UNREAD, Proto.TCP, "procfs: refused"),)


def test_what_is_looked_at_from_outside_is_complete_and_what_is_left_out_is_not() -> None:
    class Short(_These):
        @property
        def left_out(self) -> list[str]:
            return ["1 network namespace could not be read"]

    class Outside(_These):
        @property
        def not_entered(self) -> str:
            return "1 network namespace could not be entered"

    place = _place("blue", _source("procfs"))
    outside = Reader(Query((Proto.TCP,)), places=Outside(place)).snapshot()
    assert [gap.kind for gap in outside.gaps] == [GapKind.NOT_ENTERED]
    assert outside.complete
    short = Reader(Query((Proto.TCP,)), places=Short(place)).snapshot()
    assert [gap.kind for gap in short.gaps] == [GapKind.NAMESPACES]
    assert not short.complete


def test_rows_are_explained_within_their_namespace() -> None:
    snapshot = _look(_place("blue", _source("procfs")), _place("red", _source("procfs")))
    explain = explainer_of_all(snapshot)
    remarks = [*map(explain, snapshot.records), *map(explain, snapshot.unix)]
    assert [[remark.trouble for remark in each] for each in remarks] == [[False]] * 4
