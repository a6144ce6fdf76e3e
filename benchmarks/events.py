"""How many ends of sockets the stream misses, and how late it tells.

A child makes connections, resets them at a steady rate, and says how many; the stream is read in
this process, as a program that uses it would.
"""

from __future__ import annotations

import os
import socket
import statistics
import struct
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from pynetstat import Event, Loss, events

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_BURST = 50
_SETTLE_S = 1.0
_COUNT = struct.Struct("=Qd")


class Told(NamedTuple):
    """What was made and what was told of it.

    ``missed`` counts ends that were never told, ``lost`` what the kernel said it dropped;
    ``late_s`` are seconds from an event to its being told: the median and the 99th percentile.
    """

    made: int
    per_s: float
    missed: int
    lost: int
    late_s: tuple[float, float]


def follow(source: str, ends_per_s: int, seconds: float) -> Told:
    """Ends at that rate for so long, told by ``source``."""
    stop = threading.Event()
    told = lost = 0
    late: list[float] = []
    with events(["tcp"], source=source, stop=stop) as stream:
        reader, child = _in_child(lambda: _make(ends_per_s, seconds))
        threading.Thread(target=_stop_after, args=(child, stop), daemon=True).start()
        for item in stream:
            if isinstance(item, Loss):
                lost += item.lost or 1
            elif isinstance(item, Event) and item.raddr.ip.startswith("127."):
                late.append(time.time() - item.at)
                told += item.new is None
    with open(reader, "rb") as pipe:
        made, per_s = _COUNT.unpack(pipe.read())
    late.sort()
    middle = statistics.median(late) if late else 0.0
    worst = late[int(len(late) * 0.99)] if late else 0.0
    return Told(made, per_s, max(made - told, 0), lost, (middle, worst))


def _make(ends_per_s: int, seconds: float) -> tuple[int, float]:
    made = 0
    started = time.monotonic()
    with socket.create_server(("127.0.0.1", 0), backlog=_BURST) as listener:
        while time.monotonic() < started + seconds:
            for _ in range(min(_BURST, max(ends_per_s // 20, 1))):
                client = socket.socket()
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                client.connect(listener.getsockname())
                accepted, _ = listener.accept()
                client.close()
                accepted.close()
                made += 2
            time.sleep(max(started + made / ends_per_s - time.monotonic(), 0.0))
        spent = time.monotonic() - started
    return made, made / spent


def _in_child(work: Callable[[], tuple[int, float]]) -> tuple[int, int]:
    """Run it in a child: a pipe with its result, and the child's pid."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, _COUNT.pack(*work()))
        finally:
            os._exit(0)
    os.close(writer)
    return reader, child


def _stop_after(child: int, stop: threading.Event) -> None:
    os.waitpid(child, 0)
    time.sleep(_SETTLE_S)
    stop.set()
