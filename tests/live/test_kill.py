"""--kill on real sockets: what it closes, what it can't, and what it asks first."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from pynetstat import Outcome, close_sockets, collect

from .namespace import Done, Namespace
from .other_networks import (
    abstract_listener,
    connection,
    errors_of_held,
    listener_on,
    one_way_out,
    run_on_terminal,
    sharing_listeners,
)
from .users import NOBODY, environment, python_for

Ask = Callable[[int, "str | None"], tuple[int, str]]


@pytest.fixture
def network(namespace: Namespace) -> Namespace:
    """A network of its own, on a kernel that can close sockets."""
    port = namespace.hold(listener_on)
    done = namespace.pynetstat("--kill", "--yes", "sport", "=", str(port))
    if "CONFIG_INET_DIAG_DESTROY" in done.text or "Linux 4.5" in done.text:
        pytest.skip("this kernel can't close sockets")
    assert done.code == 0
    return namespace


def _kill(network: Namespace, *words: str) -> Done:
    return network.pynetstat("--kill", "--yes", *words)


def _ports(network: Namespace) -> list[str]:
    """The local ends that are there, by port."""
    lines = network.pynetstat("-tuan").text.splitlines()[2:]
    return [line.split()[3].rpartition(":")[2] for line in lines]


def test_a_connection_is_closed_at_both_ends(network: Namespace) -> None:
    port = network.hold(connection)
    done = _kill(network, "state", "established", "sport", "=", str(port))
    assert (done.code, done.err) == (0, b"")
    assert done.text.splitlines()[-1] == "1 of 1 socket closed"
    assert network.call(errors_of_held) == ["ECONNRESET", "ECONNABORTED"]
    assert _ports(network).count(str(port)) == 1  # the listener, which the filter left out


def test_what_the_filter_does_not_choose_stays(network: Namespace) -> None:
    port = network.hold(listener_on)
    other = network.hold(listener_on)
    assert _kill(network, "sport", "=", str(port)).code == 0
    assert str(port) not in _ports(network)
    assert str(other) in _ports(network)


def test_listeners_that_share_a_port_are_all_closed(network: Namespace) -> None:
    port = network.hold(sharing_listeners, 5)
    done = _kill(network, "-ta", "sport", "=", str(port))
    assert done.code == 0
    assert done.text.splitlines()[-1] == "5 of 5 sockets closed"
    assert str(port) not in _ports(network)


def test_a_socket_that_can_not_be_closed_is_refused_with_its_reason(network: Namespace) -> None:
    name = f"pynetstat-kill-{network.pid}"
    network.hold(abstract_listener, name)
    done = _kill(network, "-xa", "path", "=", f"@{name}")
    assert done.code == 1
    assert "not closed: the kernel has no way to close unix sockets" in done.text
    port = network.hold(one_way_out)["udp"]
    done = _kill(network, "-ua", "sport", "=", str(port))
    assert done.code == 1
    assert "its port is still bound" in done.text
    assert str(port) in _ports(network)


def test_nothing_that_matches_is_nothing_to_close(network: Namespace) -> None:
    done = _kill(network, "sport", "=", "1")
    assert (done.code, done.text) == (0, "no socket matches: nothing to close\n")


@pytest.mark.usefixtures("as_root")
def test_without_the_privilege_it_is_refused_and_the_socket_lives(network: Namespace) -> None:
    port = network.hold(listener_on)
    arguments = ("-m", "pynetstat", "--kill", "--yes", "sport", "=", str(port))
    done = network.run(python_for(NOBODY), *arguments, uid=NOBODY, **environment())
    assert done.code == 1
    assert "not permitted: it takes CAP_NET_ADMIN" in done.text
    assert str(port) in _ports(network)


def test_where_nobody_can_be_asked_nothing_is_closed(network: Namespace) -> None:
    port = network.hold(listener_on)
    done = network.pynetstat("--kill", "sport", "=", str(port))
    assert (done.code, done.out) == (2, b"")
    (line,) = done.complaint.splitlines()
    assert "--yes" in line
    assert str(port) in _ports(network)


@pytest.fixture
def ask(network: Namespace) -> Ask:
    """Runs --kill for a port on a terminal, answers, and returns exit code and text."""

    def run(port: int, answer: str | None) -> tuple[int, str]:
        argv = [sys.executable, "-m", "pynetstat", "--kill", "sport", "=", str(port)]
        code, written = network.call(run_on_terminal, argv, answer)
        return code, written.decode()

    return run


def test_on_a_terminal_it_asks_and_closes_when_told(network: Namespace, ask: Ask) -> None:
    port = network.hold(sharing_listeners, 2)
    code, text = ask(port, "y\n")
    question = text.index("Close 2 sockets? [y/N] ")
    assert text[:question].count(f"127.0.0.1:{port} ") == 2
    assert "2 of 2 sockets closed" in text[question:]
    assert code == 0
    assert str(port) not in _ports(network)


@pytest.mark.parametrize("answer", ["n\n", "\n", "yeah\n", "\x04"])
def test_any_other_answer_closes_nothing(network: Namespace, ask: Ask, answer: str) -> None:
    port = network.hold(listener_on)
    code, text = ask(port, answer)
    assert "nothing was closed" in text
    assert code == 1
    assert str(port) in _ports(network)


def test_interrupted_at_the_question_it_closes_nothing(network: Namespace, ask: Ask) -> None:
    port = network.hold(listener_on)
    code, _ = ask(port, None)
    assert code == 130
    assert str(port) in _ports(network)


def test_a_hostile_process_can_not_write_the_question(network: Namespace, ask: Ask) -> None:
    port = network.hold(connection, "sh\x1b[2J\x1b[H\nClose 0 sockets? \u202e")
    code, text = ask(port, "n\n")
    assert code == 1
    assert r"/sh\x1b[2J\x1b[H\x0aClose 0 sockets? \u202e" in text
    for char in ("\x1b", "\u202e"):
        assert char not in text


@pytest.mark.usefixtures("as_root")
def test_from_another_namespace(network: Namespace) -> None:
    port = network.hold(listener_on)
    with Namespace() as outside:
        here = outside.hold(listener_on, port)
        done = _kill(outside, "--netns", str(network.pid), "sport", "=", str(port))
        assert (done.code, here in map(int, _ports(outside))) == (0, True)
    assert str(port) not in _ports(network)


@pytest.mark.usefixtures("as_root")
def test_the_library_closes_what_a_snapshot_shows(network: Namespace) -> None:
    port = network.hold(listener_on)
    snapshot = collect(["tcp"], netns=network.pid, filter=f"sport = :{port}")
    (elsewhere,) = close_sockets(snapshot.records)
    assert elsewhere.outcome is Outcome.REFUSED
    (closed,) = close_sockets(snapshot.records, netns=network.pid)
    assert closed.outcome is Outcome.CLOSED
    (ended,) = close_sockets(snapshot.records, netns=network.pid)
    assert ended.outcome is Outcome.ENDED
