"""The command line: netstat's flags and ours, turned into what is asked and how to show it."""

from __future__ import annotations

import argparse
import os
import re
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from pynetstat.errors import FilterError
from pynetstat.output import Output
from pynetstat.query import TCP_AND_UDP, Query, Show, in_netstat_order
from pynetstat.records import Proto
from pynetstat.render.netstat import Columns
from pynetstat.sources import SOURCE_NAMES
from pynetstat.text import printable

if TYPE_CHECKING:
    from pynetstat.filters import Filter

USAGE_ERROR = 2

_DESCRIPTION = "Show this machine's sockets. Without any flag: the -tauon view."
_EPILOG = (
    "The output is netstat's text, byte for byte, unless it goes to a terminal. "
    "Exit status: 0; 1 when the question could not be answered; 2 for a wrong command line."
)


class Numeric(NamedTuple):
    """What stays a number instead of being looked up."""

    hosts: bool
    ports: bool
    users: bool


class Options(NamedTuple):
    """A command line, understood."""

    query: Query
    implied: bool
    """Whether the tables follow from the absence of protocol flags."""
    columns: Columns
    numeric: Numeric
    source: str
    proc_root: str | None
    format: str | None
    interval_s: float | None
    """Seconds between repeats; None for one look."""
    explain: bool = False
    """Whether each row is explained."""
    topic: str | None = None
    """The topic whose page is wanted instead of sockets; it has one."""
    watch: bool = False
    """Whether the watch screen is asked for by its own name."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line instead of argparse's usage and message."""
        extra = re.fullmatch(r"argument (\S+): ignored explicit argument '(.*)'", message)
        if extra:
            message = f"{extra[1]} takes no value, and {extra[2]!r} is no flag"
        self.exit(USAGE_ERROR, f"{self.prog}: {printable(message)}; see {self.prog} --help\n")


def parse_arguments(arguments: list[str], version: str) -> Options:
    """The options. Raises SystemExit: 0 after -h and -V, 2 with one line on stderr.

    OSError or PynetstatError when the text of -h or -V can't be written.
    """
    parser = _build_parser()
    given = parser.parse_intermixed_args(_settle_explain(arguments))
    if given.help or given.version:
        # Not argparse's own actions: they hide that the text could not be written.
        output = Output.of_stdout()
        output.write(parser.format_help() if given.help else f"{parser.prog} {version}\n")
        output.flush()
        raise SystemExit(0)
    if given.context:
        parser.error(
            "-Z: security contexts are not shown, since neither sock_diag nor /proc/net tells "
            "a socket's label; ps -Z shows its process's"
        )
    if given.interval is not None and not 0 < given.interval <= 86400:
        parser.error("argument --interval: seconds must be more than 0 and at most 86400")
    if given.proc_root is not None and not os.path.isdir(given.proc_root):
        parser.error(f"argument --proc-root: {given.proc_root!r} is not a directory")
    if given.proc_root is not None and given.source not in ("auto", "procfs"):
        parser.error(f"argument --source: {given.source} reads the running system, not a tree")
    if given.explain:
        _check_topic(given.explain, parser)
    try:
        wanted = _parse_filters(given)
    except FilterError as error:
        parser.exit(USAGE_ERROR, f"{parser.prog}: {printable(str(error))}\n{error.pointer}\n")
    return _understand(given, wanted)


def _parse_filters(given: argparse.Namespace) -> Filter | None:
    """Every -f and the words behind the flags, all of which must hold."""
    expressions = [*given.filter, *([given.words] if given.words else [])]
    if not expressions:
        return None
    from pynetstat.filter_grammar import parse_filter
    from pynetstat.filters import all_of

    return all_of(*map(parse_filter, expressions))


def _settle_explain(arguments: list[str]) -> list[str]:
    """The arguments with --explain given its value, so that argparse takes no word for it.

    Words after a lone --explain are its topic; beside any other flag they are not.
    """
    wants = [_is_explain(argument) for argument in arguments]
    if wants[:1] == [True] and not any(word.startswith("-") for word in arguments[1:]):
        return [f"--explain={' '.join(arguments[1:])}"]
    return [
        "--explain=" if is_it else argument
        for is_it, argument in zip(wants, arguments, strict=True)
    ]


def _is_explain(argument: str) -> bool:
    return len(argument) > len("--ex") and "--explain".startswith(argument)


def _check_topic(topic: str, parser: argparse.ArgumentParser) -> None:
    from pynetstat.explain.pages import find_page, near_misses

    if find_page(topic) is None:
        near = ", ".join(near_misses(topic))
        hint = f"; near it: {near}" if near else ""
        parser.error(f"argument --explain: there is no page on {topic!r}{hint}")


def _understand(given: argparse.Namespace, wanted: Filter | None) -> Options:
    protocols = (given.tcp, given.mptcp, given.sctp, given.udp, given.udplite, given.raw)
    bases = ("tcp", "mptcp", "sctp", "udp", "udplite", "raw")
    chosen = [base for base, wanted in zip(bases, protocols, strict=True) if wanted]
    families = [family for family, wanted in (("", given.inet), ("6", given.inet6)) if wanted]
    selects = given.all or given.listening or families or chosen or given.unix
    shows = given.numeric or given.timers or given.programs or given.extend
    bare = not selects and not shows
    if bare:
        if _may_be_tcp_or_udp(wanted):
            chosen = ["tcp", "udp"]
        given.all = given.numeric = given.timers = True
    implied = not chosen and (bool(families) or not given.unix)
    if implied:
        chosen = [base for base in bases if base != "mptcp"]
    protos = [Proto(base + family) for base in chosen for family in families or ["", "6"]]
    if given.unix or (implied and not families):
        protos.append(Proto.UNIX)
    show = Show.CONNECTED
    if given.all or _says_states(wanted):
        show = Show.ALL
    elif given.listening:
        show = Show.LISTENING
    repeats = given.continuous or given.watch or given.interval is not None
    explain = given.explain == ""
    return Options(
        query=Query(in_netstat_order(protos), show, bool(given.programs) or explain, wanted),
        implied=implied,
        columns=Columns(
            bool(given.extend), bool(given.programs), bool(given.timers), bool(given.wide)
        ),
        numeric=Numeric(
            hosts=given.numeric or given.numeric_hosts,
            ports=given.numeric or given.numeric_ports,
            users=given.numeric or given.numeric_users,
        ),
        source=given.source,
        proc_root=given.proc_root,
        format=given.format,
        interval_s=(given.interval or 1.0) if repeats else None,
        explain=explain,
        topic=given.explain or None,
        watch=given.watch,
    )


def _may_be_tcp_or_udp(wanted: Filter | None) -> bool:
    """Whether the tables that are shown unasked can have rows for the filter."""
    if wanted is None:
        return True
    from pynetstat.filters import NEVER, for_table

    return any(for_table(wanted, proto) != NEVER for proto in TCP_AND_UDP)


def _says_states(wanted: Filter | None) -> bool:
    """Whether the filter chooses the states, so that -a, -l or neither no longer do."""
    if wanted is None:
        return False
    from pynetstat.filters import names_states

    return names_states(wanted)


def _build_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="pynetstat", description=_DESCRIPTION, epilog=_EPILOG, add_help=False)

    def flag(group: argparse._ArgumentGroup, *names: str, about: str) -> None:
        group.add_argument(*names, action="store_true", help=about)

    tables = parser.add_argument_group("which tables (without any: all but MPTCP)")
    flag(tables, "-t", "--tcp", about="TCP")
    flag(tables, "-u", "--udp", about="UDP")
    flag(tables, "-U", "--udplite", about="UDP-Lite")
    flag(tables, "-w", "--raw", about="raw sockets")
    flag(tables, "-S", "--sctp", about="SCTP")
    flag(tables, "-M", "--mptcp", about="MPTCP (as in ss)")
    flag(tables, "-x", "--unix", about="unix-domain sockets")
    flag(tables, "-4", "--inet", "--ip", about="IPv4 only")
    flag(tables, "-6", "--inet6", about="IPv6 only")

    rows = parser.add_argument_group("which rows (without any: all but the servers)")
    flag(rows, "-a", "--all", about="all of them, servers too")
    flag(rows, "-l", "--listening", about="servers only")
    rows.add_argument(
        "-f",
        "--filter",
        action="append",
        default=[],
        metavar="EXPR",
        help="those for which EXPR holds, in ss's language: 'dport = :443 or src 10.0.0.0/8'",
    )
    rows.add_argument(
        "words", nargs="*", metavar="FILTER", help="the same as words: state established dport = 22"
    )

    columns = parser.add_argument_group("what is shown")
    flag(columns, "-n", "--numeric", about="numbers instead of names; no look-ups")
    flag(columns, "--numeric-hosts", about="no look-ups of hosts")
    flag(columns, "--numeric-ports", about="no look-ups of ports")
    flag(columns, "--numeric-users", about="no look-ups of users")
    flag(columns, "-o", "--timers", about="timers: kind (seconds/retransmits/probes)")
    flag(columns, "-p", "--programs", about="the processes that hold a socket")
    flag(columns, "-e", "--extend", about="user and inode")
    flag(columns, "-W", "--wide", about="addresses whole in the plain text, too")
    flag(columns, "-Z", "--context", about="refused: no source tells a socket's security label")

    columns.add_argument(
        "--explain",
        nargs="?",
        metavar="TOPIC",
        help="below each row a sentence on what it means; alone with words after it, or as "
        "--explain=TOPIC: the page on that state, timer, column, flag or error",
    )

    output = parser.add_argument_group("how")
    output.add_argument(
        "--format",
        choices=("plain", "rich"),
        help="plain: netstat's text; rich: the view for people (default: rich on a terminal)",
    )
    flag(
        output,
        "-c",
        "--continuous",
        about="again every second, until interrupted; on a terminal the watch screen",
    )
    flag(output, "--watch", about="the watch screen, or an error where there can be none")
    output.add_argument(
        "--interval", type=float, metavar="SECONDS", help="seconds between repeats; implies -c"
    )
    output.add_argument(
        "--source",
        choices=SOURCE_NAMES,
        default="auto",
        help="where rows are read from (default: the first of the others that can answer)",
    )
    output.add_argument(
        "--proc-root", metavar="DIR", help="read a saved /proc tree instead of this machine"
    )

    other = parser.add_argument_group("other")
    flag(other, "-h", "--help", about="show this text and exit")
    flag(other, "-V", "--version", about="show the version and exit")
    return parser
