"""UDP: no handshake, no state, and datagrams that are dropped without a word."""

from __future__ import annotations

from demo.lab import Description, Lab
from demo.rows import Row

_CHARGED = range(6, 1 << 16)
"""More than the 5 bytes sent: the memory that the datagram occupies."""

_FLOOD = """\
for number in range(200):
    c.send(b"x" * 500)"""

_READ_ALL = """\
read = 0
s.setblocking(False)
try:
    while s.recv(2048): read += 1
except BlockingIOError: pass"""


def play(lab: Lab) -> None:
    """Send without a connection, then connect, then send more than there is room for."""
    s, c = lab.actors("server", "client")
    lab.step(
        "The server binds a port. There is no listen() and no accept().",
        [
            s.does(
                "s = socket(AF_INET, SOCK_DGRAM)\n"
                "s.setsockopt(SOL_SOCKET, SO_RCVBUF, 8192)\n"
                "s.bind((HOST, PORT))"
            )
        ],
        [_bound(recv_q=0)],
        "One row with a blank state: a UDP socket that is bound can be sent to. LISTEN is TCP's.",
        settles=(s, "s", "PORT"),
    )
    lab.step(
        "The client sends 5 bytes, and the server does not read.",
        [
            c.does("c = socket(AF_INET, SOCK_DGRAM)"),
            c.gets('c.sendto(b"hello", (HOST, PORT))', 5),
        ],
        [
            _bound(recv_q=_CHARGED),
            Row("?", "CLOSE", proto="udp", recv_q=0, owners=("client",), raddr="0.0.0.0"),
        ],
        "sendto() bound the client to a port. Its row has no foreign address, and nothing says "
        "that these two had to do with each other. The Recv-Q is more than 5: for UDP it is the "
        "memory that the datagram takes up, not its bytes.",
    )
    lab.step(
        "The server reads. The client connects.",
        [
            s.gets("data, sender = s.recvfrom(2048)\ndata", b"hello"),
            c.does("c.connect((HOST, PORT))"),
        ],
        [_bound(recv_q=0), _connected()],
        "ESTABLISHED, and yet no packet was sent: connect() on UDP only notes whom send() is for, "
        "and that datagrams of others are refused. The server knows nothing of it.",
    )
    lab.step(
        "The client sends 200 datagrams; the server does not read.",
        [c.does(_FLOOD)],
        [_bound(recv_q=_CHARGED), _connected()],
        "Every send() succeeded. The Recv-Q stands at the server's limit, and the client's Send-Q "
        "is 0: UDP does not hold the sender back.",
    )
    lab.step(
        "How many arrived? The server reads them all and asks for its drop counter.",
        [
            s.does(_READ_ALL),
            s.does(
                "SO_MEMINFO = 55  # nine numbers, the last one counts drops\n"
                'drops = struct.unpack("9I", s.getsockopt(SOL_SOCKET, SO_MEMINFO, 36))[8]'
            ),
            s.gets("drops > 0", True),
            s.gets("read + drops", 200),
        ],
        [_bound(recv_q=0), _connected()],
        "What found no room was dropped, without an error on either side; the kernel counted it "
        "(last column of /proc/net/udp). Who needs every datagram must number them himself.",
    )


def _bound(recv_q: int | range) -> Row:
    return Row("S", "CLOSE", proto="udp", recv_q=recv_q, owners=("server",), raddr="0.0.0.0")


def _connected() -> Row:
    return Row("C", "ESTABLISHED", proto="udp", recv_q=0, send_q=0, owners=("client",))


DESCRIPTION = Description("udp", "no state, no LISTEN, and drops that nobody is told of", play)
