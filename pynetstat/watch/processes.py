"""Who a process is: command line, user, start (psutil)."""

from __future__ import annotations

from typing import NamedTuple


class Process(NamedTuple):
    """A process as it is now.

    ``command`` is its command line, arguments with spaces in quotes, its name where it has
    none; ``user`` a name or a number, empty when it can't be told; ``started_at`` seconds
    since the epoch, None when it can't be told. It is text from outside: escape it.
    """

    command: str
    user: str
    started_at: float | None


def describe(pid: int) -> Process | None:
    """The process, as far as it can be looked into; None when it has ended."""
    import psutil

    try:
        process = psutil.Process(pid)
    except (psutil.NoSuchProcess, ValueError):
        return None
    except psutil.AccessDenied:
        return Process("it can't be looked into", "", None)
    with process.oneshot():
        try:
            words = process.cmdline() or [process.name()]
            return Process(" ".join(map(_quoted, words)), process.username(), process.create_time())
        except psutil.NoSuchProcess:
            return None
        except psutil.AccessDenied:
            return Process("it can't be looked into", "", None)


def _quoted(word: str) -> str:
    return f"'{word}'" if not word or any(char.isspace() for char in word) else word
