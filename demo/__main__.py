"""``python -m demo``: labs about sockets that check themselves."""

from __future__ import annotations

import argparse
import sys
import time

from demo import nc, populate_command
from demo.cast import ActorError
from demo.lab import Description, Lab, LabFailed, LabSkipped
from demo.labs import LABS
from demo.screen import Screen

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: list[str]) -> int:
    """Run the command; 0 when every lab came out or was skipped, 1 when one failed."""
    if arguments[:1] == ["nc"]:
        return nc.main(arguments[1:])
    if arguments[:1] == ["populate"]:
        return populate_command.main(arguments[1:])
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.all and given.names:
        parser.error("name labs or say --all, not both")
    labs = _chosen(parser, given.names) if not given.all else list(LABS)
    if not labs:
        for lab in LABS:
            print(f"{lab.name:<16} {lab.teaches}")
        return OK
    screen = Screen(
        plain=given.format == "plain" or (given.format is None and not sys.stdout.isatty()),
        pauses=given.pause,
        svg=given.svg,
    )
    try:
        outcomes = [_play(lab, screen, given.port) for lab in labs]
        screen.save()
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        print(f"demo: can't write the output: {error}", file=sys.stderr)
        return FAILED
    return OK if all(outcomes) else FAILED


def _play(lab: Description, screen: Screen, port: int) -> bool:
    """Run one lab and show it; whether it came out or could not be run here."""
    began = time.monotonic()
    screen.begin(lab)
    try:
        with Lab(screen, port) as at_work:
            lab.play(at_work)
    except LabSkipped as reason:
        screen.skipped(lab, str(reason))
        return True
    except (LabFailed, ActorError) as failure:
        screen.failed(lab, str(failure))
        return False
    screen.passed(lab, time.monotonic() - began)
    return True


def _chosen(parser: argparse.ArgumentParser, names: list[str]) -> list[Description]:
    known = {lab.name: lab for lab in LABS}
    for name in names:
        if name not in known:
            parser.error(f"no lab {name!a}: python -m demo lists them")
    return [known[name] for name in names]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description="Labs about sockets. Without a name: the list of labs.",
        epilog="Further commands: python -m demo nc --help, python -m demo populate --help.",
    )
    parser.add_argument("names", nargs="*", metavar="LAB", help="labs to run, in this order")
    parser.add_argument("--all", action="store_true", help="run every lab")
    parser.add_argument("--pause", action="store_true", help="wait for Enter after each step")
    parser.add_argument(
        "--format",
        choices=("plain", "rich"),
        help="plain: netstat's text; rich: colours (default: rich on a terminal)",
    )
    parser.add_argument("--svg", metavar="FILE", help="save what was shown as a picture")
    parser.add_argument(
        "--port", type=int, default=0, metavar="N", help="the server's port (default: a free one)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
