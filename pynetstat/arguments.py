"""The command line: netstat's flags and ours, turned into what is asked and how to show it."""

from __future__ import annotations

import argparse
import os
import re
from typing import NamedTuple, NoReturn

from pynetstat.output import Output
from pynetstat.query import Query, Show, in_netstat_order
from pynetstat.records import Proto
from pynetstat.render.netstat import Columns
from pynetstat.sources import EVENT_SOURCE_NAMES, SOURCE_NAMES
from pynetstat.text import printable

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
    events: bool
    """Whether to show transitions as they happen instead of tables."""


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
    given = parser.parse_args(arguments)
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
    _check_events(parser, given)
    return _understand(given)


def _check_events(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """Refuse what does not go together with -E, or not without it."""
    if not given.events:
        if given.source in ("tracefs", "destroy"):
            parser.error(f"argument --source: {given.source} tells of events: it needs -E")
        if given.format == "jsonl":
            parser.error("argument --format: jsonl shows events: it needs -E")
        return
    if given.source not in EVENT_SOURCE_NAMES:
        names = ", ".join(EVENT_SOURCE_NAMES)
        parser.error(f"argument --source: {given.source} tells of no events: choose from {names}")
    if given.sctp or given.mptcp or given.udplite or given.raw or given.unix:
        parser.error("argument -E: the kernel tells of TCP and UDP sockets only")
    if given.proc_root is not None:
        parser.error("argument -E: nothing happens in a saved tree")
    if given.format == "rich":
        parser.error("argument --format: events are shown as plain or jsonl")


def _understand(given: argparse.Namespace) -> Options:
    protocols = (given.tcp, given.mptcp, given.sctp, given.udp, given.udplite, given.raw)
    bases = ("tcp", "mptcp", "sctp", "udp", "udplite", "raw")
    chosen = [base for base, wanted in zip(bases, protocols, strict=True) if wanted]
    families = [family for family, wanted in (("", given.inet), ("6", given.inet6)) if wanted]
    selects = given.all or given.listening or families or chosen or given.unix
    shows = given.numeric or given.timers or given.programs or given.extend
    bare = not selects and not shows and not given.events
    if bare:
        chosen = ["tcp", "udp"]
        given.all = given.numeric = given.timers = True
    implied = not chosen and (bool(families) or not given.unix)
    if implied:
        chosen = ["tcp", "udp"] if given.events else [base for base in bases if base != "mptcp"]
    protos = [Proto(base + family) for base in chosen for family in families or ["", "6"]]
    if given.unix or (implied and not families and not given.events):
        protos.append(Proto.UNIX)
    show = Show.CONNECTED
    if given.all:
        show = Show.ALL
    elif given.listening:
        show = Show.LISTENING
    repeats = given.continuous or given.interval is not None
    return Options(
        query=Query(in_netstat_order(protos), show, bool(given.programs)),
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
        events=bool(given.events),
    )


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

    output = parser.add_argument_group("how")
    output.add_argument(
        "--format",
        choices=("plain", "rich", "jsonl"),
        help="plain: netstat's text; rich: the view for people (default: rich on a terminal); "
        "jsonl: events as JSON, one a line",
    )
    flag(output, "-c", "--continuous", about="again every second, until interrupted")
    output.add_argument(
        "--interval", type=float, metavar="SECONDS", help="seconds between repeats; implies -c"
    )
    output.add_argument(
        "--source",
        choices=list(dict.fromkeys((*SOURCE_NAMES, *EVENT_SOURCE_NAMES))),
        default="auto",
        help="where rows are read from (default: the first of the others that can answer); "
        "tracefs and destroy tell of events",
    )
    output.add_argument(
        "--proc-root", metavar="DIR", help="read a saved /proc tree instead of this machine"
    )

    flag(
        output,
        "-E",
        "--events",
        about="TCP's and UDP's transitions as they happen, until interrupted",
    )

    other = parser.add_argument_group("other")
    flag(other, "-h", "--help", about="show this text and exit")
    flag(other, "-V", "--version", about="show the version and exit")
    return parser
