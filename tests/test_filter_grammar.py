"""The filter language: what is understood, what is not, and where the caret goes."""

from __future__ import annotations

import ipaddress
import pwd
import re
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynetstat import FilterError, PynetstatError
from pynetstat.filter_grammar import filter_text, parse_filter
from pynetstat.filters import (
    ALL_STATES,
    ALWAYS,
    BOUND_INACTIVE,
    All,
    AnyOf,
    Filter,
    Host,
    Interface,
    Not,
    Path,
    Pid,
    Port,
    Process,
    ProtoIs,
    Queue,
    State,
    States,
    TimerIs,
    User,
    matches,
)
from pynetstat.records import Addr, Owner, Proto, SocketRecord, TcpState, TimerKind

from .any_filter import FILTERS

_A, _B, _C = Port("sport", "=", 1), Port("sport", "=", 2), Port("sport", "=", 3)

_HELD = SocketRecord(
    Proto.TCP,
    Addr("127.0.0.1", 1),
    Addr("127.0.0.1", 2),
    TcpState.ESTABLISHED,
    owners=(Owner(1, 3, "nc"),),
)


@pytest.fixture(scope="module", autouse=True)
def _no_resolver() -> Iterator[None]:
    """Nobody is asked for a host by these tests."""

    def refuse(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(socket, "getaddrinfo", refuse)
        yield


def _refusal(text: str) -> FilterError:
    with pytest.raises(FilterError) as caught:
        parse_filter(text)
    return caught.value


def _understood(text: str) -> bool:
    """Whether it was; otherwise with a place in it, and in one line."""
    try:
        question = parse_filter(text)
    except FilterError as error:
        refusal = error
    else:
        assert parse_filter(filter_text(question)) == question
        return True
    assert 0 <= refusal.position <= len(text)
    assert "\n" not in str(refusal)
    assert refusal.pointer.count("\n") == 1
    return False


def _states(*states: State) -> States:
    return States(frozenset(states))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sport = :1 and sport = :2", All((_A, _B))),
        ("sport = :1 sport = :2", All((_A, _B))),
        ("sport = :1 & sport = :2", All((_A, _B))),
        ("sport = :1&&sport = :2", All((_A, _B))),
        ("sport = :1 or sport = :2", AnyOf((_A, _B))),
        ("sport = :1|sport = :2", AnyOf((_A, _B))),
        ("sport = :1 || sport = :2", AnyOf((_A, _B))),
        # from left to right, as ss reads it
        ("sport = :1 or sport = :2 and sport = :3", All((AnyOf((_A, _B)), _C))),
        ("sport = :1 or sport = :2 sport = :3", All((AnyOf((_A, _B)), _C))),
        ("sport = :1 and sport = :2 or sport = :3", AnyOf((All((_A, _B)), _C))),
        ("sport = :1 or ( sport = :2 and sport = :3 )", AnyOf((_A, All((_B, _C))))),
        ("not sport = :1 or sport = :2", AnyOf((Not(_A), _B))),
        ("!sport = :1", Not(_A)),
        ("! ( sport = :1 or sport = :2 )", Not(AnyOf((_A, _B)))),
        ("not not sport = :1", Not(Not(_A))),
        ("((sport=1)or(sport=2))", AnyOf((_A, _B))),
        ("SPORT EQ :1 AND NOT sport Eq :2", All((_A, Not(_B)))),
    ],
)
def test_words_that_join(text: str, expected: Filter) -> None:
    assert parse_filter(text) == expected


@pytest.mark.parametrize(
    ("words", "op"),
    [
        (("=", "==", "eq"), "="),
        (("!=", "ne", "neq"), "!="),
        (("<", "lt"), "<"),
        (("<=", "le", "leq"), "<="),
        ((">", "gt"), ">"),
        ((">=", "ge", "geq"), ">="),
    ],
)
def test_comparisons(words: tuple[str, ...], op: str) -> None:
    for word in words:
        assert parse_filter(f"dport {word} :80") == Port("dport", op, 80)  # type: ignore[arg-type]
        assert parse_filter(f"recv-q {word} 7") == Queue("recv-q", op, 7)  # type: ignore[arg-type]
    if not op.isalpha():
        assert parse_filter(f"dport{op}80") == Port("dport", op, 80)  # type: ignore[arg-type]


def test_ports() -> None:
    for text in ("dport 443", "dport :443", "dport = 443", "dport = :443"):
        assert parse_filter(text) == Port("dport", "=", 443)
    ssh = socket.getservbyname("ssh")
    assert parse_filter("sport = :ssh") == parse_filter("sport ssh") == Port("sport", "=", ssh)
    assert parse_filter("dport = *") == parse_filter("dport = :*") == ALWAYS


@pytest.mark.parametrize(
    ("text", "network", "port"),
    [
        ("10.0.0.0/8", "10.0.0.0/8", None),
        ("10/8", "10.0.0.0/8", None),
        ("192.168/16:22", "192.168.0.0/16", 22),
        ("127.0.0.1", "127.0.0.1/32", None),
        ("127.0.0.1/8", "127.0.0.0/8", None),
        ("127.0.0.1:8080", "127.0.0.1/32", 8080),
        ("127.0.0.1:*", "127.0.0.1/32", None),
        ("127.0.0.1:ssh", "127.0.0.1/32", 22),
        ("0.0.0.0", "0.0.0.0/32", None),
        ("0.0.0.0/0", "0.0.0.0/0", None),
        ("[::1]", "::1/128", None),
        ("[::1]:443", "::1/128", 443),
        ("[::1/64]", "::/64", None),
        ("[fe80::/10]:*", "fe80::/10", None),
        ("::1", "::1/128", None),
        ("::", "::/128", None),
        ("::/0", "::/0", None),
        ("::ffff:127.0.0.1", "::ffff:7f00:1/128", None),
        ("2001:db8::/32", "2001:db8::/32", None),
        ("2001:db8::/32:443", "2001:db8::/32", 443),
        ("2001:db8:0:0:0:0:0:1", "2001:db8::1/128", None),
        ("1:2:3:4:5:6:7:8:443", "1:2:3:4:5:6:7:8/128", 443),
    ],
)
def test_addresses(text: str, network: str, port: int | None) -> None:
    host = Host("dst", ipaddress.ip_network(network), port)
    assert parse_filter(f"dst {text}") == host
    assert parse_filter(f"dst = {text}") == host
    assert parse_filter(f"dst != {text}") == Not(host)


@pytest.mark.parametrize("text", ["*", "*:*", "any", "all", "default", ":*"])
def test_any_address(text: str) -> None:
    assert parse_filter(f"src {text}") == ALWAYS


def test_any_address_with_a_port() -> None:
    for text in ("*:80", ":80", "any:80"):
        assert parse_filter(f"src {text}") == Port("sport", "=", 80)
        assert parse_filter(f"dst {text}") == Port("dport", "=", 80)


def test_names_of_hosts_are_looked_up_and_numbers_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def answer(name: str, *_: object, **__: object) -> list[object]:
        asked.append(name)
        if name != "both.example":
            raise socket.gaierror(-2, "Name or service not known")
        ips = ["192.0.2.7", "2001:db8::7", "192.0.2.7", "fe80::7%eth0"]
        return [(0, 0, 0, "", (ip, 0)) for ip in ips]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    assert parse_filter("dst both.example:80") == AnyOf(
        tuple(
            Host("dst", ipaddress.ip_network(ip), 80)
            for ip in ("192.0.2.7", "2001:db8::7", "fe80::7")
        )
    )
    assert _refusal("dst neither.example").position == 4
    for text in ("127.0.0.1", "[::1]:80", "10/8"):
        parse_filter(f"dst {text}")
    for text in ("10.0.0.0/33", "999.1.1.1", "1.2.3", "::g", "-", "a/8", "10.0.0.0/x"):
        assert _refusal(f"dst {text}").position == 4
    assert asked == ["both.example", "neither.example"]


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ("state established", {TcpState.ESTABLISHED}),
        ("state ESTABLISHED", {TcpState.ESTABLISHED}),
        ("state TIME_WAIT", {TcpState.TIME_WAIT}),
        ("state Time-Wait", {TcpState.TIME_WAIT}),
        ("state FIN_WAIT1", {TcpState.FIN_WAIT1}),
        ("state fin-wait-1", {TcpState.FIN_WAIT1}),
        ("state LISTEN", {TcpState.LISTEN}),
        ("state close", {TcpState.CLOSE}),
        ("state unconnected", {TcpState.CLOSE}),
        ("state syn-rcv", {TcpState.SYN_RECV}),
        ("state bound-inactive", {BOUND_INACTIVE}),
        ("state all", set(ALL_STATES)),
        ("state connected", ALL_STATES - {TcpState.LISTEN, TcpState.CLOSE}),
        (
            "state synchronized",
            ALL_STATES - {TcpState.LISTEN, TcpState.CLOSE, TcpState.SYN_SENT},
        ),
        ("state bucket", {TcpState.SYN_RECV, TcpState.TIME_WAIT}),
        ("state big", ALL_STATES - {TcpState.SYN_RECV, TcpState.TIME_WAIT}),
        ("exclude time-wait", ALL_STATES - {TcpState.TIME_WAIT}),
        ("excl time-wait", ALL_STATES - {TcpState.TIME_WAIT}),
        ("state established state listening", {TcpState.ESTABLISHED, TcpState.LISTEN}),
        ("exclude time-wait exclude listening", ALL_STATES - {TcpState.TIME_WAIT, TcpState.LISTEN}),
        ("state big exclude listening", ALL_STATES - {TcpState.SYN_RECV, TcpState.TIME_WAIT,
                                                      TcpState.LISTEN}),
        ("state established exclude established", set()),
    ],
)  # fmt: skip
def test_states_add_up(text: str, states: set[State]) -> None:
    assert parse_filter(text) == States(frozenset(states))
    assert parse_filter(f"( {text} )") == States(frozenset(states))


def test_every_state_has_both_names() -> None:
    for state in TcpState:
        assert parse_filter(f"state {state}") == _states(state)


def test_states_that_come_first_hold_for_all_the_rest() -> None:
    either = AnyOf((_A, _B))
    listening = _states(TcpState.LISTEN)
    for text in ("state listening sport = 1 or sport = 2", "state LISTEN and sport = 1 | sport 2"):
        assert parse_filter(text) == All((listening, either))
    assert parse_filter("state listening or sport = 1") == AnyOf((listening, _A))
    assert parse_filter("sport = 1 state listening") == All((_A, listening))


def test_conditions_of_our_own() -> None:
    user = pwd.getpwuid(0)
    assert parse_filter("pid = 812") == parse_filter("pid 812") == Pid(812)
    assert parse_filter("pid != 812") == Not(Pid(812))
    assert parse_filter("process ~ nginx") == Process("~", "nginx")
    assert parse_filter("process !~ 'a b'") == Not(Process("~", "a b"))
    assert parse_filter("process = nginx") == Process("=", "nginx")
    assert parse_filter("process ~ '^(a|b)'") == Process("~", "^(a|b)")
    assert parse_filter(r"path ~ '\d'") == Path("~", r"\d")
    assert parse_filter(r'path = "a\"b\\c\d"') == Path("=", r"a\d".replace("a", 'a"b\\c'))
    assert parse_filter(f"user = {user.pw_name}") == parse_filter("user = 0") == User(0)
    assert parse_filter("timer = keepalive") == TimerIs(TimerKind.KEEPALIVE)
    assert parse_filter("timer = persist") == TimerIs(TimerKind.PROBE)
    assert parse_filter("proto = tcp6") == ProtoIs(Proto.TCP6)
    assert parse_filter("proto = udpl") == ProtoIs(Proto.UDPLITE)
    assert parse_filter("dev = 3") == Interface(3)
    name = socket.if_nameindex()[0]
    assert parse_filter(f"dev {name[1]}") == Interface(name[0])


def test_words_of_a_command_line_are_one_text() -> None:
    words = ["state", "established", "( dport = :443", "or", "sport = :8080 )"]
    assert parse_filter(words) == parse_filter(" ".join(words))


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("", 0, "a condition"),
        ("   ", 3, "a condition"),
        ("nonsense", 0, "a condition"),
        ("sport = :1 nonsense", 11, "a condition"),
        ("'sport' = :1", 0, "a condition"),
        ("sport", 5, "a port"),
        ("sport =", 7, "a port"),
        ("sport = :nosuchservice", 8, "a port"),
        ("sport = 65536", 8, "a port from 0 to 65535"),
        ("sport = -1", 8, "a port"),
        ("sport = " + "9" * 5000, 8, "a port from 0 to 65535"),
        ("dst 1.2.3.4:" + "9" * 5000, 12, "a port from 0 to 65535"),
        ("sport ~ 80", 6, "a comparison"),
        ("sport > *", 8, "a port"),
        ("state", 5, "a state"),
        ("state nosuch", 6, "a state"),
        ("sport = 1 state established exclude nosuch", 36, "a state"),
        ("dst", 3, "an address"),
        ("dst 10.0.0.0/33", 4, "an address"),
        ("dst 1.2.3.4:nosuchservice", 12, "a port"),
        ("dst 1.2.3.4:70000", 12, "a port from 0 to 65535"),
        ("dst [::1", 4, "an IPv6 address in brackets"),
        ("dst [::1]/64", 4, "an IPv6 address in brackets"),
        ("dst [::g]", 4, "an address"),
        ("dst ::1:80", 4, "brackets: [::1]:80 or [::1:80]"),
        ("dst > 1.2.3.4", 4, "= or !="),
        ("pid = x", 6, "the number of a process"),
        ("pid > 3", 4, "= or !="),
        ("inode =", 7, "an inode's number"),
        ("user = no-such-user-here", 7, "a user's name"),
        ("user", 4, "a user's name"),
        ("dev = nosuchdev0", 6, "an interface"),
        ("dev = 4294967296", 6, "an interface's number from 0 to 4294967295"),
        ("process ~ '('", 10, "a regular expression"),
        ("process ~", 9, "the name of a process"),
        ("path", 4, "the name of a unix socket"),
        ("recv-q > x", 9, "a number"),
        ("timer = soon", 8, "a timer"),
        ("proto = ipx", 8, "a table"),
        ("process = 'abc", 10, "a closing quote"),
        ('sport = 1 or "', 13, "a closing quote"),
        ("( sport = 1", 11, "a closing parenthesis"),
        ("sport = 1 )", 10, "and, or, another condition, or the end"),
        ("( )", 2, "a condition"),
        ("sport = 1 and", 13, "a condition"),
        ("or sport = 1", 0, "a condition"),
        ("not", 3, "a condition"),
        ("autobound", 0, "another condition, since no row tells whether the kernel chose"),
        ("fwmark = 1", 0, "another condition, since no row tells its mark"),
        ("cgroup /x", 0, "another condition, since no row tells its cgroup"),
    ],
)
def test_a_wrong_text_is_refused_at_its_place(text: str, position: int, expected: str) -> None:
    error = _refusal(text)
    assert isinstance(error, PynetstatError)
    assert (error.text, error.position) == (text, position)
    assert error.expected.startswith(expected)
    assert expected in str(error)
    assert "\n" not in str(error)
    assert error.pointer == f"{text}\n{' ' * position}^"


def test_zeros_before_a_port_do_not_count() -> None:
    assert parse_filter("sport = " + "0" * 5000 + "1") == _A


def test_the_caret_stands_right_behind_what_is_written_out() -> None:
    refusal = _refusal("process = '\x1b[31m\n' sport = nosuchservice")
    shown, caret = refusal.pointer.split("\n")
    assert shown == "process = '\\x1b[31m\\x0a' sport = nosuchservice"
    assert shown[len(caret) - 1 :] == "nosuchservice"


@pytest.mark.parametrize(
    "pattern",
    ["(" * 5000, "a{99999999999}", "a{" + "9" * 5000 + "}", "(?\x1b", "(?\n)"],
    ids=["nested", "repeated", "repeated-more", "escape", "line-end"],
)
def test_whatever_python_has_against_a_pattern_is_a_refusal_on_one_line(pattern: str) -> None:
    refusal = _refusal(f"process ~ '{pattern}'")
    assert refusal.position == 10
    assert refusal.expected.startswith("a regular expression")
    assert refusal.expected.isprintable()
    assert str(refusal).isprintable()


@pytest.mark.parametrize("pattern", ["[[:alpha:]]", "[a&&b]", "[a||b]"])
def test_what_a_later_python_may_read_otherwise_is_no_trouble_today(pattern: str) -> None:
    condition = Process("~", pattern)
    assert parse_filter(f"process ~ '{pattern}'") == condition
    re.purge()
    assert matches(condition, _HELD) in (True, False)


def test_depth_is_limited() -> None:
    def nested(depth: int) -> str:
        return "(" * depth + "sport = 1" + ")" * depth

    assert parse_filter(nested(90)) == _A
    for text in (nested(5000), "!" * 5000 + "sport = 1"):
        with pytest.raises(FilterError, match="within each other"):
            parse_filter(text)


def test_changes_between_and_and_or_nest_and_are_limited() -> None:
    def mixed(turns: int) -> str:
        return "pid = 1" + " and pid = 2 or pid = 1" * (turns // 2)

    found = parse_filter(mixed(90))
    assert parse_filter(filter_text(found)) == found
    assert matches(found, _HELD) is True
    within = f"{'not ( pid = 2 or ' * 30}{mixed(40)}{' )' * 30}"
    for text in (mixed(100), f"{mixed(80)} or ( {mixed(100)} )", f"not ( {mixed(92)} )", within):
        with pytest.raises(FilterError, match="within each other"):
            parse_filter(text)


def test_many_alternatives_side_by_side_are_one_question() -> None:
    ports = [f"( sport = {port} and pid = 1 or pid = 2 )" for port in range(2000)]
    found = parse_filter(" or ".join(ports))
    assert parse_filter(filter_text(found)) == found
    assert matches(found, _HELD) is True


@given(FILTERS)
def test_a_filter_written_down_reads_the_same(question: Filter) -> None:
    assert parse_filter(filter_text(question)) == question


@given(st.text(alphabet="()!=<>~&|:[]*/'\"\\ .01a\n", max_size=40))
def test_any_text_is_understood_or_refused_with_a_place(text: str) -> None:
    _understood(text)


_WORDS = (
    "state exclude established sport dport src dst = != > ~ ( ) and or not :80 80 [::1] 10/8 "
    "pid process user inode path recv-q timer proto dev nosuch 'x' tcp keepalive 0"
)


@given(st.lists(st.sampled_from(_WORDS.split(" ")), max_size=12))
def test_any_words_are_understood_or_refused_with_a_place(words: list[str]) -> None:
    _understood(" ".join(words))
