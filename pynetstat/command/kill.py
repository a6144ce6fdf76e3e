"""The command's --kill: shows what would be closed, asks, closes, and says what became of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pynetstat.closing import Closed, Openers, Outcome, Record, can_be_closed, close_through
from pynetstat.command.output import Output
from pynetstat.tabular import SOCKET_TITLES, socket_cells, table

_YES = ("y", "yes")


def can_ask(output: Output) -> bool:
    """Whether someone at a terminal can see the question and answer it."""
    return output.isatty() and sys.stdin is not None and sys.stdin.isatty()


def kill(
    records: Sequence[Record], openers: Openers, output: Output, *, ask: bool, netns: bool
) -> bool:
    """Close the sockets, after asking if ``ask``; whether none of them is left.

    ``netns`` adds a column with the namespace of each. OSError when the output can't be
    written; then nothing was closed, unless that was the account of it.
    """
    if not records:
        output.write("no socket matches: nothing to close\n")
        output.flush()
        return True
    if ask and any(map(can_be_closed, records)) and not _agreed(records, output, netns):
        output.write("nothing was closed\n")
        output.flush()
        return False
    results = close_through(openers, records)
    output.write(f"{_results(results, netns)}\n{_summary(results)}\n")
    output.flush()
    return all(result.outcome is not Outcome.REFUSED for result in results)


def _agreed(records: Sequence[Record], output: Output, netns: bool) -> bool:
    rows = [_cells(record, netns) for record in records]
    output.write(table(_titles(netns), rows, indent="", most=None) + "\n")
    left_out = sum(not can_be_closed(record) for record in records)
    but = f" ({left_out} of them can't be closed)" if left_out else ""
    output.write(f"Close {_count(len(records))}{but}? [y/N] ")
    output.flush()
    return sys.stdin.readline().strip().lower() in _YES


def _results(results: Sequence[Closed], netns: bool) -> str:
    rows = [(*_cells(result.record, netns), _outcome(result)) for result in results]
    return table((*_titles(netns), "Result"), rows, indent="", most=None)


def _summary(results: Sequence[Closed]) -> str:
    """``3 of 4 sockets closed, 1 had ended already``."""
    counts = {outcome: sum(each.outcome is outcome for each in results) for outcome in Outcome}
    parts = [f"{counts[Outcome.CLOSED]} of {_count(len(results))} closed"]
    parts += [
        f"{counts[outcome]} {outcome.value}"
        for outcome in (Outcome.ENDED, Outcome.REFUSED)
        if counts[outcome]
    ]
    return ", ".join(parts)


def _outcome(result: Closed) -> str:
    if not result.reason:
        return result.outcome.value
    return f"{result.outcome.value}: {result.reason}"


def _titles(netns: bool) -> tuple[str, ...]:
    return (*SOCKET_TITLES, "Netns") if netns else SOCKET_TITLES


def _cells(record: Record, netns: bool) -> tuple[str, ...]:
    cells = socket_cells(record)
    return (*cells, record.netns or "-") if netns else cells


def _count(sockets: int) -> str:
    return "1 socket" if sockets == 1 else f"{sockets} sockets"
