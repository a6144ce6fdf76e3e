"""Rows for programs: JSON, JSON lines and CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pynetstat.columns import COLUMNS, Context, Need, Row, needs_of
from pynetstat.command.contexts import context_of, explainer_for, names_for, sorted_rows
from pynetstat.command.options import Options
from pynetstat.command.output import Output
from pynetstat.render import data
from pynetstat.render.data import RowValues
from pynetstat.snapshot import Reader, Snapshot


def print_data(options: Options, reader: Reader, output: Output, first: bool) -> None:
    """The rows; ``first`` says that nothing was printed before by this command."""
    if options.format == "csv":
        _print_csv(options, reader, output, first)
    elif options.format == "json" or options.interval_s is not None:
        _print_document(options, reader, output)
    else:
        _print_json_lines(options, reader, output)


def _print_document(options: Options, reader: Reader, output: Output) -> None:
    snapshot = reader.snapshot()
    context = _data_context(options, reader, snapshot)
    values = _values(options, context)
    rows = sorted_rows(options, snapshot, context)
    one_line = options.format == "jsonl"
    for part in data.json_document(snapshot, rows, values, one_line):
        output.write(part)


def _values(options: Options, context: Context) -> RowValues:
    choice = options.choice
    return RowValues(
        context, choice.columns, info=choice.info, explain=choice.explain, netns=options.elsewhere
    )


def _print_json_lines(options: Options, reader: Reader, output: Output) -> None:
    context = _data_context(options, reader)
    values = _values(options, context)
    for batch in _batches(options, reader, context):
        output.write(data.json_lines(batch, values))


def _print_csv(options: Options, reader: Reader, output: Output, first: bool) -> None:
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
    columns = options.choice.asked
    words = None
    if Need.USERS in needs_of(columns):
        snapshot = snapshot or reader.snapshot()
        numeric = options.numeric._replace(hosts=True, ports=True)
        words = names_for(options._replace(numeric=numeric), snapshot, columns)
    taken_at = reader.taken_at if snapshot is None else snapshot.taken_at
    context = context_of(options, reader, words, data.iso_time(taken_at))
    context.coverage = reader.coverage
    if options.choice.explain or Need.REMARKS in needs_of(columns):
        context.explain = explainer_for(options, reader.snapshot())
        context.coverage = reader.coverage
    return context


def _batches(options: Options, reader: Reader, context: Context) -> Iterator[Sequence[Row]]:
    """The rows as they are read, or all of them where they have to be sorted."""
    if options.choice.sort:
        snapshot = reader.snapshot()
        context.coverage = reader.coverage
        yield sorted_rows(options, snapshot, context)
        return
    for batch in reader.inet():
        context.coverage = reader.coverage
        yield batch
    unix = reader.unix()
    context.coverage = reader.coverage
    yield unix
