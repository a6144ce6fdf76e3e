"""The typed rows: what one socket looks like, whichever source it was read from.

Names are the kernel's, psutil's or netstat's. ``None`` always means "this source cannot
tell"; 0 means 0. Rows are named tuples because a table may hold a million of them and a
named tuple costs a fifth of a frozen dataclass.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pynetstat.tcpinfo import TcpInfo


class _Word(str, Enum):
    """An enumeration whose members are, compare as and print as plain words."""

    __str__ = str.__str__
    __format__ = str.__format__  # type: ignore[assignment]


class Proto(_Word):
    """A socket table, under netstat's name for it (``udplite`` is netstat's ``udpl``)."""

    TCP = "tcp"
    TCP6 = "tcp6"
    MPTCP = "mptcp"
    MPTCP6 = "mptcp6"
    SCTP = "sctp"
    SCTP6 = "sctp6"
    UDP = "udp"
    UDP6 = "udp6"
    UDPLITE = "udplite"
    UDPLITE6 = "udplite6"
    RAW = "raw"
    RAW6 = "raw6"
    UNIX = "unix"

    @property
    def is_ipv6(self) -> bool:
        """Whether this is the IPv6 table of its protocol."""
        return self.value.endswith("6")

    @property
    def base(self) -> str:
        """The protocol without its address family: ``tcp`` for both tcp and tcp6."""
        return self.value.removesuffix("6")


class TcpState(_Word):
    """A TCP state under netstat's name (include/net/tcp_states.h).

    UDP, UDP-Lite and raw sockets use two of them: ESTABLISHED once connected, else CLOSE.
    """

    ESTABLISHED = "ESTABLISHED"
    SYN_SENT = "SYN_SENT"
    SYN_RECV = "SYN_RECV"
    FIN_WAIT1 = "FIN_WAIT1"
    FIN_WAIT2 = "FIN_WAIT2"
    TIME_WAIT = "TIME_WAIT"
    CLOSE = "CLOSE"
    CLOSE_WAIT = "CLOSE_WAIT"
    LAST_ACK = "LAST_ACK"
    LISTEN = "LISTEN"
    CLOSING = "CLOSING"


STATE_CODES: dict[int, TcpState] = dict(enumerate(TcpState, start=1))
"""The kernel's numbers for the states; 12 is NEW_SYN_RECV, which reads as SYN_RECV."""
STATE_CODES[12] = TcpState.SYN_RECV


class TimerKind(_Word):
    """What a socket's timer is running for, in netstat's words."""

    OFF = "off"
    ON = "on"
    KEEPALIVE = "keepalive"
    TIMEWAIT = "timewait"
    PROBE = "probe"


TIMER_KINDS: tuple[TimerKind, ...] = tuple(TimerKind)
"""The kernel's timer codes 0 to 4 (include/uapi/linux/inet_diag.h, net/ipv4/tcp_ipv4.c)."""


def timer_kind(code: int) -> str:
    """The word for a kernel timer code; netstat's ``unkn-N`` for one that is not known."""
    return TIMER_KINDS[code] if code < len(TIMER_KINDS) else f"unkn-{code}"


class Addr(NamedTuple):
    """One end of a socket.

    ``ip`` is the canonical text of the address (``0.0.0.0`` and ``::`` when unbound or
    any; an IPv4-mapped address stays ``::ffff:a.b.c.d``). ``port`` is 0 when unset; for
    raw sockets the local port is the IP protocol number.
    """

    ip: str
    port: int


ANY = ("0.0.0.0", "::")
"""The addresses that stand for every address of the machine."""


class Timer(NamedTuple):
    """A socket's running timer.

    ``kind`` is a :class:`TimerKind` (or ``unkn-N``), ``expires_s`` the seconds left,
    ``retransmits`` the segments sent again without an answer, ``probes`` the keepalive
    or zero-window probes sent without an answer.

    sock_diag has one counter for both: it counts retransmissions while the kind is
    ``on`` and probes otherwise, and the other one reads 0.
    """

    kind: str
    expires_s: float
    retransmits: int
    probes: int


TIMER_OFF = Timer(TimerKind.OFF, 0.0, 0, 0)


class Owner(NamedTuple):
    """A process that holds a socket: its pid, the descriptor, and the process's name.

    ``name`` is argv[0], cut to its last path part when it starts with ``/``; the kernel's
    comm where argv is empty. It is text from outside: escape it before a terminal sees it.
    ``fd`` is -1 where the source does not tell.
    """

    pid: int
    fd: int
    name: str


class SocketRecord(NamedTuple):
    """One internet socket, the same from every source that can tell.

    ``recv_q``, ``send_q``
        Bytes not read yet and bytes not acknowledged. On LISTEN ``recv_q`` counts the
        connections waiting for accept() and ``send_q`` is 0. UDP charges buffer memory,
        not payload.
    ``backlog``
        The accept queue's limit; only on LISTEN and only from sock_diag.
    ``timer``
        Seconds and counts, see :class:`Timer`.
    ``uid``
        The owner's user id, on SYN_RECV the listener's; None where the kernel keeps none
        (TIME_WAIT, or SYN_RECV of an IPv6 listener through sock_diag).
    ``inode``
        The sockfs inode; 0 when no process holds the socket (TIME_WAIT, orphaned, not
        accepted yet, SYN_RECV).
    ``cookie``
        The kernel's 64-bit name for the socket, the same through all its states; only
        from sock_diag.
    ``ifindex``
        The interface the socket is bound to, 0 for none; only from sock_diag.
    ``owners``
        Every process and descriptor that holds the socket; empty when none was found;
        None when owners were not asked for.
    ``info``
        TCP's own figures, see :class:`~pynetstat.tcpinfo.TcpInfo`; None when they were not
        asked for; only from sock_diag, and not for TIME_WAIT and SYN_RECV.
    ``netns``
        The label of its network namespace; None when no namespace was asked for, and it is
        this program's.
    ``v6only``
        Whether IPV6_V6ONLY is set, with which ``::`` takes no IPv4 (ipv6(7)); only from
        sock_diag, and only of IPv6 sockets that are not connected, else None.
    """

    proto: Proto
    laddr: Addr
    raddr: Addr
    state: TcpState
    recv_q: int | None = None
    send_q: int | None = None
    backlog: int | None = None
    timer: Timer | None = None
    uid: int | None = None
    inode: int | None = None
    cookie: int | None = None
    ifindex: int | None = None
    owners: tuple[Owner, ...] | None = None
    info: TcpInfo | None = None
    netns: str | None = None
    v6only: bool | None = None


class UnixType(_Word):
    """A unix socket's type, in netstat's words (SOCK_* of socket(2))."""

    STREAM = "STREAM"
    DGRAM = "DGRAM"
    RAW = "RAW"
    RDM = "RDM"
    SEQPACKET = "SEQPACKET"


UNIX_TYPES: dict[int, UnixType] = dict(enumerate(UnixType, start=1))
"""The SOCK_* numbers (include/linux/net.h)."""


def unix_type(code: int) -> str:
    """The word for a SOCK_* number; netstat's ``UNKNOWN`` for one that is not known."""
    return UNIX_TYPES.get(code, "UNKNOWN")


class UnixState(_Word):
    """A unix socket's state, in netstat's words."""

    UNCONNECTED = "UNCONNECTED"
    LISTENING = "LISTENING"
    CONNECTING = "CONNECTING"
    CONNECTED = "CONNECTED"
    DISCONNECTING = "DISCONNECTING"


class UnixRecord(NamedTuple):
    """One unix-domain socket.

    ``type``, ``state``
        Words of :class:`UnixType` and :class:`UnixState`; psutil does not tell the state.
    ``path``
        The exact bytes of its name: empty when unbound, beginning with NUL for an
        abstract name. From /proc/net/unix a leading ``@`` is taken for that NUL.
    ``peer_inode``
        The inode at the other end, 0 for none; only from sock_diag.
    ``recv_q``, ``send_q``
        On LISTENING the connections waiting for accept() and the backlog, else the
        bytes queued; only from sock_diag.
    ``refcnt``
        The kernel's reference count; only /proc/net/unix tells it.
    ``uid``
        The owner's user id; only from sock_diag.
    ``trusted``
        False when the row comes from /proc/net/unix and stands below a name, since any
        user can forge a whole row with a newline in a socket's name.
    ``netns``
        As in :class:`SocketRecord`.
    """

    type: str
    state: UnixState | None
    path: bytes
    inode: int | None = None
    peer_inode: int | None = None
    recv_q: int | None = None
    send_q: int | None = None
    refcnt: int | None = None
    uid: int | None = None
    cookie: int | None = None
    owners: tuple[Owner, ...] | None = None
    trusted: bool = True
    netns: str | None = None

    @property
    def proto(self) -> Proto:
        """Always :attr:`Proto.UNIX`, so that mixed rows can be told apart."""
        return Proto.UNIX
