"""A thread of its own in another network namespace, which does there what it is asked to.

Only that thread changes its namespace (setns(2)), and it ends with it. A socket that was
opened inside stays inside, whichever thread uses it.
"""

from __future__ import annotations

import errno
import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from pynetstat.netns import CLONE_NEWNET

_T = TypeVar("_T")


class Inside:
    """Does things inside the namespace of an nsfs file, until it is closed."""

    def __init__(self, descriptor: int) -> None:
        """OSError when the namespace may not be entered; ``descriptor`` stays the caller's."""
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="pynetstat-netns", daemon=True)
        self._thread.start()
        try:
            self.call(lambda: _enter(descriptor))
        except BaseException:
            self.close()
            raise

    @property
    def proc_root(self) -> str:
        """A folder whose ``net`` is the namespace's /proc/net, while this is open."""
        return f"/proc/self/task/{self._thread.native_id}"

    def call(self, function: Callable[[], _T]) -> _T:
        """What ``function`` returns or raises inside. OSError once this is closed."""
        if not self._thread.is_alive():
            raise OSError(errno.ESRCH, "the network namespace has been left")
        job = _Job(function)
        self._jobs.put(job)
        job.done.wait()
        if job.error is not None:
            raise job.error
        result: _T = job.result
        return result

    def close(self) -> None:
        """Leave the namespace: the thread ends."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job.result = job.function()
            except BaseException as error:  # noqa: BLE001 - raised again where it was asked for
                job.error = error
            job.done.set()


class _Job:
    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = threading.Event()


def _enter(descriptor: int) -> None:
    if sys.version_info >= (3, 12):
        os.setns(descriptor, CLONE_NEWNET)
        return
    import ctypes

    if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
