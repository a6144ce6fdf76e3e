"""TCP's own figures of a fuzzer's choice, as a kernel's attributes tell them."""

from __future__ import annotations

from pynetstat.errors import ParseError
from pynetstat.sources.netlink import attributes
from pynetstat.sources.tcpinfo import BBR, CONGESTION, DCTCP, INFO, MEMORY, VEGAS, decode_attributes
from pynetstat.tcpinfo import TcpInfo

from .choices import Choices

_LONGEST = 255
_KINDS = (INFO, VEGAS, CONGESTION, MEMORY, DCTCP, BBR)


def some_attributes(choices: Choices) -> dict[int, bytes]:
    """Attributes with these numbers, each of any length; or what netlink makes of any bytes."""
    if choices.yes():
        try:
            return attributes(choices.some(_LONGEST))
        except ParseError:
            return {}
    return {kind: choices.some(_LONGEST) for kind in _KINDS if choices.yes()}


def some_figures(choices: Choices) -> TcpInfo | None:
    """What they tell."""
    return decode_attributes(some_attributes(choices))
