"""Everything the command shows beyond netstat's own text and the view for people."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, cast

from pynetstat.columns import Column, Context, Need, Row, needs_of, sort_rows
from pynetstat.command.lookups import look_up_names, looks_up, names_of
from pynetstat.command.options import DATA_FORMATS, Options
from pynetstat.command.output import Output
from pynetstat.command.plain import write_tables
from pynetstat.errors import PynetstatError
from pynetstat.groups import GROUPINGS, Group, count_groups
from pynetstat.records import SocketRecord, UnixRecord
from pynetstat.remark import Remark, Remarks
from pynetstat.render.info import info_text
from pynetstat.render.listing import aligned
from pynetstat.snapshot import Reader, Snapshot
from pynetstat.words import Words, numbers

if TYPE_CHECKING:
    from typing import TextIO, TypeAlias

    from pynetstat.render.chosen import ChosenView, CountsView
    from pynetstat.render.data import RowValues
    from pynetstat.render.table import SnapshotView

    View: TypeAlias = SnapshotView | ChosenView | CountsView


def show(options: Options, reader: Reader, output: Output, first: bool, rich: bool) -> None:
    """Print the rows, or their counts, in the format that was asked for.

    ``first`` says that nothing was printed before by this command; ``rich`` that the view
    for people is wanted.
    """
    choice = options.choice
    if choice.svg or choice.html:
        _write_files(options, reader)
    elif choice.group_by:
        _print_groups(options, reader, output, first, rich)
    elif options.format in DATA_FORMATS:
        _print_data(options, reader, output, first)
    elif rich:
        _print_view(_view(options, reader), output)
    elif choice.columns is not None:
        _print_listing(options, reader, output)
    else:
        _print_netstat(options, reader, output)
    output.flush()


def _context(
    options: Options, reader: Reader, words: Words | None = None, taken_at: str | None = None
) -> Context:
    context = Context(words, os.geteuid(), options.proc_root or "/proc", taken_at)
    context.interfaces = reader.interfaces
    return context


def _chosen_context(
    options: Options, reader: Reader, snapshot: Snapshot, columns: Sequence[Column]
) -> Context:
    """What the chosen columns need where people read them."""
    from pynetstat.render.data import iso_time

    names = _names(options, snapshot, columns)
    context = _context(options, reader, names, iso_time(snapshot.taken_at))
    context.coverage = reader.coverage
    if Need.REMARKS in needs_of(columns):
        context.explain = _explainer(options, snapshot)
    return context


def _rows(options: Options, snapshot: Snapshot, context: Context) -> list[Row]:
    """All rows, in the order that was asked for; unix sockets behind the others."""
    inet: list[Row] = [*snapshot.records]
    unix: list[Row] = [*snapshot.unix]
    keys = options.choice.sort
    if keys:
        return sort_rows(inet, keys, context) + sort_rows(unix, keys, context)
    return inet + unix


def _names(options: Options, snapshot: Snapshot, columns: Sequence[Column]) -> Words:
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


# The chosen columns as text, and netstat's own with an order or figures


def _print_listing(options: Options, reader: Reader, output: Output) -> None:
    choice = options.choice
    assert choice.columns is not None
    snapshot = reader.snapshot()
    context = _chosen_context(options, reader, snapshot, choice.columns)
    rows = _rows(options, snapshot, context)
    for line in aligned(
        [column.title for column in choice.columns] if choice.header else None,
        [column.right for column in choice.columns],
        [[column.cell(row, context) for column in choice.columns] for row in rows],
        _remarks(rows, _below(options, snapshot)),
    ):
        output.write(line)


def _print_netstat(options: Options, reader: Reader, output: Output) -> None:
    """netstat's text, streamed where nothing has to be known before."""
    choice = options.choice
    words = numbers()
    batches: Iterable[list[SocketRecord]] = reader.inet()
    below: Remarks | None = _info_below if choice.info else None
    if looks_up(options) or choice.sort or choice.explain:
        snapshot = reader.snapshot()
        words = look_up_names(options, snapshot.records)
        batches = [sort_rows(snapshot.records, choice.sort, _context(options, reader))]
        below = _below(options, snapshot)

    def unix() -> list[UnixRecord]:
        return sort_rows(reader.unix(), choice.sort, _context(options, reader))

    write_tables(options, output, words, batches, unix, below)


# Below the rows


def _below(options: Options, snapshot: Snapshot) -> Remarks | None:
    """What is to be said below each row: TCP's own figures, explanations, or both."""
    if not options.choice.explain:
        return _info_below if options.choice.info else None
    explain = _explainer(options, snapshot)
    if not options.choice.info:
        return explain
    return lambda row: [*_info_below(row), *explain(row)]


def _explainer(options: Options, snapshot: Snapshot) -> Remarks:
    from pynetstat.explain.ports import read_port_range
    from pynetstat.explain.remarks import explainer, explainer_of_all

    if options.elsewhere:
        return explainer_of_all(snapshot)
    return explainer(snapshot, read_port_range(options.proc_root or "/proc"))


def _info_below(row: Row) -> list[Remark]:
    if isinstance(row, SocketRecord) and row.info is not None:
        return [Remark(info_text(row.info))]
    return []


def _remarks(rows: Iterable[Row], below: Remarks | None) -> list[list[Remark]] | None:
    return None if below is None else [below(row) for row in rows]


# For programs


def _print_data(options: Options, reader: Reader, output: Output, first: bool) -> None:
    if options.format == "csv":
        _print_csv(options, reader, output, first)
    elif options.format == "json" or options.interval_s is not None:
        _print_document(options, reader, output)
    else:
        _print_json_lines(options, reader, output)


def _print_document(options: Options, reader: Reader, output: Output) -> None:
    from pynetstat.render import data

    snapshot = reader.snapshot()
    context = _data_context(options, reader, snapshot)
    values = _values(options, context)
    rows = _rows(options, snapshot, context)
    one_line = options.format == "jsonl"
    for part in data.json_document(snapshot, rows, values, one_line):
        output.write(part)


def _values(options: Options, context: Context) -> RowValues:
    from pynetstat.render.data import RowValues

    choice = options.choice
    return RowValues(
        context, choice.columns, info=choice.info, explain=choice.explain, netns=options.elsewhere
    )


def _print_json_lines(options: Options, reader: Reader, output: Output) -> None:
    from pynetstat.render import data

    context = _data_context(options, reader)
    values = _values(options, context)
    for batch in _batches(options, reader, context):
        output.write(data.json_lines(batch, values))


def _print_csv(options: Options, reader: Reader, output: Output, first: bool) -> None:
    from pynetstat.columns import COLUMNS
    from pynetstat.render import data

    query, choice = options.query, options.choice
    columns = choice.columns or data.csv_columns(
        query.protos,
        owners=query.owners,
        info=choice.info,
        explain=choice.explain,
        netns=options.elsewhere,
    )
    if options.interval_s is not None and choice.columns is None:
        columns = (COLUMNS["time"], *columns)
    context = _data_context(options, reader)
    if first and choice.header:
        output.write(data.csv_line(column.name for column in columns))
    for batch in _batches(options, reader, context):
        output.write(data.csv_rows(batch, columns, context))


def _data_context(options: Options, reader: Reader, snapshot: Snapshot | None = None) -> Context:
    """Numbers instead of names, but for users where their column is chosen."""
    from pynetstat.render import data

    columns = options.choice.asked
    words = None
    if Need.USERS in needs_of(columns):
        snapshot = snapshot or reader.snapshot()
        numeric = options.numeric._replace(hosts=True, ports=True)
        words = _names(options._replace(numeric=numeric), snapshot, columns)
    taken_at = reader.taken_at if snapshot is None else snapshot.taken_at
    context = _context(options, reader, words, data.iso_time(taken_at))
    context.coverage = reader.coverage
    if options.choice.explain or Need.REMARKS in needs_of(columns):
        context.explain = _explainer(options, reader.snapshot())
        context.coverage = reader.coverage
    return context


def _batches(options: Options, reader: Reader, context: Context) -> Iterator[Sequence[Row]]:
    """The rows as they are read, or all of them where they have to be sorted."""
    if options.choice.sort:
        snapshot = reader.snapshot()
        context.coverage = reader.coverage
        yield _rows(options, snapshot, context)
        return
    for batch in reader.inet():
        context.coverage = reader.coverage
        yield batch
    unix = reader.unix()
    context.coverage = reader.coverage
    yield unix


# Counts


def _print_groups(
    options: Options, reader: Reader, output: Output, first: bool, rich: bool
) -> None:
    choice = options.choice
    assert choice.group_by is not None
    if rich:
        _print_view(_view(options, reader), output)
        return
    groups, snapshot, context = _groups(options, reader)
    grouping = GROUPINGS[choice.group_by]
    found = [dict(zip(grouping.fields, group.key, strict=True)) for group in groups]
    counted = [{"count": group.sockets, **key} for key, group in zip(found, groups, strict=True)]
    if options.format in DATA_FORMATS:
        from pynetstat.render import data

        if options.format == "csv":
            if first and choice.header:
                output.write(data.csv_line(("count", *grouping.fields)))
            for each in counted:
                output.write(data.csv_line(each.values()))
        elif options.format == "json" or options.interval_s is not None:
            for part in data.json_groups(snapshot, choice.group_by, counted):
                output.write(part)
        else:
            for each in counted:
                output.write(data.json_value(each))
        return
    titles = ["Count", *grouping.titles] if choice.header else None
    right = [True] + [False] * len(grouping.titles)
    for line in aligned(titles, right, _group_cells(groups, choice.group_by, context)):
        output.write(line)


def _groups(options: Options, reader: Reader) -> tuple[list[Group], Snapshot, Context]:
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
    context = _context(options, reader, words)
    context.coverage = reader.coverage
    rows: list[Row] = [*snapshot.records, *snapshot.unix]
    return count_groups(rows, GROUPINGS[by or "state"], context), snapshot, context


def _group_cells(groups: Iterable[Group], by: str, context: Context) -> list[tuple[str, ...]]:
    cells = GROUPINGS[by].cells
    return [(str(group.sockets), *cells(group.key, context)) for group in groups]


# For people


def _view(options: Options, reader: Reader) -> View:
    """The view for people of what was asked for."""
    from pynetstat.render.chosen import ChosenView, CountsView
    from pynetstat.render.table import SnapshotView

    choice = options.choice
    if choice.group_by:
        groups, snapshot, context = _groups(options, reader)
        titles = ["Count", *GROUPINGS[choice.group_by].titles]
        cells = _group_cells(groups, choice.group_by, context)
        return CountsView(snapshot, titles, cells, choice.header)
    snapshot = reader.snapshot()
    if choice.columns is None:
        words = look_up_names(options, snapshot.records)
        snapshot = snapshot._replace(
            records=sort_rows(snapshot.records, choice.sort, _context(options, reader)),
            unix=sort_rows(snapshot.unix, choice.sort, _context(options, reader)),
        )
        return SnapshotView(
            snapshot,
            options.query,
            options.columns,
            words,
            below=_below(options, snapshot),
            header=choice.header,
        )
    context = _chosen_context(options, reader, snapshot, choice.columns)
    rows = _rows(options, snapshot, context)
    below = _below(options, snapshot)
    return ChosenView(snapshot, rows, choice.columns, context, below=below, header=choice.header)


def _print_view(view: View, output: Output) -> None:
    from pynetstat.render.table import print_view

    print_view(view, cast("TextIO", output))


def _write_files(options: Options, reader: Reader) -> None:
    """The view for people as a picture, a page, or both. PynetstatError when it can't be done."""
    from pynetstat.command.files import write_file
    from pynetstat.render import pictures

    view = _view(options, reader)
    for path, draw in (
        (options.choice.svg, pictures.as_svg),
        (options.choice.html, pictures.as_html),
    ):
        if path is not None:
            try:
                write_file(path, draw(view))
            except OSError as error:
                raise PynetstatError(f"can't write {path}: {error.strerror}") from error
