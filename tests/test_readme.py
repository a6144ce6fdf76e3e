"""The README says nothing that isn't so: its examples run, its links lead somewhere."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from .examples import ROOT, blocks, run_python

README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = blocks(ROOT / "README.md", "python")
COMMANDS = [
    line
    for code in blocks(ROOT / "README.md", "sh")
    for line in code.splitlines()
    if line.startswith("pynetstat ")
]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("code", PYTHON)
def test_a_python_example_runs(code: str, tmp_path: Path) -> None:
    result = run_python(code, tmp_path)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_shows_sockets(command: str) -> None:
    result = run("-m", "pynetstat", *shlex.split(command)[1:])
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("Active ")


def test_there_are_examples() -> None:
    assert len(PYTHON) >= 2
    assert len(COMMANDS) >= 5


def test_every_link_leads_to_a_file() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("marker", ["run", "test"])
def test_one_line_to_run_and_one_to_test(marker: str) -> None:
    block = re.search(rf"<!-- {marker} -->\n```sh\n(.*?)```", README, re.DOTALL)
    assert block is not None
    assert block[1].count("\n") == 1
    assert block[1].startswith("python3 -m venv .venv && ")
