"""Recordings as files: written line by line, read as far as they are whole.

::

    with Recorder(path, header) as recorder:
        recorder.add(item)                      # Snapshot, Event or Loss

    with Recording(path) as recording:
        for item in recording: ...              # Snapshot, Event or Loss
        if recording.damage: print(recording.damage)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from pynetstat.errors import RecordingError
from pynetstat.history.recording import (
    LONGEST_LINE,
    Encoder,
    Header,
    Item,
    decode_header,
    encode_header,
)
from pynetstat.history.transition import Event
from pynetstat.snapshot import Snapshot

_MODE = 0o600
"""A recording tells who talks to whom: others may read it when its owner says so."""

_CHUNK = 1 << 20


class Recorder:
    """Writes a new file; what was added is in it at once, even if the process is killed.

    It never writes to what is there already, be it a file, a device or a symbolic link:
    RecordingError then, and when the file can't be made. Errors of writing are
    RecordingErrors, too: a full disk leaves a recording that is good up to there.
    """

    def __init__(self, path: str, header: Header) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
        self._path = path
        self._encoder = Encoder()
        try:
            self._file = os.open(path, flags, _MODE)
        except FileExistsError:
            raise RecordingError(
                f"can't record to {path}: it exists; choose another name or remove it"
            ) from None
        except (OSError, ValueError) as error:
            raise RecordingError(f"can't record to {path}: {_reason(error)}") from error
        try:
            self._write(encode_header(header))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, item: Item) -> None:
        """Write one snapshot, event or loss."""
        if isinstance(item, Snapshot):
            self._write(self._encoder.snapshot(item))
        elif isinstance(item, Event):
            self._write(self._encoder.event(item))
        else:
            self._write(self._encoder.loss(item))

    def close(self) -> None:
        """End the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self, line: str) -> None:
        left = memoryview(line.encode("ascii"))
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            raise RecordingError(f"can't write {self._path}: {_reason(error)}") from error


class Damage(NamedTuple):
    """What is wrong with a recording: the first damaged line (counted from 1), why, and how
    many lines could not be told, that one included."""

    line: int
    why: str
    left_out: int

    def __str__(self) -> str:
        count = "1 line" if self.left_out == 1 else f"{self.left_out} lines"
        return f"line {self.line} is damaged: {self.why}; {count} left out"


class Recording(Iterator[Item]):
    """Reads a recording, once, line by line.

    ``header`` is there from the beginning; RecordingError when the file can't be read, is no
    recording or one of a newer version. Damaged lines are passed over, and snapshots then
    until one that stands alone: :attr:`damage` says so, as far as has been read.
    """

    def __init__(self, path: str) -> None:
        self._number = 0
        self._first_bad: tuple[int, str] | None = None
        self._left_out = 0
        try:
            self._file = open(path, "rb")  # noqa: SIM115 - closed by close()
        except (OSError, ValueError) as error:
            raise RecordingError(f"can't read {path}: {_reason(error)}") from error
        try:
            self.header, self._decoder = decode_header(self._line())
        except RecordingError as error:
            self.close()
            raise RecordingError(f"{path}: {error}") from None
        except StopIteration:
            self.close()
            why = self._first_bad[1] if self._first_bad else "it is empty"
            raise RecordingError(f"{path}: {why}") from None
        except BaseException:
            self.close()
            raise

    @property
    def damage(self) -> Damage | None:
        """What is wrong with the lines read so far, None when nothing is."""
        return Damage(*self._first_bad, self._left_out) if self._first_bad else None

    def __iter__(self) -> Recording:
        return self

    def __next__(self) -> Item:
        while True:
            try:
                item = self._decoder.item(self._line())
            except RecordingError as error:
                self._decoder.skip()
                self._damaged(self._number, str(error))
                continue
            if item is not None:
                return item
            self._left_out += self._first_bad is not None

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def _line(self) -> str:
        """The next line; StopIteration behind the last one, RecordingError for no line."""
        try:
            line = self._file.readline(LONGEST_LINE + 1)
            self._number += bool(line)
            if len(line) > LONGEST_LINE:
                line = line[-1:]
                while line and not line.endswith(b"\n"):
                    line = self._file.readline(_CHUNK)
                raise RecordingError(f"it is longer than {LONGEST_LINE} bytes")
        except OSError as error:
            self._damaged(self._number + 1, f"it can't be read: {_reason(error)}")
            raise StopIteration from error
        if not line:
            raise StopIteration
        if not line.endswith(b"\n"):
            raise RecordingError("the file ends within the line")
        try:
            return line.decode()
        except UnicodeDecodeError:
            raise RecordingError("not UTF-8") from None

    def _damaged(self, number: int, why: str) -> None:
        self._first_bad = self._first_bad or (number, why)
        self._left_out += 1


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
