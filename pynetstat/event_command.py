"""``--events``: transitions on standard output as they happen."""

from __future__ import annotations

import select
import sys

from pynetstat.options import Options
from pynetstat.output import Output
from pynetstat.query import Query, Show, is_server
from pynetstat.render.events import event_line, json_head, json_line, loss_line
from pynetstat.signals import ending_on_signals
from pynetstat.stream import Stream, Wanted, events, rows_that_match
from pynetstat.transition import Loss


def show_events(options: Options, output: Output) -> int:
    """Show them until interrupted or until nobody reads any more; the exit status.

    Losses go to stderr, into JSON lines too. Raises PynetstatError, OSError where the output
    can't be written, KeyboardInterrupt, and SystemExit after a signal that ends processes;
    the stream is closed by then.
    """
    with ending_on_signals():
        stream = events(
            options.query.protos,
            filter=_wanted(options.query),
            source=options.source,
            stop=_Unread(),
            interval_s=0.1 if options.interval_s is None else options.interval_s,
        )
        with stream:
            _print(stream, output, as_json=options.format == "jsonl")
    return 0


def _wanted(query: Query) -> Wanted | None:
    """What -l and the filter let through; None for everything."""
    if query.show is not Show.LISTENING:
        return None if query.filter is None else rows_that_match(query.filter)
    if query.filter is None:
        return is_server
    matches = rows_that_match(query.filter)
    return lambda record: matches(record) if is_server(record) else False


def _print(stream: Stream, output: Output, *, as_json: bool) -> None:
    if as_json:
        output.write(json_head(stream.source, stream.refusals))
        output.flush()
    elif stream.refusals and sys.stderr is not None:
        _complain(f"{'; '.join(stream.refusals)}: short-lived states are inferred or not seen\n")
    for item in stream:
        if isinstance(item, Loss):
            _complain(loss_line(item))
        if as_json:
            output.write(json_line(item))
        elif not isinstance(item, Loss):
            output.write(event_line(item))
        if not stream.pending:
            output.flush()


def _complain(line: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"pynetstat: {line}")
        sys.stderr.flush()


class _Unread:
    """Whether nobody reads standard output any more: a pipe without a reader tells only who
    writes, and that may take a while when nothing happens."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._poll.register(sys.stdout.fileno(), 0)

    def __call__(self) -> bool:
        return any(mask & (select.POLLERR | select.POLLHUP) for _, mask in self._poll.poll(0))
