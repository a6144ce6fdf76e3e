"""bind() says "Address already in use": when, and what SO_REUSEADDR does about it."""

from __future__ import annotations

from collections.abc import Sequence

from demo.cast import Action, Actor
from demo.lab import Description, Lab
from demo.rows import NOBODY, client, listening, server

_IN_USE = "OSError: [Errno 98]"

_SECOND = "second"
_MINUTE = range(40, 61)

_OPEN = "{0} = socket(AF_INET, SOCK_STREAM)\n"
_OPTION = "{0}.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)\n"
_BIND = "{0}.bind((HOST, {1}))"


def play(lab: Lab) -> None:
    """Bind again while a server lives, and over what two kinds of server have left."""
    second, c = lab.actors(_SECOND, "client")
    careful = lab.actor("careful")
    lab.listen(careful)
    lab.step(
        "While it listens, a second server wants the same port.",
        _refused(second, "PORT"),
        [listening(owners=("careful",))],
        "A port that somebody listens on is refused, with SO_REUSEADDR and without it: the option "
        "takes no port away from a living server.",
    )
    _over_what_is_left(
        lab,
        (careful, second, c),
        "PORT",
        [_refuses(second, "PORT"), _allows(second, _OPTION, "PORT")],
        "Refused without SO_REUSEADDR and allowed with it, because the listener that this "
        "connection came from had set it as well.",
    )
    # What is left on a port goes by itself, at a time that is not the lab's: look no more.
    del lab.ports["PORT"]
    careless = lab.actor("careless")
    _listen_plainly(lab, careless, "PORT2", [second.does("n.close()")])
    _over_what_is_left(
        lab,
        (careless, second, c),
        "PORT2",
        _refused(second, "PORT2"),
        "Refused both ways: the old listener did not set SO_REUSEADDR, and what came from it "
        "has inherited that. Both servers must set it, so set it always, before bind().",
    )
    del lab.ports["PORT2"]
    _listen_plainly(lab, careless, "PORT3")
    _client_first(lab, careless, second, c)


def _over_what_is_left(
    lab: Lab, cast: tuple[Actor, Actor, Actor], port: str, tries: Sequence[Action], why: str
) -> None:
    """Try to bind beside an ESTABLISHED, a FIN_WAIT2 and a TIME_WAIT of the server's end."""
    s, second, c = cast
    allowed = tries[-1].fails is None
    listens = [listening(port=port, owners=(_SECOND,))] if allowed else []
    stops = [second.does("n.close()")] if allowed else []
    lab.step(
        "The server takes a client and stops listening; the second server tries again.",
        [
            c.does(f"c = socket(AF_INET, SOCK_STREAM)\nc.connect((HOST, {port}))"),
            s.does("s, peer = l.accept()\nl.close()"),
            *tries,
        ],
        [
            *listens,
            server("ESTABLISHED", port=port, owners=(s.name,)),
            client("ESTABLISHED", port=port, owners=("client",)),
        ],
        f"No one listens, but a connection has the port as its local one. {why}",
    )
    lab.step(
        "The server closes its end, the client does not; the second server tries again.",
        [*stops, s.does("s.close()"), c.gets("c.recv(1)", b""), *tries],
        [
            *listens,
            server("FIN_WAIT2", port=port, owners=NOBODY, timer="timewait", expires_s=_MINUTE),
            client("CLOSE_WAIT", port=port, owners=("client",), recv_q=0),
        ],
        "No process holds the server's end any more, and the outcome is the same: what counts is "
        "the option of the listener it came from.",
    )
    left = server("TIME_WAIT", port=port, owners=NOBODY, timer="timewait", expires_s=_MINUTE)
    lab.step(
        "The client closes, too.",
        [*stops, c.does("c.close()")],
        [left],
        "The server closed first, so its end is in TIME_WAIT, on the server's port. This is how a "
        "server that was stopped a moment ago looks.",
    )
    lab.step(
        "The second server tries again.",
        tries,
        [*listens, left],
        "With SO_REUSEADDR the new server starts beside TIME_WAIT; without it, it would have to "
        "wait for up to a minute."
        if allowed
        else "SO_REUSEADDR comes too late here: the first server would have needed it. The port is "
        "free again when the timer has run down.",
    )


def _client_first(lab: Lab, s: Actor, second: Actor, c: Actor) -> None:
    """Bind where the client has closed first."""
    left = client("TIME_WAIT", port="PORT3", owners=NOBODY, timer="timewait", expires_s=_MINUTE)
    lab.step(
        "This time the client closes first.",
        [
            c.does("c = socket(AF_INET, SOCK_STREAM)\nc.connect((HOST, PORT3))"),
            s.does("s, peer = l.accept()"),
            c.does("c.close()"),
        ],
        [
            listening(port="PORT3", owners=(s.name,)),
            server("CLOSE_WAIT", port="PORT3", owners=(s.name,), recv_q=1),
            left._replace(state="FIN_WAIT2"),
        ],
        "Now FIN_WAIT2 is at the client's end.",
    )
    lab.step(
        "The server closes both its sockets.",
        [s.does("s.close()\nl.close()")],
        [left],
        "TIME_WAIT is at the client's end. The server's port is in this row as well, but as the "
        "foreign one.",
    )
    lab.step(
        "The second server binds without SO_REUSEADDR.",
        [_allows(second, "", "PORT3")],
        [listening(port="PORT3", owners=(_SECOND,)), left],
        "Allowed: only rows that have the port as their local one stand in the way of bind().",
    )


def _listen_plainly(lab: Lab, s: Actor, port: str, before: Sequence[Action] = ()) -> None:
    s.learns(**{port: 0})
    lab.step(
        "A server listens that does not set SO_REUSEADDR.",
        [*before, s.does((_OPEN + _BIND).format("l", port) + "\nl.listen(5)")],
        [listening(port=port, owners=(s.name,))],
        "The row does not show the option.",
        settles=(s, "l", port),
    )


def _refused(second: Actor, port: str) -> list[Action]:
    """Neither way is allowed."""
    return [_refuses(second, port), _refuses(second, port, _OPTION)]


def _refuses(second: Actor, port: str, option: str = "") -> Action:
    return second.fails((_OPEN + option + _BIND).format("n", port), _IN_USE)


def _allows(second: Actor, option: str, port: str) -> Action:
    return second.does((_OPEN + option + _BIND).format("n", port) + "\nn.listen(5)")


DESCRIPTION = Description(
    "address-in-use", "when bind() is refused, and what SO_REUSEADDR is good for", play
)
