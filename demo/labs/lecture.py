"""The lecture: two servers listen, one client connects, and who closes first waits."""

from __future__ import annotations

import signal

from demo.lab import Description, Lab
from demo.rows import NOBODY, client, listening, server


def play(lab: Lab) -> None:
    """Two servers and one client, all of them nc, and their end."""
    other, s, c = (lab.program(name) for name in ("other", "server", "client"))
    port, other_port = lab.reserve(), lab.reserve("PORT2")
    waiting = listening(port="PORT2", owners=("other",))
    lab.step(
        "Two servers listen.",
        [other.begins(f"nc -l {other_port}"), s.begins(f"nc -l {port}")],
        [waiting, listening(owners=("server",))],
        "LISTEN: the kernel takes connections for these ports. 0.0.0.0 as the local address means "
        "every address of this machine; the foreign end is not known yet, so it is 0.0.0.0:*.",
    )
    lab.step(
        "A client connects to the second one.",
        [c.begins(f"nc 127.0.0.1 {port}")],
        [
            waiting,
            server("ESTABLISHED", owners=("server",), timer="off"),
            client("ESTABLISHED", owners=("client",), timer="off"),
        ],
        "One connection on loopback is two rows, one for each end, with the addresses swapped. "
        "This nc serves one client: it closed its listening socket after accept(), so that LISTEN "
        "row is gone. (Debian's nc keeps it until it ends.)",
    )
    lab.step(
        "The server is ended; the client still runs.",
        [s.dies(signal.SIGTERM)],
        [
            waiting,
            server("FIN_WAIT2", owners=NOBODY, timer="timewait"),
            client("CLOSE_WAIT", owners=("client",), recv_q=0),
        ],
        "The kernel closes an ended process's sockets: the server's end has sent its FIN and "
        "waits, without an owner, for the client's. The client has read the end but has not "
        "closed, for its own input has not ended. (With a terminal as input, this nc ends now.)",
    )
    lab.step(
        "The other two are ended.",
        [c.dies(signal.SIGTERM), other.dies(signal.SIGTERM)],
        [server("TIME_WAIT", owners=NOBODY, timer="timewait", expires_s=range(50, 61))],
        "No nc runs any more, and one row is left. The side that closed first keeps the connection "
        "for a minute in TIME_WAIT, so that late segments can't reach a new one with the same "
        "addresses and ports. The kernel does that; it needs no process.",
    )


DESCRIPTION = Description(
    "lecture", "two servers, one client: LISTEN, ESTABLISHED twice, TIME_WAIT", play
)
