"""``--events``: transitions on standard output as they happen."""

from __future__ import annotations

import select
import sys

from pynetstat.command.options import Options
from pynetstat.command.output import Output, complain
from pynetstat.command.signals import ending_on_signals
from pynetstat.history.stream import Stream, Wanted, events, rows_that_match
from pynetstat.history.transition import Event, Loss
from pynetstat.query import Query, Show, is_server
from pynetstat.render.events import event_line, json_head, json_line


def show_events(options: Options, output: Output) -> int:
    """Show them until interrupted or until nobody reads any more; the exit status.

    Losses go to stderr, into JSON lines too. Raises PynetstatError, OSError where the output
    can't be written, KeyboardInterrupt, and SystemExit after a signal that ends processes;
    the stream is closed by then.
    """
    with ending_on_signals(), open_stream(options, wanted_events(options.query)) as stream:
        printer = Printer(output, as_json=options.format == "jsonl")
        printer.begin(stream.source, stream.refusals)
        for item in stream:
            printer.show(item)
            if not stream.pending:
                output.flush()
    return 0


def open_stream(options: Options, wanted: Wanted | None) -> Stream:
    """The transitions that are ``wanted``, until nobody reads standard output any more."""
    return events(
        options.query.protos,
        filter=wanted,
        source=options.source,
        stop=_Unread(),
        interval_s=0.1 if options.interval_s is None else options.interval_s,
    )


def wanted_events(query: Query) -> Wanted | None:
    """What -l and the filter let through; None for everything."""
    if query.show is not Show.LISTENING:
        return None if query.filter is None else rows_that_match(query.filter)
    if query.filter is None:
        return is_server
    matches = rows_that_match(query.filter)
    return lambda record: matches(record) if is_server(record) else False


class Printer:
    """Writes events and losses as text or JSON lines; losses to stderr, too."""

    def __init__(self, output: Output, *, as_json: bool) -> None:
        self._output = output
        self._as_json = as_json

    def begin(self, source: str | None, refusals: list[str]) -> None:
        """Say where the events come from (None: a recording does not say), and why no better
        source tells them."""
        if self._as_json:
            self._output.write(json_head(source, refusals))
            self._output.flush()
        elif refusals:
            complain(f"{'; '.join(refusals)}: short-lived states are inferred or not seen")

    def show(self, item: Event | Loss) -> None:
        """Write one; it is not flushed."""
        if isinstance(item, Loss):
            complain(item.why)
        if self._as_json:
            self._output.write(json_line(item))
        elif not isinstance(item, Loss):
            self._output.write(event_line(item))


class _Unread:
    """Whether nobody reads standard output any more: a pipe without a reader tells only who
    writes, and that may take a while when nothing happens."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._poll.register(sys.stdout.fileno(), 0)

    def __call__(self) -> bool:
        return any(mask & (select.POLLERR | select.POLLHUP) for _, mask in self._poll.poll(0))
