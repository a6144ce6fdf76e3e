"""The plain text against netstat's, byte for byte, on sockets in every state."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from .namespace import Namespace

_ATTEMPTS = 10
"""Timers fire between two looks; what never agrees in so many attempts differs."""

_FLAGS = (
    "-tauon",
    "-tauonp",
    "-tauonep",
    "-tan",
    "-tln",
    "-tlnpo",
    "-tuplan",
    "-tuwUpean",
    "-tauopen",
    "-wan",
    "-uan",
    "-uln",
    "-Uan",
    "-Un",
    "-4an",
    "-6an",
    "-4tauon",
    "-6tauon",
    "-ane",
    "-anW",
    "-an",
    "-n",
    "-ln",
    "-anopeW",
    "--all --numeric --tcp --timers",
    "--tcp --udp --listening --numeric --programs --extend --wide",
    "--inet -an",
    "--inet6 -an",
    "-4tl",
    "-4tla",
    "-4uae",
    "-4ta --numeric-hosts",
    "-ta --numeric-hosts",
    "-tae --numeric-hosts --numeric-ports",
)

_UNIX_FLAGS = ("-xan", "-xn", "-xlnp", "-xtuanoe")


def _without_seconds(text: str) -> str:
    """The timer column with its seconds blanked, whatever their width."""
    return re.sub(r" \((\d+\.\d\d)/(\d+)/(\d+)\)", r" (*/\2/\3)", text)


def _without_handshake_counts(text: str) -> str:
    """SYN_RECV rows without their count: sock_diag counts the SYN-ACKs sent again, /proc the
    timeouts, and TCP_DEFER_ACCEPT lets these differ (test_syn_recv.py)."""
    return re.sub(r"( SYN_RECV .* on \(\*)/\d+/\d+\)", r"\1/*/*)", text)


def _assert_same(
    states: Namespace, netstat: str, flags: str, source: str, mask: Callable[[str], str]
) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        theirs = states.run(netstat, *flags.split())
        ours = states.pynetstat(*flags.split(), "--format", "plain", "--source", source)
        left, right = mask(_without_seconds(ours.text)), mask(_without_seconds(theirs.text))
        if left == right or attempt == _ATTEMPTS:
            break
    assert (ours.code, theirs.code) == (0, 0), ours.complaint
    assert left.count("\n") > 2
    assert left == right


@pytest.mark.parametrize("flags", _FLAGS)
def test_text_is_netstats(states: Namespace, tool: Callable[[str], str], flags: str) -> None:
    _assert_same(states, tool("netstat"), flags, "auto", _without_handshake_counts)


@pytest.mark.parametrize("flags", ["-tauon", "-anope", "-anW"])
def test_text_from_procfs_is_netstats(
    states: Namespace, tool: Callable[[str], str], flags: str
) -> None:
    _assert_same(states, tool("netstat"), flags, "procfs", lambda text: text)


@pytest.mark.parametrize("source", ["auto", "procfs"])
@pytest.mark.parametrize("flags", _UNIX_FLAGS)
def test_unix_text_is_netstats(
    states: Namespace, tool: Callable[[str], str], flags: str, source: str
) -> None:
    _assert_same(states, tool("netstat"), flags, source, _without_handshake_counts)


def test_bare_command_is_tauon(states: Namespace, tool: Callable[[str], str]) -> None:
    netstat = tool("netstat")
    for attempt in range(1, _ATTEMPTS + 1):
        theirs = _without_handshake_counts(_without_seconds(states.run(netstat, "-tauon").text))
        ours = _without_handshake_counts(_without_seconds(states.pynetstat().text))
        if ours == theirs or attempt == _ATTEMPTS:
            break
    assert ours == theirs
