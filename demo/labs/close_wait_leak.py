"""CLOSE_WAIT that stays: a server forgets to close."""

from __future__ import annotations

from demo.lab import Description, Lab
from demo.rows import NOBODY, client, listening, server

_CLIENTS = 3
_MINUTE = range(40, 61)


def play(lab: Lab) -> None:
    """Clients hang up, the server does not notice; then it closes after all."""
    s, c = lab.actors("server", "clients")
    lab.listen(s)
    lab.step(
        "Three clients connect, and the server keeps what accept() returns.",
        [
            c.does(
                f"cs = [socket(AF_INET, SOCK_STREAM) for _ in range({_CLIENTS})]\n"
                "for c in cs: c.connect((HOST, PORT))"
            ),
            s.does(f"ss = [l.accept()[0] for _ in range({_CLIENTS})]"),
        ],
        [
            listening(owners=("server",), recv_q=0),
            server("ESTABLISHED", times=_CLIENTS, owners=("server",)),
            client("ESTABLISHED", times=_CLIENTS, owners=("clients",)),
        ],
        "One process holds three connections: three rows with the same owner.",
    )
    lab.step(
        "The clients close; the server does nothing.",
        [c.does("for c in cs: c.close()")],
        [
            listening(owners=("server",), recv_q=0),
            server("CLOSE_WAIT", times=_CLIENTS, owners=("server",), recv_q=1, timer="off"),
            client("FIN_WAIT2", times=_CLIENTS, owners=NOBODY, timer="timewait", expires_s=_MINUTE),
        ],
        "CLOSE_WAIT: the peer hung up, and the process in this row has not called close(). The "
        "clients' ends have no owner and a timer of a minute, then the kernel drops them. "
        "CLOSE_WAIT has no timer: it stays until the server closes or ends, and each one costs a "
        "descriptor. A CLOSE_WAIT that stays is a bug of that program, never of the network.",
    )
    lab.step(
        "The server reads the end of each stream and closes.",
        [s.gets("[s.recv(1) for s in ss]", [b""] * _CLIENTS), s.does("for s in ss: s.close()")],
        [
            listening(owners=("server",), recv_q=0),
            client("TIME_WAIT", times=_CLIENTS, owners=NOBODY, timer="timewait", expires_s=_MINUTE),
        ],
        "recv() returns b'' at the end; who then calls close() leaks nothing. TIME_WAIT is left "
        "where close() came first, and goes by itself.",
    )


DESCRIPTION = Description(
    "close-wait-leak", "CLOSE_WAIT that stays is a program that forgot close()", play
)
