"""Names for what is on the screen, looked up in the background."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from pynetstat.names import Wanted, look_up
from pynetstat.records import SocketRecord
from pynetstat.words import Words, numbers

_MOST_KNOWN = 20_000


class Naming:
    """Fills ``words`` with names as they become known; numbers stand for the rest.

    What has no name within the deadline of :mod:`pynetstat.names` stays a number.
    """

    def __init__(self, hosts: bool, ports: bool, users: bool) -> None:
        self.words: Words = numbers()
        self._wants = (hosts, ports, users)
        self._asked: set[object] = set()
        self._busy = threading.Event()

    def want(self, records: Iterable[SocketRecord]) -> None:
        """Look up what the rows need and has not been asked for; returns at once."""
        if not any(self._wants) or self._busy.is_set():
            return
        wanted = self._unasked(records)
        if wanted.ips or wanted.ports or wanted.uids:
            self._busy.set()
            threading.Thread(
                target=self._learn, args=(wanted,), name="pynetstat-naming", daemon=True
            ).start()

    def _unasked(self, records: Iterable[SocketRecord]) -> Wanted:
        hosts, ports, users = self._wants
        if len(self._asked) > _MOST_KNOWN:
            self._asked.clear()
            self.words.hosts.clear()
        wanted = Wanted(set(), {}, set())
        for record in records:
            for addr in (record.laddr, record.raddr):
                if hosts and self._is_new(addr.ip):
                    wanted.ips.add(addr.ip)
                if ports and self._is_new((record.proto.base, addr.port)):
                    wanted.ports.setdefault(record.proto.base, set()).add(addr.port)
            if users and record.uid is not None and self._is_new(record.uid):
                wanted.uids.add(record.uid)
        return wanted

    def _is_new(self, what: object) -> bool:
        if what in self._asked:
            return False
        self._asked.add(what)
        return True

    def _learn(self, wanted: Wanted) -> None:
        try:
            found = look_up(wanted)
            self.words.hosts.update(found.hosts)
            self.words.users.update(found.users)
            for base, names in found.services.items():
                self.words.services.setdefault(base, {}).update(names)
        finally:
            self._busy.clear()
