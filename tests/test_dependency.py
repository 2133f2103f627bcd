"""Dropping bits is sound: states that agree on the bits that matter cannot be told apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings

from checker.bmc import check_bounded
from checker.dependency import BitSplitter, cone_of_influence, depends_only_on
from checker.explicit import explore
from checker.logic import both, lshr, no, same
from checker.smtlib import Script
from checker.solver import is_unsatisfiable
from checker.state import Bits, Bool
from checker.system import Invariant, Operation, Relation, Start, TransitionSystem
from checker.terms import BOOL, Term, connect, equal, negate, substitute, variable, word_op
from tests import builtin_systems
from tests.builtin_systems import CONFIGS, SPLIT_NAMES, VIOLATED_MM
from tests.random_systems import ARITHMETIC, BITWISE, Expression, all_states, initial_states, moves, run, sorts, systems

EVERYTHING = BITWISE + ARITHMETIC


def _masked(term: Term, mask: int) -> Term:
    if term.width == BOOL:
        return term if mask else variable("ignored", BOOL)
    return word_op("band", term, mask)


def _twin(terms: tuple[Term, ...], mark: str) -> dict[Term, Term]:
    return {v: variable(f"{v.data}{mark}", v.width) for v in terms}


def _observed(relation: Relation, masks: tuple[int, ...]) -> list[Term]:
    """What must not differ: guards, properties, premises, and the bits that matter of every next state."""
    found = [*relation.properties, *relation.premises, *(step.guard for step in relation.steps)]
    return found + [_masked(v, m) for step in relation.steps for v, m in zip(step.values, masks, strict=True)]


def _indistinguishable(variables: tuple[Term, ...], masks: tuple[int, ...], seen: list[Term]) -> bool:
    """Whether copies of the variables that agree on the masks agree on everything that is seen."""
    left, right = _twin(variables, "<"), _twin(variables, ">")
    agree = [equal(_masked(left[v], m), _masked(right[v], m)) for v, m in zip(variables, masks, strict=True)]
    differ = [negate(equal(a, b)) for a, b in zip(substitute(seen, left), substitute(seen, right), strict=True)]
    script = Script()
    script.assert_all([connect("and", [*agree, connect("or", differ)])])
    return is_unsatisfiable(str(script))


def _is_sound(system: TransitionSystem) -> bool:
    relation = system.relation
    cone = cone_of_influence(relation)
    starts = [
        _indistinguishable(start.inputs, kept, [_masked(v, m) for v, m in zip(start.values, cone.masks, strict=True)])
        for start, kept in zip(relation.starts, cone.inputs, strict=True)
    ]
    return all(starts) and _indistinguishable(relation.state, cone.masks, _observed(relation, cone.masks))


@pytest.mark.parametrize("config", CONFIGS)
def test_dropped_bits_cannot_be_seen_in_the_pte_world(config: str) -> None:
    assert _is_sound(builtin_systems.pte(config))


@pytest.mark.parametrize(
    ("config", "split"),
    [*VIOLATED_MM[:8], *(("loongarch/huacai", split) for split in SPLIT_NAMES), ("x86-64/linux-6.12", "reorder")],
)
def test_dropped_bits_cannot_be_seen_in_the_mm_world(config: str, split: str) -> None:
    assert _is_sound(builtin_systems.mm(config, split))


@pytest.mark.parametrize("config", ["loongarch/linux-6.12", "sparc64/original", "x86-64/linux-6.12"])
def test_one_bit_less_would_be_seen(config: str) -> None:
    """The soundness check itself can fail: leaving out any one bit of the entry that matters is noticed."""
    relation = builtin_systems.pte(config).relation
    cone = cone_of_influence(relation)
    for bit in (i for i in range(64) if cone.masks[0] >> i & 1):
        fewer = (cone.masks[0] ^ 1 << bit, *cone.masks[1:])
        assert not _indistinguishable(relation.state, fewer, _observed(relation, fewer))


@pytest.mark.parametrize(
    ("config", "most"), [("loongarch/original", 12), ("sparc64/original", 6), ("x86-64/linux-6.12", 8)]
)
def test_frame_numbers_do_not_matter(config: str, most: int) -> None:
    masks = cone_of_influence(builtin_systems.pte(config).relation).masks
    assert 0 < masks[0].bit_count() <= most


def _groups(system: TransitionSystem) -> dict[tuple[int, ...], list[Any]]:
    cone = cone_of_influence(system.relation)
    groups: dict[tuple[int, ...], list[Any]] = defaultdict(list)
    for state in all_states(system):
        groups[cone.project(tuple(map(int, state)))].append(state)
    return groups


def _seen(system: TransitionSystem, state: Any) -> tuple[Any, ...]:
    cone = cone_of_influence(system.relation)
    after = [(k, cone.project(tuple(map(int, s)))) for k, s in moves(system, state)]
    return (*after, *(bool(i.holds(state)) for i in system.invariants))


@settings(max_examples=100)
@given(systems(operators=EVERYTHING))
def test_dropped_bits_cannot_be_seen_in_random_systems(system: TransitionSystem) -> None:
    for alike in _groups(system).values():
        assert len({_seen(system, state) for state in alike}) == 1


@settings(max_examples=100)
@given(systems(operators=EVERYTHING))
def test_dropped_input_bits_cannot_be_seen_in_random_systems(system: TransitionSystem) -> None:
    cone = cone_of_influence(system.relation)
    real = {cone.project(tuple(map(int, state))) for state in initial_states(system)}
    found = explore(system)
    wanted = [k for k, mask in enumerate(cone.masks) if mask]
    assert set(found.states[: len(found.origins)]) == {tuple(state[k] for k in wanted) for state in real}


@dataclass(frozen=True)
class Toy:
    flag: Any
    word: Any


def _toy(holds: Callable[[Toy], Any], after: Callable[[Toy], Any]) -> TransitionSystem:
    return TransitionSystem(
        name="toy",
        shape=Toy(Bool, Bits(64)),
        starts=(Start("any word", lambda free: Toy(False, free[0]), (Bits(64),)),),
        operations=(
            Operation("flip", lambda s: (True, Toy(no(s.flag), s.word))),
            Operation("count", lambda s: (True, replace(s, word=after(s)))),
        ),
        invariants=(Invariant("flag is down", "the flag is never up", holds),),
    )


def test_an_irrelevant_word_costs_nothing() -> None:
    found = explore(_toy(lambda s: no(s.flag), lambda s: s.word * 5 + 1))
    assert found.complete
    assert len(found.states) == 2
    assert found.cone.masks == (1, 0)
    assert found.cone.inputs == ((0,),)


def test_only_the_bits_a_property_asks_about_count() -> None:
    found = explore(_toy(lambda s: same(s.word & 0x30, 0), lambda s: s.word))
    assert found.cone.masks == (0, 0x30)
    assert len(found.states) == 4


def test_addition_needs_every_lower_bit() -> None:
    assert cone_of_influence(_toy(lambda s: same(s.word & 8, 0), lambda s: s.word + 1).relation).masks == (0, 15)


def test_a_shift_moves_the_bits_that_matter() -> None:
    assert cone_of_influence(_toy(lambda s: same(lshr(s.word, 60), 0), lambda s: s.word).relation).masks == (
        0,
        15 << 60,
    )


def test_a_flag_that_decides_between_equal_things_does_not_matter() -> None:
    system = _toy(
        lambda s: same(both(s.flag, same(s.word & 1, 0)), both(s.flag, same(s.word & 1, 0))), lambda s: s.word
    )
    assert cone_of_influence(system.relation).masks == (0, 0)


X, B = variable("x", 8), variable("b", BOOL)


@pytest.mark.parametrize(
    ("condition", "masks", "expected"),
    [
        ((X & 4) != 0, {"x": 4}, True),
        ((X & 4) != 0, {"x": 2}, False),
        ((X & 6) == 6, {"x": 4}, False),
        ((X & 6) == 6, {"x": 6}, True),
        (B, {}, False),
        (B, {"b": 1}, True),
        (connect("and", [B, (X & 1) != 0]), {"x": 255}, False),
        (X + 1 == 3, {"x": 127}, False),
        (word_op("band", X + 1, 1) == 0, {"x": 1}, True),
        (X == X, {}, True),
    ],
)
def test_depends_only_on(condition: Term, masks: dict[str, int], expected: bool) -> None:
    assert depends_only_on(BitSplitter(), condition, masks) is expected


def _shifts_agree() -> TransitionSystem:
    """Holds only where two neighbouring bits of ``x << y`` are equal, which is false for x = 1, y = 0."""
    x, y = Expression("leaf", 4, data=0), Expression("leaf", 4, data=1)
    shifted = Expression("shl", 4, (x, y))
    low = Expression("and", 4, (shifted, Expression("constant", 4, data=1)))
    next_ = Expression("and", 4, (Expression("lshr-by", 4, (shifted,), 1), Expression("constant", 4, data=1)))
    return TransitionSystem(
        "shifts",
        sorts((4, 4)),
        (Start("any", lambda free: free, sorts((4, 4))),),
        (Operation("stay", lambda s: (True, s)),),
        (Invariant("alike", "alike", lambda s: run(Expression("same-words", BOOL, (low, next_)), s, (4, 4))),),
    )


def test_different_bits_of_a_variable_shift_are_not_taken_for_equal() -> None:
    assert cone_of_influence(_shifts_agree().relation).masks != (0, 0)


def test_bounded_checking_finds_what_a_variable_shift_hides() -> None:
    assert check_bounded(_shifts_agree(), 1).violations == {0: 0}


def test_a_start_may_have_any_name() -> None:
    system = TransitionSystem(
        "toy",
        (Bool,),
        (Start("case #1", lambda free: free, (Bool,)),),
        (Operation("stay", lambda s: (True, s)),),
        (Invariant("down", "down", lambda s: no(s[0])),),
    )
    assert cone_of_influence(system.relation).inputs == ((1,),)
