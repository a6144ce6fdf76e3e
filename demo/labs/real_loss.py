"""Lost segments: the states that last only as long as an answer is missing."""

from __future__ import annotations

import errno

from demo.cast import Action, Actor
from demo.lab import Description, Lab, LabSkipped
from demo.rows import NOBODY, Row, client, listening, server

_DEAF = """\
from array import array
nothing = array("B", struct.pack("HBBI", 6, 0, 0, 0))  # BPF: ret #0, keep no byte
DROP_ALL = struct.pack("HP", 1, nothing.buffer_info()[0])
SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27"""

_SOME_TIMES = range(1, 16)


def play(lab: Lab) -> None:
    """Lose each kind of segment once, by sockets that hear nothing for a while."""
    if not lab.moves_out():
        lab.moves()
    s, c = lab.actors("server", "client")
    _need_filters(s)
    lab.listen(s)
    _lost_bytes(lab, s, c)
    after = _lost_ends(lab, s, c)
    after = _crossed_ends(lab, s, c, after)
    after = _lost_handshake(lab, s, c, after)
    _crossed_handshake(lab, s, c, after)


def _need_filters(actor: Actor) -> None:
    """Some sandboxes refuse them."""
    refusal = actor.value(
        f"{_DEAF}\n"
        "with socket() as trial:\n"
        "    try: trial.setsockopt(SOL_SOCKET, SO_ATTACH_FILTER, DROP_ALL); refusal = ''\n"
        "    except OSError as error: refusal = str(error)\n"
        "refusal"
    )
    if refusal:
        raise LabSkipped(
            f"a socket filter takes CAP_NET_ADMIN or a network namespace of one's own: {refusal}"
        )


def _lost_bytes(lab: Lab, s: Actor, c: Actor) -> None:
    lab.step(
        "They connect. Then a filter makes the server's socket deaf, and the client sends.",
        [
            c.does("c = socket(AF_INET, SOCK_STREAM)\nc.connect((HOST, PORT))"),
            s.does("s, peer = l.accept()"),
            s.does(_DEAF),
            _deaf(s, "s"),
            c.gets('c.send(b"hello")', 5),
        ],
        [
            listening(),
            server("ESTABLISHED", owners=("server",), recv_q=0),
            client(
                "ESTABLISHED",
                owners=("client",),
                send_q=5,
                timer="on",
                retransmits=_SOME_TIMES,
            ),
        ],
        "send() succeeded, for the kernel has taken the bytes. They stay in Send-Q until the peer "
        "acknowledges them; the second number of the timer counts how often they were sent again.",
    )
    lab.step(
        "The client has nothing more to say.",
        [c.does("c.shutdown(SHUT_WR)")],
        [
            listening(),
            server("ESTABLISHED", owners=("server",), recv_q=0),
            client("FIN_WAIT1", owners=("client",), send_q=6, timer="on"),
        ],
        "FIN_WAIT1: the FIN is sent and not acknowledged. It counts as one more byte in Send-Q.",
    )


def _lost_ends(lab: Lab, s: Actor, c: Actor) -> list[Row]:
    lab.step(
        "The server hears again and reads to the end.",
        [
            _hears(s, "s"),
            s.gets("s.recv(100)", b"hello"),
            s.gets("s.recv(100)", b""),
        ],
        [
            listening(),
            server("CLOSE_WAIT", owners=("server",), recv_q=0, timer="off"),
            client("FIN_WAIT2", owners=("client",), send_q=0, timer="off"),
        ],
        "The bytes and the FIN came with the next retransmission.",
    )
    lab.step(
        "The client becomes deaf, and the server closes.",
        [c.does(_DEAF), _deaf(c, "c"), s.does("s.close()")],
        [
            listening(),
            server("LAST_ACK", owners=NOBODY, send_q=1, timer="on"),
            client("FIN_WAIT2", owners=("client",)),
        ],
        "LAST_ACK: the server closed second and waits for one acknowledgement. close() has "
        "returned; without an owner, the kernel sends the FIN again and again.",
    )
    after = [client("TIME_WAIT", owners=NOBODY, timer="timewait")]
    lab.step(
        "The client hears again.",
        [_hears(c, "c")],
        [listening(), *after],
        "The FIN arrived and was acknowledged. The server's row is gone; the client closed first "
        "and waits in TIME_WAIT, for if that acknowledgement is lost, the FIN comes once more.",
    )
    return after


def _crossed_ends(lab: Lab, s: Actor, c: Actor, after: list[Row]) -> list[Row]:
    lab.step(
        "A second connection. Both sides become deaf, and both close their direction.",
        [
            c.does("d = socket(AF_INET, SOCK_STREAM)\nd.connect((HOST, PORT))"),
            s.does("s, peer = l.accept()"),
            _deaf(c, "d"),
            _deaf(s, "s"),
            c.does("d.shutdown(SHUT_WR)"),
            s.does("s.shutdown(SHUT_WR)"),
        ],
        [
            listening(),
            *after,
            server("FIN_WAIT1", owners=("server",), send_q=1, timer="on"),
            client("FIN_WAIT1", owners=("client",), send_q=1, timer="on"),
        ],
        "Simultaneous close: each has sent a FIN before it saw the other's.",
    )
    lab.step(
        "The client hears again.",
        [_hears(c, "d")],
        [
            listening(),
            *after,
            server("FIN_WAIT1", owners=("server",), send_q=1, timer="on"),
            client("CLOSING", owners=("client",), recv_q=1, send_q=1, timer="on"),
        ],
        "CLOSING: it has the other's FIN, and its own is still not acknowledged. Its Recv-Q "
        "of 1 is that FIN, which no recv() has met yet.",
    )
    after = [*after, *after, server("TIME_WAIT", owners=NOBODY, timer="timewait")]
    lab.step(
        "The server hears again.",
        [_hears(s, "s")],
        [listening(), *after],
        "Both were first to close, so both wait in TIME_WAIT.",
    )
    return after


def _lost_handshake(lab: Lab, s: Actor, c: Actor, after: list[Row]) -> list[Row]:
    lab.step(
        "A third connection. The client hears no answer to its SYN.",
        [
            c.does("e = socket(AF_INET, SOCK_STREAM)"),
            _deaf(c, "e"),
            c.does("e.setblocking(False)"),
            c.gets("e.connect_ex((HOST, PORT))", errno.EINPROGRESS),
        ],
        [
            listening(recv_q=0),
            *after,
            server("SYN_RECV", owners=NOBODY, timer="on"),
            client("SYN_SENT", owners=("client",), send_q=1, timer="on"),
        ],
        "The SYN arrived, the answer did not. The client waits in SYN_SENT, its SYN counts as one "
        "byte in Send-Q; the server's kernel waits in SYN_RECV. Both timers are `on`: when they "
        "run out, the segment is sent again.",
    )
    after = [
        *after,
        server("ESTABLISHED", owners=("server",), timer="off"),
        client("ESTABLISHED", owners=("client",), send_q=0, timer="off"),
    ]
    lab.step(
        "The filter is taken away.",
        [_hears(c, "e"), s.does("s, peer = l.accept()")],
        [listening(), *after],
        "The next copy got through, and no program had to do anything: that took up to a second.",
    )
    return after


def _crossed_handshake(lab: Lab, s: Actor, c: Actor, after: list[Row]) -> None:
    before = [listening(), *after]
    c.learns(PORT2=0)
    s.learns(PORT2=0)
    closed_ear = listening(port="PORT2", owners=("server",))
    asking = client("SYN_SENT", port="PORT2", owners=("client",), send_q=1, timer="on")
    lab.step(
        "The server listens on another port, and hears nothing there.",
        [
            s.does(
                "m = socket(AF_INET, SOCK_STREAM)\n"
                "m.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1)\n"
                "m.bind((HOST, PORT2))\n"
                "m.listen(5)"
            ),
            _deaf(s, "m"),
        ],
        [*before, closed_ear],
        "A port whose SYNs are all lost.",
        settles=(s, "m", "PORT2"),
    )
    lab.step(
        "The client connects to it.",
        [
            c.does("a = socket(AF_INET, SOCK_STREAM)\na.bind((HOST, 0))\na.setblocking(False)"),
            c.gets("a.connect_ex((HOST, PORT2))", errno.EINPROGRESS),
        ],
        [*before, closed_ear, asking],
        "SYN_SENT alone, without a row at the other end: so it looks when a firewall drops SYNs.",
        settles=(c, "a", "PORT3"),
    )
    lab.step(
        "The server connects from that port to the client's, and does not hear the answer.",
        [
            s.does(
                "b = socket(AF_INET, SOCK_STREAM)\n"
                "b.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1)\n"
                "b.bind((HOST, PORT2))\n"
                "b.setblocking(False)"
            ),
            _deaf(s, "b"),
            s.gets(
                "b.connect_ex((HOST, PORT3))  # where the client's socket is", errno.EINPROGRESS
            ),
        ],
        [
            *before,
            closed_ear,
            server("SYN_SENT", port="PORT2", owners=("server",), send_q=1, timer="on"),
            client("SYN_RECV", port="PORT2", owners=("client",), timer="on"),
        ],
        "Simultaneous open: a SYN met a socket in SYN_SENT, which became SYN_RECV. It is the only "
        "SYN_RECV that has an owner.",
    )
    lab.step(
        "The server hears again.",
        [_hears(s, "b")],
        [
            *before,
            closed_ear,
            server("ESTABLISHED", port="PORT2", owners=("server",), timer="off"),
            client("ESTABLISHED", port="PORT2", owners=("client",), timer="off"),
        ],
        "Connected: two clients, no accept(), and no server.",
    )


def _deaf(actor: Actor, sock: str) -> Action:
    return actor.does(f"{sock}.setsockopt(SOL_SOCKET, SO_ATTACH_FILTER, DROP_ALL)")


def _hears(actor: Actor, sock: str) -> Action:
    return actor.does(f"{sock}.setsockopt(SOL_SOCKET, SO_DETACH_FILTER, 0)")


DESCRIPTION = Description("real-loss", "what a lost SYN, byte or FIN looks like in the table", play)
