"""What rows need to be shown as the options ask: order, names, remarks below them."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pynetstat.columns import Column, Context, Need, Row, needs_of, sort_rows
from pynetstat.command.lookups import names_of
from pynetstat.command.options import Options
from pynetstat.records import SocketRecord
from pynetstat.remark import Remark, Remarks
from pynetstat.render.info import info_text
from pynetstat.snapshot import Reader, Snapshot
from pynetstat.words import Words


def context_of(
    options: Options, reader: Reader, words: Words | None = None, taken_at: str | None = None
) -> Context:
    """What columns may ask about: ``words`` for numbers, ``taken_at`` as the text for the time."""
    context = Context(words, os.geteuid(), options.proc_root or "/proc", taken_at)
    context.interfaces = reader.interfaces
    return context


def chosen_context(
    options: Options, reader: Reader, snapshot: Snapshot, columns: Sequence[Column]
) -> Context:
    """What the chosen columns need where people read them."""
    from pynetstat.render.data import iso_time

    names = names_for(options, snapshot, columns)
    context = context_of(options, reader, names, iso_time(snapshot.taken_at))
    context.coverage = reader.coverage
    if Need.REMARKS in needs_of(columns):
        context.explain = explainer_for(options, snapshot)
    return context


def sorted_rows(options: Options, snapshot: Snapshot, context: Context) -> list[Row]:
    """All rows, in the order that was asked for; unix sockets behind the others."""
    inet: list[Row] = [*snapshot.records]
    unix: list[Row] = [*snapshot.unix]
    keys = options.choice.sort
    if keys:
        return sort_rows(inet, keys, context) + sort_rows(unix, keys, context)
    return inet + unix


def names_for(options: Options, snapshot: Snapshot, columns: Sequence[Column]) -> Words:
    """The names that these columns show."""
    needs, numeric = needs_of(columns), options.numeric
    of_hosts = Need.HOSTS in needs
    uids = set()
    if Need.USERS in needs and not numeric.users:
        rows: list[Row] = [*snapshot.records, *snapshot.unix]
        uids = {row.uid for row in rows if row.uid is not None}
    return names_of(
        snapshot.records,
        hosts=of_hosts and not numeric.hosts,
        ports=of_hosts and not numeric.ports,
        users=False,
        uids=uids,
    )


def said_below(options: Options, snapshot: Snapshot) -> Remarks | None:
    """What is to be said below each row: TCP's own figures, explanations, or both."""
    if not options.choice.explain:
        return info_below if options.choice.info else None
    explain = explainer_for(options, snapshot)
    if not options.choice.info:
        return explain
    return lambda row: [*info_below(row), *explain(row)]


def explainer_for(options: Options, snapshot: Snapshot) -> Remarks:
    """Sentences for the rows of ``snapshot``, each network namespace for itself."""
    from pynetstat.explain.ports import read_port_range
    from pynetstat.explain.remarks import explainer, explainer_of_all

    if options.elsewhere:
        return explainer_of_all(snapshot)
    return explainer(snapshot, read_port_range(options.proc_root or "/proc"))


def info_below(row: Row) -> list[Remark]:
    """TCP's own figures, as far as the row has them."""
    if isinstance(row, SocketRecord) and row.info is not None:
        return [Remark(info_text(row.info))]
    return []
