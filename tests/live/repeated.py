"""A command that repeats, ended once it has printed twice: python -m tests.live.repeated."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import IO

from tests.waiting import wait_until


def main() -> int:
    """Print what it printed."""
    with tempfile.TemporaryFile() as text:
        process = subprocess.Popen([sys.executable, "-m", "pynetstat", *sys.argv[1:]], stdout=text)
        try:
            wait_until(lambda: _looks(text, "json" in " ".join(sys.argv)) >= 2, "second look")
        finally:
            process.terminate()
            process.wait()
        written = _written(text)
        sys.stdout.buffer.write(written[: written.rfind(b"\n") + 1])
    return 0


def _written(text: IO[bytes]) -> bytes:
    """All of it; to seek would move the command's place in the file, too."""
    return os.pread(text.fileno(), os.fstat(text.fileno()).st_size, 0)


def _looks(text: IO[bytes], a_line_each: bool) -> int:
    lines = _written(text).splitlines(keepends=True)
    whole = [line for line in lines if line.endswith(b"\n")]
    return len(whole) if a_line_each else len({line.split(b",")[0] for line in whole[1:]}) - 1


if __name__ == "__main__":
    sys.exit(main())
