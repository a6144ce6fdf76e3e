"""The labs, in the order of a course; each is one module with a DESCRIPTION."""

from __future__ import annotations

from importlib import import_module

from demo.lab import Description

_MODULES = (
    "lecture",
    "accept_queue",
)

LABS: tuple[Description, ...] = tuple(
    import_module(f"demo.labs.{module}").DESCRIPTION for module in _MODULES
)
