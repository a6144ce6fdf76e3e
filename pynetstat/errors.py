"""Every error this package raises on purpose.

::

    PynetstatError
    ├── SourceUnavailable    this source cannot answer here; another one may
    │   ├── ProtocolAbsent   the kernel does not have the protocol at all
    │   └── NamespaceUnavailable  that network namespace is not there, or may not be read
    ├── SourceFailed         a source broke off in the middle of an answer
    ├── ParseError           a line or message that is not what the kernel writes
    ├── WaitFailed           what was waited for did not come about
    │   ├── WaitTimeout      not in the time given (also a TimeoutError)
    │   └── ProcessEnded     the process that was to bring it about has ended
    ├── SocketsLeaked        sockets were left open
    ├── FilterError          a filter expression that can't be understood
    └── RecordingError       a file that is no recording, or one that can't be made or read
"""

from __future__ import annotations

from pynetstat.text import printable


class PynetstatError(Exception):
    """Base of all errors of this package; its text is one line for a person."""


class SourceUnavailable(PynetstatError):
    """This source cannot answer the question here (refused, missing, unreadable).

    Never raised for a bug or for an empty table: it means "cannot tell".
    """


class ProtocolAbsent(SourceUnavailable):
    """The running kernel does not have the protocol, so it has no sockets of it."""


class NamespaceUnavailable(SourceUnavailable):
    """That network namespace is not there, or this user may not read it."""


class SourceFailed(PynetstatError):
    """A source began to answer and then broke off: what was read is not the whole table."""


class ParseError(PynetstatError):
    """A line or message that the kernel would not write; carries the offending text."""

    def __init__(self, what: str, text: str | bytes) -> None:
        shown = ascii(text if isinstance(text, str) else text.decode("latin-1"))
        if len(shown) > 80:
            shown = shown[:77] + "..."
        super().__init__(f"{what}: {shown}")
        self.text = text


class WaitFailed(PynetstatError):
    """What was waited for did not come about.

    The text says in its first line what that was, and below it what is there instead.
    """


class WaitTimeout(WaitFailed, TimeoutError):
    """It did not come about in the time given."""


class ProcessEnded(WaitFailed):
    """It can't come about any more: the process that was to bring it about has ended."""


class SocketsLeaked(PynetstatError, AssertionError):
    """Sockets were left open; the text is a table of them and of what each means."""


class FilterError(PynetstatError):
    """A filter expression that can't be understood; its own text is one line.

    ``text`` is the whole expression, ``position`` where in it the trouble begins (an
    index; the length of the text where something is missing at its end), ``expected``
    what should stand there.
    """

    def __init__(self, text: str, position: int, expected: str) -> None:
        found = text[position:].split(maxsplit=1)
        shown = f"not {printable(found[0])!r}" if found else "but the filter ends"
        super().__init__(f"wrong filter, column {position + 1}: expected {expected}, {shown}")
        self.text = text
        self.position = position
        self.expected = expected

    @property
    def pointer(self) -> str:
        """Two lines: the expression, harmless for a terminal, and a caret under the place."""
        before = printable(self.text[: self.position])
        return f"{before}{printable(self.text[self.position :])}\n{' ' * len(before)}^"


class RecordingError(PynetstatError):
    """A recording that can't be made or read: no recording, damaged, of a newer version."""
