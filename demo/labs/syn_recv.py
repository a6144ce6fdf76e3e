"""SYN_RECV at rest: the client is connected, the server's kernel waits for data."""

from __future__ import annotations

from demo.lab import Description, Lab
from demo.rows import NOBODY, client, listening, server


def play(lab: Lab) -> None:
    """Connect to a listener with TCP_DEFER_ACCEPT, send a byte, accept."""
    lab.moves()
    s, c = lab.actors("server", "client")
    lab.listen(s, options="l.setsockopt(IPPROTO_TCP, TCP_DEFER_ACCEPT, 300)\n")
    lab.step(
        "The client connects and sends nothing.",
        [c.does("c = socket(AF_INET, SOCK_STREAM)\nc.connect((HOST, PORT))")],
        [
            listening(recv_q=0),
            server("SYN_RECV", owners=NOBODY, timer="on"),
            client("ESTABLISHED", owners=("client",), timer="off"),
        ],
        "The two ends disagree: the client got its SYN-ACK and is connected, but TCP_DEFER_ACCEPT "
        "lets the server's kernel pass over the client's bare ACK. SYN_RECV is no socket yet, only "
        "a note at the listener: no owner, and not counted in Recv-Q, so accept() would block.",
    )
    lab.step(
        "The client sends its first byte.",
        [c.gets("c.send(b'x')", 1)],
        [
            listening(recv_q=1),
            server("ESTABLISHED", owners=NOBODY, recv_q=1, timer="off"),
            client("ESTABLISHED", owners=("client",), send_q=0),
        ],
        "The byte made it a connection, and it waits for accept(). A server that the client must "
        "speak to first is woken only when there is something to read.",
    )
    lab.step(
        "The server accepts and reads.",
        [s.does("s, peer = l.accept()"), s.gets("s.recv(100)", b"x")],
        [
            listening(recv_q=0),
            server("ESTABLISHED", owners=("server",), recv_q=0),
            client("ESTABLISHED", owners=("client",)),
        ],
        "accept() gave it an owner, and recv() did not have to wait.",
    )


DESCRIPTION = Description(
    "syn-recv", "SYN_RECV is not a socket yet: no owner, nothing to accept", play
)
