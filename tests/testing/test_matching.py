"""wait_for(): rows by expression and keywords, on the server's side or the client's."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from pynetstat import FilterError, TcpState
from pynetstat.filters import Port
from pynetstat.testing import (
    ProcessEnded,
    WaitTimeout,
    listening_socket,
    wait_for,
    wait_for_async,
)

from .programs import FAIL, LISTEN, line_of, running

SOURCES = ["auto", "sockdiag", "procfs", "psutil"]
LONG_S = 60.0
SHORT_S = 0.05


@contextmanager
def connections(number: int, host: str = "127.0.0.1") -> Iterator[tuple[int, socket.socket]]:
    """So many accepted connections to a listener: its port, and the listener."""
    with ExitStack() as stack:
        server = stack.enter_context(listening_socket(host))
        for _ in range(number):
            stack.enter_context(socket.create_connection(server.getsockname()[:2]))
            stack.enter_context(server.accept()[0])
        yield server.getsockname()[1], server


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("role", ["server", "client"])
def test_a_connection_counts_once_with_a_role(source: str, role: str) -> None:
    with connections(3) as (port, _):
        found = wait_for(port=port, state="ESTABLISHED", role=role, count=3, source=source)  # type: ignore[arg-type]
        assert len(found) == 3
        own = {record.laddr.port if role == "server" else record.raddr.port for record in found}
        assert own == {port}
        assert len(wait_for(port=port, state="ESTABLISHED", count=6, source=source)) == 6


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1"])
def test_without_a_port_the_listeners_tell_the_roles_apart(host: str) -> None:
    reached = "127.0.0.1" if host == "0.0.0.0" else host
    with listening_socket(host) as server, ExitStack() as stack:
        port = server.getsockname()[1]
        stack.enter_context(socket.create_connection((reached, port)))
        stack.enter_context(server.accept()[0])
        mine = {"pid": os.getpid(), "expression": f"sport = :{port} or dport = :{port}"}
        servers = wait_for(state="ESTABLISHED", role="server", count=1, **mine)  # type: ignore[arg-type]
        clients = wait_for(state="ESTABLISHED", role="client", count=1, **mine)  # type: ignore[arg-type]
        assert servers[0].laddr == clients[0].raddr


def test_roles_that_nobody_can_tell_any_more() -> None:
    with connections(1) as (port, server):
        server.close()
        with pytest.raises(WaitTimeout, match="which side can't be told: no listener"):
            wait_for(
                f"sport = :{port} or dport = :{port}", role="client", pid=os.getpid(), timeout=0
            )


@pytest.mark.parametrize("source", SOURCES)
def test_an_expression_or_a_filter(source: str) -> None:
    with connections(1) as (port, _):
        asked = f"state listening sport = :{port}"
        assert [row.state for row in wait_for(asked, source=source)] == [TcpState.LISTEN]
        connected = wait_for(Port("dport", "=", port), source=source)
        # An earlier server may have had the port: its clients' TIME_WAIT stays for a minute.
        live = [row for row in connected if row.state is not TcpState.TIME_WAIT]
        assert [row.raddr.port for row in live] == [port]


def test_several_states() -> None:
    with connections(1) as (port, _):
        states = [TcpState.LISTEN, "ESTABLISHED"]
        assert len(wait_for(port=port, state=states, count=3)) == 3


def test_unread_bytes_are_waited_for() -> None:
    with listening_socket() as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client, server.accept()[0]:
            client.sendall(b"12345")
            (row,) = wait_for("recv-q = 5", port=port, role="server", timeout=LONG_S)
            assert row.recv_q == 5


@pytest.mark.parametrize("source", SOURCES)
def test_rows_of_a_process(source: str) -> None:
    with running(LISTEN, "127.0.0.1", 0) as server:
        port = int(line_of(server))
        with socket.create_connection(("127.0.0.1", port)):
            (row,) = wait_for(port=port, pid=server, source=source)
            assert row.state is TcpState.LISTEN
            mine = {"pid": os.getpid(), "include_children": False}
            (row,) = wait_for(port=port, source=source, **mine)  # type: ignore[arg-type]
            assert row.state is TcpState.ESTABLISHED


def test_none_left() -> None:
    with (
        connections(2) as (port, _),
        pytest.raises(WaitTimeout, match="expected 0 ESTABLISHED tcp rows"),
    ):
        wait_for(port=port, state="ESTABLISHED", count=0, timeout=SHORT_S)
    assert wait_for(port=port, state="ESTABLISHED", count=0, timeout=LONG_S) == []


def test_the_message_explains_itself() -> None:
    with connections(2) as (port, _), pytest.raises(WaitTimeout) as caught:
        wait_for(port=port, state="ESTABLISHED", role="server", count=3, timeout=SHORT_S)
    lines = str(caught.value).splitlines()
    assert lines[0] == (
        f"after 0.05 s: expected 3 ESTABLISHED tcp rows of port {port} on the server's side, "
        "found 2; there is:"
    )
    assert len(lines) == 2 + 5
    assert [line.endswith("counted") for line in lines[2:]] == [True, True, False, False, False]
    assert all(f"{os.getpid()}/" in line for line in lines[2:])


def test_the_process_ends_first() -> None:
    with running(FAIL) as server, pytest.raises(ProcessEnded, match="exit status 3: expected any"):
        wait_for(state="ESTABLISHED", pid=server, timeout=LONG_S)


def test_asyncio() -> None:
    with connections(1) as (port, _):
        found = asyncio.run(wait_for_async(port=port, state="LISTEN"))
        assert [row.laddr.port for row in found] == [port]


@pytest.mark.parametrize(
    "question",
    [{}, {"port": 1, "role": "peer"}, {"port": 1, "count": -1}, {"state": "LISTENING?"}],
)
def test_questions_that_make_no_sense(question: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"nothing to look for|role 'peer'|count|LISTENING\?"):
        wait_for(**question)  # type: ignore[arg-type]


def test_a_wrong_expression() -> None:
    with pytest.raises(FilterError):
        wait_for("sport === 5")


def test_rows_that_nobody_can_tell_are_not_counted_as_none() -> None:
    with listening_socket() as server:
        asked = f"sport = :{server.getsockname()[1]} and dev = lo"
        with pytest.raises(WaitTimeout, match="procfs can't tell the interface"):
            wait_for(asked, source="procfs", count=0, timeout=0)
        with pytest.raises(WaitTimeout, match="procfs can't tell the interface"):
            wait_for(asked, source="procfs", timeout=0)
        assert wait_for(asked, count=0, timeout=0) == []


@pytest.mark.parametrize("state", ["established", "Time-Wait", "fin_wait1"])
def test_states_in_any_spelling(state: str) -> None:
    assert wait_for("sport = :0", state=state, count=0, timeout=0) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"port": 99999}, "port 99999: a number from 0 to 65535"),
        ({"port": -1}, "port -1: a number"),
        ({"port": "80"}, "port '80': a number"),
        ({"port": 80, "state": "ESTABLISHD"}, "state 'ESTABLISHD': choose from ESTABLISHED"),
        ({"port": 80, "proto": "tpc"}, "proto 'tpc': choose from tcp"),
        ({"port": 80, "proto": "unix"}, "wait_for_listen\\(path"),
        ({"pid": "812"}, "'812' has no pid"),
        ({"port": 80, "timeout": None}, "timeout None: seconds"),
        ({"port": 80, "timeout": float("nan")}, "timeout nan: seconds"),
        ({"port": 80, "timeout": -1}, "timeout -1: seconds"),
    ],
)
def test_arguments_that_make_no_sense_are_told(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        wait_for(**arguments)
