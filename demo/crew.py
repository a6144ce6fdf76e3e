"""Forked processes that hold or churn sockets, and are gone when they are no longer wanted."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, NoReturn, TypeVar

_T = TypeVar("_T")

_READY = b"ready"
_DEADLINE_S = 120.0
_HELD_BACK = (signal.SIGINT, signal.SIGTERM)


class CrewError(Exception):
    """A worker could not do its part; the text is its reason, in one line."""


class _Worker(NamedTuple):
    pid: int
    reports: int
    """The end of a pipe from which its one report is read."""


class Crew:
    """A context manager for forked workers: at its end every one of them is ended by pid.

    Workers outlive nobody: each watches a pipe that only this process holds open, so that
    they also go when this process is killed.
    """

    def __init__(self) -> None:
        self._workers: list[_Worker] = []
        self._watched, self._held = os.pipe()

    @property
    def pids(self) -> tuple[int, ...]:
        """The workers, in the order in which they were started."""
        return tuple(worker.pid for worker in self._workers)

    def start(
        self, prepare: Callable[[], _T], repeat: Callable[[_T], object] | None = None
    ) -> None:
        """Fork a worker: it prepares, reports, and then repeats (or waits) until it is ended.

        What ``prepare`` returns is kept alive and handed to ``repeat``, which should take
        no more than a moment each time.
        """
        reports, report = os.pipe()
        # Neither may a signal raise in the child before it can't leave this function any
        # more, nor in the parent before it knows the child's pid.
        previous = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)
        try:
            pid = os.fork()
            if pid == 0:
                self._work(report, reports, prepare, repeat, previous)
            self._workers.append(_Worker(pid, reports))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, previous)
            os.close(report)

    def wait_until_ready(self, deadline_s: float = _DEADLINE_S) -> None:
        """Return when every worker has prepared. CrewError when one could not, or is late."""
        until = time.monotonic() + deadline_s
        for worker in self._workers:
            if not _speaks(worker.reports, until - time.monotonic()):
                raise CrewError(f"worker {worker.pid} is not ready after {deadline_s:g} s")
            report = os.read(worker.reports, select.PIPE_BUF)
            if report != _READY:
                reason = report.decode(errors="replace") or "it ended without a word"
                raise CrewError(f"worker {worker.pid}: {reason}")

    def end(self) -> None:
        """End every worker and wait until it is gone."""
        for worker in self._workers:
            os.kill(worker.pid, signal.SIGKILL)
        while self._workers:
            pid, reports = self._workers.pop()
            os.waitpid(pid, 0)
            os.close(reports)

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.end()
        finally:
            os.close(self._watched)
            os.close(self._held)

    def _work(
        self,
        report: int,
        reports: int,
        prepare: Callable[[], _T],
        repeat: Callable[[_T], object] | None,
        mask: set[int | signal.Signals],
    ) -> NoReturn:
        """The worker's life. It never returns into the code that forked it."""
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            for descriptor in (self._held, reports, *(other.reports for other in self._workers)):
                os.close(descriptor)
            try:
                kept = prepare()
            except Exception as error:  # noqa: BLE001 - the parent raises it
                os.write(report, _one_line(error))
                os._exit(1)
            os.write(report, _READY)
            while not self._is_abandoned(wait=repeat is None):
                if repeat is not None:
                    repeat(kept)
        finally:
            os._exit(0)

    def _is_abandoned(self, wait: bool) -> bool:
        """Whether the process that started this worker is gone."""
        return _speaks(self._watched, None if wait else 0)


def _speaks(descriptor: int, within_s: float | None) -> bool:
    """Whether there is something to read, or the other end is closed, within that time."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if within_s is None else max(0, within_s) * 1000))


def _one_line(error: Exception) -> bytes:
    text = " ".join(str(error).split()) or type(error).__name__
    return text.encode(errors="replace")[:512]
