"""The view for people as a picture or a page, drawn by rich; needs nothing from another host."""

from __future__ import annotations

import inspect
import io
import re

from rich.console import Console, RenderableType

SVG_FORMAT: str = re.sub(
    r"@font-face \{\{.*?\}\}",
    "",
    inspect.signature(Console.export_svg).parameters["code_format"].default,
    flags=re.DOTALL,
)
"""rich's own picture without the fonts that it would load."""

_LEAST_WIDTH = 80
_MOST_WIDTH = 2000


def as_svg(view: RenderableType, title: str = "pynetstat") -> str:
    """The view as an SVG picture, as wide as it needs to be."""
    return _drawn(view).export_svg(title=title, code_format=SVG_FORMAT)


def as_html(view: RenderableType) -> str:
    """The view as an HTML page, as wide as it needs to be."""
    return _drawn(view).export_html()


def _drawn(view: RenderableType) -> Console:
    console = _console(_natural_width(view))
    console.print(view, soft_wrap=True, end="")
    return console


def _natural_width(view: RenderableType) -> int:
    """The columns of the widest line when nothing has to be folded."""
    console = _console(_MOST_WIDTH)
    lines = console.render_lines(view, pad=False)
    widest = max((sum(segment.cell_length for segment in line) for line in lines), default=0)
    return max(_LEAST_WIDTH, widest)


def _console(width: int) -> Console:
    return Console(
        record=True,
        width=width,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        no_color=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
