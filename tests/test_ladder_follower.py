"""Following a connection whose last news is lost: the tables tell that it is over."""

from __future__ import annotations

import socket

import pytest

from pynetstat.command import ladder
from pynetstat.command.arguments import parse_arguments
from pynetstat.command.output import Output
from pynetstat.history.transition import Event
from pynetstat.records import Addr, Proto, TcpState


@pytest.fixture
def follower(monkeypatch: pytest.MonkeyPatch) -> ladder._Follower:
    """It waits for nothing before it asks."""
    monkeypatch.setattr(ladder, "_LINGER_S", 0.0)
    monkeypatch.setattr(ladder, "_DOUBT_S", 0.0)
    options = parse_arguments(["--ladder"], "0")
    return ladder._Follower(options, ladder._Known(), Output.of_stdout())


def _established(client: socket.socket) -> Event:
    here, there = Addr(*client.getsockname()), Addr(*client.getpeername())
    return Event(0.0, Proto.TCP, here, there, 1, TcpState.SYN_SENT, TcpState.ESTABLISHED)


def test_each_event_of_others_is_asked_about_once(
    follower: ladder._Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine with many connections it would never come to the one that is waited for."""
    asked = []

    def is_ours(event: Event) -> bool:
        asked.append(event)
        return event.raddr.port == 80

    monkeypatch.setattr(follower, "_wanted", is_ours)
    others = [_step(port) for port in range(1000, 2000)]
    for event in others:
        follower.take(event)
    assert asked == others
    follower.take(_step(2000, 80))
    follower.take(_step(2000, 80, old=TcpState.ESTABLISHED, new=TcpState.FIN_WAIT1))
    assert [event.new for event in follower._chosen] == [TcpState.ESTABLISHED, TcpState.FIN_WAIT1]


def _step(
    port: int,
    peer: int = 443,
    old: TcpState = TcpState.SYN_SENT,
    new: TcpState = TcpState.ESTABLISHED,
) -> Event:
    here, there = Addr("127.0.0.1", port), Addr("127.0.0.1", peer)
    return Event(0.0, Proto.TCP, here, there, port, old, new)


def test_it_goes_on_while_an_end_lives_and_ends_when_none_does(follower: ladder._Follower) -> None:
    assert not follower.is_over()
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        follower.take(_established(client))
        assert not follower.is_over()
        accepted.close()
        assert client.recv(1) == b""
        assert not follower.is_over()
        client.close()
        assert follower.is_over()
