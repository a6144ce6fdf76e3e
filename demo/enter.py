"""Start a program in the namespaces of a process: enter.py PID NAME ARGUMENT...

Run as a program of its own, with the standard library alone. The python that runs this
runs the program, too, under NAME.
"""

from __future__ import annotations

import ctypes
import os
import sys

_SPACES = ("user", "net")


def main(pid: str, command: list[str]) -> None:
    """Enter, and become the program."""
    libc = ctypes.CDLL(None, use_errno=True)
    for space in _SPACES:
        theirs, ours = f"/proc/{pid}/ns/{space}", f"/proc/self/ns/{space}"
        # The kernel refuses to enter the user namespace that one is in.
        if os.readlink(theirs) != os.readlink(ours):
            descriptor = os.open(theirs, os.O_RDONLY | os.O_CLOEXEC)
            if libc.setns(descriptor, 0) != 0:
                raise OSError(ctypes.get_errno(), f"can't enter {theirs}")
            os.close(descriptor)
    os.execv(sys.executable, command)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
