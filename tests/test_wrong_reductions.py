"""Reductions that look harmless and are wrong: the obligations refuse them where a small world shows nothing.

In a world of two processes and two frames, dropping the swap content of a frame nobody has changes no verdict and
loses no state. With three processes it loses states, bad ones among them where the helpers are faulty.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bench.study import CLEAR, NAMES, NONE, World, choose, study_system, uses
from checker.arguments import dead_bits, judged, renaming
from checker.codegen import Values, compile_function, compile_masks
from checker.dependency import Cone, cone_of_influence
from checker.logic import ite, no, same, ult, word_like
from checker.reduction import obligations, typed
from checker.search import search
from checker.system import TransitionSystem, View

# Forms a state may be replaced by.


def without_stale(s: World) -> World:
    """Who maps nothing has nothing, and a frame nobody has holds nothing; its swap content stays. This is right."""
    like = s.processes[0]
    blank = replace(like, level=word_like(like.level, NONE), entry=CLEAR)
    blank = replace(blank, frame=word_like(like.frame, 1), expects=word_like(like.expects, 0))
    processes = tuple(choose(same(p.level, NONE), blank, p) for p in s.processes)
    empty = [replace(f, contents=word_like(f.contents, 0), exclusive=False) for f in s.frames]
    frames = tuple(choose(uses(s, k), f, e) for k, (f, e) in enumerate(zip(s.frames, empty, strict=True)))
    return replace(s, processes=processes, frames=frames)


def without_swap_of_free_frames(s: World) -> World:
    """The same, and the swap content of a frame nobody has is dropped. This looks right and is wrong."""
    settled = without_stale(s)
    frames = tuple(
        choose(uses(s, k), f, replace(f, swapped=word_like(f.swapped, 0))) for k, f in enumerate(settled.frames)
    )
    return replace(settled, frames=frames)


def exchanged(s: World, i: int, j: int) -> World:
    """Processes ``i`` and ``j`` in each other's place, and what they have written with them."""

    def written(value: Any) -> Any:
        return ite(
            same(value, i + 1),
            word_like(value, j + 1),
            ite(same(value, j + 1), word_like(value, i + 1), value),
        )

    processes = list(s.processes)
    processes[i], processes[j] = processes[j], processes[i]
    return replace(
        s,
        processes=tuple(replace(p, expects=written(p.expects)) for p in processes),
        frames=tuple(replace(f, contents=written(f.contents), swapped=written(f.swapped)) for f in s.frames),
    )


# What the obligations and a direct comparison say of them.

Form = Callable[[World], World]


def reduced_by(system: TransitionSystem, form: Form) -> TransitionSystem:
    """The system with every state replaced by its form, as views are."""
    return replace(system, views=(View(lambda s: True, form),))


def refuted(system: TransitionSystem, form: Form) -> list[str]:
    """The obligations of the reduction that some state refutes."""
    return list(judged(obligations(reduced_by(system, form))).refuted)


def everything(system: TransitionSystem) -> TransitionSystem:
    """The system, searched with every bit, so that states of two searches can be compared."""
    return replace(system, every_bit=True)


def states(system: TransitionSystem) -> set[Values]:
    found = search(everything(system))
    assert found.complete
    return set(found.states)


def forms(system: TransitionSystem, form: Form) -> set[Values]:
    """The forms of all reachable states."""
    layout, state = system.layout, system.relation.state
    look = compile_function(state, layout.flatten(typed(layout, form(layout.build(state)))))
    return {tuple(map(int, look(values))) for values in states(system)}


def difference(system: TransitionSystem, form: Form) -> tuple[set[Values], set[Values]]:
    """Forms of reachable states that the reduced search does not find, and states it finds that are none."""
    found, expected = states(reduced_by(system, form).reduced), forms(system, form)
    return expected - found, found - expected


def depths(system: TransitionSystem) -> dict[str, int]:
    """The violated invariants with the lengths of their shortest counterexamples."""
    reach = search(everything(system))
    return {system.invariants[k].name: reach.depth(number) for k, number in reach.first_violation.items()}


@pytest.mark.parametrize("variant", ["huacai", "original"])
def test_in_the_smallest_world_the_mistake_does_not_show(variant: str) -> None:
    system = study_system(2, 2, variant)
    reduced = reduced_by(system, without_swap_of_free_frames).reduced
    assert len(states(reduced)) < len(states(system))
    assert depths(reduced) == depths(system) == ({"hw": 2, "data": 3} if variant == "original" else {})
    assert difference(system, without_swap_of_free_frames) == (set(), set())


@pytest.mark.parametrize(
    "size", [(2, 2), pytest.param((3, 2), marks=pytest.mark.slow), pytest.param((3, 3), marks=pytest.mark.slow)]
)
def test_the_obligations_refuse_it_at_every_size(size: tuple[int, int]) -> None:
    assert refuted(study_system(*size), without_swap_of_free_frames) == [
        f"wpcopy({i}): view 0 of the outcome" for i in range(size[0])
    ]


def test_with_three_processes_states_are_lost() -> None:
    system = study_system(3, 2)
    lost, invented = difference(system, without_swap_of_free_frames)
    assert (len(lost), len(invented), len(forms(system, without_swap_of_free_frames))) == (269, 0, 4065)
    assert depths(reduced_by(system, without_swap_of_free_frames).reduced) == depths(system) == {}


@pytest.mark.slow
def test_with_three_processes_and_faulty_helpers_bad_states_are_lost_and_others_invented() -> None:
    system = study_system(3, 2, "original")
    holds = compile_masks(system.relation.state, system.relation.properties)
    lost, invented = difference(system, without_swap_of_free_frames)
    assert (len(lost), sum(holds(state) != 0b11 for state in lost)) == (573, 310)
    assert len(invented) == 24


@pytest.mark.parametrize("variant", ["huacai", "original"])
@pytest.mark.parametrize("size", [(2, 2), pytest.param((3, 2), marks=pytest.mark.slow)])
def test_what_is_really_stale_may_be_dropped(size: tuple[int, int], variant: str) -> None:
    system = study_system(*size, variant)
    assert refuted(system, without_stale) == []


def test_dropping_what_is_really_stale_loses_nothing() -> None:
    for size in ((2, 2), (3, 2)):
        assert difference(study_system(*size), without_stale) == (set(), set())


@pytest.mark.parametrize("size", [(2, 2), pytest.param((3, 2), marks=pytest.mark.slow)])
def test_where_a_copy_clears_the_swap_content_dropping_it_is_right(size: tuple[int, int]) -> None:
    system = study_system(*size, sound=True)
    assert refuted(system, without_swap_of_free_frames) == []
    assert difference(system, without_swap_of_free_frames) == (set(), set())


def test_swap_content_is_no_dead_bit() -> None:
    system = study_system(2, 2)
    cone = cone_of_influence(system.relation)
    paths = [leaf.path for leaf in system.layout.leaves]
    masks = tuple(0 if path.endswith("swapped") else m for path, m in zip(paths, cone.masks, strict=True))
    assert [says.partition("(")[0] for says in judged(dead_bits(system, Cone(masks, cone.inputs))).refuted] == [
        "swapin",
        "swapin",
    ]


# Processes in each other's place.


def renamed_processes(i: int, j: int, born: int) -> list[str]:
    """What a solver refutes of "nobody can tell processes ``i`` and ``j`` apart once so many are born"."""
    system = study_system(3, 2)
    there = {i: j, j: i}
    named = {op.name: op for op in system.operations}
    partners = tuple(named[f"{name}({there.get(p, p)})"] for p in range(3) for name in NAMES)
    whole = replace(system, well_formed=lambda s: no(ult(s.born, born - 1)))
    claims = renaming(whole, replace(system, operations=partners), lambda s: exchanged(s, i, j))
    return list(judged(o for o in claims if not o.says.startswith("start")).refuted)


def test_processes_that_have_lived_may_change_places() -> None:
    assert renamed_processes(0, 1, born=2) == []
    assert renamed_processes(1, 2, born=3) == []


def test_places_of_processes_that_were_never_born_may_not() -> None:
    assert {says.partition("(")[0] for says in renamed_processes(1, 2, born=2)} == {"fork"}


def test_a_form_that_forgets_what_is_expected_is_refused() -> None:
    """The obligations are about properties, too: without expectations nothing would ever be wrong."""

    def forgetful(s: Any) -> Any:
        return replace(
            s, processes=tuple(replace(p, expects=f.contents) for p, f in zip(s.processes, s.frames, strict=True))
        )

    assert any(says.startswith("data") for says in refuted(study_system(2, 2), forgetful))
