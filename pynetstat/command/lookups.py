"""The names that a command line asks for."""

from __future__ import annotations

from collections.abc import Iterable

from pynetstat.command.options import Options
from pynetstat.records import SocketRecord
from pynetstat.words import Words, numbers


def looks_up(options: Options) -> bool:
    """Whether netstat's columns need any name."""
    numeric = options.numeric
    return not (numeric.hosts and numeric.ports and (numeric.users or not options.columns.extend))


def look_up_names(options: Options, records: list[SocketRecord]) -> Words:
    """The names for netstat's columns, numbers for all else."""
    numeric = options.numeric
    users = options.columns.extend and not numeric.users
    return names_of(records, not numeric.hosts, not numeric.ports, users)


def names_of(
    records: Iterable[SocketRecord], hosts: bool, ports: bool, users: bool, uids: Iterable[int] = ()
) -> Words:
    """The names of the kinds that are wanted; ``uids`` are looked up in any case."""
    uids = set(uids)
    if not (hosts or ports or users or uids):
        return numbers()
    from pynetstat.names import Wanted, look_up

    wanted = Wanted(set(), {}, uids)
    for record in records:
        if hosts:
            wanted.ips.update((record.laddr.ip, record.raddr.ip))
        if ports:
            of_base = wanted.ports.setdefault(record.proto.base, set())
            of_base.update((record.laddr.port, record.raddr.port))
        if users:
            wanted.uids.add(record.uid or 0)
    return look_up(wanted)
