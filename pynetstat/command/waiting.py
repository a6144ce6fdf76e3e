"""Whether anything matches: once (-q), or within a time (--wait)."""

from __future__ import annotations

import time
from collections.abc import Callable

from pynetstat.errors import SourceUnavailable
from pynetstat.snapshot import GapKind, Reader

_LEAST_PAUSE_S = 0.01
_SHARE = 0.04
"""Of a core, looks and all."""


_NO_ANSWER = (GapKind.UNREAD, GapKind.UNDECIDED, GapKind.BAD_ROWS, GapKind.NAMESPACES)
"""Among what is missing like this there may be a row that matches."""


def has_rows(reader: Reader) -> bool:
    """Whether there is any row; reads no further than the first.

    SourceUnavailable when there is none, but one could be among what nobody can tell.
    """
    if any(reader.inet()) or reader.unix():
        return True
    for gap in reader.gaps:
        if gap.kind in _NO_ANSWER:
            raise SourceUnavailable(str(gap))
    return False


def wait_for_rows(open_reader: Callable[[], Reader], seconds: float) -> Reader | None:
    """The reader that found a row, None when ``seconds`` went by without any.

    Looks the more seldom the more a look costs, and once more at the end. SourceUnavailable
    as :func:`has_rows`, when the last look has no answer.
    """
    end = time.monotonic() + seconds
    while True:
        last = time.monotonic() >= end
        began = time.process_time()
        reader = open_reader()
        reader.snapshot()  # what is shown then is what was found
        try:
            if has_rows(reader):
                return reader
        except SourceUnavailable:
            if last:
                raise
        reader.close()
        if last:
            return None
        cost = time.process_time() - began
        pause = max(cost / _SHARE, _LEAST_PAUSE_S)
        time.sleep(max(0.0, min(pause, end - time.monotonic())))
