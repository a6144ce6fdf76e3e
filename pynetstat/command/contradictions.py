"""What does not go together on a command line; each refusal says why."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pynetstat.command.flags import Parser
from pynetstat.command.options import DATA_FORMATS
from pynetstat.sources import EVENT_SOURCE_NAMES

if TYPE_CHECKING:
    from pynetstat.filters import Filter


def refuse_contradictions(parser: Parser, given: argparse.Namespace, wanted: Filter | None) -> None:
    """Leave through ``parser.error`` when flags contradict each other. ``wanted`` is the filter."""
    _check_events(parser, given)
    _check_netns(parser, given)
    _check_shown(parser, given, wanted)
    _check_session(parser, given, wanted)
    _check_watch(parser, given)
    _check_kill(parser, given, wanted)


def _check_events(parser: Parser, given: argparse.Namespace) -> None:
    """Refuse what does not go together with -E, or not without it."""
    if not given.events:
        if given.source in ("tracefs", "destroy"):
            parser.error(f"argument --source: {given.source} tells of events: it needs -E")
        return
    if given.source not in EVENT_SOURCE_NAMES:
        names = ", ".join(EVENT_SOURCE_NAMES)
        parser.error(f"argument --source: {given.source} tells of no events: choose from {names}")
    if given.sctp or given.mptcp or given.udplite or given.raw or given.unix:
        parser.error("argument -E: the kernel tells of TCP and UDP sockets only")
    if given.proc_root is not None:
        parser.error("argument -E: nothing happens in a saved tree")
    if given.ladder:
        parser.error("argument -E: --ladder draws one connection's transitions; without -E")
    if given.format not in (None, "plain", "jsonl"):
        parser.error("argument --format: events are shown as plain or jsonl")
    if given.netns is not None or given.all_netns:
        parser.error(
            "argument -E: it tells of this network namespace; ip netns exec goes elsewhere"
        )
    shows = (given.explain, given.columns, given.sort, given.group_by, given.svg, given.html)
    asks = (given.info, given.summary, given.quiet, given.kill, given.wait is not None)
    if any(value is not None for value in shows) or any(asks):
        parser.error("argument -E: it shows transitions, not rows; without flags about rows")


def _check_netns(parser: Parser, given: argparse.Namespace) -> None:
    if given.netns is None and not given.all_netns:
        return
    flag = "--all-netns" if given.all_netns else "--netns"
    if given.all_netns and given.netns is not None:
        parser.error("--netns and --all-netns: one network namespace or all of them, not both")
    if given.proc_root is not None:
        parser.error(f"argument --proc-root: a tree is of one network namespace; without {flag}")
    if given.source == "psutil":
        parser.error(f"argument --source: psutil reads its own network namespace, not {flag}")
    if given.summary:
        parser.error(f"argument --summary: it counts in this network namespace; without {flag}")


def _check_kill(parser: Parser, given: argparse.Namespace, wanted: Filter | None) -> None:
    if not given.kill and not given.yes:
        return
    if not given.kill:
        parser.error("argument --yes: it says yes to --kill, which is not there")
    if wanted is None:
        parser.error("argument --kill: needs a filter that says which sockets, 'dport = :443'")
    if given.source not in ("auto", "sockdiag") or given.proc_root is not None:
        parser.error(
            "argument --kill: only sock_diag names a socket so that no other can be meant; "
            "without --source and --proc-root"
        )
    shows = (given.explain, given.format, given.columns, given.sort, given.group_by, given.svg,
             given.html, given.wait, given.interval)  # fmt: skip
    if any(value is not None for value in shows) or given.info or given.no_header:
        parser.error("argument --kill: closes and says so; without flags that show or wait")
    if given.summary or given.quiet or given.continuous:
        parser.error("argument --kill: closes and says so; without flags that show or wait")


def _check_shown(parser: Parser, given: argparse.Namespace, wanted: Filter | None) -> None:
    once = "--quiet" if given.quiet else "--wait" if given.wait is not None else ""
    if once and (given.continuous or given.interval is not None):
        parser.error(f"argument {once}: it looks for an answer, -c and --interval repeat one")
    if given.wait is not None and not 0 <= given.wait <= 86400:
        parser.error("argument --wait: seconds must be from 0 to 86400")
    if given.summary and not given.kill:
        _check_summary(parser, given, wanted)
    if given.group_by and (given.columns or given.sort or given.info):
        parser.error("argument --group-by: it has columns and an order of its own")
    if (given.svg or given.html) and given.format not in (None, "rich"):
        parser.error("arguments --svg and --html: they are pictures of --format rich")
    if (given.svg or given.html) and (given.summary or given.quiet):
        parser.error("arguments --svg and --html: --summary and --quiet have no view for people")
    if "" in (given.svg, given.html):
        parser.error("arguments --svg and --html: the file's name is empty")
    if given.explain == "" and (given.summary or given.group_by):
        parser.error("argument --explain: it explains rows; --summary and --group-by show none")
    if given.explain and (given.quiet or given.svg or given.html or given.format in DATA_FORMATS):
        parser.error("argument --explain: a topic's page is text for people")


def _check_summary(parser: Parser, given: argparse.Namespace, wanted: Filter | None) -> None:
    """Refuse what would choose rows: the kernel's counters are of all sockets."""
    tables = (given.tcp, given.udp, given.udplite, given.raw, given.sctp, given.mptcp, given.unix)
    if wanted is not None:
        parser.error(
            "argument --summary: it counts all sockets, not those of a filter; "
            "--group-by state counts those"
        )
    if any(tables) or given.inet or given.inet6 or given.listening:
        parser.error(
            "argument --summary: it counts the sockets of all tables; --group-by state counts "
            "those of some"
        )
    if given.wait is not None or given.quiet or given.group_by:
        parser.error("argument --summary: it counts all sockets, nothing can match or be grouped")
    if given.columns or given.sort or given.info:
        parser.error("argument --summary: it has no rows, so no columns")
    if given.source not in ("auto", "procfs"):
        parser.error(f"argument --source: --summary reads /proc/net/sockstat, not {given.source}")


def _check_session(parser: Parser, given: argparse.Namespace, wanted: Filter | None) -> None:
    """Refuse what does not go together with --record, --replay or --ladder."""
    repeats = given.continuous or given.interval is not None
    if given.speed is not None and given.replay is None:
        parser.error("argument --speed: only a --replay has one")
    if given.replay is not None and given.record is not None:
        parser.error("argument --record: what is replayed is recorded already")
    if given.replay is not None and (repeats or given.source != "auto" or given.proc_root):
        parser.error("argument --replay: rows and times come from the recording")
    flags = {"record": given.record, "replay": given.replay, "ladder": given.ladder}
    for flag, asked in flags.items():
        if asked and (given.quiet or given.wait is not None or given.summary or given.explain):
            parser.error(
                f"argument --{flag}: there is no such thing with -q, --wait, -s or a topic"
            )
        if asked and given.kill:
            parser.error(f"argument --kill: it closes what is here and now; without --{flag}")
        if asked and (given.netns is not None or given.all_netns):
            parser.error(f"argument --{flag}: it is about this network namespace")
        if asked and given.info:
            parser.error("argument --info: a recording has no such figures, nor has a ladder")
    if given.replay is not None and (given.html or (given.svg and not given.ladder)):
        parser.error("argument --replay: a picture shows one moment, or the --ladder")
    if given.record is not None and wanted is not None:
        from pynetstat.filters import names_states

        if names_states(wanted):
            parser.error(
                "argument --record: a socket is recorded through all its states; give them to "
                "--replay"
            )
    if not given.ladder:
        return
    if given.record is not None or repeats or given.format is not None or given.html:
        parser.error("argument --ladder: it is drawn as text or with --svg, and can't repeat")
    if given.udp or given.udplite or given.raw or given.sctp or given.mptcp or given.unix:
        parser.error("argument --ladder: it shows a TCP connection")


def _check_watch(parser: Parser, given: argparse.Namespace) -> None:
    if not given.watch:
        return
    if given.format not in (None, "rich"):
        parser.error("argument --watch: it is a screen; --format is for what is printed")
    if given.events or given.ladder or given.kill or given.quiet or given.wait is not None:
        parser.error(
            "argument --watch: it is a screen; without -E, --ladder, --kill, -q and --wait"
        )
