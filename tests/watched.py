"""A feed that tells what a test lets it tell, at the moment that the test says it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from textual.pilot import Pilot

from pynetstat import Addr, Coverage, Owner, Proto, Snapshot, SocketRecord, TcpState, Timer
from pynetstat.history.transition import Event
from pynetstat.records import TIMER_OFF
from pynetstat.render.watch.app import WatchApp
from pynetstat.watch.feed import Frame
from pynetstat.watch.model import View

START = 1_700_000_000.0
SERVER, CLIENT = Addr("127.0.0.1", 8080), Addr("127.0.0.1", 50000)
ANYONE = Addr("0.0.0.0", 0)
NC = (Owner(812, 3, "nc"),)
TABLES = (Proto.TCP, Proto.TCP6, Proto.UDP, Proto.UDP6)


def row(
    cookie: int,
    laddr: Addr = SERVER,
    raddr: Addr = CLIENT,
    state: TcpState = TcpState.ESTABLISHED,
    *,
    proto: Proto = Proto.TCP,
    recv_q: int | None = 0,
    send_q: int | None = 0,
    timer: Timer | None = TIMER_OFF,
    inode: int | None = 7,
    uid: int | None = 1000,
    owners: tuple[Owner, ...] | None = NC,
    backlog: int | None = None,
) -> SocketRecord:
    """A row; by default the server's end of a connection within this machine."""
    return SocketRecord(
        proto, laddr, raddr, state, recv_q, send_q, backlog, timer, uid, inode, cookie, 0, owners
    )


def listener(cookie: int = 1, port: int = 8080) -> SocketRecord:
    """A row of a server that waits."""
    return row(cookie, Addr("127.0.0.1", port), ANYONE, TcpState.LISTEN, backlog=5)


def look(*rows: SocketRecord, after_s: float = 0.0) -> Snapshot:
    """All tables, as they were read so long after the start."""
    sources = dict.fromkeys(TABLES, "sockdiag")
    return Snapshot(list(rows), [], sources, (), Coverage(0, False), START + after_s)


def step(
    record: SocketRecord,
    old: TcpState | None,
    new: TcpState | None,
    after_s: float,
    seconds: float | None = None,
) -> Event:
    """A transition of the row's socket, so long after the start."""
    return Event(
        START + after_s, record.proto, record.laddr, record.raddr, record.cookie, old, new, seconds
    )


class ScriptedFeed:
    """A :class:`pynetstat.watch.feed.Feed`."""

    title = "live"
    events_source = "tracefs"

    def __init__(self, *frames: Frame) -> None:
        self.frames: list[Frame] = list(frames)
        self.moment = START
        self.started = self.closed = 0

    def start(self) -> None:
        self.started += 1

    def now(self) -> float:
        return self.moment

    def take(self) -> list[Frame]:
        frames, self.frames = self.frames, []
        return frames

    def close(self) -> None:
        self.closed += 1


class Screen:
    """A running app without a terminal, and its feed."""

    def __init__(self, app: WatchApp, feed: ScriptedFeed, pilot: Pilot[int]) -> None:
        self.app = app
        self.feed = feed
        self.pilot = pilot

    async def tell(self, *frames: Frame, after_s: float | None = None) -> None:
        """Let the feed tell these frames, and the screen show them."""
        self.feed.frames += frames
        await self.let_pass(after_s)

    async def let_pass(self, after_s: float | None = None) -> None:
        """Let it be so long after the start, and the screen show it."""
        if after_s is not None:
            self.feed.moment = START + after_s
        self.app.take_turn()
        self.app.show_all()
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        """Press the keys, one after the other."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    @property
    def lines(self) -> list[str]:
        """What is on the screen, without colours and spaces at the ends."""
        strips = self.app.screen._compositor.render_strips()
        return [strip.text.rstrip() for strip in strips]

    @property
    def text(self) -> str:
        """The same in one piece."""
        return "\n".join(self.lines) + "\n"

    def line_with(self, *parts: str) -> str:
        """The first line that has all parts; AssertionError with the screen when none has."""
        for line in self.lines:
            if all(part in line for part in parts):
                return line
        raise AssertionError(f"no line with {parts} in:\n{self.text}")


def on_screen(
    test: Callable[[Screen], Awaitable[None]],
    *frames: Frame,
    size: tuple[int, int] = (120, 40),
    view: View | None = None,
    feed: ScriptedFeed | None = None,
    explains: bool | None = False,
) -> int | None:
    """Run ``test`` on a screen of that size that shows the frames; the app's value."""
    told = feed or ScriptedFeed()
    app = WatchApp(told, view=view, explains=explains)

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            screen = Screen(app, told, pilot)
            await screen.tell(*frames)
            await test(screen)

    asyncio.run(run())
    assert told.closed
    return app.return_value
