"""What is learned of one place is tried at another: which facts that are, and that a wrong guess proves nothing."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from checker.certificate import Certificate, check_certificate, clause_data
from checker.exchange import Exchange, exchanges
from checker.induction import Fact, proof_of, vocabulary
from checker.limits import Budget
from checker.pdr import Run, reach_or_close
from checker.state import Bits, Sort
from checker.system import Invariant, Operation, Start, TransitionSystem
from tests import builtin_systems
from tests.random_systems import search, systems, violation_depths


def _mm() -> tuple[TransitionSystem, tuple[Fact, ...]]:
    system = builtin_systems.mm("loongarch/huacai", "carry-dirty")
    return system, vocabulary(system, every=True)


def test_every_fact_about_a_process_is_one_about_another() -> None:
    system, facts = _mm()
    (exchange,) = (e for e in exchanges(system.relation, facts) if e.array == "processes")
    names = {f.yes: k for k, f in enumerate(facts, 1)}
    assert 0 not in exchange.images
    assert exchange.images[names["parent write"] - 1] == names["child write"]
    one = names["parent and child map one page"]
    assert exchange.images[one - 1] == one


def test_an_exchange_undoes_itself() -> None:
    system, facts = _mm()
    for exchange in exchanges(system.relation, facts):
        for k in range(1, len(facts) + 1):
            for literal in (k, -k):
                image = exchange.of(frozenset({literal}))
                assert image is None or exchange.of(image) == {literal}


def test_a_cube_that_no_facts_say_elsewhere_has_no_image() -> None:
    exchange = Exchange("places", (2, 1, 0, -4))
    assert exchange.of(frozenset({1, -2})) == {2, -1}
    assert exchange.of(frozenset({4})) == {-4}
    assert exchange.of(frozenset({1, 3})) is None
    assert exchange.of(frozenset({-3})) is None


@dataclass(frozen=True)
class Places:
    """A state with one array."""

    places: Any


def _arrays(*parts: Sort) -> list[str]:
    """The arrays of which places may be exchanged, one for each exchange."""
    start = Start("start", lambda _: Places(tuple(0 for _ in parts)))
    step, holds = Operation("step", lambda s: (True, s)), Invariant("holds", "", lambda s: True)
    system = TransitionSystem("places", Places(parts), (start,), (step,), (holds,))
    return [exchange.array for exchange in exchanges(system.relation, vocabulary(system, every=True))]


def test_only_places_with_the_same_parts_are_exchanged() -> None:
    assert _arrays(Bits(2), Bits(2), Bits(2)) == ["places"] * 3
    assert _arrays(Bits(2), Bits(3)) == []
    assert _arrays(Bits(2)) == []


@settings(max_examples=20, deadline=None)
@given(systems(), st.randoms(use_true_random=False))
def test_a_wrong_guess_proves_nothing_and_hides_nothing(system: TransitionSystem, random: Random) -> None:
    truth = violation_depths(system, search(system))
    literals = [sign * k for k in range(1, len(vocabulary(system, every=True)) + 1) for sign in (1, -1)]
    if not literals:
        return
    wrong = tuple(Exchange("wrong", tuple(random.choices(literals, k=len(literals) // 2))) for _ in range(3))
    for number, invariant in enumerate(system.invariants):
        found = reach_or_close(system, system.relation.properties[number], alike=wrong)
        assert isinstance(found, Run) == (number in truth)
        if not isinstance(found, Run):
            clauses = tuple(map(clause_data, proof_of(system, invariant.name, found.clauses, Budget()).clauses))
            check_certificate(system, Certificate(system.name, invariant.name, clauses))
