"""``--replay FILE``: what was recorded, shown as if it happened now."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from pynetstat.command.events import Printer, wanted_events
from pynetstat.command.options import Options
from pynetstat.command.output import Output
from pynetstat.errors import RecordingError
from pynetstat.history.recorded import RecordedReader, tables_of
from pynetstat.history.recording import Item
from pynetstat.history.recording_file import Recording
from pynetstat.history.transition import Loss
from pynetstat.query import Query, Show, is_server
from pynetstat.records import SocketRecord
from pynetstat.snapshot import Reader, Snapshot

_LONGEST_PAUSE_S = 86400.0


class Pace:
    """Waits until it is an item's turn, ``speed`` times as fast as it was recorded."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._last: float | None = None
        self._due = time.monotonic()

    def wait_for(self, item: Item) -> None:
        """Return when it is the item's turn."""
        at = item.taken_at if isinstance(item, Snapshot) else item.at
        last, self._last = self._last, at if self._last is None else max(at, self._last)
        if last is None or at <= last or self._speed == math.inf:
            return
        self._due += min((at - last) / self._speed, _LONGEST_PAUSE_S)
        time.sleep(max(self._due - time.monotonic(), 0.0))


def replay(
    options: Options, output: Output, show: Callable[[Options, Output, Reader, bool], int]
) -> int:
    """Show each snapshot of the recording, in JSON lines the events, too; the exit status.

    RecordingError when it is none, has none of the tables asked for, or, after the good part
    has been shown, when it is damaged.
    """
    path, speed = options.session.replay, options.session.speed
    assert path is not None
    status, first, told = 0, True, False
    wanted = _beside_rows(options.query)
    in_lines = options.format == "jsonl" and options.choice.group_by is None
    printer = Printer(output, as_json=True) if in_lines else None
    with Recording(path) as recording:
        options = options._replace(interval_s=recording.header.interval_s or 1.0)
        pace = Pace(speed)
        for item in recording:
            pace.wait_for(item)
            if isinstance(item, Snapshot):
                _check_tables(path, options.query, item)
                reader = RecordedReader(options.query, item)
                query = options.query._replace(protos=reader.query.protos)
                status = max(status, show(options._replace(query=query), output, reader, first))
                first = False
            elif printer is not None and (isinstance(item, Loss) or wanted(item.record())):
                printer.show(item)
                told = True
                if speed != math.inf:
                    output.flush()
        output.flush()
        if recording.damage is not None:
            raise RecordingError(f"{path}: {recording.damage}")
    if first and not told:
        raise RecordingError(f"{path}: no snapshot is recorded")
    return status


def replay_events(options: Options, output: Output) -> int:
    """Show each event of the recording, as ``--events`` shows them; the exit status.

    RecordingError as of :func:`replay`.
    """
    path, speed = options.session.replay, options.session.speed
    assert path is not None
    wanted = wanted_events(options.query)
    printer = Printer(output, as_json=options.format == "jsonl")
    with Recording(path) as recording:
        source, begun = recording.header.event_source, False
        pace = Pace(speed)
        for item in recording:
            pace.wait_for(item)
            if isinstance(item, Snapshot):
                _check_tables(path, options.query, item)
                continue
            if not begun:
                printer.begin(source, [])
                begun = True
            if isinstance(item, Loss) or (
                item.proto in options.query.protos
                and (wanted is None or wanted(item.record()) is not False)
            ):
                printer.show(item)
                if speed != math.inf:
                    output.flush()
        if not begun and source is not None:
            printer.begin(source, [])
        output.flush()
        if recording.damage is not None:
            raise RecordingError(f"{path}: {recording.damage}")
        if not begun and source is None:
            raise RecordingError(f"{path}: no transitions are recorded")
    return 0


def _check_tables(path: str, query: Query, snapshot: Snapshot) -> None:
    if tables_of(snapshot).isdisjoint(query.protos):
        raise RecordingError(f"{path}: nothing of {', '.join(query.protos)} is recorded")


def _beside_rows(query: Query) -> Callable[[SocketRecord], bool]:
    """Whether an event is shown beside the rows that ``query`` asks for."""
    wanted = wanted_events(query)

    def holds(record: SocketRecord) -> bool:
        if record.proto not in query.protos:
            return False
        if query.show is Show.CONNECTED and is_server(record):
            return False
        return wanted is None or wanted(record) is not False

    return holds
