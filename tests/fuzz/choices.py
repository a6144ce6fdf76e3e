"""Bytes taken for decisions: numbers, names, one of several things."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

_T = TypeVar("_T")


class Choices:
    """Gives out a fuzzer's bytes from the front; once they are used up, zeros and nothing."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes have not been used."""
        return len(self._data) - self._at

    def raw(self, size: int) -> bytes:
        """The next ``size`` bytes, fewer at the end."""
        part = self._data[self._at : self._at + size]
        self._at += len(part)
        return part

    def rest(self) -> bytes:
        """All that is left."""
        return self.raw(self.left)

    def number(self, below: int) -> int:
        """A number from 0 to ``below`` - 1, from as few bytes as hold that."""
        size = ((below - 1).bit_length() + 7) // 8
        return int.from_bytes(self.raw(size), "little") % below

    def yes(self) -> bool:
        """One of two."""
        return self.number(2) == 1

    def one_of(self, options: Sequence[_T]) -> _T:
        """One of several."""
        return options[self.number(len(options))]

    def some(self, most: int) -> bytes:
        """Up to ``most`` (at most 255) bytes, with their length before them."""
        return self.raw(self.number(most + 1))

    def text(self, most: int) -> str:
        """A text as the system gives names to Python: undecodable bytes as surrogates."""
        return self.some(most).decode("utf-8", "surrogateescape")
