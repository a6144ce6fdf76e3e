"""The watch screen for a long time while connections come and go."""

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
from typing import NamedTuple

from tests.command import ARGV
from tests.terminal import Terminal

_PAUSE_S = 0.02
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


class Soaked(NamedTuple):
    """What became more between the end of the warm-up and the end, and how it ended."""

    memory_kib: float
    descriptors: int
    threads: int
    status: int
    terminal_as_before: bool


def soak(warm_up_s: float, seconds: float) -> Soaked:
    """Watch for so long after the warm-up."""
    with churn() as port, Terminal([*ARGV, "--watch", "-tan"]) as terminal:
        terminal.wait_for(f"127.0.0.1:{port}", "ended", "destroy")
        pid = terminal.process.pid
        terminal.watch_for(warm_up_s)
        memory, descriptors, threads = resident_kib(pid), count(pid, "fd"), count(pid, "task")
        terminal.watch_for(seconds)
        memory = resident_kib(pid) - memory
        descriptors = count(pid, "fd") - descriptors
        threads = count(pid, "task") - threads
        terminal.signal(signal.SIGTERM)
        return Soaked(memory, descriptors, threads, terminal.end(), terminal.is_as_before())


def count(pid: int, what: str) -> int:
    """How many descriptors (``fd``) or threads (``task``) the process has.

    The least of some looks: a reading has some for a moment.
    """
    counts = []
    for _ in range(_READINGS):
        counts.append(len(os.listdir(f"/proc/{pid}/{what}")))
        time.sleep(0.05)
    return min(counts)
