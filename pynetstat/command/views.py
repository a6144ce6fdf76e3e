"""What was asked for as people read it: on a terminal, as a picture, as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pynetstat.columns import sort_rows
from pynetstat.command.contexts import chosen_context, context_of, said_below, sorted_rows
from pynetstat.command.counts import cells_of, count
from pynetstat.command.lookups import look_up_names
from pynetstat.command.options import Options
from pynetstat.command.output import Output
from pynetstat.errors import PynetstatError
from pynetstat.groups import GROUPINGS
from pynetstat.snapshot import Reader

if TYPE_CHECKING:
    from typing import TextIO, TypeAlias

    from pynetstat.render.chosen import ChosenView, CountsView
    from pynetstat.render.table import SnapshotView

    View: TypeAlias = SnapshotView | ChosenView | CountsView


def print_view(options: Options, reader: Reader, output: Output) -> None:
    """Show it on the terminal."""
    from pynetstat.render import table

    table.print_view(_view(options, reader), cast("TextIO", output))


def write_files(options: Options, reader: Reader) -> None:
    """Write it as a picture, a page, or both. PynetstatError when that can't be done."""
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


def _view(options: Options, reader: Reader) -> View:
    from pynetstat.render.chosen import ChosenView, CountsView
    from pynetstat.render.table import SnapshotView

    choice = options.choice
    if choice.group_by:
        groups, snapshot, context = count(options, reader)
        titles = ["Count", *GROUPINGS[choice.group_by].titles]
        cells = cells_of(groups, choice.group_by, context)
        return CountsView(snapshot, titles, cells, choice.header)
    snapshot = reader.snapshot()
    if choice.columns is None:
        words = look_up_names(options, snapshot.records)
        snapshot = snapshot._replace(
            records=sort_rows(snapshot.records, choice.sort, context_of(options, reader)),
            unix=sort_rows(snapshot.unix, choice.sort, context_of(options, reader)),
        )
        return SnapshotView(
            snapshot,
            options.query,
            options.columns,
            words,
            below=said_below(options, snapshot),
            header=choice.header,
        )
    context = chosen_context(options, reader, snapshot, choice.columns)
    rows = sorted_rows(options, snapshot, context)
    below = said_below(options, snapshot)
    return ChosenView(snapshot, rows, choice.columns, context, below=below, header=choice.header)
