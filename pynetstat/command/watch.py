"""The command's watch mode: whether it can be shown here, and showing it."""

from __future__ import annotations

import os
import sys

from pynetstat.command.options import NO_CHOICE, Options
from pynetstat.explain.ports import PortRange, read_port_range
from pynetstat.records import Proto
from pynetstat.watch.feed import Feed
from pynetstat.watch.live import LiveFeed
from pynetstat.watch.model import View
from pynetstat.watch.naming import Naming


def why_not(options: Options) -> str | None:
    """Why there can be no watch screen, in a few words; None when there can be one."""
    if options.summary:
        return "it shows sockets, and their summary is asked for"
    if options.elsewhere:
        return "it shows this network namespace"
    if options.choice._replace(explain=False) != NO_CHOICE:
        return "it has columns and an order of its own"
    if options.query.protos == (Proto.UNIX,):
        return "it shows internet sockets, and only unix sockets are asked for"
    if os.name != "posix":
        return "it needs a POSIX terminal"
    for name, stream in (("input", sys.stdin), ("output", sys.stdout)):
        if stream is None or stream.closed or not stream.isatty():
            return f"standard {name} is not a terminal"
    if os.environ.get("TERM", "") in ("", "dumb", "unknown"):
        return f"TERM={os.environ.get('TERM', '')} is a terminal that can't place text"
    return None


def watch(options: Options) -> int:
    """Show the watch screen until it is left; the exit code."""
    query = options.query
    feed = _feed(options)
    # The first tables are read while Textual is imported.
    feed.start()
    try:
        from pynetstat.render.watch.app import WatchApp
        from pynetstat.render.watch.terminal import run

        filter_text = ""
        if query.filter is not None:
            from pynetstat.filter_grammar import filter_text as text_of

            filter_text = text_of(query.filter)
        app = WatchApp(
            feed,
            view=View(filter=query.filter, show=query.show),
            filter_text=filter_text,
            columns=options.columns,
            naming=_naming(options),
            explains=True if options.choice.explain else None,
            ports=_ports(options),
        )
        return run(app)
    finally:
        feed.close()


def _naming(options: Options) -> Naming:
    """The names that are wanted; a recording may be of a machine that has other ones."""
    if options.session.replay is not None:
        return Naming(False, False, False)
    numeric = options.numeric
    return Naming(not numeric.hosts, not numeric.ports, not numeric.users)


def _ports(options: Options) -> PortRange | None:
    """The ephemeral ports of this machine; those of a recording's are not known."""
    return None if options.session.replay else read_port_range(options.proc_root or "/proc")


def _feed(options: Options) -> Feed:
    """This machine or a recording; what goes on here may be recorded. RecordingError."""
    session = options.session
    if session.replay is not None:
        from pynetstat.watch.player import RecordingFeed

        return RecordingFeed(session.replay, session.speed, protos=options.query.protos)
    interval_s = options.interval_s or 1.0
    live = LiveFeed(
        [proto for proto in options.query.protos if proto is not Proto.UNIX],
        interval_s=interval_s,
        source=options.source,
        proc_root=options.proc_root,
    )
    if session.record is None:
        return live
    from pynetstat.command.record import header_now
    from pynetstat.history.stream import rows_that_match
    from pynetstat.watch.recorder import RecordedFeed

    query = options.query
    wanted = None if query.filter is None else rows_that_match(query.filter)
    return RecordedFeed(live, session.record, header_now(interval_s, None), wanted)
