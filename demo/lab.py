"""A lab: steps of real programs, and after each step the rows that must be seen."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from demo.apart import Apart
from demo.cast import Action, Actor, ActorError, Program
from demo.netns import NetworkRefused
from demo.rows import Mismatch, Row, UnixRow, compare, end_of
from pynetstat import GapKind, Proto, PynetstatError, Snapshot, SocketRecord, UnixRecord, collect
from pynetstat.render.netstat import timer_text

HOST = "127.0.0.1"
PATIENCE_S = 10.0
_PAUSE_S = 0.03
_SHORT_PAUSE_S = 0.003
_LOOKS = 4
"""Looks for rows that are gone in a moment, before what makes them is done again."""

_TABLES = (Proto.TCP, Proto.TCP6, Proto.UDP, Proto.UDP6)


class LabFailed(Exception):
    """A lab did not come out as it must; the text says how, in some lines."""


class LabSkipped(Exception):
    """This kernel or this user can't run the lab; the text says why, in one line."""


class Step(NamedTuple):
    """What has been done and seen, to be shown."""

    title: str
    actions: Sequence[Action]
    snapshot: Snapshot
    before: Snapshot | None
    why: str


class Audience(Protocol):
    """Who is shown the steps."""

    def step(self, number: int, step: Step) -> None:
        """Show a step; returns when the next one may begin."""


class Description(NamedTuple):
    """A lab in the list: its name, the line that says what it teaches, and its steps."""

    name: str
    teaches: str
    play: Callable[[Lab], None]


class Lab:
    """What a lab's function works with. As a context manager it ends all it has started.

    ``ports`` are the lab's ports by the name that its code has for them; ``PORT`` is the
    one asked for on the command line, or 0 until :meth:`settle` knows the one that the
    server got.
    """

    def __init__(self, audience: Audience, port: int = 0, patience_s: float = PATIENCE_S) -> None:
        self.host = HOST
        self.ports: dict[str, int] = {"PORT": port}
        self.paths: set[bytes] = set()
        self._audience = audience
        self._patience_s = patience_s
        self._actors: list[Actor] = []
        self._held: list[socket.socket] = []
        self._apart: Apart | None = None
        self._names: dict[int, str] = {}
        self._before: Snapshot | None = None
        self._others: set[int | None] = set()
        self._expected: Sequence[Row | UnixRow] = ()
        self._steps = 0

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        for actor in self._actors:
            actor.end()
        for held in self._held:
            held.close()
        if self._apart is not None:
            self._apart.close()

    def moves_out(self) -> bool:
        """Put the actors to come into a network of the lab's own, if the user may have one."""
        try:
            self._apart = Apart()
        except NetworkRefused:
            return False
        return True

    def moves(self) -> None:
        """Give the actors to come a HOST of 127.0.0.0/8 that had no connection before.

        The kernel remembers for each pair of addresses how long answers took, and new
        connections start with that. A lab that makes answers late must neither wait for
        what an earlier one left nor leave the like to every program that uses 127.0.0.1.
        """
        self.host = ".".join(["127", *(str(1 + byte % 254) for byte in os.urandom(3))])

    def actor(self, name: str) -> Actor:
        """A process of that name, which knows HOST and the lab's ports."""
        actor = Actor(name, self._apart.pid if self._apart else None)
        self._actors.append(actor)
        self._names[actor.pid] = name
        actor.learns(HOST=self.host, **self.ports)
        return actor

    def actors(self, *names: str) -> list[Actor]:
        """Several processes."""
        return [self.actor(name) for name in names]

    def program(self, name: str, folder: str = ".", terminal: bool = False) -> Program:
        """A process that will run a program of this package, such as nc."""
        program = Program(name, self.knows, folder, terminal)
        self._actors.append(program)
        return program

    def reserve(self, name: str = "PORT") -> int:
        """A free port (or the one asked for) for a program that sets SO_REUSEADDR.

        It stays bound here, without a row in any table, so that nobody else gets it.
        """
        held = socket.socket()
        self._held.append(held)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind(("", self.ports.get(name, 0)))
        except OSError as error:
            raise LabFailed(f"port {self.ports.get(name, 0)}: {error.strerror}") from error
        port: int = held.getsockname()[1]
        self._agree_on(name, port)
        return port

    def knows(self, pid: int, name: str) -> None:
        """Call a process that an actor has forked by a name."""
        self._names[pid] = name

    def settle(self, actor: Actor, sock: str, name: str = "PORT") -> int:
        """Tell everyone the port that ``sock`` (an expression of the actor's) is bound to."""
        port: int = actor.value(f"{sock}.getsockname()[1]")
        self._agree_on(name, port)
        return port

    def listen(self, actor: Actor, options: str = "", backlog: int = 5, name: str = "PORT") -> None:
        """The step with which most labs begin: a server that listens, as ``l``."""
        code = (
            "l = socket(AF_INET, SOCK_STREAM)\n"
            "l.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)\n"
            f"{options}"
            f"l.bind((HOST, {name}))\n"
            f"l.listen({backlog})"
        )
        if name not in self.ports:
            self.ports[name] = 0
            actor.learns(**{name: 0})
        self.step(
            "The server listens.",
            [actor.does(code)],
            [*self._expected, Row("L", "LISTEN", recv_q=0, port=name, owners=(actor.name,))],
            "LISTEN: the kernel takes connections for this port. Local Address says who can reach "
            "it; Recv-Q will count those that wait for accept().",
            settles=(actor, "l", name),
        )

    def step(
        self,
        title: str,
        actions: Sequence[Action],
        rows: Sequence[Row | UnixRow],
        why: str,
        settles: tuple[Actor, str, str] | None = None,
        *,
        forks: tuple[Actor, str] | None = None,
        again: Sequence[Action] = (),
        patience_s: float | None = None,
    ) -> Snapshot:
        """Run the actions, wait until exactly these rows are there, and show it all.

        ``settles`` (actor, socket, name) first makes known the port that the socket got;
        ``forks`` (actor, name) names the process whose number the actor has as ``pid``.
        ``again`` is done after some looks in vain, for rows that are gone in a moment.
        ``patience_s`` is for rows that may come later than the lab's own patience lasts.
        LabFailed when an action or the rows don't come out.
        """
        self._steps += 1
        try:
            for action in actions:
                action.run()
            if settles is not None:
                self.settle(*settles)
            if forks is not None:
                self.knows(forks[0].value("pid"), forks[1])
            snapshot = self._wait_for(title, rows, patience_s or self._patience_s, again)
        except ActorError as error:
            raise LabFailed(f"step {self._steps}, {title}\n{error}") from error
        self._expected = rows
        self._audience.step(self._steps, Step(title, actions, snapshot, self._before, why))
        self._before = snapshot
        return snapshot

    def look(self) -> Snapshot:
        """The lab's own sockets, now. Other processes' owners are none of its business."""
        tables = (*_TABLES, Proto.UNIX) if self.paths else _TABLES
        everything = self._apart.look(tables) if self._apart else collect(tables, owners=True)
        return everything._replace(
            records=[record for record in everything.records if self._is_ours(record)],
            unix=[record for record in everything.unix if self._is_ours(record)],
            gaps=tuple(gap for gap in everything.gaps if gap.kind is not GapKind.OWNERS),
        )

    def _wait_for(
        self,
        title: str,
        rows: Sequence[Row | UnixRow],
        patience_s: float,
        again: Sequence[Action],
    ) -> Snapshot:
        until = time.monotonic() + patience_s
        looks = 0
        while True:
            try:
                snapshot = self.look()
            except PynetstatError as error:
                raise LabFailed(f"step {self._steps}, {title}\n{error}") from error
            seen: list[SocketRecord | UnixRecord] = [*snapshot.records, *snapshot.unix]
            mismatch = compare(rows, seen, self.ports, self._names)
            if not mismatch:
                return snapshot
            if time.monotonic() > until:
                raise LabFailed(_tell(self._steps, title, mismatch))
            time.sleep(_SHORT_PAUSE_S if again else _PAUSE_S)
            looks += 1
            if looks % _LOOKS == 0:
                for action in again:
                    action.run()

    def _agree_on(self, name: str, port: int) -> None:
        """Let everyone know the port."""
        self.ports[name] = port
        self._leave_out(port)
        for each in self._actors:
            each.learns(**{name: port})

    def _leave_out(self, port: int) -> None:
        """Others may have had the port before: their TIME_WAIT rows are none of the lab's."""
        try:
            records = self.look().records
        except PynetstatError as error:
            raise LabFailed(str(error)) from error
        known = {record.cookie for record in self._before.records} if self._before else set()
        for record in records:
            if record.state == "TIME_WAIT" and end_of(record, port) != "?":
                self._others.update({record.cookie} - known - {None})

    def _is_ours(self, record: SocketRecord | UnixRecord) -> bool:
        if any(owner.pid in self._names for owner in record.owners or ()):
            return True
        if record.cookie in self._others:
            return False
        if isinstance(record, UnixRecord):
            return record.path in self.paths
        return any(end_of(record, port) != "?" for port in self.ports.values() if port)


def _tell(number: int, title: str, mismatch: Mismatch) -> str:
    lines = [f"step {number}, {title}"]
    lines += [f"  missing: {row}" for row in mismatch.missing]
    lines += [f"  there instead: {_describe(row)}" for row in mismatch.unexpected]
    return "\n".join(lines)


def _describe(row: SocketRecord | UnixRecord) -> str:
    if isinstance(row, UnixRecord):
        return f"unix {row.type} {row.state} {row.path!r}"
    timer = timer_text(row.timer)
    owners = ", ".join(f"{owner.pid}/{owner.name}" for owner in row.owners or ()) or "nobody"
    return (
        f"{row.proto} {row.laddr.ip}:{row.laddr.port} {row.raddr.ip}:{row.raddr.port} "
        f"{row.state} Recv-Q {row.recv_q} Send-Q {row.send_q} {timer} held by {owners}"
    )
