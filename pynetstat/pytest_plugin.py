"""The pytest plugin: fixtures and a leak check over :mod:`pynetstat.testing`, loaded on use.

Leaks are looked for around everything of function scope: what fixtures of wider scope
opened before is no leak of the test that came to use them first.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import socket

    from pynetstat.testing.bound import BoundNetstat
    from pynetstat.testing.leaks import LeakCheck

_MARKER = "no_socket_leaks"
_OFF, _WARN, _ERROR = _MODES = ("off", "warn", "error")
_KEYWORDS = ("allow", "grace", "time_wait")
_CHECK = pytest.StashKey["LeakCheck"]()


class SocketLeakWarning(pytest.PytestWarning):
    """A test left sockets open, and ``netstat_leaks`` is ``warn``."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini option."""
    parser.addini(
        "netstat_leaks",
        "look for sockets left open by every test: off, warn or error (default: off)",
        default=_OFF,
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known. UsageError for a wrong value of the ini option."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(allow=(), grace=0.2, time_wait=False): fail when the test leaves sockets "
        "open; allow: filters for those that may stay, grace: seconds for them to go",
    )
    if config.getini("netstat_leaks") not in _MODES:
        raise pytest.UsageError(
            f"netstat_leaks = {config.getini('netstat_leaks')}: choose from {', '.join(_MODES)}"
        )


def pytest_collection_finish(session: pytest.Session) -> None:
    """Watch the tests only where there is one to watch, so that others cost nothing.

    UsageError for a marker that can't be understood.
    """
    config = session.config
    for item in session.items:
        for marker in item.iter_markers(_MARKER):
            _check_marker(item, marker)
    if any(_mode(item) != _OFF for item in session.items) and not config.pluginmanager.has_plugin(
        "pynetstat-leaks"
    ):
        config.pluginmanager.register(_LeakGuard(), "pynetstat-leaks")


def _check_marker(item: pytest.Item, marker: pytest.Mark) -> None:
    from pynetstat.errors import FilterError
    from pynetstat.testing.leaks import read_allowed

    unknown = [*map(repr, marker.args), *(name for name in marker.kwargs if name not in _KEYWORDS)]
    if unknown:
        raise pytest.UsageError(
            f"{item.nodeid}: {_MARKER} does not take {', '.join(unknown)}: "
            f"give {', '.join(f'{name}=' for name in _KEYWORDS)}"
        )
    try:
        read_allowed(marker.kwargs.get("allow", ()))
    except FilterError as error:
        raise pytest.UsageError(f"{item.nodeid}: {_MARKER}(allow=...): {error}") from error


def _mode(item: pytest.Item) -> str:
    asks = item.get_closest_marker(_MARKER) or _MARKER in getattr(item, "fixturenames", ())
    return _ERROR if asks else str(item.config.getini("netstat_leaks"))


class _LeakGuard:
    """Looks before the first fixture of function scope and after the last is torn down."""

    def __init__(self) -> None:
        self._check: LeakCheck | None = None
        """Of the test that runs now."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Iterator[None]:
        if fixturedef.scope == "function":
            self._look_before(request.node)
        elif self._check is not None:
            # A test came upon it while it ran: what lives on for others is no leak of this one.
            before = self._check.held()
            result = yield
            self._check.forgive(self._check.held() - before)
            return result
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        self._look_before(item)
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        result = yield
        check = item.stash.get(_CHECK, None)
        if check is not None:
            del item.stash[_CHECK]
            self._check = None
            _judge(item, check, _mode(item))
        return result

    def _look_before(self, item: pytest.Item) -> None:
        if _CHECK not in item.stash and _mode(item) != _OFF:
            self._check = item.stash[_CHECK] = _begin(item)


def _begin(item: pytest.Item) -> LeakCheck:
    from pynetstat.testing.leaks import LeakCheck

    marker = item.get_closest_marker(_MARKER)
    return LeakCheck(**(marker.kwargs if marker is not None else {}))


def _judge(item: pytest.Item, check: LeakCheck, mode: str) -> None:
    from pynetstat.testing.leaks import describe

    leaks = check.leaks()
    if not leaks:
        return
    if mode == _ERROR:
        pytest.fail(describe(leaks), pytrace=False)
    warnings.warn(SocketLeakWarning(f"{item.nodeid}: {describe(leaks)}"), stacklevel=1)


@pytest.fixture
def netstat() -> BoundNetstat:
    """The sockets of this process and its children: see BoundNetstat of pynetstat.testing."""
    from pynetstat.testing.bound import BoundNetstat

    return BoundNetstat()


@pytest.fixture
def listening_socket() -> Iterator[socket.socket]:
    """A socket that listens on a free port of 127.0.0.1; closed after the test."""
    from pynetstat.testing.binding import listening_socket

    with listening_socket() as made:
        yield made


@pytest.fixture
def no_socket_leaks(request: pytest.FixtureRequest) -> Iterator[LeakCheck]:
    """Fails the test when it leaves sockets open; ``check()`` looks at once."""
    check: LeakCheck | None = request.node.stash.get(_CHECK, None)
    if check is not None:
        yield check
        return
    # Asked for by request.getfixturevalue(): nobody knew of it when the tests were collected.
    check = _begin(request.node)
    yield check
    _judge(request.node, check, _ERROR)
