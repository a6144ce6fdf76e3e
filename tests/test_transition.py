"""Transitions: what TCP must have passed, and an event as a row."""

from __future__ import annotations

import pytest

from pynetstat.history.transition import Event, between
from pynetstat.records import Addr, Owner, Proto, TcpState

_S = TcpState


@pytest.mark.parametrize(
    ("old", "new", "passed"),
    [
        (_S.ESTABLISHED, _S.FIN_WAIT2, (_S.FIN_WAIT1,)),
        (_S.ESTABLISHED, _S.LAST_ACK, (_S.CLOSE_WAIT,)),
        (_S.ESTABLISHED, _S.CLOSE_WAIT, ()),
        (_S.ESTABLISHED, _S.CLOSE, ()),
        # By way of FIN_WAIT2 or of CLOSING: nobody knows which.
        (_S.ESTABLISHED, _S.TIME_WAIT, (_S.FIN_WAIT1,)),
        (_S.FIN_WAIT1, _S.TIME_WAIT, ()),
        (_S.SYN_SENT, _S.LAST_ACK, (_S.ESTABLISHED, _S.CLOSE_WAIT)),
        # By connect() or by accept().
        (None, _S.ESTABLISHED, ()),
        (None, _S.LISTEN, ()),
        (None, _S.CLOSE_WAIT, (_S.ESTABLISHED,)),
        (None, _S.TIME_WAIT, (_S.FIN_WAIT1,)),
        # Only a socket that is used again goes back: that is another life.
        (_S.ESTABLISHED, _S.SYN_SENT, ()),
        (_S.TIME_WAIT, _S.ESTABLISHED, ()),
    ],
)
def test_only_what_every_way_has_in_common_is_inferred(
    old: TcpState | None, new: TcpState, passed: tuple[TcpState, ...]
) -> None:
    assert between(old, new) == passed


def test_what_is_inferred_lies_on_the_way() -> None:
    for old in (None, *TcpState):
        for new in TcpState:
            way = between(old, new)
            assert not {old, new} & set(way)
            for at, state in enumerate(way):
                assert between(old, state) == way[:at]


def test_an_event_is_a_row_in_its_new_state() -> None:
    owners = (Owner(1, 3, "nc"),)
    event = Event(
        1.0, Proto.TCP, Addr("127.0.0.1", 1), Addr("127.0.0.1", 2), 7, _S.SYN_SENT, _S.ESTABLISHED,
        inode=9, uid=1000, owners=owners,
    )  # fmt: skip
    record = event.record()
    assert (record.state, record.cookie, record.inode) == (_S.ESTABLISHED, 7, 9)
    assert (record.uid, record.owners, record.recv_q) == (1000, owners, None)
    assert event._replace(new=None).record().state is _S.SYN_SENT
    assert event._replace(new=None, old=None).record().state is _S.CLOSE
