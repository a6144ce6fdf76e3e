"""CLOSING and LAST_ACK: a FIN has to wait behind bytes that are not read."""

from __future__ import annotations

from demo.lab import Description, Lab
from demo.rows import NOBODY, client, listening, server

_SOME = range(1, 1 << 20)

_FILL = """\
{0}.setblocking(False)
try:
    while {0}.send(bytes(1000)): pass
except BlockingIOError: pass"""

_DRAIN = "while {0}.recv(65536): pass"


def play(lab: Lab) -> None:
    """Close both ways while the client's bytes are stuck, then while the server's are."""
    s, c = lab.actors("server", "client")
    small = "l.setsockopt(SOL_SOCKET, SO_{0}BUF, {1})\n"
    lab.listen(s, options=small.format("RCV", 4096) + small.format("SND", 8192))
    lab.step(
        "A client connects and sends until there is no room; the server does not read.",
        [
            c.does(
                "c = socket(AF_INET, SOCK_STREAM)\n"
                "c.setsockopt(SOL_SOCKET, SO_SNDBUF, 8192)\n"
                "c.connect((HOST, PORT))"
            ),
            s.does("s, peer = l.accept()"),
            c.does(_FILL.format("c")),
        ],
        [
            listening(),
            server("ESTABLISHED", owners=("server",), recv_q=_SOME),
            client("ESTABLISHED", owners=("client",), send_q=_SOME, timer="probe"),
        ],
        "The server's buffer is full, its window is zero: the client's timer is `probe`, it asks "
        "from time to time whether there is room.",
    )
    lab.step(
        "The client has nothing more to say.",
        [c.does("c.shutdown(SHUT_WR)")],
        [
            listening(),
            server("ESTABLISHED", owners=("server",), recv_q=_SOME),
            client("FIN_WAIT1", owners=("client",), send_q=_SOME, timer="probe"),
        ],
        "FIN_WAIT1: closed, but the FIN has to queue behind the bytes in Send-Q. The server has "
        "not seen it and is still ESTABLISHED.",
    )
    crossed = [
        server("FIN_WAIT2", owners=("server",), recv_q=_SOME, timer="off"),
        client("CLOSING", owners=("client",), recv_q=1, send_q=_SOME, timer="probe"),
    ]
    lab.step(
        "The server has nothing to say, either.",
        [s.does("s.shutdown(SHUT_WR)")],
        [listening(), *crossed],
        "Both have closed, and neither because of the other. The server's FIN went through and was "
        "acknowledged: FIN_WAIT2. The client got a FIN while its own is still not acknowledged: "
        "that is CLOSING. Its Recv-Q of 1 is the FIN.",
    )
    lab.step(
        "The other way round: a second client closes first, and the server fills its buffer.",
        [
            c.does(
                "c2 = socket(AF_INET, SOCK_STREAM)\n"
                "c2.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096)\n"
                "c2.connect((HOST, PORT))\n"
                "c2.shutdown(SHUT_WR)"
            ),
            s.does("s2, peer2 = l.accept()"),
            s.gets("s2.recv(100)", b""),
            s.does(_FILL.format("s2")),
        ],
        [
            listening(),
            *crossed,
            server("CLOSE_WAIT", owners=("server",), send_q=_SOME, timer="probe"),
            client("FIN_WAIT2", owners=("client",), recv_q=_SOME, timer="off"),
        ],
        "Half-closed: the client may not send any more, the server still may, until the client's "
        "buffer is full.",
    )
    lab.step(
        "The server closes.",
        [s.does("s2.close()")],
        [
            listening(),
            *crossed,
            server("LAST_ACK", owners=NOBODY, send_q=_SOME, timer="probe"),
            client("FIN_WAIT2", owners=("client",), recv_q=_SOME, timer="off"),
        ],
        "LAST_ACK: the side that closes second waits for its FIN to be acknowledged. close() gave "
        "the descriptor back at once; the kernel goes on delivering what is in Send-Q, and no "
        "process owns the row.",
    )
    lab.step(
        "Both read what is there, to the end.",
        [
            s.does(_DRAIN.format("s")),
            c.does(_DRAIN.format("c2")),
        ],
        [
            listening(),
            server("TIME_WAIT", owners=NOBODY, timer="timewait"),
            client("TIME_WAIT", times=2, owners=NOBODY, timer="timewait"),
        ],
        "The windows opened, the rest of the bytes and the FINs came through. The first connection "
        "was closed by both sides at once, so both ends wait in TIME_WAIT. Of the second one only "
        "the client's end does: LAST_ACK goes without a wait.",
    )


DESCRIPTION = Description("closing", "CLOSING and LAST_ACK: a FIN behind bytes nobody reads", play)
