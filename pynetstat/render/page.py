"""A page of explanation on a terminal (rich)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

from pynetstat.explain.pages import Line, Page, section_lines
from pynetstat.render.layout import prose
from pynetstat.render.table import open_console

_TITLE = Style(bold=True)
_HEADING = Style(color="cyan", bold=True)
_EXAMPLE = Style(color="green")
_COMFORTABLE_WIDTH = 100
"""Lines longer than this are hard to read, however wide the terminal is."""


def print_page(page: Page, output: TextIO) -> None:
    """Print the page to ``output``, wrapped to the terminal. Errors of writing are OSErrors."""
    open_console(output).print(PageView(page), soft_wrap=True, end="")


class PageView:
    """A page as a rich renderable."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = min(options.max_width, _COMFORTABLE_WIDTH)
        yield from prose(self._page.title, _TITLE, width)
        for section in self._page.sections:
            yield Segment.line()
            yield from prose(section.heading, _HEADING, width)
            yield from _lines(section_lines(section, width))


def _lines(lines: Iterator[Line]) -> Iterator[Segment]:
    for line in lines:
        yield Segment(line.text, _EXAMPLE if line.example else None)
        yield Segment.line()
