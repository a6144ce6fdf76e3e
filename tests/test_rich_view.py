"""The view for people: goldens at fixed widths, and what must never reach a terminal."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segments
from rich.style import Style

from pynetstat import (
    Addr,
    Coverage,
    Gap,
    GapKind,
    Owner,
    Proto,
    Show,
    Snapshot,
    SocketRecord,
    TcpState,
    Timer,
    TimerKind,
    UnixRecord,
    UnixState,
)
from pynetstat.query import Query, in_netstat_order
from pynetstat.records import TIMER_OFF
from pynetstat.render.layout import prose
from pynetstat.render.netstat import Columns
from pynetstat.render.table import SnapshotView
from pynetstat.words import countdown, numbers

GOLDENS = Path(__file__).parent / "data" / "rich"

SERVER = Addr("127.0.0.1", 8080)
CLIENT = Addr("127.0.0.1", 42782)
ANY4, ANY6 = Addr("0.0.0.0", 0), Addr("::", 0)
NC = (Owner(812, 3, "nc"),)


def tcp(
    laddr: Addr, raddr: Addr, state: TcpState, timer: Timer = TIMER_OFF, **more: object
) -> SocketRecord:
    fields: dict[str, object] = {"recv_q": 0, "send_q": 0, "uid": 1000, "inode": 7, "owners": NC}
    fields |= more
    return SocketRecord(Proto.TCP, laddr, raddr, state, timer=timer)._replace(**fields)  # type: ignore[arg-type]


LECTURE = [
    tcp(SERVER, ANY4, TcpState.LISTEN, recv_q=1, backlog=5),
    tcp(Addr("0.0.0.0", 1234), ANY4, TcpState.LISTEN),
    tcp(SERVER, CLIENT, TcpState.ESTABLISHED, Timer(TimerKind.KEEPALIVE, 7199.9, 0, 0)),
    tcp(CLIENT, SERVER, TcpState.ESTABLISHED, Timer(TimerKind.ON, 0.2, 3, 0), send_q=4),
    tcp(SERVER, Addr("127.0.0.1", 42790), TcpState.CLOSE_WAIT, recv_q=1),
    tcp(
        Addr("127.0.0.1", 42790),
        SERVER,
        TcpState.FIN_WAIT2,
        Timer(TimerKind.TIMEWAIT, 60.0, 0, 0),
        inode=0,
        uid=None,
        owners=(),
    ),
    tcp(
        Addr("127.0.0.1", 42782),
        Addr("127.0.0.1", 1234),
        TcpState.TIME_WAIT,
        Timer(TimerKind.TIMEWAIT, 59.78, 0, 0),
        inode=0,
        uid=None,
        owners=(),
    ),
    tcp(Addr("::", 8081), ANY6, TcpState.LISTEN, proto=Proto.TCP6),
    tcp(
        Addr("2001:db8:1234:1234:1234:5678:9abc:def0", 65535),
        Addr("2001:db8::2", 443),
        TcpState.ESTABLISHED,
        Timer(TimerKind.PROBE, 12.5, 0, 2),
        proto=Proto.TCP6,
        owners=(Owner(812, 3, "nc"), Owner(813, 3, "nc")),
    ),
    SocketRecord(
        Proto.UDP, Addr("127.0.0.1", 5353), ANY4, TcpState.CLOSE, 832, 0, None, TIMER_OFF, 0, 9,
        owners=(),
    ),
]  # fmt: skip


def snapshot(
    records: Iterable[SocketRecord] = (),
    unix: Iterable[UnixRecord] = (),
    gaps: Iterable[Gap] = (),
) -> Snapshot:
    sources = {Proto.TCP: "sockdiag", Proto.TCP6: "sockdiag", Proto.UDP: "procfs"}
    return Snapshot(list(records), list(unix), sources, tuple(gaps), Coverage(0, False), 0.0)


def shown(
    what: Snapshot,
    width: int,
    columns: Columns = Columns(timers=True),  # noqa: B008 - immutable
    protos: Iterable[Proto] = (Proto.TCP, Proto.TCP6, Proto.UDP),
    color: bool = False,
) -> str:
    query = Query(in_netstat_order(protos), Show.ALL, columns.programs)
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
        _environ={},
    )
    console.print(SnapshotView(what, query, columns, numbers()), soft_wrap=True, end="")
    return out.getvalue()


def check_golden(name: str, text: str) -> None:
    path = GOLDENS / name
    if os.environ.get("UPDATE_GOLDENS"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [200, 120, 80, 40])
def test_the_lecture_at_a_width(width: int) -> None:
    text = shown(snapshot(LECTURE), width, Columns(programs=True, timers=True))
    check_golden(f"lecture-{width}.txt", text)
    assert all(len(line) <= width for line in text.splitlines())


def test_every_column() -> None:
    columns = Columns(extend=True, programs=True, timers=True)
    check_golden("every-column.txt", shown(snapshot(LECTURE), 200, columns))


def test_colours() -> None:
    check_golden("colours.ansi", shown(snapshot(LECTURE), 120, color=True))


def test_every_state_is_a_word_with_and_without_colour() -> None:
    rows = [tcp(SERVER, CLIENT, state) for state in TcpState]
    for color in (False, True):
        text = shown(snapshot(rows), 120, color=color)
        for state in TcpState:
            assert state.value in text


@pytest.mark.parametrize("width", [1, 2, 3, 7, 17, 30])
def test_at_any_width_every_character_of_an_address_is_there(width: int) -> None:
    text = shown(snapshot(LECTURE), width, Columns(programs=True, timers=True))
    run_together = "".join(line.strip() for line in text.splitlines())
    for word in ("127.0.0.1:8080", "[2001:db8:1234:1234:1234:5678:9abc:def0]:65535", "813/nc"):
        assert word.replace(" ", "") in run_together.replace(" ", "")


@pytest.mark.parametrize("width", [1, 2, 3, 5, 7])
def test_numbers_stay_within_a_terminal_that_is_narrower_than_their_title(width: int) -> None:
    text = shown(snapshot(LECTURE, UNIX), width, protos=[Proto.TCP, Proto.UNIX])
    assert max(len(line) for line in text.splitlines()) <= width


def test_a_very_wide_terminal_gets_no_padding() -> None:
    text = shown(snapshot(LECTURE), 100_000)
    assert max(len(line) for line in text.splitlines()) < 200


def test_no_sockets_is_said() -> None:
    check_golden("no-sockets.txt", shown(snapshot(), 100))


def test_what_is_incomplete_stands_under_the_title() -> None:
    gaps = [
        Gap(GapKind.BAD_ROWS, Proto.TCP, "3 rows left out, the first: not a row: '\\x1b[31m'"),
        Gap(GapKind.UNREAD, Proto.RAW, "procfs: Permission denied"),
        Gap(GapKind.OWNERS, None, "owners are incomplete: 1 process could not be looked into"),
        Gap(GapKind.FALLBACK, Proto.UDP, "sock_diag: refused; read from procfs instead"),
    ]
    check_golden("incomplete.txt", shown(snapshot(LECTURE[:1], gaps=gaps), 100))


def test_what_a_source_cannot_tell_is_a_question_mark() -> None:
    bare = SocketRecord(Proto.TCP, SERVER, CLIENT, TcpState.ESTABLISHED)
    columns = Columns(extend=True, programs=True, timers=True)
    line = shown(snapshot([bare]), 200, columns).splitlines()[2]
    assert line.split()[1:3] == ["?", "?"]
    assert line.endswith("(this source can't tell)  ?")


UNIX = [
    UnixRecord("STREAM", UnixState.LISTENING, b"/run/a b", 11, 0, 1, 5, 2),
    UnixRecord("STREAM", UnixState.CONNECTED, b"\0abs\x1b[31m\n\xe2\x80\xae\xff", 12, 13, 0, 0, 3),
    UnixRecord("STREAM", UnixState.CONNECTING, b"/run/a b", 0, 14),
    UnixRecord("DGRAM", None, b"@x", trusted=False),
]


def test_unix_sockets() -> None:
    check_golden("unix.txt", shown(snapshot(unix=UNIX), 120, protos=[Proto.UNIX]))


def test_internet_and_unix_sockets_are_two_tables() -> None:
    text = shown(snapshot(LECTURE[:1], UNIX), 120, protos=[Proto.TCP, Proto.UNIX])
    assert text.index("Active Internet connections") < text.index("Active UNIX domain sockets")


HOSTILE = [
    "\x1b]0;gotcha\x07",
    "a\nb",
    "\u202ecod",
    "[/bin/sh]",
    "[red]x[/red]",
    ":smile:",
    "\udcff",
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("width", [120, 20])
def test_text_from_outside_is_neither_control_nor_markup(name: str, width: int) -> None:
    row = tcp(SERVER, CLIENT, TcpState.ESTABLISHED, owners=(Owner(1, 2, name),))
    text = shown(snapshot([row]), width, Columns(programs=True), color=False)
    assert all(char.isprintable() or char == "\n" for char in text)
    if name.isprintable():
        assert name in text


def test_ten_thousand_rows_are_all_there() -> None:
    rows = [tcp(Addr("127.0.0.1", port), SERVER, TcpState.ESTABLISHED) for port in range(1, 10001)]
    lines = shown(snapshot(rows), 120).splitlines()
    assert len(lines) == 10_003
    assert lines[-1] == "10000 sockets: 10000 ESTABLISHED"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0.20s"), (9.99, "9.99s"), (59.78, "59.8s"), (60, "1m00s"), (125, "2m05s"),
     (7199.9, "1h59m")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert countdown(seconds) == text


def test_a_comma_in_a_name_makes_no_second_owner() -> None:
    row = tcp(SERVER, CLIENT, TcpState.ESTABLISHED, owners=(Owner(1, 2, "a, 3/b"),))
    assert '1/"a, 3/b"' in shown(snapshot([row]), 120, Columns(programs=True))


WIDE_NAMES = {
    "words": "日本語 プロセス",
    "one-long-word": "長" * 90,
    "combined": "é\u0301" * 70,
    "without-width": "\u0301" * 30,
    "two-spaces": "a  b 日",
}


@pytest.mark.parametrize("name", WIDE_NAMES.values(), ids=WIDE_NAMES.keys())
@pytest.mark.parametrize("width", [7, 40, 80])
def test_a_sentence_keeps_within_the_terminal_whatever_its_characters_take(
    name: str, width: int
) -> None:
    sentence = f"It is held by {name} (pid 4711), which has not called accept()."
    out = io.StringIO()
    console = Console(file=out, width=width, legacy_windows=False, _environ={})
    lines = [*prose(sentence, Style(), width)]
    console.print(Segments(lines), soft_wrap=True, end="")
    shown_lines = out.getvalue().splitlines()
    assert max(cell_len(line) for line in shown_lines) <= width
    assert "".join(shown_lines).replace(" ", "") == sentence.replace(" ", "")
