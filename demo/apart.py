"""A network of a lab's own: a process holds it, and looks at its tables when it is asked."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

from demo.netns import NetworkRefused, enter_own_network
from pynetstat import Proto, PynetstatError, Snapshot, collect

_COMMAND = [sys.executable, "-m", "demo.apart"]


class Apart:
    """A network namespace with nothing but a loopback; it ends with :meth:`close`."""

    def __init__(self) -> None:
        """NetworkRefused when this user gets none."""
        self._holder = subprocess.Popen(
            _COMMAND,
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the lab, which then closes it
        )
        refusal = self._answer()
        if refusal is not None:
            self.close()
            raise NetworkRefused(str(refusal))

    @property
    def pid(self) -> int:
        """The process inside."""
        return self._holder.pid

    def look(self, protos: tuple[Proto, ...]) -> Snapshot:
        """The tables of this network, with owners."""
        assert self._holder.stdin is not None
        self._holder.stdin.write(" ".join(protos).encode() + b"\n")
        self._holder.stdin.flush()
        seen = self._answer()
        if isinstance(seen, PynetstatError):
            raise seen
        assert isinstance(seen, Snapshot)
        return seen

    def close(self) -> None:
        """End the process inside; the network goes with the last one."""
        self._holder.kill()
        self._holder.wait()
        for pipe in (self._holder.stdin, self._holder.stdout):
            if pipe is not None:
                pipe.close()

    def _answer(self) -> object:
        assert self._holder.stdout is not None
        try:
            return pickle.load(self._holder.stdout)
        except EOFError:
            return "the process that should hold it ended"


def main() -> None:
    """Enter a network, then answer each line of tables with a snapshot."""
    try:
        enter_own_network(_COMMAND)
    except NetworkRefused as refusal:
        _send(str(refusal))
        return
    _send(None)
    for line in sys.stdin:
        try:
            _send(collect(line.split(), owners=True))
        except PynetstatError as error:
            _send(error)


def _send(answer: object) -> None:
    pickle.dump(answer, sys.stdout.buffer)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
