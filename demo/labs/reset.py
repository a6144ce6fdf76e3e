"""Three ways to a reset: afterwards there is no row at all."""

from __future__ import annotations

from demo.cast import Actor
from demo.lab import Description, Lab
from demo.rows import Row, client, listening, server


def play(lab: Lab) -> None:
    """Close with unread data, close with SO_LINGER 0, and connect where nobody listens."""
    s, c = lab.actors("server", "client")
    lab.listen(s)
    _connect(lab, s, c, "A client connects and sends; the server does not read.", send=True)
    lab.step(
        "The server closes without having read.",
        [s.does("s.close()")],
        [listening()],
        "Bytes that were never read would be lost silently by a FIN, so the kernel sent a reset "
        "(RST) instead. A reset ends both directions at once: no FIN_WAIT, no TIME_WAIT, both "
        "rows are gone.",
    )
    lab.step(
        "The client finds out when it uses the socket.",
        [c.fails("c.recv(100)", "ConnectionResetError"), c.does("c.close()")],
        [listening()],
        "Until now it had a descriptor without a connection, and no table showed it.",
    )
    _connect(lab, s, c, "Again a client connects; nobody sends.", send=False)
    lab.step(
        "The client sets SO_LINGER to 0 seconds and closes.",
        [
            c.does('c.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))\nc.close()'),
            s.fails("s.recv(100)", "ConnectionResetError"),
            s.does("s.close()"),
        ],
        [listening()],
        "With it close() sends a reset instead of a FIN. The client closed first and there is no "
        "TIME_WAIT: so some programs avoid it. The price is that unsent bytes are thrown away and "
        "the peer gets an error instead of an end.",
    )
    lab.step(
        "The server stops listening; a client tries to connect.",
        [
            s.does("l.close()"),
            c.does("c = socket(AF_INET, SOCK_STREAM)"),
            c.fails("c.connect((HOST, PORT))", "ConnectionRefusedError"),
        ],
        [],
        "Nobody listens, so the kernel answered the SYN with a reset: connection refused. It took "
        "an instant, and no row stays behind. That is the lesson: after a reset the table is "
        "empty, so look at the errors of the calls.",
    )


def _connect(lab: Lab, s: Actor, c: Actor, title: str, send: bool) -> None:
    actions = [
        c.does("c = socket(AF_INET, SOCK_STREAM)\nc.connect((HOST, PORT))"),
        s.does("s, peer = l.accept()"),
    ]
    unread = 0
    if send:
        actions.append(c.gets('c.send(b"request")', 7))
        unread = 7
    rows: list[Row] = [
        listening(),
        server("ESTABLISHED", recv_q=unread, owners=("server",)),
        client("ESTABLISHED", owners=("client",)),
    ]
    why = "The request is in the server's Recv-Q." if send else "Nothing is in any queue."
    lab.step(title, actions, rows, f"An ordinary connection. {why}")


DESCRIPTION = Description("reset", "after a reset there is no row left", play)
