"""Rows of /proc/net/{tcp,udp,udplite,raw} and their IPv6 twins."""

from __future__ import annotations

from collections import Counter

import pytest

from pynetstat.errors import ParseError
from pynetstat.records import TIMER_OFF, Addr, Proto, SocketRecord, TcpState, Timer
from pynetstat.sources import Notes
from pynetstat.sources.proc_inet import AddressTexts, first_sightings, parse_line, parse_table

from .trees import read_tree, table_text

_TABLES = (
    Proto.TCP,
    Proto.TCP6,
    Proto.UDP,
    Proto.UDP6,
    Proto.UDPLITE,
    Proto.UDPLITE6,
    Proto.RAW,
    Proto.RAW6,
)


def _by_local_port(case: str, proto: Proto) -> dict[int, SocketRecord]:
    records, notes = read_tree(case, proto)
    assert notes.bad_rows == 0
    return {record.laddr.port: record for record in records}


def _parse(proto: Proto, line: str, ticks_per_s: int = 100) -> SocketRecord:
    return parse_line(proto, line, AddressTexts("little"), ticks_per_s)


@pytest.mark.parametrize("proto", [Proto.TCP, Proto.TCP6])
def test_every_state_has_its_name(proto: Proto) -> None:
    records, notes = read_tree("every-state", proto)
    assert notes.bad_rows == 0
    assert {record.state for record in records} == set(TcpState)
    counts = Counter(record.state for record in records)
    assert counts[TcpState.FIN_WAIT2] == 4
    assert counts[TcpState.CLOSE_WAIT] == 2
    assert counts[TcpState.CLOSE] == 1


@pytest.mark.parametrize("proto", _TABLES)
def test_every_line_of_a_real_table_is_a_row(proto: Proto) -> None:
    records, notes = read_tree("captured", proto)
    lines = table_text("captured", proto).splitlines()[1:]
    assert (len(records), notes.bad_rows) == (len(lines), 0)
    assert {record.proto for record in records} == {proto}


def test_a_row_field_by_field() -> None:
    row = _by_local_port("captured", Proto.TCP)[0x9C46]
    assert row == SocketRecord(
        Proto.TCP,
        Addr("127.0.0.1", 40006),
        Addr("127.0.0.1", 8081),
        TcpState.FIN_WAIT1,
        recv_q=0,
        send_q=0x3001,
        timer=Timer("probe", 0.36, 0, 0),
        uid=1000,
        inode=842602,
    )


def test_what_proc_does_not_tell_is_none() -> None:
    for proto in _TABLES:
        for record in read_tree("captured", proto)[0]:
            assert record[-3:] == (None, None, None)
            assert record.backlog is None


def test_rows_without_a_process_end_early_and_in_time_wait_have_no_uid() -> None:
    rows = _by_local_port("captured", Proto.TCP)
    time_wait, orphan = rows[0x9C45], rows[0x9C49]
    assert (time_wait.state, time_wait.uid, time_wait.inode) == (TcpState.TIME_WAIT, None, 0)
    assert time_wait.timer == Timer("timewait", 0x174E / 100, 0, 0)
    assert (orphan.state, orphan.uid, orphan.inode) == (TcpState.FIN_WAIT2, None, 0)
    assert orphan.timer == Timer("timewait", 0x1758 / 100, 0, 0)
    records, _ = read_tree("captured", Proto.TCP)
    (handshake,) = (record for record in records if record.state is TcpState.SYN_RECV)
    assert (handshake.uid, handshake.inode) == (1000, 0)
    assert handshake.timer == Timer("on", 0.76, 0, 0)


def test_a_connection_not_accepted_yet_keeps_its_uid() -> None:
    records, _ = read_tree("captured", Proto.TCP)
    waiting = [r for r in records if r.inode == 0 and r.state is TcpState.ESTABLISHED]
    assert [record.uid for record in waiting] == [1000, 1000]


def test_timers() -> None:
    rows = _by_local_port("timers", Proto.TCP)
    assert [rows[port].timer for port in sorted(rows)] == [
        TIMER_OFF,
        Timer("on", 0.2, 3, 0),
        Timer("on", 120.0, 10, 0),
        Timer("on", 60.0, 31, 0),
        Timer("keepalive", 7199.63, 0, 0),
        Timer("keepalive", 1.5, 0, 9),
        Timer("timewait", 59.66, 0, 0),
        Timer("probe", 0.41, 0, 12),
        Timer("unkn-5", 0.01, 0, 0),
        Timer("off", 0.0, 2, 0),
    ]


def test_ticks_are_those_of_the_kernel() -> None:
    line = table_text("timers", "tcp").splitlines()[3]
    seconds = [
        timer.expires_s
        for ticks_per_s in (100, 250, 1000)
        if (timer := _parse(Proto.TCP, line, ticks_per_s).timer)
    ]
    assert seconds == [120.0, 48.0, 12.0]


def test_numbers_as_large_as_the_kernel_has_them() -> None:
    (tcp,), _ = read_tree("big-numbers", Proto.TCP)
    assert (tcp.inode, tcp.uid) == (4294967295, 4294967294)
    assert (tcp.recv_q, tcp.send_q) == (0x7FFFFFFF, 0xFFFFFFFF)
    udp, notes = read_tree("big-numbers", Proto.UDP)
    assert [record.inode for record in udp] == [4294967295, 2147483648]
    assert notes.bad_rows == 0


def test_udp_rows() -> None:
    rows = _by_local_port("captured", Proto.UDP)
    assert rows[5353].recv_q == 0x1040
    assert rows[5353].state is TcpState.CLOSE
    assert rows[0xCC9D].state is TcpState.ESTABLISHED
    assert rows[0xCC9D].raddr == Addr("127.0.0.1", 5353)
    assert rows[53].laddr == Addr("0.0.0.0", 53)
    assert {record.timer for record in rows.values()} == {TIMER_OFF}


def test_raw_rows_have_the_protocol_number_as_port() -> None:
    rows = _by_local_port("captured", Proto.RAW)
    assert set(rows) == {1, 255}
    assert rows[1].raddr == Addr("127.0.0.1", 0)
    assert rows[1].uid == 0
    assert set(_by_local_port("captured", Proto.RAW6)) == {58}


def test_mapped_addresses_stay_mapped() -> None:
    records, _ = read_tree("captured", Proto.TCP6)
    (mapped,) = (record for record in records if record.laddr.port == 8084 and record.raddr.port)
    assert mapped.laddr == Addr("::ffff:127.0.0.1", 8084)
    assert mapped.raddr == Addr("::ffff:127.0.0.1", 0xE6E8)


@pytest.mark.parametrize(
    ("digits", "little", "big"),
    [
        ("0100007F", "127.0.0.1", "1.0.0.127"),
        ("7F000001", "1.0.0.127", "127.0.0.1"),
        ("000080FE000000000000000001000000", "fe80::1", "0:80fe::100:0"),
        ("FE800000000000000000000000000001", "0:80fe::100:0", "fe80::1"),
        ("B80D0120000000000000000001000000", "2001:db8::1", "b80d:120::100:0"),
        ("20010DB8000000000000000000000001", "b80d:120::100:0", "2001:db8::1"),
    ],
)
def test_addresses_are_words_of_the_machines_byte_order(digits: str, little: str, big: str) -> None:
    assert AddressTexts("little")[digits] == little
    assert AddressTexts("big")[digits] == big


def test_a_table_of_the_other_byte_order() -> None:
    text = table_text("captured", "tcp").replace("0100007F", "7F000001")
    notes = Notes()
    big = list(parse_table(Proto.TCP, text, notes, byteorder="big"))
    little, _ = read_tree("captured", Proto.TCP)
    assert big == little
    assert notes.bad_rows == 0


def test_good_rows_among_broken_ones_stay_and_the_broken_are_counted() -> None:
    records, notes = read_tree("broken-rows", Proto.TCP)
    states = [TcpState.LISTEN, TcpState.ESTABLISHED, TcpState.TIME_WAIT, TcpState.SYN_RECV]
    assert [record.state for record in records] == states
    assert notes.bad_rows == 6
    assert notes.first_bad.startswith("not a row of /proc/net/tcp: '   1: 0100007F:1F90")
    records, notes = read_tree("broken-rows", Proto.UDP)
    assert [record.laddr.port for record in records] == [5353, 0xCC9D]
    assert notes.bad_rows == 2


def test_a_blank_line_in_a_table_is_counted_like_any_broken_row() -> None:
    records, notes = read_tree("blank-line", Proto.TCP)
    assert len(records) == 2
    assert notes.bad_rows == 1


@pytest.mark.parametrize("proto", [Proto.TCP, Proto.TCP6, Proto.UDP, Proto.RAW])
def test_a_line_cut_anywhere_is_refused_or_still_says_the_same(proto: Proto) -> None:
    for line in table_text("captured", proto).splitlines()[1:]:
        whole = _parse(proto, line)
        for length in range(len(line)):
            try:
                cut = _parse(proto, line[:length])
            except ParseError:
                continue
            assert cut == whole, line[:length]


def test_an_error_carries_the_line() -> None:
    with pytest.raises(ParseError, match="unknown socket state in /proc/net/tcp") as caught:
        _parse(Proto.TCP, table_text("captured", "tcp").splitlines()[1].replace(" 0A ", " 0D "))
    assert "0100007F:1F91" in str(caught.value.text)
    with pytest.raises(ParseError, match=r"wrong family in /proc/net/tcp6"):
        _parse(Proto.TCP6, table_text("captured", "tcp").splitlines()[1])


def test_state_12_reads_as_syn_recv() -> None:
    line = table_text("captured", "tcp").splitlines()[18]
    assert _parse(Proto.TCP, line.replace(" 03 ", " 0C ")).state is TcpState.SYN_RECV


def test_a_table_with_a_heading_only_has_no_rows_and_no_notes() -> None:
    for proto in (Proto.TCP, Proto.TCP6, Proto.UDP, Proto.UDP6):
        records, notes = read_tree("no-sockets", proto)
        assert (records, notes.bad_rows) == ([], 0)


def test_a_first_row_without_heading_is_not_lost() -> None:
    lines = table_text("captured", "tcp").splitlines()
    assert len(list(parse_table(Proto.TCP, "\n".join(lines[1:4]), Notes()))) == 3


def test_rows_given_twice_are_shown_once() -> None:
    repeated, notes = read_tree("repeated-rows", Proto.TCP)
    once, _ = read_tree("captured", Proto.TCP)
    assert repeated == once
    assert notes.bad_rows == 0


def test_sockets_that_look_the_same_but_have_their_own_inodes_all_stay() -> None:
    (row,), _ = read_tree("big-numbers", Proto.TCP)
    five = [row._replace(inode=inode) for inode in range(1, 6)]
    assert list(first_sightings(iter(five))) == five
