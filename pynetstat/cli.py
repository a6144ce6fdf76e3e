"""The command: arguments in, exit code out."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO, cast

from pynetstat import __version__
from pynetstat.arguments import USAGE_ERROR, Options, parse_arguments
from pynetstat.errors import PynetstatError
from pynetstat.output import Output
from pynetstat.records import Proto, SocketRecord
from pynetstat.render import netstat
from pynetstat.snapshot import GapKind, Reader, Snapshot
from pynetstat.sources import open_sources
from pynetstat.text import printable
from pynetstat.words import Words, numbers

if TYPE_CHECKING:
    from pynetstat.explain.remarks import Explain

OK = 0
UNANSWERED = 1
INTERRUPTED = 130

_FAILURES = (GapKind.UNREAD, GapKind.ABSENT)


def script() -> int:
    """The console script: :func:`main` in a process of its own."""
    # Rows are tuples without cycles: the collector would only walk them, again and again.
    gc.disable()
    return main()


def main(arguments: list[str] | None = None) -> int:
    """Run the command with ``arguments`` (default: those of the process).

    0 when the question was answered, 1 when not (one line on stderr), 130 after Ctrl-C.
    Raises SystemExit for --help, --version (0) and a wrong command line (2).
    """
    try:
        options = parse_arguments(sys.argv[1:] if arguments is None else arguments, __version__)
        output = Output.of_stdout()
        if options.topic is not None:
            return _print_page(options.topic, _is_rich(options, output), output)
        if options.watch or (options.interval_s is not None and _is_rich(options, output)):
            from pynetstat.watch_command import watch, why_not

            reason = why_not(options)
            if reason is None:
                return watch(options)
            if options.watch:
                _complain(f"--watch: no screen here: {reason}; -c repeats the table")
                return USAGE_ERROR
        status = _look(options, output)
        while options.interval_s is not None:
            time.sleep(options.interval_s)
            status = _look(options, output)
        return status
    except KeyboardInterrupt:
        return INTERRUPTED
    except PynetstatError as error:
        _complain(str(error))
        return UNANSWERED
    except BrokenPipeError:
        Output.abandon()
        return OK
    except OSError as error:
        _complain(f"can't write the output: {error.strerror or error}")
        Output.abandon()
        return UNANSWERED


def _is_rich(options: Options, output: Output) -> bool:
    """Whether to show the view for people."""
    return options.format == "rich" or (options.format is None and output.isatty())


def _print_page(topic: str, rich: bool, output: Output) -> int:
    """The page on a topic that has one."""
    from pynetstat.explain.pages import find_page, plain

    page = find_page(topic)
    assert page is not None
    if rich:
        from pynetstat.render.page import print_page

        print_page(page, cast("TextIO", output))
    else:
        output.write(plain(page))
    output.flush()
    return OK


def _look(options: Options, output: Output) -> int:
    """Read and show once."""
    rich = _is_rich(options, output)
    sources = open_sources(options.source, options.proc_root, thorough=rich)
    reader = Reader(options.query, sources, options.proc_root or "/proc")
    if rich:
        _print_rich(options, reader, output)
    elif options.explain:
        _print_explained(options, reader, output)
    else:
        _print_plain(options, reader, output)
    return _report(options, reader, rich)


def _print_plain(options: Options, reader: Reader, output: Output) -> None:
    """netstat's text; rows are printed as they are read, unless names are to be looked up."""
    query, columns = options.query, options.columns
    words = numbers()
    batches: Iterable[list[SocketRecord]] = reader.inet()
    unix = None
    if _looks_up(options):
        snapshot = reader.snapshot()
        words = _look_up_names(options, snapshot.records)
        batches, unix = [snapshot.records], snapshot.unix
    if query.protos != (Proto.UNIX,):
        output.write(netstat.inet_heading(query.show, columns))
    for batch in batches:
        output.write(netstat.inet_rows(batch, columns, words))
    if Proto.UNIX in query.protos:
        output.write(netstat.unix_heading(query.show, columns))
        output.write(netstat.unix_rows(reader.unix() if unix is None else unix, columns))
    output.flush()


def _print_explained(options: Options, reader: Reader, output: Output) -> None:
    """netstat's text with sentences below its rows."""
    from pynetstat.render.explained import with_remarks

    query, columns = options.query, options.columns
    snapshot = reader.snapshot()
    explain = _explainer(options, snapshot)
    if query.protos != (Proto.UNIX,):
        rows = netstat.inet_rows(
            snapshot.records, columns, _look_up_names(options, snapshot.records)
        )
        output.write(netstat.inet_heading(query.show, columns))
        output.write(with_remarks(rows, snapshot.records, explain))
    if Proto.UNIX in query.protos:
        rows = netstat.unix_rows(snapshot.unix, columns)
        output.write(netstat.unix_heading(query.show, columns))
        output.write(with_remarks(rows, snapshot.unix, explain))
    output.flush()


def _print_rich(options: Options, reader: Reader, output: Output) -> None:
    """The view for people."""
    from pynetstat.render.table import print_snapshot

    snapshot = reader.snapshot()
    words = _look_up_names(options, snapshot.records)
    explain = _explainer(options, snapshot) if options.explain else None
    print_snapshot(
        snapshot, options.query, options.columns, words, cast("TextIO", output), explain=explain
    )
    output.flush()


def _explainer(options: Options, snapshot: Snapshot) -> Explain:
    """What there is to say about each row."""
    from pynetstat.explain.ports import read_port_range
    from pynetstat.explain.remarks import explainer

    return explainer(snapshot, read_port_range(options.proc_root or "/proc"))


def _looks_up(options: Options) -> bool:
    numeric = options.numeric
    return not (numeric.hosts and numeric.ports and (numeric.users or not options.columns.extend))


def _look_up_names(options: Options, records: list[SocketRecord]) -> Words:
    """The names that the options ask for, numbers for all else."""
    if not _looks_up(options):
        return numbers()
    from pynetstat.names import Wanted, look_up

    wanted = Wanted(set(), {}, set())
    for record in records:
        if not options.numeric.hosts:
            wanted.ips.update((record.laddr.ip, record.raddr.ip))
        if not options.numeric.ports:
            ports = wanted.ports.setdefault(record.proto.base, set())
            ports.update((record.laddr.port, record.raddr.port))
        if options.columns.extend and not options.numeric.users:
            wanted.uids.add(record.uid or 0)
    return look_up(wanted)


def _report(options: Options, reader: Reader, rich: bool) -> int:
    """Say on stderr what is missing and return the exit code.

    The rich view shows for itself what is doubtful; failures are told either way.
    """
    told: dict[tuple[GapKind, str], list[str]] = {}
    first_reasons: dict[GapKind, str] = {}
    for gap in reader.gaps:
        if gap.kind is GapKind.ABSENT and (options.implied or _has_ipv4(gap.proto, reader)):
            continue
        if gap.kind is GapKind.FALLBACK and options.source == "auto":
            continue
        # Tables that can't be read have the same cause: the first one stands for all.
        reason = gap.reason
        if gap.kind in _FAILURES:
            reason = first_reasons.setdefault(gap.kind, reason)
        told.setdefault((gap.kind, reason), []).append(str(gap.proto or ""))
    for (kind, reason), tables in told.items():
        if kind in _FAILURES:
            _complain(f"{', '.join(tables)}: {kind.value}: {reason}")
        elif not rich:
            _complain(f"{', '.join(tables)}: {reason}" if any(tables) else reason)
    return UNANSWERED if first_reasons else OK


def _has_ipv4(proto: Proto | None, reader: Reader) -> bool:
    """Whether an absent table is IPv6's and its IPv4 twin is there: nothing is missing."""
    return proto is not None and proto.is_ipv6 and Proto(proto.base) in reader.sources_used


def _complain(line: str) -> None:
    if sys.stderr is not None:
        print(f"pynetstat: {printable(line)}", file=sys.stderr)
