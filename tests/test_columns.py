"""Columns: their values, texts and order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynetstat.columns import (
    COLUMNS,
    Context,
    find_columns,
    find_sort_keys,
    known_names,
    path_hex,
    sort_rows,
)
from pynetstat.owners import Coverage
from pynetstat.records import (
    Addr,
    Owner,
    Proto,
    SocketRecord,
    TcpState,
    Timer,
    UnixState,
)
from pynetstat.tcpinfo import TcpInfo
from pynetstat.text import printable, unix_name
from pynetstat.words import Hosts, Words

from .rows import HOSTILE_TEXTS, tcp_row, unix_row

_UNTOLD = SocketRecord(Proto.TCP, Addr("0.0.0.0", 0), Addr("0.0.0.0", 0), TcpState.LISTEN)


def _cell(name: str, row: SocketRecord, context: Context | None = None) -> str:
    return COLUMNS[name].cell(row, context or Context())


def test_what_a_source_cannot_tell_is_a_dash_and_null() -> None:
    for name in [
        "recv_q",
        "send_q",
        "backlog",
        "timer",
        "uid",
        "user",
        "inode",
        "cookie",
        "ifindex",
        "interface",
        "pid",
        "program",
        "owners",
        "cmdline",
        "rtt",
        "cwnd",
        "congestion",
        "bytes_acked",
        "retrans",
        "info",
        "path",
        "type",
    ]:
        assert COLUMNS[name].value(_UNTOLD, Context()) is None, name
        assert _cell(name, _UNTOLD) == "-", name


def test_nothing_is_not_the_same_as_untold() -> None:
    row = tcp_row(owners=(), info=TcpInfo(unacked=0))
    assert _cell("recv_q", row) == "0"
    assert _cell("unacked", row) == "0"
    assert COLUMNS["owners"].value(row, Context()) == []
    assert COLUMNS["interface"].value(row, Context()) == ""
    assert _cell("interface", row) == ""


@pytest.mark.parametrize(
    ("addr", "text"),
    [
        (Addr("127.0.0.1", 80), "127.0.0.1:80"),
        (Addr("::", 0), "[::]:*"),
        (Addr("fe80::1", 22), "[fe80::1]:22"),
        (Addr("::ffff:10.0.0.1", 1), "10.0.0.1:1"),
    ],
)
def test_addresses(addr: Addr, text: str) -> None:
    row = tcp_row(proto=Proto.TCP6, laddr=addr)
    assert _cell("local", row) == text
    assert COLUMNS["local"].value(row, Context()) == {"ip": addr.ip, "port": addr.port}


def test_names_are_shown_where_they_are_known() -> None:
    words = Words(Hosts({"10.0.0.1": "db"}), {"tcp": {80: "http"}}, {7: "ann"})
    row = tcp_row(laddr=Addr("10.0.0.1", 80), uid=7)
    assert _cell("local", row, Context(words)) == "db:http"
    assert _cell("user", row, Context(words)) == "ann"
    assert _cell("user", row._replace(uid=8), Context(words)) == "8"
    assert COLUMNS["user"].value(row._replace(uid=8), Context(words)) is None


def test_owners_and_the_reason_for_none() -> None:
    context = Context()
    context.coverage = Coverage(0, hidden=False)
    held = tcp_row(owners=(Owner(1, 3, "a,b"), Owner(2, -1, "c")))
    assert _cell("owners", held, context) == '1/"a,b", 2/c'
    assert COLUMNS["owners"].value(held, context) == [
        {"pid": 1, "fd": 3, "name": "a,b"},
        {"pid": 2, "fd": None, "name": "c"},
    ]
    assert COLUMNS["no_owner"].value(held, context) is None
    waiting = tcp_row(owners=(), inode=0)
    assert COLUMNS["no_owner"].value(waiting, context) == "not_accepted"
    assert _cell("owners", waiting, context) == "(not accepted yet)"


@pytest.mark.parametrize("name", HOSTILE_TEXTS)
def test_a_name_s_exact_bytes_can_be_had(name: str) -> None:
    (owner,) = COLUMNS["owners"].value(tcp_row(owners=(Owner(1, 3, name),)), Context())
    assert owner["name"].isprintable()
    exact = bytes.fromhex(owner["name_hex"]) if "name_hex" in owner else owner["name"].encode()
    assert exact == name.encode("utf-8", "surrogateescape")


@given(st.binary(max_size=107))
def test_a_path_s_exact_bytes_can_be_had(path: bytes) -> None:
    shown = COLUMNS["path"].value(unix_row(path), Context())
    abstract = COLUMNS["abstract"].value(unix_row(path), Context())
    assert shown == printable(unix_name(path))
    digits = path_hex(path)
    exact = shown.encode() if digits is None else bytes.fromhex(digits)
    if digits is None and abstract:
        exact = b"\0" + exact.removeprefix(b"@")
    assert exact == path


def test_a_row_has_only_what_its_kind_can_have() -> None:
    assert COLUMNS["local"].value(unix_row(b"x"), Context()) is None
    assert COLUMNS["path"].value(tcp_row(), Context()) is None
    assert COLUMNS["inode"].value(unix_row(b"x"), Context()) == 78
    assert COLUMNS["state"].value(unix_row(b"x", state=None), Context()) is None


def test_states_are_blank_where_netstat_has_none() -> None:
    idle = tcp_row(proto=Proto.UDP, state=TcpState.CLOSE)
    assert _cell("state", idle) == ""
    assert COLUMNS["state"].value(idle, Context()) == "CLOSE"
    assert COLUMNS["state"].cell(unix_row(b"", state=UnixState.UNCONNECTED), Context()) == ""


def test_order_is_by_value_and_the_untold_come_last() -> None:
    rows = [tcp_row(recv_q=size, cookie=at) for at, size in enumerate((9, None, 10, 9, 0))]
    keys = find_sort_keys("recv-q")
    assert [row.cookie for row in sort_rows(rows, keys, Context())] == [4, 0, 3, 2, 1]
    keys = find_sort_keys("-recv-q")
    assert [row.cookie for row in sort_rows(rows, keys, Context())] == [2, 0, 3, 4, 1]
    keys = find_sort_keys("recv_q,-cookie")
    assert [row.cookie for row in sort_rows(rows, keys, Context())] == [4, 3, 0, 2, 1]


def test_addresses_are_ordered_as_numbers() -> None:
    ends = [("10.0.0.10", 1), ("10.0.0.9", 80), ("::1", 1), ("10.0.0.9", 9)]
    rows = [tcp_row(laddr=Addr(*end)) for end in ends]
    ordered = sort_rows(rows, find_sort_keys("local"), Context())
    assert [tuple(row.laddr) for row in ordered] == [ends[3], ends[1], ends[0], ends[2]]


@pytest.mark.parametrize("name", list(COLUMNS))
@pytest.mark.parametrize("before", ["", "-"])
def test_every_column_sorts_every_row(name: str, before: str) -> None:
    rows = [
        tcp_row(owners=(Owner(1, 3, "a"),), timer=Timer("on", 0.2, 1, 0), ifindex=1),
        tcp_row(owners=(), inode=0, info=TcpInfo(rtt=3, congestion="cubic")),
        _UNTOLD,
        tcp_row(owners=(Owner(2, 3, "b"), Owner(3, 3, "c"))),
    ]
    assert sorted(sort_rows(rows, find_sort_keys(before + name), Context()), key=id) == sorted(
        rows, key=id
    )
    unix = [unix_row(b"b"), unix_row(b""), unix_row(b"\0a", state=None, owners=())]
    assert len(sort_rows(unix, find_sort_keys(before + name), Context())) == 3


def test_every_name_that_is_told_is_known() -> None:
    for name in known_names().split(", "):
        assert find_columns(name)


def test_an_unknown_name_is_a_key_error() -> None:
    for names in ("", "state,,uid", "x"):
        with pytest.raises(KeyError):
            find_columns(names)


def test_the_name_of_a_congestion_control_is_harmless() -> None:
    row = tcp_row(info=TcpInfo(congestion="cu\x1b[31mbic\x9b"))
    assert _cell("congestion", row) == r"cu\x1b[31mbic\x9b"
    assert COLUMNS["info"].value(row, Context())["congestion"] == r"cu\x1b[31mbic\x9b"
