"""Rows and processes are not one to one: many rows alike, many owners, both ends in one."""

from __future__ import annotations

import os

from demo.lab import Description, Lab
from demo.rows import Row, UnixRow, listening

_LISTEN = """\
l = socket(AF_INET, SOCK_STREAM)
l.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1)
l.bind((HOST, PORT))
l.listen(5)"""

_FORK = """\
held, ours = os.pipe()
pid = os.fork()
if pid == 0:
    os.close(ours)
    os.read(held, 1)  # the child waits until the parent has gone
    os._exit(0)"""

_WORKERS = ("worker 1", "worker 2", "worker 3")


def play(lab: Lab) -> None:
    """Share a port, share a socket, connect a socket to itself, and look at unix sockets."""
    workers = lab.actors(*_WORKERS)
    first = workers[0]
    lab.step(
        "A worker listens with SO_REUSEPORT.",
        [first.does(_LISTEN)],
        [listening(owners=("worker 1",))],
        "SO_REUSEPORT: others of the same user may listen here as well, if they set it, too.",
        settles=(first, "l", "PORT"),
    )
    lab.step(
        "Two more do the same.",
        [worker.does(_LISTEN) for worker in workers[1:]],
        [listening(owners=(name,)) for name in _WORKERS],
        "Three rows with equal addresses, one for each socket; each has its own accept queue, and "
        "the kernel deals new connections out to them.",
    )
    others = [listening(owners=(name,)) for name in _WORKERS[1:]]
    lab.step(
        "The first worker forks.",
        [first.does(_FORK)],
        [listening(owners=("child", "worker 1")), *others],
        "Still three rows: fork() copies descriptors, not sockets. One row now has two owners "
        "(netstat would name only one of them).",
        forks=(first, "child"),
    )
    lab.step(
        "The first worker closes its listening socket.",
        [first.does("l.close()")],
        [listening(owners=("child",)), *others],
        "The socket listens on: close() gave back one descriptor, the child has the other. Only "
        "the last close() ends a socket, so a forgotten child keeps a port busy.",
    )
    _alone(lab, [listening(owners=("child",)), *others])


def _alone(lab: Lab, before: list[Row]) -> None:
    loner = lab.actor("loner")
    rows = [*before, Row("=", "ESTABLISHED", port="PORT2", owners=("loner",))]
    lab.step(
        "A socket connects to itself.",
        [
            loner.does(
                "c = socket(AF_INET, SOCK_STREAM)\n"
                "c.bind((HOST, 0))\n"
                "c.connect(c.getsockname())\n"
                'c.send(b"hello, me")'
            ),
            loner.gets("c.recv(100)", b"hello, me"),
        ],
        rows,
        "One row whose local address is its foreign address: the socket is both ends. It happens "
        "by chance to programs that connect in a loop to a free port of their own machine.",
        settles=(loner, "c", "PORT2"),
    )
    _unix(lab, rows)


def _unix(lab: Lab, before: list[Row]) -> None:
    s, c = lab.actors("server", "client")
    name = f"lab-{os.urandom(6).hex()}"
    path = b"\0" + name.encode()
    lab.paths.add(path)
    for actor in (s, c):
        actor.learns(NAME=name)
    lab.step(
        "A server listens on a unix socket, and a client connects.",
        [
            s.does(
                "l = socket(AF_UNIX, SOCK_STREAM)\n"
                'l.bind("\\0" + NAME)  # an abstract name: it leaves no file\n'
                "l.listen(5)"
            ),
            c.does('c = socket(AF_UNIX, SOCK_STREAM)\nc.connect("\\0" + NAME)'),
        ],
        [
            *before,
            UnixRow("LISTENING", path=path),
            UnixRow("CONNECTING", path=path),
            UnixRow("CONNECTED", path=b""),
        ],
        "Unix sockets have a table of their own. The client is CONNECTED; the server's end waits "
        "for accept() and reads CONNECTING. It bears the listener's name, the client has none.",
    )
    lab.step(
        "The server accepts.",
        [s.does("s, peer = l.accept()")],
        [
            *before,
            UnixRow("LISTENING", path=path),
            UnixRow("CONNECTED", path=path),
            UnixRow("CONNECTED", path=b""),
        ],
        "Now both ends are CONNECTED.",
    )


DESCRIPTION = Description("many-owners", "a port, a socket or a row may belong to several", play)
