"""What lies over the watch screen for a moment: help, the choice of states, all details."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget

from pynetstat.records import TcpState
from pynetstat.render.layout import Cell
from pynetstat.render.watch.panes import Caption, Lines, detail_lines
from pynetstat.render.watch.strips import line, wrap
from pynetstat.render.watch.styles import (
    CHOSEN,
    KEY,
    MARKS,
    PANEL,
    PLAIN,
    QUIET,
    STRONG,
    state_style,
)
from pynetstat.watch.details import Detail
from pynetstat.watch.model import FRESH_S, LINGER_S, Mark

_ON_PANEL = Style(bgcolor=PANEL)
_ON_CHOSEN = Style(bgcolor=CHOSEN)
_REFRESH_S = 0.5

_HELP: tuple[tuple[str, str], ...] = (
    ("space", "let the screen stand still, and move on"),
    ("/", "filter as you type, in ss's language: dport = :443 or src 10.0.0.0/8"),
    ("s  S", "sort by the next column; the other way round. Or click on a title"),
    ("l", "listeners only"),
    ("t", "choose the states that are shown"),
    ("p", "both ends of a connection within this machine together, marked ┌ └"),
    ("e", "below each row its history, what it means and what is wrong"),
    ("v", "which panes are shown: both, transitions, details, none"),
    ("arrows", "choose a row; page up, page down, home, end as well, or click"),
    ("enter", "all details of the row; escape goes back, and chooses none"),
    ("tab", "to the panes, to scroll them"),
    ("ctrl+z", "suspend; the shell's fg comes back"),
    ("q", "quit; ctrl+c as well"),
)
_HELP_REPLAYING: tuple[tuple[str, str], ...] = (
    ("n  right", "replay: hold, and show the next step"),
    ("b  left", "replay: one step back"),
    ("+  -", "replay: faster, slower"),
)
_MARKS: tuple[tuple[Mark, str], ...] = (
    (Mark.NEW, f"new within the last {FRESH_S:g} seconds"),
    (Mark.CHANGED, f"changed its state within the last {FRESH_S:g} seconds"),
    (Mark.ENDED, f"ended; stays for {LINGER_S:g} seconds"),
)


class _Over(ModalScreen[None]):
    """A screen over the other one, closed by escape."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", show=False),
        Binding("ctrl+c", "app.interrupt", show=False),
    ]
    DEFAULT_CSS = f"""
    _Over {{ align: center middle; background: #000000 40%; }}
    _Over > Vertical {{
        width: 84; max-width: 100%; height: auto; max-height: 100%; background: {PANEL};
        border: round #7fd1ff;
    }}
    _Over Lines {{ height: auto; max-height: 100%; background: {PANEL}; }}
    """


class HelpScreen(_Over):
    """Keys and signs."""

    def __init__(self, replaying: bool) -> None:
        super().__init__()
        self._keys = (*_HELP, *(_HELP_REPLAYING if replaying else ()))
        self._pane = Lines(id="help")

    def compose(self) -> ComposeResult:
        """The text in its frame."""
        with Vertical():
            yield Caption("Keys, and what the signs mean (escape goes back)")
            yield self._pane

    def on_resize(self, event: events.Resize) -> None:
        """Wrap the text anew."""
        width = min(event.size.width, 84) - 4
        lines = [line for key, what in self._keys for line in _entry(key, what, width)]
        lines.append([])
        for mark, what in _MARKS:
            lines.append([Cell(f" {mark.value} ", MARKS[mark]), Cell(f"  {what}", PLAIN)])
        lines += wrap(
            "? is what the source can't tell, or nobody has read since the last change. "
            "~ stands before a state that nobody saw but that must have been passed.",
            QUIET,
            width,
        )
        self._pane.show(lines)
        self._pane.styles.height = len(lines)


def _entry(key: str, what: str, width: int) -> list[list[Cell]]:
    first, *rest = wrap(what, PLAIN, width - 12)
    return [[Cell(f"{key:<11}", KEY), *first], *([Cell(" " * 11), *more] for more in rest)]


class DetailsScreen(_Over):
    """All there is to say about a socket, on the whole screen."""

    DEFAULT_CSS = "DetailsScreen > Vertical { width: 100%; height: 100%; }"

    def __init__(self, find: Callable[[], list[Detail]]) -> None:
        super().__init__()
        self._find = find
        self._pane = Lines(id="all-details")

    def compose(self) -> ComposeResult:
        """The text in its frame."""
        with Vertical():
            yield Caption("Details (escape goes back)")
            yield self._pane

    def on_mount(self) -> None:
        """Keep it of the present moment."""
        self._pane.styles.height = "1fr"
        self._pane.focus()
        self.set_interval(_REFRESH_S, self._show)

    def on_resize(self) -> None:
        """Wrap the text anew."""
        self._show()

    def _show(self) -> None:
        width = max(self.size.width - 2, 1)
        self._pane.show(detail_lines(self._find(), width))


class StateChoice(Widget, can_focus=True):
    """The TCP states with a sign before those that are shown."""

    DEFAULT_CSS = f"StateChoice {{ height: {len(TcpState)}; background: {PANEL}; }}"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("space,x", "change", show=False),
        Binding("a", "all", show=False),
        Binding("o", "only", show=False),
    ]

    class Changed(Message):
        """Other states are to be shown."""

        def __init__(self, states: frozenset[TcpState]) -> None:
            super().__init__()
            self.states = states

    def __init__(self, states: frozenset[TcpState], counts: dict[str, int]) -> None:
        super().__init__()
        self._states = states
        self._counts = counts
        self._at = 0

    def render_line(self, y: int) -> Strip:
        """One state."""
        state = list(TcpState)[y]
        sign = "[x]" if state in self._states else "[ ]"
        ground = _ON_CHOSEN if y == self._at else _ON_PANEL
        cells = [
            Cell(f" {sign} ", KEY),
            Cell(f"{state.value:<12}", state_style(state)),
            Cell(f"{self._counts.get(state.value, 0):>7}", STRONG),
        ]
        return line(cells, self.size.width, ground)

    def on_click(self, event: events.Click) -> None:
        """Choose or leave out the state that was clicked."""
        self._at = min(event.y, len(TcpState) - 1)
        self.action_change()

    def action_move(self, by: int) -> None:
        """Go to the next state or the one before."""
        self._at = min(max(self._at + by, 0), len(TcpState) - 1)
        self.refresh()

    def action_change(self) -> None:
        """Show the state, or don't."""
        self._show(self._states ^ {list(TcpState)[self._at]})

    def action_only(self) -> None:
        """Show this state only."""
        self._show(frozenset((list(TcpState)[self._at],)))

    def action_all(self) -> None:
        """Show all states."""
        self._show(frozenset(TcpState))

    def _show(self, states: frozenset[TcpState]) -> None:
        self._states = states
        self.refresh()
        self.post_message(self.Changed(states))


class StatesScreen(_Over):
    """Chooses the states that are shown; each change is shown at once."""

    DEFAULT_CSS = "StatesScreen > Vertical { width: 44; }"

    def __init__(
        self,
        states: frozenset[TcpState],
        counts: dict[str, int],
        changed: Callable[[frozenset[TcpState]], None],
    ) -> None:
        super().__init__()
        self._choice = StateChoice(states, counts)
        self._changed = changed

    def compose(self) -> ComposeResult:
        """The states in their frame."""
        with Vertical():
            yield Caption("space: this one, o: only this, a: all")
            yield self._choice

    def on_state_choice_changed(self, message: StateChoice.Changed) -> None:
        """Show them."""
        self._changed(message.states)
