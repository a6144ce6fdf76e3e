"""Colours of the watch screen, and what stands for them where there are none."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from pynetstat.records import TcpState
from pynetstat.watch.model import Mark

GROUND, PANEL, BAND, CHOSEN = "#0f1318", "#1b212b", "#171c25", "#2b4a78"
_TEXT, _FAINT = "#e6eaf0", "#8d98a8"

PLAIN = Style(color=_TEXT)
STRONG = Style(color="#ffffff", bold=True)
QUIET = Style(color=_FAINT)
TITLE = Style(color="#7fd1ff", bold=True)
ALERT = Style(color="#ffc24d", bold=True)
WRONG = Style(color="#ff7a76", bold=True)
KEY = Style(color="#ffffff", bold=True)
ACTIVE = Style(color="#ffd479", bold=True)
ON_CHOSEN = Style(bgcolor=CHOSEN)

_OPENING = Style(color="#ffd35c", bold=True)
_CLOSING = Style(color="#e29bff", bold=True)
_STATES: dict[str, Style] = {
    TcpState.LISTEN: Style(color="#5fd7ff", bold=True),
    TcpState.ESTABLISHED: Style(color="#7ee787", bold=True),
    TcpState.SYN_SENT: _OPENING,
    TcpState.SYN_RECV: _OPENING,
    TcpState.FIN_WAIT1: _CLOSING,
    TcpState.FIN_WAIT2: _CLOSING,
    TcpState.CLOSING: _CLOSING,
    TcpState.LAST_ACK: _CLOSING,
    TcpState.TIME_WAIT: Style(color="#8ab4ff", bold=True),
    TcpState.CLOSE_WAIT: Style(color="#ff7a76", bold=True),
    TcpState.CLOSE: QUIET,
}
MARKS = {
    Mark.NONE: PLAIN,
    Mark.NEW: Style(color="#11151b", bgcolor="#7ee787", bold=True),
    Mark.CHANGED: Style(color="#11151b", bgcolor="#ffd35c", bold=True),
    Mark.ENDED: Style(color="#11151b", bgcolor="#8d98a8", bold=True),
}


def state_style(state: str) -> Style:
    """The colour of a state (a :class:`TcpState` or its name); plain for what is none."""
    return _STATES.get(state, PLAIN)


class NoColours(LineFilter):
    """Leaves bold, dim and underlined; what has a ground of its own is reversed."""

    _GROUNDS = (None, GROUND, PANEL, BAND)

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """The segments without colours."""
        return [
            Segment(text, style and self._plain(style), control)
            for text, style, control in segments
        ]

    def _plain(self, style: Style) -> Style:
        ground = style.bgcolor and style.bgcolor.name
        return Style(
            bold=style.bold,
            dim=style.color is not None and style.color.name == _FAINT,
            underline=style.underline,
            reverse=ground not in self._GROUNDS,
        )
