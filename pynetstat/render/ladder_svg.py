"""A connection's ladder as a picture: lifelines, states in boxes, slanted arrows. Pure.

The picture needs nothing from elsewhere, no font either, and follows the reader's choice of a
light or dark page. All text in it is escaped.
"""

from __future__ import annotations

import math
import textwrap
from xml.sax.saxutils import escape

from pynetstat.history.ladder import Arrow, End, Ladder, Mark
from pynetstat.text import printable
from pynetstat.words import duration, unmapped

_WIDTH = 900
_LIFELINES = (290, 610)
_BOX_WIDTH, _BOX_HEIGHT = 128, 24
_BOX_GAP = 9
_ROW = 42
_SLANT = 18
_HEAD_LINE = 18
_HEAD_LETTERS = 44
_NOTE_LETTERS = 110
_PAUSE_S = 0.001
_LEAST_PAUSE, _PAUSE_PER_DECADE = 26, 9

_KINDS = {
    "SYN_SENT": "open",
    "SYN_RECV": "open",
    "ESTABLISHED": "up",
    "FIN_WAIT1": "closing",
    "FIN_WAIT2": "closing",
    "CLOSING": "closing",
    "LAST_ACK": "closing",
    "CLOSE_WAIT": "waiting",
    "TIME_WAIT": "lasting",
}

_STYLE = """
text { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: 13px;
  fill: #1f2328; }
.page { fill: #ffffff; }
.label { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; }
.title { font-size: 16px; font-weight: bold; }
.quiet { fill: #59636e; font-size: 12px; }
.life { stroke: #8c959f; stroke-width: 1.5; }
.arrow { stroke: #1f2328; stroke-width: 1.5; fill: none; }
.head { fill: #1f2328; }
.data { stroke-width: 3; }
.unseen { stroke-dasharray: 5 4; }
.box { fill: #f6f8fa; stroke: #8c959f; }
.open { fill: #fff8c5; stroke: #9a6700; }
.up { fill: #dafbe1; stroke: #1a7f37; }
.closing { fill: #fbefff; stroke: #8250df; }
.waiting { fill: #ffebe9; stroke: #cf222e; }
.lasting { fill: #ddf4ff; stroke: #0969da; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.page { fill: #0d1117; }
.label { stroke: #0d1117; }
.quiet { fill: #9198a1; }
.life { stroke: #656c76; }
.arrow { stroke: #e6edf3; }
.head { fill: #e6edf3; }
.box { fill: #151b23; stroke: #656c76; }
.open { fill: #2e2a1f; stroke: #d29922; }
.up { fill: #12261e; stroke: #3fb950; }
.closing { fill: #231c33; stroke: #ab7df8; }
.waiting { fill: #2f1a1c; stroke: #f85149; }
.lasting { fill: #121d2f; stroke: #4493f8; }
}
"""


def as_svg(ladder: Ladder) -> str:
    """The picture, a whole SVG document."""
    heads = [_head(end) for end in ladder.ends]
    top = 34 + _HEAD_LINE * max(map(len, heads))
    parts: list[str] = []
    for x, texts in zip(_LIFELINES, heads, strict=True):
        for line, text in enumerate(texts):
            kind = "title" if line == 0 else ""
            parts.append(_text(x, 30 + _HEAD_LINE * line, text, kind, "middle"))
    bottom = _rungs(ladder, top, parts)
    lifelines = [
        f'<line class="life" x1="{x}" y1="{top - 14}" x2="{x}" y2="{bottom}"/>' for x in _LIFELINES
    ]
    y = bottom + 10
    for note in ladder.notes:
        for text in textwrap.wrap(note, _NOTE_LETTERS):
            y += _HEAD_LINE
            parts.append(_text(_WIDTH / 2, y, text, "quiet", "middle"))
    height = y + 20
    label = " and ".join(" ".join(texts[:2]) for texts in heads)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:g}" '
            f'width="{_WIDTH}" height="{height:g}" role="img">',
            f"<title>A TCP connection: {escape(label)}</title>",
            f"<style>{_STYLE}</style>",
            f'<rect class="page" width="{_WIDTH}" height="{height:g}"/>',
            *lifelines,
            *parts,
            "</svg>",
            "",
        ]
    )


def _rungs(ladder: Ladder, top: float, parts: list[str]) -> float:
    """Draw them from ``top`` on; where the lifelines end."""
    y, latest = top + _BOX_HEIGHT / 2, None
    leaving: dict[int, tuple[Arrow, float]] = {}
    arrows: list[tuple[str, str]] = []
    for rung in ladder.rungs:
        pause = 0.0 if latest is None else rung.at - latest
        latest = rung.at if latest is None else max(latest, rung.at)
        if pause >= _PAUSE_S:
            space = _LEAST_PAUSE + _PAUSE_PER_DECADE * math.log10(pause / _PAUSE_S)
            middle = sum(_LIFELINES) / 2
            at = y - (_ROW - _SLANT - _BOX_HEIGHT / 2) + space / 2 + 4
            text = _text(middle, at, f"⋮ {duration(pause)}", "quiet label", "middle")
            arrows.append(("", text))
            y += space
        arrow = rung.arrow
        ends = [y, y]
        if arrow is not None:
            target = 1 - arrow.source
            ends[target] += _SLANT
            if not arrow.received:
                leaving[arrow.number] = (arrow, y)
            else:
                start = y if arrow.sent else leaving.pop(arrow.number)[1]
                arrows.append(_arrow(arrow, start, ends[target]))
        for side, mark in enumerate((rung.left, rung.right)):
            if mark is not None:
                parts += _box(side, ends[side], mark, ladder.started)
        y += _ROW if arrow is not None else _ROW - _SLANT / 2
    for arrow, start in leaving.values():  # not arrived as far as known
        arrows.append(_arrow(arrow._replace(inferred=True), start, start + _SLANT))
    # Texts stand above the lines that cross them.
    parts += [line for line, _ in arrows] + [label for _, label in arrows]
    return y


def _arrow(arrow: Arrow, start: float, end: float) -> tuple[str, str]:
    """Its line and its text."""
    x1, x2 = _LIFELINES if arrow.source == 0 else _LIFELINES[::-1]
    angle = math.degrees(math.atan2(end - start, abs(x2 - x1)))
    long_way = end - start > 2 * _SLANT
    # A long arrow may cross others: its text stands where it leaves.
    share = 0.25 if long_way else 0.5
    x, y = x1 + (x2 - x1) * share, start + (end - start) * share - 5
    turn = angle if arrow.source == 0 else -angle
    kinds = "arrow" + (" unseen" if arrow.inferred else "") + (" data" if _is_data(arrow) else "")
    length = math.hypot(x2 - x1, end - start)
    back_x, back_y = (x2 - x1) / length * 10, (end - start) / length * 10
    side_x, side_y = -back_y / 2, back_x / 2
    points = " ".join(
        f"{px:.1f},{py:.1f}"
        for px, py in (
            (x2, end),
            (x2 - back_x + side_x, end - back_y + side_y),
            (x2 - back_x - side_x, end - back_y - side_y),
        )
    )
    line = (
        f'<line class="{kinds}" x1="{x1}" y1="{start:.1f}" x2="{x2 - back_x:.1f}" '
        f'y2="{end - back_y:.1f}"/><polygon class="head" points="{points}"/>'
    )
    label = (
        f'<text class="label" x="{x:.1f}" y="{y:.1f}" text-anchor="middle" '
        f'transform="rotate({turn:.2f} {x:.1f} {y:.1f})">{escape(arrow.label)}</text>'
    )
    return line, label


def _is_data(arrow: Arrow) -> bool:
    return arrow.label[:1].isdigit()


def _box(side: int, y: float, mark: Mark, started: float) -> list[str]:
    lifeline = _LIFELINES[side]
    left = lifeline - _BOX_GAP - _BOX_WIDTH if side == 0 else lifeline + _BOX_GAP
    kind = f"box {_KINDS.get(mark.state, '')}".rstrip() + (" unseen" if mark.inferred else "")
    name = f"~{mark.state}" if mark.inferred else mark.state
    parts = [
        f'<rect class="{kind}" x="{left}" y="{y - _BOX_HEIGHT / 2:.1f}" rx="4" '
        f'width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}"/>',
        _text(left + _BOX_WIDTH / 2, y + 4.5, name, "", "middle"),
    ]
    if mark.at is not None:
        time = f"{max(mark.at - started, 0.0):.6f} s"
        x, anchor = (left - 10, "end") if side == 0 else (left + _BOX_WIDTH + 10, "start")
        parts.append(_text(x, y + 4, time, "quiet", anchor))
    return parts


def _text(x: float, y: float, text: str, kind: str, anchor: str) -> str:
    style = f' class="{kind}"' if kind else ""
    shown = escape(printable(text))
    return f'<text{style} x="{x:g}" y="{y:.1f}" text-anchor="{anchor}">{shown}</text>'


def _head(end: End) -> list[str]:
    owners = dict.fromkeys(f"{owner.pid}/{printable(owner.name)}" for owner in end.owners)
    below = end.absent or ", ".join(owners) or "owner not known"
    texts = (end.title, f"{unmapped(end.addr.ip)}:{end.addr.port}", below)
    return [line for text in texts for line in textwrap.wrap(text, _HEAD_LETTERS) or [""]]
