"""Read on in the background while the reader works on what it has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

_T = TypeVar("_T")

_DIRECT_ITEMS = 4
"""Items taken before a thread is worth starting: a quiet machine's table ends before that."""
_DEPTH = 64
"""Items to be ahead at most; then the thread looks again after a pause."""
_PAUSE_S = 0.002


def read_ahead(items: Iterator[_T]) -> Iterator[_T]:
    """The same items in the same order, a few of them fetched ahead of their use.

    The kernel works inside recv() without the interpreter's lock, so that its time and
    the formatting of the rows overlap. An error of ``items`` is raised in its place.
    """
    for _ in range(_DIRECT_ITEMS):
        try:
            item = next(items)
        except StopIteration:
            return
        yield item
    yield from _in_background(items)


def _in_background(items: Iterator[_T]) -> Iterator[_T]:
    import queue
    import threading
    import time

    fetched: queue.SimpleQueue[_T | None] = queue.SimpleQueue()
    abandoned = threading.Event()
    failure: list[BaseException] = []

    def fetch() -> None:
        try:
            for item in items:
                fetched.put(item)
                while fetched.qsize() > _DEPTH and not abandoned.is_set():
                    time.sleep(_PAUSE_S)
                if abandoned.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - it is raised again by the reader
            failure.append(error)
        finally:
            fetched.put(None)

    thread = threading.Thread(target=fetch, name="pynetstat-read-ahead", daemon=True)
    thread.start()
    try:
        while (item := fetched.get()) is not None:
            yield item
    finally:
        abandoned.set()
        thread.join()
    if failure:
        raise failure[0]
