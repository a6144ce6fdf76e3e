"""An idle connection has no timer unless the program asks for keepalive."""

from __future__ import annotations

from demo.lab import Description, Lab
from demo.rows import client, listening, server


def play(lab: Lab) -> None:
    """Turn keepalive on, then make it quick."""
    s, c = lab.actors("server", "client")
    lab.listen(s)
    accepted = [
        listening(owners=("server",)),
        server("ESTABLISHED", owners=("server",), timer="off"),
    ]
    lab.step(
        "A client connects, the server accepts, and nobody sends.",
        [
            c.does("c = socket(AF_INET, SOCK_STREAM)\nc.connect((HOST, PORT))"),
            s.does("s, peer = l.accept()"),
        ],
        [*accepted, client("ESTABLISHED", owners=("client",), timer="off")],
        "The timers are off: an idle connection sends nothing and has no end. If the other machine "
        "lost its power now, this row would stay for ever.",
    )
    idle_s = c.value("c.getsockopt(IPPROTO_TCP, TCP_KEEPIDLE)")
    lab.step(
        "The client turns keepalive on.",
        [c.does("c.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)")],
        [
            *accepted,
            client(
                "ESTABLISHED",
                timer="keepalive",
                expires_s=range(max(0, idle_s - 20), idle_s + 1),
                retransmits=0,
                probes=0,
            ),
        ],
        f"The timer says when the first probe goes out: {idle_s} seconds after the last segment, "
        "the system's default. Only the client's socket has it; each end decides for itself.",
    )
    lab.step(
        "The client asks for a first probe after 2 seconds of silence, and one every 2 seconds.",
        [
            c.does(
                "c.setsockopt(IPPROTO_TCP, TCP_KEEPINTVL, 2)\n"
                "c.setsockopt(IPPROTO_TCP, TCP_KEEPIDLE, 2)"
            )
        ],
        [
            *accepted,
            client("ESTABLISHED", timer="keepalive", expires_s=range(3), retransmits=0, probes=0),
        ],
        "The timer was set anew at once. The third number counts probes that were not answered: "
        "the server's kernel answers them, without its program, so it goes back to 0. After "
        "TCP_KEEPCNT unanswered probes recv() fails with ETIMEDOUT. With TCP_KEEPIDLE alone the "
        "second probe would go out only TCP_KEEPINTVL, by default 75 seconds, after the first.",
    )


DESCRIPTION = Description(
    "keepalive", "SO_KEEPALIVE starts a timer of two hours, TCP_KEEPIDLE makes it short", play
)
