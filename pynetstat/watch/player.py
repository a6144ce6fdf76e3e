"""A recording as the feed of a watch screen: it can be held, stepped, and played faster."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Collection

from pynetstat.history.recording import Item
from pynetstat.history.recording_file import Recording
from pynetstat.history.transition import Loss
from pynetstat.records import Proto
from pynetstat.snapshot import Snapshot
from pynetstat.text import printable
from pynetstat.watch.feed import Frame, Notice, Restart

_MOST_AT_ONCE = 200
"""Frames given in one call, so that a screen which plays fast stays alive."""


class RecordingFeed:
    """Plays the recording at ``path``; a :class:`~pynetstat.watch.feed.Player`.

    RecordingError when that is none. ``protos`` are the tables to show, without them all.
    ``clock`` gives seconds that only go up. Going back reads the file anew from its beginning.
    """

    def __init__(
        self,
        path: str,
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        protos: Collection[Proto] = tuple(Proto),
    ) -> None:
        self._path = path
        self._protos = frozenset(protos)
        self._clock = clock
        self._speed = speed
        self._held = False
        self._begun = False
        self._recording = Recording(path)
        self._next: Item | None = None
        self._taken = 0
        self._damage_told = False
        self._due: list[Frame] = []
        self._at = self._recording.header.started
        self._since = clock()

    @property
    def title(self) -> str:
        """The recording's name."""
        return f"replay of {printable(os.path.basename(self._path))}"

    @property
    def events_source(self) -> str:
        """Where the recorded transitions come from; empty when there are none."""
        return self._recording.header.event_source or ""

    @property
    def speed(self) -> float:
        """How much faster than the recording's own time it plays."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._set_time(self.now())
        self._speed = speed

    @property
    def held(self) -> bool:
        """Whether time stands still."""
        return self._held

    @property
    def at_end(self) -> bool:
        """Whether the last frame has been taken."""
        return self._next is None and not self._due

    def start(self) -> None:
        """Begin with the first frame, once."""
        if self._begun:
            return
        self._begun = True
        self._next = self._fetch()
        self._set_time(self._at if self._next is None else _time_of(self._next))

    def now(self) -> float:
        """The present moment of the recording, in seconds since the epoch."""
        if self._held or self._next is None:
            return self._at
        if self._speed == math.inf:
            return max(self._at, _time_of(self._next))
        return self._at + (self._clock() - self._since) * self._speed

    def hold(self, held: bool) -> None:
        """Let time stand still, or go on."""
        self._set_time(self.now())
        self._held = held

    def step(self) -> None:
        """Hold, and make the next frame due: :meth:`now` becomes its moment."""
        self.hold(True)
        if self._next is not None:
            self._give()

    def back(self) -> None:
        """Hold, and undo the last step: :meth:`take` gives a Restart and all frames before."""
        self.hold(True)
        count = max(self._taken - 1, 0)
        self._recording.close()
        self._recording = Recording(self._path)
        self._taken = 0
        self._damage_told = False
        self._next = self._fetch()
        start = self._at if self._next is None else _time_of(self._next)
        self._set_time(start)
        self._due = [Restart(start)]
        while self._taken < count and self._next is not None:
            self._give()

    def take(self) -> list[Frame]:
        """What has become due since the last call, in order."""
        now = self.now()
        while self._next is not None and not self._held and len(self._due) < _MOST_AT_ONCE:
            if self._speed != math.inf and _time_of(self._next) > now:
                break
            self._give(moving=False)
        frames, self._due = self._due, []
        return frames

    def close(self) -> None:
        """Give the file back."""
        self._recording.close()

    def _give(self, *, moving: bool = True) -> None:
        """Make the next frame due, and fetch the one behind it."""
        assert self._next is not None
        item = self._next
        if moving or self._speed == math.inf:
            self._set_time(max(self._at, _time_of(item)))
        self._due.append(item)
        self._taken += 1
        self._next = self._fetch()
        if self._next is None:
            self._set_time(max(self._at, _time_of(item)))
            self._tell_damage()

    def _fetch(self) -> Item | None:
        """The next item, as far as it is of the tables to show."""
        for item in self._recording:
            if isinstance(item, Snapshot):
                records = [record for record in item.records if record.proto in self._protos]
                sources = {p: name for p, name in item.sources.items() if p in self._protos}
                return item._replace(records=records, sources=sources)
            if isinstance(item, Loss) or item.proto in self._protos:
                return item
        return None

    def _tell_damage(self) -> None:
        damage = self._recording.damage
        if damage is not None and not self._damage_told:
            self._damage_told = True
            self._due.append(Notice(self._at, str(damage)))

    def _set_time(self, at: float) -> None:
        self._at, self._since = at, self._clock()


def _time_of(item: Item) -> float:
    return item.taken_at if isinstance(item, Snapshot) else item.at
