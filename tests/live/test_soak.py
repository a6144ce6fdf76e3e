"""The watch screen for a long time: it neither grows nor leaks.

Half a minute, or as many seconds as PYNETSTAT_SOAK_S says (300 and 3600 are meant).
"""

from __future__ import annotations

import os
import signal

import pytest

from .namespace import Namespace
from .namespaces import CAP_SYS_ADMIN, give_up, mount
from .soak import Soaked, soak

_SECONDS = float(os.environ.get("PYNETSTAT_SOAK_S", "30"))
_WARM_UP_S = min(max(_SECONDS / 5, 15.0), 120.0)
"""Ended sockets linger for ten seconds: only then as many go as come."""
_GROWTH_KIB = 2048
_POOL = min(32, (os.cpu_count() or 1) + 4)
"""asyncio starts so many threads for what would block, one after the other."""


@pytest.mark.timeout(_SECONDS + 120)
def test_memory_and_descriptors_stay_as_they_are(private_mounts: Namespace) -> None:
    # The trace tells of every network of the machine: what others do must not count here.
    private_mounts.call(mount, "tmpfs", "/sys/kernel/tracing")
    private_mounts.call(give_up, CAP_SYS_ADMIN)
    soaked: Soaked = private_mounts.call(soak, _WARM_UP_S, _SECONDS - _WARM_UP_S)
    assert soaked.memory_kib < _GROWTH_KIB
    assert soaked.descriptors == 0
    assert soaked.threads <= _POOL
    assert (soaked.status, soaked.terminal_as_before) == (128 + signal.SIGTERM, True)
