"""The server dies: the client learns it late, and only by writing twice."""

from __future__ import annotations

from demo.lab import Description, Lab
from demo.rows import NOBODY, client, listening, server


def play(lab: Lab) -> None:
    """Kill the server while the client lives, then send."""
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
            server("ESTABLISHED", owners=("server",)),
            client("ESTABLISHED", owners=("client",)),
        ],
        "Both ends have a process.",
    )
    lab.step(
        "The server is killed and can run no line of code any more.",
        [s.dies()],
        [
            server("FIN_WAIT2", owners=NOBODY, timer="timewait", expires_s=range(40, 61)),
            client("CLOSE_WAIT", owners=("client",), recv_q=1),
        ],
        "The kernel closed the sockets of the dead process, so a FIN was sent all the same. The "
        "server's end is kept by the kernel alone, for a minute. The client's Recv-Q of 1 is that "
        "FIN: recv() would return b'', but this client does not call it.",
    )
    lab.step(
        "The client sends, and send() succeeds.",
        [c.gets("c.send(b'hello')", 5)],
        [],
        "send() only hands bytes to the kernel. No process is left to read them, so the server's "
        "kernel answered with a reset, and that removed both rows. The client still has its "
        "descriptor, but no connection.",
    )
    lab.step(
        "The client sends again.",
        [c.fails("c.send(b'hello')", "BrokenPipeError: [Errno 32]")],
        [],
        "Only the second send() reports the reset, as EPIPE. (Python ignores SIGPIPE; a C program "
        "that does not is killed here.) The first five bytes were lost without an error.",
    )


DESCRIPTION = Description(
    "killed-server", "the first send() to a dead server succeeds, the second fails", play
)
