"""Recordings: files of any lines, and lines of which some values were forged."""

from __future__ import annotations

import json
import os
import socket
from itertools import islice
from typing import Any
from unittest import mock

from pynetstat.columns import COLUMNS, SortKey
from pynetstat.errors import RecordingError
from pynetstat.filter_grammar import parse_filter
from pynetstat.history.recorded import RecordedReader
from pynetstat.history.recording import Decoder, Encoder, Header, Item, decode_header, encode_header
from pynetstat.history.recording_file import Recording
from pynetstat.history.transition import Event, Loss
from pynetstat.query import NETSTAT_ORDER, Query
from pynetstat.records import TcpState
from pynetstat.snapshot import Snapshot
from pynetstat.words import numbers
from tests.fuzz.choices import Choices
from tests.fuzz.events import check_events, some_event
from tests.fuzz.harmless import check_line
from tests.fuzz.rows import some_snapshot
from tests.fuzz.targets.data import check_formats

_HEADER = Header(1_700_000_000.25, "pynetstat", 1.0, "destroy", 1000)
_LONGEST = 40
_MOST_SHOWN = 1
_FILTERS = [
    parse_filter(text)
    for text in (
        "src 127.0.0.0/8 or dst fe80::/10 or sport > 1024",
        "dev lo or recv-q > 0 or not timer = on or user = 0",
        "process = sh or pid = 1 or path ~ x or inode != 0 or exclude established",
    )
]

SHARE = 0.5
WORDS = (
    *('{"type":"snapshot","at":1,"full":true,"inet":[', '"unix":[', '{"row":0', '{"hex":"'),
    *('{"type":"event","at":', '{"type":"loss","at":', "NaN", "1e999", "-1", "\\ud800", "\\u001b"),
    *('"tcp"', '"127.0.0.1"', '"ESTABLISHED"', "[0,1]", "18446744073709551616", '"unkn-'),
)


def check(data: bytes) -> None:
    """Only a RecordingError comes out of it, or what can be written, read again and shown."""
    choices = Choices(data)
    if choices.yes():
        lines = _forged_lines(choices)
        text = "".join(lines).encode()
    else:
        start = encode_header(_HEADER).encode() if choices.yes() else b""
        text = start + choices.rest()
    items = _read(text)
    for decoder, encoder in ((Decoder(), Encoder()), (Decoder(), Encoder(full_every=1))):
        for item in items:
            assert repr(decoder.item(_encoded(encoder, item))) == repr(item)
    _check_size(items, len(text))
    with mock.patch.object(socket, "if_indextoname", side_effect=_no_interface):
        for item in islice((item for item in items if isinstance(item, Snapshot)), _MOST_SHOWN):
            _check_shown(item)
    check_events([item for item in items if not isinstance(item, Snapshot)])


def _no_interface(index: int) -> str:
    """As the function does, whatever interfaces this machine has."""
    if index >= 1 << 32:
        raise OverflowError
    raise OSError


def _read(text: bytes) -> list[Item]:
    """The items of a file, the same as those of its lines."""
    file = os.memfd_create("recording")
    try:
        os.write(file, text)
        with Recording(f"/proc/self/fd/{file}") as recording:
            found = list(recording)
            damage = recording.damage
    except RecordingError as error:
        check_line(str(error))
        return []
    finally:
        os.close(file)
    lines = text.decode(errors="surrogateescape").split("\n")
    _, decoder = decode_header(lines[0])
    expected: list[Item] = []
    bad = untold = 0
    for line in lines[1:-1]:
        try:
            item = decoder.item(_unicode(line))
        except RecordingError as error:
            check_line(str(error))
            decoder.skip()
            bad += 1
            continue
        if item is not None:
            expected.append(item)
        untold += item is None and bad > 0
    bad += lines[-1] != ""
    assert repr(found) == repr(expected)
    assert (damage.left_out if damage else 0) == bad + untold
    if damage:
        assert 1 < damage.line <= len(lines)
        check_line(str(damage))
    return found


def _unicode(line: str) -> str:
    """The line; RecordingError where its bytes are none."""
    try:
        line.encode()
    except UnicodeEncodeError:
        raise RecordingError("not UTF-8") from None
    return line


def _encoded(encoder: Encoder, item: Item) -> str:
    if isinstance(item, Snapshot):
        line = encoder.snapshot(item)
    elif isinstance(item, Event):
        line = encoder.event(item)
    else:
        line = encoder.loss(item)
    assert line.isascii()
    assert line.index("\n") == len(line) - 1
    return line


def _check_size(items: list[Item], size: int) -> None:
    """Rows come from the text: no few lines fill the memory."""
    most = size * (1 + sum(isinstance(item, Snapshot) for item in items))
    rows = [len(item.records) + len(item.unix) for item in items if isinstance(item, Snapshot)]
    assert sum(rows) <= most
    assert all(count <= size for count in rows)


def _check_shown(recorded: Snapshot) -> None:
    check_formats(recorded, numbers(), SortKey(COLUMNS["local"]))
    for wanted in (None, *_FILTERS):
        reader = RecordedReader(Query(NETSTAT_ORDER, owners=True, filter=wanted), recorded)
        shown = reader.snapshot()
        assert shown.taken_at == recorded.taken_at
        assert set(shown.sources) <= set(recorded.sources)
        assert len(shown.records) <= len(recorded.records)
        for gap in shown.gaps:
            check_line(gap.kind.value)


# Lines that were right before


def _forged_lines(choices: Choices) -> list[str]:
    """A few lines as they are written, in which some values are others."""
    encoder = Encoder(full_every=2 + choices.number(3))
    lines = [encode_header(_HEADER)]
    forgeries = choices.number(4)
    kinds = [choices.number(4) for _ in range(1 + choices.number(4))]
    places = [(choices.number(1 << 16), _forged_value(choices)) for _ in range(forgeries)]
    snapshot = None
    for kind in kinds:
        if kind == 0:
            lines.append(encoder.event(some_event(choices)))
        elif kind == 1:
            lines.append(encoder.loss(Loss(1.5, choices.number(9) or None, choices.text(_LONGEST))))
        else:
            snapshot = _next_snapshot(choices, snapshot)
            lines.append(encoder.snapshot(snapshot))
    for place, value in places:
        at = place % len(lines)
        lines[at] = _forged(lines[at], place // len(lines), value)
    return lines


def _next_snapshot(choices: Choices, before: Snapshot | None) -> Snapshot:
    """A new one, or the one before with some rows gone, changed or in another order."""
    if before is None or choices.yes():
        return some_snapshot(choices)
    rows = [record for record in before.records if choices.yes()]
    if choices.yes():
        rows.reverse()
    if choices.yes():
        rows = [record._replace(state=choices.one_of(list(TcpState))) for record in rows]
    return before._replace(records=rows, taken_at=before.taken_at + choices.number(9))


def _forged_value(choices: Choices) -> Any:
    number = choices.number(1 << 16)
    return choices.one_of(
        [
            *(None, True, False, -1, 0.5, -0.0, 1e308, number, 2**64 - 1, 2**64, 10**400),
            *("", "fe80::1%eth0", "::", "0:0::1", "1.2.3.4%x", "unkn-٣", "tcp6", "CLOSE"),
            *([], {}, [0, 1], [number, 1], ["::1", 1], {"hex": "ff0a"}, {"hex": "f"}, {"row": 0}),
            *(253402300799.0, choices.text(_LONGEST), [[1, -1, choices.text(_LONGEST)]], "\ud800"),
        ]
    )


def _forged(line: str, place: int, value: Any) -> str:
    """The line with another value in one of its places."""
    whole = json.loads(line)
    places = list(_places(whole))
    if places:
        holder, key = places[place % len(places)]
        holder[key] = value
    return json.dumps(whole) + "\n"


def _places(value: Any) -> Any:
    if isinstance(value, list | dict):
        for key, each in list(enumerate(value) if isinstance(value, list) else value.items()):
            yield value, key
            yield from _places(each)
