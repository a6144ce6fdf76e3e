"""Host, service and user names: looked up all at once, and only for so long.

A resolver that does not answer delays the caller by the deadline, not by a timeout for
each address: what is not known by then stays a number.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from pynetstat.records import ANY
from pynetstat.text import printable
from pynetstat.words import Hosts, Words

DEADLINE_S = 1.0
_HOST_THREADS = 32


class Wanted(NamedTuple):
    """What to look up: addresses, ports by protocol, and user ids."""

    ips: set[str]
    ports: dict[str, set[int]]
    uids: set[int]


class _Job(NamedTuple):
    store: dict[Any, str]
    key: Any
    find: Callable[[Any], str | None]


def look_up(wanted: Wanted, deadline_s: float = DEADLINE_S) -> Words:
    """Names for what is wanted, numbers for the rest.

    Returns after ``deadline_s`` seconds at the latest, whatever the resolver does.
    """
    hosts: dict[str, str] = {}
    services: dict[str, dict[int, str]] = {base: {} for base in wanted.ports}
    users: dict[int, str] = {}
    known = deque(_Job(users, uid, _user_name) for uid in wanted.uids)
    for base, ports in wanted.ports.items():
        find = partial(_service_name, base)
        known += (_Job(services[base], port, find) for port in ports if port)
    asked = deque(_Job(hosts, ip, _host_name) for ip in wanted.ips if _has_a_name(ip))
    # getservbyport() answers in memory that the next call overwrites: one thread for all
    # of its calls, which hosts that nobody knows can't keep waiting either.
    _run_all([known, *[asked] * min(_HOST_THREADS, len(asked))], deadline_s)
    # Copies: an answer that comes too late must not change a name between two rows.
    return Words(
        Hosts(hosts.copy() | ({"::": "[::]"} if wanted.ips else {})),
        {base: names.copy() for base, names in services.items()},
        users.copy(),
    )


def _run_all(queues: list[deque[_Job]], deadline_s: float) -> None:
    """A thread for each queue; the same queue may be there more than once."""
    finished = threading.Semaphore(0)

    def work(jobs: deque[_Job]) -> None:
        while True:
            try:
                job = jobs.popleft()
            except IndexError:
                break
            name = job.find(job.key)
            if name is not None:
                job.store[job.key] = name
        finished.release()

    end = time.monotonic() + deadline_s
    for jobs in queues:
        threading.Thread(target=work, args=(jobs,), name="pynetstat-names", daemon=True).start()
    for _ in queues:
        finished.acquire(timeout=max(0.0, end - time.monotonic()))
    for jobs in queues:
        jobs.clear()


def _has_a_name(ip: str) -> bool:
    """Whether netstat would look the address up; IPv4-mapped ones it shows as numbers."""
    return ip not in ANY and not ip.startswith("::ffff:")


def _host_name(ip: str) -> str | None:
    try:
        return printable(socket.getnameinfo((ip, 0), socket.NI_NAMEREQD)[0])
    except (OSError, UnicodeError):
        return None


def _service_name(base: str, port: int) -> str | None:
    try:
        return printable(socket.getservbyport(port, base))
    except (OSError, UnicodeError):
        return None


def _user_name(uid: int) -> str | None:
    try:
        import pwd
    except ImportError:  # not a POSIX system
        return None
    try:
        return printable(pwd.getpwuid(uid).pw_name)
    except (KeyError, OSError):
        return None
