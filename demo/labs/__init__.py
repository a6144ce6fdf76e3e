"""The labs, in the order of a course; each is one module with a DESCRIPTION."""

from __future__ import annotations

from importlib import import_module

from demo.lab import Description

_MODULES = (
    "lecture",
    "accept_queue",
    "back_pressure",
    "half_close",
    "close_wait_leak",
    "who_closes_first",
    "address_in_use",
    "backlog",
    "killed_server",
    "keepalive",
    "syn_recv",
    "retransmission",
    "closing",
    "dual_stack",
    "udp",
    "many_owners",
    "reset",
    "file_copy",
    "real_loss",
)

LABS: tuple[Description, ...] = tuple(
    import_module(f"demo.labs.{module}").DESCRIPTION for module in _MODULES
)
