"""The sentence for a row: every state with its numbers, and nothing that isn't known."""

from __future__ import annotations

import pytest

from pynetstat import (
    Addr,
    Missing,
    Owner,
    Proto,
    SocketRecord,
    TcpState,
    Timer,
    TimerKind,
    UnixRecord,
    UnixState,
    UnixType,
)
from pynetstat.explain.rows import explain_row
from pynetstat.records import TIMER_OFF

SERVER, CLIENT = Addr("127.0.0.1", 80), Addr("127.0.0.1", 42000)
NOWHERE = Addr("0.0.0.0", 0)
NC = (Owner(812, 3, "nc"),)


def row(state: TcpState, **fields: object) -> SocketRecord:
    known = SocketRecord(
        Proto.TCP, SERVER, CLIENT, state, 0, 0, None, TIMER_OFF, 1000, 7, 99, 0, NC
    )
    return known._replace(**fields)  # type: ignore[arg-type]


def unowned(state: TcpState, **fields: object) -> SocketRecord:
    return row(state, inode=0, owners=(), **fields)


def timer(kind: str, left: float, retransmits: int = 0, probes: int = 0) -> Timer:
    return Timer(kind, left, retransmits, probes)


ON, PROBE = TimerKind.ON, TimerKind.PROBE
HELD = "held by nc (pid 812, fd 3)"


@pytest.mark.parametrize(
    ("record", "missing", "sentence"),
    [
        (
            row(TcpState.LISTEN, raddr=NOWHERE, recv_q=2, backlog=5),
            None,
            "Waits for connections to 127.0.0.1:80; 2 connections wait for accept(), 6 fit "
            f"(backlog 5); {HELD}.",
        ),
        (
            row(TcpState.LISTEN, laddr=Addr("0.0.0.0", 80), raddr=NOWHERE, backlog=0),
            None,
            "Waits for connections to port 80 of every IPv4 address; none waits for accept(), "
            f"1 fit (backlog 0); {HELD}.",
        ),
        (
            row(TcpState.LISTEN, proto=Proto.TCP6, laddr=Addr("::", 80), recv_q=1),
            None,
            "Waits for connections to port 80 of every address, IPv4 too unless it set "
            f"IPV6_V6ONLY; 1 connection waits for accept(); {HELD}.",
        ),
        (
            row(TcpState.LISTEN, proto=Proto.TCP6, laddr=Addr("::", 80), v6only=True),
            None,
            "Waits for connections to port 80 of every IPv6 address; none waits for accept(); "
            f"{HELD}.",
        ),
        (
            row(TcpState.LISTEN, proto=Proto.TCP6, laddr=Addr("::", 80), v6only=False),
            None,
            "Waits for connections to port 80 of every address, IPv4 too; none waits for accept(); "
            f"{HELD}.",
        ),
        (
            row(TcpState.SYN_SENT, send_q=1, timer=timer(ON, 0.37, 1)),
            None,
            "Asked 127.0.0.1:42000 for a connection and has no answer yet; the SYN is sent again "
            f"in 0.37s, after 1 try again without an answer; {HELD}.",
        ),
        (
            unowned(TcpState.SYN_RECV, timer=timer(ON, 0.76)),
            Missing.SYN_RECV,
            "Answered a SYN and waits for the last step of the handshake; the SYN-ACK is sent "
            "again in 0.76s; no process holds it before the handshake is finished.",
        ),
        (
            row(TcpState.ESTABLISHED),
            None,
            f"Connected to 127.0.0.1:42000; nothing waits in either queue; {HELD}.",
        ),
        (
            row(TcpState.ESTABLISHED, recv_q=1, send_q=12, timer=timer(ON, 0.2, 3)),
            None,
            "Connected to 127.0.0.1:42000; 1 byte not read yet; 12 bytes not acknowledged by the "
            "peer yet; unless acknowledged it is sent again in 0.20s, after 3 tries again without "
            f"an answer; {HELD}.",
        ),
        (
            row(TcpState.ESTABLISHED, timer=timer(TimerKind.KEEPALIVE, 74.9, probes=2)),
            None,
            "Connected to 127.0.0.1:42000; nothing waits in either queue; in 1m14s keepalive asks "
            f"whether the peer still lives, 2 probes unanswered; {HELD}.",
        ),
        (
            row(TcpState.ESTABLISHED, send_q=12288, timer=timer(PROBE, 0.4)),
            None,
            "Connected to 127.0.0.1:42000; 12288 bytes not acknowledged by the peer yet; the "
            f"peer's window has no room, asked again in 0.40s; {HELD}.",
        ),
        (
            unowned(TcpState.ESTABLISHED),
            Missing.NOT_ACCEPTED,
            "Connected to 127.0.0.1:42000 by the kernel alone; nothing waits in either queue; no "
            "process holds it until the server calls accept().",
        ),
        (
            unowned(TcpState.FIN_WAIT1, send_q=1, timer=timer(ON, 0.2)),
            Missing.ORPHANED,
            "This side closed first, and its FIN is not acknowledged yet; Send-Q counts the FIN "
            "as 1; unless acknowledged it is sent again in 0.20s; no process holds it any more, "
            "the kernel finishes alone.",
        ),
        (
            row(TcpState.FIN_WAIT1, send_q=12289, timer=timer(PROBE, 0.4)),
            None,
            "This side closed first, and its FIN is not acknowledged yet; 12288 bytes before the "
            "FIN not acknowledged either; the peer's window has no room, asked again in 0.40s; "
            f"{HELD}.",
        ),
        (
            row(TcpState.FIN_WAIT2, recv_q=4096),
            None,
            "This side has ended its sending, the peer has not and may still send; 4096 bytes not "
            f"read yet; {HELD}.",
        ),
        (
            unowned(TcpState.FIN_WAIT2, timer=timer(TimerKind.TIMEWAIT, 59.9)),
            Missing.ORPHANED,
            "This side closed first, the peer knows it and has not closed its end yet; waits 59.9s "
            "more for that; no process holds it any more, the kernel finishes alone.",
        ),
        (
            unowned(TcpState.TIME_WAIT, timer=timer(TimerKind.TIMEWAIT, 59.78)),
            Missing.TIME_WAIT,
            "Closed at both ends, by this side first, which is normal; kept 59.8s more for "
            "late segments; no process holds it, the kernel does.",
        ),
        (
            row(TcpState.CLOSE),
            None,
            "Has the local address 127.0.0.1:80, but neither listens nor connects; " + HELD + ".",
        ),
        (
            row(TcpState.CLOSE_WAIT, recv_q=1),
            None,
            "The peer has closed its end, this side has not called close(); it has not read the "
            f"end of the stream yet (Recv-Q counts the FIN as 1); {HELD}.",
        ),
        (
            row(TcpState.CLOSE_WAIT, recv_q=6),
            None,
            "The peer has closed its end, this side has not called close(); 5 bytes and the end "
            f"of the stream not read yet; {HELD}.",
        ),
        (
            row(TcpState.CLOSE_WAIT),
            None,
            "The peer has closed its end, this side has not called close(); it has read to the "
            f"end; {HELD}.",
        ),
        (
            unowned(TcpState.CLOSE_WAIT, recv_q=1),
            Missing.NOT_ACCEPTED,
            "The peer has closed its end before this side called accept(); it has not read the "
            "end of the stream yet (Recv-Q counts the FIN as 1); no process holds it until the "
            "server calls accept().",
        ),
        (
            unowned(TcpState.LAST_ACK, send_q=1, timer=timer(ON, 3.2, 4)),
            Missing.ORPHANED,
            "Both ends have closed, the peer first, and this side's FIN is not acknowledged yet; "
            "Send-Q counts the FIN as 1; unless acknowledged it is sent again in 3.20s, after 4 "
            "tries again without an answer; no process holds it any more, the kernel finishes "
            "alone.",
        ),
        (
            row(TcpState.CLOSING, send_q=12289, timer=timer(PROBE, 0.4, probes=1)),
            None,
            "Both ends sent their FIN at once, and this side's is not acknowledged yet; 12288 "
            "bytes before the FIN not acknowledged either; the peer's window has no room, asked "
            f"again in 0.40s, 1 probe unanswered; {HELD}.",
        ),
        (
            row(TcpState.ESTABLISHED, timer=timer("unkn-5", 0.1)),
            None,
            "Connected to 127.0.0.1:42000; nothing waits in either queue; a timer of unknown kind "
            f"(unkn-5) ends in 0.10s; {HELD}.",
        ),
        (
            row(TcpState.CLOSE, proto=Proto.UDP, raddr=NOWHERE, recv_q=832),
            None,
            "Takes datagrams to 127.0.0.1:80 from anyone; 832 bytes of buffer hold what it has "
            f"not read yet; {HELD}.",
        ),
        (
            row(TcpState.ESTABLISHED, proto=Proto.UDP6, raddr=Addr("::1", 53), send_q=768),
            None,
            "Sends datagrams to [::1]:53 and takes them from no one else; there is no handshake; "
            f"768 bytes of buffer hold what has not left yet; {HELD}.",
        ),
        (
            row(TcpState.CLOSE, proto=Proto.RAW, laddr=Addr("0.0.0.0", 1), raddr=NOWHERE),
            None,
            f"Takes packets of IP protocol 1 sent to any address; {HELD}.",
        ),
        (
            row(TcpState.ESTABLISHED, proto=Proto.RAW, laddr=Addr("127.0.0.1", 1)),
            None,
            "Sends packets of IP protocol 1 to 127.0.0.1 and takes them from no one else; there "
            f"is no handshake; {HELD}.",
        ),
        (
            row(TcpState.LISTEN, proto=Proto.SCTP),
            None,
            f"Waits for SCTP associations to 127.0.0.1:80; {HELD}.",
        ),
        (
            row(TcpState.ESTABLISHED, proto=Proto.SCTP, send_q=3),
            None,
            "SCTP association with 127.0.0.1:42000; 3 bytes not acknowledged by the peer yet; "
            f"{HELD}.",
        ),
        (
            row(TcpState.FIN_WAIT1, proto=Proto.SCTP),
            None,
            f"SCTP association, in a state nearest to TCP's FIN_WAIT1; {HELD}.",
        ),
    ],
)  # fmt: skip
def test_a_row_in_a_sentence(record: SocketRecord, missing: Missing | None, sentence: str) -> None:
    assert explain_row(record, missing) == sentence


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (
            UnixRecord("STREAM", UnixState.LISTENING, b"/run/x", 7, 0, 3, 2),
            "Waits for connections at /run/x; 3 connections wait for accept(), 3 fit.",
        ),
        (
            UnixRecord("STREAM", UnixState.CONNECTED, b"\0x", 7, 12, 6, 768),
            "Connected to the socket with inode 12, itself at @x; 6 bytes not read yet; 768 bytes "
            "of buffer hold what the peer has not read yet.",
        ),
        (
            UnixRecord("STREAM", UnixState.CONNECTING, b"/run/x", 0, 12),
            "Connected by the kernel alone at /run/x.",
        ),
        (UnixRecord("STREAM", UnixState.DISCONNECTING, b""), "Closing."),
        (
            UnixRecord("DGRAM", UnixState.UNCONNECTED, b"/dev/log", 7, 0, 5, 0),
            "Takes datagrams at /dev/log; the next datagram to read has 5 bytes.",
        ),
        (
            UnixRecord("STREAM", UnixState.UNCONNECTED, b""),
            "A STREAM socket that neither listens nor is connected.",
        ),
        (
            UnixRecord("STREAM", None, b"/run/x", trusted=False),
            "A STREAM socket at /run/x, whose state this source can't tell; the name may be "
            "forged, see a view from sockdiag.",
        ),
    ],
)
def test_a_unix_row_in_a_sentence(record: UnixRecord, sentence: str) -> None:
    assert explain_row(record) == sentence


@pytest.mark.parametrize("state", list(TcpState))
@pytest.mark.parametrize("proto", [Proto.TCP, Proto.UDP, Proto.RAW, Proto.SCTP, Proto.MPTCP])
def test_what_a_source_cannot_tell_is_not_told(proto: Proto, state: TcpState) -> None:
    bare = SocketRecord(proto, Addr("192.168.1.2", 4321), Addr("192.168.1.3", 5432), state)
    sentence = explain_row(bare)
    for claim in ("nothing", "none", " 0", "byte", "wait for accept", "not read", "held", "holds"):
        assert claim not in sentence
    assert sentence.endswith(".")
    untold = explain_row(bare._replace(owners=()), Missing.UNTOLD)
    assert untold == f"{sentence[:-1]}; this source can't tell who holds it."


@pytest.mark.parametrize("state", list(UnixState))
@pytest.mark.parametrize("kind", list(UnixType))
def test_nor_of_a_unix_socket(kind: UnixType, state: UnixState) -> None:
    sentence = explain_row(UnixRecord(kind, state, b""))
    assert not any(claim in sentence for claim in ("none", "0", "byte", "fit", "inode"))


def test_every_reason_for_a_missing_owner_has_its_words() -> None:
    lone = unowned(TcpState.ESTABLISHED)
    sentences = {explain_row(lone, missing) for missing in Missing}
    assert len(sentences) == len(Missing)
    assert "user 1000" in explain_row(lone, Missing.OTHER_USER)
    assert "another user" in explain_row(lone._replace(uid=None), Missing.OTHER_USER)


@pytest.mark.parametrize(
    ("owners", "words"),
    [
        ((Owner(1, 2, "a"), Owner(3, 4, "b")), "a (pid 1, fd 2) and b (pid 3, fd 4)"),
        (
            tuple(Owner(pid, 3, "w") for pid in range(1, 6)),
            "w (pid 1, fd 3), w (pid 2, fd 3), w (pid 3, fd 3) and 2 more",
        ),
        ((Owner(1, -1, "a"),), "a (pid 1)"),
        ((Owner(1, 2, "\x1b[31mred"),), '"\\x1b[31mred" (pid 1, fd 2)'),
        ((Owner(1, 2, "a\nb; all is well"),), '"a\\x0ab; all is well" (pid 1, fd 2)'),
        ((Owner(1, 2, '"x" (pid 9)'),), "\"'x' (pid 9)\" (pid 1, fd 2)"),
        ((Owner(1, 2, "a\u202eb\udcff"),), '"a\\u202eb\\xff" (pid 1, fd 2)'),
        ((Owner(1, 2, ""),), '"" (pid 1, fd 2)'),
    ],
)
def test_owners_by_name(owners: tuple[Owner, ...], words: str) -> None:
    sentence = explain_row(row(TcpState.ESTABLISHED, owners=owners))
    assert sentence.endswith(f"; held by {words}.")
    assert sentence.isprintable()


@pytest.mark.parametrize("name", [b"a\nb", b"\x1b]0;x\x07", b"\xff\xfe", "\u202e".encode()])
def test_a_unix_name_is_harmless(name: bytes) -> None:
    for state in UnixState:
        assert explain_row(UnixRecord("STREAM", state, name)).isprintable()
