"""``--record``, ``--replay`` and ``--ladder``: what goes on over time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from pynetstat.options import Options
from pynetstat.output import Output
from pynetstat.signals import ending_on_signals
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
            from pynetstat.ladder_command import draw

            return draw(options, output)
        if session.replay is not None:
            from pynetstat.replay_command import replay, replay_events

            if options.events:
                return replay_events(options, output)
            return replay(options, output, show)
        from pynetstat.record_command import record, record_events

        if options.events:
            return record_events(options, output)
        return record(options, output, show)
