"""The text of /proc/net/unix. Pure.

The file can't be trusted: the kernel writes names with their newlines, so that any user
who binds an abstract name can forge whole rows, and it writes a name's NUL bytes as ``@``
(net/unix/af_unix.c, unix_seq_show).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pynetstat.errors import ParseError
from pynetstat.records import UnixRecord, UnixState, unix_type
from pynetstat.sources import Notes

_LINE = re.compile(
    rb"[0-9a-fA-F]+: ([0-9A-Fa-f]{8}) [0-9A-Fa-f]{8} ([0-9A-Fa-f]{8}) ([0-9A-Fa-f]{4})"
    rb" ([0-9A-Fa-f]{2}) +(\d{1,20})(?: (.*))?",
    re.DOTALL,
)
_HEADING = re.compile(rb"Num +RefCount +Protocol .*")

_ACCEPTS = 0x10000
"""__SO_ACCEPTCON: the socket called listen()."""
_STATES = {
    1: UnixState.UNCONNECTED,
    2: UnixState.CONNECTING,
    3: UnixState.CONNECTED,
    4: UnixState.DISCONNECTING,
}
"""enum socket_state (include/uapi/linux/net.h)."""


def parse_line(line: bytes) -> UnixRecord:
    """The socket on one line. ParseError for a line that the kernel would not write."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise ParseError("not a row of /proc/net/unix", line)
    refcnt, flags, kind, code, inode, path = match.groups()
    state = _STATES.get(int(code, 16))
    if state is None:
        raise ParseError("unknown socket state in /proc/net/unix", line)
    if state is UnixState.UNCONNECTED and int(flags, 16) & _ACCEPTS:
        state = UnixState.LISTENING
    path = path or b""
    if path.startswith(b"@"):
        path = b"\0" + path[1:]
    return UnixRecord(unix_type(int(kind, 16)), state, path, int(inode), refcnt=int(refcnt, 16))


def parse_table(text: bytes, notes: Notes) -> Iterator[UnixRecord]:
    """The sockets of the whole file; what stands below a name is not to be trusted."""
    trusted = True
    for number, line in enumerate(text.removesuffix(b"\n").split(b"\n")):
        if number == 0 and _HEADING.fullmatch(line):
            continue
        try:
            record = parse_line(line)
        except ParseError as error:
            notes.bad_row(error)
            trusted = False
            continue
        yield record._replace(trusted=trusted)
        if record.path:
            trusted = False


def first_sightings(records: Iterator[UnixRecord]) -> Iterator[UnixRecord]:
    """Each socket once, by inode and name; those that wait for accept() all stay.

    A row with a known inode and another name stays too: one of them is forged, and it
    may be the first.
    """
    seen = set()
    for record in records:
        key = (record.inode, record.path)
        if record.inode and key in seen:
            continue
        seen.add(key)
        yield record
