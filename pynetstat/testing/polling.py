"""Asking until there is an answer, with pauses that follow from what asking costs.

One loop serves threads and asyncio: :class:`_Poll` takes a step, the caller sleeps. pytest
leaves frames that set ``__tracebackhide__`` out, so that a failed wait shows its caller's line.
"""

from __future__ import annotations

import asyncio
import time
from typing import Generic, Protocol, TypeVar

from pynetstat.errors import WaitFailed

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)

_REST = 24
"""A pause is so many times the processor time of the look before it: 4 % of a core."""
_SHORTEST_PAUSE_S = 0.001
_LONGEST_PAUSE_S = 0.5
"""Also where one look takes long: then promptness comes before thrift."""


class Question(Protocol[_T_co]):
    """Something that will be true some day."""

    def look(self) -> _T_co | None:
        """The answer, None while there is none. WaitFailed when there will never be one."""

    def failure(self, timeout_s: float) -> WaitFailed:
        """The error that says what was not there in time, and what is there instead."""


def wait(question: Question[_T], timeout_s: float) -> _T:
    """The answer, once there is one. WaitFailed when there is none in ``timeout_s``."""
    __tracebackhide__ = True
    poll = _Poll(question, timeout_s)
    while (pause_s := poll.step()) is not None:
        time.sleep(pause_s)
    return poll.answer


async def wait_async(question: Question[_T], timeout_s: float) -> _T:
    """The same for asyncio: looks happen in a thread, so that they never block the loop."""
    __tracebackhide__ = True
    poll = _Poll(question, timeout_s)
    while (pause_s := await asyncio.to_thread(poll.step)) is not None:
        await asyncio.sleep(pause_s)
    return poll.answer


class _Poll(Generic[_T]):
    """Looks at one question until its time is over; there is at least one look.

    ValueError for what is no time.
    """

    answer: _T

    def __init__(self, question: Question[_T], timeout_s: float) -> None:
        if not isinstance(timeout_s, int | float) or not timeout_s >= 0:
            raise ValueError(f"timeout {timeout_s!r}: seconds, 0 or more")
        self._question = question
        self._timeout_s = timeout_s
        self._end = time.monotonic() + timeout_s

    def step(self) -> float | None:
        """Look once; the seconds to wait before the next step, None when it was the last."""
        __tracebackhide__ = True
        last = time.monotonic() >= self._end
        started = time.thread_time()
        answer = self._question.look()
        spent = time.thread_time() - started
        if answer is not None:
            self.answer = answer
            return None
        if last:
            raise self._question.failure(self._timeout_s)
        pause_s = min(max(spent * _REST, _SHORTEST_PAUSE_S), _LONGEST_PAUSE_S)
        return max(min(pause_s, self._end - time.monotonic()), 0.0)
