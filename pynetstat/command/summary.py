"""The command's summary (-s), apart from all that shows rows, so that it starts fast."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pynetstat.command.options import Options
from pynetstat.command.output import Output
from pynetstat.render.totals import totals_text, totals_value
from pynetstat.totals import read_totals


def show_totals(options: Options, output: Output, first: bool) -> None:
    """Print the summary of -s. SourceUnavailable where the kernel does not tell it."""
    totals = read_totals(options.proc_root or "/proc")
    if options.format in ("json", "jsonl"):
        import time

        from pynetstat.render import data

        head = {"format": data.FORMAT_VERSION, "taken_at": data.iso_time(time.time())}
        output.write(data.json_value({**head, "summary": totals_value(totals)}))
    elif options.format == "csv":
        from pynetstat.render import data

        if first and options.choice.header:
            output.write(data.csv_line(("what", "count")))
        for name, count in _flat(totals_value(totals)):
            output.write(data.csv_line((name, count)))
    else:
        for text in totals_text(totals, options.choice.header):
            output.write(text)
    output.flush()


def _flat(value: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, part in value.items():
        if isinstance(part, dict):
            yield from _flat(part, f"{before}{name}.")
        else:
            yield f"{before}{name}", part
