"""What a view writes below a row when it is asked to explain. Pure."""

from __future__ import annotations

from pynetstat.explain.ports import PortRange
from pynetstat.explain.rows import explain_row
from pynetstat.explain.trouble import find_trouble
from pynetstat.records import SocketRecord, UnixRecord
from pynetstat.remark import Remark, Remarks
from pynetstat.snapshot import Snapshot


def explainer(snapshot: Snapshot, ports: PortRange | None) -> Remarks:
    """What there is to say about each row of ``snapshot``: what it means, then each trouble."""
    troubles: dict[SocketRecord | UnixRecord, list[Remark]] = {}
    for trouble in find_trouble(snapshot, ports=ports):
        troubles.setdefault(trouble.record, []).append(Remark(trouble.sentence, trouble=True))

    def explain(record: SocketRecord | UnixRecord) -> list[Remark]:
        sentence = explain_row(record, snapshot.why_no_owner(record))
        return [Remark(sentence), *troubles.get(record, [])]

    return explain
