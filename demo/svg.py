"""Pictures of a terminal, drawn by rich, that need nothing from another host."""

from __future__ import annotations

import inspect
import re

from rich.console import Console

SVG_FORMAT: str = re.sub(
    r"@font-face \{\{.*?\}\}",
    "",
    inspect.signature(Console.export_svg).parameters["code_format"].default,
    flags=re.DOTALL,
)
"""rich's own picture without the fonts that it would load."""
