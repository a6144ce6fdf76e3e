"""Namespaces, mounts and a loopback of one's own, through the C library alone."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import struct

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000

_MS_BIND = 0x1000
_MS_REC = 0x4000
_MS_PRIVATE = 1 << 18
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCSIFADDR, _SIOCSIFNAME = 0x8913, 0x8914, 0x8916, 0x8923
_IFF_UP = 1
_PR_CAPBSET_DROP = 24
CAP_SYS_ADMIN = 21
_REFUSED = (errno.EPERM, errno.EACCES, errno.ENOSPC, errno.EINVAL, errno.ENOSYS)

LONG_IPV6 = "2001:db8:1111:2222:3333:4444:5555:6666"
"""An address of the loopback here that netstat has to cut."""

_libc = ctypes.CDLL(None, use_errno=True)


def isolate(mounts: bool) -> None:
    """Give this process a network (and a mount table) of its own, loopback up.

    Without privileges it becomes root of a user namespace first. OSError where the
    machine allows neither. The process must have one thread.
    """
    flags = CLONE_NEWNET | (CLONE_NEWNS if mounts else 0)
    try:
        _unshare(flags)
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        _become_namespace_root(flags)
    if mounts:
        _mount("none", "/", "", _MS_REC | _MS_PRIVATE, "")
    _bring_up_loopback()


def mount(kind: str, target: str, options: str = "") -> None:
    """Mount a new filesystem of ``kind`` over ``target``."""
    _mount(kind, target, kind, 0, options)


def name_namespace(pid: int, name: str) -> None:
    """Name the network namespace of a process, as ip-netns(8) does, in a /run of one's own.

    The mount table must be this process's own.
    """
    if not os.path.isdir("/run/netns"):
        _mount("tmpfs", "/run", "tmpfs", 0, "")
        os.mkdir("/run/netns")
    with open(f"/run/netns/{name}", "w"):
        pass
    _mount(f"/proc/{pid}/ns/net", f"/run/netns/{name}", "", _MS_BIND, "")


def rename_loopback(name: str) -> None:
    """Call the loopback interface of this network something else."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack("16xh14x", fcntl.ioctl(control, _SIOCGIFFLAGS, request))
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags & ~_IFF_UP))
        fcntl.ioctl(control, _SIOCSIFNAME, struct.pack("16s16s", b"lo", name.encode()))
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", name.encode(), flags))


def give_up(capability: int) -> None:
    """Let no program started here have it (prctl(2), capabilities(7))."""
    if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _become_namespace_root(flags: int) -> None:
    uid, gid = os.geteuid(), os.getegid()
    _unshare(flags | CLONE_NEWUSER)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"0 {uid} 1"),
        ("gid_map", f"0 {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _unshare(flags: int) -> None:
    if _libc.unshare(flags) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"unshare: {os.strerror(code)}")


def _mount(source: str, target: str, kind: str, flags: int, options: str) -> None:
    texts = (source.encode(), target.encode(), kind.encode() or None)
    if _libc.mount(*texts, ctypes.c_ulong(flags), options.encode() or None) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"mount {kind} at {target}: {os.strerror(code)}")


def _bring_up_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack("16xh14x", fcntl.ioctl(control, _SIOCGIFFLAGS, request))
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))
    if not os.path.exists("/proc/net/tcp6"):
        return
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as control:
        packed = socket.inet_pton(socket.AF_INET6, LONG_IPV6)
        index = socket.if_nametoindex("lo")
        fcntl.ioctl(control, _SIOCSIFADDR, struct.pack("=16sIi", packed, 128, index))
