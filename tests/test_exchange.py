"""What is learned of one process is tried at another: which facts that are, and that a wrong guess proves nothing."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from checker.certificate import Certificate, check_certificate, clause_data
from checker.exchange import Exchange, exchanges
from checker.induction import Fact, proof_of, vocabulary
from checker.limits import Budget
from checker.pdr import Run, reach_or_close
from checker.system import Symmetry, TransitionSystem
from checker.terms import FALSE
from models.registry import architecture
from models.worlds import mm_system
from tests import builtin_systems
from tests.random_systems import search, systems, violation_depths


def _mm() -> tuple[tuple[Exchange, ...], tuple[Fact, ...]]:
    system = builtin_systems.mm("loongarch/huacai", "carry-dirty")
    facts = vocabulary(system, every=True)
    return exchanges(system.symmetries, facts), facts


def test_what_is_said_of_a_process_is_said_of_the_other_and_back() -> None:
    (exchange,), facts = _mm()
    names = {fact.yes: k for k, fact in enumerate(facts, 1)}
    parent, child, one = names["parent write"], names["child write"], names["parent and child map one page"]
    assert exchange.of(frozenset({parent, -child, one})) == {child, -parent, one}


def test_a_fact_about_neither_stays_as_it_is() -> None:
    (exchange,), facts = _mm()
    page = 1 + next(k for k, fact in enumerate(facts) if fact.yes.startswith("pages["))
    assert exchange.of(frozenset({-page})) == {-page}


def test_as_many_processes_are_exchanged_as_lead_to_every_one_of_them() -> None:
    system = mm_system(architecture("loongarch/huacai"), "carry-dirty", 4)
    facts = vocabulary(system, every=True)
    made, numbers = exchanges(system.symmetries, facts), {fact.yes: k for k, fact in enumerate(facts, 1)}
    assert len(made) == 3
    assert all(0 not in exchange.images for exchange in made)
    reached = {numbers["p0 and p1 map one page"]}
    for _ in facts:
        reached |= {exchange.images[k - 1] for exchange in made for k in reached}
    assert reached == {k for name, k in numbers.items() if name.endswith("map one page")}


def test_an_exchange_undoes_itself() -> None:
    (exchange,), facts = _mm()
    for k in range(1, len(facts) + 1):
        for literal in (k, -k):
            image = exchange.of(frozenset({literal}))
            assert image is not None
            assert exchange.of(image) == {literal}


def test_symmetries_that_do_not_undo_each_other_are_no_exchange() -> None:
    there, back, away = Symmetry({"a": "b"}, ""), Symmetry({"b": "a"}, ""), Symmetry({"b": "c"}, "")
    facts = [Fact(name, f"not {name}", FALSE) for name in "ab"]
    assert exchanges((there, away), facts) == ()
    assert exchanges((there, away, back), facts) == (Exchange((2, 1)),)


def test_a_cube_that_no_facts_say_elsewhere_has_no_image() -> None:
    exchange = Exchange((2, 1, 0))
    assert exchange.of(frozenset({1, -2})) == {2, -1}
    assert exchange.of(frozenset({1, 3})) is None
    assert exchange.of(frozenset({-3})) is None


@settings(max_examples=20, deadline=None)
@given(systems(), st.randoms(use_true_random=False))
def test_a_wrong_guess_proves_nothing_and_hides_nothing(system: TransitionSystem, random: Random) -> None:
    truth = violation_depths(system, search(system))
    literals = [sign * k for k in range(1, len(vocabulary(system, every=True)) + 1) for sign in (1, -1)]
    if not literals:
        return
    wrong = tuple(Exchange(tuple(random.choices(literals, k=len(literals) // 2))) for _ in range(3))
    for number, invariant in enumerate(system.invariants):
        found = reach_or_close(system, system.relation.properties[number], alike=wrong)
        assert isinstance(found, Run) == (number in truth)
        if not isinstance(found, Run):
            clauses = tuple(map(clause_data, proof_of(system, invariant.name, found.clauses, Budget()).clauses))
            check_certificate(system, Certificate(system.name, invariant.name, clauses))
