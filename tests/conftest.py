"""Settings of the whole suite: reproducible property tests, and slow tests only when asked for."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run, however slow the machine: a red test must mean a changed program.
settings.register_profile(
    "ptecheck", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ptecheck")


def pytest_configure(config: pytest.Config) -> None:
    """Declares the marker of tests that the default run leaves out."""
    config.addinivalue_line("markers", "slow: takes long; run with -m slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves slow tests out unless a marker expression or a test's own name asks for them."""
    if config.option.markexpr or any("::" in argument for argument in config.args):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]
