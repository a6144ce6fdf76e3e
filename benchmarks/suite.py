"""What the pytest plugin costs a suite of many short tests."""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.timing import Run, in_turn, run

TESTS = 300
_BUDGET_S = 60.0
_CODE = f"""
import pytest
@pytest.mark.parametrize("number", range({TESTS}))
def test_nothing(number):
    pass
"""


def compare(turns: int) -> dict[str, list[Run]]:
    """Runs of one suite: ``without`` the plugin, with it ``unused``, and ``checking`` each test."""
    with tempfile.TemporaryDirectory() as folder:
        suite = Path(folder) / "test_suite.py"
        suite.write_text(_CODE, encoding="ascii")
        pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(suite)]
        pytest += ["--rootdir", folder, "-c", str(Path(folder) / "none.ini")]
        Path(folder, "none.ini").write_text("[pytest]\n", encoding="ascii")
        commands = {
            "without": [*pytest, "-p", "no:pynetstat"],
            "unused": pytest,
            "checking": [*pytest, "-o", "netstat_leaks=error"],
        }
        workers = {name: partial(run, command) for name, command in commands.items()}
        return in_turn(workers, turns, _BUDGET_S)
