"""Dead bits and canonical page numbers: their arguments hold for every configuration, and fail for wrong reductions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from checker.arguments import Judged, dead_bits, judged, renaming
from checker.codegen import compile_function
from checker.dependency import Cone, cone_of_influence
from checker.limits import Budget
from checker.logic import both, same
from checker.reduction import obligations, typed
from checker.search import search
from checker.system import TransitionSystem
from checker.terms import Term
from models.mm import focus
from models.mm.catalogue import ALL, CORE, SWITCHES
from models.mm.kernel import GENERATIONS
from models.mm.operations import swap
from models.mm.state import World, refers
from models.registry import architecture, architectures
from models.worlds import mm_system, pte_system
from tests import builtin_systems
from tests.builtin_systems import CONFIGS, MACHINES, SPLIT_NAMES

SLOW = pytest.mark.slow
LOONG, SPARC, X86 = "loongarch/original", "sparc64/original", "x86-64/linux-6.12"


def features(words: str) -> frozenset[str]:
    """Groups of operations besides the core; ``all`` stands for every group, switches included."""
    return ALL | SWITCHES if words == "all" else frozenset(("core", *words.split()))


def world(config: str, words: str, processes: int = 2, renamed: bool = True) -> TransitionSystem:
    return mm_system(architecture(config), processes=processes, renamed=renamed, features=features(words))


def renamed_argument(config: str, words: str, processes: int = 2, valid: set[Term] | None = None) -> Judged:
    whole, reduced = (world(config, words, processes, renamed) for renamed in (False, True))
    return judged(renaming(whole, reduced, focus.canonical), valid=valid)


def sound(found: Judged) -> bool:
    return found.count > 0 and not found.refuted and not found.undecided


# Bits that are dropped.


@pytest.mark.parametrize("config", [LOONG, SPARC, X86])
def test_dropped_bits_cannot_be_seen(config: str) -> None:
    for system in (builtin_systems.pte(config), builtin_systems.mm(config, "reorder"), world(config, "touch").reduced):
        assert sound(judged(dead_bits(system)))


@pytest.mark.slow
@pytest.mark.parametrize("config", CONFIGS)
def test_dropped_bits_cannot_be_seen_in_any_configuration(config: str) -> None:
    valid: set[Term] = set()
    assert sound(judged(dead_bits(builtin_systems.pte(config)), valid=valid))
    for split in SPLIT_NAMES:
        assert sound(judged(dead_bits(builtin_systems.mm(config, split)), valid=valid))
    for generation in GENERATIONS:
        system = mm_system(architecture(config), features=ALL | SWITCHES, generation=generation)
        assert sound(judged(dead_bits(system.reduced), valid=valid))
        assert sound(judged(dead_bits(system), valid=valid))


@pytest.mark.slow
@pytest.mark.parametrize("config", [LOONG, SPARC, X86])
def test_dropped_bits_cannot_be_seen_with_three_processes(config: str) -> None:
    assert sound(judged(dead_bits(world(config, "all", 3).reduced)))


def fewer(cone: Cone, leaf: int) -> Cone:
    """The cone without the lowest bit that matters of one leaf."""
    mask = cone.masks[leaf]
    return replace(cone, masks=(*cone.masks[:leaf], mask & (mask - 1), *cone.masks[leaf + 1 :]))


@pytest.mark.parametrize("config", [LOONG, pytest.param(SPARC, marks=SLOW), pytest.param(X86, marks=SLOW)])
def test_one_bit_less_of_any_part_of_the_state_would_be_seen(config: str) -> None:
    system = world(config, "core")
    cone = cone_of_influence(system.relation)
    for leaf, mask in enumerate(cone.masks):
        if mask:
            assert judged(dead_bits(system, fewer(cone, leaf))).refuted, system.layout.leaves[leaf].path


def test_dropped_bits_of_inputs_are_looked_at() -> None:
    system = builtin_systems.pte(LOONG)
    system = replace(system, immaterial={})
    whole = dict.fromkeys(range(len(system.layout.leaves)), True)
    every = tuple((1 << max(1, leaf.sort.width)) - 1 for leaf, _ in zip(system.layout.leaves, whole, strict=True))
    nothing = tuple((0,) * len(start.inputs) for start in system.relation.starts)
    refuted = judged(dead_bits(system, Cone(every, nothing))).refuted
    assert refuted and all(says.startswith("start ") for says in refuted)


# Canonical numbers of pages.


@pytest.mark.parametrize("config", [LOONG, X86])
def test_page_numbers_make_no_difference_to_the_core(config: str) -> None:
    assert sound(renamed_argument(config, "core"))


@pytest.mark.slow
@pytest.mark.parametrize("machine", MACHINES)
def test_page_numbers_make_no_difference_to_any_split(machine: str) -> None:
    valid: set[Term] = set()
    for arch in architectures(machine):
        for split in SPLIT_NAMES:
            whole, reduced = (mm_system(arch, split, renamed=renamed) for renamed in (False, True))
            assert sound(judged(renaming(whole, reduced, focus.canonical), valid=valid)), (arch.config, split)


@pytest.mark.slow
@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("machine", MACHINES)
def test_page_numbers_make_no_difference_to_the_whole_kernel(machine: str, generation: str) -> None:
    valid: set[Term] = set()
    for arch in architectures(machine):
        whole, reduced = (
            mm_system(arch, renamed=renamed, features=ALL | SWITCHES, generation=generation)
            for renamed in (False, True)
        )
        assert sound(judged(renaming(whole, reduced, focus.canonical), valid=valid)), arch.config


@pytest.mark.slow
@pytest.mark.parametrize("config", [LOONG, SPARC, X86])
def test_page_numbers_make_no_difference_to_three_processes(config: str) -> None:
    assert sound(renamed_argument(config, "core", 3))
    assert sound(renamed_argument(config, "swap", 3))


def states_with(system: TransitionSystem, masks: tuple[int, ...], image: Any) -> set[tuple[int, ...]]:
    """The images of all reachable states, cut to the masks."""
    found = search(system)
    assert found.complete
    layout, relation = system.layout, system.relation
    variables = [v for v, mask in zip(relation.state, found.cone.masks, strict=True) if mask]
    look = compile_function(variables, layout.flatten(typed(layout, image(layout.build(relation.state)))))
    return {tuple(int(v) & m for v, m in zip(look(state), masks, strict=True)) for state in found.states}


COMPARED = [(LOONG, "core", 2), (X86, "core", 2), (SPARC, "touch", 2), (X86, "touch", 2), (X86, "core", 3)]
COMPARED_SLOWLY = [(LOONG, "core", 3), (SPARC, "core", 3), (LOONG, "swap", 2), (X86, "swap", 2), (SPARC, "pin", 2)]


def compare_states(config: str, words: str, processes: int) -> None:
    whole, reduced = (replace(world(config, words, processes, r), views=()) for r in (False, True))
    kept = cone_of_influence(reduced.relation).masks
    assert all(a & b == b for a, b in zip(cone_of_influence(whole.relation).masks, kept, strict=True))
    expected = states_with(whole, kept, lambda s: replace(focus.canonical(s), renamed=False))
    assert states_with(reduced, kept, lambda s: s) == expected
    assert len(search(whole).states) > len(expected)
    assert depths(whole) == depths(reduced)


def depths(system: TransitionSystem) -> dict[str, int]:
    """The violated invariants with the lengths of their shortest counterexamples."""
    reach = search(system)
    return {system.invariants[k].name: reach.depth(number) for k, number in reach.first_violation.items()}


@pytest.mark.parametrize(("config", "words", "processes"), COMPARED)
def test_the_search_with_canonical_numbers_finds_the_same_states(config: str, words: str, processes: int) -> None:
    compare_states(config, words, processes)


@pytest.mark.slow
@pytest.mark.parametrize(("config", "words", "processes"), COMPARED_SLOWLY)
def test_it_finds_the_same_states_of_larger_worlds(config: str, words: str, processes: int) -> None:
    compare_states(config, words, processes)


def test_an_operation_that_looks_at_the_number_of_a_page_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    def by_number(s: World, p: int) -> Any:
        return both(refers(s, s.processes[p]), same(s.processes[p].page, p))

    monkeypatch.setattr(swap, "first_of_page", by_number)
    whole, reduced = (world(SPARC, "swap", 2, renamed) for renamed in (False, True))
    asked = [o for o in renaming(whole, reduced, focus.canonical) if o.says.startswith(("add_to_swap", "store"))]
    assert [says.partition("(")[0] for says in judged(asked).refuted] == ["add_to_swap", "add_to_swap"]


def test_numbers_exchanged_between_pages_that_differ_are_refuted() -> None:
    """An image that leaves the pages where they are, under the numbers of others."""
    whole, reduced = (world(SPARC, "core", 2, renamed) for renamed in (False, True))

    def image(s: World) -> World:
        return replace(focus.canonical(s), pages=s.pages)

    asked = [o for o in renaming(whole, reduced, image) if o.says.startswith("exit")]
    assert any("the image does the same" in says for says in judged(asked).refuted)


# Views, beside what tests/test_reduction.py has of them.


@pytest.mark.slow
@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("machine", MACHINES)
def test_views_are_sound_for_every_set_of_helpers(machine: str, generation: str) -> None:
    valid: set[Term] = set()
    for arch in architectures(machine):
        system = mm_system(arch, features=ALL | SWITCHES, generation=generation)
        assert sound(judged(obligations(system), valid=valid)), arch.config


@pytest.mark.slow
@pytest.mark.parametrize("config", ["loongarch/linux-6.12", "sparc64/linux-6.12", X86])
def test_views_of_three_processes_are_sound_in_the_whole_kernel(config: str) -> None:
    assert sound(judged(obligations(mm_system(architecture(config), processes=3, features=ALL))))


# The judge.


def test_what_is_not_decided_is_not_called_sound() -> None:
    found = judged(dead_bits(pte_system(architecture(X86))), Budget(seconds=1e-9))
    assert found.undecided and not sound(found)


def test_the_core_has_no_views() -> None:
    assert not mm_system(architecture(X86), features=CORE).views
    assert not mm_system(architecture(X86), features=ALL, renamed=False).views
