"""A table of every state: what the differential tests look at, from all sides."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from . import other_sockets, tcp_states
from .bench import Bench


@contextmanager
def every_state() -> Iterator[list[tuple[str, int, int, str]]]:
    """Sockets in every state on this network namespace's loopback.

    Yields the rows that must be there: table, local port, remote port, state.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        bench = Bench(stack)
        tcp_states.servers(bench)
        tcp_states.long_addresses(bench)
        tcp_states.same_port(bench)
        tcp_states.many_owners(bench)
        tcp_states.timers(bench)
        tcp_states.full_queue(bench)
        tcp_states.deferred(bench)
        tcp_states.closing_first(bench)
        tcp_states.half_closed(bench)
        other_sockets.udp(bench)
        other_sockets.udplite(bench)
        other_sockets.raw(bench)
        other_sockets.mptcp(bench)
        other_sockets.unix(bench, Path(folder))
        yield bench.rows
