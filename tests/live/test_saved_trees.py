"""Saved /proc trees: our text against the real netstat's, run where the tree is its /proc."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .namespace import CallFailed, Namespace
from .namespaces import mount
from .trees import write_tree

_FLAGS = (
    "-tauon",
    "-tauonW",
    "-tauone",
    "-wane",
    "-Uane",
    "-an",
    "-aneoW",
    "-ln",
    "-n",
    "-4tuan",
    "-6tuan",
    "-xan",
    "-xln",
    "-xn",
)


def put_over_proc(tree: str) -> None:
    """Make /proc, for this process and its children, a copy of ``tree``."""
    mount("tmpfs", "/proc")
    shutil.copytree(tree, "/proc", dirs_exist_ok=True)


@pytest.mark.parametrize("seed", range(6))
def test_text_of_a_saved_tree_is_netstats(
    private_mounts: Namespace, tool: Callable[[str], str], tmp_path: Path, seed: int
) -> None:
    netstat = tool("netstat")
    tree = tmp_path / "proc"
    write_tree(tree, seed)
    ours = {
        flags: private_mounts.pynetstat(*flags.split(), "--proc-root", str(tree),
                                        "--format", "plain")
        for flags in _FLAGS
    }  # fmt: skip
    try:
        private_mounts.call(put_over_proc, str(tree))
    except CallFailed as refusal:
        last = str(refusal).strip().splitlines()[-1]
        if not last.startswith(("OSError", "PermissionError")):
            raise
        pytest.skip(f"this machine does not allow the mount: {last}")
    for flags in _FLAGS:
        theirs = private_mounts.run(netstat, *flags.split())
        assert theirs.text.count("\n") > 2, flags
        assert ours[flags].text == theirs.text, flags
        assert ours[flags].code == 0, ours[flags].complaint
