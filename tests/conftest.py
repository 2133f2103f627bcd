"""Settings of the whole suite: property tests that run the same examples every time."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# No test may answer from what an earlier run has kept.
os.environ["PTECHECK_CACHE"] = ""

# The command is started hundreds of times; what it imports is to be compiled once, as it is for users.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A red test must mean a changed program, not a lucky draw or a slow machine.
settings.register_profile(
    "ptecheck", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ptecheck")
