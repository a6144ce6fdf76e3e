"""What a shell is given of the command: its completions and its manual page, as text. Pure.

All of it is made from the parser, the columns, the filter language and the pages, so that
it can't say anything else than they do. ``python -m pynetstat.shell share`` writes it.
"""

from __future__ import annotations

from pynetstat.shell import bash, fish, man, zsh
from pynetstat.shell.vocabulary import read_vocabulary


def shell_files() -> dict[str, str]:
    """Each file's text by its path below a ``share`` directory, as the shells look for it."""
    vocabulary = read_vocabulary()
    return {
        "bash-completion/completions/pynetstat": bash.completion(vocabulary),
        "fish/vendor_completions.d/pynetstat.fish": fish.completion(vocabulary),
        "man/man1/pynetstat.1": man.page(vocabulary),
        "zsh/site-functions/_pynetstat": zsh.completion(vocabulary),
    }
