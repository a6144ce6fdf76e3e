"""Sentences for a table of every state, and trouble that takes a network of its own."""

from __future__ import annotations

import errno
import re

import pytest

from pynetstat.explain.ports import PortRange

from .namespace import Namespace
from .port_range import connect_once_more, connections, sentences, set_port_range

_SERVER = 8080


@pytest.mark.parametrize("source", ["sockdiag", "procfs", "psutil"])
def test_every_state_is_explained(states: Namespace, source: str) -> None:
    done = states.pynetstat("-ta", "-n", "--source", source, "--explain")
    assert done.code == 0, done.complaint
    rows = [line for line in done.text.splitlines()[2:] if not line.startswith("    ")]
    below = [line for line in done.text.splitlines() if line.startswith("      ")]
    assert len(rows) == len(below) > 30
    assert not re.search(r"None|\bin s\b|Missing\.", done.text)
    assert all(re.fullmatch(r"      [A-Z].*[^.]\.", line) for line in below)
    if source == "psutil":
        assert not re.search(r"none waits|nothing waits|\d bytes?\b", done.text)


def test_the_trouble_in_a_table_of_every_state(states: Namespace) -> None:
    done = states.pynetstat("-tan", "--explain")
    assert done.code == 0, done.complaint
    trouble = [line for line in done.text.splitlines() if line.startswith("    ! ")]
    for sign in ("The accept queue is full, ", "has no room", "has not called close()"):
        assert any(sign in line for line in trouble), sign


def test_ephemeral_ports_of_a_destination_nearly_used_up(namespace: Namespace) -> None:
    ports = namespace.call(set_port_range, 40000, 40011, "40010-40011")
    assert ports == PortRange(40000, 40011, frozenset((40010, 40011)))
    assert namespace.call(sentences) == []
    own = namespace.hold(connections, _SERVER, 10)
    assert sorted(own) == list(range(40000, 40010))
    assert namespace.call(connect_once_more, _SERVER) == errno.EADDRNOTAVAIL
    said = (
        "10 of 10 ephemeral ports from 127.0.0.1 to 127.0.0.1:8080 are in use, 0 of them in "
        "TIME_WAIT: with none left connect() fails with EADDRNOTAVAIL."
    )
    assert namespace.call(sentences) == [said]
    done = namespace.pynetstat("-tan", "--explain")
    assert done.text.count(f"    ! {said}\n") == 1
