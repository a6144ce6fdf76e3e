"""Filters on real sockets: against ss, the kernel against this program, source by source."""

from __future__ import annotations

import ipaddress
import platform
import re
import shlex
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pynetstat import Gap, GapKind, Proto, Snapshot
from pynetstat.filter_grammar import parse_filter
from pynetstat.filters import (
    ALL_STATES,
    Filter,
    Host,
    Interface,
    Pid,
    Port,
    ProtoIs,
    Queue,
    States,
    TimerIs,
    User,
)
from pynetstat.records import TimerKind, UnixState
from tests.any_filter import put_together

from .filtered import (
    ask,
    bound_sockets,
    cost,
    crowd,
    decided_by_kernel_and_here,
    decided_for_both_sources,
    ends,
)
from .namespace import Namespace
from .ss import identity

_ATTEMPTS = 10
"""Timers fire between two looks; what never agrees in so many attempts differs."""

_KERNEL = tuple(map(int, re.findall(r"\d+", platform.release())[:2]))

_STATES = (
    "established syn-sent syn-recv fin-wait-1 fin-wait-2 time-wait closed close-wait last-ack "
    "listening closing all connected synchronized bucket big"
)
_EXPRESSIONS = [
    *(f"state {name}" for name in _STATES.split(" ")),
    "exclude time-wait",
    "exclude time-wait exclude listening",
    "state established state listening",
    "state big exclude listening",
    "state listening sport > :0 or dport > :0",
    "sport = :{port}",
    "dport = :{port}",
    "sport = {port} or dport = {port}",
    "sport != :{port}",
    "sport < :{port}",
    "sport <= :{port}",
    "sport >= :{port} and dport gt :0",
    "dport lt :{port} sport > :1024",
    "dport = :0",
    "dport > :0",
    "dport > :65535",
    "dport = :*",
    "not dport > :0",
    "not not dport > :0",
    "not ( dport > :0 and sport > :{port} )",
    "! dport > :0 or sport = :{port}",
    "sport > :0 or dport > :0 and dport < :0",
    "sport > :0 or dport > :0 dport < :0",
    "sport > :0 or ( dport > :0 and dport < :0 )",
    "dport < :0 and dport < :0 or sport > :0",
    "src 0.0.0.0",
    "src 0.0.0.0/0",
    "src 127.0.0.1",
    "src 127.0.0.1/8",
    "src 127/8",
    "src 10/8",
    "src 127.0.0.1:{port}",
    "src 127.0.0.0/8:*",
    "src = 127.0.0.1",
    "not src 127.0.0.1",
    "src [::]",
    "src ::/0",
    "src [::1]",
    "src [::1]:{port}",
    "src [::1/64]",
    "src ::1/64",
    "src ::ffff:0.0.0.0/96",
    "src 127.0.0.1 or src [::1]",
    "src 127.0.0.1 dst 127.0.0.1",
    "src *",
    "dst *:*",
    "dst any",
    "src :{port}",
    "dst *:{port}",
    "dev = lo",
    "dev != lo",
    "state fin-wait-2 ( src [::1] or dst 127.0.0.0/8 )",
    "state established ( dport = :443 or sport = :{port} )",
    "exclude listening src 127.0.0.1 not dport = :{port}",
]

_TABLES = {
    "tcp": ("-t", ["tcp", "tcp6"]),
    "udp": ("-u", ["udp", "udp6"]),
    "raw": ("-w", ["raw", "raw6"]),
    "mptcp": ("-M", ["mptcp", "mptcp6"]),
}


_ASKED_OF_SS = [
    (table, expression)
    for table in _TABLES
    for expression in _EXPRESSIONS
    # Without raw_diag ss reads /proc, compares addresses across families and knows no interface.
    if table != "raw" or not re.search("src|dst|dev", expression)
]


@pytest.mark.parametrize(("table", "expression"), _ASKED_OF_SS)
def test_rows_are_those_of_ss_with_the_same_expression(
    states: Namespace,
    expected_rows: list[tuple[str, int, int, str]],
    tool: Callable[[str], str],
    table: str,
    expression: str,
) -> None:
    flag, protos = _TABLES[table]
    port = next(row[1] for row in expected_rows if row[3] == "ESTABLISHED")
    text = expression.format(port=port)
    ss = tool("ss")
    for attempt in range(1, _ATTEMPTS + 1):
        snapshot: Snapshot = states.call(ask, text, protos)
        theirs = states.run(ss, "-HOanep", flag, *shlex.split(text))
        assert theirs.code == 0, theirs.complaint
        ours = sorted((row.laddr, row.raddr, row.cookie or 0) for row in snapshot.records)
        expected = sorted(map(identity, theirs.text.splitlines()))
        if ours == expected or attempt == _ATTEMPTS:
            break
    assert ours == expected
    assert snapshot.gaps == () or table in ("raw", "mptcp")


@pytest.mark.parametrize(
    "expression", ["state established", "state listening", "state closed", "exclude listening"]
)
def test_unix_rows_are_those_of_ss(
    states: Namespace, tool: Callable[[str], str], expression: str
) -> None:
    snapshot: Snapshot = states.call(ask, expression, ["unix"])
    theirs = states.run(tool("ss"), "-HOxane", *shlex.split(expression)).text
    ours = sorted(row.inode or 0 for row in snapshot.unix if row.state != UnixState.CONNECTING)
    assert ours
    assert ours == sorted(int(inode) for inode in re.findall(r" (\d+) +\S+ +\d+ +<->", theirs))


def _of_these(found: list[tuple[str, int]]) -> st.SearchStrategy[Filter]:
    """Conditions on ends that are really there, and on all else that rows tell."""
    ports = st.sampled_from(sorted({port for _, port in found} | {1, 65535}))
    networks = st.builds(
        lambda ip, bits: ipaddress.ip_network(f"{ip}/{min(bits, 128 if ':' in ip else 32)}", False),
        st.sampled_from(sorted({ip for ip, _ in found})),
        st.sampled_from([0, 1, 8, 31, 32, 64, 96, 127, 128]),
    )
    ops: Any = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
    leaves: st.SearchStrategy[Filter] = st.one_of(
        st.builds(Port, st.sampled_from(["sport", "dport"]), ops, ports),
        st.builds(Host, st.sampled_from(["src", "dst"]), networks, st.one_of(st.none(), ports)),
        st.builds(States, st.frozensets(st.sampled_from(sorted(ALL_STATES)), min_size=1)),
        st.builds(User, st.sampled_from([0, 65534])),
        st.builds(Queue, st.sampled_from(["recv-q", "send-q"]), ops, st.sampled_from([0, 1, 5])),
        st.builds(TimerIs, st.sampled_from(list(TimerKind))),
        st.builds(ProtoIs, st.sampled_from([Proto.TCP, Proto.TCP6, Proto.UDP6])),
    )
    return put_together(leaves)


_PATIENT = settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
)


def test_the_kernel_decides_as_this_program_does(states: Namespace) -> None:
    conditions = st.one_of(
        _of_these(states.call(ends)),
        put_together(st.one_of(_of_these([("::", 0)]), st.builds(Pid, st.just(states.pid)))),
        put_together(st.builds(Interface, st.integers(0, 1))),
    )

    @_PATIENT
    @given(conditions)
    def check(question: Filter) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            tables = states.call(decided_by_kernel_and_here, question)
            if all(kernels == ours for kernels, ours in tables) or attempt == _ATTEMPTS:
                break
        assert len(tables) >= 4
        assert [kernels for kernels, _ in tables] == [ours for _, ours in tables]

    check()


def test_both_sources_give_the_same_rows(states: Namespace) -> None:
    @_PATIENT
    @given(_of_these(states.call(ends)))
    def check(question: Filter) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            netlink, proc = states.call(decided_for_both_sources, question)
            if netlink == proc or attempt == _ATTEMPTS:
                break
        assert netlink == proc

    check()


def test_a_handshake_keeps_its_user_under_every_filter(states: Namespace) -> None:
    whole: Snapshot = states.call(ask, "state syn-recv", ["tcp"])
    (row,) = whole.records
    assert row.uid is not None
    for text in (f"sport = :{row.laddr.port}", f"dport = {row.raddr.port}", f"user = {row.uid}"):
        found: Snapshot = states.call(ask, f"state syn-recv {text}", ["tcp"])
        assert [record.uid for record in found.records] == [row.uid]
    assert states.call(ask, f"dport = {row.raddr.port}", ["tcp"]).records[0].uid == row.uid


def test_what_psutil_does_not_tell_is_left_out_and_counted(states: Namespace) -> None:
    snapshot: Snapshot = states.call(ask, "send-q > 0 state established", ["tcp"], "psutil")
    assert snapshot.records == []
    (gap,) = snapshot.gaps
    assert (gap.kind, gap.proto) == (GapKind.UNDECIDED, Proto.TCP)
    assert re.fullmatch(r"\d+ rows left out: psutil can't tell send-q", gap.reason)
    assert not snapshot.complete


def test_bound_and_inactive_sockets_are_shown_when_asked_for(namespace: Namespace) -> None:
    port, _ = namespace.hold(bound_sockets)
    if _KERNEL < (6, 8):
        pytest.skip("Linux before 6.8 does not tell them")
    found: Snapshot = namespace.call(ask, "state bound-inactive", ["tcp", "udp"])
    assert [(row.laddr.port, row.state) for row in found.records] == [(port, "CLOSE")]
    assert found.gaps == ()
    for text in (
        "state closed",
        "state all",
        f"sport = :{port}",
        f"not state listening sport {port}",
    ):
        others: Snapshot = namespace.call(ask, text, ["tcp"])
        assert port not in {row.laddr.port for row in others.records}
    both: Snapshot = namespace.call(ask, "state listening state bound-inactive", ["tcp"])
    assert {row.state for row in both.records} == {"LISTEN", "CLOSE"}
    missed: Snapshot = namespace.call(ask, "state bound-inactive", ["tcp"], "procfs")
    assert missed.records == []
    assert [gap.kind for gap in missed.gaps] == [GapKind.UNDECIDED]


def test_an_interface_is_asked_for_by_name_or_number(namespace: Namespace) -> None:
    _, port = namespace.hold(bound_sockets)
    for text in ("dev = lo", "dev 1", "not dev = 0"):
        found: Snapshot = namespace.call(ask, text, ["tcp"])
        assert [row.laddr.port for row in found.records] == [port]
    untold: Snapshot = namespace.call(ask, "dev = lo", ["tcp"], "procfs")
    reason = "1 row left out: procfs can't tell the interface"
    assert untold.gaps == (Gap(GapKind.UNDECIDED, Proto.TCP, reason),)


def test_an_exact_question_costs_what_its_answer_costs(namespace: Namespace) -> None:
    port = namespace.hold(crowd, 5_000)
    rows, size = namespace.call(cost, None)
    assert rows >= 10_000
    # The listeners come along, for they know the users of handshakes.
    some, cheap = namespace.call(cost, parse_filter(f"dport = :{port}"))
    assert 2 <= some <= 5
    assert cheap < size / 500
    assert namespace.call(cost, parse_filter(f"state established dport = :{port}"))[0] == 1


@pytest.mark.parametrize("flags", ["-tn", "-tln", "-tan"])
def test_the_filter_chooses_the_states_instead_of_the_flags(
    states: Namespace, expected_rows: list[tuple[str, int, int, str]], flags: str
) -> None:
    for state, word in (("LISTEN", "listening"), ("TIME_WAIT", "time-wait")):
        done = states.pynetstat(flags, "state", word)
        found = [line.split()[5] for line in done.text.splitlines()[2:]]
        assert done.code == 0, done.complaint
        assert set(found) == {state}
        assert len(found) >= sum(
            row[3] == state and row[0] in ("tcp", "tcp6") for row in expected_rows
        )


def test_rows_left_out_are_told_on_stderr(states: Namespace) -> None:
    done = states.pynetstat("-tan", "--source", "psutil", "state", "listening", "send-q", "=", "0")
    assert (done.code, len(done.text.splitlines())) == (0, 2)
    assert re.search(r"^pynetstat: tcp: \d+ rows left out: psutil can't tell send-q$",
                     done.complaint, re.MULTILINE)  # fmt: skip
