"""Read on in the background while the reader works on what it has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

_T = TypeVar("_T")

_DIRECT_ITEMS = 4
"""Items taken before a thread is worth starting: a quiet machine's table ends before that."""
_DEPTH = 64


def read_ahead(items: Iterator[_T]) -> Iterator[_T]:
    """The same items in the same order, a few of them fetched ahead of their use.

    The kernel works inside recv() without the interpreter's lock, so that its time and
    the formatting of the rows overlap. An error of ``items`` is raised in its place.
    """
    for _, item in zip(range(_DIRECT_ITEMS), items, strict=False):
        yield item
    yield from _in_background(items)


def _in_background(items: Iterator[_T]) -> Iterator[_T]:
    try:
        first = next(items)
    except StopIteration:
        return
    yield first

    import queue
    import threading

    fetched: queue.Queue[_T | None] = queue.Queue(_DEPTH)
    abandoned = threading.Event()
    failure: list[BaseException] = []

    def fetch() -> None:
        try:
            for item in items:
                fetched.put(item)
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
        while thread.is_alive():
            try:
                fetched.get(timeout=0.01)
            except queue.Empty:
                continue
    if failure:
        raise failure[0]
