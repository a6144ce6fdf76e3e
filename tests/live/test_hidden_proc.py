"""/proc hidden, cut down or gone: another source answers, or a clear error; never nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from .bench import Bench, port_of
from .namespace import CallFailed, Done, Namespace
from .namespaces import mount
from .users import NOBODY, environment, python_for


@contextmanager
def one_listener_each() -> Iterator[dict[str, int]]:
    """A TCP listener, a UDP and a unix socket; the ports, by table."""
    with ExitStack() as stack:
        bench = Bench(stack)
        tcp = bench.bound(socket.AF_INET, socket.SOCK_STREAM)
        tcp.listen()
        udp = bench.bound(socket.AF_INET, socket.SOCK_DGRAM)
        unix = bench.new(socket.AF_UNIX, socket.SOCK_STREAM)
        unix.bind("\0pynetstat-hidden")
        unix.listen()
        yield {"tcp": port_of(tcp), "udp": port_of(udp)}


@pytest.fixture
def hide(private_mounts: Namespace) -> Callable[..., None]:
    """Mounts something over /proc, or skips the test when that is not allowed."""

    def over(kind: str, target: str = "/proc", options: str = "") -> None:
        try:
            private_mounts.call(mount, kind, target, options)
        except CallFailed as refusal:
            last = str(refusal).strip().splitlines()[-1]
            if not last.startswith(("OSError", "PermissionError")):
                raise
            pytest.skip(f"this machine does not allow the mount: {last}")

    return over


@pytest.fixture
def ports(private_mounts: Namespace) -> dict[str, int]:
    """The ports of a TCP and a UDP socket in the namespace."""
    found: dict[str, int] = private_mounts.hold(one_listener_each)
    return found


def _tells(done: Done, ports: dict[str, int]) -> bool:
    text = done.text
    return all(f"127.0.0.1:{port} " in text for port in ports.values())


def _one_line(done: Done) -> str:
    (line,) = done.complaint.splitlines()
    assert line.startswith("pynetstat: ")
    return line


def test_without_proc_sockdiag_answers(
    private_mounts: Namespace, ports: dict[str, int], hide: Callable[..., None]
) -> None:
    hide("tmpfs")
    done = private_mounts.pynetstat("-tuan", "--format", "plain")
    assert (done.code, done.err) == (0, b"")
    assert _tells(done, ports)


def test_without_proc_owners_are_said_to_be_incomplete(
    private_mounts: Namespace, ports: dict[str, int], hide: Callable[..., None]
) -> None:
    hide("tmpfs")
    done = private_mounts.pynetstat("-tuanp", "--format", "plain")
    assert done.code == 0
    assert _tells(done, ports)
    assert "owners are incomplete" in _one_line(done)


@pytest.mark.parametrize("source", ["procfs", "psutil"])
@pytest.mark.parametrize("flags", ["-tan", "-tuan", "-xan", "-wan"])
def test_without_proc_its_readers_refuse(
    private_mounts: Namespace, hide: Callable[..., None], source: str, flags: str
) -> None:
    private_mounts.hold(one_listener_each)
    hide("tmpfs")
    done = private_mounts.pynetstat(flags, "--source", source, "--format", "plain")
    assert done.code == 1
    assert done.complaint
    for line in done.complaint.splitlines():
        assert line.startswith("pynetstat: ")
        assert "could not be read" in line


def test_without_proc_unix_sockets_come_from_sockdiag(
    private_mounts: Namespace, ports: dict[str, int], hide: Callable[..., None]
) -> None:
    assert ports
    hide("tmpfs")
    done = private_mounts.pynetstat("-xan", "--format", "plain")
    assert done.code == 0
    assert "@pynetstat-hidden" in done.text


def test_without_proc_raw_sockets_are_no_empty_table(
    private_mounts: Namespace, hide: Callable[..., None]
) -> None:
    """Raw needs either the kernel's raw_diag or /proc: an answer with code 0, or code 1."""
    hide("tmpfs")
    done = private_mounts.pynetstat("-wan", "--format", "plain")
    answered = private_mounts.pynetstat("-wan", "--source", "sockdiag", "--format", "plain")
    assert done.code == answered.code
    assert ("could not be read" in done.complaint) is (done.code == 1)


def test_only_the_processes_are_there_with_subset_pid(
    private_mounts: Namespace, ports: dict[str, int], hide: Callable[..., None]
) -> None:
    hide("proc", options="subset=pid")
    for source in ("auto", "sockdiag", "procfs"):
        done = private_mounts.pynetstat("-tuanp", "--source", source, "--format", "plain")
        assert (done.code, done.err) == (0, b""), source
        assert _tells(done, ports), source
        assert f"{private_mounts.pid}/" in done.text


def test_psutil_never_shows_subset_pid_as_an_empty_table(
    private_mounts: Namespace, ports: dict[str, int], hide: Callable[..., None]
) -> None:
    hide("proc", options="subset=pid")
    done = private_mounts.pynetstat("-tuan", "--source", "psutil", "--format", "plain")
    assert done.code == 1 or _tells(done, ports)


def test_empty_folder_over_proc_net(
    private_mounts: Namespace, ports: dict[str, int], hide: Callable[..., None]
) -> None:
    # /proc/net leads to self/net: what covers it must cover the process that looks.
    hide("tmpfs")
    private_mounts.call(make_folder, "/proc/net")
    done = private_mounts.pynetstat("-tuan", "--format", "plain")
    assert done.code == 0
    assert _tells(done, ports)
    refused = private_mounts.pynetstat("-tn", "-4", "--source", "procfs", "--format", "plain")
    assert refused.code == 1
    assert "there is no /proc/net/tcp" in _one_line(refused)
    both = private_mounts.pynetstat("-tan", "--source", "procfs", "--format", "plain")
    assert both.code == 1
    assert both.complaint.count("could not be read") == both.complaint.count("\n")


def make_folder(path: str) -> None:
    """An empty folder."""
    os.mkdir(path)


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize("hidepid", ["1", "2"])
def test_hidden_processes_leave_owners_incomplete(
    private_mounts: Namespace, ports: dict[str, int], hide: Callable[..., None], hidepid: str
) -> None:
    python = python_for(NOBODY)
    hide("proc", options=f"hidepid={hidepid}")
    command = (python, "-m", "pynetstat", "-tuanp", "--format", "plain")
    done = private_mounts.run(*command, uid=NOBODY, **environment())
    assert done.code == 0
    assert _tells(done, ports)
    assert "owners are incomplete" in _one_line(done)
    rows = [line.split() for line in done.text.splitlines()[2:]]
    assert {row[-1] for row in rows} == {"-"}


@pytest.mark.usefixtures("as_root")
def test_root_sees_owners_behind_hidepid(
    private_mounts: Namespace, ports: dict[str, int], hide: Callable[..., None]
) -> None:
    hide("proc", options="hidepid=2")
    done = private_mounts.pynetstat("-tuanp", "--format", "plain")
    assert (done.code, done.err) == (0, b"")
    assert done.text.count(f" {private_mounts.pid}/") == len(ports)
