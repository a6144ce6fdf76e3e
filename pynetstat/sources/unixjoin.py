"""One unix table from two: sock_diag's truth in /proc's order, with /proc's counts. Pure."""

from __future__ import annotations

from collections import Counter

from pynetstat.records import UnixRecord


def join_unix(exact: list[UnixRecord], listed: list[UnixRecord]) -> list[UnixRecord]:
    """The sockets of ``exact`` (sock_diag), with refcnt and order of ``listed`` (/proc).

    Rows of ``listed`` that sock_diag does not confirm are dropped: forged, or closed
    meanwhile. A socket that waits for accept() has no inode; it is confirmed by the name
    of its listener.
    """
    by_inode = {record.inode: record for record in exact if record.inode}
    waiting = [record for record in exact if not record.inode]
    unclaimed = Counter(record.path for record in waiting)
    joined = []
    for row in listed:
        if row.inode:
            record = by_inode.pop(row.inode, None)
            if record is not None:
                joined.append(record._replace(refcnt=row.refcnt))
        elif unclaimed[row.path] > 0:
            unclaimed[row.path] -= 1
            joined.append(row._replace(trusted=True))
    joined += by_inode.values()
    for record in waiting:
        if unclaimed[record.path] > 0:
            unclaimed[record.path] -= 1
            joined.append(record)
    return joined
