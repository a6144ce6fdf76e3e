"""Aligned text, the line of TCP's figures, groups, and waiting for rows."""

from __future__ import annotations

import pytest

from pynetstat.columns import Context, Row
from pynetstat.errors import SourceUnavailable
from pynetstat.groups import GROUPINGS, Group, count_groups
from pynetstat.owners import Coverage
from pynetstat.query import Query
from pynetstat.records import Addr, Owner, Proto, TcpState
from pynetstat.remark import Remark
from pynetstat.render.info import info_text
from pynetstat.render.listing import aligned
from pynetstat.snapshot import Reader
from pynetstat.tcpinfo import NO_LIMIT, NO_THRESHOLD, Bbr, Dctcp, SocketMemory, TcpInfo, Vegas
from pynetstat.waiting import has_rows, wait_for_rows

from .fake_sources import FakeSource, Table
from .rows import tcp_row, unix_row


def test_columns_are_as_wide_as_they_need() -> None:
    lines = list(
        aligned(["A", "Number"], [False, True], [["long cell", "1"], ["\u4e2d", "22"], ["", ""]])
    )
    assert lines == ["A          Number\n", "long cell       1\n", "\u4e2d             22\n", "\n"]


def test_without_titles_they_need_no_room() -> None:
    assert list(aligned(None, [False, False], [["a", "b"], ["cc", "d"]])) == ["a   b\n", "cc  d\n"]


def test_a_line_may_stand_below_a_row() -> None:
    lines = list(
        aligned(["A"], [False], [["a"], ["b"]], [[Remark("figures"), Remark("oh", True)], []])
    )
    assert lines == ["A\n", "a\n", "      figures\n", "    ! oh\n", "b\n"]


def test_figures_have_names_and_units() -> None:
    info = TcpInfo(
        congestion="cubic",
        ca_state="recovery",
        options=("ts", "sack"),
        snd_wscale=7,
        rcv_wscale=10,
        rto=204000,
        rtt=31,
        rttvar=15,
        min_rtt=9,
        snd_mss=1448,
        snd_cwnd=10,
        snd_ssthresh=8,
        bytes_sent=1000,
        bytes_retrans=20,
        total_retrans=2,
        unacked=0,
        pacing_rate=125_000,
        max_pacing_rate=NO_LIMIT,
        delivery_rate=1,
        delivery_rate_app_limited=True,
        memory=SocketMemory(1, 2, 3, 4, 0, 0, 0, 0, 5),
    )
    assert info_text(info) == (
        "cubic, ca_state recovery, options ts sack, wscale 7/10, rto 204ms, "
        "rtt 0.031ms var 0.015ms, min_rtt 0.009ms, mss 1448 B, cwnd 10, ssthresh 8, "
        "sent 1000 B, sent_again 20 B, retrans_total 2, pacing 1 Mbit/s, "
        "delivery 8 bit/s app_limited, mem rx 1/2 B tx 3/4 B drops 5"
    )


def test_what_is_not_told_or_not_set_is_left_out() -> None:
    assert info_text(TcpInfo()) == ""
    assert (
        info_text(TcpInfo(snd_ssthresh=NO_THRESHOLD, pacing_rate=NO_LIMIT, ca_state="open")) == ""
    )


@pytest.mark.parametrize(
    ("algorithm", "text"),
    [
        (Vegas(True, 1, 2000, 1000), "vegas rtt 2ms minrtt 1ms"),
        (Dctcp(True, 0, 512, 0, 0), "dctcp ce_state 0 alpha 0.500"),
        (
            Bbr(1_250_000_000, 24, 2.89, 2.0),
            "bbr bw 10.0 Gbit/s min_rtt 0.024ms pacing_gain 2.89 cwnd_gain 2.00",
        ),
    ],
)
def test_figures_of_the_algorithm(algorithm: Vegas | Dctcp | Bbr, text: str) -> None:
    assert info_text(TcpInfo(algorithm=algorithm)) == text


def test_a_name_from_the_kernel_is_not_trusted_either() -> None:
    assert info_text(TcpInfo(congestion="\x1b[31m")) == "\\x1b[31m"


def test_rows_are_counted_by_what_they_share() -> None:
    context = Context()
    context.coverage = Coverage(0, hidden=False)
    shared = (Owner(9, 3, "a\n"), Owner(9, 4, "a\n"), Owner(8, 3, "b"))
    rows: list[Row] = [
        tcp_row(owners=shared),
        tcp_row(proto=Proto.TCP6, owners=shared[:1], raddr=Addr("::1", 1)),
        tcp_row(owners=(), inode=0, state=TcpState.TIME_WAIT),
        unix_row(b"x", state=None, owners=()),
    ]
    assert count_groups(rows, GROUPINGS["state"], context) == [
        Group(("tcp", "ESTABLISHED"), 2),
        Group(("tcp", "TIME_WAIT"), 1),
        Group(("unix", None), 1),
    ]
    assert count_groups(rows, GROUPINGS["process"], context) == [
        Group((9, "a\\x0a", None), 2),
        Group((8, "b", None), 1),
        Group((None, None, "elsewhere"), 1),
        Group((None, None, "time_wait"), 1),
    ]
    assert count_groups(rows, GROUPINGS["remote"], context) == [
        Group(("127.0.0.1",), 2),
        Group(("::1",), 1),
        Group((None,), 1),
    ]
    assert count_groups(rows, GROUPINGS["port"], context) == [
        Group(("tcp", 8080), 3),
        Group(("unix", None), 1),
    ]


def test_a_process_without_a_name_has_its_place_among_the_groups() -> None:
    rows: list[Row] = [tcp_row(owners=(Owner(9, 3, "a"), Owner(9, 4, "")))]
    assert count_groups(rows, GROUPINGS["process"], Context()) == [
        Group((9, "", None), 1),
        Group((9, "a", None), 1),
    ]


def _reader(table: Table | Exception) -> Reader:
    return Reader(Query((Proto.TCP,)), [FakeSource("fake", {Proto.TCP: table})])


def test_whether_there_are_rows() -> None:
    assert has_rows(_reader(Table([[tcp_row()]])))
    assert not has_rows(_reader(Table([[]])))
    with pytest.raises(SourceUnavailable, match="refused"):
        has_rows(_reader(SourceUnavailable("refused")))


def test_the_rows_that_were_waited_for_are_those_shown() -> None:
    looks = [Table([[]]), Table([[]]), Table([[tcp_row()]])]
    reader = wait_for_rows(lambda: _reader(looks.pop(0)), 60.0)
    assert reader is not None
    assert looks == []
    assert [row for batch in reader.inet() for row in batch] == [tcp_row()]
    assert reader.unix() == []


def test_waiting_has_an_end_and_a_last_look() -> None:
    opened = []

    def open_reader() -> Reader:
        opened.append(_reader(Table([[]])))
        return opened[-1]

    assert wait_for_rows(open_reader, 0.0) is None
    assert len(opened) == 1
    assert wait_for_rows(open_reader, 0.02) is None
    assert len(opened) >= 3
