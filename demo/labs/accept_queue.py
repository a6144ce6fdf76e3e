"""Connections wait in the kernel until accept() takes them."""

from __future__ import annotations

from demo.lab import Description, Lab
from demo.rows import NOBODY, client, listening, server


def play(lab: Lab) -> None:
    """Connect first, accept later."""
    s, c = lab.actors("server", "client")
    lab.listen(s)
    lab.step(
        "The client connects; the server has not called accept().",
        [c.does("c = socket(AF_INET, SOCK_STREAM)\nc.connect((HOST, PORT))")],
        [
            listening(recv_q=1),
            server("ESTABLISHED", owners=NOBODY),
            client("ESTABLISHED", owners=("client",)),
        ],
        "connect() has succeeded: the kernel shook hands on its own. The listener's Recv-Q "
        "counts the connection that waits, and no process holds the server's end yet.",
    )
    lab.step(
        "The server accepts.",
        [s.does("s, peer = l.accept()")],
        [
            listening(recv_q=0),
            server("ESTABLISHED", owners=("server",)),
            client("ESTABLISHED", owners=("client",)),
        ],
        "accept() took it out of the queue and gave it a descriptor: now it has an owner.",
    )


DESCRIPTION = Description("accept-queue", "connect() succeeds before accept() is called", play)
