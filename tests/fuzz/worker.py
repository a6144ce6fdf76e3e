"""One target under atheris, in a process of its own: ``worker.py NAME SEEDS FLAGS...``."""

from __future__ import annotations

import sys
import warnings

import atheris

from . import corpus


def main() -> None:
    """Fuzz the target named first; the rest of the arguments are libFuzzer's."""
    name, *rest = sys.argv[1:]
    warnings.simplefilter("error")
    with atheris.instrument_imports(include=["pynetstat"]):
        check = corpus.check_of(name)
    atheris.Setup([sys.argv[0], *rest], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
