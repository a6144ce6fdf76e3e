"""The command: arguments in, exit code out."""

from __future__ import annotations

import gc
import sys
import time
from typing import TextIO, cast

from pynetstat import __version__
from pynetstat.command.arguments import parse_arguments
from pynetstat.command.flags import USAGE_ERROR
from pynetstat.command.options import DATA_FORMATS, NO_CHOICE, NO_SESSION, Options
from pynetstat.command.output import Output, complain
from pynetstat.command.plain import print_plain
from pynetstat.errors import PynetstatError
from pynetstat.records import Proto, SocketRecord, UnixRecord
from pynetstat.snapshot import GapKind, Reader, open_reader
from pynetstat.sources import Reading, Where

OK = 0
UNANSWERED = 1
NO_MATCH = 1
UNANSWERED_MATCH = 3
"""With -q or --wait 1 means that nothing matches, so that this has a code of its own."""
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
    With -q or --wait 0 when a socket matches, 1 when none does, 3 when it could not be
    answered. Raises SystemExit for --help, --version (0) and a wrong command line (2).
    """
    unanswered = UNANSWERED
    try:
        options = parse_arguments(sys.argv[1:] if arguments is None else arguments, __version__)
        reader = None
        if options.quiet or options.wait_s is not None:
            unanswered = UNANSWERED_MATCH
            reader = _match(options)
            if reader is None:
                if options.wait_s is not None and not options.quiet:
                    complain(f"no socket matched within {options.wait_s:g} s")
                return NO_MATCH
            if options.quiet:
                return OK
        output = Output.of_stdout()
        if options.topic is not None:
            return _print_page(options.topic, _is_rich(options, output), output)
        if options.kill:
            return _kill(options, output)
        repeats = options.interval_s is not None and not options.events
        if options.watch or (repeats and _is_rich(options, output)):
            from pynetstat.command.watch import watch, why_not

            reason = why_not(options)
            if reason is None:
                return watch(options)
            if options.watch:
                complain(f"--watch: no screen here: {reason}; -c repeats the table")
                return USAGE_ERROR
        if options.session != NO_SESSION:
            from pynetstat.command.session import run

            return run(options, output, _look)
        if options.events:
            from pynetstat.command.events import show_events

            return show_events(options, output)
        status = _look(options, output, reader)
        if reader is not None:
            return OK  # what was waited for is there, whatever else may be missing
        while options.interval_s is not None:
            time.sleep(options.interval_s)
            status = _look(options, output, first=False)
        return status
    except KeyboardInterrupt:
        return INTERRUPTED
    except PynetstatError as error:
        complain(str(error))
        return unanswered
    except BrokenPipeError:
        Output.abandon()
        return OK
    except OSError as error:
        complain(f"can't write the output: {error.strerror or error}")
        Output.abandon()
        return unanswered


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


def _match(options: Options) -> Reader | None:
    """A reader that found a row, None when there is none. SourceUnavailable when untold."""
    from pynetstat.command.waiting import has_rows, wait_for_rows

    if options.wait_s is None:
        reader = _open_reader(options)
        return reader if has_rows(reader) else None
    return wait_for_rows(lambda: _open_reader(options), options.wait_s)


def _open_reader(options: Options, thorough: bool = False) -> Reader:
    info = options.choice != NO_CHOICE and options.choice.of_info
    where = Where(options.source, options.proc_root, options.netns, options.all_netns)
    return open_reader(options.query, where, Reading(thorough, info))


def _look(
    options: Options, output: Output, reader: Reader | None = None, first: bool = True
) -> int:
    """Read, unless ``reader`` has, and show once."""
    rich = _is_rich(options, output)
    if options.summary:
        from pynetstat.command.summary import show_totals

        show_totals(options, output, first)
        return OK
    if reader is None:
        reader = _open_reader(options, thorough=rich or options.format not in (None, "plain"))
    with reader:
        if rich or options.choice != NO_CHOICE or options.format in DATA_FORMATS:
            from pynetstat.command.show import show

            show(options, reader, output, first, rich)
        else:
            print_plain(options, reader, output)
        return _report(options, reader, rich)


def _kill(options: Options, output: Output) -> int:
    """Close what the filter chooses."""
    from pynetstat.command.kill import can_ask, kill

    if not options.yes and not can_ask(output):
        complain("argument --kill: there is no terminal to ask on; --yes closes without asking")
        return USAGE_ERROR
    with _open_reader(options, thorough=True) as reader:
        snapshot = reader.snapshot()
        rows: list[SocketRecord | UnixRecord] = [*snapshot.records]
        rows += snapshot.unix
        closed = kill(rows, reader.openers, output, ask=not options.yes, netns=options.all_netns)
        status = _report(options, reader, rich=False)
    return status if closed else UNANSWERED


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
            complain(f"{', '.join(tables)}: {kind.value}: {reason}")
        elif not rich:
            complain(f"{', '.join(tables)}: {reason}" if any(tables) else reason)
    return UNANSWERED if first_reasons else OK


def _has_ipv4(proto: Proto | None, reader: Reader) -> bool:
    """Whether an absent table is IPv6's and its IPv4 twin is there: nothing is missing."""
    return proto is not None and proto.is_ipv6 and Proto(proto.base) in reader.sources_used
