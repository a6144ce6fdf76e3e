"""A file goes from one nc to another; the queues show who waits for whom."""

from __future__ import annotations

import os
import tempfile

from demo.lab import Description, Lab
from demo.rows import NOBODY, client, listening, server

_SIZE = 16 << 20
"""More than the queues of both ends can hold."""

_SOME = range(1, _SIZE)

_DIGEST = """\
from hashlib import sha256
with open("file", "rb") as file, open("copy", "rb") as copy:
    equal = sha256(file.read()).digest() == sha256(copy.read()).digest()
equal"""


def play(lab: Lab) -> None:
    """Copy a file, and stop one side and then the other on the way."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "file"), "wb") as file:
            file.write(os.urandom(_SIZE))
        _copy(lab, folder)


def _copy(lab: Lab, folder: str) -> None:
    s = lab.program("receiver", folder, terminal=True)
    c = lab.program("sender", folder)
    port = lab.reserve()
    lab.step(
        "The receiver listens.",
        [s.begins(f"nc -l {port} > copy")],
        [listening(recv_q=0, owners=("receiver",))],
        "What will come from the network is to go to the file copy.",
    )
    lab.step(
        "The receiver is paused, as by Ctrl-Z. The sender begins.",
        [s.pauses(), c.begins(f"nc 127.0.0.1 {port} < file")],
        [
            listening(recv_q=1, owners=("receiver",)),
            server("ESTABLISHED", recv_q=_SOME, owners=NOBODY),
            client("ESTABLISHED", send_q=_SOME, timer="probe", owners=("sender",)),
        ],
        "The file has begun to flow although nobody has called accept(): the kernel takes bytes in "
        "until the receiver's Recv-Q is full, the rest waits in the sender's Send-Q. Then the "
        "window is zero, which is what the timer `probe` says.",
    )
    lab.step(
        "Now the sender is paused, and the receiver goes on.",
        [c.pauses(), s.resumes()],
        [
            server("ESTABLISHED", recv_q=0, owners=("receiver",)),
            client("ESTABLISHED", send_q=0, timer="off", owners=("sender",)),
        ],
        "The receiver has accepted (and listens no longer) and read all there was. The kernel "
        "delivered the Send-Q of a paused process, too. Queues: a long Recv-Q means that its "
        "owner is slow, a long Send-Q that the network or the peer is.",
    )
    lab.step(
        "The sender goes on to the end of the file.",
        [c.resumes(), c.returns("(has ended)"), s.returns("(has ended)")],
        [client("TIME_WAIT", owners=NOBODY, timer="timewait")],
        "At the end of the file the sender closed its direction; the receiver read b'' and ended. "
        "The sender closed first, so its end waits in TIME_WAIT.",
    )
    check = lab.actor("you")
    check.value(f"os.chdir({folder!r})")
    lab.step(
        "Are both files the same?",
        [check.gets(_DIGEST, True)],
        [client("TIME_WAIT", owners=NOBODY, timer="timewait")],
        "Equal checksums: no byte was lost, doubled or out of order, however often the copy "
        "stopped. That is TCP's promise.",
    )


DESCRIPTION = Description(
    "file-copy", "nc copies a file: queues that fill and empty, and equal bytes", play
)
