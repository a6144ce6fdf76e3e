"""The summary against ss."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.schema import validate

from .namespace import Namespace

_ATTEMPTS = 20
"""Orphans and allocated sockets are counted for all namespaces together."""


def _of_ss(text: str) -> dict[str, Any]:
    """ss's numbers under our names."""
    (total,) = re.findall(r"^Total: (\d+)", text, re.MULTILINE)
    (tcp,) = re.findall(
        r"^TCP: +(\d+) \(estab (\d+), closed (\d+), orphaned (\d+), timewait (\d+)",
        text,
        re.MULTILINE,
    )
    names = ("total", "established", "closed", "orphaned", "time_wait")
    transports = re.findall(r"^(RAW|UDP|TCP|INET|FRAG)\s+(\d+)\s+(\d+)\s+(\d+)", text, re.MULTILINE)
    return {
        "sockets": int(total),
        "tcp": dict(zip(names, map(int, tcp), strict=True)),
        "transports": {
            name.lower(): {"total": int(both), "ipv4": int(four), "ipv6": int(six)}
            for name, both, four, six in transports
        },
    }


def test_numbers_are_those_of_ss(states: Namespace, tool: Callable[[str], str]) -> None:
    ss = tool("ss")
    quiet = False
    for _ in range(_ATTEMPTS):
        before = _of_ss(states.run(ss, "-s").text)
        document = json.loads(states.pynetstat("-s", "--format", "json").text)
        after = _of_ss(states.run(ss, "-s").text)
        ours = document["summary"]
        quiet = quiet or before == after
        if before == ours == after:
            break
    if not quiet:
        pytest.skip("other namespaces' sockets come and go too fast")
    validate(document, "summary_document")
    assert ours == before
    assert ours["tcp"]["established"]
    assert ours["tcp"]["time_wait"]
    assert ours["transports"]["tcp"]["ipv6"]


def test_every_format_has_the_same_numbers(states: Namespace) -> None:
    document = json.loads(states.pynetstat("-s", "--format", "jsonl").text)
    rows = list(csv.reader(io.StringIO(states.pynetstat("-s", "--format", "csv").text)))
    counts = dict(rows[1:])
    transports = document["summary"]["transports"]
    text = states.pynetstat("-s").text
    assert rows[0] == ["what", "count"]
    for name, transport in transports.items():
        numbers = [str(transport[key]) for key in ("total", "ipv4", "ipv6")]
        assert [counts[f"transports.{name}.{key}"] for key in ("total", "ipv4", "ipv6")] == numbers
        assert [line.split()[1:] for line in text.splitlines() if line.startswith(name.upper())][
            -1
        ] == numbers
