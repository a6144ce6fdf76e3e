"""The watch screen, driven by its keys and the mouse, without a terminal."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from textual.geometry import Offset

from pynetstat import Addr, Gap, GapKind, Owner, Proto, TcpState, Timer, TimerKind
from pynetstat.history.tracker import History
from pynetstat.history.transition import Loss
from pynetstat.render.layout import Cell
from pynetstat.render.watch import app as app_module
from pynetstat.render.watch import filterbar, panes, screens, table
from pynetstat.render.watch.app import WatchApp
from pynetstat.render.watch.table import Heading, SocketTable
from pynetstat.watch.feed import Notice, Player, Restart
from pynetstat.watch.model import View
from pynetstat.watch.processes import Process
from tests.watched import (
    ANYONE,
    CLIENT,
    SERVER,
    START,
    Screen,
    ScriptedFeed,
    listener,
    look,
    on_screen,
    row,
    step,
)

GOLDENS = Path(__file__).parent / "data" / "watch"
E, CW, FW2 = TcpState.ESTABLISHED, TcpState.CLOSE_WAIT, TcpState.FIN_WAIT2
OTHER = Addr("127.0.0.1", 9000)
CONNECTION = (row(2), row(3, CLIENT, SERVER, owners=(Owner(900, 4, "python3"),)))
KEEPALIVE = Timer(TimerKind.KEEPALIVE, 9.5, 0, 0)


def chosen(screen: Screen) -> int | None:
    """The cookie of the chosen row."""
    history = screen.app.query_one(SocketTable).chosen
    return history.record.cookie if history is not None else None


def shown(screen: Screen) -> list[int | None]:
    """The cookies of the rows that are shown, in their order."""
    return [history.record.cookie for history in screen.app.query_one(SocketTable).seen()]


HALF_CLOSED = (
    look(listener(), *CONNECTION),
    step(CONNECTION[1], E, TcpState.FIN_WAIT1, 1.0, 0.7),
    step(CONNECTION[0], E, CW, 1.0, 0.7),
    step(CONNECTION[1], TcpState.FIN_WAIT1, FW2, 1.001, 0.001),
    look(
        listener(),
        row(2, state=CW, recv_q=1),
        row(3, CLIENT, SERVER, FW2, owners=(Owner(900, 4, "python3"),)),
        row(4, SERVER, Addr("127.0.0.1", 50001), timer=KEEPALIVE),
        after_s=2.0,
    ),
    step(row(5, OTHER, Addr("192.0.2.7", 443)), E, None, 2.2, 5.0),
)


@pytest.mark.parametrize("size", [(40, 10), (40, 24), (80, 24), (120, 40), (200, 60)])
@pytest.mark.parametrize("explains", [False, True])
def test_the_whole_screen(
    size: tuple[int, int], explains: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pynetstat.render.watch.panes.localtime", lambda _: (0,) * 9)
    name = f"half-close-{size[0]}x{size[1]}{'-explained' if explains else ''}.txt"
    golden = GOLDENS / name

    async def test(screen: Screen) -> None:
        await screen.let_pass(3.0)
        await screen.let_pass(3.0)
        if "UPDATE_GOLDENS" in os.environ:
            golden.write_text(screen.text, encoding="utf-8")
        assert screen.text == golden.read_text(encoding="utf-8")

    monkeypatch.setattr(app_module, "describe", lambda _: None)
    on_screen(test, *HALF_CLOSED, size=size, explains=explains)


def test_nothing_of_ours_hides_something_of_textuals() -> None:
    """What Textual keeps in its objects under private names is not to be overwritten."""
    ours = [
        kind
        for module in (app_module, filterbar, panes, screens, table)
        for kind in vars(module).values()
        if isinstance(kind, type) and kind.__module__ == module.__name__
    ]
    for kind in ours:
        theirs = {
            name
            for base in kind.__mro__
            if base.__module__.startswith("textual.")
            for name in vars(base)
        }
        made = {name for name in vars(kind) if name.startswith("_") and not name.startswith("__")}
        assert made & theirs <= TEXTUALS_OWN, kind


TEXTUALS_OWN = {
    "_computes", "_css_type_name", "_css_type_names", "_decorated_handlers", "_inherit_bindings",
    "_inherit_component_classes", "_inherit_css", "_merged_bindings", "_reactives",
}  # fmt: skip
"""What Textual itself writes into every class that is made from its own."""


def test_marks_of_new_changed_and_ended_rows() -> None:
    async def test(screen: Screen) -> None:
        assert not screen.line_with("ESTABLISHED", "812/nc").startswith(" +")
        await screen.tell(
            step(row(2), E, CW, 1.0),
            look(listener(), row(2, state=CW), row(4, OTHER, ANYONE), after_s=1.1),
            step(row(4, OTHER, ANYONE), E, None, 1.2),
            look(listener(), row(2, state=CW), row(6, CLIENT, OTHER), after_s=1.3),
            after_s=1.4,
        )
        assert screen.line_with("CLOSE_WAIT", "127.0.0.1:50000").startswith(" *")
        assert screen.line_with("127.0.0.1:50000", "127.0.0.1:9000").startswith(" +")
        assert screen.line_with("127.0.0.1:9000", "ended: reset").startswith(" x")

    on_screen(test, look(listener(), row(2)))


def test_ended_rows_linger_for_ten_seconds() -> None:
    async def test(screen: Screen) -> None:
        await screen.tell(step(row(2), E, None, 1.0), after_s=10.9)
        assert screen.line_with("ended: reset", "9.9s")
        await screen.let_pass(11.1)
        assert "ended: reset" not in screen.text

    on_screen(test, look(listener(), row(2)))


def test_timers_count_down_without_a_reading() -> None:
    async def test(screen: Screen) -> None:
        assert screen.line_with("keepalive 9.50s")
        await screen.let_pass(4.0)
        await screen.let_pass(4.0)
        assert screen.line_with("keepalive 5.50s")

    on_screen(test, look(row(2, timer=KEEPALIVE)))


def test_pause_holds_everything_and_goes_on() -> None:
    async def test(screen: Screen) -> None:
        await screen.press("space")
        await screen.tell(look(listener(), row(2, state=CW), after_s=5), after_s=5.0)
        assert "PAUSED" in screen.lines[0]
        assert screen.line_with("keepalive 9.50s")
        assert "CLOSE_WAIT" not in screen.text
        await screen.press("space")
        assert "PAUSED" not in screen.text
        assert screen.line_with("CLOSE_WAIT", "127.0.0.1:50000")

    on_screen(test, look(listener(), row(2, timer=KEEPALIVE)))


def test_sorting_by_keys() -> None:
    async def test(screen: Screen) -> None:
        assert "Local Address▲" in screen.text
        await screen.press("S")
        assert "Local Address▼" in screen.text
        assert shown(screen) == [4, 2]
        await screen.press("s", "s")
        assert "State▼" in screen.text

    on_screen(test, look(row(2), row(4, OTHER, ANYONE)), view=View(pairs=False))


def test_sorting_by_a_click_on_a_title() -> None:
    async def test(screen: Screen) -> None:
        heading = screen.app.query_one(Heading)
        line = screen.line_with("Recv-Q")
        at = Offset(line.index("Recv-Q") + 2, 0)
        await screen.pilot.click(heading, at)
        await screen.pilot.pause()
        assert "Recv-Q▲" in screen.text
        assert shown(screen) == [4, 2]
        await screen.pilot.click(heading, at)
        await screen.pilot.pause()
        assert "Recv-Q▼" in screen.text
        assert shown(screen) == [2, 4]

    on_screen(test, look(row(2, recv_q=5), row(4, OTHER, ANYONE)))


def test_listeners_only() -> None:
    async def test(screen: Screen) -> None:
        await screen.press("l")
        assert shown(screen) == [1]
        assert "listeners only" in screen.text
        await screen.press("l")
        assert shown(screen) == [1, 2, 3]

    on_screen(test, look(listener(), *CONNECTION))


def test_pairs_together_and_apart() -> None:
    async def test(screen: Screen) -> None:
        assert shown(screen) == [2, 3, 4]
        assert screen.line_with("┌", ":8080")
        assert screen.line_with("└", ":50000")
        await screen.press("p")
        assert shown(screen) == [2, 4, 3]
        assert "┌" not in screen.text

    on_screen(test, look(*CONNECTION, row(4, OTHER, ANYONE)))


def test_choosing_states() -> None:
    async def test(screen: Screen) -> None:
        await screen.press("t")
        assert screen.line_with("[x] ESTABLISHED", "2")
        await screen.press("space")
        assert screen.line_with("[ ] ESTABLISHED")
        await screen.press("escape")
        assert shown(screen) == [1]
        assert "states: SYN_SENT" in screen.text
        await screen.press("t", "down", "o", "escape")
        assert shown(screen) == []
        await screen.press("t", "a", "escape")
        assert shown(screen) == [1, 2, 3]

    on_screen(test, look(listener(), *CONNECTION))


def test_choosing_states_with_the_mouse() -> None:
    async def test(screen: Screen) -> None:
        await screen.press("t")
        await screen.pilot.click("StateChoice", Offset(3, 0))
        await screen.press("escape")
        assert shown(screen) == [1]

    on_screen(test, look(listener(), *CONNECTION))


def test_explanations_below_the_rows() -> None:
    async def test(screen: Screen) -> None:
        assert "Connected to" not in screen.text
        await screen.press("e")
        assert screen.line_with("Connected to 127.0.0.1:50000; nothing waits")
        await screen.press("e")
        assert "Connected to" not in screen.text

    on_screen(test, look(listener(), row(2)), size=(120, 16))


def test_explanations_are_there_from_the_start_when_they_fit() -> None:
    async def few(screen: Screen) -> None:
        await screen.let_pass()
        assert screen.line_with("Connected to 127.0.0.1:50000; nothing waits")

    async def many(screen: Screen) -> None:
        await screen.let_pass()
        assert not screen.app.query_one(SocketTable).explains

    on_screen(few, look(listener(), row(2)), explains=None)
    rows = [row(number, Addr("127.0.0.1", number)) for number in range(1, 30)]
    on_screen(many, look(*rows), explains=None)


async def type_filter(screen: Screen, text: str) -> None:
    await screen.press("slash")
    await screen.press(*("space" if char == " " else char for char in text))
    await settled(screen)


async def settled(screen: Screen) -> None:
    """Wait until what was typed has been understood, in its thread."""
    await screen.app.workers.wait_for_complete()
    await screen.pilot.pause()


def test_a_filter_holds_as_it_is_typed() -> None:
    async def test(screen: Screen) -> None:
        await type_filter(screen, "sport = 50000")
        assert shown(screen) == [3]
        await screen.press("enter")
        assert shown(screen) == [3]
        assert "filter: sport = 50000" in screen.text
        assert screen.app.focused is screen.app.query_one(SocketTable)
        await screen.press("l")
        assert shown(screen) == []

    on_screen(test, look(listener(), *CONNECTION))


def test_a_wrong_filter_is_told_and_the_last_good_one_holds() -> None:
    async def test(screen: Screen) -> None:
        await type_filter(screen, "sport = 50000 an")
        assert screen.line_with("wrong filter, column 15")
        assert screen.line_with("the last good one holds")
        assert shown(screen) == [3]
        await screen.press("d")
        await settled(screen)
        assert screen.line_with("but the filter ends")
        assert shown(screen) == [3]

    on_screen(test, look(listener(), *CONNECTION))


def test_escape_takes_the_filter_back() -> None:
    async def test(screen: Screen) -> None:
        await type_filter(screen, "sport = 50000")
        await screen.press("escape")
        await screen.let_pass()
        assert shown(screen) == [1, 2, 3]
        assert "filter:" not in screen.text

    on_screen(test, look(listener(), *CONNECTION))


def test_rows_left_out_because_nobody_can_tell_are_counted() -> None:
    async def test(screen: Screen) -> None:
        await type_filter(screen, "process = nc")
        assert "1 left out for which nobody can tell" in screen.text

    on_screen(test, look(listener(), row(2, owners=None)))


def test_the_chosen_row_stays_where_it_is() -> None:
    """Rows that come above it move neither the choice nor its place on the screen."""
    rows = [row(100 + number, Addr("127.0.0.1", 100 + number)) for number in range(100)]
    above = [row(300 + number, Addr("127.0.0.1", 30 + number)) for number in range(40)]

    async def test(screen: Screen) -> None:
        await screen.press("pagedown", "pagedown", "down")
        cookie = chosen(screen)
        place = screen.lines.index(screen.line_with(f"127.0.0.1:{cookie} "))
        await screen.tell(look(*rows, *above, after_s=1), after_s=1.0)
        await screen.let_pass()
        assert chosen(screen) == cookie
        assert screen.lines[place].split()[3] == f"127.0.0.1:{cookie}"
        await screen.tell(look(*rows, after_s=2), after_s=20.0)
        await screen.let_pass(31.0)
        assert chosen(screen) == cookie
        assert screen.lines[place].split()[3] == f"127.0.0.1:{cookie}"

    on_screen(test, look(*rows))


def test_what_is_looked_at_stays_when_nothing_is_chosen() -> None:
    rows = [row(100 + number, Addr("127.0.0.1", 100 + number)) for number in range(100)]

    async def test(screen: Screen) -> None:
        screen.app.query_one(SocketTable).scroll_to(y=30, animate=False, immediate=True)
        await screen.pilot.pause()
        first = shown(screen)[0]
        new = [row(300 + number, Addr("127.0.0.1", 30 + number)) for number in range(40)]
        await screen.tell(look(*rows, *new, after_s=1), after_s=1.0)
        await screen.let_pass()
        assert shown(screen)[0] == first

    on_screen(test, look(*rows))


def test_when_the_chosen_row_is_gone_its_neighbour_is_chosen() -> None:
    async def test(screen: Screen) -> None:
        await screen.press("down", "down")
        assert chosen(screen) == 2
        await screen.tell(look(listener(), row(4, OTHER, ANYONE), after_s=1), after_s=1.0)
        assert chosen(screen) == 2
        await screen.let_pass(20.0)
        assert chosen(screen) == 4
        await screen.press("escape")
        assert chosen(screen) is None

    on_screen(test, look(listener(), row(2), row(4, OTHER, ANYONE)))


def test_a_click_chooses_and_a_second_one_opens() -> None:
    async def test(screen: Screen) -> None:
        await screen.pilot.click(SocketTable, Offset(20, 1))
        await screen.pilot.pause()
        assert chosen(screen) == 2
        assert screen.line_with("Details")
        await screen.pilot.click(SocketTable, Offset(20, 1), times=2)
        await screen.pilot.pause()
        assert screen.line_with("Details (escape goes back)")

    on_screen(test, look(listener(), row(2)))


def test_moving_by_keys() -> None:
    rows = [row(100 + number, Addr("127.0.0.1", 100 + number)) for number in range(100)]

    async def test(screen: Screen) -> None:
        for key, cookie in (("end", 199), ("up", 198), ("home", 100), ("down", 101), ("j", 102)):
            await screen.press(key)
            assert chosen(screen) == cookie, key
        await screen.press("pagedown")
        assert chosen(screen) not in (102, 199)
        await screen.press("pageup")
        assert chosen(screen) == 102

    on_screen(test, look(*rows))


def test_the_details_tell_of_both_ends_and_their_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Process("nc -l '80 80'", "maria", START - 60)
    monkeypatch.setattr(app_module, "describe", lambda pid: known if pid == 812 else None)

    async def test(screen: Screen) -> None:
        await screen.press("down", "enter")
        await screen.app.workers.wait_for_complete()
        await screen.press("escape", "enter")
        assert screen.line_with("tcp 127.0.0.1:8080 > 127.0.0.1:50000")
        assert screen.line_with("812/nc fd 3 of maria, since", "(1m00s): nc -l '80 80'")
        assert screen.line_with("the other end: tcp 127.0.0.1:50000 > 127.0.0.1:8080")
        assert screen.line_with("900/python3 fd 4: the process has ended")

    on_screen(test, look(*CONNECTION))


def test_the_details_of_what_changed_last_are_shown_when_nothing_is_chosen() -> None:
    async def test(screen: Screen) -> None:
        await screen.tell(step(row(2), E, CW, 1.0, 1.0), after_s=1.5)
        assert screen.line_with("Latest change")
        assert screen.line_with("ESTABLISHED 1.0s > CLOSE_WAIT 500ms")

    on_screen(test, look(listener(), row(2)))


def test_transitions_and_losses_are_told() -> None:
    async def test(screen: Screen) -> None:
        await screen.tell(
            step(row(2), E, CW, 1.0, 0.5),
            Loss(START + 2, 3, "3 transitions lost"),
            Notice(START + 3, "no exact transitions: not root"),
        )
        assert screen.line_with("127.0.0.1:8080 > :50000 ESTABLISHED 500ms > CLOSE_WAIT")
        assert screen.line_with("! ", "3 transitions lost")
        assert screen.line_with("no exact transitions: not root")
        assert screen.line_with("3 or more transitions were lost")

    on_screen(test, look(listener(), row(2)))


def test_the_newest_transition_is_seen() -> None:
    async def test(screen: Screen) -> None:
        many = [
            step(row(number, Addr("127.0.0.1", number)), E, CW, 1.0) for number in range(100, 300)
        ]
        await screen.tell(*many)
        await screen.pilot.pause()
        assert screen.line_with("127.0.0.1:299 > :50000")
        assert "127.0.0.1:150 > :50000" not in screen.text

    on_screen(test, look(listener()))


def test_what_is_incomplete_is_told() -> None:
    broken = look(listener())._replace(
        gaps=(Gap(GapKind.UNREAD, Proto.UDP, "refused"), Gap(GapKind.OWNERS, None, "no owners"))
    )

    async def test(screen: Screen) -> None:
        assert screen.line_with("incomplete: udp: could not be read")
        assert screen.line_with("no owners")

    on_screen(test, broken)


def test_the_panes_that_are_shown() -> None:
    async def test(screen: Screen) -> None:
        seen = []
        for _ in range(4):
            seen.append(("Transitions" in screen.text, "Latest change" in screen.text))
            await screen.press("v")
        assert seen == [(True, True), (True, False), (False, True), (False, False)]

    on_screen(test, look(listener()))


def test_help() -> None:
    async def test(screen: Screen) -> None:
        await screen.press("question_mark")
        assert screen.line_with("filter as you type")
        await screen.press("escape")
        assert "filter as you type" not in screen.text

    on_screen(test, look(listener()))


@pytest.mark.parametrize(("key", "code"), [("q", 0), ("ctrl+q", 0), ("ctrl+c", 130)])
def test_leaving(key: str, code: int) -> None:
    async def test(screen: Screen) -> None:
        await screen.press(key)

    assert on_screen(test, look(listener())) == code


def test_leaving_from_the_filter_and_from_help() -> None:
    async def from_filter(screen: Screen) -> None:
        await screen.press("slash", "q", "ctrl+c")

    async def from_help(screen: Screen) -> None:
        await screen.press("question_mark", "ctrl+c")

    assert on_screen(from_filter, look(listener())) == 130
    assert on_screen(from_help, look(listener())) == 130


def test_the_keys_at_the_bottom_can_be_clicked() -> None:
    async def test(screen: Screen) -> None:
        line = screen.lines[-1]
        await screen.pilot.click("#keys", Offset(line.index("pause"), 0))
        await screen.pilot.pause()
        assert "PAUSED" in screen.text

    on_screen(test, look(listener()))


HOSTILE = "\x1b[31m[bold]\x07\u202e]\udcff"


def test_text_from_outside_is_harmless() -> None:
    owner = (Owner(812, 3, HOSTILE),)

    async def test(screen: Screen) -> None:
        await screen.press("e", "down")
        written = screen.text
        assert not any(char in written for char in "\x1b\x07\u202e\udcff")
        assert "\\x1b[31m[bold]" in written

    gap = Gap(GapKind.DOUBTFUL, Proto.TCP, HOSTILE)
    hostile = look(row(2, owners=owner))._replace(gaps=(gap,))
    event = step(row(2), E, CW, 1.0)._replace(owners=owner)
    on_screen(test, hostile, event, Notice(START, HOSTILE), Loss(START, 1, HOSTILE))


def test_ten_thousand_rows_scroll_and_only_what_is_seen_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [row(n, Addr("127.0.0.1", 1 + n % 60000), Addr("10.0.0.1", n)) for n in range(1, 10_001)]

    async def test(screen: Screen) -> None:
        made = []
        sockets = screen.app.query_one(SocketTable)
        make = sockets._cells

        def counted(history: History, number: int, inside: int) -> list[Cell]:
            made.append(number)
            return make(history, number, inside)

        monkeypatch.setattr(sockets, "_cells", counted)
        await screen.press("end")
        assert chosen(screen) == 10_000
        assert screen.line_with("127.0.0.1:10000")
        await screen.press("pageup", "home", "pagedown")
        assert len(made) < 1000

    on_screen(test, look(*rows))


def test_without_colours_marks_and_choice_are_reversed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def test(screen: Screen) -> None:
        await screen.tell(look(listener(), row(2), after_s=1), after_s=1.0)
        await screen.press("home")
        styles = [
            segment.style
            for line in screen.app.screen._compositor.render_strips()
            for segment in line
            if segment.style is not None
        ]
        assert all(style.color is None and style.bgcolor is None for style in styles)
        assert any(style.reverse for style in styles)

    on_screen(test, look(listener()))


class ScriptedPlayer(ScriptedFeed):
    """A recording that says what was asked of it."""

    def __init__(self) -> None:
        super().__init__(look(listener()))
        self.title = "lesson.jsonl"
        self.asked: list[str] = []
        self.speed = 1.0
        self.held = False
        self.at_end = False

    def hold(self, held: bool) -> None:
        self.held = held

    def step(self) -> None:
        self.asked.append("step")
        self.frames.append(look(listener(), row(2), after_s=1))

    def back(self) -> None:
        self.asked.append("back")
        self.frames += [Restart(START), look(listener())]


def test_replaying() -> None:
    player = ScriptedPlayer()
    assert isinstance(player, Player)
    assert not isinstance(ScriptedFeed(), Player)

    async def test(screen: Screen) -> None:
        assert "lesson.jsonl" in screen.lines[0]
        assert screen.line_with("n step", "b back", "+ faster")
        await screen.press("space")
        assert player.held
        assert "held" in screen.lines[0]
        await screen.press("n")
        assert shown(screen) == [1, 2]
        await screen.press("b")
        assert shown(screen) == [1]
        await screen.press("plus", "plus", "minus")
        assert player.speed == 2.0
        assert player.asked == ["step", "back"]

    on_screen(test, feed=player)


def test_a_feed_that_tells_nothing_yet() -> None:
    async def test(screen: Screen) -> None:
        assert "reading" in screen.lines[0]
        await screen.press("down", "up", "end", "pagedown", "enter", "escape", "e", "s")
        assert chosen(screen) is None

    on_screen(test)


def test_a_resize_finds_room_again() -> None:
    async def test(screen: Screen) -> None:
        for size in ((40, 10), (200, 60), (1, 1), (80, 24)):
            await screen.pilot.resize_terminal(*size)
            await screen.let_pass()
            assert len(screen.lines) == size[1]
        assert screen.line_with("127.0.0.1:8080", "LISTEN")

    on_screen(test, look(listener(), *CONNECTION))


def test_the_feed_is_closed_when_the_screen_breaks() -> None:
    feed = ScriptedFeed()
    app = WatchApp(feed)
    feed.take = lambda: 1 / 0  # type: ignore[assignment, method-assign, return-value]

    async def run() -> None:
        async with app.run_test() as pilot:
            await pilot.pause()

    with pytest.raises(ZeroDivisionError):
        asyncio.run(run())
    assert feed.closed
