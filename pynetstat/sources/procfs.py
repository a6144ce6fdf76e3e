"""The tables under /proc/net: no privileges and no netlink needed, and a saved tree will do."""

from __future__ import annotations

import os
from collections.abc import Iterator

from pynetstat.errors import ProtocolAbsent, SourceUnavailable
from pynetstat.query import Query
from pynetstat.records import Proto, SocketRecord, UnixRecord
from pynetstat.sources import Holders, Notes, proc_inet, proc_sctp, proc_unix, with_owners

_READ_SIZE = 1024 * 1024
_BATCH = 512
_FOLDERS = ("net", "self/net")
"""Mounted with subset=pid, /proc has no "net", but a process still has its own."""


class ProcFs:
    """Reads the tables under ``root``/net.

    A table that takes several reads is no snapshot: under churn one pass over UDP loses
    sockets that never close. UDP tables longer than one read are therefore read twice and
    merged.
    """

    name = "procfs"

    def __init__(self, root: str = "/proc") -> None:
        self._root = root

    def read(
        self, proto: Proto, query: Query, notes: Notes, holders: Holders | None = None
    ) -> Iterator[list[SocketRecord]]:
        """The table of ``proto``, whatever ``query``, each socket once, in the kernel's order.

        ProtocolAbsent when the kernel has no such table, SourceUnavailable when it can't
        be read.
        """
        if proto.base == "mptcp":
            raise SourceUnavailable("procfs: the kernel has no /proc table for it")
        if proto.base == "sctp":
            records = self._read_sctp(proto, notes)
        else:
            records = self._read_inet(proto, notes)
        return (with_owners(batch, holders) for batch in _batches(records))

    def read_unix(self, notes: Notes, holders: Holders | None = None) -> list[UnixRecord]:
        """All unix sockets, with the doubts that /proc/net/unix leaves."""
        text, _reads = self._contents("unix")
        records = list(proc_unix.first_sightings(proc_unix.parse_table(text, notes)))
        if not all(record.trusted for record in records):
            notes.remarks.append("names in /proc/net/unix can forge rows")
        return with_owners(records, holders)

    def _read_inet(self, proto: Proto, notes: Notes) -> Iterator[SocketRecord]:
        text, reads = self._contents(proto)
        if proto.base.startswith("udp") and reads > 1:
            text = _merged(text, self._contents(proto)[0])
        ticks_per_s = os.sysconf("SC_CLK_TCK")
        table = proc_inet.parse_table(proto, text.decode("latin-1"), notes, ticks_per_s)
        return proc_inet.first_sightings(table)

    def _read_sctp(self, proto: Proto, notes: Notes) -> Iterator[SocketRecord]:
        endpoints, _ = self._contents("sctp/eps")
        associations, _ = self._contents("sctp/assocs")
        yield from proc_sctp.parse_endpoints(endpoints.decode("latin-1"), proto, notes)
        yield from proc_sctp.parse_associations(associations.decode("latin-1"), proto, notes)

    def _contents(self, table: str) -> tuple[bytes, int]:
        """The whole file and how many reads gave any of it."""
        for folder in _FOLDERS:
            path = f"{self._root}/{folder}/{table}"
            try:
                contents, reads = _read_whole(path)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise SourceUnavailable(f"procfs: {path}: {error.strerror}") from error
            if not contents:
                raise SourceUnavailable(f"procfs: {path} is empty, without even its heading")
            return contents, reads
        missing = f"procfs: there is no {self._root}/net/{table}"
        optional = table.endswith("6") or table.startswith(("udplite", "sctp/"))
        if optional and self._has_tables():
            raise ProtocolAbsent(missing)
        raise SourceUnavailable(missing)

    def _has_tables(self) -> bool:
        """Whether the tables that every kernel has are there, so that others are truly absent."""
        return any(
            os.path.exists(f"{self._root}/{folder}/{table}")
            for folder in _FOLDERS
            for table in ("tcp", "udp")
        )


def _merged(first: bytes, second: bytes) -> bytes:
    """The first pass over a table and the lines that only the second one has."""
    known = set(first.splitlines())
    return b"\n".join([first.rstrip(b"\n"), *(x for x in second.splitlines() if x not in known)])


def _read_whole(path: str) -> tuple[bytes, int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        while part := os.read(descriptor, _READ_SIZE):
            parts.append(part)
    finally:
        os.close(descriptor)
    return b"".join(parts), len(parts)


def _batches(records: Iterator[SocketRecord]) -> Iterator[list[SocketRecord]]:
    batch = []
    for record in records:
        batch.append(record)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
