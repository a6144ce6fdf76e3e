"""The examples in Markdown texts, and how each kind is run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def blocks(path: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def run_python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run an example: as a test file where it holds tests, else as a program."""
    command = [sys.executable, "-W", "error", "-c", code]
    if re.search(r"^(async )?def test_", code, re.MULTILINE):
        (folder / "test_example.py").write_text(code, encoding="utf-8")
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
