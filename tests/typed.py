"""Shells at a terminal, with lines typed into them: what a Tab makes of a line."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import subprocess
import time
from pathlib import Path

_PATIENCE_S = 30.0
_ECHO = "pynetstat() { printf '<%s>' \"$@\"; printf '<%s>\\n' EN''D; }"
"""In place of the command: it prints its arguments."""


class Shell:
    """A shell at a terminal of its own that knows the completion; a context manager."""

    def __init__(self, argv: list[str], setup: list[str], home: Path) -> None:
        ours, theirs = pty.openpty()
        self._terminal = ours
        self._process = subprocess.Popen(
            argv,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=home,
            start_new_session=True,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(home),
                "ZDOTDIR": str(home),
                "INPUTRC": "/dev/null",
                "HISTFILE": "",
                "TERM": "dumb",
                "LC_ALL": "C.UTF-8",
            },
        )
        os.close(theirs)
        for line in [*setup, _ECHO]:
            os.write(ours, line.encode() + b"\n")
        self.arguments("ready", tab=False)

    def arguments(self, line: str, *, tab: bool = True) -> list[str]:
        """The arguments that ``pynetstat LINE`` has once Tab and Enter were hit."""
        typed = f"pynetstat {line}{chr(9) if tab else ''}\n"
        os.write(self._terminal, typed.encode())
        text = ""
        end = time.monotonic() + _PATIENCE_S
        while True:
            found = re.search(r"((?:<[^<>]*>)*)<END>", text)
            if found:
                return re.findall(r"<([^<>]*)>", found[1])
            if not select.select([self._terminal], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError(f"no answer to {line!r}: {text!r}")
            text += os.read(self._terminal, 65536).decode("utf-8", "replace")

    def close(self) -> None:
        """Hang up."""
        os.close(self._terminal)
        self._process.wait(timeout=_PATIENCE_S)

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def bash(program: str, script: Path, home: Path) -> Shell:
    """A bash that sourced ``script``."""
    argv = [program, "--norc", "--noprofile", "-i"]
    return Shell(argv, [f"source {shlex.quote(str(script))}"], home)


def zsh(program: str, script: Path, home: Path) -> Shell:
    """A zsh that finds ``script`` where it looks for functions."""
    folder = shlex.quote(str(script.parent))
    setup = [f"fpath=({folder} $fpath)", "autoload -Uz compinit", "compinit -u -D"]
    return Shell([program, "-f", "-i"], setup, home)


class Fish:
    """A fish that is asked for its completions of a line; it needs no terminal for that."""

    def __init__(self, program: str, script: Path, home: Path) -> None:
        self._argv = [program, "--no-config", "-c"]
        self._source = f"source {shlex.quote(str(script))}"
        self._home = home

    def candidates(self, line: str) -> dict[str, str]:
        """What is offered in place of the last word, with its description."""
        done = subprocess.run(
            [*self._argv, f"{self._source}; complete -C 'pynetstat {line}'"],
            cwd=self._home,
            env={"PATH": os.environ["PATH"], "HOME": str(self._home), "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=True,
        )
        assert done.stderr == ""
        pairs = [line.partition("\t") for line in done.stdout.splitlines()]
        return {word: about for word, _, about in pairs}
