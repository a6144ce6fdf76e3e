"""Namespaces for the tests of this folder, and the table of every state in one of them."""

from __future__ import annotations

import os
import pwd
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .every_state import every_state
from .namespace import Namespace, Refused
from .questions import USER, questions

_FRESH_S = 20.0
"""TIME_WAIT rows live for 60 s: an older table is made anew."""


def _open(mounts: bool = False) -> Namespace:
    try:
        return Namespace(mounts)
    except Refused as refusal:
        pytest.skip(f"no namespace of one's own on this machine: {refusal}")


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    """A network of its own."""
    with _open() as opened:
        yield opened


@pytest.fixture
def another_namespace() -> Iterator[Namespace]:
    """A second network of its own."""
    with _open() as opened:
        yield opened


@pytest.fixture
def private_mounts() -> Iterator[Namespace]:
    """A network and a mount table of their own."""
    with _open(mounts=True) as opened:
        yield opened


class _Keeper:
    """Keeps one network with what ``hold`` makes, and makes a new one when it has aged."""

    def __init__(self, hold: Callable[..., Any], *args: Any) -> None:
        self._hold = hold
        self._args = args
        self._namespace: Namespace | None = None
        self._made: Any = None
        self._made_at = 0.0

    def fresh(self) -> Namespace:
        if self._namespace is None or time.monotonic() - self._made_at > _FRESH_S:
            self.close()
            self._namespace = _open()
            self._made_at = time.monotonic()
            self._made = self._namespace.hold(self._hold, *self._args)
        return self._namespace

    @property
    def made(self) -> Any:
        """What the context manager gave."""
        return self._made

    def close(self) -> None:
        namespace, self._namespace = self._namespace, None
        if namespace is not None:
            namespace.close()


@pytest.fixture(scope="session")
def _keeper() -> Iterator[_Keeper]:
    keeper = _Keeper(every_state)
    yield keeper
    keeper.close()


@pytest.fixture(scope="session")
def _asked_keeper() -> Iterator[_Keeper]:
    keeper = _Keeper(questions, pwd.getpwnam(USER).pw_uid if os.geteuid() == 0 else None)
    yield keeper
    keeper.close()


@pytest.fixture
def states(_keeper: _Keeper) -> Namespace:
    """A network with a table of every state, made less than 20 s ago. Only for looking."""
    return _keeper.fresh()


@pytest.fixture
def expected_rows(_keeper: _Keeper) -> list[tuple[str, int, int, str]]:
    """Table, local port, remote port and state of the rows that ``states`` must have."""
    _keeper.fresh()
    rows: list[tuple[str, int, int, str]] = _keeper.made
    return rows


@pytest.fixture
def asked(_asked_keeper: _Keeper) -> tuple[Namespace, dict[str, str]]:
    """A network where the operators' questions have answers, and what stands for what there."""
    return _asked_keeper.fresh(), _asked_keeper.made


@pytest.fixture
def tool() -> Callable[[str], str]:
    """Where a program of the system is; skips the test when it is not there."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            pytest.skip(f"{name} is not installed")
        return path

    return find


@pytest.fixture
def as_root() -> None:
    """Skips the test for an ordinary user."""
    if os.geteuid() != 0:
        pytest.skip("needs root: it acts as two users")
