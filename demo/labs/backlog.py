"""A full accept queue: who comes too late hangs in connect()."""

from __future__ import annotations

from collections.abc import Sequence

from demo.cast import Actor
from demo.lab import Description, Lab
from demo.rows import NOBODY, Row, client, listening, server

_SOCKET = "c = socket(AF_INET, SOCK_STREAM)"
_CALL = "c.connect((HOST, PORT))"


def play(lab: Lab) -> None:
    """Four clients at a server that lets two wait."""
    lab.moves()
    s, *clients = lab.actors("server", "client1", "client2", "client3", "client4")
    in_time, late = clients[:2], clients[2:]
    lab.listen(s, backlog=1)
    waiting = [
        listening(owners=("server",), recv_q=2, backlog=1),
        server("ESTABLISHED", times=2, owners=NOBODY),
        *(client("ESTABLISHED", owners=(c.name,), send_q=0, timer="off") for c in in_time),
    ]
    lab.step(
        "Two clients connect; the server does not accept.",
        [c.does(f"{_SOCKET}\n{_CALL}") for c in in_time],
        waiting,
        "The listener's Recv-Q of 2 counts those that wait. That is one more than listen(1) says: "
        "Linux takes another one while the queue is not longer than the backlog.",
    )
    lab.step(
        "Two more clients connect, and connect() does not return.",
        [c.begins(f"{_SOCKET}\n{_CALL}  # blocks") for c in late],
        [*waiting, *_knocking(late, range(1))],
        "The queue is full, so the server's kernel drops the SYN and says nothing: no SYN_RECV "
        "row. The late clients are in SYN_SENT; Send-Q 1 is the SYN that nobody acknowledged, and "
        "the timer says when it is sent again.",
    )
    lab.step(
        "Nobody does anything.",
        [],
        [*waiting, *_knocking(late, range(1, 20))],
        "The second number of the timer counts the retries. To the clients it looks like a network "
        "that loses everything; an error comes after minutes, as ETIMEDOUT.",
    )
    lab.step(
        "The server accepts two.",
        [
            s.does("s1, peer = l.accept()\ns2, peer = l.accept()"),
            *(c.returns(f"{_CALL}  # returns") for c in late),
        ],
        [
            listening(owners=("server",), recv_q=2, backlog=1),
            server("ESTABLISHED", times=2, owners=("server",)),
            server("ESTABLISHED", times=2, owners=NOBODY),
            *(client("ESTABLISHED", owners=(c.name,), send_q=0, timer="off") for c in clients),
        ],
        "There was room, and the next retry of each got in. Nothing was refused, it only took "
        "long: a slow connect() may be a full accept queue at the other end.",
    )


def _knocking(late: Sequence[Actor], retries: range) -> list[Row]:
    return [
        client("SYN_SENT", owners=(c.name,), send_q=1, timer="on", retransmits=retries)
        for c in late
    ]


DESCRIPTION = Description(
    "backlog", "a full accept queue: SYN_SENT, and no word from the server", play
)
