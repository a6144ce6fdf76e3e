"""Rows that differ between what should tell the same: our sources, ss and netstat.

The table is quiet: sockets of many kinds are held still while all of them read it. The
sources are compared with sock_diag field by field, as far as each can tell; ss is parsed
into the same fields; netstat's lines are compared with ours as text. A timer's seconds run
on between two reads and are left out.
"""

from __future__ import annotations

import re
import socket
import struct
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.commands import OURS, environment, in_comparison
from demo.populate import PopulateError, Population, populated
from pynetstat import SocketRecord, TcpState, collect

_QUIET = Population(tcp=400, listeners=20, time_wait=20, udp=20)
_FLAGS = "-tauon"

_SS_STATES = {
    "ESTAB": "ESTABLISHED",
    "SYN-SENT": "SYN_SENT",
    "SYN-RECV": "SYN_RECV",
    "FIN-WAIT-1": "FIN_WAIT1",
    "FIN-WAIT-2": "FIN_WAIT2",
    "TIME-WAIT": "TIME_WAIT",
    "UNCONN": "CLOSE",
    "CLOSE-WAIT": "CLOSE_WAIT",
    "LAST-ACK": "LAST_ACK",
    "LISTEN": "LISTEN",
    "CLOSING": "CLOSING",
}
_TCP_INFO = struct.Struct("=B23xI")
"""struct tcp_info's tcpi_state and tcpi_unacked (include/uapi/linux/tcp.h)."""
_FIN_WAIT1 = 4
_PATIENCE_S = 10.0
_SECONDS = re.compile(r"\(\d+\.\d\d/")


def differing_rows() -> tuple[int, dict[str, int]]:
    """The size of the table, and how many rows only one of the two has, for each pair."""
    with populated(_QUIET), _special_sockets():
        kernel = collect(source="sockdiag").records
        if len(kernel) < sum(_QUIET):
            raise PopulateError(f"only {len(kernel)} of {sum(_QUIET)} sockets are in the table")
        differences = {
            "procfs": _differ(kernel, collect(source="procfs").records, _all_that_proc_tells),
            "psutil": _differ(kernel, collect(source="psutil").records, _all_that_psutil_tells),
        }
        commands = in_comparison(_FLAGS)
        if "ss" in commands:
            listed = [_ss_row(line) for line in _lines(commands["ss"])[1:]]
            differences["ss"] = _distance(map(_all_that_ss_tells, kernel), listed)
        if "netstat" in commands:
            ours, theirs = (
                [_SECONDS.sub("(", line) for line in _lines(commands[name])]
                for name in (OURS, "netstat")
            )
            differences["netstat"] = _distance(ours, theirs)
    return len(kernel), differences


@contextmanager
def _special_sockets() -> Iterator[None]:
    """IPv6, an IPv4 client of an IPv6 server, half-closed ends, full queues, keepalive."""
    with ExitStack() as stack:
        keep = stack.enter_context

        def connect(listener: socket.socket, address: str) -> tuple[socket.socket, socket.socket]:
            client = keep(socket.create_connection((address, listener.getsockname()[1])))
            return client, keep(listener.accept()[0])

        server = keep(socket.create_server(("127.0.0.1", 0)))
        half_closed, _ = connect(server, "127.0.0.1")
        half_closed.shutdown(socket.SHUT_WR)
        sender, _ = connect(server, "127.0.0.1")
        sender.send(b"unread")
        alive, _ = connect(server, "127.0.0.1")
        alive.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        keep(socket.create_connection(server.getsockname()))  # never accepted

        bound = keep(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        bound.bind(("127.0.0.1", 0))
        connected = keep(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        connected.connect(bound.getsockname())
        connected.send(b"unread")

        if _has_ipv6():
            connect(keep(socket.create_server(("::1", 0), family=socket.AF_INET6)), "::1")
            both = keep(
                socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
            )
            connect(both, "127.0.0.1")
            datagram = keep(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
            datagram.bind(("::1", 0))
        for sock in (half_closed, sender):
            _wait_until_acknowledged(sock)
        yield


def _wait_until_acknowledged(sock: socket.socket) -> None:
    """Until the peer has answered all that was sent, FIN included; it may take its time.

    The socket itself is asked, since what reads the table is under test.
    """
    until = time.monotonic() + _PATIENCE_S
    while True:
        information = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
        state, unacknowledged = _TCP_INFO.unpack(information)
        if state != _FIN_WAIT1 and not unacknowledged:
            return
        if time.monotonic() > until:
            raise PopulateError(f"a peer on loopback did not answer in {_PATIENCE_S:g} s")
        time.sleep(0.005)


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def _differ(
    kernel: list[SocketRecord],
    others: list[SocketRecord],
    fields: Callable[[SocketRecord], Hashable],
) -> int:
    return _distance(map(fields, kernel), map(fields, others))


def _distance(one: Iterable[Hashable], other: Iterable[Hashable]) -> int:
    """How many rows would have to go from one or come to it to make both equal."""
    left, right = Counter(one), Counter(other)
    return (left - right).total() + (right - left).total()


def _all_that_proc_tells(row: SocketRecord) -> Hashable:
    timer = (row.timer.kind, row.timer.retransmits, row.timer.probes) if row.timer else None
    return (*_all_that_psutil_tells(row), row.recv_q, row.send_q, timer, row.uid, row.inode)


def _all_that_psutil_tells(row: SocketRecord) -> tuple[Hashable, ...]:
    return (row.proto.value, *row.laddr, *row.raddr, row.state.value)


def _all_that_ss_tells(row: SocketRecord) -> Hashable:
    """With the backlog where ss shows it, and none of the counts it has no place for."""
    timer = row.timer.kind if row.timer else None
    send_q = row.backlog if row.state is TcpState.LISTEN else row.send_q
    return (*_all_that_psutil_tells(row), row.recv_q, send_q, timer)


def _ss_row(line: str) -> Hashable:
    """The fields of a line of ``ss -tauon``, in the words of our records."""
    netid, state, recv_q, send_q, local, peer, *rest = line.split()
    timer = "off"
    for field in rest:
        if field.startswith("timer:("):
            timer = field.removeprefix("timer:(").split(",")[0].replace("persist", "probe")
    is_ipv6 = "[" in local or local.startswith("*:")
    (lip, lport), (rip, rport) = _ss_address(local, is_ipv6), _ss_address(peer, is_ipv6)
    proto = netid + "6" * is_ipv6
    return (proto, lip, lport, rip, rport, _SS_STATES[state], int(recv_q), int(send_q), timer)


def _ss_address(text: str, is_ipv6: bool) -> tuple[str, int]:
    ip, _, port = text.rpartition(":")
    ip = ip.partition("%")[0].strip("[]")
    if ip == "*":
        ip = "::" if is_ipv6 else "0.0.0.0"
    return ip, 0 if port == "*" else int(port)


def _lines(command: list[str]) -> list[str]:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(), check=True
    )
    return done.stdout.decode("utf-8", "replace").splitlines()
