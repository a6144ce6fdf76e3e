"""Every seed of the fuzzing targets goes through its target, as any other input does."""

from __future__ import annotations

import sys

import pytest

from .fuzz.corpus import Check, check_of, seeds, target_names
from .fuzz.shrink import failure, shortened

_SEEDS = [
    pytest.param(name, data, id=f"{name}-{file}")
    for name in target_names()
    for file, data in seeds(name).items()
]
_LARGEST_SEED = 4096


def _forget(*_: object) -> None:
    """In place of what counts or refuses."""


@pytest.mark.parametrize(("name", "data"), _SEEDS)
def test_a_seed_goes_through(name: str, data: bytes) -> None:
    check_of(name)(data)


@pytest.mark.parametrize("name", target_names())
def test_a_target_takes_no_bytes_and_any_beginning_of_its_seeds(name: str) -> None:
    check = check_of(name)
    for data in seeds(name).values():
        for size in range(0, len(data), 37):
            check(data[:size])


@pytest.mark.parametrize("name", target_names())
def test_a_target_has_small_seeds(name: str) -> None:
    assert seeds(name)
    assert all(len(data) <= _LARGEST_SEED for data in seeds(name).values())


@pytest.mark.parametrize(
    ("fault", "harmful", "target"),
    [
        ("pynetstat.render.netstat.printable", str, "render"),
        ("pynetstat.render.table.printable", str, "render"),
        ("pynetstat.explain.phrases.printable", str, "render"),
        ("pynetstat.explain.rows.printable", str, "render"),
        ("pynetstat.tabular.printable", str, "render"),
        ("pynetstat.errors.printable", str, "filters"),
        ("pynetstat.sources.Notes.bad_row", _forget, "proc_inet"),
        ("pynetstat.sources.Notes.bad_row", _forget, "proc_unix"),
        ("pynetstat.sources.Notes.bad_row", _forget, "proc_sctp"),
        ("pynetstat.sources.Notes.bad_row", _forget, "netlink"),
        ("pynetstat.sources.netlink._check_code", _forget, "netlink"),
        ("pynetstat.columns.printable", str, "data"),
        ("pynetstat.render.data.printable", str, "data"),
        ("pynetstat.render.data.defused", str, "data"),
        ("pynetstat.render.info.printable", str, "tcpinfo"),
        ("pynetstat.sources.tcpinfo._NO_MINIMUM", 0, "tcpinfo"),
        ("pynetstat.history.recording._check", _forget, "recordings"),
        ("pynetstat.render.events.printable", str, "recordings"),
        ("pynetstat.render.events.printable", str, "transitions"),
        ("pynetstat.render.ladder.printable", str, "transitions"),
        ("pynetstat.render.ladder_svg.escape", str, "transitions"),
        ("pynetstat.sources.tracefs.STATE_CODES", {}, "transitions"),
        ("pynetstat.shell.man._line_start", str, "outside"),
        ("pynetstat.tabular.printable", str, "outside"),
        ("pynetstat.containers._SHORT", 99, "outside"),
    ],
)
def test_the_seeds_find_a_fault(
    fault: str, harmful: object, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fault, harmful)
    check = check_of(target)
    assert any(failure(check, data) for data in seeds(target).values())


def test_the_suite_runs_without_the_fuzzer() -> None:
    for name in target_names():
        check_of(name)
    assert "atheris" not in sys.modules


def _breaks_on_esc(data: bytes) -> None:
    if b"\x1b" in data and len(data) > 2:
        raise KeyError(data)
    assert b"\xff" not in data


@pytest.mark.parametrize(
    ("data", "shortest", "kind"),
    [
        (b"abc\x1bdef" * 9, b"\x1bef", KeyError),
        (b"abcdef\xffgh", b"\xff", AssertionError),
        (b"harmless", b"harmless", None),
    ],
)
def test_a_finding_is_made_short(
    data: bytes, shortest: bytes, kind: type[Exception] | None
) -> None:
    check: Check = _breaks_on_esc
    found = shortened(check, data, seconds=60)
    assert failure(check, found) is kind
    assert len(found) == len(shortest)
