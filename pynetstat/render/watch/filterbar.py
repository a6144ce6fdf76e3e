"""The line in which a filter is typed, and below it what is wrong with it."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from rich.style import Style
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from pynetstat.errors import FilterError
from pynetstat.filter_grammar import parse_filter
from pynetstat.filters import Filter
from pynetstat.render.watch.panes import Bar
from pynetstat.render.watch.strips import wrap
from pynetstat.render.watch.styles import PANEL, QUIET, WRONG
from pynetstat.text import printable

_HINT = "such as: dport = :443 or src 127.0.0.1; enter keeps it, escape takes it back"


class FilterBar(Vertical):
    """Parses while it is typed, in a thread of its own: host names are looked up."""

    DEFAULT_CSS = f"""
    FilterBar {{ height: auto; background: {PANEL}; }}
    FilterBar Input {{
        height: 1; border: none; padding: 0 1; background: #0b0e13; color: #ffffff;
    }}
    FilterBar Input:focus {{ border: none; background-tint: #000000 0%; }}
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", show=False)]

    class Changed(Message):
        """Another filter holds: its text, and None for none."""

        def __init__(self, text: str, wanted: Filter | None) -> None:
            super().__init__()
            self.text = text
            self.wanted = wanted

    class Closed(Message):
        """Typing has ended."""

    def __init__(self, text: str, wanted: Filter | None) -> None:
        super().__init__(id="filter-bar")
        self._before = (text, wanted)
        self._input = Input(text, placeholder="filter", select_on_focus=False)
        self._remark = Bar(id="filter-remark")

    def compose(self) -> ComposeResult:
        """The line and the remark below it."""
        yield self._input
        yield self._remark

    def on_mount(self) -> None:
        """Type at once."""
        self._tell(_HINT, QUIET)
        self._input.focus()

    def on_input_changed(self, message: Input.Changed) -> None:
        """Try what has been typed."""
        message.stop()
        self.run_worker(self._try(message.value), exclusive=True)

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Keep it."""
        message.stop()
        self.post_message(self.Closed())

    def action_cancel(self) -> None:
        """Take it back."""
        self.post_message(self.Changed(*self._before))
        self.post_message(self.Closed())

    async def _try(self, text: str) -> None:
        try:
            wanted = await asyncio.to_thread(parse_filter, text) if text.strip() else None
        except FilterError as error:
            self._tell(f"{printable(str(error))}; the last good one holds", WRONG)
            return
        self._tell(_HINT, QUIET)
        self.post_message(self.Changed(text.strip(), wanted))

    def _tell(self, text: str, style: Style) -> None:
        self._remark.show(wrap(text, style, max(self.app.size.width - 2, 1)))
