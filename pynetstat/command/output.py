"""Where the command writes: standard output for large texts, standard error for single lines."""

from __future__ import annotations

import errno
import os
import sys
from typing import BinaryIO

from pynetstat.errors import PynetstatError
from pynetstat.text import printable


class Output:
    """Writes text to standard output in its own encoding: bytes, and nothing is lost unseen.

    What that encoding lacks is written as an escape, never an error. Errors of writing
    are OSErrors; call :meth:`flush` to be told of the last ones.
    """

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._encoding = encoding

    @classmethod
    def of_stdout(cls) -> Output:
        """This process's standard output. PynetstatError when it is closed."""
        if sys.stdout is None or sys.stdout.closed:
            raise PynetstatError("can't write the output: standard output is closed")
        sys.stdout.flush()
        return cls(sys.stdout.buffer, sys.stdout.encoding or "ascii")

    @property
    def encoding(self) -> str:
        """What the text is encoded in."""
        return self._encoding

    def isatty(self) -> bool:
        """Whether a person is reading."""
        return self._stream.isatty()

    def write(self, text: str) -> int:
        """Write all of ``text``; its length."""
        left = memoryview(text.encode(self._encoding, "backslashreplace"))
        while left:
            # Under PYTHONUNBUFFERED the stream is raw and may take only a part.
            written = self._stream.write(left)
            if written is None:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            left = left[written:]
        return len(text)

    def flush(self) -> None:
        """Hand over what is still held back."""
        self._stream.flush()

    @staticmethod
    def abandon() -> None:
        """Let nothing more be written, so that the interpreter's exit stays silent."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def complain(line: str) -> None:
    """Say one line on standard error, if there is one, in the name of the command."""
    if sys.stderr is not None:
        print(f"pynetstat: {printable(line)}", file=sys.stderr, flush=True)
