"""The ladder: which segments follow from which states, where they stand, how it is drawn."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynetstat.history.ladder import TOGETHER_S, Arrow, Ladder, build, connection, is_local, is_over
from pynetstat.history.transition import Event
from pynetstat.records import Addr, Owner
from pynetstat.render.ladder import ASCII, BOXES, Drawing, pens_for
from pynetstat.render.ladder_svg import as_svg

from .any_item import EVENTS
from .ladders import CLIENT, LADDERS, SERVER, happened, opening

DATA = Path(__file__).parent / "data" / "ladder"
LISTENING = {SERVER.port}


def ladder_of(events: list[Event], *, with_data: bool = True) -> Ladder:
    ladder = build(events, listening=LISTENING, with_data=with_data)
    assert ladder is not None
    return ladder


def arrows(ladder: Ladder) -> list[Arrow]:
    return [rung.arrow for rung in ladder.rungs if rung.arrow is not None]


@pytest.mark.parametrize("name", LADDERS)
def test_it_is_drawn_as_in_the_book(name: str) -> None:
    """The texts in tests/data/ladder; with PYNETSTAT_REDRAW set they are made anew."""
    drawn = Drawing(80).whole(ladder_of(LADDERS[name]))
    path = DATA / f"{name}.txt"
    if os.environ.get("PYNETSTAT_REDRAW"):
        path.write_text(drawn, encoding="utf-8")
    assert drawn == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", LADDERS)
def test_a_column_has_its_states_in_their_order(name: str) -> None:
    events = LADDERS[name]
    ladder = ladder_of(events)
    for side, end in enumerate(ladder.ends):
        marks = [(rung.left, rung.right)[side] for rung in ladder.rungs]
        states = [mark.state for mark in marks if mark is not None]
        told = [str(event.new or "gone") for event in events if event.laddr == end.addr]
        kept = [state for state in states if state in told]
        assert kept == told


@pytest.mark.parametrize("name", LADDERS)
def test_an_arrow_that_leaves_arrives_once(name: str) -> None:
    under_way = set()
    for arrow in arrows(ladder_of(LADDERS[name])):
        if not arrow.received:
            under_way.add(arrow.number)
        elif not arrow.sent:
            under_way.remove(arrow.number)
    assert not under_way


@pytest.mark.parametrize("name", LADDERS)
def test_what_is_settled_stays(name: str) -> None:
    """So that a ladder can be drawn while the connection lives."""
    events = LADDERS[name]
    whole = ladder_of(events, with_data=False)
    for count in range(1, len(events)):
        so_far = ladder_of(events[:count], with_data=False)
        settled = [rung for rung in so_far.rungs if rung.at < events[count].at - 2 * TOGETHER_S]
        assert list(whole.rungs[: len(settled)]) == settled


@pytest.mark.parametrize("name", LADDERS)
@pytest.mark.parametrize("width", [60, 61, 79, 120, 200])
@pytest.mark.parametrize("pens", [BOXES, ASCII])
def test_no_line_is_wider_than_the_terminal(name: str, width: int, pens: object) -> None:
    drawn = Drawing(width, ASCII if pens is ASCII else BOXES).whole(ladder_of(LADDERS[name]))
    assert max(map(len, drawn.splitlines())) <= width
    assert pens is BOXES or drawn.isascii()
    for event in LADDERS[name]:
        assert str(event.new or "gone") in drawn


@pytest.mark.parametrize("name", LADDERS)
@pytest.mark.parametrize("width", [30, 45, 59])
def test_a_narrow_terminal_has_a_line_for_each_rung(name: str, width: int) -> None:
    drawn = Drawing(width).whole(ladder_of(LADDERS[name]))
    assert max(map(len, drawn.splitlines())) <= width
    for event in LADDERS[name]:
        assert str(event.new or "gone") in drawn


def test_boxes_are_drawn_where_the_encoding_has_them() -> None:
    assert pens_for("utf-8") is BOXES
    assert pens_for("latin-1") is ASCII
    assert pens_for("ascii") is ASCII
    assert pens_for("no such encoding") is ASCII


def test_the_ascii_ladder() -> None:
    lines = Drawing(70, ASCII).whole(ladder_of(LADDERS["reset"])).splitlines()
    assert "  0.000000     SYN_SENT |------- SYN ------->| SYN_RECV       0.000060" in lines
    assert "  0.250000         gone |------- RST ------->| CLOSE          0.250030" in lines


def test_roles_are_not_guessed() -> None:
    ladder = build(LADDERS["by_looks"])
    assert ladder is not None
    assert {end.title for end in ladder.ends} == {"one end", "other end"}
    assert all(arrow.label != "SYN" for arrow in arrows(ladder))


def test_owners_known_from_elsewhere_stand_at_the_head() -> None:
    events = [event._replace(owners=None) for event in LADDERS["half_close"]]
    ladder = build(events, owners={SERVER: (Owner(1, 2, "init"),)})
    assert ladder is not None
    assert [end.owners for end in ladder.ends] == [(), (Owner(1, 2, "init"),)]
    assert "owner not known" in Drawing(80).whole(ladder)


HOSTILE = (Owner(1, 2, "\x1b[31m<script>alert('&')</script>\u202e\udcff\ufffe\0"),)


def test_names_are_harmless_on_a_terminal() -> None:
    events = [event._replace(owners=HOSTILE) for event in LADDERS["half_close"]]
    for width in (40, 80):
        drawn = Drawing(width).whole(ladder_of(events))
        assert all(line.isprintable() for line in drawn.split("\n"))
        assert "x1b" in drawn


@pytest.mark.parametrize("name", LADDERS)
def test_the_picture_is_xml_without_anything_from_outside(name: str) -> None:
    events = [event._replace(owners=HOSTILE) for event in LADDERS[name]]
    picture = as_svg(ladder_of(events))
    picture.encode()
    root = ElementTree.fromstring(picture)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert not [element for element in root.iter() if element.tag.endswith("script")]
    assert "\\x1b[31m&lt;script&gt;" in picture
    for word in ("href", "url(", "@import", "@font-face", "http"):
        assert word not in picture.replace("http://www.w3.org/2000/svg", "")
    words = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    texts = [word.removeprefix("~") for word in words]
    for event in events:
        assert str(event.new or "gone") in texts


def test_each_segment_of_the_picture_is_one_line() -> None:
    root = ElementTree.fromstring(as_svg(ladder_of(LADDERS["closing"])))
    lines = list(root.iter("{http://www.w3.org/2000/svg}line"))
    assert len([line for line in lines if "arrow" in line.get("class", "")]) == 8


def test_data_counts_neither_syn_nor_fin() -> None:
    labels = {arrow.label: arrow.source for arrow in arrows(ladder_of(LADDERS["half_close"]))}
    assert labels["5 bytes of data"] == 0
    assert labels["1000 bytes of data"] == 1
    assert "server sent 2 segments again" in ladder_of(LADDERS["half_close"]).notes


def test_data_of_an_end_that_has_told_nothing_is_what_the_other_received() -> None:
    """In TIME_WAIT with its descriptor open it tells its totals later."""
    told = [
        event._replace(totals=None) if event.laddr == CLIENT else event
        for event in LADDERS["half_close"]
    ]
    labels = {arrow.label: arrow.source for arrow in arrows(ladder_of(told))}
    assert labels["5 bytes of data"] == 0
    untold = [event._replace(totals=None) for event in told]
    assert not [arrow for arrow in arrows(ladder_of(untold)) if "data" in arrow.label]


def test_the_first_connection_that_is_wanted_is_chosen() -> None:
    elsewhere = [
        event._replace(laddr=Addr("192.0.2.1", 5), raddr=Addr("192.0.2.2", 6), cookie=9)
        for event in LADDERS["reset"]
    ]
    mixed = [event for pair in zip(elsewhere, LADDERS["reset"], strict=True) for event in pair]
    assert connection(mixed) == LADDERS["reset"]
    assert connection(mixed, lambda event: event.raddr.port == 6) == elsewhere
    assert connection(mixed, lambda _event: False) == []
    assert connection([]) == []


def test_the_end_of_an_old_connection_is_not_chosen() -> None:
    old = happened(0.0, CLIENT, "TIME_WAIT", None)._replace(raddr=Addr("127.0.0.1", 9))
    assert connection([old, *LADDERS["reset"]]) == LADDERS["reset"]


def test_a_later_connection_with_the_same_addresses_is_another() -> None:
    again = [event._replace(cookie=(event.cookie or 0) + 10) for event in opening(9.0)]
    assert connection([*LADDERS["half_close"], *again]) == LADDERS["half_close"]


def test_the_end_of_time_wait_belongs_to_the_connection() -> None:
    gone = happened(61.8, CLIENT, "TIME_WAIT", None)
    assert connection([*LADDERS["half_close"], gone]) == [*LADDERS["half_close"], gone]


@pytest.mark.parametrize("name", LADDERS)
def test_it_is_over_when_no_end_can_go_on(name: str) -> None:
    unfinished = ("simultaneous_open", "found_established")
    assert is_over(LADDERS[name]) is (name not in unfinished)
    assert not is_over([])


def test_ends_are_local_where_both_addresses_are() -> None:
    event = LADDERS["reset"][0]
    assert is_local(event)
    assert is_local(event._replace(laddr=Addr("::1", 1), raddr=Addr("::1", 2)))
    assert is_local(event._replace(laddr=Addr("192.0.2.1", 1), raddr=Addr("192.0.2.1", 2)))
    mapped = Addr("::ffff:127.0.0.1", 1)
    assert is_local(event._replace(laddr=mapped))
    assert not is_local(event._replace(raddr=Addr("192.0.2.1", 2)))


@given(
    st.lists(
        st.builds(
            lambda event, mine: event._replace(
                laddr=(CLIENT, SERVER)[mine], raddr=(SERVER, CLIENT)[mine]
            ),
            EVENTS,
            st.booleans(),
        ),
        max_size=12,
    )
)
def test_whatever_is_told_can_be_drawn(events: list[Event]) -> None:
    ladder = build(events, listening=LISTENING)
    assert (ladder is None) is (not events)
    if ladder is not None:
        for width in (40, 80):
            Drawing(width).whole(ladder)
        ElementTree.fromstring(as_svg(ladder))
