"""Pages that explain a state, a timer, a column, a flag, a missing owner, an error.

Each is a file under ``texts/``: ``# title``, a line ``names:`` with what it is found by,
separated by semicolons, a line ``kind:``, then the five ``## headings`` of
:data:`HEADINGS`, in that order, with paragraphs, ``-`` lists and examples that are
indented by four spaces and never wrapped.
"""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

HEADINGS = (
    "What it means",
    "How it comes about",
    "How long it lasts",
    "Whether to worry",
    "What to do",
)
"""The sections of every page, in their order."""

PIPE_WIDTH = 80

_EXAMPLE = "    "
_ITEM = "- "
_INDENT = "  "
_LEAST_WIDTH = 20
_NEAR_MISSES = 3


class Kind(Enum):
    """What a page is about; valued as the heading of its list of topics."""

    STATE = "states"
    TIMER = "timers"
    COLUMN = "columns"
    OWNER = "missing owners"
    PROBLEM = "problems"
    FLAG = "flags"


class Line(NamedTuple):
    """A line of a section as it is shown, and whether it is an example to type."""

    text: str
    example: bool = False


class Section(NamedTuple):
    """A heading and the blocks below it: paragraphs, list items, examples."""

    heading: str
    blocks: tuple[str, ...]


class Page(NamedTuple):
    """A page; ``names`` are what it is found by, the first one its own."""

    title: str
    names: tuple[str, ...]
    kind: Kind
    sections: tuple[Section, ...]

    @property
    def name(self) -> str:
        """The topic under which it is listed."""
        return self.names[0]


def page(topic: str, width: int = PIPE_WIDTH) -> str | None:
    """The page on ``topic`` as plain text, wrapped to ``width``; None when there is none."""
    found = find_page(topic)
    return None if found is None else plain(found, width)


def topics() -> list[str]:
    """The names of all pages: states, timers, columns, owners, problems, flags."""
    return [page.name for page in all_pages()]


def find_page(topic: str) -> Page | None:
    """The page that ``topic`` means.

    As written first, since ``-u`` and ``-U`` differ; then without regard to case, spaces,
    dashes and the like: ``time wait`` is TIME_WAIT, ``recvq`` is Recv-Q.
    """
    exact, forgiving = _index()
    topic = topic.strip()
    if not topic:
        return None
    if len(topic) == len("-h") and topic.startswith("-"):
        return exact.get(topic)  # another letter than -H
    return exact.get(topic) or exact.get(f"-{topic}") or forgiving.get(_bare(topic))


def near_misses(topic: str) -> list[str]:
    """Topics that are spelled like ``topic``, the nearest first."""
    _, forgiving = _index()
    near = difflib.get_close_matches(_bare(topic), list(forgiving), _NEAR_MISSES, 0.6)
    return list(dict.fromkeys(forgiving[bare].name for bare in near))


@lru_cache(maxsize=1)
def all_pages() -> tuple[Page, ...]:
    """Every page, by kind and then by the name of its file."""
    texts = files("pynetstat.explain") / "texts"
    sources = sorted(
        (file.name, file.read_text(encoding="utf-8"))
        for file in texts.iterdir()
        if file.name.endswith(".md")
    )
    pages = [_parse(name, source) for name, source in sources]
    order = list(Kind)
    return tuple(sorted(pages, key=lambda page: order.index(page.kind)))


@lru_cache(maxsize=1)
def _index() -> tuple[dict[str, Page], dict[str, Page]]:
    """Pages by their names as written and by their bare names; of two the earlier has it."""
    exact: dict[str, Page] = {}
    forgiving: dict[str, Page] = {}
    for page in all_pages():
        for name in page.names:
            exact.setdefault(name, page)
            forgiving.setdefault(_bare(name), page)
    forgiving.pop("", None)  # names of marks alone are found as written
    return exact, forgiving


def _bare(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())


def _parse(name: str, source: str) -> Page:
    """The page in the text of a file. ValueError when it is not in the form above."""
    head, *rest = source.split("\n## ")
    title, names, kind = (line for line in head.splitlines() if line)
    if not (title.startswith("# ") and names.startswith("names: ") and kind.startswith("kind: ")):
        raise ValueError(f"{name}: not the head of a page: {head!r}")
    sections = []
    for part in rest:
        heading, _, body = part.partition("\n")
        sections.append(Section(heading, tuple(_blocks(body))))
    if tuple(section.heading for section in sections) != HEADINGS:
        raise ValueError(f"{name}: not the headings of a page")
    return Page(
        title.removeprefix("# "),
        tuple(word.strip() for word in names.removeprefix("names: ").split(";")),
        Kind[kind.removeprefix("kind: ").upper()],
        tuple(sections),
    )


def _blocks(body: str) -> Iterator[str]:
    """Paragraphs, list items and lines of examples; the first two as one line each."""
    words: list[str] = []
    for line in [*body.splitlines(), ""]:
        starts = line.startswith((_EXAMPLE, _ITEM))
        if words and (not line or starts):
            yield " ".join(words)
            words = []
        if line.startswith(_EXAMPLE):
            yield line
        elif line:
            words.append(line.strip())


def plain(page: Page, width: int = PIPE_WIDTH) -> str:
    """The page as text, wrapped to ``width`` columns but for examples and long words."""
    lines = [page.title]
    for section in page.sections:
        lines += ["", section.heading, *(line.text for line in section_lines(section, width))]
    return "".join(f"{line}\n" for line in lines)


def section_lines(section: Section, width: int) -> Iterator[Line]:
    """The lines below a heading, indented; a blank one before a new paragraph."""
    before = ""
    for block in section.blocks:
        if before and (_mark(block) != _mark(before) or not _mark(block)):
            yield Line("")
        before = block
        if block.startswith(_EXAMPLE):
            yield Line(block, example=True)
            continue
        further = _INDENT * 2 if block.startswith(_ITEM) else _INDENT
        for text in textwrap.wrap(
            block,
            max(width, _LEAST_WIDTH),
            initial_indent=_INDENT,
            subsequent_indent=further,
            break_long_words=False,
            break_on_hyphens=False,
        ):
            yield Line(text)


def _mark(block: str) -> str:
    return next((mark for mark in (_EXAMPLE, _ITEM) if block.startswith(mark)), "")
