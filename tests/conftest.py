"""What holds for every test: property tests that no clock can fail."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "pynetstat",
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("pynetstat")
