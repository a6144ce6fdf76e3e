"""Conditions in three values: what holds, what doesn't, and what can't be told."""

from __future__ import annotations

import ipaddress
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynetstat.filter_grammar import parse_filter
from pynetstat.filters import (
    ALL_STATES,
    ALWAYS,
    BOUND_INACTIVE,
    NEVER,
    All,
    AnyOf,
    Filter,
    Host,
    Not,
    Pid,
    Queue,
    States,
    all_of,
    any_of,
    compile_filter,
    for_table,
    is_bound_inactive,
    leaves,
    matches,
    needs_owners,
    states_of,
    untold,
)
from pynetstat.records import (
    Addr,
    Owner,
    Proto,
    SocketRecord,
    TcpState,
    Timer,
    TimerKind,
    UnixRecord,
    UnixState,
)

from .any_filter import FILTERS, ROWS

_ROW = SocketRecord(
    Proto.TCP,
    Addr("10.0.0.5", 40000),
    Addr("192.0.2.1", 443),
    TcpState.ESTABLISHED,
    recv_q=5,
    send_q=0,
    timer=Timer(TimerKind.KEEPALIVE, 9.0, 0, 0),
    uid=33,
    inode=77,
    ifindex=2,
    owners=(Owner(812, 4, "nginx: worker"), Owner(813, 4, "nginx: worker")),
)
_ROW6 = _ROW._replace(proto=Proto.TCP6, laddr=Addr("::ffff:10.0.0.5", 1), raddr=Addr("::1", 443))
_UNTOLD = SocketRecord(Proto.TCP, _ROW.laddr, _ROW.raddr, TcpState.ESTABLISHED)
_UNIX = UnixRecord("STREAM", UnixState.LISTENING, b"\0docker", 5, recv_q=1, send_q=8, uid=0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("state established", True),
        ("state listening", False),
        ("exclude time-wait", True),
        ("dport = :443", True),
        ("dport != :443", False),
        ("dport > :443", False),
        ("dport >= :443", True),
        ("dport < :444", True),
        ("dport <= :442", False),
        ("sport = :443", False),
        ("src 10.0.0.5", True),
        ("src 10/8", True),
        ("src 10.0.0.4", False),
        ("src != 10.0.0.0/8", False),
        ("src ::/0", False),
        ("dst 192.0.2.1:443", True),
        ("dst 192.0.2.1:80", False),
        ("dst *:443", True),
        ("dst *", True),
        ("pid = 812", True),
        ("pid = 813", True),
        ("pid = 1", False),
        ("process ~ ^nginx", True),
        ("process = nginx", False),
        ("process = 'nginx: worker'", True),
        ("process !~ nginx", False),
        ("user = 33", True),
        ("user != 33", False),
        ("inode = 77", True),
        ("recv-q > 0", True),
        ("send-q > 0", False),
        ("timer = keepalive", True),
        ("timer = persist", False),
        ("proto = tcp", True),
        ("proto = tcp6", False),
        ("dev = 2", True),
        ("dev != 2", False),
        ("path ~ docker", False),
        ("not path ~ docker", True),
        ("not state listening dport = :443", True),
        ("dport = :1 or dport = :443 and sport = :1", False),
        ("dport = :443 or ( dport = :1 and sport = :1 )", True),
    ],
)
def test_conditions_on_a_row_that_tells_all(text: str, expected: bool) -> None:
    assert matches(parse_filter(text), _ROW) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("src 10.0.0.5", True),
        ("src 10.0.0.0/8", True),
        ("src 0.0.0.0/0", True),
        ("dst 0.0.0.0/0", False),
        ("src 11.0.0.0/8", False),
        ("src ::ffff:10.0.0.5", True),
        ("src ::ffff:0.0.0.0/96", True),
        ("dst [::1]:443", True),
        ("dst ::/0", True),
    ],
)
def test_an_ipv4_network_holds_mapped_addresses(text: str, expected: bool) -> None:
    assert matches(parse_filter(text), _ROW6) is expected


def test_an_interface_behind_an_address_is_no_part_of_it() -> None:
    row = _ROW6._replace(laddr=Addr("fe80::1%eth0", 1))
    assert matches(parse_filter("src [fe80::1]"), row) is True


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("recv-q > 0", None),
        ("not recv-q > 0", None),
        ("recv-q > 0 and state listening", False),
        ("recv-q > 0 or state listening", None),
        ("recv-q > 0 or state established", True),
        ("recv-q > 0 and state established", None),
        ("pid = 1", None),
        ("process ~ x", None),
        ("user = 0", None),
        ("inode = 7", None),
        ("timer = on", None),
        ("dev = 0", None),
    ],
)
def test_what_a_row_does_not_tell_decides_nothing(text: str, expected: bool | None) -> None:
    assert matches(parse_filter(text), _UNTOLD) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("path ~ ^@dock", True),
        ("path = @docker", True),
        ("path = docker", False),
        ("state listening", True),
        ("state established", False),
        ("recv-q = 1", True),
        ("user = 0", True),
        ("user = 1", False),
        ("inode = 5", True),
        ("pid = 1", None),
        ("proto = unix", True),
        ("dport = :443", False),
        ("not dport = :443", True),
        ("src 0.0.0.0/0", False),
        ("timer = off", False),
        ("dev = 0", False),
    ],
)
def test_conditions_on_a_unix_row(text: str, expected: bool | None) -> None:
    assert matches(parse_filter(text), _UNIX) is expected


def test_a_unix_row_without_a_state_is_undecided() -> None:
    assert matches(parse_filter("state established"), _UNIX._replace(state=None)) is None


def test_what_has_ended_belongs_to_no_user() -> None:
    ended = _ROW._replace(state=TcpState.TIME_WAIT, uid=None)
    assert matches(parse_filter("user = 33"), ended) is False
    assert matches(parse_filter("not user = 33"), ended) is True
    orphan = ended._replace(state=TcpState.FIN_WAIT2, timer=Timer("timewait", 9.0, 0, 0))
    assert matches(parse_filter("user = 33"), orphan) is False
    handshake = ended._replace(state=TcpState.SYN_RECV)
    assert matches(parse_filter("user = 33"), handshake) is None


def test_bound_and_inactive_is_a_state_of_its_own() -> None:
    bound = _ROW._replace(state=TcpState.CLOSE, raddr=Addr("0.0.0.0", 0))
    assert is_bound_inactive(bound)
    assert matches(States(frozenset({BOUND_INACTIVE})), bound) is True
    assert matches(States(frozenset({TcpState.CLOSE})), bound) is False
    for other in (_ROW, bound._replace(proto=Proto.UDP), bound._replace(laddr=Addr("::", 0))):
        assert matches(States(frozenset({BOUND_INACTIVE})), other) is False
    assert matches(States(ALL_STATES), bound._replace(proto=Proto.UDP)) is True


def test_without_owners_only_the_rest_decides() -> None:
    question = all_of(Pid(812), parse_filter("dport = :443"))
    assert compile_filter(question, Proto.TCP, owners=False)(_ROW) is None
    other = _ROW._replace(raddr=Addr("192.0.2.1", 80))
    assert compile_filter(question, Proto.TCP, owners=False)(other) is False


def test_nested_conditions_become_one() -> None:
    one, two, three = (Pid(number) for number in (1, 2, 3))
    assert all_of(one) == one
    assert all_of(all_of(one, two), three) == All((one, two, three))
    assert any_of(any_of(one, two), three) == AnyOf((one, two, three))
    assert all_of(any_of(one, two), three) == All((AnyOf((one, two)), three))
    assert (all_of(), any_of()) == (ALWAYS, NEVER)
    assert Pid(1) != parse_filter("inode = 1")


@pytest.mark.parametrize(
    ("text", "proto", "expected"),
    [
        ("proto = tcp", Proto.UDP, NEVER),
        ("not proto = tcp", Proto.UDP, ALWAYS),
        ("proto = tcp and pid = 1", Proto.TCP, Pid(1)),
        ("proto = tcp or pid = 1", Proto.TCP, ALWAYS),
        ("path ~ x", Proto.TCP, NEVER),
        ("dport = :1 or pid = 1", Proto.UNIX, Pid(1)),
        ("src [::1]", Proto.TCP, NEVER),
        ("not src [::1]", Proto.TCP, ALWAYS),
        ("dst *", Proto.TCP, ALWAYS),
    ],
)
def test_what_a_table_alone_decides(text: str, proto: Proto, expected: Filter) -> None:
    assert for_table(parse_filter(text), proto) == expected


def test_an_ipv4_network_may_be_in_an_ipv6_table() -> None:
    host = Host("src", ipaddress.ip_network("10.0.0.0/8"))
    assert for_table(host, Proto.TCP6) == host


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ("dport = :443", ALL_STATES),
        ("state established", {TcpState.ESTABLISHED}),
        ("state established or state listening", {TcpState.ESTABLISHED, TcpState.LISTEN}),
        ("state established or dport = :443", ALL_STATES),
        ("state established and state listening", set()),
        ("not state established", ALL_STATES - {TcpState.ESTABLISHED}),
        ("not ( state established or dport = :1 )", ALL_STATES - {TcpState.ESTABLISHED}),
        ("not ( state established and dport = :1 )", ALL_STATES),
        ("state bound-inactive", {BOUND_INACTIVE}),
        ("not state bound-inactive", ALL_STATES),
        ("state bound-inactive or dport = :1", {*ALL_STATES, BOUND_INACTIVE}),
    ],
)
def test_states_that_may_match(text: str, states: set[Any]) -> None:
    assert states_of(parse_filter(text)) == states


def test_owners_are_needed_for_processes_only() -> None:
    assert needs_owners(parse_filter("dport = :1 or not ( pid = 3 and user = 0 )"))
    assert needs_owners(parse_filter("process ~ x"))
    assert not needs_owners(parse_filter("user = 0 inode = 1"))


def test_what_is_untold_has_a_name() -> None:
    question = parse_filter("recv-q > 0 or send-q > 0 or ( user = 1 and pid = 1 ) or process = x")
    assert untold(question, _UNTOLD) == ["recv-q", "send-q", "the user", "the process"]
    assert untold(question, _ROW) == []


@given(FILTERS, ROWS)
def test_the_states_that_may_match_are_never_too_few(
    question: Filter, row: SocketRecord | UnixRecord
) -> None:
    if isinstance(row, SocketRecord) and matches(question, row):
        states = states_of(question)
        assert row.state in states or is_bound_inactive(row)


@given(FILTERS, ROWS)
def test_a_row_that_tells_everything_is_decided(
    question: Filter, row: SocketRecord | UnixRecord
) -> None:
    assert matches(question, row) is not None
    assert matches(Not(question), row) is not matches(question, row)


_OPTIONAL = ("recv_q", "send_q", "timer", "uid", "inode", "ifindex", "owners")


@given(FILTERS, ROWS, st.sets(st.sampled_from(_OPTIONAL)))
def test_what_is_decided_without_a_field_stays_so_with_it(
    question: Filter, row: SocketRecord | UnixRecord, left_out: set[str]
) -> None:
    if any(leaf for leaf in leaves(question) if hasattr(leaf, "uid")):
        left_out -= {"uid", "timer"}  # no user is no user there, not an untold one
    untold_fields: dict[str, Any] = dict.fromkeys(left_out.intersection(row._fields))
    partial = row._replace(**untold_fields)
    answer = matches(question, partial)
    if answer is not None:
        assert answer is matches(question, row)
    else:
        assert untold(question, partial)


@pytest.mark.parametrize("side", ["recv-q", "send-q"])
def test_zero_is_told(side: Literal["recv-q", "send-q"]) -> None:
    row = _ROW._replace(recv_q=0, send_q=0)
    assert matches(Queue(side, "=", 0), row) is True
