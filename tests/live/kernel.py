"""Bounded waiting for rows, read from /proc/net without the package under test."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 20.0


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Return once ``condition`` holds; TimeoutError naming ``what`` when it never does."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"after {PATIENCE_S:.0f} s still no {what}")
        time.sleep(0.002)


def has_row(table: str, lport: int, rport: int, state: int, timer: int | None = None) -> bool:
    """Whether /proc/net/``table`` has a row with these ports, state code and timer code."""
    with open(f"/proc/net/{table}") as file:
        next(file, "")
        for line in file:
            _, local, remote, code, _, kind, *_ = line.split()
            ends = int(local.rpartition(":")[2], 16), int(remote.rpartition(":")[2], 16)
            if ends == (lport, rport) and int(code, 16) == state:
                return timer is None or int(kind.partition(":")[0], 16) == timer
    return False


def wait_for_row(table: str, lport: int, rport: int, state: int, timer: int | None = None) -> None:
    """Wait until :func:`has_row`."""
    wanted = f"row {lport} -> {rport} in state {state}, timer {timer}, of {table}"
    wait_until(lambda: has_row(table, lport, rport, state, timer), wanted)
