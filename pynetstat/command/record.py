"""``--record FILE``: what is shown is written to a file, too, and every transition."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack

from pynetstat import __version__
from pynetstat.command.events import Printer, open_stream, wanted_events
from pynetstat.command.options import Options
from pynetstat.command.output import Output, complain
from pynetstat.errors import SourceUnavailable
from pynetstat.history.background import Background
from pynetstat.history.recorded import RecordedReader
from pynetstat.history.recording import Header
from pynetstat.history.recording_file import Recorder
from pynetstat.history.stream import rows_that_match
from pynetstat.history.transition import Event, Loss
from pynetstat.query import TCP_AND_UDP, Query, Show
from pynetstat.snapshot import Reader, Snapshot, open_reader
from pynetstat.sources import Reading, Where

_TURN_S = 0.1


def record(
    options: Options, output: Output, show: Callable[[Options, Output, Reader, bool], int]
) -> int:
    """Look, write and show: once, or with an interval until interrupted."""
    query = options.query._replace(show=Show.ALL, owners=True)
    path = options.session.record
    assert path is not None
    with ExitStack() as resources:
        stream = _follow(options, resources) if options.interval_s is not None else None
        header = header_now(options.interval_s, None if stream is None else stream.source)
        recorder = resources.enter_context(Recorder(path, header))
        wanted = _wanted(query)
        first = True
        while True:
            began = time.monotonic()
            snapshot = _read(Where(options.source, options.proc_root), query)
            _write_events(recorder, stream, wanted)
            recorder.add(snapshot)
            status = show(options, output, RecordedReader(options.query, snapshot), first)
            if options.interval_s is None:
                return status
            first = False
            while (left := began + options.interval_s - time.monotonic()) > 0:
                time.sleep(min(left, _TURN_S))
                _write_events(recorder, stream, wanted)


def header_now(interval_s: float | None, event_source: str | None) -> Header:
    """What a recording that begins now says of itself."""
    euid = os.geteuid() if hasattr(os, "geteuid") else None
    return Header(time.time(), f"pynetstat {__version__}", interval_s, event_source, euid)


def record_events(options: Options, output: Output) -> int:
    """Write and show transitions until interrupted, behind a snapshot of what is there already.

    -l chooses what is shown only: all events of the tables that the filter holds for are
    recorded.
    """
    query = options.query._replace(show=Show.ALL, owners=True)
    path = options.session.record
    assert path is not None
    recorded = None if query.filter is None else rows_that_match(query.filter)
    shown = wanted_events(options.query)
    with (
        open_stream(options, recorded) as stream,
        Recorder(path, header_now(None, stream.source)) as recorder,
    ):
        recorder.add(_read(Where(), query))
        printer = Printer(output, as_json=options.format == "jsonl")
        printer.begin(stream.source, stream.refusals)
        for item in stream:
            recorder.add(item)
            if isinstance(item, Loss) or shown is None or shown(item.record()) is not False:
                printer.show(item)
            if not stream.pending:
                output.flush()
    return 0


def _follow(options: Options, resources: ExitStack) -> Background | None:
    """The transitions of the tables that have some; None where nobody tells of them."""
    tables = [proto for proto in options.query.protos if proto in TCP_AND_UDP]
    if not tables or options.proc_root is not None:
        return None
    try:
        stream = resources.enter_context(Background(tables))
    except SourceUnavailable as refusal:
        complain(f"only snapshots are recorded: {refusal}")
        return None
    if stream.refusals:
        complain(f"short-lived states are inferred or not seen: {'; '.join(stream.refusals)}")
    return stream


def _read(where: Where, query: Query) -> Snapshot:
    with open_reader(query, where, Reading(thorough=True)) as reader:
        return reader.snapshot()


def _wanted(query: Query) -> Callable[[Event | Loss], bool]:
    """Whether to record what happened: unless it is certain that the filter does not hold."""
    if query.filter is None:
        return lambda _item: True
    matches = rows_that_match(query.filter)
    return lambda item: isinstance(item, Loss) or matches(item.record()) is not False


def _write_events(
    recorder: Recorder, stream: Background | None, wanted: Callable[[Event | Loss], bool]
) -> None:
    for item in stream.take() if stream is not None else ():
        if wanted(item):
            recorder.add(item)
