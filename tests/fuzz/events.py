"""Transitions of a fuzzer's choice, and what must hold of every view of them."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from xml.etree import ElementTree

from pynetstat.command.output import complain
from pynetstat.history.ladder import build, connection
from pynetstat.history.transition import Event, Loss, Totals
from pynetstat.records import Addr, Owner, Proto, TcpState
from pynetstat.render.events import event_line, json_head, json_line
from pynetstat.render.ladder import ASCII, BOXES, Drawing
from pynetstat.render.ladder_svg import as_svg

from .choices import Choices
from .harmless import check_line, check_lines

_LONGEST = 40
_U32, _U64 = 1 << 32, 1 << 64
_ENDS = (
    Addr("127.0.0.1", 8080),
    Addr("127.0.0.1", 40000),
    Addr("::ffff:127.0.0.1", 8080),
    Addr("0.0.0.0", 0),
    Addr("fe80::1%eth0", 443),
)
_STATES = (None, *TcpState)


def some_owners(choices: Choices) -> tuple[Owner, ...] | None:
    """A few processes with names from outside; None when they are not known."""
    number = choices.number(4)
    if number == 3:
        return None
    return tuple(
        Owner(choices.number(1 << 22), choices.number(100) - 1, choices.text(_LONGEST))
        for _ in range(number)
    )


def some_event(choices: Choices, protos: Sequence[Proto] = tuple(Proto)) -> Event:
    """Any step between any states, at any time up to the year 2106."""
    return Event(
        choices.number(_U32) + choices.number(1000) / 1000,
        choices.one_of(protos),
        choices.one_of(_ENDS),
        choices.one_of(_ENDS),
        choices.one_of([None, 0, 1, 2, _U64 - 1]),
        choices.one_of(_STATES),
        choices.one_of(_STATES),
        choices.number(_U32) / 1000 if choices.yes() else None,
        choices.number(_U32) if choices.yes() else None,
        choices.number(_U32) if choices.yes() else None,
        some_owners(choices),
        Totals(*(choices.number(_U64) for _ in range(5))) if choices.yes() else None,
        choices.yes(),
    )


def check_events(items: Sequence[Event | Loss]) -> None:
    """Each is one harmless line, as text and as JSON that says the same."""
    for item in items:
        line = json_line(item)
        assert line.isascii()
        check_lines(line)
        value = json.loads(line, parse_constant=_refuse)
        assert abs(value["at"] - item.at) < 1e-3
        if isinstance(item, Loss):
            check_line(value["why"])
            assert value["lost"] == item.lost
            told = io.StringIO()
            with contextlib.redirect_stderr(told):
                complain(item.why)
            assert len(check_lines(told.getvalue())) == 1
            continue
        assert len(check_lines(event_line(item))) == 1
        assert (value["cookie"], value["old"], value["new"]) == (item.cookie, item.old, item.new)
        assert (value["owners"] is None) is (item.owners is None)
        for owner in value["owners"] or ():
            check_line(owner["name"])
    reasons = [item.why for item in items if isinstance(item, Loss)]
    head = json.loads(json_head("destroy", reasons))
    for reason in head["refusals"]:
        check_line(reason)
    events = [item for item in items if isinstance(item, Event)]
    check_ladder(events, 80)
    check_ladder(connection(events, lambda _: True), 30)


def check_ladder(events: Sequence[Event], width: int) -> None:
    """The ladder of these: harmless lines, and a picture that is well-formed."""
    listening = {event.laddr.port for event in events if event.old is TcpState.LISTEN}
    for with_data in (True, False):
        ladder = build(events, listening=listening, with_data=with_data)
        assert (ladder is None) is (not events)
        if ladder is None:
            continue
        for pens in (BOXES, ASCII):
            drawing = Drawing(width, pens)
            text = drawing.whole(ladder)
            check_lines(text)
            again = [*drawing.heads(ladder), *drawing.notes(ladder)]
            for line in again:
                check_line(line)
                assert len(line) <= max(width, 20), (width, line)
        check_svg(as_svg(ladder))


def check_svg(picture: str) -> None:
    """Well-formed XML of elements that do nothing, with harmless texts."""
    root = ElementTree.fromstring(picture)
    for element in root.iter():
        _, _, name = element.tag.rpartition("}")
        assert name in ("svg", "title", "style", "rect", "line", "polygon", "text")
        if name in ("title", "text"):
            check_line(element.text or "")
        assert not any(key.startswith("on") or key.endswith("href") for key in element.attrib)


def _refuse(word: str) -> None:
    raise AssertionError(word)
