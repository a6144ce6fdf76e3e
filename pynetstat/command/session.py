"""``--record``, ``--replay`` and ``--ladder``: what goes on over time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from pynetstat.command.options import Options
from pynetstat.command.output import Output
from pynetstat.command.signals import ending_on_signals
from pynetstat.snapshot import Reader

Show: TypeAlias = "Callable[[Options, Output, Reader, bool], int]"
"""Shows once what a reader reads, the bool says whether for the first time; the exit status."""


def run(options: Options, output: Output, show: Show) -> int:
    """Do what the options ask for; the exit status.

    Raises PynetstatError, OSError when the output can't be written, KeyboardInterrupt, and
    SystemExit after a signal that ends processes; everything is given back by then.
    """
    session = options.session
    with ending_on_signals():
        if session.ladder:
            from pynetstat.command.ladder import draw

            return draw(options, output)
        if session.replay is not None:
            from pynetstat.command.replay import replay, replay_events

            if options.events:
                return replay_events(options, output)
            return replay(options, output, show)
        from pynetstat.command.record import record, record_events

        if options.events:
            return record_events(options, output)
        return record(options, output, show)
