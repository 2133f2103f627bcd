"""The oldest release that is supported, and Debian's newest one: the same truth as for 6.1 and 6.12.

Every machine is read in its default configuration only, to keep this short. What is expected of the newest release names
the one that was looked at; of any other only that nothing crashes, and that whatever is not lifted is named with a reason
and a place: a new release of the kernel must not break the tests.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from models.kernel import LiftedTree, lift_tree, liftable
from models.kernel.architectures import IN_PLACE
from models.kernel.coverage import LIFTED, NOT_LIFTED
from models.kernel.errors import KernelError
from models.kernel.platforms import PLATFORMS
from tests import kernel_trees
from tests.compiled import needs_cc, needs_width, wanted_tree
from tests.compiled_tree import compiled
from tests.test_kernel_compiled import (
    of_constants,
    of_helpers,
    of_in_place,
    of_protections,
    same_constants,
    same_helpers,
    same_in_place,
    same_protections,
)
from tests.test_kernel_every_helper import MISNAMED, NO_HUGE_PUD

pytestmark = pytest.mark.kernel

LOOKED_AT = ("5.10", "7.2")
"""The releases whose trees are expected to be lifted as it says here."""

NOT_THERE = {
    # arch/loongarch came with 5.19
    "5.10": {"loongarch"},
    # its entries of 32 bits are gone, every e500 has those of 64
    "7.2": {"powerpc-85xx"},
}

REFUSED = {
    ("5.10", "powerpc-book3s64"): NO_HUGE_PUD,
    ("5.10", "powerpc-book3s64-hash"): NO_HUGE_PUD,
    ("7.2", "powerpc-book3s64"): MISNAMED,
    # as in 6.12
    ("7.2", "powerpc-book3s64-hash"): MISNAMED | {"pudp_set_wrprotect", "pudp_test_and_clear_young"},
    ("7.2", "powerpc-book3e64"): {"pmd_pfn"},
}

each_release = pytest.mark.parametrize("version", kernel_trees.OTHERS)
each_machine = pytest.mark.parametrize("architecture", PLATFORMS)


def release(version: str) -> str:
    """The release in a tree, ``5.10`` or the like; "" for one that nobody has looked at."""
    found = kernel_trees.release(wanted_tree(version))
    return found if found in LOOKED_AT else ""


def lifted_of(version: str, architecture: str) -> LiftedTree:
    """A machine in its default configuration; one that a release does not have is skipped."""
    tree, looked_at = wanted_tree(version), release(version)
    if architecture not in liftable(tree):
        assert not looked_at or architecture in NOT_THERE[looked_at]
        pytest.skip(f"Linux {kernel_trees.release(tree)} has no {architecture}")
    try:
        return lift_tree(tree, architecture, PLATFORMS[architecture].default)
    except KernelError as error:
        if looked_at:
            raise
        pytest.skip(f"a release that nobody has looked at: {error}")


@each_release
@each_machine
def test_every_helper_is_lifted_or_absent(version: str, architecture: str) -> None:
    lifted = lifted_of(version, architecture)
    found, looked_at = lifted.coverage, release(version)
    refused = {name for name, what in found.items() if what.state == NOT_LIFTED}
    assert set(found) == {*lifted.platform.wanted, *IN_PLACE}
    assert all(what.line and what.says for what in found.values() if what.state in (LIFTED, NOT_LIFTED))
    if looked_at:
        assert refused == REFUSED.get((looked_at, architecture), set())
        assert set(lifted.protection_map) == set(range(16))


@needs_cc
@each_release
@each_machine
def test_what_is_lifted_does_what_the_compiled_c_does(version: str, architecture: str, tmp_path: Path) -> None:
    needs_width(PLATFORMS[architecture].abi.bits)
    lifted = lifted_of(version, architecture)
    if not release(version):
        pytest.skip("the C around helpers is written for releases that were looked at")
    made = (of_helpers(lifted), of_in_place(lifted), of_constants(lifted), of_protections(lifted))
    functions = {name: function for some in made for name, function in some.items()}
    assert len(functions) == sum(map(len, made))
    program = compiled(lifted.root, lifted, tmp_path, functions)
    for same in (same_helpers, same_in_place, same_constants, same_protections):
        same(program, lifted)
