"""The completion for fish. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pynetstat.shell.vocabulary import CONNECTIVES, Flag, Kind, Vocabulary

_SCRIPT = r"""# fish completion for pynetstat; written by python -m pynetstat.shell

function __pynetstat_columns
    printf '%s\t%s\n' \
@COLUMNS@
end

function __pynetstat_sort_keys
    __pynetstat_columns
    __pynetstat_columns | string replace -r '^' -
end

function __pynetstat_topics
    printf '%s\n' \
@TOPICS@
end

# The word that the one at the cursor follows, without a comparison between them.
function __pynetstat_before
    set -l words (commandline -opc)
    string match -qr '^(=|==|!=|eq|ne)$' -- $words[-1]; and set -e words[-1]
    printf '%s\n' $words[-1]
end

function __pynetstat_after
    contains -- (__pynetstat_before) $argv
end

# Whether --explain is all that was typed, so that a topic follows.
function __pynetstat_explains
    set -l words (commandline -opc)
    test (count $words) -eq 2; and test "$words[2]" = --explain
end

function __pynetstat_begins
    not __pynetstat_explains; and not __pynetstat_after @CONDITIONS@
end

complete -c pynetstat -f
@FLAGS@
complete -c pynetstat -n __pynetstat_explains -x -a '(__pynetstat_topics | string match -v -- "-*")'
complete -c pynetstat -n __pynetstat_begins -x -a @FILTER@
@VALUES@
"""


def completion(vocabulary: Vocabulary) -> str:
    """The file that fish reads when it first completes the command."""
    columns = (f"{_quoted(name)} {_quoted(about)}" for name, about in vocabulary.columns.items())
    parts = {
        "@COLUMNS@": _continued(columns),
        "@TOPICS@": _continued(map(_quoted, vocabulary.topics)),
        "@CONDITIONS@": " ".join(vocabulary.conditions),
        "@FLAGS@": "\n".join(map(_line, vocabulary.flags)),
        "@FILTER@": _quoted(" ".join([*vocabulary.conditions, *CONNECTIVES])),
        "@VALUES@": "\n".join(_of_conditions(vocabulary)),
    }
    script = _SCRIPT
    for mark, text in parts.items():
        script = script.replace(mark, text)
    return script


def _quoted(text: str) -> str:
    """Between single quotes fish knows ``\\\\`` and ``\\'`` alone."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _continued(words: Iterable[str]) -> str:
    return " \\\n".join(f"        {word}" for word in words)


def _line(flag: Flag) -> str:
    spellings = (
        f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in flag.names
    )
    value = {
        Kind.NOTHING: "",
        Kind.CHOICE: f"-x -a {_quoted(' '.join(flag.choices))}",
        Kind.COLUMNS: "-x -a '(__fish_complete_list , __pynetstat_columns)'",
        Kind.SORT_KEYS: "-x -a '(__fish_complete_list , __pynetstat_sort_keys)'",
        Kind.TOPIC: "-a '(__pynetstat_topics)'",
        Kind.FILE: "-r -F",
        Kind.DIRECTORY: "-x -a '(__fish_complete_directories)'",
        Kind.FREE: "-x",
    }[flag.kind]
    words = ["complete -c pynetstat", *spellings, value, f"-d {_quoted(flag.about)}"]
    return " ".join(filter(None, words))


def _of_conditions(vocabulary: Vocabulary) -> Iterator[str]:
    """What follows each word that begins a condition."""
    commands = {"dev": "(__fish_print_interfaces)", "user": "(__fish_complete_users)"}
    for condition, values in vocabulary.conditions.items():
        words = " ".join(values) or commands.get(condition)
        if words:
            yield (
                f"complete -c pynetstat -n '__pynetstat_after {condition}' -x -a {_quoted(words)}"
            )
