"""A network of one's own, where no other socket is in the way."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys

_INSIDE = "PYNETSTAT_OWN_NETWORK"
"""Set in the environment of a program that was started again inside."""
_IFREQ = struct.Struct("16sH22x")
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


class NetworkRefused(Exception):
    """This user, or this machine, gets no network namespace; the text says why."""


def enter_own_network(command: list[str]) -> None:
    """Go on in a new network namespace whose loopback is up.

    ``command`` is what this process was started with: where util-linux's unshare is
    installed the process is replaced by it, run inside. Otherwise the namespace is made
    by the C library and the function returns. An ordinary user gets one together with a
    user namespace, in which he is root. NetworkRefused when there is none to be had; the
    process is still where it was.
    """
    if os.environ.pop(_INSIDE, None):
        bring_up_loopback()
        return
    if not sys.platform.startswith("linux"):
        raise NetworkRefused("only Linux has network namespaces")
    unshare = shutil.which("unshare")
    if unshare is None:
        _enter_through_libc()
        return
    refusal = ""
    for options in (["--net"], ["--user", "--map-root-user", "--net"]):
        prefix = [unshare, *options, "--"]
        # A namespace may be granted and its loopback refused, so both are tried first.
        trial = subprocess.run(
            [*prefix, sys.executable, "-m", "demo.netns"], capture_output=True, check=False
        )
        if trial.returncode == 0:
            sys.stdout.flush()
            os.execve(unshare, [*prefix, *command], {**os.environ, _INSIDE: "1"})
        lines = trial.stderr.decode(errors="replace").splitlines()
        refusal = lines[-1] if lines else f"unshare ended with {trial.returncode}"
    raise NetworkRefused(refusal)


def bring_up_loopback() -> None:
    """Bring this namespace's loopback interface up. NetworkRefused when it may not."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            request = fcntl.ioctl(sock, _SIOCGIFFLAGS, _IFREQ.pack(b"lo", 0))
            name, flags = _IFREQ.unpack(request)
            fcntl.ioctl(sock, _SIOCSIFFLAGS, _IFREQ.pack(name, flags | _IFF_UP))
    except OSError as error:
        raise NetworkRefused(f"loopback: {error.strerror}") from error


def _enter_through_libc() -> None:
    """Try it in a child first: who has left a user namespace can't go back."""
    child = os.fork()
    if child == 0:
        try:
            _unshare()
            bring_up_loopback()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if status != 0:
        raise NetworkRefused("the kernel refuses a network namespace")
    _unshare()
    bring_up_loopback()


def _unshare() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) == 0:
        return
    if ctypes.get_errno() != errno.EPERM:
        raise NetworkRefused(os.strerror(ctypes.get_errno()))
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        raise NetworkRefused(os.strerror(ctypes.get_errno()))
    for path, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{path}", "w", encoding="ascii") as file:
            file.write(text)


if __name__ == "__main__":
    try:
        bring_up_loopback()
    except NetworkRefused as refusal:
        sys.exit(str(refusal))
