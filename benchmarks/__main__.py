"""``python -m benchmarks``: measure, print the figures beside their aims, exit with 0.

It reports and judges nothing: a figure that misses its aim changes no exit status.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import NoReturn

from benchmarks import figures
from benchmarks.machine import describe, sockets_here
from benchmarks.report import Figure, heading, summary
from benchmarks.timing import CommandFailed
from demo.netns import NetworkRefused, enter_own_network
from demo.populate import PopulateError

_SIZES = (0, figures.RICH_SIZE, figures.AIMED_SIZE)


def main() -> int:
    """Run the benchmarks that the command line asks for."""
    given = _parse()
    signal.signal(signal.SIGTERM, _exit_on_signal)
    try:
        enter_own_network([sys.executable, "-m", "benchmarks", *sys.argv[1:]])
        network = "a namespace of its own"
    except NetworkRefused as refusal:
        network = f"the current namespace with {sockets_here():,} other sockets ({refusal})"
    print(describe(network), heading(), sep="\n\n", flush=True)
    turns = min(given.runs, 3) if given.quick else given.runs
    snapshots = figures.SNAPSHOTS // 5 if given.quick else figures.SNAPSHOTS
    parts: list[tuple[str, Callable[[], Iterator[Figure]]]] = [
        ("agreement", figures.in_agreement),
        ("pytest", partial(figures.in_a_suite, turns)),
        ("churn", partial(figures.under_churn, snapshots)),
        ("events", partial(figures.of_events, 2.0 if given.quick else 10.0)),
        *((f"{size:,} sockets", partial(figures.at_size, size, turns)) for size in given.sockets),
    ]
    if given.million:
        parts.append(("1,000,000 sockets", partial(figures.million, turns)))
    shown: list[Figure] = []
    for name, measure in parts:
        try:
            shown += _show(measure())
        except (CommandFailed, PopulateError) as error:
            print(f"{name}: not measured: {error}", flush=True)
    print(f"\n{summary(shown)}")
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--sockets",
        type=_sizes,
        metavar="N,...",
        help="numbers of TCP sockets (default: 0,10000,100000; with --quick 0,10000)",
    )
    parser.add_argument("--million", action="store_true", help="-tauon with 1,000,000 sockets, too")
    parser.add_argument("--runs", type=_count, default=11, metavar="N", help="turns (default: 11)")
    parser.add_argument("--quick", action="store_true", help="smaller, and not as exact")
    given = parser.parse_args()
    if given.sockets is None:
        given.sockets = _SIZES[:2] if given.quick else _SIZES
    return given


def _sizes(text: str) -> list[int]:
    sizes = sorted({int(part) for part in text.split(",") if part})
    if sizes and not 0 <= sizes[0] <= sizes[-1] <= 1_000_000:
        raise argparse.ArgumentTypeError("from 0 to 1000000 sockets")
    return sizes


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return count


def _show(measured: Iterator[Figure]) -> list[Figure]:
    shown = []
    for figure in measured:
        print(figure, flush=True)
        shown.append(figure)
    return shown


def _exit_on_signal(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
