"""netstat's own text, row after row as they are read. Loads nothing that it does not need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pynetstat.command.lookups import look_up_names, looks_up
from pynetstat.command.options import Options
from pynetstat.command.output import Output
from pynetstat.records import Proto, SocketRecord, UnixRecord
from pynetstat.remark import Remarks
from pynetstat.render import netstat
from pynetstat.snapshot import Reader
from pynetstat.words import Words, numbers


def print_plain(options: Options, reader: Reader, output: Output) -> None:
    """The tables as they are, with names where they are to be looked up."""
    words = numbers()
    batches: Iterable[list[SocketRecord]] = reader.inet()
    if looks_up(options):
        records = reader.snapshot().records
        words = look_up_names(options, records)
        batches = [records]
    write_tables(options, output, words, batches, reader.unix)
    output.flush()


def write_tables(  # noqa: PLR0917 - one of each
    options: Options,
    output: Output,
    words: Words,
    batches: Iterable[list[SocketRecord]],
    read_unix: Callable[[], list[UnixRecord]],
    below: Remarks | None = None,
) -> None:
    """The headings and rows of the tables that are asked for; ``below`` is said below each row.

    ``read_unix`` is called when its turn has come.
    """
    query, columns, header = options.query, options.columns, options.choice.header
    if query.protos != (Proto.UNIX,):
        if header:
            output.write(netstat.inet_heading(query.show, columns))
        for batch in batches:
            output.write(_rows(netstat.inet_rows(batch, columns, words), batch, below))
    if Proto.UNIX in query.protos:
        if header:
            output.write(netstat.unix_heading(query.show, columns))
        unix = read_unix()
        output.write(_rows(netstat.unix_rows(unix, columns), unix, below))


def _rows(text: str, records: Sequence[SocketRecord | UnixRecord], below: Remarks | None) -> str:
    if below is None:
        return text
    from pynetstat.render.remarks import with_remarks

    return with_remarks(text, records, below)
