"""Runs commands in turn and takes their wall time and peak memory.

The machine's speed drifts, and other programs come and go. So the commands under
comparison run one after the other, turn by turn (A B C A B C ...), and a ratio is the
median of the ratios within each turn. One turn goes ahead unmeasured, for the caches.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from benchmarks.commands import environment

_CHUNK = 65536
_LEAST_TURNS = 3
_T = TypeVar("_T")


class CommandFailed(Exception):
    """A command under comparison ended with an error; the text is its last line."""


class Run(NamedTuple):
    """One run of a command.

    ``seconds`` is wall time from the start to the end of its output and itself;
    ``peak_kib`` its largest resident set, and never less than that of the process that
    started it had at that moment, as the kernel counts; ``lines`` what it printed.
    """

    seconds: float
    peak_kib: int
    lines: int


def run(command: Sequence[str]) -> Run:
    """Run ``command`` with its output in a pipe that is read and dropped."""
    with tempfile.TemporaryFile() as complaints:
        read_end, write_end = os.pipe()
        try:
            started = time.perf_counter()
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=write_end,
                stderr=complaints,
                env=environment(),
            )
            os.close(write_end)
            lines = _drain(read_end)
            usage, seconds = _reap(process, started)
        finally:
            os.close(read_end)
        if process.returncode != 0:
            complaints.seek(0)
            said = complaints.read().decode(errors="replace").splitlines()
            reason = said[-1] if said else f"exit status {process.returncode}"
            raise CommandFailed(f"{os.path.basename(command[0])}: {reason}")
    return Run(seconds, usage, lines)


def _drain(descriptor: int) -> int:
    lines = 0
    while chunk := os.read(descriptor, _CHUNK):
        lines += chunk.count(b"\n")
    return lines


def _reap(process: subprocess.Popen[bytes], started: float) -> tuple[int, float]:
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss, seconds


def in_turn(
    workers: Mapping[str, Callable[[], _T]], turns: int, budget_s: float
) -> dict[str, list[_T]]:
    """The results of each, one per turn.

    After ``budget_s`` seconds no new turn begins, once there are three (or ``turns``).
    """
    results: dict[str, list[_T]] = {name: [] for name in workers}
    for work in workers.values():
        work()
    started = time.monotonic()
    for turn in range(turns):
        if turn >= _LEAST_TURNS and time.monotonic() - started > budget_s:
            break
        for name, work in workers.items():
            results[name].append(work())
    return results


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of the values of the same turn."""
    return statistics.median(our / their for our, their in zip(ours, theirs, strict=True))
