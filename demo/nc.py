"""``python -m demo nc``: a small netcat, to be read as much as to be run.

It needs nothing but the standard library. A server runs getaddrinfo, socket, bind, listen
and accept; a client getaddrinfo, socket and connect; both then carry bytes both ways.
"""

from __future__ import annotations

import argparse
import os
import select
import sys
from collections.abc import Sequence
from contextlib import suppress
from socket import (
    AF_INET,
    AF_INET6,
    AF_UNSPEC,
    AI_PASSIVE,
    IPPROTO_IPV6,
    IPV6_V6ONLY,
    SHUT_WR,
    SO_REUSEADDR,
    SOCK_STREAM,
    SOL_SOCKET,
    AddressFamily,
    SocketKind,
    gaierror,
    getaddrinfo,
    socket,
)
from typing import Any

OK, FAILED, INTERRUPTED = 0, 1, 130

_CHUNK = 65536
_BACKLOG = 5
_STDIN, _STDOUT = 0, 1


_Found = tuple[AddressFamily, SocketKind, int, str, Any]
"""What getaddrinfo gives for one address; the last part goes to bind or connect."""


class NcError(Exception):
    """What went wrong, in one line."""


def main(arguments: list[str]) -> int:
    """Run the command: 0 when the conversation ended well, 1 on errors, 2 for usage."""
    given = _arguments(arguments)
    try:
        _need_open_streams()
        if given.listen:
            serve(given.port, given.family or AF_INET, keep_on=given.keep_on)
        else:
            with connect(given.host, given.port, given.family or AF_UNSPEC) as sock:
                converse(sock)
    except NcError as error:
        print(f"nc: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return OK


def connect(host: str, port: str, family: int) -> socket:
    """A socket connected to the first of the host's addresses that answers."""
    reason = "it has no address"
    for found, kind, protocol, _, address in _look_up(host, port, family, 0):
        try:
            sock = socket(found, kind, protocol)
        except OSError as error:
            reason = _reason(error)
            continue
        try:
            sock.connect(address)
        except OSError as error:
            reason = _reason(error)
            sock.close()
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise NcError(f"can't connect to {host} port {port}: {reason}")


def serve(port: str, family: int, keep_on: bool) -> None:
    """Serve one client, or with ``keep_on`` one after the other without an end."""
    with listen(port, family) as listener:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError as error:
                raise NcError(f"can't accept: {_reason(error)}") from error
            with sock:
                if not keep_on:
                    # From here on nobody else may connect, and the LISTEN row is gone.
                    listener.close()
                    converse(sock)
                    return
                try:
                    converse(sock)
                except NcError as error:
                    print(f"nc: {error}", file=sys.stderr)


def listen(port: str, family: int) -> socket:
    """A socket that listens on every address of this machine."""
    found, kind, protocol, _, address = _look_up(None, port, family, AI_PASSIVE)[0]
    try:
        listener = socket(found, kind, protocol)
    except OSError as error:
        raise NcError(f"can't listen on port {port}: {_reason(error)}") from error
    try:
        # Without it, connections in TIME_WAIT would keep the port busy for a minute.
        listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        if found == AF_INET6:
            listener.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise NcError(f"can't listen on port {port}: {_reason(error)}") from error
    return listener


def converse(sock: socket) -> None:
    """Send standard input to the socket and write what comes to standard output.

    The end of standard input closes one direction only (SHUT_WR): the peer reads to the
    end and can still answer. The conversation is over when both directions are, and also
    when the peer's is and standard input is a terminal, which has no end of its own.
    """
    sock.setblocking(False)
    sending, receiving = True, True
    unsent = b""
    while sending or unsent or receiving:
        # Standard input waits while bytes are unsent: a slow peer slows its source down.
        to_read: list[socket | int] = [_STDIN] if sending and not unsent else []
        if receiving:
            to_read.append(sock)
        readable, writable, _ = select.select(to_read, [sock] if unsent else [], [])
        try:
            if _STDIN in readable:
                unsent = _read_input()
                sending = bool(unsent)
                if not sending:
                    sock.shutdown(SHUT_WR)
            if sock in writable:
                with suppress(BlockingIOError):
                    # send() takes as much as there is room for and says how much that was.
                    unsent = unsent[sock.send(unsent) :]
            if sock in readable:
                with suppress(BlockingIOError):
                    # recv() gives what is there, up to so many bytes; no byte is the end.
                    received = sock.recv(_CHUNK)
                    receiving = bool(received)
                    _write_output(received)
        except OSError as error:
            raise NcError(f"the connection broke: {_reason(error)}") from error
        if not receiving and os.isatty(_STDIN):
            sending = False


def _read_input() -> bytes:
    try:
        return os.read(_STDIN, _CHUNK)
    except OSError as error:
        raise NcError(f"can't read standard input: {_reason(error)}") from error


def _write_output(data: bytes) -> None:
    """Write all of it: a pipe may take a part, and none at all while it is full."""
    while data:
        try:
            data = data[os.write(_STDOUT, data) :]
        except BlockingIOError:
            select.select([], [_STDOUT], [])
        except OSError as error:
            raise NcError(f"can't write standard output: {_reason(error)}") from error


def _look_up(host: str | None, port: str, family: int, flags: int) -> Sequence[_Found]:
    """What the name stands for; for no name and AI_PASSIVE, all of this machine's addresses."""
    try:
        return getaddrinfo(host, port, family, SOCK_STREAM, 0, flags)
    except gaierror as error:
        raise NcError(f"{host or 'this machine'}: {error.strerror}") from error
    except UnicodeError as error:
        raise NcError(f"{host}: not a host name") from error


def _need_open_streams() -> None:
    """Where one is closed, a socket would get its number and be taken for it."""
    for descriptor, name in ((_STDIN, "input"), (_STDOUT, "output")):
        try:
            os.fstat(descriptor)
        except OSError as error:
            raise NcError(f"standard {name} is not open") from error


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _port(text: str) -> str:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!a} is no port, 1 to 65535")
    return text


def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="nc",
        usage="nc [-4 | -6] [-k] -l PORT\n       nc [-4 | -6] HOST PORT",
        description="Carry standard input to a peer, and what it sends to standard output.",
    )
    parser.add_argument("-l", dest="listen", action="store_true", help="wait for one client")
    parser.add_argument(
        "-k", dest="keep_on", action="store_true", help="with -l: one client after the other"
    )
    family = parser.add_mutually_exclusive_group()
    family.add_argument(
        "-4", dest="family", action="store_const", const=AF_INET, help="IPv4 (-l: the default)"
    )
    family.add_argument("-6", dest="family", action="store_const", const=AF_INET6, help="IPv6")
    parser.add_argument("host", nargs="?", metavar="HOST", help="whom to connect to")
    parser.add_argument("port", type=_port, metavar="PORT", help="1 to 65535")
    given = parser.parse_args(arguments)
    if given.keep_on and not given.listen:
        parser.error("-k goes with -l")
    if given.listen == (given.host is not None):
        parser.error("name a HOST and a PORT" if given.host is None else "-l takes a PORT alone")
    return given


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
