"""Other network namespaces: found, named, told apart, and read as far as one may."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator

import pytest

from pynetstat import (
    NamespaceUnavailable,
    Snapshot,
    SocketRecord,
    collect,
    find_namespace,
    find_namespaces,
)
from pynetstat.netns import Namespace as Found
from pynetstat.netns import open_door, open_tables
from pynetstat.places import open_places
from pynetstat.sources.inside import Inside

from .namespace import CallFailed, Done, Namespace
from .namespaces import mount, name_namespace, rename_loopback
from .other_networks import abstract_listener, interface_index, listener_on, thread_elsewhere
from .users import NOBODY, environment, python_for


@pytest.fixture
def other() -> Iterator[Namespace]:
    """A second network of its own; made where the first could be made."""
    with Namespace() as opened:
        yield opened


def _at(snapshot: Snapshot, port: int) -> list[SocketRecord]:
    return [record for record in snapshot.records if record.laddr.port == port]


def _label(pid: int) -> str:
    """The label of the namespace that a process is in."""
    (label,) = [each.label for each in find_namespaces().namespaces if pid in each.pids]
    return label


def _rows(done: Done, port: int) -> list[list[str]]:
    rows = [line.split() for line in done.text.splitlines()[2:]]
    return [row for row in rows if row[3].endswith(f":{port}")]


def test_the_same_port_in_two_namespaces_is_two_rows(
    namespace: Namespace, other: Namespace
) -> None:
    port = namespace.hold(listener_on)
    assert other.hold(listener_on, port) == port
    snapshot = collect(["tcp"], owners=True, all_netns=True)
    rows = _at(snapshot, port)
    owners = {row.netns: {owner.pid for owner in row.owners or ()} for row in rows}
    assert owners == {_label(namespace.pid): {namespace.pid}, _label(other.pid): {other.pid}}
    assert snapshot.why_no_owner(rows[0]) is None


def test_a_process_gives_its_namespace_the_label(namespace: Namespace) -> None:
    (found,) = [each for each in find_namespaces().namespaces if namespace.pid in each.pids]
    assert found.label.startswith(f"{namespace.pid}/")
    assert found.inode == os.stat(f"/proc/{namespace.pid}/ns/net").st_ino
    assert not found.own


def test_this_programs_namespace_comes_first() -> None:
    found = find_namespaces().namespaces[0]
    assert found.own
    assert os.getpid() in found.pids
    assert found.inode == os.stat("/proc/self/ns/net").st_ino


@pytest.mark.parametrize("form", ["pid", "text", "path"])
def test_one_namespace_by_its_process_or_path(namespace: Namespace, form: str) -> None:
    if form == "path" and os.geteuid() != 0:
        pytest.skip("a path alone has to be entered, which takes root")
    port = namespace.hold(listener_on)
    wanted: str | int = namespace.pid if form == "pid" else str(namespace.pid)
    if form == "path":
        wanted = f"/proc/{namespace.pid}/ns/net"
    snapshot = collect(["tcp"], netns=wanted)
    (row,) = _at(snapshot, port)
    assert row.netns is not None
    assert {record.netns for record in snapshot.records} == {row.netns}


@pytest.mark.parametrize("source", ["auto", "procfs"])
def test_unix_sockets_of_another_namespace(namespace: Namespace, source: str) -> None:
    name = f"pynetstat-netns-{namespace.pid}"
    namespace.hold(abstract_listener, name)
    path = b"\0" + name.encode()
    here = collect(["unix"])
    there = collect(["unix"], netns=namespace.pid, source=source)
    assert [row for row in here.unix if row.path == path] == []
    (row,) = [row for row in there.unix if row.path == path]
    assert row.netns == next(iter({each.netns for each in there.unix}))


def test_reading_leaves_this_thread_where_it_is(namespace: Namespace) -> None:
    before = os.stat("/proc/thread-self/ns/net").st_ino
    threads = threading.enumerate()
    collect(["tcp", "unix"], all_netns=True)
    collect(["tcp"], netns=namespace.pid)
    assert os.stat("/proc/thread-self/ns/net").st_ino == before
    assert threading.enumerate() == threads


@pytest.mark.usefixtures("as_root")
def test_nothing_is_done_inside_once_it_is_left(namespace: Namespace) -> None:
    descriptor = open_door(find_namespace(namespace.pid))
    try:
        inside = Inside(descriptor)
    finally:
        os.close(descriptor)
    assert inside.call(lambda: os.stat("/proc/thread-self/ns/net").st_ino) == (
        find_namespace(namespace.pid).inode
    )
    with pytest.raises(ZeroDivisionError):
        inside.call(lambda: 1 // 0)
    inside.close()
    with pytest.raises(OSError, match="has been left"):
        inside.call(os.getpid)


@pytest.mark.usefixtures("as_root")
def test_sock_diag_reads_where_it_can_enter(namespace: Namespace) -> None:
    port = namespace.hold(listener_on)
    snapshot = collect(["tcp"], netns=namespace.pid, source="sockdiag")
    (row,) = _at(snapshot, port)
    assert row.cookie
    assert snapshot.gaps == ()


@pytest.mark.usefixtures("as_root")
def test_interfaces_have_the_names_of_their_own_namespace(namespace: Namespace) -> None:
    namespace.call(rename_loopback, "inner0")
    port = namespace.hold(listener_on, 0, "inner0")
    index = namespace.call(interface_index, "inner0")
    snapshot = collect(["tcp"], netns=namespace.pid)
    (row,) = _at(snapshot, port)
    assert row.netns is not None
    assert (row.ifindex, snapshot.interfaces[row.netns][index]) == (index, "inner0")
    with Namespace() as outside:
        arguments = ("-tln", "--netns", str(namespace.pid))
        assert f"%inner0:{port}" in outside.pynetstat(*arguments, "--format", "rich").text
        document = json.loads(outside.pynetstat(*arguments, "--format", "json").text)
        assert [each["interface"] for each in document["rows"]] == ["inner0"]
        assert {each["netns"] for each in document["rows"]} == {row.netns}


@pytest.mark.usefixtures("as_root")
def test_a_name_of_ip_netns(private_mounts: Namespace, namespace: Namespace) -> None:
    port = namespace.hold(listener_on)
    private_mounts.call(name_namespace, namespace.pid, "blue")
    done = private_mounts.pynetstat("-tlnp", "--netns", "blue")
    assert (done.code, len(_rows(done, port))) == (0, 1)
    done = private_mounts.pynetstat("-tlnp", "--all-netns")
    assert "Netns" in done.text.splitlines()[1]
    ((*_, program, netns),) = _rows(done, port)
    assert (program.partition("/")[0], netns) == (str(namespace.pid), "blue")


@pytest.mark.usefixtures("as_root")
def test_the_column_stands_before_the_timer_and_only_with_the_flag(
    private_mounts: Namespace, namespace: Namespace
) -> None:
    port = namespace.hold(listener_on)
    private_mounts.call(name_namespace, namespace.pid, "blue")
    (row,) = _rows(private_mounts.pynetstat("-tlno", "--all-netns"), port)
    assert row[5:] == ["LISTEN", "blue", "off", "(0.00/0/0)"]
    (row,) = _rows(private_mounts.pynetstat("-tlno", "--netns", "blue"), port)
    assert row[5:] == ["LISTEN", "off", "(0.00/0/0)"]


@pytest.mark.usefixtures("as_root")
def test_a_hostile_name_is_one_harmless_word(
    private_mounts: Namespace, namespace: Namespace
) -> None:
    port = namespace.hold(listener_on)
    private_mounts.call(name_namespace, namespace.pid, "a b\x1b[31m\n\u202e")
    for view in ("plain", "rich", "csv", "jsonl"):
        done = private_mounts.pynetstat("-tln", "--all-netns", "--format", view)
        assert done.code == 0
        assert str(port) in done.text
        assert done.text.replace("\n", "").isprintable()
        assert r"a\x20b\x1b[31m\x0a\u202e" in done.text.replace("\\\\", "\\")


@pytest.mark.usefixtures("as_root")
def test_a_namespace_that_only_a_mount_keeps(private_mounts: Namespace) -> None:
    with Namespace() as gone:
        inode = os.stat(f"/proc/{gone.pid}/ns/net").st_ino
        private_mounts.call(name_namespace, gone.pid, "kept")
    # From outside, its mount is found in the mount table of the process that made it.
    (found,) = [each for each in find_namespaces().namespaces if each.inode == inode]
    assert (found.label, found.pids) == (f"net:[{inode}]", ())
    snapshot = collect(["tcp"], all_netns=True)
    assert found.label in snapshot.interfaces


def test_a_namespace_that_only_a_descriptor_keeps() -> None:
    with Namespace() as gone:
        descriptor = os.open(f"/proc/{gone.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        inode = os.fstat(descriptor).st_ino
        (found,) = [each for each in find_namespaces().namespaces if each.inode == inode]
        assert (found.label, found.pids) == (f"net:[{inode}]", ())
    finally:
        os.close(descriptor)


@pytest.mark.usefixtures("as_root")
def test_a_namespace_that_only_a_thread_is_in(namespace: Namespace, other: Namespace) -> None:
    inode = os.stat(f"/proc/{other.pid}/ns/net").st_ino
    pid = namespace.hold(thread_elsewhere, f"/proc/{other.pid}/ns/net")
    (found,) = [each for each in find_namespaces().namespaces if each.inode == inode]
    assert set(found.pids) == {pid, other.pid}


def test_a_process_that_has_ended() -> None:
    with Namespace() as gone:
        pid = gone.pid
        door = find_namespace(pid)
    with pytest.raises(NamespaceUnavailable, match=f"process {pid} is not there"):
        collect(["tcp"], netns=pid)
    for opening in (open_door, open_tables):
        with pytest.raises(OSError, match="No such"):
            opening(door)


def test_a_namespace_that_ends_before_it_is_opened_is_not_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Namespace() as gone:
        found = find_namespaces()
        label = _label(gone.pid)
    monkeypatch.setattr("pynetstat.places.find_namespaces", lambda: found)
    with open_places(None, all_netns=True) as places:
        assert label not in [place.label for place in places]
        assert not any(label in line for line in places.left_out)
    (ended,) = [each for each in found.namespaces if each.label == label]
    monkeypatch.setattr("pynetstat.places.find_namespace", lambda _: ended)
    with pytest.raises(NamespaceUnavailable, match="has ended"):
        collect(["tcp"], netns="any")


def test_a_door_that_leads_elsewhere_by_now_is_not_taken() -> None:
    own = os.stat("/proc/self/ns/net").st_ino
    stale = Found("x", own + 1, pids=(os.getpid(),), doors=("/proc/self/ns/net",), tables=1)
    for opening in (open_door, open_tables):
        with pytest.raises(OSError, match="No such"):
            opening(stale)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("no-such-name", "no network namespace 'no-such-name'; there are: "),
        ("999999999", "process 999999999 is not there"),
        ("/no/such/file", "No such file or directory"),
        ("/dev/null", "'/dev/null' is not a network namespace"),
        ("/proc/self/ns/mnt", "'/proc/self/ns/mnt' is not a network namespace"),
        ("", "no network namespace ''"),
        (".", "no network namespace '.'"),
    ],
)
def test_what_is_no_namespace_is_one_line_and_exit_1(
    namespace: Namespace, wanted: str, words: str
) -> None:
    done = namespace.pynetstat("-tan", "--netns", wanted)
    assert (done.code, done.out) == (1, b"")
    (line,) = done.complaint.splitlines()
    assert words in line


@pytest.mark.parametrize(
    "options",
    [
        {"netns": 1, "source": "psutil"},
        {"all_netns": True, "source": "psutil"},
        {"netns": 1, "proc_root": "/proc"},
        {"netns": 1, "all_netns": True},
    ],
)
def test_what_can_not_be_read_together_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="namespace"):
        collect(["tcp"], **options)  # type: ignore[arg-type]


def _as_nobody(namespace: Namespace, *arguments: str) -> Done:
    python = python_for(NOBODY)
    return namespace.run(
        python, "-m", "pynetstat", "--format", "plain", *arguments, uid=NOBODY, **environment()
    )


@pytest.mark.usefixtures("as_root")
def test_an_ordinary_user_looks_in_from_outside_and_is_told(
    namespace: Namespace, other: Namespace
) -> None:
    port = other.hold(listener_on)
    done = _as_nobody(namespace, "-tln", "--all-netns")
    assert done.code == 0
    ((*_, netns),) = _rows(done, port)
    assert netns.startswith(f"{other.pid}/")
    (line,) = [line for line in done.complaint.splitlines() if "could not be entered" in line]
    assert "only read through /proc: " in line
    assert netns in line
    assert "run as root" in line


@pytest.mark.usefixtures("as_root")
def test_an_ordinary_user_is_told_what_can_not_be_read(
    private_mounts: Namespace,
) -> None:
    with Namespace() as gone:
        private_mounts.call(name_namespace, gone.pid, "kept")
    done = _as_nobody(private_mounts, "-tln", "--all-netns")
    assert done.code == 0
    assert "could not be read: kept (Operation not permitted)" in done.complaint
    done = _as_nobody(private_mounts, "-tln", "--netns", "kept")
    assert (done.code, done.out) == (1, b"")
    (line,) = done.complaint.splitlines()
    assert "kept (Operation not permitted)" in line


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("hidepid=1", "processes could not be told"),
        ("hidepid=2", "/proc does not show every process"),
    ],
)
def test_processes_that_are_hidden_are_said(
    private_mounts: Namespace, options: str, words: str
) -> None:
    try:
        private_mounts.call(mount, "proc", "/proc", options)
    except CallFailed:
        pytest.skip("this machine does not allow the mount")
    done = _as_nobody(private_mounts, "-tln", "--all-netns")
    assert done.code == 0
    assert any(words in line for line in done.complaint.splitlines())


def test_a_filter_chooses_interfaces_elsewhere_by_number_alone(namespace: Namespace) -> None:
    done = namespace.run(
        sys.executable, "-m", "pynetstat", "-tan", "--netns", str(namespace.pid), "dev", "lo"
    )
    assert (done.code, done.out) == (2, b"")
    assert "interface's number" in done.complaint
    assert namespace.pynetstat("-tan", "--netns", str(namespace.pid), "dev", "1").code == 0
