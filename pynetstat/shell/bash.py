"""The completion for bash. Pure.

It needs no further package. bash takes a word apart at ``=`` and ``:`` before it asks, so
that ``--format=js`` arrives as three words.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from pynetstat.shell.vocabulary import CONNECTIVES, Flag, Kind, Vocabulary

_SCRIPT = r"""# bash completion for pynetstat; written by python -m pynetstat.shell

_pynetstat_words() { # $1: the words
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_pynetstat_list() { # the last name of a list with commas; $1: the names
    local before= last=$cur
    if [[ $cur == *,* ]]; then
        before=${cur%,*},
        last=${cur##*,}
    fi
    compopt -o nospace 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -P "$before" -W "$1" -- "$last")
}

_pynetstat_paths() { # $1: -f for files, -d for directories
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
}

_pynetstat_texts() { # lines that may have blanks, in either case; $1: the lines
    local text typed=${cur//\\/}
    while IFS= read -r text; do
        [[ ${text,,} == "${typed,,}"* ]] && COMPREPLY+=("$(printf %q "$text")")
    done <<<"$1"
}

_pynetstat_interfaces() {
    local path names=
    for path in /sys/class/net/*; do
        names+=${path##*/}$'\n'
    done
    _pynetstat_texts "${names%$'\n'}"
}

_pynetstat() {
    local cur=${COMP_WORDS[COMP_CWORD]} at=$((COMP_CWORD - 1)) joined= word flags=0
    COMPREPLY=()
    if [[ $cur == = ]]; then
        cur=
        joined=yes
    fi
    while [[ $at -gt 0 && ${COMP_WORDS[at]} == [=!]* ]]; do
        joined=yes
        at=$((at - 1))
    done
    for word in "${COMP_WORDS[@]:1}"; do
        [[ $word == -* ]] && flags=$((flags + 1))
    done
    case ${COMP_WORDS[at]} in
@VALUES@
    --explain)
        if [[ $joined ]]; then
            _pynetstat_texts @TOPICS@
            return
        elif [[ $flags == 1 && $at == 1 ]]; then
            _pynetstat_texts @WORD_TOPICS@
            return
        fi
        ;;
    esac
    local before=$((at - 1))
    [[ $before -gt 0 && ${COMP_WORDS[before]} == = ]] && before=$((before - 1))
    case ${COMP_WORDS[before > 0 ? before : 0]} in
    @TAKERS@) ;; # the word before is a flag's value, whatever it looks like
    *)
        case ${COMP_WORDS[at]} in
@CONDITIONS@
        esac
        ;;
    esac
    case $cur in
    -*) _pynetstat_words @FLAGS@ ;;
    *) _pynetstat_words @FILTER@ ;;
    esac
}

complete -F _pynetstat pynetstat
"""


def completion(vocabulary: Vocabulary) -> str:
    """The script that is sourced."""
    alone = [topic for topic in vocabulary.topics if not topic.startswith("-")]
    takers = [flag for flag in vocabulary.flags if flag.metavar or flag.choices]
    parts = {
        "@VALUES@": "\n".join(_of_flags(vocabulary)),
        "@CONDITIONS@": "\n".join(_of_conditions(vocabulary)),
        "@TAKERS@": " | ".join(_pattern(flag) for flag in takers if not flag.optional),
        "@TOPICS@": shlex.quote("\n".join(vocabulary.topics)),
        "@WORD_TOPICS@": shlex.quote("\n".join(alone)),
        "@FLAGS@": _words(name for flag in vocabulary.flags for name in flag.names),
        "@FILTER@": _words([*vocabulary.conditions, *CONNECTIVES]),
    }
    script = _SCRIPT
    for mark, text in parts.items():
        script = script.replace(mark, text)
    return script


def _words(words: Iterable[str]) -> str:
    return shlex.quote(" ".join(words))


def _of_flags(vocabulary: Vocabulary) -> Iterator[str]:
    """What follows each flag that takes a value."""
    names = tuple(vocabulary.columns)
    keys = tuple(key for name in names for key in (name, f"-{name}"))
    for flag in vocabulary.flags:
        if flag.kind is not Kind.NOTHING and not flag.optional:
            actions = {
                Kind.CHOICE: f"_pynetstat_words {_words(flag.choices)}",
                Kind.COLUMNS: f"_pynetstat_list {_words(names)}",
                Kind.SORT_KEYS: f"_pynetstat_list {_words(keys)}",
                Kind.FILE: "_pynetstat_paths -f",
                Kind.DIRECTORY: "_pynetstat_paths -d",
            }
            yield _case(_pattern(flag), actions.get(flag.kind, ""), 4)


def _of_conditions(vocabulary: Vocabulary) -> Iterator[str]:
    """What follows each word that begins a condition."""
    for condition, values in vocabulary.conditions.items():
        action = f"_pynetstat_words {_words(values)}" if values else ""
        if condition == "dev":
            action = "_pynetstat_interfaces"
        elif condition == "user":
            action = 'mapfile -t COMPREPLY < <(compgen -u -- "$cur")'
        yield _case(condition, action, 8)


def _pattern(flag: Flag) -> str:
    """A short flag may be the last of a cluster."""
    return " | ".join(
        name if name.startswith("--") else f"{name} | -[!-]*{name[1]}" for name in flag.names
    )


def _case(pattern: str, action: str, indent: int) -> str:
    lines = [f"{pattern})", *([f"    {action}"] if action else []), "    return", "    ;;"]
    return "\n".join(" " * indent + line for line in lines)
