"""--explain on the command line: pages, sentences below rows, and which of the two."""

from __future__ import annotations

import contextlib
import io
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from pynetstat import Proto, Show, Snapshot, SocketRecord, UnixRecord, UnixState
from pynetstat.command.arguments import parse_arguments
from pynetstat.command.options import NO_CHOICE, Options
from pynetstat.explain.pages import all_pages, find_page, page
from pynetstat.explain.remarks import explainer
from pynetstat.query import Query
from pynetstat.render.netstat import Columns, inet_rows
from pynetstat.render.page import PageView
from pynetstat.render.remarks import with_remarks
from pynetstat.render.table import SnapshotView
from pynetstat.words import numbers

from .command import run
from .test_rich_view import LECTURE, snapshot
from .trees import tree

_TAN = ["-tan", "--proc-root", tree("every-state")]


def _parse(*arguments: str) -> Options:
    return parse_arguments(list(arguments), "1.2.3")


@pytest.mark.parametrize(
    "arguments", [("--explain",), ("-tan", "--explain"), ("--explain", "-tan")]
)
def test_beside_other_flags_it_explains_rows(arguments: tuple[str, ...]) -> None:
    options = _parse(*arguments)
    assert options.choice.explain
    assert options.topic is None
    assert options.query.owners
    plain = [argument for argument in arguments if argument != "--explain"]
    assert options == _parse(*plain)._replace(
        choice=NO_CHOICE._replace(explain=True), query=_parse(*plain).query._replace(owners=True)
    )


@pytest.mark.parametrize(
    ("arguments", "topic"),
    [
        (("--explain", "TIME_WAIT"), "TIME_WAIT"),
        (("--explain", "time", "wait"), "time wait"),
        (("--explain=time wait",), "time wait"),
        (("--expl", "address", "already", "in", "use"), "address already in use"),
        (("--explain=-o",), "-o"),
        (("-tan", "--explain=State"), "State"),
        (("--explain=TIME_WAIT", "--format=plain"), "TIME_WAIT"),
    ],
)
def test_alone_with_words_or_with_a_value_it_is_a_page(
    arguments: tuple[str, ...], topic: str
) -> None:
    options = _parse(*arguments)
    assert options.topic == topic
    assert not options.choice.explain


def test_a_word_beside_another_flag_is_no_topic(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["-tan", "--explain", "TIME_WAIT"], ["--explain", "TIME_WAIT", "-tan"]):
        with contextlib.suppress(SystemExit):
            assert parse_arguments(arguments, "1").topic is None
    assert "no page" not in capsys.readouterr().err


@pytest.mark.parametrize("topic", ["TIMEWAT", "state established", "\x1b[31m", "é" * 2000])
def test_an_unknown_topic_is_refused_in_one_line(
    topic: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        _parse(f"--explain={topic}")
    out, err = capsys.readouterr()
    assert (caught.value.code, out, err.count("\n")) == (2, "", 1)
    assert err[:-1].isprintable()
    assert "there is no page on" in err


def test_near_misses_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _parse("--explain", "TIMEWAT")
    assert "near it: TIME_WAIT" in capsys.readouterr().err


def test_a_page_into_a_pipe_is_plain_text() -> None:
    done = run("--explain", "TIME_WAIT")
    assert (done.status, done.err) == (0, "")
    assert done.out == page("TIME_WAIT")


def test_an_unknown_topic_exits_with_2() -> None:
    done = run("--explain", "TIMEWAT")
    assert (done.status, done.out) == (2, "")
    assert len(done.complaints) == 1


def test_a_page_on_a_terminal_wraps_to_its_width() -> None:
    done = run("--explain=TIME_WAIT", "--format=rich", changes={"COLUMNS": "50"})
    assert (done.status, done.err) == (0, "")
    assert max(len(line) for line in done.out.splitlines()) <= 50
    assert "".join(done.out.split()) == "".join((page("TIME_WAIT") or "").split())


def test_plain_text_does_without_libraries() -> None:
    code = (
        "import sys; from pynetstat.cli import main; main(sys.argv[1:]); "
        "sys.exit('rich' in sys.modules or 'psutil' in sys.modules)"
    )
    for arguments in (["--explain=TIME_WAIT"], ["-tan", "--explain"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            stdout=subprocess.DEVNULL,
            cwd=Path(__file__).parent.parent,
            check=False,
        )
        assert done.returncode == 0, arguments


def test_plain_rows_are_netstats_with_lines_below() -> None:
    plain, explained = run(*_TAN), run(*_TAN, "--explain")
    assert plain.status == explained.status == 0
    below = [line for line in explained.out.splitlines() if line.startswith("    ")]
    assert [line for line in explained.out.splitlines() if line not in below] == (
        plain.out.splitlines()
    )
    sentences = [line for line in below if line.startswith("      ")]
    assert len(sentences) == len(plain.out.splitlines()) - 2
    assert all(line.endswith(".") for line in below)


def test_a_real_socket_is_explained() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=3) as sock:
        port, fd = sock.getsockname()[1], sock.fileno()
        done = run("-tln", "--explain")
    said = (
        rf"      Waits for connections to 127\.0\.0\.1:{port}; none waits for accept\(\), 4 fit "
        rf"\(backlog 3\); held by \S+ \(pid {os.getpid()}, fd {fd}\)\.\n"
    )
    assert re.search(said, done.out)


def test_unix_rows_are_explained() -> None:
    left, right = socket.socketpair()
    with left, right:
        done = run("-x", "--explain")
        inode = os.fstat(left.fileno()).st_ino
    assert done.status == 0
    assert f"      Connected to the socket with inode {inode}; held by " in done.out


def shown(width: int, records: list[SocketRecord], unix: list[UnixRecord]) -> str:
    what: Snapshot = snapshot(records, unix)
    query = Query((Proto.TCP, Proto.UNIX), Show.ALL, True)
    view = SnapshotView(what, query, Columns(timers=True), numbers(), below=explainer(what, None))
    out = io.StringIO()
    console = Console(file=out, width=width, legacy_windows=False, _environ={})
    console.print(view, soft_wrap=True, end="")
    return out.getvalue()


@pytest.mark.parametrize("width", [200, 80, 40, 8])
def test_the_view_for_people_has_the_sentences_below_its_rows(width: int) -> None:
    unix = [UnixRecord("STREAM", UnixState.LISTENING, b"/run/x\x1b", 7, 0, 3, 2)]
    text = shown(width, LECTURE, unix)
    words = "".join(text.split())
    explain = explainer(snapshot(LECTURE, unix), None)
    remarks = [remark for record in LECTURE for remark in explain(record)] + explain(unix[0])
    assert all("".join(remark.text.split()) in words for remark in remarks)
    assert max(len(line) for line in text.splitlines()) <= width
    assert all(line.isprintable() for line in text.splitlines())
    if width == 200:
        leak = next(line for line in text.splitlines() if "CLOSE_WAIT" in line)
        below = text.splitlines()[text.splitlines().index(leak) + 1 :][:2]
        assert below[0].startswith("    The peer has closed its end")
        assert below[1].startswith("    ! The peer has closed and nc")


def test_no_row_is_lost_below_a_table_of_equal_rows() -> None:
    twins = [LECTURE[0], LECTURE[0]]
    rows = inet_rows(twins, Columns(), numbers())
    text = with_remarks(rows, twins, explainer(snapshot(twins), None))
    assert text.count("\n") == 4
    assert with_remarks("", [], explainer(snapshot(), None)) == ""


@pytest.mark.parametrize("width", [100, 40, 1])
def test_every_page_on_a_terminal(width: int) -> None:
    for one in all_pages():
        out = io.StringIO()
        console = Console(file=out, width=width, legacy_windows=False, _environ={})
        console.print(PageView(one), soft_wrap=True, end="")
        assert "".join(out.getvalue().split()) == "".join((page(one.name) or "").split())


def test_a_page_in_colour() -> None:
    found = find_page("TIME_WAIT")
    assert found is not None
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, legacy_windows=False, _environ={})
    console.print(PageView(found), soft_wrap=True, end="")
    assert "\x1b[1m" in out.getvalue()
