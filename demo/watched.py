"""The picture of the watch screen: ``python -m demo.watched FILE.svg``.

The lab half-close runs in a network of its own while the app watches it; the picture is the
app's own, taken after the last step.
"""

from __future__ import annotations

import asyncio
import re
import sys
import threading
import time
from pathlib import Path

from demo.lab import Lab, Step
from demo.labs import LABS
from demo.netns import enter_own_network
from pynetstat.render.watch.app import WatchApp
from pynetstat.watch.live import LiveFeed

_LAB = "half-close"
_STEPS = 7
_PORT = 8080
_SIZE = (120, 34)
_STEP_S = 0.6
"""How long each step is looked at."""
_SETTLE_S = 0.5
_OUTSIDE_FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)


class _Watcher:
    """Looks at each step for a while, and at the last one until it is let go."""

    def __init__(self, last: int) -> None:
        self._last = last
        self.reached = threading.Event()
        self.leave = threading.Event()

    def step(self, number: int, _step: Step) -> None:
        """One step has been done."""
        if number < self._last:
            time.sleep(_STEP_S)
        else:
            self.reached.set()
            self.leave.wait()


def _play(watcher: _Watcher) -> None:
    lab = next(lab for lab in LABS if lab.name == _LAB)
    try:
        with Lab(watcher, _PORT) as at_work:
            lab.play(at_work)
    finally:
        watcher.reached.set()


async def _picture() -> str:
    watcher = _Watcher(_STEPS)
    app = WatchApp(LiveFeed(["tcp"]), explains=True)
    async with app.run_test(size=_SIZE) as pilot:
        player = threading.Thread(target=_play, args=(watcher,))
        player.start()
        await asyncio.to_thread(watcher.reached.wait)
        await pilot.pause(_SETTLE_S)
        picture = app.export_screenshot(title="pynetstat --watch")
        watcher.leave.set()
        await asyncio.to_thread(player.join)
    return _OUTSIDE_FONTS.sub("", picture)


def main() -> int:
    """Write the picture to the file named by the only argument."""
    if len(sys.argv) != 2:
        print("usage: python -m demo.watched FILE.svg", file=sys.stderr)
        return 2
    enter_own_network([sys.executable, "-m", "demo.watched", *sys.argv[1:]])
    Path(sys.argv[1]).write_text(asyncio.run(_picture()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
