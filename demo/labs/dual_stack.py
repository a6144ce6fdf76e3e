"""One IPv6 listener for both families, and its twin that looks the same and is not."""

from __future__ import annotations

import socket

from demo.lab import Description, Lab, LabSkipped
from demo.rows import NOBODY, client, listening, server

_BOTH, _ONLY = "server", "only-6"

_LISTEN = """\
{0} = socket(AF_INET6, SOCK_STREAM)
{0}.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
{0}.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, {1})
{0}.bind(("::", {2}))
{0}.listen(5)"""


def play(lab: Lab) -> None:
    """Reach a listener on ``::`` over both families, then one that is IPv6 only."""
    _need_ipv6()
    both, c = lab.actors(_BOTH, "client")
    any_both = listening(proto="tcp6", laddr="::", raddr="::", owners=(_BOTH,))
    lab.step(
        "A server listens on ::, which is every address of this machine.",
        [both.does(_LISTEN.format("l", 0, "PORT"))],
        [any_both],
        "One row in the IPv6 table, `:::` and the port. There is none in the IPv4 table.",
        settles=(both, "l", "PORT"),
    )
    over_4 = [
        server(
            "ESTABLISHED",
            proto="tcp6",
            owners=(_BOTH,),
            laddr="::ffff:127.0.0.1",
            raddr="::ffff:127.0.0.1",
        ),
        client(
            "ESTABLISHED", proto="tcp", owners=("client",), laddr="127.0.0.1", raddr="127.0.0.1"
        ),
    ]
    lab.step(
        "A client connects over IPv4.",
        [
            c.does('c4 = socket(AF_INET, SOCK_STREAM)\nc4.connect(("127.0.0.1", PORT))'),
            both.does("s4, peer = l.accept()"),
            both.gets("peer[0]", "::ffff:127.0.0.1"),
        ],
        [any_both, *over_4],
        "One connection, one row in each table: the client's socket is tcp, the server's is tcp6 "
        "and shows the IPv4 addresses mapped into IPv6. (netstat may leave out the ::ffff:.) The "
        "segments on the wire are IPv4.",
    )
    over_6 = [
        server("ESTABLISHED", proto="tcp6", owners=(_BOTH,), laddr="::1", raddr="::1"),
        client("ESTABLISHED", proto="tcp6", owners=("client",), laddr="::1", raddr="::1"),
    ]
    lab.step(
        "A client connects over IPv6.",
        [
            c.does('c6 = socket(AF_INET6, SOCK_STREAM)\nc6.connect(("::1", PORT))'),
            both.does("s6, peer = l.accept()"),
        ],
        [any_both, *over_4, *over_6],
        "Now both ends are tcp6. The listener took both families with one socket.",
    )
    only = lab.actor(_ONLY)
    only.learns(PORT6=0)
    lab.step(
        "A second server does the same with IPV6_V6ONLY.",
        [only.does(_LISTEN.format("l", 1, "PORT6"))],
        [
            any_both,
            *over_4,
            *over_6,
            listening(port="PORT6", proto="tcp6", laddr="::", raddr="::", owners=(_ONLY,)),
        ],
        "But for the port the two listeners' rows are the same.",
        settles=(only, "l", "PORT6"),
    )
    lab.step(
        "The client tries IPv4 on it, then IPv6.",
        [
            c.fails(
                'd4 = socket(AF_INET, SOCK_STREAM)\nd4.connect(("127.0.0.1", PORT6))',
                "ConnectionRefusedError",
            ),
            c.does('d6 = socket(AF_INET6, SOCK_STREAM)\nd6.connect(("::1", PORT6))'),
        ],
        [
            any_both,
            *over_4,
            *over_6,
            listening(port="PORT6", proto="tcp6", laddr="::", recv_q=1, owners=(_ONLY,)),
            server("ESTABLISHED", port="PORT6", proto="tcp6", laddr="::1", owners=NOBODY),
            client("ESTABLISHED", port="PORT6", proto="tcp6", laddr="::1", owners=("client",)),
        ],
        "A listener with IPV6_V6ONLY refuses IPv4, and no row says so: `:::` tells that IPv6 may "
        "come, not that IPv4 may not. Ask the program's options, or connect.",
    )


def _need_ipv6() -> None:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError as error:
        raise LabSkipped(f"there is no IPv6 on this machine's loopback: {error}") from error


DESCRIPTION = Description("dual-stack", "one listener on :: takes IPv4 as well, or does not", play)
