"""The network namespaces that a question is about, open for reading.

One that may be entered is read as this program's own is. Into one that may not be entered
/proc/PID/net of a process in it still looks, for every user.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from pynetstat.errors import NamespaceUnavailable
from pynetstat.netns import (
    Found,
    Namespace,
    find_namespace,
    find_namespaces,
    open_door,
    open_tables,
)
from pynetstat.sources import ONCE, Place, Reading, Sources, sources_inside
from pynetstat.sources.inside import Inside
from pynetstat.sources.netlink import NetlinkSocket, open_socket


class Places:
    """Network namespaces that are open, in the order in which they were found.

    Iterated, it gives each :class:`~pynetstat.sources.Place`.
    """

    def __init__(self, found: Found | None = None) -> None:
        """``found``: what the search for all of them came to, None when one was named."""
        self._found = found
        self._places: list[Place] = []
        self._not_entered: dict[str, str] = {}
        self._unread: dict[str, str] = {}

    def __iter__(self) -> Iterator[Place]:
        return iter(self._places)

    @property
    def left_out(self) -> list[str]:
        """What is missing because a namespace could not be read or found, a line each."""
        lines = []
        if self._unread:
            lines.append(f"{_count(self._unread)} could not be read: {_listed(self._unread)}")
        if self._found is not None and self._found.untold:
            lines.append(
                f"the network namespaces of {self._found.untold} processes could not be told"
            )
        if self._found is not None and self._found.hidden:
            lines.append("/proc does not show every process and so not every network namespace")
        return [line + _hint() for line in lines]

    @property
    def not_entered(self) -> str | None:
        """How many namespaces were only read through /proc, and why; None for none."""
        if not self._not_entered:
            return None
        which = f"{_count(self._not_entered)} could not be entered"
        return f"{which}, only read through /proc: {_listed(self._not_entered)}{_hint()}"

    def open(self, namespace: Namespace, source: str, reading: Reading, stack: ExitStack) -> None:
        """Add a namespace, open until ``stack`` is closed."""
        if namespace.own:
            own = sources_inside(source, "/proc/thread-self", open_socket, reading)
            self._add(namespace, own, socket.if_nameindex(), open_socket)
            return
        try:
            inside = _enter(namespace)
        except OSError as error:
            self._open_from_outside(namespace, source, reading, error, stack)
            return
        stack.callback(inside.close)
        opener = partial(inside.call, open_socket)
        sources = sources_inside(source, inside.proc_root, opener, reading)
        self._add(namespace, sources, inside.call(socket.if_nameindex), opener)

    def _open_from_outside(
        self,
        namespace: Namespace,
        source: str,
        reading: Reading,
        refusal: OSError,
        stack: ExitStack,
    ) -> None:
        label, reason = namespace.label, refusal.strerror or str(refusal)
        try:
            folder = open_tables(namespace)
        except OSError:
            if not _has_ended(namespace, refusal):
                self._unread[label] = reason
            return
        if source == "sockdiag":
            os.close(folder)
            self._unread[label] = reason
            return
        stack.callback(os.close, folder)
        self._not_entered[label] = reason
        sources = sources_inside(source, f"/proc/self/fd/{folder}", None, reading)
        self._add(namespace, sources, [], None)

    def _add(
        self,
        namespace: Namespace,
        sources: Sources,
        interfaces: Iterable[tuple[int, str]],
        opener: Callable[[], NetlinkSocket] | None,
    ) -> None:
        self._places.append(Place(namespace.label, sources, dict(interfaces), opener))


@contextmanager
def open_places(
    netns: str | int | None, all_netns: bool, source: str = "auto", reading: Reading = ONCE
) -> Iterator[Places]:
    """The namespace that ``netns`` names (see :func:`find_namespace`), or all of them.

    ValueError for a source that reads this program's own namespace only, and for
    ``netns`` together with ``all_netns``. NamespaceUnavailable when the namespace that was
    named is not there or can't be read, and where /proc tells of none.
    """
    if netns is not None and all_netns:
        raise ValueError("one network namespace or all of them, not both")
    found = find_namespaces() if netns is None else None
    namespaces: Sequence[Namespace] = found.namespaces if found else [find_namespace(netns or "")]
    places = Places(found)
    with ExitStack() as stack:
        for namespace in namespaces:
            places.open(namespace, source, reading, stack)
        if netns is not None and not list(places):
            ended = f"network namespace {namespaces[0].label} has ended"
            raise NamespaceUnavailable(places.left_out[0] if places.left_out else ended)
        yield places


def _enter(namespace: Namespace) -> Inside:
    descriptor = open_door(namespace)
    try:
        return Inside(descriptor)
    finally:
        os.close(descriptor)


def _has_ended(namespace: Namespace, refusal: OSError) -> bool:
    """Whether it is gone, since none of its processes is left and its doors lead nowhere."""
    return not namespace.doors or refusal.errno in (errno.ENOENT, errno.ESRCH)


def _count(reasons: dict[str, str]) -> str:
    return "1 network namespace" if len(reasons) == 1 else f"{len(reasons)} network namespaces"


def _listed(reasons: dict[str, str]) -> str:
    """``blue, red (Permission denied); green (No such file or directory)``."""
    labels: dict[str, list[str]] = {}
    for label, reason in reasons.items():
        labels.setdefault(reason, []).append(label)
    return "; ".join(f"{', '.join(which)} ({reason})" for reason, which in labels.items())


def _hint() -> str:
    return "" if os.geteuid() == 0 else "; run as root to see more"
