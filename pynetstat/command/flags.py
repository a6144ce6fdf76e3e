"""Every flag of the command, under the heading that --help shows it under."""

from __future__ import annotations

import argparse
import math
import re
from typing import NoReturn

from pynetstat.sources import EVENT_SOURCE_NAMES, SOURCE_NAMES
from pynetstat.text import printable

USAGE_ERROR = 2

_DESCRIPTION = "Show this machine's sockets. Without any flag: the -tauon view."
_EPILOG = (
    "The output is netstat's text, byte for byte, unless it goes to a terminal. "
    "Exit status: 0; 1 when the question could not be answered; 2 for a wrong command line. "
    "With -q or --wait: 0 when a socket matches, 1 when none does, 3 when that could not be "
    "answered."
)


class Parser(argparse.ArgumentParser):
    """argparse's, whose complaint is one line for a person."""

    def error(self, message: str) -> NoReturn:
        """One line instead of argparse's usage and message."""
        extra = re.fullmatch(r"argument (\S+): ignored explicit argument '(.*)'", message)
        if extra:
            message = f"{extra[1]} takes no value, and {extra[2]!r} is no flag"
        self.exit(USAGE_ERROR, f"{self.prog}: {printable(message)}; see {self.prog} --help\n")


def _speed(text: str) -> float:
    try:
        speed = math.inf if text == "max" else float(text)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise argparse.ArgumentTypeError(f"{text!r}: a number above 0, or max")
    return speed


def build_parser() -> Parser:
    """The parser, which says itself what each flag is for."""
    parser = Parser(prog="pynetstat", description=_DESCRIPTION, epilog=_EPILOG, add_help=False)

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

    columns.add_argument(
        "--explain",
        nargs="?",
        metavar="TOPIC",
        help="below each row a sentence on what it means; alone with words after it, or as "
        "--explain=TOPIC: the page on that state, timer, column, flag or error",
    )

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
        "--svg",
        metavar="FILE",
        help="write the view for people (or the ladder) to FILE as a picture",
    )
    output.add_argument(
        "--html", metavar="FILE", help="write the view for people to FILE as a page"
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
        choices=list(dict.fromkeys((*SOURCE_NAMES, *EVENT_SOURCE_NAMES))),
        default="auto",
        help="where rows are read from (default: the first of the others that can answer); "
        "tracefs and destroy tell of events",
    )
    output.add_argument(
        "--proc-root", metavar="DIR", help="read a saved /proc tree instead of this machine"
    )

    over_time = parser.add_argument_group("over time")
    flag(
        over_time,
        "-E",
        "--events",
        about="TCP's and UDP's transitions as they happen, until interrupted",
    )

    over_time.add_argument(
        "--record",
        metavar="FILE",
        help="write what is seen to a new FILE, too; with -c or -E also every transition",
    )
    over_time.add_argument(
        "--replay", metavar="FILE", help="show what was recorded instead of this machine"
    )
    over_time.add_argument(
        "--speed",
        type=_speed,
        metavar="N",
        help="replay N times as fast as it happened, or max: without pauses",
    )
    flag(
        over_time,
        "--ladder",
        about="draw one TCP connection as textbooks do: both ends' states, the segments between",
    )

    places = parser.add_argument_group("where (without any: this network namespace)")
    places.add_argument(
        "--netns",
        metavar="NAME|PID|PATH",
        help="the network namespace of that name or path, or that a process is in",
    )
    flag(places, "--all-netns", about="all network namespaces, with a column that names them")

    acts = parser.add_argument_group("what is done")
    flag(
        acts,
        "--kill",
        about="close the sockets that the filter chooses, after asking; needs CAP_NET_ADMIN",
    )
    flag(acts, "--yes", about="with --kill: without asking")

    other = parser.add_argument_group("other")
    flag(other, "-h", "--help", about="show this text and exit")
    flag(other, "-V", "--version", about="show the version and exit")
    return parser
