"""The network namespaces of this machine: which there are, and what people call them.

A namespace is known by the inode of its nsfs file, the number in ``net:[N]`` (namespaces(7)).
Only who may trace a process may see that of /proc/PID/ns/net. But everybody may read the
tables under /proc/PID/net, and each namespace has files of its own there: the inode of one of
them tells namespaces apart for an ordinary user, too.

Looked for: the names of ip-netns(8), the namespaces of every thread, nsfs files mounted in
any mount namespace that a process is in, and descriptors of nsfs files. Not looked for: a
namespace that only an open socket or a device keeps alive.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pynetstat.containers import Container, find_container
from pynetstat.errors import NamespaceUnavailable
from pynetstat.owners import process_name
from pynetstat.text import printable

NAME_FOLDERS = ("/run/netns", "/var/run/netns")
"""Where ip-netns(8) mounts the namespaces that it names."""

CLONE_NEWNET = 0x40000000
_NS_GET_NSTYPE = 0xB703
_DENIED = (errno.EACCES, errno.EPERM)
_LINK = re.compile(r"net:\[([0-9]{1,20})\]")
_OCTAL = re.compile(rb"\\([0-3][0-7]{2})")
_READ_SIZE = 65536
_MOST_DOORS = 8


class Namespace(NamedTuple):
    """One network namespace.

    ``label``
        One word for people that no other namespace has, harmless for a terminal: its name;
        else its container as ``docker:3f2a9c1b7d5e``; else its first process and how many
        more there are, as ``812/nginx+3``; else ``net:[N]``. ``own`` for the namespace of
        this program, unless it has a name.
    ``inode``
        The number in ``net:[N]``; None where this user is not told.
    ``names``
        What ip-netns(8) calls it. Text from outside.
    ``container``
        Where its first process runs, None if in none that can be told. Text from outside.
    ``pids``
        The processes that are in it, or have a thread in it.
    ``doors``
        Files that stand for it, to be opened for setns(2); empty where this user sees none.
    ``tables``
        The inode of its /proc/PID/net/dev; None where no process is known to be in it.
    ``own``
        Whether this program is in it.
    """

    label: str
    inode: int | None
    names: tuple[str, ...] = ()
    container: Container | None = None
    pids: tuple[int, ...] = ()
    doors: tuple[str, ...] = ()
    tables: int | None = None
    own: bool = False


class Found(NamedTuple):
    """The namespaces that were found, and what kept others from being found.

    ``untold`` counts the processes whose namespace this user is not told, ``hidden`` says
    that /proc does not list every process.
    """

    namespaces: tuple[Namespace, ...]
    untold: int
    hidden: bool


def find_namespaces() -> Found:
    """Every network namespace that this user can find: this program's first, then by name.

    NamespaceUnavailable where /proc does not tell of namespaces.
    """
    search = _Search()
    search.look_for_names(NAME_FOLDERS)
    pids = sorted(int(name) for name in os.listdir("/proc") if name.isdecimal())
    for pid in pids:
        search.look_into(pid)
    return Found(tuple(_labelled(search.drafts())), search.untold, hidden=1 not in pids)


def find_namespace(wanted: str | int) -> Namespace:
    """The namespace that ``wanted`` names.

    A number is the process in it, a text with a slash the path of an nsfs file, any other
    text a name of ip-netns(8), or a label. NamespaceUnavailable when there is none.
    """
    text = str(wanted)
    if text.isascii() and text.isdecimal():
        return _of_process(int(text))
    if "/" in text:
        return _of_path(text, text)
    for folder in NAME_FOLDERS:
        if text and os.path.lexists(f"{folder}/{text}"):
            return _of_path(f"{folder}/{text}", text)
    known = find_namespaces().namespaces
    for namespace in known:
        if text == namespace.label:
            return namespace
    labels = ", ".join(namespace.label for namespace in known)
    raise NamespaceUnavailable(f"no network namespace {text!r}; there are: {labels}")


def own_inode() -> int:
    """The inode of the namespace of this thread. NamespaceUnavailable where /proc has none."""
    return _own_status().st_ino


def open_door(namespace: Namespace) -> int:
    """A descriptor of the namespace's nsfs file, for the caller to close.

    OSError of the last door when none of them still leads there.
    """
    refusal = OSError(errno.EACCES, os.strerror(errno.EACCES))
    for door in namespace.doors:
        try:
            descriptor = os.open(door, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            refusal = error
            continue
        # A pid or descriptor may be another's by now.
        if namespace.inode in (None, os.fstat(descriptor).st_ino):
            return descriptor
        os.close(descriptor)
        refusal = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    raise refusal


def open_tables(namespace: Namespace) -> int:
    """A descriptor of the /proc/PID of a process in the namespace, for the caller to close.

    What is read below it is of that process, or nothing once it has ended. OSError when
    none is left.
    """
    for pid in namespace.pids:
        try:
            descriptor = os.open(f"/proc/{pid}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            continue
        if namespace.tables in (None, _tables(".", descriptor)):
            return descriptor
        os.close(descriptor)
    raise OSError(errno.ESRCH, os.strerror(errno.ESRCH))


def mounted_namespaces(mountinfo: bytes) -> Iterator[tuple[int, str]]:
    """The network namespaces among the mounts of a mountinfo file (proc(5)): inode and place."""
    for line in mountinfo.split(b"\n"):
        fields = line.split(b" ")
        link = _LINK.fullmatch(os.fsdecode(fields[3])) if len(fields) > 4 else None
        if link:
            place = _OCTAL.sub(lambda match: bytes([int(match[1], 8)]), fields[4])
            yield int(link[1]), os.fsdecode(place)


class _Draft:
    """What is known of one namespace while processes are looked through."""

    def __init__(self, inode: int | None, tables: int | None = None) -> None:
        self.inode = inode
        self.tables = tables
        self.names: list[str] = []
        self.pids: list[int] = []
        self.doors: list[str] = []


class _Search:
    """Collects namespaces, by the inode of their nsfs file or else of their tables."""

    def __init__(self) -> None:
        own = _own_status()
        self.untold = 0
        self._own = own.st_ino
        self._device = own.st_dev
        self._by_inode = {own.st_ino: _Draft(own.st_ino, _tables("/proc/thread-self"))}
        self._by_tables: dict[int, _Draft] = {}
        self._mounts_seen: set[int] = set()

    def look_for_names(self, folders: Iterable[str]) -> None:
        """Find what ip-netns(8) has named; two folders may be one and the same."""
        for folder in dict.fromkeys(map(os.path.realpath, folders)):
            for name in _names_in(folder):
                path = f"{folder}/{name}"
                try:
                    inode = _net_inode(path, self._device)
                except OSError:
                    continue
                if inode is not None:
                    draft = self._draft(inode)
                    draft.names.append(name)
                    draft.doors.append(path)

    def look_into(self, pid: int) -> None:
        """Find where a process and its threads are, what it has mounted and what it holds."""
        try:
            folder = os.open(f"/proc/{pid}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            self.untold += error.errno in _DENIED
            return
        try:
            self._look_at_threads(pid, folder)
            self._look_at_mounts(pid, folder)
            self._look_at_descriptors(pid, folder)
        except OSError as error:
            self.untold += error.errno in _DENIED
        finally:
            os.close(folder)

    def drafts(self) -> list[_Draft]:
        """All that was found, this program's namespace first."""
        by_tables = {draft.tables: draft for draft in self._by_inode.values()}
        for tables, draft in self._by_tables.items():
            if tables in by_tables:
                by_tables[tables].pids += draft.pids
        strangers = [draft for tables, draft in self._by_tables.items() if tables not in by_tables]
        found = [*self._by_inode.values(), *strangers]
        for draft in found:
            draft.pids.sort()
        return found

    def _look_at_threads(self, pid: int, folder: int) -> None:
        for thread in _names_in("task", folder):
            door = f"task/{thread}/ns/net"
            try:
                inode = os.stat(door, dir_fd=folder).st_ino
            except PermissionError:
                self._look_at_tables(pid, folder, f"task/{thread}")
                continue
            except OSError:
                continue
            draft = self._draft(inode)
            if draft.tables is None:
                draft.tables = _tables(f"task/{thread}", folder)
            if pid not in draft.pids[-1:]:
                draft.pids.append(pid)
                if len(draft.doors) < _MOST_DOORS:
                    draft.doors.append(f"/proc/{pid}/{door}")

    def _look_at_tables(self, pid: int, folder: int, thread: str) -> None:
        """Place a thread that may not be traced. OSError when it may not be looked at either."""
        status = os.stat(f"{thread}/net/dev", dir_fd=folder)
        draft = self._by_tables.setdefault(status.st_ino, _Draft(None, status.st_ino))
        if pid not in draft.pids[-1:]:
            draft.pids.append(pid)

    def _look_at_mounts(self, pid: int, folder: int) -> None:
        try:
            mounts = os.stat("ns/mnt", dir_fd=folder).st_ino
            if mounts in self._mounts_seen:
                return
            text = _read("mountinfo", folder)
        except OSError:
            return
        self._mounts_seen.add(mounts)
        for inode, place in mounted_namespaces(text):
            self._draft(inode).doors.append(f"/proc/{pid}/root{place}")

    def _look_at_descriptors(self, pid: int, folder: int) -> None:
        for name in _names_in("fd", folder):
            try:
                link = _LINK.fullmatch(os.readlink(f"fd/{name}", dir_fd=folder))
            except OSError:
                continue
            if link:
                self._draft(int(link[1])).doors.append(f"/proc/{pid}/fd/{name}")

    def _draft(self, inode: int) -> _Draft:
        return self._by_inode.setdefault(inode, _Draft(inode))


def _labelled(drafts: list[_Draft]) -> Iterator[Namespace]:
    """The namespaces with their labels, of which no two are the same."""
    taken: Counter[str] = Counter()
    own = own_inode()
    for draft in drafts:
        container = _container(draft.pids[0]) if draft.pids else None
        is_own = draft.inode == own
        label = _label(draft, container, is_own)
        taken[label] += 1
        if taken[label] > 1:
            label += f"#{draft.inode or draft.tables}"
        yield Namespace(
            label,
            draft.inode,
            tuple(draft.names),
            container,
            tuple(draft.pids),
            tuple(draft.doors),
            draft.tables,
            is_own,
        )


def _label(draft: _Draft, container: Container | None, is_own: bool) -> str:
    if draft.names:
        return _word(draft.names[0])
    if is_own:
        return "own"
    if container is not None:
        return _word(str(container))
    if draft.pids:
        others = f"+{len(draft.pids) - 1}" if len(draft.pids) > 1 else ""
        return _word(f"{draft.pids[0]}/{_name_of(draft.pids[0])}{others}")
    return f"net:[{draft.inode}]"


def _word(text: str) -> str:
    """Text from outside as one harmless word, so that it can't pass for two columns."""
    return printable(text).replace(" ", "\\x20")


def _of_process(pid: int) -> Namespace:
    try:
        tables = os.stat(f"/proc/{pid}/net/dev").st_ino
    except OSError as error:
        why = "may not be looked into" if error.errno in _DENIED else "is not there"
        raise NamespaceUnavailable(f"process {pid} {why}") from error
    door = f"/proc/{pid}/ns/net"
    try:
        inode = os.stat(door).st_ino
    except OSError:
        inode = None
    label = _word(f"{pid}/{_name_of(pid)}")
    own = _tables("/proc/thread-self")
    return Namespace(label, inode, (), _container(pid), (pid,), (door,), tables, tables == own)


def _of_path(path: str, shown: str) -> Namespace:
    own = _own_status()
    try:
        inode = _net_inode(path, own.st_dev)
    except OSError as error:
        raise NamespaceUnavailable(f"network namespace {shown!r}: {error.strerror}") from error
    if inode is None:
        raise NamespaceUnavailable(f"{shown!r} is not a network namespace")
    return Namespace(_word(shown), inode, doors=(path,), own=inode == own.st_ino)


def _own_status() -> os.stat_result:
    try:
        return os.stat("/proc/thread-self/ns/net")
    except OSError as error:
        raise NamespaceUnavailable(
            f"network namespaces: /proc/thread-self/ns/net: {error.strerror}"
        ) from error


def _net_inode(path: str, device: int) -> int | None:
    """The inode of a network namespace's nsfs file; None for any other file."""
    status = os.stat(path)
    if status.st_dev != device or not stat.S_ISREG(status.st_mode):
        return None
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        kind = fcntl.ioctl(descriptor, _NS_GET_NSTYPE)
    finally:
        os.close(descriptor)
    return status.st_ino if kind == CLONE_NEWNET else None


def _tables(process: str, folder: int | None = None) -> int | None:
    """The inode of a process's net/dev, which the processes of one namespace share."""
    try:
        return os.stat(f"{process}/net/dev", dir_fd=folder).st_ino
    except OSError:
        return None


def _container(pid: int) -> Container | None:
    try:
        return find_container(os.fsdecode(_read(f"/proc/{pid}/cgroup")))
    except OSError:
        return None


def _name_of(pid: int) -> str:
    try:
        folder = os.open(f"/proc/{pid}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return "?"
    try:
        return process_name(folder) or "?"
    finally:
        os.close(folder)


def _names_in(path: str, folder: int | None = None) -> list[str]:
    """What is in a folder; nothing where it can't be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return []
    try:
        return sorted(os.listdir(descriptor))
    except OSError:
        return []
    finally:
        os.close(descriptor)


def _read(path: str, folder: int | None = None) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        parts = []
        while part := os.read(descriptor, _READ_SIZE):
            parts.append(part)
    finally:
        os.close(descriptor)
    return b"".join(parts)
