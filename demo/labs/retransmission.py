"""Bytes that nobody acknowledges are sent again, each time later."""

from __future__ import annotations

from demo.lab import Description, Lab
from demo.rows import NOBODY, client, listening, server

_FULL = 3
"""Connections that fit into the queue of listen(2)."""


def play(lab: Lab) -> None:
    """Fill the accept queue behind the back of a connection that is not finished."""
    lab.moves()
    s, c, others = lab.actors("server", "client", "others")
    lab.listen(s, options="l.setsockopt(IPPROTO_TCP, TCP_DEFER_ACCEPT, 300)\n", backlog=2)
    lab.step(
        "A client connects and sends nothing.",
        [c.does("c = socket(AF_INET, SOCK_STREAM)\nc.connect((HOST, PORT))")],
        [
            listening(recv_q=0, backlog=2),
            server("SYN_RECV", owners=NOBODY, timer="on"),
            client("ESTABLISHED", owners=("client",), timer="off"),
        ],
        "With TCP_DEFER_ACCEPT the server's end becomes a connection only with the first byte.",
    )
    crowd = [
        listening(recv_q=_FULL, backlog=2),
        server("ESTABLISHED", times=_FULL, owners=NOBODY, recv_q=1),
        client("ESTABLISHED", times=_FULL, owners=("others",), send_q=0),
        server("SYN_RECV", owners=NOBODY, timer="on"),
    ]
    lab.step(
        "Three others connect and send a byte; the server accepts none.",
        [
            others.does(
                f"others = [socket(AF_INET, SOCK_STREAM) for _ in range({_FULL})]\n"
                "for o in others:\n"
                "    o.connect((HOST, PORT))\n"
                "    o.send(b'x')"
            )
        ],
        [*crowd, client("ESTABLISHED", owners=("client",), send_q=0, timer="off")],
        "The accept queue is full: Linux lets in one more than listen(2) says.",
    )
    lab.step(
        "The first client sends, and send() succeeds.",
        [c.gets("c.send(b'data')", 4)],
        [
            *crowd,
            client(
                "ESTABLISHED", owners=("client",), send_q=4, timer="on", retransmits=range(1, 16)
            ),
        ],
        "There is no room for the connection, so the server's kernel drops the segment. The client "
        "keeps the 4 bytes in Send-Q and its timer is on; the second number counts how often it "
        "has sent them again.",
    )
    seen = lab.step(
        "Nobody does anything.",
        [],
        [
            *crowd,
            client(
                "ESTABLISHED", owners=("client",), send_q=4, timer="on", retransmits=range(3, 16)
            ),
        ],
        "It was sent again and again, and each wait is twice as long as the one before. The state "
        "is ESTABLISHED all the time: a Send-Q that stays beside a count that grows is how an "
        "unreachable peer looks.",
    )
    next_s = max(record.timer.expires_s for record in seen.records if record.timer)
    lab.step(
        "The server accepts one of the others.",
        [s.does("s, peer = l.accept()")],
        [
            listening(recv_q=_FULL, backlog=2),
            server("ESTABLISHED", owners=("server",), recv_q=1),
            server("ESTABLISHED", times=_FULL - 1, owners=NOBODY, recv_q=1),
            server("ESTABLISHED", owners=NOBODY, recv_q=4),
            client("ESTABLISHED", times=_FULL, owners=("others",), send_q=0),
            client("ESTABLISHED", owners=("client",), send_q=0, timer="off"),
        ],
        "There was room again, and the next retransmission got in: SYN_RECV became ESTABLISHED "
        "with the 4 bytes, the client's Send-Q is empty and its timer off. Nothing was lost.",
        patience_s=10 + next_s,
    )


DESCRIPTION = Description(
    "retransmission", "Send-Q that stays and a timer that counts: bytes nobody acknowledges", play
)
