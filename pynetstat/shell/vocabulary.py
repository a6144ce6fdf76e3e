"""All that can be typed behind ``pynetstat``, from the code that reads it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple

from pynetstat.columns import COLUMNS, GROUPED
from pynetstat.command.flags import build_parser
from pynetstat.explain.pages import topics
from pynetstat.filter_grammar import CONDITION_VALUES

CONNECTIVES = ("and", "or", "not")
"""The words between and before conditions."""


class Kind(Enum):
    """What a flag's value is."""

    NOTHING = auto()
    """The flag takes no value."""
    CHOICE = auto()
    COLUMNS = auto()
    SORT_KEYS = auto()
    TOPIC = auto()
    FILE = auto()
    DIRECTORY = auto()
    FREE = auto()
    """Whatever a person types: a number, an expression."""


_BY_METAVAR = {
    "LIST": Kind.COLUMNS,
    "TOPIC": Kind.TOPIC,
    "FILE": Kind.FILE,
    "DIR": Kind.DIRECTORY,
}


class Flag(NamedTuple):
    """A flag: its spellings, the short one first, and what --help says of it."""

    names: tuple[str, ...]
    about: str
    kind: Kind
    metavar: str
    """What stands for the value in a text; nothing where there is none."""
    choices: tuple[str, ...]
    optional: bool
    """Whether the value may be left out; it is then joined with ``=``."""
    repeats: bool
    """Whether the flag adds up when it is given again."""


class Heading(NamedTuple):
    """Flags that belong together."""

    title: str
    flags: tuple[Flag, ...]


class Vocabulary(NamedTuple):
    """Everything that can be typed."""

    about: str
    headings: tuple[Heading, ...]
    columns: dict[str, str]
    """What each column shows, by the name that a person writes."""
    conditions: dict[str, tuple[str, ...]]
    """As :data:`pynetstat.filter_grammar.CONDITION_VALUES`."""
    topics: tuple[str, ...]

    @property
    def flags(self) -> Iterator[Flag]:
        """Every flag, in the order of --help."""
        for heading in self.headings:
            yield from heading.flags

    def flags_of(self, *kinds: Kind) -> list[str]:
        """The spellings of all flags whose value is of these kinds."""
        return [name for flag in self.flags if flag.kind in kinds for name in flag.names]


def read_vocabulary() -> Vocabulary:
    """The words of this version."""
    parser = build_parser()
    headings = [
        Heading(group.title or "", tuple(_flags(group)))
        for group in parser._action_groups  # argparse has no public way to its groups
    ]
    columns = {_as_typed(name): column.about for name, column in COLUMNS.items()}
    for name, parts in GROUPED.items():
        columns[name] = " and ".join(map(_as_typed, parts))
    return Vocabulary(
        parser.description or "",
        tuple(heading for heading in headings if heading.flags),
        columns,
        CONDITION_VALUES,
        tuple(topics()),
    )


def _as_typed(name: str) -> str:
    return name.replace("_", "-")


def _flags(group: argparse._ArgumentGroup) -> Iterator[Flag]:
    for action in group._group_actions:
        if action.option_strings:
            kind = _kind(action)
            yield Flag(
                tuple(action.option_strings),
                (action.help or "") % {},
                kind,
                "" if kind is Kind.NOTHING else str(action.metavar or ""),
                tuple(action.choices or ()),
                action.nargs == "?",
                isinstance(action.default, list),
            )


def _kind(action: argparse.Action) -> Kind:
    if action.nargs == 0:
        return Kind.NOTHING
    if action.choices:
        return Kind.CHOICE
    if action.dest == "sort":
        return Kind.SORT_KEYS
    return _BY_METAVAR.get(str(action.metavar), Kind.FREE)
