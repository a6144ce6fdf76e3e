"""A feed that writes what it gives to a recording as well."""

from __future__ import annotations

import time

from pynetstat.errors import RecordingError
from pynetstat.history.recording import Header
from pynetstat.history.recording_file import Recorder
from pynetstat.history.stream import Wanted
from pynetstat.history.transition import Event, Loss
from pynetstat.snapshot import Snapshot
from pynetstat.watch.feed import Feed, Frame, Notice


class RecordedFeed:
    """Gives the frames of another feed, and records those that a recording can have.

    The file is made at once: RecordingError when it can't be. When it can't be written any
    more, the screen is told and goes on without it. ``wanted`` says of a socket whether to
    record it; what nobody can tell is recorded.
    """

    def __init__(self, feed: Feed, path: str, header: Header, wanted: Wanted | None = None) -> None:
        self._feed = feed
        self._wanted = wanted
        self._recorder: Recorder | None = Recorder(path, header)

    @property
    def title(self) -> str:
        """The feed's, and that it is recorded."""
        recorded = ", recorded" if self._recorder is not None else ", not recorded any more"
        return self._feed.title + recorded

    @property
    def events_source(self) -> str:
        """The feed's."""
        return self._feed.events_source

    def start(self) -> None:
        """Begin."""
        self._feed.start()

    def now(self) -> float:
        """The feed's present moment."""
        return self._feed.now()

    def take(self) -> list[Frame]:
        """What has become due, recorded by now."""
        frames = self._feed.take()
        try:
            for frame in frames:
                self._record(frame)
        except RecordingError as error:
            self._stop_recording()
            frames.append(Notice(time.time(), str(error)))
        return frames

    def _record(self, frame: Frame) -> None:
        if self._recorder is None:
            return
        if isinstance(frame, Snapshot):
            self._recorder.add(self._chosen(frame))
        elif isinstance(frame, Loss) or (
            isinstance(frame, Event)
            and (self._wanted is None or self._wanted(frame.record()) is not False)
        ):
            self._recorder.add(frame)

    def _chosen(self, snapshot: Snapshot) -> Snapshot:
        wanted = self._wanted
        if wanted is None:
            return snapshot
        records = [record for record in snapshot.records if wanted(record) is not False]
        return snapshot._replace(records=records)

    def close(self) -> None:
        """End the feed and close the file."""
        self._feed.close()
        self._stop_recording()

    def _stop_recording(self) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.close()
