"""The command line: netstat's flags and ours, turned into what is asked and how to show it."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from pynetstat.command.contradictions import refuse_contradictions
from pynetstat.command.flags import USAGE_ERROR, Parser, build_parser
from pynetstat.command.options import NO_CHOICE, Choice, Numeric, Options, Session
from pynetstat.command.output import Output
from pynetstat.errors import FilterError
from pynetstat.query import TCP_AND_UDP, Query, Show, in_netstat_order
from pynetstat.records import Proto
from pynetstat.render.netstat import Columns
from pynetstat.text import printable

if TYPE_CHECKING:
    from pynetstat.columns import Column, SortKey
    from pynetstat.filters import Filter


def parse_arguments(arguments: list[str], version: str) -> Options:
    """The options. Raises SystemExit: 0 after -h and -V, 2 with one line on stderr.

    OSError or PynetstatError when the text of -h or -V can't be written.
    """
    parser = build_parser()
    given = parser.parse_intermixed_args(_settle_explain(_joined(arguments)))
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
        hint = _topic_hint(given)
        parser.exit(USAGE_ERROR, f"{parser.prog}: {printable(str(error))}{hint}\n{error.pointer}\n")
    refuse_contradictions(parser, given, wanted)
    return _understand(parser, given, wanted)


def _parse_filters(given: argparse.Namespace) -> Filter | None:
    """Every -f and the words behind the flags, all of which must hold."""
    expressions = [*given.filter, *([given.words] if given.words else [])]
    if not expressions:
        return None
    from pynetstat.filter_grammar import parse_filter
    from pynetstat.filters import all_of

    here = given.netns is None and not given.all_netns
    return all_of(*(parse_filter(text, interface_names=here) for text in expressions))


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


def _topic_hint(given: argparse.Namespace) -> str:
    """How to ask for the page that the words behind the flags may have meant."""
    if given.explain != "" or not given.words:
        return ""
    from pynetstat.explain.pages import find_page

    topic = " ".join(given.words)
    return "" if find_page(topic) is None else f"; its page: --explain={topic!r}"


def _joined(arguments: list[str]) -> list[str]:
    """With the values in the same word that may begin as a flag does: -local, -1."""
    joined = []
    words = iter(arguments)
    for word in words:
        value = next(words, None) if _may_take_a_dash(word) else None
        joined.append(word if value is None else f"{word}={value}")
    return joined


def _may_take_a_dash(word: str) -> bool:
    return any(
        len(word) >= shortest and flag.startswith(word)
        for flag, shortest in (("--sort", 5), ("--wait", 5), ("--interval", 5), ("--speed", 4))
    )


def _session(given: argparse.Namespace) -> Session:
    speed = 1.0 if given.speed is None else given.speed
    return Session(given.record, given.replay, speed, bool(given.ladder))


def _choice(parser: Parser, given: argparse.Namespace) -> Choice:
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
    choice = Choice(
        columns,
        sort,
        bool(given.info),
        not given.no_header,
        given.group_by,
        given.svg,
        given.html,
        given.explain == "",
    )
    if given.replay is not None and (columns or sort) and choice.of_info:
        parser.error("argument --replay: a recording has no figures of TCP, such as rtt")
    return choice


def _understand(parser: Parser, given: argparse.Namespace, wanted: Filter | None) -> Options:
    protocols = (given.tcp, given.mptcp, given.sctp, given.udp, given.udplite, given.raw)
    bases = ("tcp", "mptcp", "sctp", "udp", "udplite", "raw")
    chosen = [base for base, wanted in zip(bases, protocols, strict=True) if wanted]
    families = [family for family, wanted in (("", given.inet), ("6", given.inet6)) if wanted]
    selects = given.all or given.listening or families or chosen or given.unix
    shows = given.numeric or given.timers or given.programs or given.extend
    bare = not selects and not shows and not given.events
    if bare:
        if _may_be_tcp_or_udp(wanted):
            chosen = ["tcp", "udp"]
        given.all = given.numeric = given.timers = True
    implied = not chosen and (bool(families) or not given.unix)
    if implied:
        chosen = ["tcp", "udp"] if given.events else [base for base in bases if base != "mptcp"]
    protos = [Proto(base + family) for base in chosen for family in families or ["", "6"]]
    if given.unix or (implied and not families and not given.events):
        protos.append(Proto.UNIX)
    show = Show.CONNECTED
    if given.all or _says_states(wanted):
        show = Show.ALL
    elif given.listening:
        show = Show.LISTENING
    repeats = given.continuous or given.watch or given.interval is not None
    choice = _choice(parser, given)
    owners = bool(given.programs or given.kill) or (choice != NO_CHOICE and choice.of_owners)
    return Options(
        query=Query(in_netstat_order(protos), show, owners, wanted),
        implied=implied,
        columns=Columns(
            bool(given.extend),
            bool(given.programs),
            bool(given.timers),
            bool(given.wide),
            bool(given.all_netns),
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
        topic=given.explain or None,
        netns=given.netns,
        all_netns=bool(given.all_netns),
        kill=bool(given.kill),
        yes=bool(given.yes),
        events=bool(given.events),
        session=_session(given),
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
