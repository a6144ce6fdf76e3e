"""What the waits and leak checks of :mod:`pynetstat.testing` cost, inside a process."""

from __future__ import annotations

import os
import random
import socket
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from pynetstat.testing import LeakCheck, WaitTimeout, wait_for_listen

_LONG_S = 30.0
_POLLING_S = 2.0
_LEAK_CHECKS = 200


def lateness(turns: int) -> list[float]:
    """Seconds from a server's listen() to the return of wait_for_listen(), turn by turn."""
    return [_one_server() for _ in range(turns)]


def _one_server() -> float:
    """The server listens in a child, some time after the wait has begun."""
    reading, writing = os.pipe()
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    pid = os.fork()
    if pid == 0:
        time.sleep(random.uniform(0.02, 0.1))
        server.listen()
        os.write(writing, repr(time.monotonic()).encode())
        time.sleep(_LONG_S)
        os._exit(0)
    port = server.getsockname()[1]
    server.close()
    try:
        wait_for_listen(port, pid=pid, timeout=_LONG_S)
        returned = time.monotonic()
        return returned - float(os.read(reading, 100))
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(reading)
        os.close(writing)


def polling_share() -> float:
    """The share of a core that a wait takes while there is nothing, its error aside."""
    with socket.socket() as bound, ThreadPoolExecutor() as pool:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        waiting = pool.submit(wait_for_listen, port, pid=os.getpid(), timeout=_POLLING_S + 1)
        started, spent = time.monotonic(), time.process_time()
        time.sleep(_POLLING_S)
        share = (time.process_time() - spent) / (time.monotonic() - started)
        assert isinstance(waiting.exception(), WaitTimeout)
        return share


def leak_check() -> float:
    """The median seconds of a check that finds nothing, its look before included."""
    seconds = []
    for _ in range(_LEAK_CHECKS):
        started = time.perf_counter()
        LeakCheck().check()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
