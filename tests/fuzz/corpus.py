"""The targets and their seeds, as they are found in the tree."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from . import targets

_SEEDS = Path(__file__).parent / "seeds"

Check = Callable[[bytes], None]


def target_names() -> list[str]:
    """Every target there is, by name."""
    return sorted(module.name for module in pkgutil.iter_modules(targets.__path__))


def load_target(name: str) -> ModuleType:
    """The module of a target."""
    return importlib.import_module(f"{targets.__name__}.{name}")


def check_of(name: str) -> Check:
    """The function that a target's input goes through."""
    check: Check = load_target(name).check
    return check


def seeds(name: str) -> dict[str, bytes]:
    """The seeds of a target by the names of their files."""
    return {path.name: _read(path) for path in sorted((_SEEDS / name).iterdir())}


def _read(path: Path) -> bytes:
    return bytes.fromhex(path.read_text("ascii")) if path.suffix == ".hex" else path.read_bytes()
