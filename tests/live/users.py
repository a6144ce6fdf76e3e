"""Commands as another user: an interpreter and a checkout that the user can read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pynetstat

from .namespace import CHECKOUT

NOBODY = 65534

_INSTALLED = str(Path(pynetstat.__file__).resolve().parent.parent)

_PROBE = "import sys, pynetstat.cli; sys.exit(sys.version_info < (3, 10))"


def python_for(uid: int) -> str:
    """An interpreter that user ``uid`` may run and that can import this checkout.

    Skips the test when there is none.
    """
    complaints = []
    for python in (sys.executable, shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin")):
        if python is None:
            continue
        try:
            tried = subprocess.run(
                [python, "-c", _PROBE],
                capture_output=True,
                check=False,
                cwd="/",
                env=environment(),
                user=uid,
                group=uid,
                extra_groups=[],
            )
        except OSError as error:
            complaints.append(f"{python}: {error.strerror}")
            continue
        if tried.returncode == 0:
            return python
        complaints.append(f"{python}: {tried.stderr.decode(errors='replace').strip()[-100:]}")
    pytest.skip(f"user {uid} can run no Python with this checkout: {'; '.join(complaints)}")


def environment() -> dict[str, str]:
    """An environment in which the checkout is importable and left unwritten."""
    return {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join([str(CHECKOUT), _INSTALLED]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8",
    }
