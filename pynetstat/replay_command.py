"""``--replay FILE``: what was recorded, shown as if it happened now."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from pynetstat.errors import RecordingError
from pynetstat.options import Options
from pynetstat.output import Output
from pynetstat.recorded import RecordedReader
from pynetstat.recording import Item
from pynetstat.recording_file import Recording
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
    """Show each snapshot of the recording; the exit status.

    RecordingError when it is none, has none of the tables asked for, or, after the good part
    has been shown, when it is damaged.
    """
    path, speed = options.session.replay, options.session.speed
    assert path is not None
    status, first = 0, True
    with Recording(path) as recording:
        options = options._replace(interval_s=recording.header.interval_s or 1.0)
        pace = Pace(speed)
        for item in recording:
            pace.wait_for(item)
            if isinstance(item, Snapshot):
                reader = RecordedReader(options.query, item)
                if not reader.query.protos:
                    tables = ", ".join(options.query.protos)
                    raise RecordingError(f"{path}: nothing of {tables} is recorded")
                query = options.query._replace(protos=reader.query.protos)
                status = max(status, show(options._replace(query=query), output, reader, first))
                first = False
        if recording.damage is not None:
            raise RecordingError(f"{path}: {recording.damage}")
    if first:
        raise RecordingError(f"{path}: no snapshot is recorded")
    return status
