"""This machine as a feed: a thread that reads the tables, and one that hears transitions."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from pynetstat.errors import PynetstatError, SourceUnavailable
from pynetstat.history.stream import events
from pynetstat.history.transition import Event, Loss
from pynetstat.owners import Coverage, OwnerTable, walk_processes
from pynetstat.query import TCP_AND_UDP, Query, in_netstat_order
from pynetstat.records import Proto, SocketRecord
from pynetstat.snapshot import Reader, Snapshot
from pynetstat.sources import open_sources
from pynetstat.watch.feed import Frame, Notice

_SOON_S = 0.15
"""After a transition a small table is read again this soon, for its queues and timers."""
_SMALL_S = 0.02
"""A table is small when reading it takes no longer than this."""
_WALK_SHARE = 40
"""Looking for owners takes at most one part in so many of the time."""
_MOST_WAITING = 50_000
"""Transitions that wait to be taken; of more the number is told."""
_SOCKETS_A_LOOK_S = 10_000
"""How many sockets the stream may look at in a second to find what is not told."""
_LEAST_LOOK_S, _MOST_LOOK_S = 0.1, 1.0
_PATIENCE_S = 5.0


class LiveFeed:
    """The sockets of this network namespace (or of a saved tree) as a :class:`Feed`.

    ``protos`` are the internet tables to read, all of their rows; ``interval_s`` the seconds
    between two readings. With ``source`` procfs or psutil, and with ``proc_root``, nothing
    but tables is read: transitions come from sock_diag and the kernel that runs.
    """

    title = "live"

    def __init__(
        self,
        protos: Iterable[Proto | str] = TCP_AND_UDP,
        *,
        interval_s: float = 1.0,
        source: str = "auto",
        proc_root: str | None = None,
    ) -> None:
        self.events_source = ""
        self._protos = in_netstat_order(protos)
        self._interval_s = interval_s
        self._source = source
        self._proc_root = proc_root
        self._owners = _Owners(proc_root or "/proc")
        self._lock = threading.Lock()
        self._waiting: deque[Event | Loss | Notice] = deque()
        self._dropped = 0
        self._snapshot: Snapshot | None = None
        self._inodes: set[int] = set()
        self._told = ""
        self._broken: BaseException | None = None
        self._stop = threading.Event()
        self._news = threading.Event()
        self._first_look = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start both threads, once."""
        if self._threads:
            return
        work = [("look", self._look_on)]
        heard = [proto for proto in self._protos if proto in TCP_AND_UDP]
        if heard and self._proc_root is None and self._source in ("auto", "sockdiag"):
            work.append(("listen", self._listen))
        for name, target in work:
            thread = threading.Thread(
                target=self._run, args=(target,), name=f"pynetstat-{name}", daemon=True
            )
            thread.start()
            self._threads.append(thread)

    def now(self) -> float:
        """The wall clock."""
        return time.time()

    def take(self) -> list[Frame]:
        """What came since the last call. Of several readings only the last one is given.

        Raises what ended a thread against expectation: a screen must not go on without it.
        """
        if self._broken is not None:
            raise self._broken
        with self._lock:
            frames: list[Frame] = list(self._waiting)
            self._waiting.clear()
            snapshot, self._snapshot = self._snapshot, None
            dropped, self._dropped = self._dropped, 0
        if snapshot is not None:
            frames.insert(_place(frames, snapshot.taken_at), snapshot)
        if dropped:
            why = f"{dropped} transitions not shown: the screen could not keep up"
            frames.append(Loss(time.time(), dropped, why))
        return frames

    def close(self) -> None:
        """End both threads; the kernel's tracing instance goes with them."""
        self._stop.set()
        self._news.set()
        self._first_look.set()
        for thread in self._threads:
            thread.join(_PATIENCE_S)
        self._threads.clear()

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it is raised where the screen is
            self._broken = error

    def _look_on(self) -> None:
        # Looking for owners may take long: the first rows are shown without.
        self.look(owners=False)
        self._first_look.set()
        while not self._stop.is_set():
            self._news.clear()
            started = time.monotonic()
            self.look()
            took = time.monotonic() - started
            rest = max(self._interval_s - took, took)
            pause = min(_SOON_S, rest) if took < _SMALL_S else rest
            if self._stop.wait(pause):
                return
            self._news.wait(rest - pause)

    def look(self, owners: bool = True) -> None:
        """Read the tables once; without ``owners`` none is looked for, nobody can tell them."""
        sources = open_sources(self._source, self._proc_root)
        if owners:
            self._owners.walk(self._inodes)
        query = Query(self._protos, owners=owners)
        table = self._owners.table if owners else None
        reader = Reader(query, sources, self._proc_root or "/proc", owner_table=table)
        try:
            snapshot = reader.snapshot()
        except PynetstatError as error:
            self._say(f"the tables could not be read: {error}")
            return
        if owners:
            snapshot = snapshot._replace(records=self._owners.settle(snapshot.records))
        self._inodes = {record.inode for record in snapshot.records if record.inode}
        with self._lock:
            self._snapshot = snapshot

    def _listen(self) -> None:
        self._first_look.wait()
        look_s = min(max(len(self._inodes) / _SOCKETS_A_LOOK_S, _LEAST_LOOK_S), _MOST_LOOK_S)
        heard = [proto for proto in self._protos if proto in TCP_AND_UDP]
        try:
            with events(heard, stop=self._stop, interval_s=look_s) as stream:
                for refusal in stream.refusals:
                    self._say(f"no exact transitions: {refusal}")
                self.events_source = stream.source
                for item in stream:
                    self._put(item)
        except SourceUnavailable as refusal:
            self._say(f"no transitions, only what each reading shows: {refusal}")
        except PynetstatError as error:
            self._say(f"transitions ended: {error}")
        finally:
            self.events_source = ""

    def _put(self, item: Event | Loss) -> None:
        with self._lock:
            if len(self._waiting) < _MOST_WAITING:
                self._waiting.append(item)
            else:
                self._dropped += 1
        self._news.set()

    def _say(self, text: str) -> None:
        """Tell it once, not at every reading."""
        if text != self._told:
            self._told = text
            with self._lock:
                self._waiting.append(Notice(time.time(), text))


def _place(frames: list[Frame], taken_at: float) -> int:
    """Where a snapshot belongs among transitions: before the first one after it."""
    for place, frame in enumerate(frames):
        if isinstance(frame, Event) and frame.at > taken_at:
            return place
    return len(frames)


class _Owners:
    """Who holds which socket, from walks over /proc that take a small share of the time."""

    def __init__(self, proc_root: str) -> None:
        self._proc_root = proc_root
        self._next_walk = 0.0
        self._sought: set[int] = set()
        self.table = OwnerTable({}, Coverage(0, False))

    def walk(self, sockets: set[int]) -> None:
        """Look for the holders of ``sockets`` (inodes), unless it was done a moment ago."""
        now = time.monotonic()
        if now >= self._next_walk:
            self.table = walk_processes(self._proc_root)
            self._sought = sockets
            ended = time.monotonic()
            self._next_walk = ended + _WALK_SHARE * (ended - now)

    def settle(self, records: list[SocketRecord]) -> list[SocketRecord]:
        """The rows, their owners None where no walk has looked for them since they are there."""
        sought = self._sought
        return [
            record._replace(owners=None)
            if not record.owners and record.inode and record.inode not in sought
            else record
            for record in records
        ]
