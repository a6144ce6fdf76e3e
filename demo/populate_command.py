"""``python -m demo populate``: fill the table for people who want something to look at."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from types import FrameType
from typing import NoReturn

from demo.populate import PopulateError, Population, populated

_MOST_SOCKETS = 100_000
_SOME = Population(tcp=40, listeners=5, time_wait=5, udp=5, unix=6)
"""What is made when nothing is asked for."""


def main(arguments: list[str]) -> int:
    """Hold sockets until the time is over or Ctrl-C; 0, or 1 when they can't be made."""
    parser = _parser()
    given = parser.parse_args(arguments)
    asked = (given.connections, given.listeners, given.time_wait, given.udp, given.unix)
    if any(count is not None and count < 0 for count in asked):
        parser.error("counts can't be less than 0")
    if given.hold is not None and given.hold < 0:
        parser.error("--hold can't be less than 0")
    wanted = _SOME
    if any(count is not None for count in asked):
        connections, listeners, time_wait, udp, unix = (count or 0 for count in asked)
        wanted = Population(2 * connections, listeners, time_wait, udp, unix)
    if sum(wanted) > _MOST_SOCKETS:
        parser.error(f"{sum(wanted):,} sockets; {_MOST_SOCKETS:,} at most")
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with populated(wanted):
            _announce(wanted)
            _hold(given.hold)
    except KeyboardInterrupt:
        print("\nclosing them")
    except PopulateError as error:
        print(f"demo populate: {error}", file=sys.stderr)
        return 1
    finally:
        signal.signal(signal.SIGTERM, previous)
    return 0


def _announce(made: Population) -> None:
    print(
        f"{made.tcp // 2:,} connections ({made.tcp:,} sockets), {made.listeners:,} listeners, "
        f"{made.time_wait:,} in TIME_WAIT, {made.udp:,} UDP, {made.unix:,} unix"
    )
    print("look at them in another terminal with: pynetstat -tauonp", flush=True)
    if made.unix:
        print("and at the unix ones with: pynetstat -xap", flush=True)


def _hold(seconds: float | None) -> None:
    if seconds is not None:
        time.sleep(seconds)
        return
    print("Ctrl-C closes them", flush=True)
    while True:
        signal.pause()


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo populate",
        description="Hold sockets on loopback, to have something to look at.",
        epilog=f"Without counts: some of each. At most {_MOST_SOCKETS:,} sockets.",
    )
    for name, about in (
        ("connections", "established connections, two sockets each"),
        ("listeners", "listening TCP sockets"),
        ("time-wait", "sockets that the kernel keeps in TIME_WAIT for a minute"),
        ("udp", "bound UDP sockets"),
        ("unix", "unix-domain sockets"),
    ):
        parser.add_argument(f"--{name}", type=int, metavar="N", help=about)
    parser.add_argument(
        "--hold", type=float, metavar="SECONDS", help="how long (default: until Ctrl-C)"
    )
    return parser
