"""A reader that does not read: both queues fill, and send() takes less and less."""

from __future__ import annotations

from demo.lab import Description, Lab
from demo.rows import client, listening, server

_SMALL = "l.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096)\n"
_SENT = [5000, 5000, 5000, 1144, 240]
_UNREAD, _WAITING = 4096, 12288
_SOME = range(1, 1 << 30)

_SEND = """\
{0}.setblocking(False)
sent = []
while True: sent.append({0}.send(bytes(5000)))"""

_ACCEPT = "s, peer = l.accept()"


def play(lab: Lab) -> None:
    """Fill small buffers, empty them, then fill buffers of the usual size."""
    lab.moves()
    s, c, other = lab.actors("server", "client", "server2")
    lab.listen(s, options=_SMALL)
    lab.step(
        "A client connects, and neither end has much room.",
        [
            c.does(
                "c = socket(AF_INET, SOCK_STREAM)\n"
                "c.setsockopt(SOL_SOCKET, SO_SNDBUF, 8192)\n"
                "c.connect((HOST, PORT))"
            ),
            s.does(_ACCEPT),
        ],
        [
            listening(owners=("server",), recv_q=0),
            server("ESTABLISHED", owners=("server",), recv_q=0, send_q=0, timer="off"),
            client("ESTABLISHED", owners=("client",), recv_q=0, send_q=0, timer="off"),
        ],
        "The server set SO_RCVBUF on the listener: the sockets that accept() returns inherit it.",
    )
    lab.step(
        "The client sends 5000 bytes again and again; the server does not read.",
        [c.fails(_SEND.format("c"), "BlockingIOError: [Errno 11]"), c.gets("sent", _SENT)],
        [
            listening(owners=("server",), recv_q=0),
            server("ESTABLISHED", owners=("server",), recv_q=_UNREAD, send_q=0, timer="off"),
            client("ESTABLISHED", owners=("client",), recv_q=0, send_q=_WAITING, timer="probe"),
        ],
        f"send() returned 5000 three times, then only what still fitted, then EAGAIN: its value "
        f"must be looked at. All {sum(_SENT)} bytes are in the kernel: {_UNREAD} in the server's "
        f"Recv-Q, not read yet, and {_WAITING} in the client's Send-Q, not acknowledged. `probe` "
        "means that the server's window is zero and the client asks from time to time.",
    )
    idle = [
        listening(owners=("server",), recv_q=0),
        server("ESTABLISHED", owners=("server",), recv_q=0, send_q=0, timer="off"),
        client("ESTABLISHED", owners=("client",), recv_q=0, send_q=0, timer="off"),
    ]
    lab.step(
        "The server reads.",
        [s.gets(f"len(s.recv({sum(_SENT)}, MSG_WAITALL))", sum(_SENT))],
        idle,
        "Reading opened the window, the rest came through, and both queues are empty. No byte was "
        "lost: the slow reader held up the sender, and that is all.",
    )
    lab.listen(other, name="PORT2")
    unread = server("ESTABLISHED", port="PORT2", owners=("server2",), recv_q=_SOME)
    stuck = client("ESTABLISHED", port="PORT2", owners=("client",), send_q=_SOME)
    fill = [
        c.does("c2 = socket(AF_INET, SOCK_STREAM)\nc2.connect((HOST, PORT2))"),
        other.does(_ACCEPT),
        c.fails(_SEND.format("c2"), "BlockingIOError: [Errno 11]"),
    ]
    lab.step(
        "The same at a second server, with the buffers that the system gives.",
        fill,
        [
            *idle,
            listening(port="PORT2", owners=("server2",)),
            unread,
            stuck._replace(timer="on", expires_ms=range(100, 300), retransmits=0),
        ],
        "Megabytes went into Send-Q before send() refused. The timer is `on`: bytes are on their "
        "way, and if nobody acknowledges them in about 200 ms they are sent again. This row lasts "
        "for some hundredths of a second, then the answer is there: no room.",
        # Closing with unread bytes is a reset: nothing of the first try is left.
        again=[other.does("s.close()"), c.does("c2.close()"), *fill],
    )
    lab.step(
        "Nobody does anything.",
        [],
        [
            *idle,
            listening(port="PORT2", owners=("server2",)),
            unread,
            stuck._replace(timer="probe"),
        ],
        "The window is zero, so the timer is `probe` again. A big Send-Q beside a peer's big "
        "Recv-Q says: the network is well, the program at the other end does not read.",
    )


DESCRIPTION = Description(
    "back-pressure", "a server that does not read: Recv-Q, Send-Q and partial sends", play
)
