"""The lecture: two servers listen, one client connects, and who closes first waits."""

from __future__ import annotations

import signal

from demo.lab import Description, Lab
from demo.rows import NOBODY, client, listening, server


def play(lab: Lab) -> None:
    """Two servers, one client, then the end of both."""
    first, second, c = lab.actors("nc-1234", "nc-8080", "client")
    lab.listen(first)
    lab.listen(second, name="PORT2")
    other = listening(port="PORT2", owners=("nc-8080",))
    lab.step(
        "A client connects to the first server, which accepts.",
        [
            c.does("c = socket(AF_INET, SOCK_STREAM)\nc.connect((HOST, PORT))"),
            first.does("s, peer = l.accept()"),
        ],
        [
            other,
            listening(owners=("nc-1234",)),
            server("ESTABLISHED", owners=("nc-1234",), timer="off"),
            client("ESTABLISHED", owners=("client",), timer="off"),
        ],
        "One connection on loopback is two rows, one for each end, with the addresses swapped. "
        "The listener goes on listening beside them.",
    )
    lab.step(
        "The server is killed; the client still lives.",
        [first.dies(signal.SIGTERM)],
        [
            other,
            server("FIN_WAIT2", owners=NOBODY, timer="timewait"),
            client("CLOSE_WAIT", owners=("client",), recv_q=1),
        ],
        "The kernel closes a dead process's sockets: the listener is gone, the server's end has "
        "sent its FIN and waits, without an owner, for the client's.",
    )
    lab.step(
        "The client is killed, too.",
        [c.dies(signal.SIGTERM)],
        [
            other,
            server("TIME_WAIT", owners=NOBODY, timer="timewait", expires_s=range(50, 61)),
        ],
        "The side that closed first keeps the connection for a minute in TIME_WAIT, so that late "
        "segments can't reach a new one on the same port. It needs no process for that.",
    )


DESCRIPTION = Description(
    "lecture", "two servers, one client: LISTEN, ESTABLISHED twice, TIME_WAIT", play
)
