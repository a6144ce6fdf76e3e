"""The command line: netstat's flags and ours, turned into what is asked and how to show it."""

from __future__ import annotations

import argparse
import os
import re
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from pynetstat.output import Output
from pynetstat.query import Query, Show, in_netstat_order
from pynetstat.records import Proto
from pynetstat.render.netstat import Columns
from pynetstat.sources import SOURCE_NAMES
from pynetstat.text import printable

if TYPE_CHECKING:
    from pynetstat.columns import Column, SortKey

USAGE_ERROR = 2

_DESCRIPTION = "Show this machine's sockets. Without any flag: the -tauon view."
_EPILOG = (
    "The output is netstat's text, byte for byte, unless it goes to a terminal. "
    "Exit status: 0; 1 when the question could not be answered; 2 for a wrong command line. "
    "With -q or --wait: 0 when a socket matches, 1 when none does, 3 when that could not be "
    "answered."
)


class Numeric(NamedTuple):
    """What stays a number instead of being looked up."""

    hosts: bool
    ports: bool
    users: bool


class Choice(NamedTuple):
    """What differs from netstat's own view: columns, order, counts, files, waiting."""

    columns: tuple[Column, ...] | None = None
    sort: tuple[SortKey, ...] = ()
    info: bool = False
    header: bool = True
    group_by: str | None = None
    svg: str | None = None
    html: str | None = None

    @property
    def of_info(self) -> bool:
        """Whether TCP's own figures have to be asked for."""
        from pynetstat.columns import Need, needs_of

        return self.info or Need.INFO in needs_of(self.asked)

    @property
    def of_owners(self) -> bool:
        """Whether the processes have to be asked for."""
        from pynetstat.columns import Need, needs_of

        return self.group_by == "process" or Need.OWNERS in needs_of(self.asked)

    @property
    def asked(self) -> list[Column]:
        """Every column that is shown or sorted by, of those chosen."""
        return [*(self.columns or ()), *(key.column for key in self.sort)]


NO_CHOICE = Choice()


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
    choice: Choice = NO_CHOICE
    summary: bool = False
    quiet: bool = False
    wait_s: float | None = None
    """Seconds to wait for a row at most; None for not at all."""


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
    given = parser.parse_args(_joined(arguments))
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
    _refuse_contradictions(parser, given)
    return _understand(parser, given)


def _joined(arguments: list[str]) -> list[str]:
    """With --sort's value in the same word, since it may begin as a flag does."""
    joined = []
    words = iter(arguments)
    for word in words:
        value = next(words, None) if word == "--sort" else None
        joined.append(word if value is None else f"{word}={value}")
    return joined


def _refuse_contradictions(parser: _Parser, given: argparse.Namespace) -> None:
    once = "--quiet" if given.quiet else "--wait" if given.wait is not None else ""
    if once and (given.continuous or given.interval is not None):
        parser.error(f"argument {once}: it looks for an answer, -c and --interval repeat one")
    if given.wait is not None and not 0 <= given.wait <= 86400:
        parser.error("argument --wait: seconds must be from 0 to 86400")
    if given.summary and (given.wait is not None or given.quiet or given.group_by):
        parser.error("argument --summary: it counts all sockets, nothing can match or be grouped")
    if given.summary and (given.columns or given.sort or given.info):
        parser.error("argument --summary: it has no rows, so no columns")
    if given.summary and given.source not in ("auto", "procfs"):
        parser.error(f"argument --source: --summary reads /proc/net/sockstat, not {given.source}")
    if given.group_by and (given.columns or given.sort or given.info):
        parser.error("argument --group-by: it has columns and an order of its own")
    if (given.svg or given.html) and given.format not in (None, "rich"):
        parser.error("arguments --svg and --html: they are pictures of --format rich")
    if (given.svg or given.html) and given.summary:
        parser.error("arguments --svg and --html: --summary has no view for people")


def _choice(parser: _Parser, given: argparse.Namespace) -> Choice:
    columns: tuple[Column, ...] | None = None
    sort: tuple[SortKey, ...] = ()
    if given.columns is not None or given.sort is not None:
        from pynetstat.columns import find_columns, find_sort_keys, known_names

        flag = "--columns"
        try:
            if given.columns is not None:
                columns = find_columns(given.columns)
            flag = "--sort"
            if given.sort is not None:
                sort = find_sort_keys(given.sort)
        except KeyError as unknown:
            parser.error(f"argument {flag}: no column {unknown}; known: {known_names()}")
    return Choice(
        columns,
        sort,
        bool(given.info),
        not given.no_header,
        given.group_by,
        given.svg,
        given.html,
    )


def _understand(parser: _Parser, given: argparse.Namespace) -> Options:
    protocols = (given.tcp, given.mptcp, given.sctp, given.udp, given.udplite, given.raw)
    bases = ("tcp", "mptcp", "sctp", "udp", "udplite", "raw")
    chosen = [base for base, wanted in zip(bases, protocols, strict=True) if wanted]
    families = [family for family, wanted in (("", given.inet), ("6", given.inet6)) if wanted]
    selects = given.all or given.listening or families or chosen or given.unix
    shows = given.numeric or given.timers or given.programs or given.extend
    bare = not selects and not shows
    if bare:
        chosen = ["tcp", "udp"]
        given.all = given.numeric = given.timers = True
    implied = not chosen and (bool(families) or not given.unix)
    if implied:
        chosen = [base for base in bases if base != "mptcp"]
    protos = [Proto(base + family) for base in chosen for family in families or ["", "6"]]
    if given.unix or (implied and not families):
        protos.append(Proto.UNIX)
    show = Show.CONNECTED
    if given.all:
        show = Show.ALL
    elif given.listening:
        show = Show.LISTENING
    repeats = given.continuous or given.interval is not None
    choice = _choice(parser, given)
    owners = bool(given.programs) or (choice != NO_CHOICE and choice.of_owners)
    return Options(
        query=Query(in_netstat_order(protos), show, owners),
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
        choice=choice,
        summary=bool(given.summary),
        quiet=bool(given.quiet),
        wait_s=given.wait,
    )


def _build_parser() -> _Parser:
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

    columns = parser.add_argument_group("what is shown")
    flag(columns, "-n", "--numeric", about="numbers instead of names; no look-ups")
    flag(columns, "--numeric-hosts", about="no look-ups of hosts")
    flag(columns, "--numeric-ports", about="no look-ups of ports")
    flag(columns, "--numeric-users", about="no look-ups of users")
    flag(columns, "-o", "--timers", about="timers: kind (seconds/retransmits/probes)")
    flag(columns, "-p", "--programs", about="the processes that hold a socket")
    flag(columns, "-e", "--extend", about="user and inode")
    flag(columns, "-W", "--wide", about="addresses whole in the plain text, too")
    flag(
        columns,
        "-i",
        "--info",
        about="what TCP keeps, a line under each row (as in ss; netstat's -i lists interfaces)",
    )
    columns.add_argument(
        "--columns",
        metavar="LIST",
        help="these columns, with commas between them; an unknown one lists all that there are",
    )
    columns.add_argument(
        "--sort", metavar="LIST", help="sorted by these columns; -COLUMN for descending"
    )
    flag(columns, "-H", "--no-header", about="rows only")
    flag(columns, "-Z", "--context", about="refused: no source tells a socket's security label")

    counts = parser.add_argument_group("counts and answers instead of rows")
    flag(
        counts,
        "-s",
        "--summary",
        about="how many sockets there are (as in ss; netstat's -s tells of packets)",
    )
    counts.add_argument(
        "--group-by",
        choices=("state", "process", "remote", "port"),
        help="how many sockets by state, process, remote address or local port",
    )
    flag(counts, "-q", "--quiet", about="no output; exit status 0 if any socket matches, else 1")
    counts.add_argument(
        "--wait",
        type=float,
        metavar="SECONDS",
        help="wait for a socket that matches, then show it; exit status 1 if none comes",
    )

    output = parser.add_argument_group("how")
    output.add_argument(
        "--format",
        choices=("plain", "rich", "json", "jsonl", "csv"),
        help="plain: netstat's text; rich: the view for people (default: rich on a terminal); "
        "json: one document; jsonl: a row a line; csv: for spreadsheets",
    )
    output.add_argument(
        "--svg", metavar="FILE", help="write the view for people to FILE as a picture"
    )
    output.add_argument(
        "--html", metavar="FILE", help="write the view for people to FILE as a page"
    )
    flag(output, "-c", "--continuous", about="again every second, until interrupted")
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
