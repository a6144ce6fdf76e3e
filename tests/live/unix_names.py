"""Unix sockets with names made to deceive whoever prints or parses them."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from .bench import Bench

FORGED = "/run/forged.sock"
_FORGED_ROW = f"\n0000000000000000: 00000002 00000000 00010000 0001 01 4242 {FORGED}".encode()

ABSTRACT = (
    b"\0newline" + _FORGED_ROW,
    b"\0escape \x1b[31mred\x1b[0m",
    b"\0bidi \xe2\x80\xae" + b"txt.exe",
    b"\0not utf-8 \xff\xfe",
    b"\0" + b"a" * 107,
    b"\0x",
    b"\0with\0nul\0",
    b"\0carriage\rreturn\ttab\x7f\xc2\x9b",
)
PATHS = (
    b"@x",
    b"two words ",
    b"line\nfeed",
    b"\x1b]0;title\x07",
    b"\xff\xfe",
    b"\xe2\x80\xae" + b"path",
)


@contextmanager
def hostile_names(folder: str) -> Iterator[set[bytes]]:
    """Bind every name, those in the file system as relative paths below ``folder``.

    Yields the exact names.
    """
    before = os.getcwd()
    os.chdir(folder)
    try:
        with ExitStack() as stack:
            bench = Bench(stack)
            longest = b"/tmp/" + os.urandom(51).hex().encode()
            assert len(longest) == 107
            stack.callback(_remove, longest)
            for name in (*ABSTRACT, *PATHS, longest):
                bench.new(socket.AF_UNIX, socket.SOCK_STREAM).bind(name)
            yield {*ABSTRACT, *PATHS, longest}
    finally:
        os.chdir(before)


def _remove(path: bytes) -> None:
    if os.path.exists(path):
        os.unlink(path)
