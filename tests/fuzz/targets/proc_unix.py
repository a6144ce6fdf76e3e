"""The lines of /proc/net/unix, which any user can forge."""

from __future__ import annotations

from pynetstat.errors import ParseError
from pynetstat.records import UnixRecord
from pynetstat.sources import Notes
from pynetstat.sources.proc_unix import first_sightings, parse_line, parse_table
from pynetstat.sources.unixjoin import join_unix
from tests.fuzz.harmless import check_parse_error

_GOOD = b"00000000ba8e65ca: 00000002 00000000 00010000 0001 01 842666"

WORDS = (": ", " 00010000", " 0001", " 01 ", " 02     0 ", " 842666", "\n", "@")


def check(data: bytes) -> None:
    """Good lines are rows, others are counted, and none below a name or a bad one is trusted."""
    rows: list[UnixRecord] = []
    bad, trusted = 0, True
    # Below a good line of its own, so that a heading in the text is a bad row as well.
    for line in [_GOOD, *data.split(b"\n"), _GOOD]:
        try:
            row = parse_line(line)
        except ParseError as error:
            check_parse_error(error)
            bad, trusted = bad + 1, False
        else:
            _check_row(row, line)
            rows.append(row._replace(trusted=trusted))
            trusted = trusted and not row.path
    notes = Notes()
    assert list(parse_table(_GOOD + b"\n" + data + b"\n" + _GOOD + b"\n", notes)) == rows
    assert notes.bad_rows == bad
    once = list(first_sightings(iter(rows)))
    _check_each_once(rows, once)
    _check_joined(once)


def _check_row(row: UnixRecord, line: bytes) -> None:
    """The row against the line, read field by field."""
    _, refcnt, _, _, _, _, inode, *_ = line.split()
    assert row.refcnt == int(refcnt, 16)
    assert row.inode == int(inode)
    fixed = len(line) - len(row.path)
    assert line[fixed:] in (row.path, b"@" + row.path[1:])
    assert line[:fixed].rstrip(b" ").endswith(inode)


def _check_each_once(rows: list[UnixRecord], once: list[UnixRecord]) -> None:
    named = [(row.inode, row.path) for row in once if row.inode]
    assert len(set(named)) == len(named)
    assert set(named) == {(row.inode, row.path) for row in rows if row.inode}
    assert [row for row in once if not row.inode] == [row for row in rows if not row.inode]


def _check_joined(listed: list[UnixRecord]) -> None:
    """A kernel that knows every second row: these stay, and no other row can sneak in."""
    by_inode = {row.inode: row._replace(refcnt=None, trusted=True) for row in listed[::2]}
    exact = list(by_inode.values())
    joined = join_unix(exact, listed)
    assert sorted(row.inode or 0 for row in joined) == sorted(row.inode or 0 for row in exact)
    assert {(row.inode, row.path) for row in joined} == {(row.inode, row.path) for row in exact}
    assert all(row.trusted for row in joined)
