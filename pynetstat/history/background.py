"""A stream of transitions that is read while something else is done."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from pynetstat.errors import PynetstatError
from pynetstat.history.stream import Stream, events
from pynetstat.history.transition import Event, Loss
from pynetstat.records import Proto


class Background:
    """Follows the tables in a thread; :meth:`take` gives what has happened, and never waits.

    Raises SourceUnavailable as :func:`pynetstat.events` does. Close it, or use it in a
    ``with`` block.
    """

    def __init__(self, protos: Iterable[Proto | str], source: str = "auto") -> None:
        self._over = threading.Event()
        self._items: deque[Event | Loss] = deque()
        self._failure: PynetstatError | None = None
        self._stream: Stream = events(protos, source=source, stop=self._over)
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    @property
    def source(self) -> str:
        """``tracefs`` or ``destroy``."""
        return self._stream.source

    @property
    def refusals(self) -> list[str]:
        """Why a better source is not used."""
        return self._stream.refusals

    def take(self) -> list[Event | Loss]:
        """What has happened since the last call. Raises what has ended the stream."""
        items = [self._items.popleft() for _ in range(len(self._items))]
        if not items and self._failure is not None:
            raise self._failure
        return items

    def close(self) -> None:
        """End it, and give back what is held in the kernel."""
        self._over.set()
        self._thread.join()
        self._stream.close()

    def __enter__(self) -> Background:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _follow(self) -> None:
        try:
            self._items.extend(self._stream)
        except PynetstatError as error:
            self._failure = error
