"""can_bind() against what bind() really does, and listening_socket()."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from pynetstat import TcpState
from pynetstat.testing import can_bind, listening_socket

SOURCES = ["auto", "sockdiag", "procfs", "psutil"]


def really_binds(port: int, host: str, *, reuse: bool = False, udp: bool = False) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
    with socket.socket(family, kind) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(reuse))
        try:
            sock.bind((host, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def close_first(client: socket.socket, server: socket.socket) -> None:
    """Close the server's end first, so that TIME_WAIT stays on its port."""
    server.close()
    assert client.recv(1) == b""
    client.close()


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    ("bound", "host"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "0.0.0.0"),
        ("0.0.0.0", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.2"),
        ("::1", "::1"),
        ("::1", "::"),
        ("::", "::1"),
    ],
)
def test_a_listener_in_the_way(source: str, bound: str, host: str) -> None:
    with listening_socket(bound) as server:
        port = server.getsockname()[1]
        answer = can_bind(port, host, source=source)
        free = True if source in ("auto", "sockdiag") else None
        assert answer.allowed is (really_binds(port, host) and free)
        assert answer.allowed_with_reuse is (really_binds(port, host, reuse=True) and free)
        assert bool(answer) is (answer.allowed is True)
        holders = [owner.pid for row in answer.blockers for owner in row.owners or ()]
        assert set(holders) <= {os.getpid()}
        assert bool(holders) is (answer.allowed is False)
    answer = can_bind(port, host, source=source)
    # On every address other tests may have the port as well, in TIME_WAIT on IPv4 above all.
    assert answer.allowed is free or (host == "::" and answer.allowed is None)
    assert not [row for row in answer.blockers if row.owners]


@pytest.mark.parametrize("reuse", [False, True])
def test_time_wait_on_the_servers_port(reuse: bool) -> None:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(reuse))
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        close_first(client, server.accept()[0])
    answer = can_bind(port, "127.0.0.1")
    assert [row.state for row in answer.blockers] == [TcpState.TIME_WAIT]
    assert answer.allowed is False
    assert not really_binds(port, "127.0.0.1")
    assert answer.allowed_with_reuse is None
    assert really_binds(port, "127.0.0.1", reuse=True) is reuse
    assert "SO_REUSEADDR would help if" in answer.why


def test_time_wait_on_the_clients_side_is_no_hindrance() -> None:
    with listening_socket() as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted = server.accept()[0]
            close_first(accepted, client)
    assert can_bind(port, "127.0.0.1")
    assert really_binds(port, "127.0.0.1")


def test_a_socket_that_is_only_bound() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        answer = can_bind(port, "127.0.0.1", source="sockdiag")
        assert answer.allowed is False
        assert answer.allowed_with_reuse is None
        assert [row.state for row in answer.blockers] == [TcpState.CLOSE]


def test_udp() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        assert can_bind(port, "127.0.0.1", proto="udp").allowed is False
        assert not really_binds(port, "127.0.0.1", udp=True)
        assert can_bind(port, "127.0.0.1").allowed is really_binds(port, "127.0.0.1")


@contextmanager
def listening_on_v6(host: str, *, v6only: bool) -> Iterator[int]:
    with socket.socket(socket.AF_INET6) as server:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(v6only))
        server.bind((host, 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize("v6only", [False, True])
def test_a_listener_on_every_address_of_ipv6(v6only: bool, host: str, source: str) -> None:
    with listening_on_v6("::", v6only=v6only) as port:
        answer = can_bind(port, host, source=source)
        assert really_binds(port, host) is v6only
        if source in ("auto", "sockdiag"):
            assert answer.allowed is answer.allowed_with_reuse is v6only
        else:
            assert answer.allowed is None
            assert "IPV6_V6ONLY" in answer.why or "nothing is seen" in answer.why


def test_a_listener_on_one_address_of_ipv6_leaves_ipv4_free() -> None:
    with listening_on_v6("::1", v6only=False) as port:
        assert can_bind(port, "0.0.0.0")
        assert really_binds(port, "0.0.0.0")


def test_a_listener_on_ipv4_matters_to_every_address_of_ipv6_alone() -> None:
    with listening_socket("0.0.0.0") as server:
        port = server.getsockname()[1]
        assert can_bind(port, "::1")
        assert really_binds(port, "::1")
        answer = can_bind(port, "::")
        assert answer.allowed is None
        assert "unless the new socket has IPV6_V6ONLY" in answer.why


@pytest.mark.parametrize(
    ("bound", "host"),
    [
        ("::1", "0:0:0:0:0:0:0:1"),
        ("127.0.0.1", "::ffff:127.0.0.1"),
        ("127.0.0.1", "::FFFF:7f00:1"),
        ("0.0.0.0", "::ffff:127.0.0.1"),
    ],
)
def test_addresses_in_other_words(bound: str, host: str) -> None:
    with listening_socket(bound) as server:
        port = server.getsockname()[1]
        assert not really_binds(port, host)
        assert can_bind(port, host).allowed is False
        assert can_bind(port, "::0").allowed is (False if ":" in bound else None)


def test_the_message_names_the_holder() -> None:
    with listening_socket() as server:
        port = server.getsockname()[1]
        lines = str(can_bind(port, "127.0.0.1")).splitlines()
    assert lines[0] == (
        f"tcp port {port} is in use on 127.0.0.1: a listener is there, and SO_REUSEADDR would "
        "not help:"
    )
    assert f"127.0.0.1:{port}" in lines[2]
    assert f"{os.getpid()}/" in lines[2]
    assert str(can_bind(port, "127.0.0.1")) == f"tcp port {port} is free on 127.0.0.1"


def test_refused_whatever_is_bound() -> None:
    assert can_bind(0)
    answer = can_bind(8080, "192.0.2.1")
    assert (answer.allowed, answer.why) == (False, "192.0.2.1 is not an address of this machine")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may bind every port")
def test_a_low_port() -> None:
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
        first = int(file.read())
    if first < 2:
        pytest.skip("every port is free for everyone here")
    answer = can_bind(1)
    assert (answer.allowed, answer.allowed_with_reuse) == (False, False)
    assert "CAP_NET_BIND_SERVICE" in answer.why


@pytest.mark.parametrize(("port", "host"), [(-1, "::1"), (65536, "::1"), (80, "localhost")])
def test_questions_that_make_no_sense(port: int, host: str) -> None:
    with pytest.raises(ValueError, match=r"from 0 to 65535|not a numeric address"):
        can_bind(port, host)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0.0.0.0", "::"])
def test_a_listening_socket_is_ready_for_clients(host: str) -> None:
    with listening_socket(host) as server, ExitStack() as stack:
        port = server.getsockname()[1]
        reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        client = stack.enter_context(socket.create_connection((reached, port)))
        accepted = stack.enter_context(server.accept()[0])
        client.sendall(b"x")
        assert accepted.recv(1) == b"x"


def test_a_bound_udp_socket() -> None:
    with listening_socket(proto="udp") as server:
        assert server.type == socket.SOCK_DGRAM
        assert server.getsockname()[1] > 0
    with pytest.raises(ValueError, match="'tcp' or 'udp'"):
        listening_socket(proto="sctp")
