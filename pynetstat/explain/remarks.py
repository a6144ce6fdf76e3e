"""What a view writes below a row when it is asked to explain. Pure."""

from __future__ import annotations

from pynetstat.explain.ports import PortRange
from pynetstat.explain.rows import explain_row
from pynetstat.explain.trouble import find_trouble
from pynetstat.records import SocketRecord, UnixRecord
from pynetstat.remark import Remark, Remarks
from pynetstat.snapshot import Snapshot


def explainer_of_all(snapshot: Snapshot) -> Remarks:
    """As :func:`explainer`, each namespace for itself: addresses repeat from one to the next.

    The range of its ephemeral ports is not known of another namespace.
    """
    rows: dict[str | None, list[SocketRecord]] = {}
    for record in snapshot.records:
        rows.setdefault(record.netns, []).append(record)
    parts = {
        netns: explainer(snapshot._replace(records=records, unix=[]), None)
        for netns, records in rows.items()
    }
    of_unix = explainer(snapshot._replace(records=[]), None)

    def explain(record: SocketRecord | UnixRecord) -> list[Remark]:
        if isinstance(record, UnixRecord):
            return of_unix(record)
        return parts[record.netns](record)

    return explain


def explainer(snapshot: Snapshot, ports: PortRange | None) -> Remarks:
    """What there is to say about each row of ``snapshot``: what it means, then each trouble."""
    troubles: dict[SocketRecord | UnixRecord, list[Remark]] = {}
    for trouble in find_trouble(snapshot, ports=ports):
        troubles.setdefault(trouble.record, []).append(Remark(trouble.sentence, trouble=True))

    def explain(record: SocketRecord | UnixRecord) -> list[Remark]:
        sentence = explain_row(record, snapshot.why_no_owner(record))
        return [Remark(sentence), *troubles.get(record, [])]

    return explain
