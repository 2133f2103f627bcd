"""The whole mm world: every operation can happen, both engines agree, and what the repairs of generic mm are for."""

from __future__ import annotations

from functools import cache

import pytest

from checker.bmc import check_bounded
from checker.search import search
from checker.system import TransitionSystem, operation_number
from models.mm import operations as _declared  # noqa: F401 - declares the operations
from models.mm.catalogue import ALL, CORE, FEATURES, OPERATIONS, SWITCHES, operations_of
from models.mm.kernel import GENERATIONS, REPAIRS
from models.registry import architecture
from models.worlds import mm_kernel, mm_system, mm_system_of

ISOLATION, LOST = "cow-isolation", "dirty-never-lost"
UFFD, SOFT = "uffd-wp-holds", "soft-dirty-holds"
LOONG, PTW, SPARC, X86 = "loongarch/linux-6.12", "loongarch+ptw/linux-6.12", "sparc64/linux-6.12", "x86-64/linux-6.12"
GOOD = (LOONG, PTW, SPARC, X86)


def whole(config: str, generation: str, repairs: frozenset[str], switches: bool = False) -> TransitionSystem:
    """The world of two processes with every group of operations."""
    features = ALL | SWITCHES if switches else ALL
    return mm_system(architecture(config), features=features, generation=generation, repairs=repairs)


def small(config: str, generation: str, features: str, repairs: frozenset[str]) -> TransitionSystem:
    """The world of two processes with some groups of operations."""
    chosen = frozenset(("core", *features.split()))
    return mm_system(architecture(config), features=chosen, generation=generation, repairs=repairs)


def depths(system: TransitionSystem) -> dict[str, int]:
    """The violated invariants with the lengths of their shortest counterexamples."""
    reach = search(system.reduced)
    assert reach.complete
    return {system.invariants[k].name: reach.depth(number) for k, number in reach.first_violation.items()}


EVERY, NONE = frozenset(REPAIRS), frozenset[str]()


# The catalogue.


def test_every_operation_says_what_it_is_and_where_it_comes_from() -> None:
    for op in OPERATIONS.values():
        assert op.feature in FEATURES
        assert op.says
        assert op.says[0].isupper()
        assert not op.says.endswith(".")
        assert op.source


def test_every_group_of_operations_has_some() -> None:
    assert {op.feature for op in OPERATIONS.values()} == set(FEATURES)
    assert set(FEATURES) == ALL | SWITCHES
    assert not ALL & SWITCHES
    assert CORE < ALL


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("config", [LOONG, SPARC, X86])
@pytest.mark.parametrize("feature", FEATURES)
def test_every_group_can_stand_alone(feature: str, config: str, generation: str) -> None:
    kernel = mm_kernel(architecture(config), generation, features=frozenset(("core", feature)))
    system = mm_system_of(kernel)
    assert {op.name.partition("(")[0] for op in system.operations} == {op.name for op in operations_of(kernel)}
    assert len(system.relation.steps) == len(system.operations)


def test_every_operation_is_in_some_kernel() -> None:
    kernels = [
        mm_kernel(architecture(config), generation, features=ALL | SWITCHES, repairs=NONE)
        for config in (LOONG, SPARC, X86)
        for generation in GENERATIONS
    ]
    assert {op.name for kernel in kernels for op in operations_of(kernel)} == set(OPERATIONS)


def _fired(system: TransitionSystem) -> set[str]:
    """The operations that are enabled in some reachable state, of whichever process."""
    reach = search(system.reduced)
    steps = len(system.operations) * max(1, len(system.views))
    numbers = {operation_number(system, k) for k in range(steps) if reach.fired >> k & 1}
    return {system.operations[k].name.partition("(")[0] for k in numbers}


def _silent(system: TransitionSystem) -> set[str]:
    return {op.name.partition("(")[0] for op in system.operations} - _fired(system)


def _idle(system: TransitionSystem) -> set[str]:
    return {op.name.partition("(")[0] for op in system.operations if op.idle}


@pytest.mark.parametrize("config", [LOONG, SPARC])
def test_every_operation_happens_unless_it_says_why_not(config: str) -> None:
    system = whole(config, "linux-6.12", EVERY)
    assert _silent(system) <= _idle(system)


@pytest.mark.slow
@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("config", GOOD)
def test_every_operation_happens_unless_it_says_why_not_with_the_switches(config: str, generation: str) -> None:
    system = whole(config, generation, EVERY - {"madv-free-ksm"}, switches=True)
    assert _silent(system) == _idle(system)


@pytest.mark.slow
@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_operation_happens_on_some_architecture(generation: str) -> None:
    systems = [whole(config, generation, EVERY - {"madv-free-ksm"}, switches=True) for config in (LOONG, SPARC, X86)]
    known = {op.name.partition("(")[0] for system in systems for op in system.operations}
    assert set.union(*map(_fired, systems)) == known


# Both engines.


def _agree(config: str, depth: int) -> None:
    """The symbolic engine, on the unreduced system, finds what the explicit one finds in the reduced system."""
    system = mm_system(architecture(config), features=ALL)
    reach = search(system.reduced)
    first = {k: reach.depth(number) for k, number in reach.first_violation.items()}
    bounded = check_bounded(system, depth, settle=False)
    assert (bounded.stopped, bounded.dead_end) == ("", False)
    assert bounded.violations == {k: d for k, d in first.items() if d <= depth}


@pytest.mark.parametrize(
    "config", ["sparc64/original", *(pytest.param(c, marks=pytest.mark.slow) for c in ("loongarch/original", X86))]
)
def test_the_engines_agree_to_depth_2(config: str) -> None:
    _agree(config, 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "depth"), [("loongarch/original", 4), ("sparc64/original", 4), (X86, 3), ("loongarch/peter", 3)]
)
def test_the_engines_agree_to_a_greater_depth(config: str, depth: int) -> None:
    _agree(config, depth)


# Repairs: what generic mm breaks by itself.

NEEDED = [
    ("madv-free-shared", "lazyfree swap", GENERATIONS, {ISOLATION, LOST}),
    ("madv-free-ksm", "ksm lazyfree", GENERATIONS, {ISOLATION, LOST}),
    ("madv-free-huge-swap", "swap lazyfree collapse", GENERATIONS, {ISOLATION, LOST}),
    ("ksm-uffd-wp", "ksm userfaultfd-wp swap", GENERATIONS, {UFFD}),
    ("migration-soft-dirty", "migration soft-dirty", GENERATIONS, {SOFT}),
    ("migration-pagemap-scan", "migration userfaultfd-wp", ("linux-6.12",), {UFFD}),
    ("ksm-soft-dirty", "ksm soft-dirty", GENERATIONS, {SOFT}),
]
"""Repair, groups of operations that need it, generations that have the hole, what its absence breaks on x86-64."""


def test_every_repair_is_known_to_be_needed() -> None:
    assert {repair for repair, *_ in NEEDED} == set(REPAIRS)


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(("repair", "features", "holes", "broken"), NEEDED, ids=[n[0] for n in NEEDED])
def test_a_repair_closes_its_hole(
    repair: str, features: str, holes: tuple[str, ...], broken: set[str], generation: str
) -> None:
    expected = broken if generation in holes else set()
    assert set(depths(small(X86, generation, features, EVERY - {repair}))) == expected
    assert depths(small(X86, generation, features, EVERY)) == {}


@pytest.mark.parametrize("config", [LOONG, SPARC])
def test_every_architecture_needs_the_repairs_of_madv_free(config: str) -> None:
    for repair in ("madv-free-shared", "madv-free-ksm", "madv-free-huge-swap"):
        features = next(features for name, features, *_ in NEEDED if name == repair)
        assert set(depths(small(config, "linux-6.12", features, EVERY - {repair}))) == {ISOLATION, LOST}


@cache
def _unrepaired(config: str, generation: str) -> frozenset[str]:
    return frozenset(depths(whole(config, generation, NONE)))


@pytest.mark.parametrize("config", [LOONG, SPARC])
def test_without_repairs_data_is_lost_on_every_architecture(config: str) -> None:
    assert _unrepaired(config, "linux-6.12") == {ISOLATION, LOST}


@pytest.mark.slow
@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("config", GOOD)
def test_without_repairs_exactly_that_fails_which_they_repair(config: str, generation: str) -> None:
    facilities = {UFFD, SOFT} if config == X86 else set()
    assert _unrepaired(config, generation) == {ISOLATION, LOST} | facilities


@pytest.mark.parametrize("config", [LOONG, SPARC])
def test_a_good_architecture_keeps_everything(config: str) -> None:
    assert depths(whole(config, "linux-6.12", EVERY)) == {}


@pytest.mark.slow
@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("config", GOOD)
def test_every_good_architecture_keeps_everything_in_both_generations(config: str, generation: str) -> None:
    assert depths(whole(config, generation, EVERY)) == {}
