"""A finding made shorter, so that it can be read."""

from __future__ import annotations

import time

from .corpus import Check


def failure(check: Check, data: bytes) -> type[BaseException] | None:
    """What kind of error the check raises for these bytes."""
    try:
        check(data)
    except Exception as error:  # noqa: BLE001 - any of them is a finding
        return type(error)
    return None


def shortened(check: Check, data: bytes, seconds: float) -> bytes:
    """The shortest bytes that fail alike, as far as they are found in the time given."""
    kind = failure(check, data)
    end = time.monotonic() + seconds
    size = len(data) // 2
    while kind is not None and size:
        at = 0
        while at < len(data) and time.monotonic() < end:
            shorter = data[:at] + data[at + size :]
            if failure(check, shorter) is kind:
                data = shorter
            else:
                at += size
        size //= 2
    return data
