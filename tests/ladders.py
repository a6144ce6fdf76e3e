"""Connections as lists of events, as the kernel tells them: by the trace, or by looks and ends."""

from __future__ import annotations

from typing import Any

from pynetstat.history.transition import Event, Totals
from pynetstat.records import Addr, Owner, Proto, TcpState

CLIENT, SERVER = Addr("127.0.0.1", 40000), Addr("127.0.0.1", 8080)
CURL, NGINX = (Owner(4711, 3, "curl"),), (Owner(4242, 7, "nginx"),)
START = 1_700_000_000.0


def happened(at: float, who: Addr, old: str | None, new: str | None, **told: Any) -> Event:
    """An event at ``at`` seconds of the client's socket or the server's."""
    values = {
        "cookie": 1 if who == CLIENT else 2,
        "owners": CURL if who == CLIENT else NGINX,
        **told,
    }
    return Event(
        at=START + at,
        proto=Proto.TCP,
        laddr=who,
        raddr=SERVER if who == CLIENT else CLIENT,
        old=None if old is None else TcpState(old),
        new=None if new is None else TcpState(new),
        **values,
    )


def opening(at: float = 0.0) -> list[Event]:
    """The handshake, in the order in which the trace tells it."""
    return [
        happened(at, CLIENT, "CLOSE", "SYN_SENT"),
        happened(at + 0.000052, CLIENT, "SYN_SENT", "ESTABLISHED", seconds=0.000052),
        happened(at + 0.00006, SERVER, "LISTEN", "SYN_RECV", owners=()),
        happened(at + 0.000063, SERVER, "SYN_RECV", "ESTABLISHED", owners=()),
    ]


def _half_close() -> list[Event]:
    return [
        *opening(),
        happened(0.25, CLIENT, "ESTABLISHED", "FIN_WAIT1"),
        happened(0.25005, SERVER, "ESTABLISHED", "CLOSE_WAIT"),
        happened(0.2536, CLIENT, "FIN_WAIT1", "FIN_WAIT2"),
        happened(1.75, SERVER, "CLOSE_WAIT", "LAST_ACK"),
        happened(1.75004, CLIENT, "FIN_WAIT2", "TIME_WAIT", totals=Totals(7, 1001, 5, 4, 0)),
        happened(1.75006, SERVER, "LAST_ACK", None, totals=Totals(1001, 6, 3, 5, 2)),
    ]


LADDERS: dict[str, list[Event]] = {
    "lecture": [
        *opening(),
        happened(0.5, SERVER, "ESTABLISHED", "FIN_WAIT1"),
        happened(0.50004, CLIENT, "ESTABLISHED", "CLOSE_WAIT"),
        happened(0.5004, SERVER, "FIN_WAIT1", "FIN_WAIT2", totals=Totals(1, 5, 2, 4, 0)),
        happened(0.75, CLIENT, "CLOSE_WAIT", "LAST_ACK"),
        happened(0.75006, CLIENT, "LAST_ACK", None, totals=Totals(7, 1, 5, 4, 0)),
        # No tracepoint tells of this one: a look found it.
        happened(0.91, SERVER, "FIN_WAIT2", "TIME_WAIT"),
    ],
    "half_close": _half_close(),
    "closing": [
        *opening(),
        happened(0.25, CLIENT, "ESTABLISHED", "FIN_WAIT1"),
        happened(0.5, SERVER, "ESTABLISHED", "FIN_WAIT1"),
        happened(0.50003, CLIENT, "FIN_WAIT1", "CLOSING"),
        happened(0.50004, SERVER, "FIN_WAIT1", "FIN_WAIT2"),
        happened(0.77, CLIENT, "CLOSING", "TIME_WAIT", totals=Totals(2807570, 1, 9, 9, 0)),
        happened(0.770015, SERVER, "FIN_WAIT2", "TIME_WAIT", totals=Totals(1, 2807569, 9, 9, 0)),
    ],
    "last_ack_waits": [
        *opening(),
        happened(0.1, CLIENT, "ESTABLISHED", "FIN_WAIT1"),
        happened(0.10004, SERVER, "ESTABLISHED", "CLOSE_WAIT"),
        happened(0.1002, CLIENT, "FIN_WAIT1", "FIN_WAIT2"),
        happened(0.2, SERVER, "CLOSE_WAIT", "LAST_ACK"),
        happened(2.2, CLIENT, "FIN_WAIT2", "TIME_WAIT"),
        happened(2.20001, SERVER, "LAST_ACK", None),
    ],
    "simultaneous_close": [
        *opening(),
        happened(1.0, CLIENT, "ESTABLISHED", "FIN_WAIT1"),
        happened(1.00001, SERVER, "ESTABLISHED", "FIN_WAIT1"),
        happened(1.02, CLIENT, "FIN_WAIT1", "CLOSING"),
        happened(1.02001, SERVER, "FIN_WAIT1", "CLOSING"),
        happened(1.04, CLIENT, "CLOSING", "TIME_WAIT"),
        happened(1.04001, SERVER, "CLOSING", "TIME_WAIT"),
    ],
    "simultaneous_open": [
        happened(0.0, CLIENT, "CLOSE", "SYN_SENT"),
        happened(0.00001, SERVER, "CLOSE", "SYN_SENT"),
        happened(0.02, CLIENT, "SYN_SENT", "SYN_RECV"),
        happened(0.02001, SERVER, "SYN_SENT", "SYN_RECV"),
        happened(0.04, CLIENT, "SYN_RECV", "ESTABLISHED"),
        happened(0.04001, SERVER, "SYN_RECV", "ESTABLISHED"),
    ],
    "reset": [
        *opening(),
        happened(0.25, CLIENT, "ESTABLISHED", None),
        happened(0.25003, SERVER, "ESTABLISHED", "CLOSE"),
        happened(0.5, SERVER, "CLOSE", None, totals=Totals(0, 0, 0, 3, 0)),
    ],
    "refused": [
        happened(0.0, CLIENT, "CLOSE", "SYN_SENT", cookie=None),
        happened(0.00004, CLIENT, "SYN_SENT", "CLOSE", cookie=None, seconds=0.00004),
        happened(0.25, CLIENT, "CLOSE", None, cookie=None),
    ],
    "given_up": [
        happened(0.0, CLIENT, "CLOSE", "SYN_SENT"),
        happened(130.0, CLIENT, "SYN_SENT", "CLOSE", seconds=130.0),
    ],
    "killed_server": [
        *opening(),
        happened(1.0, SERVER, "ESTABLISHED", "FIN_WAIT1"),
        happened(1.00004, CLIENT, "ESTABLISHED", "CLOSE_WAIT"),
        happened(1.0001, SERVER, "FIN_WAIT1", "FIN_WAIT2"),
        happened(2.0, SERVER, "FIN_WAIT2", None),
        happened(2.00004, CLIENT, "CLOSE_WAIT", "CLOSE"),
    ],
    "by_looks": [
        happened(0.0, CLIENT, None, "ESTABLISHED"),
        happened(0.0, SERVER, None, "ESTABLISHED", owners=()),
        happened(0.5, CLIENT, "ESTABLISHED", "CLOSE_WAIT"),
        happened(0.503, SERVER, "ESTABLISHED", "FIN_WAIT1", inferred=True),
        happened(0.503, SERVER, "FIN_WAIT1", "FIN_WAIT2", totals=Totals(1, 5, 2, 4, 0)),
        happened(0.75, CLIENT, "CLOSE_WAIT", None, inferred=True, totals=Totals(7, 1, 5, 4, 0)),
        happened(0.8, SERVER, "FIN_WAIT2", "TIME_WAIT"),
    ],
    "lost_by_looks": [
        happened(0.0, CLIENT, None, "ESTABLISHED"),
        happened(0.0, SERVER, None, "ESTABLISHED"),
        happened(0.45, CLIENT, "ESTABLISHED", None, inferred=True),
        happened(0.5, SERVER, "ESTABLISHED", "CLOSE", inferred=True),
    ],
    "found_established": [
        happened(5.0, CLIENT, "ESTABLISHED", "FIN_WAIT1"),
        happened(5.00005, SERVER, "ESTABLISHED", "CLOSE_WAIT"),
        happened(5.0002, CLIENT, "FIN_WAIT1", "FIN_WAIT2"),
    ],
    "one_end_here": [
        event._replace(laddr=Addr("192.0.2.7", 40000), raddr=Addr("198.51.100.1", 443))
        for event in _half_close()
        if event.laddr == CLIENT
    ],
}
