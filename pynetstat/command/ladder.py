"""``--ladder``: one TCP connection drawn as it happens, or from a recording."""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Callable

from pynetstat.command.files import write_file
from pynetstat.command.options import Options
from pynetstat.command.output import Output, complain
from pynetstat.errors import PynetstatError
from pynetstat.filters import Port, any_of
from pynetstat.history.background import Background
from pynetstat.history.ladder import (
    TOGETHER_S,
    Ladder,
    build,
    connection,
    goes_on,
    is_connection,
    is_local,
    is_over,
    pair_of,
)
from pynetstat.history.recording_file import Recording
from pynetstat.history.stream import rows_that_match
from pynetstat.history.transition import Event, Loss
from pynetstat.records import Addr, Owner, SocketRecord, TcpState
from pynetstat.render.ladder import Drawing, pens_for
from pynetstat.render.ladder_svg import as_svg
from pynetstat.snapshot import Snapshot, collect

_TURN_S = 0.05
_SETTLED_S = TOGETHER_S + 0.3
"""What is older than this stays as it is drawn: a look at the tables may tell so late."""
_LINGER_S = 1.0
"""How long to wait for more when both ends are gone or in TIME_WAIT."""
_DOUBT_S = 2.0
"""How long nothing is told before the tables are asked whether anything is left to be told."""
_MOST_BEFORE = 2000
"""Events kept as long as no connection is chosen: its first ones may not say that it is."""


def draw(options: Options, output: Output) -> int:
    """Follow one connection to its end, or draw it from the recording; the exit status.

    PynetstatError when there is none in the recording, or nobody tells of transitions here.
    """
    if options.session.replay is not None:
        return _draw_recorded(options, options.session.replay, output)
    return _follow(options, output)


class _Known:
    """What rows tell of: who listens, and who holds which socket."""

    def __init__(self) -> None:
        self.listening: set[int] = set()
        self._rows: dict[tuple[Addr, Addr], tuple[Owner, ...]] = {}

    def take(self, rows: list[SocketRecord]) -> None:
        for row in rows:
            if row.proto.base == "tcp":
                if row.state is TcpState.LISTEN:
                    self.listening.add(row.laddr.port)
                elif row.owners:
                    self._rows[row.laddr, row.raddr] = row.owners

    def ladder(self, events: list[Event], with_data: bool) -> Ladder | None:
        """The ladder of a connection's events."""
        ends = {(event.laddr, event.raddr) for event in events}
        owners = {end[0]: self._rows[end] for end in ends if end in self._rows}
        return build(events, listening=self.listening, owners=owners, with_data=with_data)


def _wanted(options: Options) -> Callable[[Event], bool]:
    """Which connection to choose: one that the filter holds for, else one within this machine."""
    protos = options.query.protos
    if options.query.filter is None:
        return lambda event: event.proto in protos and is_local(event)
    matches = rows_that_match(options.query.filter)
    return lambda event: event.proto in protos and matches(event.record()) is True


def _which(options: Options) -> str:
    return "within this machine" if options.query.filter is None else "that the filter holds for"


def _draw_recorded(options: Options, path: str, output: Output) -> int:
    known, events = _Known(), []
    with Recording(path) as recording:
        for item in recording:
            if isinstance(item, Snapshot):
                known.take(item.records)
            elif isinstance(item, Event):
                events.append(item)
        damage = recording.damage
    ladder = known.ladder(connection(events, _wanted(options)), with_data=True)
    if ladder is not None:
        output.write(_drawing(output).whole(ladder))
        output.flush()
        _write_picture(options, ladder)
    if damage is not None:
        raise PynetstatError(f"{path}: {damage}")
    if ladder is None:
        raise PynetstatError(f"{path}: no transition of a TCP connection is recorded that matches")
    return 0


def _follow(options: Options, output: Output) -> int:
    known = _Known()
    with Background(("tcp", "tcp6")) as stream:
        known.take(collect(["tcp", "tcp6"], owners=True).records)
        if stream.refusals:
            complain(f"short-lived states are inferred or not seen: {'; '.join(stream.refusals)}")
        follower = _Follower(options, known, output)
        complain(f"waiting for a TCP connection {_which(options)}; Ctrl-C ends it")
        try:
            while not follower.is_over():
                time.sleep(_TURN_S)
                for item in stream.take():
                    if isinstance(item, Loss):
                        complain(item.why)
                    else:
                        follower.take(item)
                follower.show()
        finally:
            follower.finish()
    return 0


class _Follower:
    """Draws a connection's rungs as soon as they are certain, and the rest at the end."""

    def __init__(self, options: Options, known: _Known, output: Output) -> None:
        self._options = options
        self._known = known
        self._output = output
        self._wanted = _wanted(options)
        self._drawing = _drawing(output)
        self._events: deque[Event] = deque(maxlen=_MOST_BEFORE)
        self._chosen: list[Event] = []
        self._shown: list[object] = []
        self._heard = 0.0

    def take(self, event: Event) -> None:
        """One more transition of whatever socket."""
        if not is_connection(event):
            if event.new is TcpState.LISTEN:
                self._known.listening.add(event.laddr.port)
            return
        if not self._chosen:
            # Of thousands of others a second none may be looked at twice.
            self._events.append(event)
            if not (goes_on(event) and self._wanted(event)):
                return
        elif pair_of(event) == pair_of(self._chosen[0]):
            self._events.append(event)
        else:
            return
        self._chosen = connection(self._events, self._wanted)
        self._events = deque(self._chosen, maxlen=_MOST_BEFORE)
        self._heard = time.monotonic()

    def is_over(self) -> bool:
        """Whether nothing more is to come."""
        quiet_s = time.monotonic() - self._heard
        if not self._chosen or quiet_s < _LINGER_S:
            return False
        if is_over(self._chosen):
            return True
        if quiet_s < _DOUBT_S:
            return False
        self._heard = time.monotonic()
        return not self._lives()

    def _lives(self) -> bool:
        """Whether an end is there that is not in TIME_WAIT: its last news may have been lost."""
        first = self._chosen[0]
        where = any_of(*(Port("sport", "=", end.port) for end in (first.laddr, first.raddr)))
        pair = pair_of(first)
        return any(
            pair_of(record) == pair and record.state is not TcpState.TIME_WAIT
            for record in collect(["tcp", "tcp6"], filter=where).records
        )

    def show(self) -> None:
        """Draw what is certain by now."""
        ladder = self._known.ladder(self._chosen, with_data=False)
        if ladder is None:
            return
        settled = time.time() - _SETTLED_S
        count = len(self._shown)
        while count < len(ladder.rungs) and ladder.rungs[count].at < settled:
            count += 1
        self._draw(ladder, count)

    def finish(self) -> None:
        """Draw the rest, and the picture."""
        ladder = self._known.ladder(self._chosen, with_data=False)
        whole = self._known.ladder(self._chosen, with_data=True)
        if ladder is None or whole is None:
            return
        if list(ladder.rungs[: len(self._shown)]) == self._shown:
            self._draw(ladder, len(ladder.rungs))
            self._write(self._drawing.notes(ladder))
        else:
            self._output.write("\nnow that more is known:\n\n" + self._drawing.whole(whole))
            self._output.flush()
        _write_picture(self._options, whole)

    def _draw(self, ladder: Ladder, count: int) -> None:
        shown = len(self._shown)
        if count <= shown:
            return
        lines = [] if shown else self._drawing.heads(ladder)
        self._write(lines + self._drawing.rungs(ladder, shown, count - shown))
        self._shown += ladder.rungs[shown:count]

    def _write(self, lines: list[str]) -> None:
        self._output.write("".join(f"{line}\n" for line in lines))
        self._output.flush()


def _drawing(output: Output) -> Drawing:
    return Drawing(shutil.get_terminal_size().columns, pens_for(output.encoding))


def _write_picture(options: Options, ladder: Ladder) -> None:
    path = options.choice.svg
    if path is None:
        return
    try:
        write_file(path, as_svg(ladder))
    except OSError as error:
        raise PynetstatError(f"can't write {path}: {error.strerror}") from error
