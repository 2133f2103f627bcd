"""What a machine is said to break on purpose is broken in a real tree: an exception that nothing needs would hide a bug."""

from __future__ import annotations

import pytest

from checker.decision import decide
from checker.verdict import Verdict
from models.hardware import machines
from models.kernel.platforms import PLATFORMS
from models.worlds import encoding_system, helper_system, pte_system
from tests import kernel_trees
from tests.hardware import machine
from tests.test_kernel_compiled import CONFIGURATIONS


def declared(name: str, features: tuple[str, ...], version: str) -> set[tuple[str, str]]:
    """Levels with the requirements that are said to be broken there on purpose."""
    arch = machine(version, name, *features)
    return {(level, exception) for level in arch.levels for exception in arch.hardware_at(level).exceptions}


def broken(name: str, features: tuple[str, ...], version: str, level: str) -> set[tuple[str, str]]:
    """Levels with the requirements that are broken there."""
    arch = machine(version, name, *features)
    systems = [
        helper_system(arch, level),
        encoding_system(arch, level),
        *([pte_system(arch)] if level == "pte" else []),
    ]
    results = [result for system in systems for result in decide(system)]
    return {(level, result.invariant) for result in results if result.verdict is Verdict.VIOLATED}


@pytest.mark.kernel
@pytest.mark.parametrize("name", PLATFORMS)
def test_every_exception_is_needed_in_some_tree(name: str) -> None:
    assert name in machines()
    said, needed = set(), set()
    for features in [chosen for platform, chosen in CONFIGURATIONS if platform == name]:
        for version in kernel_trees.VERSIONS:
            mine = declared(name, features, version)
            said |= mine
            for level in {level for level, _ in mine}:
                needed |= broken(name, features, version, level)
    assert said <= needed
