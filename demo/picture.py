"""The picture in the README: ``python -m demo.picture FILE.svg``.

It shows real sockets: the lecture's two servers and one client, the TIME_WAIT that a
closed connection leaves, one that waits for accept() and one that nobody closes.
"""

from __future__ import annotations

import io
import socket
import sys
from contextlib import ExitStack

from rich.console import Console

from pynetstat.query import Query
from pynetstat.render.netstat import Columns
from pynetstat.render.pictures import SVG_FORMAT
from pynetstat.render.table import SnapshotView
from pynetstat.snapshot import Reader
from pynetstat.sources import open_sources
from pynetstat.words import numbers

_WIDTH = 116


def lecture_sockets(stack: ExitStack) -> None:
    """Open the sockets that the picture shows; ``stack`` closes them."""

    def keep(sock: socket.socket) -> socket.socket:
        return stack.enter_context(sock)

    server = keep(socket.create_server(("127.0.0.1", 1234)))
    keep(socket.create_connection(("127.0.0.1", 1234)))
    keep(server.accept()[0])
    closing = keep(socket.create_connection(("127.0.0.1", 1234)))
    forgetful = keep(server.accept()[0])
    forgetful.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    closing.close()

    web = keep(socket.create_server(("::", 8080), family=socket.AF_INET6, dualstack_ipv6=True))
    client = keep(socket.create_connection(("127.0.0.1", 8080)))
    client.close()
    web.accept()[0].close()
    keep(socket.create_connection(("127.0.0.1", 8080))).sendall(b"hello")

    datagrams = keep(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    datagrams.bind(("127.0.0.1", 5353))
    keep(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).connect(("127.0.0.1", 5353))


def main() -> int:
    """Write the picture to the file named by the only argument."""
    if len(sys.argv) != 2:
        print("usage: python -m demo.picture FILE.svg", file=sys.stderr)
        return 2
    with ExitStack() as stack:
        lecture_sockets(stack)
        query = Query(owners=True)
        snapshot = Reader(query, open_sources()).snapshot()
    view = SnapshotView(snapshot, query, Columns(programs=True, timers=True), numbers())
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), color_system="truecolor")
    console.print(view, soft_wrap=True, end="")
    console.save_svg(sys.argv[1], title="pynetstat -tauonp", code_format=SVG_FORMAT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
