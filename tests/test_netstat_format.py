"""netstat's text, to the last space."""

from __future__ import annotations

import pytest

from pynetstat.query import Show
from pynetstat.records import (
    TIMER_OFF,
    Addr,
    Owner,
    Proto,
    SocketRecord,
    TcpState,
    Timer,
    UnixRecord,
    UnixState,
)
from pynetstat.render.netstat import (
    Columns,
    cut_address,
    inet_heading,
    inet_rows,
    timer_text,
    unix_heading,
    unix_rows,
)
from pynetstat.words import Hosts, Words, numbers

_TITLES = "Proto Recv-Q Send-Q Local Address           Foreign Address         State      "
_USER = " User       Inode     "
_PROGRAM = " PID/Program name    "
_TIMER = " Timer"

_KEEPALIVE = SocketRecord(
    Proto.TCP,
    Addr("127.0.0.1", 40006),
    Addr("127.0.0.1", 8081),
    TcpState.ESTABLISHED,
    recv_q=0,
    send_q=12289,
    timer=Timer("keepalive", 7199.631, 0, 2),
    uid=1000,
    inode=842602,
    owners=(Owner(4711, 3, "nc"), Owner(4712, 3, "other")),
)
_KEEPALIVE_LINE = "tcp        0  12289 127.0.0.1:40006         127.0.0.1:8081          ESTABLISHED"
_KEEPALIVE_USER = " 1000       842602    "
_KEEPALIVE_PROGRAM = " 4711/nc             "
_KEEPALIVE_TIMER = " keepalive (7199.63/0/2)"


def _one(record: SocketRecord, columns: Columns | None = None, words: Words | None = None) -> str:
    text = inet_rows([record], columns or Columns(), words or numbers())
    assert text.endswith("\n")
    assert text.count("\n") == 1
    return text[:-1]


@pytest.mark.parametrize("extend", [False, True])
@pytest.mark.parametrize("programs", [False, True])
@pytest.mark.parametrize("timers", [False, True])
@pytest.mark.parametrize("wide", [False, True])
def test_every_combination_of_columns(
    extend: bool, programs: bool, timers: bool, wide: bool
) -> None:
    columns = Columns(extend, programs, timers, wide)
    titles = _TITLES + _USER * extend + _PROGRAM * programs + _TIMER * timers
    heading = f"Active Internet connections (servers and established)\n{titles}\n"
    assert inet_heading(Show.ALL, columns) == heading
    line = _KEEPALIVE_LINE + _KEEPALIVE_USER * extend + _KEEPALIVE_PROGRAM * programs
    assert _one(_KEEPALIVE, columns) == line + _KEEPALIVE_TIMER * timers


@pytest.mark.parametrize(
    ("show", "words"),
    [
        (Show.ALL, "servers and established"),
        (Show.LISTENING, "only servers"),
        (Show.CONNECTED, "w/o servers"),
    ],
)
def test_headings(show: Show, words: str) -> None:
    assert inet_heading(show, Columns()).splitlines()[0] == (
        f"Active Internet connections ({words})"
    )
    assert unix_heading(show, Columns()) == (
        f"Active UNIX domain sockets ({words})\n"
        "Proto RefCnt Flags       Type       State         I-Node   Path\n"
    )


def test_every_protocol_and_state() -> None:
    def row(proto: Proto, state: TcpState, local: Addr, remote: Addr) -> SocketRecord:
        return SocketRecord(proto, local, remote, state, 0, 0, timer=TIMER_OFF, uid=0, inode=0)

    any4, any6 = Addr("0.0.0.0", 0), Addr("::", 0)
    home4, home6 = Addr("127.0.0.1", 53), Addr("::1", 53)
    mapped = Addr("::ffff:127.0.0.1", 8084)
    rows = [
        row(Proto.TCP, TcpState.LISTEN, Addr("0.0.0.0", 22), any4),
        row(Proto.TCP6, TcpState.LISTEN, Addr("::", 22), any6),
        row(Proto.TCP6, TcpState.TIME_WAIT, mapped, mapped),
        row(Proto.TCP, TcpState.CLOSE, home4, any4),
        row(Proto.SCTP, TcpState.LISTEN, home4, any4),
        row(Proto.SCTP6, TcpState.LISTEN, home6, any6),
        row(Proto.UDP, TcpState.CLOSE, home4, any4),
        row(Proto.UDP6, TcpState.ESTABLISHED, home6, home6),
        row(Proto.UDPLITE, TcpState.CLOSE, home4, any4),
        row(Proto.UDPLITE6, TcpState.ESTABLISHED, home6, home6),
        row(Proto.RAW, TcpState.CLOSE, Addr("0.0.0.0", 255), any4),
        row(Proto.RAW6, TcpState.ESTABLISHED, Addr("::", 58), any6),
    ]
    assert inet_rows(rows, Columns(timers=True), numbers()).splitlines() == [
        "tcp        0      0 0.0.0.0:22              0.0.0.0:*               LISTEN      "
        "off (0.00/0/0)",
        "tcp6       0      0 :::22                   :::*                    LISTEN      "
        "off (0.00/0/0)",
        "tcp6       0      0 127.0.0.1:8084          127.0.0.1:8084          TIME_WAIT   "
        "off (0.00/0/0)",
        "tcp        0      0 127.0.0.1:53            0.0.0.0:*               CLOSE       "
        "off (0.00/0/0)",
        "sctp       0      0 127.0.0.1:53            0.0.0.0:*               LISTEN      "
        "off (0.00/0/0)",
        "sctp       0      0 ::1:53                  :::*                    LISTEN      "
        "off (0.00/0/0)",
        "udp        0      0 127.0.0.1:53            0.0.0.0:*                           "
        "off (0.00/0/0)",
        "udp6       0      0 ::1:53                  ::1:53                  ESTABLISHED "
        "off (0.00/0/0)",
        "udpl       0      0 127.0.0.1:53            0.0.0.0:*                           "
        "off (0.00/0/0)",
        "udpl6      0      0 ::1:53                  ::1:53                  ESTABLISHED "
        "off (0.00/0/0)",
        "raw        0      0 0.0.0.0:255             0.0.0.0:*               7           "
        "off (0.00/0/0)",
        "raw6       0      0 :::58                   :::*                    1           "
        "off (0.00/0/0)",
    ]


@pytest.mark.parametrize("state", list(TcpState))
def test_states_are_padded_to_eleven(state: TcpState) -> None:
    assert _one(_KEEPALIVE._replace(state=state))[68:] == f"{state.value:<11}"


def test_what_the_source_does_not_tell_is_a_dash() -> None:
    record = SocketRecord(Proto.TCP, Addr("127.0.0.1", 1), Addr("127.0.0.1", 2), TcpState.TIME_WAIT)
    assert _one(record, Columns(True, True, True)) == (
        "tcp        -      - 127.0.0.1:1             127.0.0.1:2             TIME_WAIT  "
        " -          -          -                    -"
    )


def test_zero_is_not_unknown() -> None:
    assert _one(_KEEPALIVE._replace(recv_q=0, send_q=None))[:20] == "tcp        0      - "
    assert _one(_KEEPALIVE._replace(recv_q=None, send_q=0))[:20] == "tcp        -      0 "
    assert _one(_KEEPALIVE._replace(recv_q=123456, send_q=0))[:20] == "tcp   123456      0 "
    assert (
        _one(_KEEPALIVE._replace(recv_q=1234567, send_q=7654321))[:23]
        == ("tcp   1234567 7654321 12")[:23]
    )


def test_where_the_kernel_keeps_no_user_netstat_says_root() -> None:
    record = _KEEPALIVE._replace(uid=None, inode=0, owners=())
    assert _one(record, Columns(extend=True, programs=True))[79:] == (
        " 0          0          -                   "
    )
    words = Words(Hosts(), {}, {0: "root", 1000: "averylongusername"})
    assert _one(record, Columns(extend=True), words)[79:] == " root       0         "
    assert _one(_KEEPALIVE, Columns(extend=True), words)[79:] == (" averylongusername 842602    ")


@pytest.mark.parametrize(
    ("host", "port", "shown"),
    [
        ("127.0.0.1", "8080", "127.0.0.1:8080"),
        ("a" * 18, "8080", "a" * 18 + ":8080"),
        ("a" * 19, "8080", "a" * 18 + ":8080"),
        ("2001:db8:1111:2222:3333:4444:5555:6666", "65535", "2001:db8:1111:222:65535"),
        ("2001:db8:1111:2222:3333:4444:5555:6666", "*", "2001:db8:1111:2222:33:*"),
        ("localhost", "a-service-of-18-ch", "loca:a-service-of-18-ch"),
        ("localhost", "a-service-of-19-cha", "loca:a-service-of-19-ch"),
        ("ip6x", "a-service-of-19-cha", "ip6x:a-service-of-19-ch"),
    ],
)
def test_cut_addresses(host: str, port: str, shown: str) -> None:
    assert len(shown) <= 23
    assert cut_address(host, port).rstrip() == shown
    words = Words(Hosts({"::1": host}), {"tcp": {7: port}}, {})
    line = _one(_KEEPALIVE._replace(proto=Proto.TCP6, laddr=Addr("::1", 7)), None, words)
    assert line[20:44] == f"{shown:<24}"
    assert line[44:] == "127.0.0.1:8081          ESTABLISHED"


def test_wide_addresses_are_whole_and_push_the_rest() -> None:
    long, short = Addr("2001:db8:1111:2222:3333:4444:5555:6666", 65535), Addr("::1", 1)
    record = _KEEPALIVE._replace(proto=Proto.TCP6, laddr=long, raddr=short)
    assert _one(record, Columns(wide=True))[20:] == (
        "2001:db8:1111:2222:3333:4444:5555:6666:65535 ::1:1                   ESTABLISHED"
    )
    record = record._replace(laddr=short, raddr=long)
    assert _one(record)[20:] == ("::1:1                   2001:db8:1111:222:65535 ESTABLISHED")


@pytest.mark.parametrize(
    ("timer", "text"),
    [
        (None, "-"),
        (TIMER_OFF, "off (0.00/0/0)"),
        (Timer("on", 0.2, 3, 0), "on (0.20/3/0)"),
        (Timer("keepalive", 7199.89, 0, 9), "keepalive (7199.89/0/9)"),
        (Timer("timewait", 59.784, 0, 0), "timewait (59.78/0/0)"),
        (Timer("probe", 0.41, 0, 12), "probe (0.41/0/12)"),
        (Timer("unkn-5", 0.01, 1, 2), "unkn-5 (0.01/1/2)"),
        (Timer("off", 0.0, 2, 0), "off (0.00/2/0)"),
    ],
)
def test_timers(timer: Timer | None, text: str) -> None:
    assert timer_text(timer) == text
    assert _one(_KEEPALIVE._replace(timer=timer), Columns(timers=True))[79:] == f" {text}"


@pytest.mark.parametrize(
    ("owners", "shown"),
    [
        (None, "-"),
        ((), "-"),
        ((Owner(1, 3, "init"),), "1/init"),
        ((Owner(4194304, 3, "exactly-eleven"),), "4194304/exactly-ele"),
        ((Owner(1, 3, "\x1b[31mred"),), "1/\\x1b[31mred"),
        ((Owner(1, 3, "a\nb\udcff\u202e"),), "1/a\\x0ab\\xff\\u202e"),
        ((Owner(1, 3, "sshd: user [priv]"),), "1/sshd: user [priv]"),
        ((Owner(1, 3, "-bash  x"),), "1/-bash  x"),
    ],
)
def test_programs(owners: tuple[Owner, ...] | None, shown: str) -> None:
    line = _one(_KEEPALIVE._replace(owners=owners), Columns(programs=True, timers=True))
    assert line[79:] == f" {shown:<20} keepalive (7199.63/0/2)"


def test_each_row_has_its_own_program() -> None:
    rows = [
        _KEEPALIVE._replace(owners=(Owner(pid, 3, name),) if pid else ())
        for pid, name in ((7, "one"), (0, ""), (8, "two"), (7, "one"))
    ]
    lines = inet_rows(rows, Columns(programs=True), numbers()).splitlines()
    assert [line[80:].rstrip() for line in lines] == ["7/one", "-", "8/two", "7/one"]


def test_services_are_those_of_the_rows_protocol() -> None:
    words = Words(Hosts(), {"tcp": {514: "shell"}, "udp": {514: "syslog"}}, {})
    rows = [_KEEPALIVE._replace(proto=p, laddr=Addr("::1", 514)) for p in (Proto.TCP6, Proto.UDP6)]
    lines = inet_rows(rows, Columns(), words).splitlines()
    assert [line[20:32].rstrip() for line in lines] == ["::1:shell", "::1:syslog"]


def test_no_rows_are_no_text() -> None:
    assert inet_rows([], Columns(), numbers()) == ""
    assert unix_rows([], Columns()) == ""


def test_unix_rows() -> None:
    rows = [
        UnixRecord("STREAM", UnixState.LISTENING, b"/run/x", 842657, refcnt=2, owners=()),
        UnixRecord("DGRAM", UnixState.UNCONNECTED, b"\0a b ", 7, refcnt=12),
        UnixRecord("SEQPACKET", UnixState.CONNECTED, b"", 4294967295, refcnt=3),
        UnixRecord("STREAM", UnixState.CONNECTING, b"\x1b[2J\n\xff\xe2\x80\xae", 0, refcnt=3),
        UnixRecord("UNKNOWN", None, b"", None),
    ]
    assert unix_rows(rows, Columns()).split("\n") == [
        "unix  2      [ ACC ]     STREAM     LISTENING     842657   /run/x",
        "unix  12     [ ]         DGRAM                    7        @a b ",
        "unix  3      [ ]         SEQPACKET  CONNECTED     4294967295 ",
        "unix  3      [ ]         STREAM     CONNECTING    0        \\x1b[2J\\x0a\\xff\\u202e",
        "unix  -      -           UNKNOWN    -             -        ",
        "",
    ]
    owned = rows[0]._replace(owners=(Owner(4711, 3, "nc"),))
    assert unix_rows([owned], Columns(programs=True)) == (
        "unix  2      [ ACC ]     STREAM     LISTENING     842657   4711/nc              /run/x\n"
    )
    assert unix_heading(Show.ALL, Columns(programs=True)).splitlines()[1] == (
        "Proto RefCnt Flags       Type       State         I-Node   PID/Program name     Path"
    )


def test_the_namespace_stands_before_the_timer() -> None:
    columns = Columns(programs=True, timers=True, netns=True)
    heading = inet_heading(Show.ALL, columns).splitlines()[1]
    assert heading == _TITLES + _PROGRAM + " Netns               " + _TIMER
    line = _one(_KEEPALIVE._replace(netns="blue"), columns)
    assert line == _KEEPALIVE_LINE + _KEEPALIVE_PROGRAM + " blue                " + _KEEPALIVE_TIMER
    assert _one(_KEEPALIVE, columns).split()[7] == "-"


def test_a_long_label_is_not_cut() -> None:
    label = "docker:" + "3f2a9c1b7d5e" * 3
    assert _one(_KEEPALIVE._replace(netns=label), Columns(netns=True)).endswith(f" {label}")


def test_the_namespace_of_a_unix_row_stands_before_the_path() -> None:
    columns = Columns(netns=True)
    row = UnixRecord("STREAM", UnixState.LISTENING, b"/run/x", 5, refcnt=2, netns="blue")
    heading = unix_heading(Show.ALL, columns).splitlines()[1]
    line = unix_rows([row], columns)
    assert heading.index("Netns") == line.index("blue")
    assert heading.index("Path") == line.index("/run/x")
