"""Sets of states that the plain engine found, re-checked bit by bit."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker import recheck, recheck_bits
from checker.codegen import compile_successors
from checker.explicit import Reachable, explore
from checker.limits import Budget, OutOfBudget
from checker.logic import both, either, ite, no, same
from checker.recheck_bits import NotBitwise, not_closed
from checker.system import TransitionSystem
from checker.terms import BOOL, constant, evaluate, subterms, variable
from tests.random_systems import ARITHMETIC, BITWISE, systems
from tests.test_search import SYSTEMS, tree


def without(found: Reachable, lost: int) -> Reachable:
    return replace(found, states=[state for k, state in enumerate(found.states) if k != lost])


@settings(max_examples=100)
@given(systems(BITWISE), st.randoms(use_true_random=True))
def test_a_set_is_closed_until_a_state_is_missing(system: TransitionSystem, rng: Random) -> None:
    found = explore(system)
    assert not_closed(system, found, Budget(), 1) == ""
    lost = rng.randrange(len(found.states))
    doubt = not_closed(system, without(found, lost), Budget(), 1)
    if lost < len(found.origins):
        assert doubt == "an initial state was not found"
    else:
        assert "that was not found" in doubt


@settings(max_examples=60)
@given(systems(BITWISE + ARITHMETIC))
def test_arithmetic_is_left_to_the_plain_engine(system: TransitionSystem) -> None:
    found = explore(system)
    assert recheck.not_closed(system, found, Budget(), every=1) == ""
    with suppress(NotBitwise):
        assert not_closed(system, found, Budget(), 1) == ""


@pytest.mark.parametrize("at_once", [7, 4096])
@pytest.mark.parametrize("name", ["loongarch", "sparc64", "x86-64", "tree"])
def test_a_successor_that_is_missing_is_named(name: str, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recheck_bits, "AT_ONCE", at_once)
    system = SYSTEMS[name]()
    found = explore(system)
    assert not_closed(system, found, Budget(), 1) == ""
    lost = len(found.states) - 1
    doubt = not_closed(system, without(found, lost), Budget(), 1)
    named = re.fullmatch(r"state (\d+) has a successor under (.+) that was not found", doubt)
    assert named
    after = compile_successors(system.relation, found.cone.masks)(found.states[int(named[1])])
    assert found.states[lost] in [state for k, state in after if system.relation.steps[k].name == named[2]]


@pytest.mark.parametrize("at_once", [7, 4096])
def test_a_wrong_verdict_is_noticed_where_it_is_wrong_first(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recheck_bits, "AT_ONCE", at_once)
    system = SYSTEMS["loongarch"]()
    found = explore(system)
    assert found.first_violation
    for number, state in found.first_violation.items():
        claimed = {k: v for k, v in found.first_violation.items() if k != number}
        doubt = not_closed(system, replace(found, first_violation=claimed), Budget(), 1)
        assert doubt == f"state {state} violates what was said to hold"


def test_a_sample_looks_at_every_so_many_states_only() -> None:
    system = tree(9)
    found = explore(system)
    last = len(found.states) - 1
    wrong = replace(found, first_violation={})
    assert not_closed(system, wrong, Budget(), last + 1) == ""
    assert not_closed(system, wrong, Budget(), last) == f"state {last} violates what was said to hold"


def test_it_keeps_to_its_limits() -> None:
    with pytest.raises(OutOfBudget, match="time limit of 0 s"):
        not_closed(tree(9), explore(tree(9)), Budget(seconds=0), 1)


def test_the_plain_engine_is_not_asked_about_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    found = explore(tree(9))
    monkeypatch.delattr(recheck, "compile_successors")
    assert recheck.not_closed(tree(9), found, Budget()) == recheck.not_closed(tree(9), found, Budget(), every=1) == ""


@given(st.lists(st.tuples(*[st.booleans()] * 3), min_size=1, max_size=20))
def test_operators_mean_for_every_state_what_they_mean_on_one(rows: list[tuple[bool, bool, bool]]) -> None:
    a, b, c = (variable(name, BOOL) for name in "abc")
    everywhere = (1 << len(rows)) - 1
    values = {v.serial: int("".join("01"[row[k]] for row in rows), 2) for k, v in enumerate((a, b, c))}
    roots = [both(a, b, c), either(a, b, no(c)), no(a), same(a, b), ite(a, b, c), constant(True, BOOL)]
    for term in subterms(roots):
        if term.op != "var":
            values[term.serial] = recheck_bits._value(term, values, everywhere)
    for root in roots:
        expected = [evaluate([root], dict(zip((a, b, c), row, strict=True)))[0] for row in rows]
        assert format(values[root.serial], f"0{len(rows)}b") == "".join("01"[bool(e)] for e in expected)
