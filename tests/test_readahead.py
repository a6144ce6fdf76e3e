"""Reading ahead changes nothing but the time it takes."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from pynetstat.sources.readahead import read_ahead

_LENGTHS = (0, 1, 3, 4, 5, 6, 7, 100, 1000)


def _helpers() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "pynetstat-read-ahead"]


@pytest.mark.parametrize("length", _LENGTHS)
def test_all_items_come_in_order(length: int) -> None:
    assert list(read_ahead(iter(range(length)))) == list(range(length))
    assert _helpers() == []


@pytest.mark.parametrize("length", _LENGTHS)
def test_an_error_comes_in_its_place(length: int) -> None:
    def items() -> Iterator[int]:
        yield from range(length)
        raise ArithmeticError(length)

    got: list[int] = []
    with pytest.raises(ArithmeticError, match=str(length)):
        got.extend(read_ahead(items()))
    assert got == list(range(length))
    assert _helpers() == []


@pytest.mark.parametrize("taken", [1, 4, 5, 6, 7, 200])
def test_a_reader_that_stops_leaves_no_thread(taken: int) -> None:
    ended = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(1_000_000)
        finally:
            ended.set()

    ahead = read_ahead(items())
    assert [next(ahead) for _ in range(taken)] == list(range(taken))
    ahead.close()  # type: ignore[attr-defined]  # it is a generator
    assert _helpers() == []
    del ahead
    assert ended.is_set()


def test_not_everything_is_read_before_it_is_wanted() -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100_000):
            read.append(number)
            yield number

    ahead = read_ahead(items())
    for _ in range(10):
        next(ahead)
    ahead.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(read) < 1000
