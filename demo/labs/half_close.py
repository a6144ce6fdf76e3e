"""shutdown(SHUT_WR): one direction is closed, the other still works."""

from __future__ import annotations

from demo.lab import Description, Lab
from demo.rows import NOBODY, client, listening, server


def play(lab: Lab) -> None:
    """The client closes its direction, gets an answer, and the server closes the other."""
    s, c = lab.actors("server", "client")
    lab.listen(s)
    lab.step(
        "A client connects, the server accepts.",
        [
            c.does("c = socket(AF_INET, SOCK_STREAM)\nc.connect((HOST, PORT))"),
            s.does("s, peer = l.accept()"),
        ],
        [
            listening(owners=("server",)),
            server("ESTABLISHED", owners=("server",), recv_q=0),
            client("ESTABLISHED", owners=("client",), recv_q=0),
        ],
        "Both directions are open.",
    )
    lab.step(
        "The client says that it will send no more.",
        [c.does("c.shutdown(SHUT_WR)")],
        [
            listening(owners=("server",)),
            server("CLOSE_WAIT", owners=("server",), recv_q=1),
            client("FIN_WAIT2", owners=("client",), send_q=0, timer="off"),
        ],
        "The client's FIN was acknowledged: FIN_WAIT2. It has its owner and no timer, because "
        "shutdown() keeps the descriptor: this may last for ever. The server's Recv-Q of 1 is no "
        "byte but the FIN, which the server has not read.",
    )
    lab.step(
        "The server reads the end of the stream.",
        [s.gets("s.recv(100)", b"")],
        [
            listening(owners=("server",)),
            server("CLOSE_WAIT", owners=("server",), recv_q=0),
            client("FIN_WAIT2", owners=("client",), timer="off"),
        ],
        "recv() returned b'': this is how a program learns of a FIN. The state stays CLOSE_WAIT: "
        "the kernel waits for the server's program to close.",
    )
    lab.step(
        "The server answers all the same.",
        [s.gets("s.send(b'answer')", 6)],
        [
            listening(owners=("server",)),
            server("CLOSE_WAIT", owners=("server",), recv_q=0, send_q=0),
            client("FIN_WAIT2", owners=("client",), recv_q=6, timer="off"),
        ],
        "Only the direction from client to server is closed. The answer waits in the client's "
        "Recv-Q.",
    )
    lab.step(
        "The client reads the answer.",
        [c.gets("c.recv(100)", b"answer")],
        [
            listening(owners=("server",)),
            server("CLOSE_WAIT", owners=("server",), recv_q=0, send_q=0),
            client("FIN_WAIT2", owners=("client",), recv_q=0, timer="off"),
        ],
        "A client can send its question, say that it is complete, and still get an answer.",
    )
    lab.step(
        "The server closes.",
        [s.does("s.close()"), c.gets("c.recv(100)", b"")],
        [
            listening(owners=("server",)),
            client("TIME_WAIT", owners=NOBODY, timer="timewait", expires_s=range(40, 61)),
        ],
        "Now both directions are closed. The client was first, so its end stays in TIME_WAIT, and "
        "without an owner although the client has not called close(): its descriptor has no "
        "connection any more.",
    )


DESCRIPTION = Description(
    "half-close", "shutdown() closes one direction: FIN_WAIT2 and CLOSE_WAIT at rest", play
)
