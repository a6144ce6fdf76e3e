"""Rows counted by what they have in common, in every format."""

from __future__ import annotations

from collections.abc import Iterable

from pynetstat.columns import Context, Row
from pynetstat.command.contexts import context_of
from pynetstat.command.lookups import names_of
from pynetstat.command.options import DATA_FORMATS, Options
from pynetstat.command.output import Output
from pynetstat.groups import GROUPINGS, Group, count_groups
from pynetstat.render.listing import aligned
from pynetstat.snapshot import Reader, Snapshot
from pynetstat.words import numbers


def print_counts(options: Options, reader: Reader, output: Output, first: bool) -> None:
    """The counts as plain text or data; ``first`` says that nothing was printed before."""
    choice = options.choice
    assert choice.group_by is not None
    groups, snapshot, context = count(options, reader)
    grouping = GROUPINGS[choice.group_by]
    if options.format in DATA_FORMATS:
        _print_data(options, snapshot, groups, output, first)
        return
    titles = ["Count", *grouping.titles] if choice.header else None
    right = [True] + [False] * len(grouping.titles)
    for line in aligned(titles, right, cells_of(groups, choice.group_by, context)):
        output.write(line)


def _print_data(
    options: Options, snapshot: Snapshot, groups: list[Group], output: Output, first: bool
) -> None:
    from pynetstat.render import data

    choice = options.choice
    assert choice.group_by is not None
    fields = GROUPINGS[choice.group_by].fields
    counts = [
        {"count": group.sockets, **dict(zip(fields, group.key, strict=True))} for group in groups
    ]
    if options.format == "csv":
        if first and choice.header:
            output.write(data.csv_line(("count", *fields)))
        for each in counts:
            output.write(data.csv_line(each.values()))
    elif options.format == "json" or options.interval_s is not None:
        for part in data.json_groups(snapshot, choice.group_by, counts):
            output.write(part)
    else:
        for each in counts:
            output.write(data.json_value(each))


def count(options: Options, reader: Reader) -> tuple[list[Group], Snapshot, Context]:
    """The groups, the snapshot that was counted, and what their cells need."""
    snapshot = reader.snapshot()
    words = numbers()
    numeric, by = options.numeric, options.choice.group_by
    if options.format not in DATA_FORMATS:
        of_hosts, of_ports = by == "remote", by == "port"
        words = names_of(
            snapshot.records,
            hosts=of_hosts and not numeric.hosts,
            ports=of_ports and not numeric.ports,
            users=False,
        )
    context = context_of(options, reader, words)
    context.coverage = reader.coverage
    rows: list[Row] = [*snapshot.records, *snapshot.unix]
    return count_groups(rows, GROUPINGS[by or "state"], context), snapshot, context


def cells_of(groups: Iterable[Group], by: str, context: Context) -> list[tuple[str, ...]]:
    """A line of cells for each group, its count first."""
    cells = GROUPINGS[by].cells
    return [(str(group.sockets), *cells(group.key, context)) for group in groups]
