"""Which container a process is in, as far as the path of its cgroup tells. Pure.

The paths are those that container engines give to cgroups (cgroups(7), /proc/PID/cgroup).
They are text from outside: whoever may make cgroups may choose their names.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_SHORT = 12
_ID = r"(?P<id>[0-9a-f]{64})"
_ENGINE_PREFIXES = {
    "docker": "docker",
    "libpod": "podman",
    "cri-containerd": "containerd",
    "nerdctl": "containerd",
    "crio": "cri-o",
}
_PREFIXED = re.compile(rf"(?:.*[:])?(?P<prefix>{'|'.join(_ENGINE_PREFIXES)})[-:]{_ID}(?:\.scope)?")
_BARE = re.compile(rf"{_ID}(?:\.scope)?")
_LXC = re.compile(r"lxc\.payload\.(?P<id>.+)")
_NSPAWN = re.compile(r"(?:machine-(?P<id>.+)\.scope|systemd-nspawn@(?P<unit>.+)\.service)")
_BARE_BELOW = {"docker": "docker", "libpod_parent": "podman", "containerd": "containerd"}


class Container(NamedTuple):
    """A container: the engine that runs it, and its id (12 digits) or name."""

    engine: str
    id: str

    def __str__(self) -> str:
        return f"{self.engine}:{self.id}"


def find_container(cgroups: str) -> Container | None:
    """The container that /proc/PID/cgroup is about, the innermost if there are several."""
    for line in cgroups.split("\n"):
        parts = line.split(":", 2)[-1].split("/")
        for at in range(len(parts) - 1, -1, -1):
            found = _of_part(parts[at], parts[:at])
            if found is not None:
                return found
    return None


def _of_part(part: str, above: list[str]) -> Container | None:
    match = _PREFIXED.fullmatch(part)
    if match:
        return Container(_ENGINE_PREFIXES[match["prefix"]], match["id"][:_SHORT])
    match = _BARE.fullmatch(part)
    if match:
        return Container(_engine_of_bare(above), match["id"][:_SHORT])
    match = _LXC.fullmatch(part)
    if match:
        return Container("lxc", match["id"])
    if part and above[-1:] in (["lxc"], ["lxc.payload"]):
        return Container("lxc", part)
    match = _NSPAWN.fullmatch(part)
    if match:
        name = match["id"] or match["unit"]
        return Container("nspawn", re.sub(r"\\x2d", "-", name))
    return None


def _engine_of_bare(above: list[str]) -> str:
    """Who names a cgroup by an id alone: the folder above tells."""
    if any(part.startswith("kubepods") for part in above):
        return "kubernetes"
    return _BARE_BELOW.get(above[-1] if above else "", "container")
