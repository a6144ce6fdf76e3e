"""Containers by the paths of their cgroups, as the engines make them."""

from __future__ import annotations

import pytest

from pynetstat.containers import Container, find_container

_ID = "3f2a9c1b7d5e" + "0" * 52
_OTHER = "a" * 64


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"/docker/{_ID}", Container("docker", _ID[:12])),
        (f"/system.slice/docker-{_ID}.scope", Container("docker", _ID[:12])),
        (f"/machine.slice/libpod-{_ID}.scope", Container("podman", _ID[:12])),
        (f"/machine.slice/libpod-{_ID}.scope/container", Container("podman", _ID[:12])),
        (f"/libpod_parent/libpod-{_ID}", Container("podman", _ID[:12])),
        (
            f"/kubepods.slice/kubepods-besteffort.slice/cri-containerd-{_ID}.scope",
            Container("containerd", _ID[:12]),
        ),
        (
            f"/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:{_ID}",
            Container("containerd", _ID[:12]),
        ),
        (f"/kubepods/burstable/pod-1/crio-{_ID}.scope", Container("cri-o", _ID[:12])),
        (f"/kubepods/burstable/pod7c/{_ID}", Container("kubernetes", _ID[:12])),
        (f"/elsewhere/{_ID}", Container("container", _ID[:12])),
        (f"/docker/{_OTHER}/docker/{_ID}", Container("docker", _ID[:12])),
        ("/lxc/web", Container("lxc", "web")),
        ("/lxc.payload.web/init.scope", Container("lxc", "web")),
        ("/lxc.payload/web", Container("lxc", "web")),
        ("/machine.slice/machine-web\\x2d1.scope/init.scope", Container("nspawn", "web-1")),
        ("/machine.slice/systemd-nspawn@web.service/payload", Container("nspawn", "web")),
        (f"/../docker-{_ID}.scope", Container("docker", _ID[:12])),
        ("/", None),
        ("/user.slice/user-1000.slice/session-2.scope", None),
        ("/system.slice/docker.service", None),
        (f"/docker/{_ID[:40]}", None),
        (f"/machine.slice/libpod-conmon-{_ID}.scope", None),
    ],
)
def test_a_path(path: str, expected: Container | None) -> None:
    assert find_container(f"0::{path}\n") == expected
    assert find_container(f"9:name=systemd:/\n4:memory:{path}\n0::/\n") == expected


@pytest.mark.parametrize("text", ["", "\n", "0", "0::", ":::", "no cgroup at all"])
def test_what_is_no_path_is_no_container(text: str) -> None:
    assert find_container(text) is None


def test_only_a_line_feed_ends_a_line() -> None:
    """Whoever makes a cgroup may put any other character into its name."""
    for char in "\r\v\f\x1c\x85\u2028":
        assert find_container(f"0::/lxc/a{char}b\n") == Container("lxc", f"a{char}b")


def test_a_container_has_a_name() -> None:
    assert find_container("0::/lxc/\n") is None
