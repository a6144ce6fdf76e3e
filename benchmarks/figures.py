"""The figures, what each is measured against, and its aim.

A speed figure is the median of the ratios ours/theirs within a turn (see
:mod:`benchmarks.timing`); aims are for the sizes stated here, other sizes are printed for
information. Beside the sockets that are counted, every table holds a few listeners and UDP
sockets, as any machine does.
"""

from __future__ import annotations

import resource
import statistics
from collections.abc import Iterator
from functools import partial

from benchmarks import suite
from benchmarks.apart import call_apart
from benchmarks.commands import (
    OURS,
    PEERS,
    bare_interpreter,
    in_comparison,
    missing_peers,
    our_command,
)
from benchmarks.report import Figure
from benchmarks.terminal import COLUMNS, run_on_terminal
from benchmarks.timing import CommandFailed, Run, in_turn, median_ratio, run
from demo.populate import Population, populated

AIMED_SIZE = 100_000
RICH_SIZE = 10_000
SNAPSHOTS = 100
_BARE = "python -c pass"
_BUDGET_S = 60.0
_HEADINGS = 2
_CHURN_RATES = {"TCP": 24_000, "UDP": 92_000}
"""Changes a second: the rates at which readers of /proc were seen to fail."""
_COMPANY = Population(listeners=10, udp=10)

_SPEED_AIMS = {
    ("-tauon", "ss"): 1.2,
    ("-tauon", "netstat"): 0.65,
    ("-tauonp", "ss"): 0.2,
    ("-tauonp", "netstat"): 0.2,
    ("-tln", "netstat"): 0.3,
}
_SUMMARY_AIM = 1.2
_QUIET_AIM = 4.0
_FILTER_AIM = 0.5
_COLLECT_AIM = 0.6
_PEAK_AIM_MIB = 40.0
_RICH_AIM_S = 0.6
_END_RATE = 10_000
_QUIET_RATE = 100
_DELAY_AIM_MS = 50.0
_FIRST_ROW_AIM_S = 0.6
_WATCH_AIM_PERCENT = 15.0
_REFRESH_AIM_S = 1.0


def at_size(size: int, turns: int) -> Iterator[Figure]:
    """Speed and memory with ``size`` TCP sockets."""
    with populated(_COMPANY._replace(tcp=size)):
        yield from _speed("-tauon", size, turns)
        yield from _speed("-tauonp", size, turns)
        yield from _speed("-tln", size, turns)
        yield _summary(size, turns)
        if size == 0:
            yield _against_bare_interpreter(turns)
        else:
            yield _collect(size, turns)
            yield _filtered(size, turns)
            yield _json_lines(size, turns)
        if size == RICH_SIZE:
            yield _rich(size, turns)
        yield from watching(size, turns)
        if size != RICH_SIZE:
            yield from waiting(size, turns)


def watching(size: int, turns: int) -> Iterator[Figure]:
    """The watch screen: its start, what it takes of a core, and a refresh."""
    first_aim = _FIRST_ROW_AIM_S if size == 0 else None
    try:
        first = call_apart("watched", "first_rows", turns)
        yield Figure(
            "watch screen, first row", size, statistics.median(first), "s", first_aim,
            remark=f"{len(first)} turns",
        )  # fmt: skip
        share = call_apart("watched", "share_of_core")
        share_aim = _WATCH_AIM_PERCENT if size == RICH_SIZE else None
        yield Figure("watch screen at 1 Hz, of a core", size, share * 100, "%", share_aim)
        again = call_apart("watched", "refresh", turns)
        again_aim = _REFRESH_AIM_S if size == AIMED_SIZE else None
        yield Figure("watch screen, a refresh", size, again, "s", again_aim)
    except CommandFailed as failure:
        yield Figure("watch screen, first row", size, None, "s", first_aim, remark=str(failure))


def waiting(size: int, turns: int) -> Iterator[Figure]:
    """How late a wait returns, what it takes meanwhile, and what a leak check costs."""
    aim = {0: 10.0, AIMED_SIZE: 50.0}.get(size)
    name = "wait_for_listen() after listen()"
    try:
        late = call_apart("waiting", "lateness", 4 * turns)
        yield Figure(name, size, statistics.median(late) * 1000, "ms", aim, remark=_worst(late))
        share = call_apart("waiting", "polling_share")
        yield Figure("wait_for_listen() of a core", size, share * 100, "%", 5.0)
        check = call_apart("waiting", "leak_check")
        yield Figure("LeakCheck() that finds nothing", size, check * 1000, "ms", 5.0)
    except CommandFailed as failure:
        yield Figure(name, size, None, "ms", aim, remark=str(failure))


def _worst(seconds: list[float]) -> str:
    return f"{len(seconds)} turns, the slowest {max(seconds) * 1000:.1f} ms"


def in_a_suite(turns: int) -> Iterator[Figure]:
    """What the pytest plugin costs a suite that does not use it, and each test of one that does."""
    name = "pytest with the plugin against without"
    try:
        runs = suite.compare(turns)
    except CommandFailed as failure:
        yield Figure(name, 0, None, "x", 1.05, remark=str(failure))
        return
    yield _ratio(name, 0, runs["unused"], runs["without"], 1.05)
    added = [
        checking.seconds - unused.seconds
        for checking, unused in zip(runs["checking"], runs["unused"], strict=True)
    ]
    each = statistics.median(added) / suite.TESTS
    yield Figure("netstat_leaks = error, each test", 0, each * 1000, "ms", 5.0)


def million(turns: int) -> Iterator[Figure]:
    """``-tauon`` with a million TCP sockets; owners would take the peers minutes."""
    size = 1_000_000
    with populated(_COMPANY._replace(tcp=size)):
        yield from _speed("-tauon", size, turns)


def under_churn(snapshots: int) -> Iterator[Figure]:
    """Stable sockets missed or doubled, at the rates aimed for and at this machine's best."""
    for protocol, rate in _CHURN_RATES.items():
        yield _churned(f"{protocol} rows wrong under churn", 0.0, protocol, snapshots, rate)
        yield _churned(f"{protocol} rows wrong, churn flat out", None, protocol, snapshots, None)


def in_agreement() -> Iterator[Figure]:
    """Rows that differ between sources, ss and netstat on a quiet table."""
    try:
        size, differing = call_apart("agreement", "differing_rows")
    except CommandFailed as failure:
        yield Figure("rows that differ", 0, None, "rows", 0.0, remark=str(failure))
        return
    for other, rows in differing.items():
        ours = "-tauon" if other == "netstat" else "sockdiag"
        yield Figure(f"{ours} rows unlike {other}'s", size, rows, "rows", 0.0)
    for peer in missing_peers():
        yield _unmeasured(f"rows unlike {peer}'s", size, "rows", 0.0, peer)


def of_events(seconds: float) -> Iterator[Figure]:
    """Ends that were not told of at a high rate, and the delay on a quiet machine."""
    for source in ("destroy", "tracefs"):
        name = f"ends missed by {source}"
        try:
            made, per_s, missed, lost, _ = call_apart(
                "events", "follow", source, _END_RATE, seconds
            )
            *_, (middle, worst) = call_apart("events", "follow", source, _QUIET_RATE, seconds)
        except CommandFailed as failure:
            yield Figure(name, 0, None, "rows", 0.0, remark=str(failure))
            continue
        remark = f"of {made:,} at {per_s:,.0f} ends/s; {lost} reported lost"
        yield Figure(name, made, missed, "rows", 0.0, remark=remark)
        remark = f"99 of 100 within {worst * 1000:.1f} ms, {_QUIET_RATE} ends/s"
        yield Figure(
            f"delay of events, {source}", 0, middle * 1000, "ms", _DELAY_AIM_MS, remark=remark
        )


def _speed(flags: str, size: int, turns: int) -> Iterator[Figure]:
    commands = in_comparison(flags)
    aims = {peer: _SPEED_AIMS.get((flags, peer)) for peer in PEERS if size == AIMED_SIZE}
    try:
        runs = in_turn(
            {name: partial(run, command) for name, command in commands.items()},
            turns,
            _BUDGET_S,
        )
    except CommandFailed as failure:
        for peer in PEERS:
            name = f"{flags} against {peer}"
            yield Figure(name, size, None, "x", aims.get(peer), remark=str(failure))
        return
    for peer in PEERS:
        name = f"{flags} against {peer}"
        if peer in runs:
            yield _ratio(name, size, runs[OURS], runs[peer], aims.get(peer))
        else:
            yield _unmeasured(name, size, "x", aims.get(peer), peer)
    if flags == "-tauon":
        yield _peak(size, runs[OURS])


def _ratio(name: str, size: int, ours: list[Run], theirs: list[Run], aim: float | None) -> Figure:
    our_seconds, their_seconds = ([one.seconds for one in runs] for runs in (ours, theirs))
    remark = f"{len(ours)} turns"
    printed, expected = ours[-1].lines, theirs[-1].lines
    if expected and abs(printed - expected) > _HEADINGS:
        remark += f"; lines printed: {printed:,}, the peer: {expected:,}"
    return Figure(
        name,
        size,
        median_ratio(our_seconds, their_seconds),
        "x",
        aim,
        statistics.median(our_seconds),
        statistics.median(their_seconds),
        remark,
    )


def _summary(size: int, turns: int) -> Figure:
    """``-s``: neither of the two reads a table, so that the interpreter's start decides."""
    name = "-s against ss"
    aim = _SUMMARY_AIM if size == AIMED_SIZE else None
    commands = in_comparison("-s")
    if "ss" not in commands:
        return _unmeasured(name, size, "x", aim, "ss")
    try:
        runs = in_turn(
            {peer: partial(run, commands[peer]) for peer in (OURS, "ss")}, 4 * turns, _BUDGET_S
        )
    except CommandFailed as failure:
        return Figure(name, size, None, "x", aim, remark=str(failure))
    return _ratio(name, size, runs[OURS], runs["ss"], aim)


def _json_lines(size: int, turns: int) -> Figure:
    name = "-tauon as JSON lines"
    command = [*our_command(), "-tauon", "--format", "jsonl"]
    try:
        runs = in_turn({OURS: partial(run, command)}, turns, _BUDGET_S)[OURS]
    except CommandFailed as failure:
        return Figure(name, size, None, "s", None, remark=str(failure))
    peak = max(one.peak_kib for one in runs) / 1024
    seconds = statistics.median(one.seconds for one in runs)
    return Figure(name, size, seconds, "s", None, remark=f"{len(runs)} turns, peak {peak:.0f} MiB")


def _peak(size: int, ours: list[Run]) -> Figure:
    peak = max(one.peak_kib for one in ours)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    remark = "no more than this process has itself" if peak <= own else ""
    aim = _PEAK_AIM_MIB if size == AIMED_SIZE else None
    return Figure("-tauon peak memory", size, peak / 1024, "MiB", aim, remark=remark)


def _against_bare_interpreter(turns: int) -> Figure:
    commands = {OURS: [*our_command(), "-tauon"], _BARE: bare_interpreter()}
    runs = in_turn(
        {name: partial(run, command) for name, command in commands.items()},
        # One run takes less time than the noise of a busy machine lasts.
        4 * turns,
        _BUDGET_S,
    )
    return _ratio(f"-tauon against {_BARE}", 0, runs[OURS], runs[_BARE], _QUIET_AIM)


def _collect(size: int, turns: int) -> Figure:
    name = "collect() with owners against psutil"
    aim = _COLLECT_AIM if size == AIMED_SIZE else None
    try:
        ours, theirs = call_apart("inprocess", "compare", turns)
    except CommandFailed as failure:
        return Figure(name, size, None, "x", aim, remark=str(failure))
    return Figure(
        name,
        size,
        median_ratio(ours, theirs),
        "x",
        aim,
        statistics.median(ours),
        statistics.median(theirs),
        f"{len(ours)} turns",
    )


def _filtered(size: int, turns: int) -> Figure:
    """A question for one port, which the kernel decides, against the whole table."""
    whole = [*our_command(), "-tan"]
    commands = {"filtered": [*whole, "dport = :443"], "whole": whole}
    runs = in_turn(
        {name: partial(run, command) for name, command in commands.items()}, turns, _BUDGET_S
    )
    seconds = {name: [one.seconds for one in each] for name, each in runs.items()}
    return Figure(
        "-tan 'dport = :443' against -tan",
        size,
        median_ratio(seconds["filtered"], seconds["whole"]),
        "x",
        _FILTER_AIM if size == AIMED_SIZE else None,
        statistics.median(seconds["filtered"]),
        statistics.median(seconds["whole"]),
        f"{turns} turns",
    )


def _rich(size: int, turns: int) -> Figure:
    name = f"rich view on {COLUMNS} columns"
    command = [*our_command(), "-tauon", "--format", "rich"]
    try:
        runs = in_turn({OURS: partial(run_on_terminal, command)}, turns, _BUDGET_S)[OURS]
    except CommandFailed as failure:
        return Figure(name, size, None, "s", _RICH_AIM_S, remark=str(failure))
    seconds = statistics.median(one.seconds for one in runs)
    remark = f"{len(runs)} turns"
    if runs[-1].lines < size:
        remark += f"; only {runs[-1].lines:,} lines shown"
    return Figure(name, size, seconds, "s", _RICH_AIM_S, remark=remark)


def _churned(
    name: str, aim: float | None, protocol: str, snapshots: int, changes_per_s: int | None
) -> Figure:
    try:
        stable, missed, doubled, rate = call_apart(
            "churn", "churn", protocol.lower(), snapshots, changes_per_s
        )
    except CommandFailed as failure:
        return Figure(name, 0, None, "rows", aim, remark=str(failure))
    remark = f"{missed} missed, {doubled} doubled in {snapshots} snapshots at {rate:,.0f} changes/s"
    return Figure(name, stable, missed + doubled, "rows", aim, remark=remark)


def _unmeasured(name: str, size: int, unit: str, aim: float | None, peer: str) -> Figure:
    return Figure(name, size, None, unit, aim, remark=f"{peer} is not installed")
