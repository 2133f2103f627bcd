"""Terms evaluated word by word, and large sets of states re-checked with that."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker import recheck, recheck_columns
from checker.arrays import PackedStates, WideReachable, explore_arrays
from checker.codegen import compile_successors
from checker.limits import Budget, OutOfBudget
from checker.recheck_columns import not_closed
from checker.system import TransitionSystem
from checker.terms import BOOL, Term, evaluate, extend, extract, variable
from checker.wordwise import NotWordwise, Plan
from tests.random_systems import ARITHMETIC, BITWISE, expression, run, systems
from tests.test_arrays import forks, toggles
from tests.test_search import SYSTEMS, tree

WIDTHS = (3, 64, BOOL, 1, BOOL, 3, 64)


def random_values(rng: Random, count: int) -> list[tuple[int | bool, ...]]:
    return [tuple(rng.randrange(1 << w) if w else rng.random() < 0.5 for w in WIDTHS) for _ in range(count)]


def compare(terms: list[Term], variables: list[Term], rows: list[tuple[int | bool, ...]]) -> None:
    columns = {
        v: np.array([row[k] for row in rows], np.uint64 if v.width else np.bool_) for k, v in enumerate(variables)
    }
    found = [column.tolist() for column in Plan(terms).run(columns, len(rows))]
    for number, row in enumerate(rows):
        assert [column[number] for column in found] == evaluate(terms, dict(zip(variables, row, strict=True)))


@settings(max_examples=200)
@given(st.randoms(use_true_random=True), st.integers(1, 20))
def test_columns_are_what_terms_mean(rng: Random, count: int) -> None:
    variables = [variable(f"v{k}", width) for k, width in enumerate(WIDTHS)]
    trees = [expression(rng, WIDTHS, rng.choice((BOOL, 3, 64, 1)), BITWISE + ARITHMETIC) for _ in range(6)]
    terms = [t for t in (run(tree, variables, WIDTHS, cut=False) for tree in trees) if isinstance(t, Term)]
    terms += [extract(variables[1], 60, 3), extend(variables[0], 64), variables[2], variables[2]]
    compare(terms, variables, random_values(rng, count))


def test_a_variable_without_a_column_is_zero() -> None:
    a, b = variable("a", 8), variable("b", BOOL)
    assert [column.tolist() for column in Plan([a + 1, b]).run({}, 3)] == [[1, 1, 1], [False] * 3]


def test_words_that_are_too_wide_are_refused() -> None:
    with pytest.raises(NotWordwise):
        Plan([variable("a", 65) == 1])


def without(found: WideReachable, lost: int) -> WideReachable:
    states = PackedStates(found.states.packing, [np.delete(word, lost) for word in found.states.words])
    return replace(found, states=states)


@settings(max_examples=60)
@given(systems(BITWISE), st.randoms(use_true_random=True))
def test_whatever_is_missing_is_noticed(system: TransitionSystem, rng: Random) -> None:
    found = explore_arrays(system)
    assert not_closed(system, found, Budget(), 1) == ""
    lost = rng.randrange(len(found.states))
    doubt = not_closed(system, without(found, lost), Budget(), 1)
    if lost < len(found.origins):
        assert doubt == "an initial state was not found"
    else:
        assert doubt


@pytest.mark.parametrize("at_once", [50, 2048])
@pytest.mark.parametrize("name", ["loongarch", "sparc64", "x86-64", "tree"])
def test_a_successor_that_is_missing_is_named(name: str, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recheck_columns, "AT_ONCE", at_once)
    system = SYSTEMS[name]()
    found = explore_arrays(system)
    assert not_closed(system, found, Budget(), 1) == ""
    lost = len(found.states) - 1
    doubt = not_closed(system, without(found, lost), Budget(), 1)
    named = re.fullmatch(r"state (\d+) has a successor under (.+) that was not found", doubt)
    assert named
    after = compile_successors(system.relation, found.cone.masks)(found.states[int(named[1])])
    assert found.states[lost] in [state for k, state in after if system.relation.steps[k].name == named[2]]


def test_states_of_several_words() -> None:
    system = toggles(64, 6)
    found = explore_arrays(system)
    assert len(found.states.words) > 1
    assert not_closed(system, found, Budget(), 1) == ""
    assert "that was not found" in not_closed(system, without(found, 9), Budget(), 1)


def test_words_that_are_too_wide_are_left_to_the_plain_engine() -> None:
    system = toggles(130, 4)
    found = explore_arrays(system)
    with pytest.raises(NotWordwise):
        not_closed(system, found, Budget(), 1)
    assert recheck.not_closed(system, found, Budget()) == ""
    assert "that was not found" in recheck.not_closed(system, without(found, 9), Budget())


def test_a_wrong_verdict_is_noticed() -> None:
    system = forks(3, 5)
    found = explore_arrays(system)
    assert found.first_violation
    for number, state in found.first_violation.items():
        claimed = {k: v for k, v in found.first_violation.items() if k != number}
        doubt = not_closed(system, replace(found, first_violation=claimed), Budget(), 1)
        assert doubt == f"state {state} violates what was said to hold"


def test_a_sample_looks_at_every_so_many_states_only() -> None:
    system = tree(9)
    found = explore_arrays(system)
    last = len(found.states) - 1
    wrong = replace(found, first_violation={})
    assert not_closed(system, wrong, Budget(), last + 1) == ""
    assert "violates" in not_closed(system, wrong, Budget(), last)


def test_it_keeps_to_its_limits() -> None:
    found = explore_arrays(tree(9))
    with pytest.raises(OutOfBudget, match="time limit of 0 s"):
        not_closed(tree(9), found, Budget(seconds=0), 1)


def test_a_sample_of_arrays_is_looked_at_by_this_engine_and_all_of_them_by_the_plain_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def noted(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given, **named: (asked.append(name), original(*given, **named))[1]

    monkeypatch.setattr(recheck_columns, "not_closed", noted("columns", recheck_columns.not_closed))
    monkeypatch.setattr(recheck, "compile_successors", noted("plain", recheck.compile_successors))
    found = explore_arrays(tree(9))
    assert recheck.not_closed(tree(9), found, Budget()) == recheck.not_closed(tree(9), found, Budget(), every=1) == ""
    assert asked == ["columns", "plain"]
