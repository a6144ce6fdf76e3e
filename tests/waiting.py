"""Waiting for something to happen: bounded, and never for a time to pass."""

from __future__ import annotations

import time
from collections.abc import Callable

_PATIENCE_S = 30.0


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Return once ``condition`` holds; TimeoutError naming ``what`` when it never does."""
    end = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"after {_PATIENCE_S:.0f} s still no {what}")
        time.sleep(0.005)
