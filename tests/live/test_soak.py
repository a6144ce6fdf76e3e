"""The watch screen for a long time: it neither grows nor leaks while connections come and go.

Half a minute, or as many seconds as PYNETSTAT_SOAK_S says (300 and 3600 are meant).
"""

from __future__ import annotations

import os
import signal
import socket
import statistics
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.command import ARGV
from tests.terminal import Terminal

_SECONDS = float(os.environ.get("PYNETSTAT_SOAK_S", "30"))
_WARM_UP_S = min(max(_SECONDS / 5, 15.0), 120.0)
"""Ended sockets linger for ten seconds: only then as many go as come."""
_PAUSE_S = 0.02
_GROWTH_KIB = 2048
_READINGS = 9
_ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER of 0: the end leaves no TIME_WAIT, of which there would be more every minute."""


@contextmanager
def churn() -> Iterator[int]:
    """Connections that come and go on a port."""
    stopped = threading.Event()

    def connect(port: int) -> None:
        while not stopped.wait(_PAUSE_S):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
                accepted, _ = server.accept()
                accepted.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        thread = threading.Thread(target=connect, args=(port,))
        thread.start()
        try:
            yield port
        finally:
            stopped.set()
            thread.join()


def resident_kib(pid: int) -> float:
    """The memory of the process, the median of some readings."""
    readings = []
    for _ in range(_READINGS):
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            readings += [int(line.split()[1]) for line in file if line.startswith("VmRSS:")]
        time.sleep(0.1)
    return statistics.median(readings)


def test_memory_and_descriptors_stay_as_they_are() -> None:
    with churn() as port, Terminal([*ARGV, "--watch", "-tan"]) as terminal:
        terminal.wait_for(f"127.0.0.1:{port}", "ended")
        pid = terminal.process.pid
        terminal.watch_for(_WARM_UP_S)
        memory, descriptors = resident_kib(pid), len(os.listdir(f"/proc/{pid}/fd"))
        threads = len(os.listdir(f"/proc/{pid}/task"))
        terminal.watch_for(_SECONDS - _WARM_UP_S)
        grown = resident_kib(pid) - memory
        # A reading holds one for a moment.
        assert len(os.listdir(f"/proc/{pid}/fd")) <= descriptors + 1
        assert len(os.listdir(f"/proc/{pid}/task")) <= threads + 1
        assert grown < _GROWTH_KIB
        terminal.signal(signal.SIGTERM)
        assert terminal.end() == 128 + signal.SIGTERM
        assert terminal.is_as_before()
