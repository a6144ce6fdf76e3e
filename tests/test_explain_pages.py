"""The pages: one for everything that is shown, all in one form, found however it is spelled."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections import Counter
from importlib.resources import files
from itertools import takewhile
from pathlib import Path

import pytest

from pynetstat import Missing, Proto, Show, TcpState, TimerKind, UnixState, UnixType
from pynetstat.columns import COLUMNS
from pynetstat.command.arguments import parse_arguments
from pynetstat.explain.pages import (
    HEADINGS,
    Kind,
    Page,
    all_pages,
    find_page,
    near_misses,
    page,
    topics,
)
from pynetstat.render.netstat import Columns, inet_heading, unix_heading

WITHOUT_A_PAGE = {"--help", "--version"}
"""Flags about which there is nothing to explain."""

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "explain.md"


def flags_in_help(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    """The spellings of each flag, from the command's own help."""
    with pytest.raises(SystemExit):
        parse_arguments(["--help"], "0")
    lines = re.findall(r"^  (-.*?)(?:  .*)?$", capsys.readouterr().out, re.MULTILINE)
    return [re.findall(r"--?[\w-]+", line) for line in lines]


def first_command(line: str) -> list[str]:
    """The words of a line up to the shell's next command."""
    words = shlex.shlex(line, posix=True, punctuation_chars="|&;")
    words.whitespace_split = True
    return list(takewhile(lambda word: not set(word) <= set("|&;"), words))


def kind_of(topic: str) -> Kind:
    found = find_page(topic)
    assert found is not None, topic
    return found.kind


@pytest.mark.parametrize("state", list(TcpState))
def test_a_page_for_every_state(state: TcpState) -> None:
    assert kind_of(state) is Kind.STATE
    found = find_page(state)
    assert found is not None
    assert found.name == state


def test_a_page_for_the_blank_state() -> None:
    assert kind_of("blank") is Kind.STATE


@pytest.mark.parametrize("kind", list(TimerKind))
def test_a_page_for_every_timer(kind: TimerKind) -> None:
    if kind is TimerKind.TIMEWAIT:
        assert find_page(kind) is find_page("TIME_WAIT")
        assert kind_of("timewait timer") is Kind.TIMER
    else:
        assert kind_of(kind) is Kind.TIMER


@pytest.mark.parametrize("missing", list(Missing))
def test_a_page_for_every_reason_of_a_missing_owner(missing: Missing) -> None:
    assert kind_of(missing.value) in (Kind.OWNER, Kind.STATE)


@pytest.mark.parametrize("word", [*UnixState, *UnixType])
def test_a_page_for_every_word_of_a_unix_row(word: str) -> None:
    if word not in ("RAW", "RDM"):
        assert find_page(word) is not None


def test_a_page_for_every_column() -> None:
    columns = Columns(True, True, True)
    inet = inet_heading(Show.ALL, columns).splitlines()[1]
    unix = unix_heading(Show.ALL, columns).splitlines()[1]
    titles = re.findall(r"(?:Local |Foreign )?[\w/-]+(?: name)?", f"{inet} {unix}")
    assert len(titles) > 14
    for title in titles:
        assert kind_of(title) is Kind.COLUMN, title


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_a_page_for_every_column_that_can_be_chosen(name: str) -> None:
    assert find_page(name) is not None
    assert find_page(name.replace("_", "-")) is find_page(name)


def test_a_page_for_every_flag_in_each_of_its_spellings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = flags_in_help(capsys)
    assert len(flags) > 20
    for spellings in flags:
        if WITHOUT_A_PAGE.isdisjoint(spellings):
            pages = {find_page(spelling) for spelling in spellings}
            assert len(pages) == 1, spellings
            assert kind_of(spellings[0]) is Kind.FLAG, spellings


def test_no_page_for_a_flag_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    known = {spelling for spellings in flags_in_help(capsys) for spelling in spellings}
    for one in all_pages():
        for name in one.names:
            if name.startswith("-") and " " not in name and name != "-":
                assert name in known or any(flag.startswith(name) for flag in known), name


@pytest.mark.parametrize(
    ("spellings", "name"),
    [
        (
            ["TIME_WAIT", "time-wait", "timewait", "time wait", " Time_Wait ", "TIME WAIT"],
            "TIME_WAIT",
        ),
        (["Recv-Q", "recvq", "recv-q", "RECV_Q"], "Recv-Q"),
        (["-o", "--timers", "timers", "o"], "-o"),
        (["-u", "u", "--udp"], "-u"),
        (["-U", "U", "--udplite"], "-U"),
        (["-w", "--raw"], "-w"),
        (["-W", "--wide"], "-W"),
        (
            ["address already in use", "Address already in use", "EADDRINUSE", "SO_REUSEADDR"],
            "address already in use",
        ),
        (["EADDRNOTAVAIL", "Cannot assign requested address"], "ephemeral ports"),
        (["persist", "zero window"], "probe"),
        (["accept queue", "accept-queue"], "backlog"),
        (["?"], "this source can't tell"),
        (["-"], "no owner"),
        (["LISTENING", "listening"], "unix states"),
        (["--listening", "-l"], "-l"),
        (["local", "Local Address"], "Local Address"),
    ],
)
def test_lookups_forgive(spellings: list[str], name: str) -> None:
    for spelling in spellings:
        found = find_page(spelling)
        assert found is not None, spelling
        assert found.name == name, spelling


@pytest.mark.parametrize("topic", ["", " ", "--", "_", "nonsense", "TIME_WAITING", "\x1b[31m", "é"])
def test_what_is_unknown_has_no_page(topic: str) -> None:
    assert find_page(topic) is None
    assert page(topic) is None


@pytest.mark.parametrize(
    ("topic", "near"),
    [
        ("TIMEWAT", "TIME_WAIT"),
        ("establihsed", "ESTABLISHED"),
        ("adress in use", "address already in use"),
    ],
)
def test_near_misses(topic: str, near: str) -> None:
    assert near_misses(topic)[0] == near


def test_nothing_is_near_to_nonsense() -> None:
    assert near_misses("qqqqqqqqqqqq") == []
    assert near_misses("") == []


def test_each_name_leads_to_one_page() -> None:
    names = Counter(name for one in all_pages() for name in one.names)
    assert [name for name, times in names.items() if times > 1] == []
    for kind in (None, Kind.FLAG):
        bare = Counter(
            re.sub(r"[\W_]", "", name.casefold())
            for one in all_pages()
            if (one.kind is Kind.FLAG) is (kind is Kind.FLAG)
            for name in one.names
        )
        shared = [name for name, times in bare.items() if times > 1 and len(name) > 1]
        assert shared == []


@pytest.mark.parametrize("one", all_pages(), ids=topics())
def test_the_form_of_a_page(one: Page) -> None:
    assert tuple(section.heading for section in one.sections) == HEADINGS
    assert all(section.blocks for section in one.sections)
    assert len(one.title) <= 80
    text = page(one.name)
    assert text is not None
    assert text.isascii()
    assert all(line.isprintable() for line in text.split("\n"))
    assert max(map(len, text.split("\n"))) <= 80
    assert text.startswith(f"{one.title}\n\nWhat it means\n  ")
    assert text.endswith("\n")
    assert "\n\n\n" not in text


@pytest.mark.parametrize("one", all_pages(), ids=topics())
def test_examples_are_commands_that_are_understood(one: Page) -> None:
    for line in (page(one.name) or "").splitlines():
        if re.match(r"    (sudo )?pynetstat ", line):
            words = first_command(line.strip().removeprefix("sudo "))
            arguments = [
                word for word in words[1:] if "proc-root" not in word and "saved" not in word
            ]
            parse_arguments(arguments, "0")


@pytest.mark.parametrize("width", [40, 60, 120])
def test_pages_wrap_to_the_width(width: int) -> None:
    for one in all_pages():
        text = page(one.name, width) or ""
        for line in text.split("\n")[1:]:
            example = line.startswith("    ") and len(line) > width
            assert len(line) <= width or example or len(line.split()) == 1, line


def test_every_file_is_a_page() -> None:
    texts = [file.name for file in (files("pynetstat.explain") / "texts").iterdir()]
    assert len(texts) == len(all_pages())
    assert [name for name in texts if not re.fullmatch(r"[a-z]+-\d+-[a-z0-9-]+\.md", name)] == []


def test_topics_are_in_the_order_of_their_kinds() -> None:
    listed = [one.kind for one in all_pages()]
    assert listed == sorted(listed, key=list(Kind).index)
    assert topics() == [one.name for one in all_pages()]


def test_every_protocol_is_named_somewhere() -> None:
    for proto in Proto:
        assert find_page(proto.base), proto


def test_the_document_lists_every_topic() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    lists = dict(re.findall(r"^- \*\*(.+?)\*\*: (.+?)$", text, re.MULTILINE))
    for kind in Kind:
        listed = re.findall(r"`([^`]+)`", lists[kind.value])
        assert listed == [one.name for one in all_pages() if one.kind is kind]


def test_the_documents_python_runs() -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text("utf-8"), re.M | re.S)
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Whether to worry" in done.stdout
