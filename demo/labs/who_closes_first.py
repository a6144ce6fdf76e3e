"""TIME_WAIT is left at the end that closes first."""

from __future__ import annotations

from demo.lab import Description, Lab
from demo.rows import NOBODY, client, listening, server

_NUMBER = 20

_CONNECT = f"""\
cs = [socket(AF_INET, SOCK_STREAM) for _ in range({_NUMBER})]
for c in cs: c.connect((HOST, {{0}}))"""

_ACCEPT = f"ss = [l.accept()[0] for _ in range({_NUMBER})]"

_CLOSE = "for {0} in {0}s: {0}.close()"


def play(lab: Lab) -> None:
    """Twenty connections that the client closes first, twenty that the server does."""
    s, other, c = lab.actors("server", "server2", "client")
    lab.listen(s, backlog=_NUMBER)
    listens = listening(owners=("server",), recv_q=0)
    half: dict[str, object] = {"times": _NUMBER, "owners": NOBODY, "timer": "timewait"}
    lab.step(
        f"{_NUMBER} connections; the client closes first.",
        [
            c.does(_CONNECT.format("PORT")),
            s.does(_ACCEPT),
            c.does(_CLOSE.format("c")),
        ],
        [
            listens,
            client("FIN_WAIT2", **half),
            server("CLOSE_WAIT", times=_NUMBER, owners=("server",), recv_q=1),
        ],
        "The first to close is in FIN_WAIT2, the other one in CLOSE_WAIT until it closes, too.",
    )
    at_clients = client("TIME_WAIT", **half)
    lab.step(
        "The server closes.",
        [s.does(_CLOSE.format("s"))],
        [listens, at_clients],
        f"{_NUMBER} TIME_WAIT, all with the server's port as the foreign one: they are the "
        "client's ends, each on a port of its own. The server has nothing left of them.",
    )
    lab.listen(other, backlog=_NUMBER, name="PORT2")
    listens_too = listening(port="PORT2", owners=("server2",), recv_q=0)
    lab.step(
        f"{_NUMBER} connections to a second server, which closes first.",
        [
            c.does(_CONNECT.format("PORT2")),
            other.does(_ACCEPT),
            other.does(_CLOSE.format("s")),
        ],
        [
            listens,
            at_clients,
            listens_too,
            server("FIN_WAIT2", port="PORT2", **half),
            client("CLOSE_WAIT", port="PORT2", times=_NUMBER, owners=("client",), recv_q=1),
        ],
        "The same with the parts exchanged.",
    )
    lab.step(
        "The client closes.",
        [c.does(_CLOSE.format("c"))],
        [listens, at_clients, listens_too, server("TIME_WAIT", port="PORT2", **half)],
        f"Now {_NUMBER} TIME_WAIT have the second server's port as the local one. They do no harm "
        "while it listens; when it is started anew they are why bind() may say that the address is "
        "in use.",
    )


DESCRIPTION = Description(
    "who-closes-first", "TIME_WAIT belongs to the side that called close() first", play
)
