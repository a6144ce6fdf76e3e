"""The completion for zsh: the function _pynetstat, found on its fpath. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator

from pynetstat.shell.vocabulary import CONNECTIVES, Flag, Kind, Vocabulary

_SCRIPT = r"""#compdef pynetstat
# zsh completion for pynetstat; written by python -m pynetstat.shell

_pynetstat_columns() {
    local -a columns
    columns=(
@COLUMNS@
    )
    compset -P '*,'
    compset -S ',*' || local -a suffix=(-qS ,)
    _describe -t columns column columns $suffix
}

_pynetstat_sort_keys() {
    compset -P '*,'
    compset -P '-'
    _pynetstat_columns
}

_pynetstat_topics() {
    local -a topics
    topics=(
@TOPICS@
    )
    [[ $IPREFIX == *= ]] || topics=(${topics:#-*})
    compadd -M 'm:{a-zA-Z}={A-Za-z}' -a topics
}

_pynetstat_filter() {
    local last=${words[CURRENT-1]}
    local -a flags
    flags=(${(M)words:#-*})
    if [[ ${words[2]} == --explain && $#flags == 1 ]]; then
        (( CURRENT == 3 )) && _pynetstat_topics
        return
    fi
    [[ $last == ([=!]*|eq|ne) ]] && last=${words[CURRENT-2]}
    case $last in
@CONDITIONS@
    *)
        local -a terms
        terms=(@FILTER@)
        _describe -t conditions condition terms
        ;;
    esac
}

_arguments -s \
@FLAGS@
    '*:filter:_pynetstat_filter'
"""

_ACTIONS = {
    Kind.COLUMNS: "_pynetstat_columns",
    Kind.SORT_KEYS: "_pynetstat_sort_keys",
    Kind.TOPIC: "_pynetstat_topics",
    Kind.FILE: "_files",
    Kind.DIRECTORY: "_directories",
}


def completion(vocabulary: Vocabulary) -> str:
    """The file of the function."""
    columns = [
        shlex.quote(f"{name}:{about}".replace("\\", "\\\\"))
        for name, about in vocabulary.columns.items()
    ]
    parts = {
        "@COLUMNS@": _lines(columns, 8),
        "@TOPICS@": _lines(map(shlex.quote, vocabulary.topics), 8),
        "@CONDITIONS@": "\n".join(_of_conditions(vocabulary)),
        "@FILTER@": " ".join([*vocabulary.conditions, *CONNECTIVES]),
        "@FLAGS@": _lines((f"{spec} \\" for flag in vocabulary.flags for spec in _specs(flag)), 4),
    }
    script = _SCRIPT
    for mark, text in parts.items():
        script = script.replace(mark, text)
    return script


def _lines(lines: Iterable[str], indent: int) -> str:
    return "\n".join(" " * indent + line for line in lines)


def _specs(flag: Flag) -> Iterator[str]:
    """A specification of _arguments for each spelling; the others are not offered with it."""
    about = re.sub(r"([\\\[\]])", r"\\\1", flag.about)
    others = "*" if flag.repeats else f"({' '.join(flag.names)})"
    for name in flag.names:
        value = ""
        if flag.kind is not Kind.NOTHING:
            action = _ACTIONS.get(flag.kind, " ")
            if flag.kind is Kind.CHOICE:
                action = f"({' '.join(flag.choices)})"
            value = f"{':' if flag.optional else ''}:{flag.metavar or 'value'}:{action}"
        joint = ""
        if value and name.startswith("--"):
            joint = "=-" if flag.optional else "="
        yield shlex.quote(f"{others}{name}{joint}[{about}]{value}")


def _of_conditions(vocabulary: Vocabulary) -> Iterator[str]:
    """What follows each word that begins a condition."""
    actions = {"dev": "_net_interfaces", "user": "_users"}
    for condition, values in vocabulary.conditions.items():
        action = f"compadd {' '.join(values)}" if values else actions.get(condition, "return 1")
        yield f"    {condition}) {action} ;;"
