"""The reduction to groups of processes: its obligations are proved, and it finds what the unreduced search finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from checker import terms
from checker.codegen import Values, compile_function
from checker.reduction import obligations, typed
from checker.search import search
from checker.solver import Solver
from checker.system import TransitionSystem, operation_number
from checker.terms import Term
from models.mm import focus
from models.mm.catalogue import ALL, SWITCHES
from models.mm.state import with_page
from models.registry import architecture
from models.worlds import mm_system

LOONG, SPARC, X86 = "loongarch/original", "sparc64/original", "x86-64/linux-6.12"


def world(config: str, features: str, processes: int = 2, generation: str = "linux-6.12") -> TransitionSystem:
    """A world of some groups of operations besides the core; ``all`` stands for every group, switches included."""
    chosen = ALL | SWITCHES if features == "all" else frozenset(("core", *features.split()))
    return mm_system(architecture(config), processes=processes, features=chosen, generation=generation)


def valid(claim: Term) -> bool:
    """No values of the variables refute the claim."""
    solver = Solver()
    solver.add(terms.negate(claim))
    return not solver.satisfiable()


def unproved(system: TransitionSystem) -> list[str]:
    """The obligations that some state refutes."""
    return [o.says for o in obligations(system) if not valid(o.holds)]


PROVED = [
    (X86, "touch"),
    (LOONG, "lazyfree"),
]
PROVED_SLOWLY = [
    (config, features)
    for config in (X86, LOONG, SPARC)
    for features in ("touch", "swap", "pin", "lazyfree", "ksm")
    if (config, features) not in PROVED
]


@pytest.mark.parametrize(("config", "features"), PROVED)
def test_the_reduction_is_sound(config: str, features: str) -> None:
    assert unproved(world(config, features)) == []


@pytest.mark.slow
@pytest.mark.parametrize(("config", "features"), PROVED_SLOWLY)
def test_the_reduction_is_sound_elsewhere(config: str, features: str) -> None:
    assert unproved(world(config, features)) == []


@pytest.mark.slow
@pytest.mark.parametrize("generation", ["linux-6.1", "linux-6.12"])
@pytest.mark.parametrize("config", [X86, LOONG, SPARC])
def test_the_reduction_of_the_whole_world_is_sound(config: str, generation: str) -> None:
    assert unproved(world(config, "all", generation=generation)) == []


@pytest.mark.slow
def test_every_operation_keeps_three_processes_well_formed() -> None:
    kept = [o for o in obligations(world(X86, "all", processes=3)) if o.says.endswith("well-formed")]
    assert [o.says for o in kept if not valid(o.holds)] == []


@pytest.mark.slow
@pytest.mark.parametrize("config", [X86, LOONG, SPARC])
def test_the_reduction_of_three_processes_is_sound(config: str) -> None:
    assert unproved(world(config, "touch", processes=3)) == []


def test_there_is_an_obligation_for_every_start_invariant_operation_and_view() -> None:
    system = world(X86, "touch")
    found = [o.says for o in obligations(system)]
    assert len(found) == len(set(found))
    assert len(found) == 2 * len(system.starts) + len(system.invariants) + 3 * len(system.operations)


# The reduced search beside the unreduced one.


def depths(system: TransitionSystem) -> dict[str, int]:
    """The violated invariants with the lengths of their shortest counterexamples."""
    reach = search(system)
    assert reach.complete
    return {system.invariants[k].name: reach.depth(number) for k, number in reach.first_violation.items()}


def missing_views(system: TransitionSystem) -> Iterator[tuple[int, Values]]:
    """Views of reachable states that the reduced search has not found: the number of the view, and the view."""
    relation, layout = system.relation, system.layout
    whole, reduced = search(system), search(system.reduced)
    masks = [a & b for a, b in zip(whole.cone.masks, reduced.cone.masks, strict=True)]
    kept = [m for m, mask in zip(masks, reduced.cone.masks, strict=True) if mask]
    known = {tuple(v & m for v, m in zip(state, kept, strict=True)) for state in reduced.states}
    variables = [v for v, mask in zip(relation.state, whole.cone.masks, strict=True) if mask]
    state = layout.build(relation.state)
    for number, view in enumerate(system.views):
        image = layout.flatten(typed(layout, view.image(state)))
        parts = [v for v, mask in zip(image, reduced.cone.masks, strict=True) if mask]
        look = compile_function(variables, [terms.coerce(view.applies(state), terms.BOOL), *parts])
        for found in whole.states:
            applies, *values = look(found)
            part = tuple(v & m for v, m in zip(values, kept, strict=True))
            if applies and part not in known:
                yield number, part


COMPARED = [
    (X86, "touch", 2), (X86, "swap", 2), (X86, "touch lazyfree userfaultfd", 2), (LOONG, "touch", 2),
    (LOONG, "ksm", 2), (LOONG, "migration numa", 2),
    (LOONG, "race", 2), (SPARC, "touch", 2), (SPARC, "file", 2),
]  # fmt: skip
COMPARED_SLOWLY = [
    (X86, "swap userfaultfd-wp soft-dirty", 2), (X86, "touch protect pin", 2), (X86, "touch", 3),
    (LOONG, "swap", 2), (LOONG, "pin", 2), (LOONG, "lazyfree touch", 2), (SPARC, "swap", 2), (SPARC, "pin force", 2),
    (SPARC, "collapse ksm", 2), (X86, "swap stale-tlb", 2), (X86, "ksm lazyfree pin", 2), (X86, "swap", 3),
    (LOONG, "migration", 3),
]  # fmt: skip


def _compare(config: str, features: str, processes: int) -> None:
    system = world(config, features, processes)
    assert len(search(system.reduced).states) <= len(search(system).states)
    assert depths(system.reduced) == depths(system)
    assert next(missing_views(system), None) is None


@pytest.mark.parametrize(("config", "features", "processes"), COMPARED)
def test_the_reduced_search_finds_the_same(config: str, features: str, processes: int) -> None:
    _compare(config, features, processes)


@pytest.mark.slow
@pytest.mark.parametrize(("config", "features", "processes"), COMPARED_SLOWLY)
def test_the_reduced_search_finds_the_same_in_larger_worlds(config: str, features: str, processes: int) -> None:
    _compare(config, features, processes)


@pytest.mark.parametrize(("config", "features"), [(X86, "touch"), (LOONG, "ksm"), (X86, "swap")])
def test_what_can_happen_in_the_world_can_happen_in_a_view(config: str, features: str) -> None:
    system = world(config, features)
    reduced, whole = search(system.reduced), search(system)
    steps = len(system.operations) * len(system.views)
    fired = {operation_number(system, k) for k in range(steps) if reduced.fired >> k & 1}
    assert fired == {k for k in range(len(system.operations)) if whole.fired >> k & 1}
    assert reduced.premises == whole.premises


# Reductions that are wrong on purpose.


def test_views_that_ignore_shared_pages_are_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(focus, "linked", lambda s, p, q: False)
    system = world(LOONG, "touch")
    refuted = unproved(system)
    assert "cow-isolation: where it fails, it fails in a view" not in refuted  # it speaks of one process at a time
    assert "shared-not-hw-writable: where it fails, it fails in a view" in refuted
    assert any(says.startswith("store(parent)") for says in refuted)
    assert depths(system.reduced) != depths(system)
    assert next(missing_views(system), None) is not None


def test_a_group_that_is_never_looked_at_is_noticed() -> None:
    full = world(LOONG, "touch")
    system = replace(full, views=full.views[:1])
    refuted = unproved(system)
    assert any(says.startswith("cow-isolation") for says in refuted)
    assert not any("view 1" in says for says in refuted)


def test_an_operation_that_leaves_a_page_of_nobody_is_refuted() -> None:
    full = world(LOONG, "touch")
    spoil = replace(full.operations[0], name="spoil", run=lambda s: (True, with_page(s, 1, dirty=True)))
    refuted = unproved(replace(full, operations=(*full.operations, spoil)))
    assert "spoil: the outcome is well-formed" in refuted
