"""The first lines of the watch screen, and the keys of the last. Pure."""

from __future__ import annotations

from time import localtime, strftime
from typing import NamedTuple

from pynetstat.query import Show
from pynetstat.records import TcpState
from pynetstat.render.layout import Cell
from pynetstat.render.table import incompleteness
from pynetstat.render.watch.strips import flow, wrap
from pynetstat.render.watch.styles import ACTIVE, ALERT, QUIET, STRONG, TITLE, WRONG, state_style
from pynetstat.text import printable
from pynetstat.watch.feed import Player
from pynetstat.watch.model import Model


class Key(NamedTuple):
    """A key, what it does in a word, its action, and whether that is on."""

    key: str
    what: str
    action: str
    on: bool = False


class Status(NamedTuple):
    """What the first lines tell beside the model's own."""

    title: str
    events_source: str
    player: Player | None
    shown: int
    filter_text: str


def status_lines(status: Status, model: Model, now: float, width: int) -> list[list[Cell]]:
    """Who this is, how many sockets in which states, from where, and what is missing."""
    groups = [[Cell("pynetstat", TITLE)], _motion(status, model, now)]
    groups.append([Cell(_sockets(status, model), STRONG)])
    for word, number, change in model.counts(now):
        count = [Cell(f"{word} ", state_style(word)), Cell(str(number), STRONG)]
        if change:
            count.append(Cell(f" {change:+d}", ACTIVE))
        groups.append(count)
    groups.append([Cell(_source(status, model), QUIET)])
    lines = flow(groups, width)
    chosen = _chosen(status, model)
    if chosen:
        lines += wrap(chosen, ACTIVE, width)
    for remark in _remarks(model):
        lines += wrap(remark, ALERT, width)
    return lines


def _motion(status: Status, model: Model, now: float) -> list[Cell]:
    player = status.player
    if player is None:
        if model.held_at is not None:
            return [Cell(f" PAUSED at {strftime('%H:%M:%S', localtime(now))} ", WRONG)]
        return [Cell(f"● {printable(status.title)}", STRONG)]
    clock = strftime("%H:%M:%S", localtime(now)) + f".{int(now % 1 * 1000):03d}"
    how = "the end" if player.at_end else "held" if player.held else f"{player.speed:g}x"
    return [Cell(f"▶ {printable(status.title)} {clock} ", STRONG), Cell(how, WRONG)]


def _sockets(status: Status, model: Model) -> str:
    number = len(model)
    text = "1 socket" if number == 1 else f"{number} sockets"
    return text if status.shown == number else f"{text}, {status.shown} rows shown"


def _source(status: Status, model: Model) -> str:
    if model.snapshot is None:
        return "reading"
    source = model.snapshot.source or "nothing could be read"
    return f"{source} + {status.events_source}" if status.events_source else source


def _chosen(status: Status, model: Model) -> str:
    """What leaves rows out, so that nobody takes the rest for all."""
    view, parts = model.view, []
    if status.filter_text:
        parts.append(f"filter: {printable(status.filter_text)}")
    if view.show is not Show.ALL:
        parts.append("listeners only" if view.show is Show.LISTENING else "without listeners")
    if len(view.states) < len(TcpState):
        shown = [state.value for state in TcpState if state in view.states]
        parts.append(f"states: {', '.join(shown) or 'none'}")
    if model.undecided:
        parts.append(f"{model.undecided} left out for which nobody can tell")
    return "; ".join(parts)


def _remarks(model: Model) -> list[str]:
    remarks = incompleteness(model.snapshot) if model.snapshot is not None else []
    if model.lost:
        remarks.append(f"{model.lost} or more transitions were lost, see below")
    return remarks


def key_list(model: Model, player: Player | None, explains: bool) -> list[Key]:
    """The keys to show, those first that must not be left out."""
    view = model.view
    held = model.held_at is not None if player is None else player.held
    replay = [
        Key("n", "step", "step"),
        Key("b", "back", "step_back"),
        Key("+", "faster", "faster(2)"),
        Key("-", "slower", "faster(0.5)"),
    ]
    return [
        Key("?", "help", "help"),
        Key("q", "quit", "leave(0)"),
        Key("space", "pause", "pause", held),
        *(replay if player is not None else ()),
        Key("/", "filter", "filter", view.filter is not None),
        Key("s", "sort", "sort"),
        Key("l", "listeners", "listeners", view.show is Show.LISTENING),
        Key("t", "states", "states", len(view.states) < len(TcpState)),
        Key("p", "pairs", "pairs", view.pairs),
        Key("e", "explain", "explain", explains),
        Key("v", "panes", "panes"),
        Key("enter", "details", "details"),
    ]
