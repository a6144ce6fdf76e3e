"""python -m pynetstat.shell DIR: writes the completions and the manual page below DIR.

In a checkout DIR is ``share``; ``~/.local/share`` gives them to one user.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pynetstat.command.files import write_file
from pynetstat.shell import shell_files


def main(arguments: list[str] | None = None) -> int:
    """Write the files and name each."""
    parser = argparse.ArgumentParser(
        prog="python -m pynetstat.shell",
        description="Write pynetstat's shell completions and manual page.",
    )
    parser.add_argument("directory", metavar="DIR", help="where: share, or ~/.local/share")
    directory = Path(parser.parse_args(arguments).directory)
    for name, text in shell_files().items():
        path = directory / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(str(path), text)
        except OSError as error:
            parser.exit(1, f"{parser.prog}: can't write {path}: {error.strerror}\n")
        print(path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
