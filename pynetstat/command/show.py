"""Everything the command shows beyond netstat's own text."""

from __future__ import annotations

from collections.abc import Iterable

from pynetstat.columns import sort_rows
from pynetstat.command.contexts import (
    chosen_context,
    context_of,
    info_below,
    said_below,
    sorted_rows,
)
from pynetstat.command.lookups import look_up_names, looks_up
from pynetstat.command.options import DATA_FORMATS, Options
from pynetstat.command.output import Output
from pynetstat.command.plain import write_tables
from pynetstat.records import SocketRecord, UnixRecord
from pynetstat.remark import Remarks
from pynetstat.render.listing import aligned
from pynetstat.snapshot import Reader
from pynetstat.words import numbers


def show(options: Options, reader: Reader, output: Output, first: bool, rich: bool) -> None:
    """Print the rows, or their counts, in the format that was asked for.

    ``first`` says that nothing was printed before by this command; ``rich`` that the view
    for people is wanted.
    """
    choice = options.choice
    if choice.svg or choice.html:
        from pynetstat.command.views import write_files

        write_files(options, reader)
    elif rich:
        from pynetstat.command.views import print_view

        print_view(options, reader, output)
    elif choice.group_by:
        from pynetstat.command.counts import print_counts

        print_counts(options, reader, output, first)
    elif options.format in DATA_FORMATS:
        from pynetstat.command.data import print_data

        print_data(options, reader, output, first)
    elif choice.columns is not None:
        _print_listing(options, reader, output)
    else:
        _print_netstat(options, reader, output)
    output.flush()


def _print_listing(options: Options, reader: Reader, output: Output) -> None:
    choice = options.choice
    assert choice.columns is not None
    snapshot = reader.snapshot()
    context = chosen_context(options, reader, snapshot, choice.columns)
    rows = sorted_rows(options, snapshot, context)
    below = said_below(options, snapshot)
    for line in aligned(
        [column.title for column in choice.columns] if choice.header else None,
        [column.right for column in choice.columns],
        [[column.cell(row, context) for column in choice.columns] for row in rows],
        None if below is None else [below(row) for row in rows],
    ):
        output.write(line)


def _print_netstat(options: Options, reader: Reader, output: Output) -> None:
    """netstat's text, streamed where nothing has to be known before."""
    choice = options.choice
    words = numbers()
    batches: Iterable[list[SocketRecord]] = reader.inet()
    below: Remarks | None = info_below if choice.info else None
    if looks_up(options) or choice.sort or choice.explain:
        snapshot = reader.snapshot()
        words = look_up_names(options, snapshot.records)
        batches = [sort_rows(snapshot.records, choice.sort, context_of(options, reader))]
        below = said_below(options, snapshot)

    def unix() -> list[UnixRecord]:
        return sort_rows(reader.unix(), choice.sort, context_of(options, reader))

    write_tables(options, output, words, batches, unix, below)
