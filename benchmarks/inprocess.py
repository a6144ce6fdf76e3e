"""``collect()`` with owners against ``psutil.net_connections("inet")``, inside a process."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from functools import partial

import psutil

from benchmarks.timing import in_turn
from pynetstat import collect

_BUDGET_S = 60.0


def compare(turns: int) -> tuple[list[float], list[float]]:
    """The seconds of ours and of psutil's, turn by turn."""
    calls: dict[str, Callable[[], float]] = {
        "collect": partial(_seconds, lambda: collect(owners=True)),
        "psutil": partial(_seconds, lambda: psutil.net_connections("inet")),
    }
    seconds = in_turn(calls, turns, _BUDGET_S)
    return seconds["collect"], seconds["psutil"]


def _seconds(call: Callable[[], object]) -> float:
    """The time of the call and of freeing its result, with the collector on as users have it."""
    gc.collect()
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
