"""Where a watch screen gets its frames from: live, or from a recording.

A screen asks its feed several times a second for what has become due and never waits for it::

    feed.start()
    for frame in feed.take():       # Snapshot, Event, Loss, Notice or Restart
        ...
    feed.close()

:class:`pynetstat.watch.live.LiveFeed` is this machine, now. A :class:`Player` is a feed
that can be held, stepped and played faster or slower; with one the screen shows its keys.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

from pynetstat.history.transition import Event, Loss
from pynetstat.snapshot import Snapshot


class Notice(NamedTuple):
    """Something that the feed says of itself, in one line for a person.

    ``at`` is in seconds since the epoch, in the feed's time.
    """

    at: float
    text: str


class Restart(NamedTuple):
    """What was told so far is void: the frames behind this one begin from nothing."""

    at: float


Frame: TypeAlias = "Snapshot | Event | Loss | Notice | Restart"


class Feed(Protocol):
    """Gives a screen its frames."""

    @property
    def title(self) -> str:
        """What this is, for the screen's first line: ``live``, or the recording's name."""
        ...

    @property
    def events_source(self) -> str:
        """Where transitions come from (``tracefs``, ``destroy``); empty as long as they don't."""
        ...

    def start(self) -> None:
        """Begin, unless it has. Does not wait, raises nothing: what goes wrong is a Notice."""
        ...

    def now(self) -> float:
        """The present moment in the time of the frames, in seconds since the epoch."""
        ...

    def take(self) -> list[Frame]:
        """What has become due since the last call, in order; never waits."""
        ...

    def close(self) -> None:
        """End, and give everything back: threads, descriptors, what is held in the kernel."""
        ...


@runtime_checkable
class Player(Feed, Protocol):
    """A feed that plays a recording.

    ``speed`` is how much faster than the recording's own time it plays; it can be set while
    it plays. ``held`` says whether time stands still, ``at_end`` whether nothing is left.
    """

    speed: float

    @property
    def held(self) -> bool:
        """Whether time stands still."""
        ...

    @property
    def at_end(self) -> bool:
        """Whether the last frame has been taken."""
        ...

    def hold(self, held: bool) -> None:
        """Let time stand still, or go on."""
        ...

    def step(self) -> None:
        """Hold, and make the next frame due: :meth:`now` becomes its moment."""
        ...

    def back(self) -> None:
        """Hold, and undo the last step: :meth:`take` gives a Restart and all frames before."""
        ...
