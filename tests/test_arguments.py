"""The command line: every flag in both forms, clusters, and what is refused."""

from __future__ import annotations

import pytest

from pynetstat.command.arguments import parse_arguments
from pynetstat.command.options import Numeric, Options
from pynetstat.filter_grammar import parse_filter
from pynetstat.filters import All
from pynetstat.query import Show, in_netstat_order
from pynetstat.records import Proto
from pynetstat.render.netstat import Columns
from pynetstat.sources import SOURCE_NAMES

from .trees import tree

_ALL_BUT_MPTCP = tuple(proto for proto in in_netstat_order(Proto) if proto.base != "mptcp")


def _parse(*arguments: str) -> Options:
    return parse_arguments(list(arguments), "1.2.3")


def _refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        _parse(*arguments)
    out, err = capsys.readouterr()
    assert (caught.value.code, out) == (2, "")
    assert err.startswith("pynetstat: ")
    assert err.endswith("; see pynetstat --help\n")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        (("-t", "--tcp"), "tcp tcp6"),
        (("-u", "--udp"), "udp udp6"),
        (("-U", "--udplite"), "udplite udplite6"),
        (("-w", "--raw"), "raw raw6"),
        (("-S", "--sctp"), "sctp sctp6"),
        (("-M", "--mptcp"), "mptcp mptcp6"),
        (("-x", "--unix"), "unix"),
    ],
)
def test_each_table_has_its_flags(flags: tuple[str, ...], names: str) -> None:
    for flag in flags:
        options = _parse(flag)
        assert options.query.protos == tuple(Proto(name) for name in names.split())
        assert options.query.show is Show.CONNECTED
        assert not options.implied


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ("-t4", "tcp"),
        ("-t6", "tcp6"),
        ("-t46", "tcp tcp6"),
        ("-64 -t", "tcp tcp6"),
        ("-ut --inet6", "tcp6 udp6"),
        ("--tcp --inet", "tcp"),
        ("--tcp --ip", "tcp"),
        ("-4", "tcp sctp udp udplite raw"),
        ("-6", "tcp6 sctp6 udp6 udplite6 raw6"),
        ("-x4", "tcp sctp udp udplite raw unix"),
        ("-x6", "tcp6 sctp6 udp6 udplite6 raw6 unix"),
        ("-x", "unix"),
        ("-xt4", "tcp unix"),
        ("-wut", "tcp tcp6 udp udp6 raw raw6"),
    ],
)
def test_families_choose_among_the_tables(arguments: str, names: str) -> None:
    protos = tuple(Proto(name) for name in names.split())
    assert _parse(*arguments.split()).query.protos == protos


def test_without_a_table_all_but_mptcp_are_shown() -> None:
    for flag in ("-a", "-l", "-n", "-e", "-p", "-o"):
        options = _parse(flag)
        assert options.query.protos == _ALL_BUT_MPTCP
        assert options.implied


@pytest.mark.parametrize(
    ("arguments", "show"),
    [
        ("-t", Show.CONNECTED),
        ("-ta", Show.ALL),
        ("-t --all", Show.ALL),
        ("-tl", Show.LISTENING),
        ("-t --listening", Show.LISTENING),
        ("-tla", Show.ALL),
        ("-tal", Show.ALL),
    ],
)
def test_which_rows(arguments: str, show: Show) -> None:
    assert _parse(*arguments.split()).query.show is show


@pytest.mark.parametrize(
    ("flags", "columns"),
    [
        (("-e", "--extend"), Columns(extend=True)),
        (("-p", "--programs"), Columns(programs=True)),
        (("-o", "--timers"), Columns(timers=True)),
        (("-W", "--wide"), Columns(wide=True)),
    ],
)
def test_each_column_has_its_flags(flags: tuple[str, ...], columns: Columns) -> None:
    for flag in flags:
        options = _parse("-t", flag)
        assert options.columns == columns
        assert options.query.owners is columns.programs


@pytest.mark.parametrize(
    ("arguments", "numeric"),
    [
        ("-t", Numeric(False, False, False)),
        ("-tn", Numeric(True, True, True)),
        ("-t --numeric", Numeric(True, True, True)),
        ("-t --numeric-hosts", Numeric(True, False, False)),
        ("-t --numeric-ports", Numeric(False, True, False)),
        ("-t --numeric-users", Numeric(False, False, True)),
        ("-t --numeric-users --numeric-hosts --numeric-ports", Numeric(True, True, True)),
    ],
)
def test_numbers_instead_of_names(arguments: str, numeric: Numeric) -> None:
    options = _parse(*arguments.split())
    assert options.numeric == numeric


@pytest.mark.parametrize(
    ("cluster", "spelled_out"),
    [
        ("-tuplan", "-t -u -p -l -a -n"),
        ("-tauopen", "-t -a -u -o -p -e -n"),
        ("-tauon", "--tcp --all --udp --timers --numeric"),
        ("-antup", "--numeric --udp --programs --tcp --all"),
        ("-lx", "--listening --unix"),
        ("-tWce", "-t -W -c -e"),
    ],
)
def test_clusters(cluster: str, spelled_out: str) -> None:
    assert _parse(cluster) == _parse(*spelled_out.split())


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("--listen", "--listening"),
        ("--prog", "--programs"),
        ("--conti", "--continuous"),
        ("--time", "--timers"),
        ("--sour=procfs", "--source=procfs"),
        ("--udpl", "--udplite"),
        ("--udp", "-u"),
        ("--numeric", "-n"),
        ("--inet", "-4"),
    ],
)
def test_long_flags_may_be_abbreviated(short: str, long: str) -> None:
    assert _parse("-t", short) == _parse("-t", long)


@pytest.mark.parametrize("flag", ["--numer", "--in", "--u"])
def test_ambiguous_abbreviations_are_refused(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert flag in _refused(capsys, flag)


def test_a_value_for_a_flag_that_takes_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "takes no value, and '1' is no flag" in _refused(capsys, "--timers=1")


def test_an_unknown_flag_in_a_cluster_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    # From Python 3.13 on argparse finds the place by itself.
    ours, argparses = "'j' is no flag", "unrecognized arguments: -j"
    refusal = _refused(capsys, "-tanj")
    assert ours in refusal or argparses in refusal


@pytest.mark.parametrize("extra", ["", "-W", "--source=procfs", "--format=plain"])
def test_no_flag_at_all_is_tauon(extra: str) -> None:
    extras = [extra] * bool(extra)
    assert _parse(*extras) == _parse("-tauon", *extras)
    assert not _parse(*extras).implied


def test_repeating() -> None:
    assert _parse("-t").interval_s is None
    assert _parse("-tc").interval_s == 1.0
    assert _parse("--continuous").interval_s == 1.0
    assert _parse("--interval", "0.25").interval_s == 0.25
    assert _parse("-c", "--interval=86400").interval_s == 86400.0
    assert _parse("-c")._replace(interval_s=None) == _parse("-tauon")


@pytest.mark.parametrize("interval", ["0", "-1", "nan", "inf", "86401", "soon", ""])
def test_senseless_intervals_are_refused(interval: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--interval" in _refused(capsys, f"--interval={interval}")


def test_sources() -> None:
    assert _parse("-t").source == "auto"
    for name in SOURCE_NAMES:
        assert _parse("--source", name).source == name


def test_unknown_sources_are_refused_with_the_choice(capsys: pytest.CaptureFixture[str]) -> None:
    said = _refused(capsys, "--source", "magic")
    assert "magic" in said
    assert all(name in said for name in SOURCE_NAMES)


def test_a_saved_tree_has_one_source_only(capsys: pytest.CaptureFixture[str]) -> None:
    root = tree("captured")
    assert _parse("--proc-root", root).proc_root == root
    assert _parse(f"--proc-root={root}", "--source=procfs").source == "procfs"
    for source in ("sockdiag", "psutil"):
        assert source in _refused(capsys, f"--proc-root={root}", f"--source={source}")


@pytest.mark.parametrize("root", ["", "/none/such", "/dev/null", "/none\n\x1b[31m"])
def test_a_tree_that_is_not_there_is_refused(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = _refused(capsys, f"--proc-root={root}")
    assert "not a directory" in said
    assert said[:-1].isprintable()


def test_formats(capsys: pytest.CaptureFixture[str]) -> None:
    assert _parse("-t").format is None
    for name in ("plain", "rich"):
        assert _parse(f"--format={name}").format == name
    assert "sixel" in _refused(capsys, "--format=sixel")


@pytest.mark.parametrize("flag", ["-Z", "--context", "-tZ", "-tauonZ"])
def test_security_contexts_are_refused_with_a_reason(
    flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "-Z: security contexts are not shown" in _refused(capsys, flag)


@pytest.mark.parametrize(
    "flag", ["--nonsense", "-j", "-tj", "-9", "--tcp=yes", "-c5", "--\x1b[31m", "--two\nlines"]
)
def test_what_is_unknown_is_refused_in_one_printable_line(
    flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _refused(capsys, flag)[:-1].isprintable()


@pytest.mark.parametrize(
    "arguments",
    [
        "--columns nonsense",
        "--columns state,",
        "--columns --columns",
        "--sort state,nonsense",
        "--sort --state",
        "--group-by nonsense",
        "--group-by state --sort state",
        "-s --columns state",
        "-s -q",
        "-s --source sockdiag",
        "-s --svg x.svg",
        "-s state established",
        "-s -f sport=:80",
        "-s -t",
        "-s -x",
        "-s -4",
        "-s -l",
        "-qc",
        "--wait 1 --interval 1",
        "--wait -1",
        "--wait nan",
        "--format csv --html x.html",
        "-q --svg x.svg",
        "-q --html x.html",
        "--svg=",
        "--html=",
        "-s --explain",
        "--group-by state --explain",
        "--explain=LISTEN -q",
        "--explain=LISTEN --format json",
        "--explain=LISTEN --svg x.svg",
        "--explain=-h",
        "--explain=-V",
    ],
)
def test_contradictions_are_refused(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _refused(capsys, *arguments.split())[:-1].isprintable()


def test_an_unknown_column_is_answered_with_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    refusal = _refused(capsys, "--columns", "state,\x1b[31m")
    assert "no column '\\x1b[31m'; known: " in refusal
    assert " recv-q, " in refusal


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--wait", "-1"), "seconds must be from 0"),
        (("--interval", "-1"), "seconds must be more than 0"),
    ],
)
def test_a_refusal_says_what_is_allowed(
    capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], words: str
) -> None:
    assert words in _refused(capsys, *flags)


def test_a_topic_behind_other_flags_is_told_how_to_ask(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        _parse("-tan", "--explain", "TIME_WAIT")
    first = capsys.readouterr().err.splitlines()[0]
    assert (caught.value.code, first.endswith("; its page: --explain='TIME_WAIT'")) == (2, True)


@pytest.mark.parametrize("flag", ["--sort", "--sor"])
def test_what_to_sort_by_may_begin_with_a_dash(flag: str) -> None:
    keys = _parse(flag, "-bytes,local").choice.sort
    assert [(key.column.name, key.descending) for key in keys] == [
        ("bytes_acked", True), ("bytes_received", True), ("local", False),
    ]  # fmt: skip


def test_columns_and_order() -> None:
    choice = _parse("--columns", "local,Recv-Q,recv_q,foreign,bytes").choice
    assert [column.name for column in choice.columns or ()] == [
        "local",
        "recv_q",
        "recv_q",
        "remote",
        "bytes_acked",
        "bytes_received",
    ]
    for arguments in (["--sort", "-recv-q,state"], ["--sort=-recv-q,state"]):
        sort = _parse(*arguments).choice.sort
        assert [(key.column.name, key.descending) for key in sort] == [
            ("recv_q", True),
            ("state", False),
        ]


@pytest.mark.parametrize(
    ("arguments", "owners", "info"),
    [
        ("--columns state", False, False),
        ("--columns pid", True, False),
        ("--columns state --sort cmdline", True, False),
        ("--columns rtt", False, True),
        ("--sort -rtt", False, True),
        ("-i", False, True),
        ("--group-by process", True, False),
        ("--group-by state", False, False),
    ],
)
def test_what_is_shown_decides_what_is_asked(arguments: str, owners: bool, info: bool) -> None:
    options = _parse(*arguments.split())
    assert options.query.owners is owners
    assert options.choice.of_info is info


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    for flag in ("-h", "--help", "-V", "--version"):
        with pytest.raises(SystemExit) as caught:
            _parse(flag)
        out, err = capsys.readouterr()
        assert (caught.value.code, err) == (0, "")
        assert ("--proc-root" in out) if flag in ("-h", "--help") else out == "pynetstat 1.2.3\n"


def test_a_filter_comes_behind_the_flags_or_among_them() -> None:
    expected = parse_filter("state established dport = :443")
    assert isinstance(expected, All)
    for arguments in (
        ("-t", "-n", "state", "established", "dport", "=", ":443"),
        ("-tn", "state established dport = :443"),
        ("-t", "state", "established", "dport = :443", "-n"),
        ("-tn", "-f", "state established dport = :443"),
        ("-tn", "--filter=dport = :443", "-f", "state established"),
        ("state", "established", "-tn", "dport", "=", ":443"),
    ):
        options = _parse(*arguments)
        assert options.query.protos == (Proto.TCP, Proto.TCP6)
        assert options.query.filter in (expected, All(tuple(reversed(expected.filters))))


def test_flag_and_words_must_both_hold() -> None:
    both = _parse("-f", "sport = :1 or sport = :2", "dport", "=", ":3").query.filter
    assert both == parse_filter("( sport = :1 or sport = :2 ) and dport = :3")
    assert _parse("-tan").query.filter is None


@pytest.mark.parametrize(
    ("arguments", "show"),
    [
        ("-t dport = :443", Show.CONNECTED),
        ("-ta dport = :443", Show.ALL),
        ("-tl sport = :443", Show.LISTENING),
        ("-t state listening", Show.ALL),
        ("-tl state established", Show.ALL),
        ("-t exclude time-wait", Show.ALL),
        ("-t not state listening", Show.ALL),
    ],
)
def test_states_in_a_filter_stand_above_the_flags(arguments: str, show: Show) -> None:
    assert _parse(*arguments.split()).query.show is show


@pytest.mark.parametrize(
    ("arguments", "protos"),
    [
        ("dport = :443", "tcp tcp6 udp udp6"),
        ("path ~ docker or sport = :1", "tcp tcp6 udp udp6"),
        ("-t path ~ docker", "tcp tcp6"),
    ],
)
def test_a_filter_alone_asks_the_usual_tables(arguments: str, protos: str) -> None:
    options = _parse(*arguments.split())
    assert options.query.protos == tuple(Proto(name) for name in protos.split())


@pytest.mark.parametrize("arguments", ["path ~ docker", "proto = raw", "proto = sctp6"])
def test_a_filter_that_the_usual_tables_can_not_match_asks_all(arguments: str) -> None:
    options = _parse(*arguments.split())
    assert options.query.protos == _ALL_BUT_MPTCP
    assert (options.implied, options.query.show) == (True, Show.ALL)


@pytest.mark.parametrize(
    ("arguments", "line", "caret"),
    [
        (("-tn", "sport", "=", ":nosuchservice"), "sport = :nosuchservice", 8),
        (("-f", "sport = 1 or\x1b"), "sport = 1 or\\x1b", 10),
        (("two\nlines",), "two\\x0alines", 0),
        (("-f", ""), "", 0),
    ],
)
def test_a_wrong_filter_is_one_line_and_a_caret(
    arguments: tuple[str, ...], line: str, caret: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        _parse(*arguments)
    out, err = capsys.readouterr()
    assert (caught.value.code, out) == (2, "")
    complaint, *pointer = err.splitlines()
    assert complaint.startswith("pynetstat: wrong filter, column ")
    assert complaint.isprintable()
    assert pointer == [line, " " * caret + "^"]


def test_a_namespace_is_one_or_all_of_them() -> None:
    assert (_parse("-t").netns, _parse("-t").all_netns, _parse("-t").elsewhere) == (
        None,
        False,
        False,
    )
    assert _parse("-t", "--netns", "blue").netns == "blue"
    assert _parse("-t", "--netns=812").elsewhere
    assert _parse("-t", "--all-netns").elsewhere
    assert [_parse("-t", *flags).columns.netns for flags in ((), ("--netns", "x"))] == [False] * 2
    assert _parse("-t", "--all-netns").columns.netns


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--netns", "blue", "--all-netns"), "not both"),
        (("--netns", "blue", "--source", "psutil"), "psutil reads its own network namespace"),
        (("--all-netns", "--proc-root", "."), "a tree is of one network namespace"),
        (("--all-netns", "--summary"), "--summary"),
    ],
)
def test_what_reads_one_namespace_alone_is_refused(
    capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], words: str
) -> None:
    assert words in _refused(capsys, *flags)


def test_kill_needs_a_filter_and_knows_the_owners() -> None:
    options = _parse("--kill", "sport", "=", ":80")
    assert (options.kill, options.yes, options.query.owners) == (True, False, True)
    assert _parse("--kill", "--yes", "-f", "sport = :80").yes


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--kill",), "needs a filter"),
        (("--kill", "-tan", "--yes"), "needs a filter"),
        (("--yes",), "--kill, which is not there"),
        (("--yes", "sport = :80"), "--kill, which is not there"),
        (("--kill", "sport = :80", "--source", "procfs"), "only sock_diag"),
        (("--kill", "sport = :80", "--source", "psutil"), "only sock_diag"),
        (("--kill", "sport = :80", "--proc-root", "."), "only sock_diag"),
        (("--kill", "sport = :80", "-c"), "closes and says so"),
        (("--kill", "sport = :80", "--interval", "2"), "closes and says so"),
        (("--kill", "sport = :80", "--explain"), "closes and says so"),
        (("--kill", "sport = :80", "--format", "json"), "closes and says so"),
        (("--kill", "sport = :80", "--summary"), "closes and says so"),
        (("--kill", "sport = :80", "-q"), "closes and says so"),
        (("--kill", "sport = :80", "--wait", "1"), "closes and says so"),
        (("--kill", "sport = :80", "--sort", "local"), "closes and says so"),
        (("--kill", "sport = :80", "--replay", "f"), "without --replay"),
        (("--kill", "sport = :80", "--record", "f"), "without --record"),
        (("--kill", "sport = :80", "--ladder"), "without --ladder"),
    ],
)
def test_kill_refuses_what_it_can_not_do_safely(
    capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], words: str
) -> None:
    assert words in _refused(capsys, *flags)
