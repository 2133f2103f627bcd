"""Proofs by clauses: they tell the explicit engine's story, and decide what is too large for it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings

from checker import pdr
from checker.beyond import Beyond
from checker.bmc import BoundedResult
from checker.certificate import BadCertificate, Certificate, check_certificate, clause_data
from checker.codegen import compile_masks
from checker.decision import INTERRUPTED, Options, decide
from checker.explicit import Origin, explore
from checker.fallback import FALLBACK_DEPTH
from checker.frames import Frames
from checker.induction import Proof, clause_from_literals, proof_of, property_clause, vocabulary
from checker.limits import Budget, OutOfBudget
from checker.logic import both, either, implies, ite, lshr, no, same, select, ult
from checker.pdr import Closed, Run, reach_or_close
from checker.state import Bits, Bool, Enum
from checker.system import Invariant, Operation, Start, TransitionSystem
from checker.terms import FALSE
from checker.trace import make_trace, replay
from checker.verdict import Verdict
from models.registry import architecture
from models.worlds import mm_system
from tests import builtin_systems
from tests.builtin_systems import CONFIGS, VIOLATED_MM
from tests.random_systems import search, systems, violation_depths


def _agrees(system: TransitionSystem, violated: dict[int, int]) -> None:
    """Every property is violated by a run that replays, or proved by a certificate that checks."""
    beyond = Beyond(system, Budget(seconds=60), [])
    for number, invariant in enumerate(system.invariants):
        found = beyond.decide(number)
        assert isinstance(found, Run) == (number in violated), invariant.name
        if isinstance(found, Run):
            names = [system.operations[k].name for k in found.operations]
            start = system.starts[found.origin.start].name
            trace = make_trace(system, invariant.name, start, found.origin.inputs, names)
            replay(system, trace)
            assert trace.depth >= violated[number]
        else:
            clauses = tuple(clause_data(clause) for clause in found.clauses)
            check_certificate(system, Certificate(system.name, invariant.name, clauses))


def _explicit(system: TransitionSystem) -> dict[int, int]:
    found = explore(system)
    return {number: found.depth(state) for number, state in found.first_violation.items()}


@settings(max_examples=20, deadline=None)
@given(systems())
def test_agrees_with_a_search_of_random_systems(system: TransitionSystem) -> None:
    _agrees(system, violation_depths(system, search(system)))


@pytest.mark.slow
@pytest.mark.parametrize("config", CONFIGS)
def test_agrees_with_the_explicit_engine_in_the_pte_world(config: str) -> None:
    system = builtin_systems.pte(config)
    _agrees(system, _explicit(system))


@pytest.mark.slow
@pytest.mark.parametrize("split", ["carry-dirty", "linux-6.12"])
@pytest.mark.parametrize("config", CONFIGS)
def test_agrees_with_the_explicit_engine_in_the_mm_world(config: str, split: str) -> None:
    system = builtin_systems.mm(config, split)
    _agrees(system, _explicit(system))


@pytest.mark.parametrize("config", ["loongarch/huacai", "loongarch/original", "x86-64/linux-6.12"])
def test_agrees_with_the_explicit_engine_on_one_entry(config: str) -> None:
    system = builtin_systems.pte(config)
    _agrees(system, _explicit(system))


def test_agrees_with_the_explicit_engine_where_the_mm_world_is_violated() -> None:
    system = builtin_systems.mm(*VIOLATED_MM[0])
    _agrees(system, _explicit(system))


def _beyond_100(system: TransitionSystem, **options: Any) -> list[Any]:
    return decide(system, Options(states=100, **options))


def test_the_mm_world_is_proved_where_its_states_may_not_be_enumerated() -> None:
    system = builtin_systems.mm("loongarch/huacai", "carry-dirty")
    for result in _beyond_100(system):
        assert (result.verdict, result.depth, result.states) == (Verdict.PROVED, None, None)
        assert result.reason == "by clauses alone, since not all states were enumerated: limit of 100 states reached"
        assert result.certificate is not None
        check_certificate(system, result.certificate)


@pytest.mark.slow
def test_a_system_of_views_is_proved_as_it_was_declared() -> None:
    features = frozenset(("core", "touch"))
    system = mm_system(architecture("loongarch/linux-6.12"), features=features)
    assert system.views
    results = _beyond_100(system)
    assert {r.verdict for r in results} == {Verdict.PROVED}
    for result in results:
        assert result.certificate is not None
        assert result.certificate.system == system.name
        check_certificate(system, result.certificate)


def test_violations_are_what_they_were_with_every_state() -> None:
    system = builtin_systems.mm("loongarch/original", "carry-dirty")
    assert [(r.verdict, r.trace) for r in _beyond_100(system)] == [(r.verdict, r.trace) for r in decide(system)]


WIDTH, NARROW = 48, 20


def _register(**changes: Any) -> TransitionSystem:
    """A word that any bit may be shifted into but never two neighbours: far too many states to look at."""
    push = Operation("push", lambda s: (same(s[0] & 1, 0), (s[0] << 1 | 1, no(s[1]))))
    shift = Operation("shift", lambda s: (True, (s[0] << 1, s[1])))
    apart = Invariant("apart", "no two neighbouring bits are set", lambda s: same(s[0] & lshr(s[0], 1), 0))
    fields: dict[str, Any] = {
        "name": "register",
        "shape": (Bits(WIDTH), Bool),
        "starts": (Start("empty", lambda _: (0, False)),),
        "operations": (push, shift),
        "invariants": (apart,),
    }
    return TransitionSystem(**{**fields, **changes})


def test_a_system_far_too_large_to_enumerate_is_proved() -> None:
    (result,) = decide(_register(), Options(states=1000))
    assert (result.verdict, result.depth) == (Verdict.PROVED, None)
    assert result.certificate is not None
    check_certificate(_register(), result.certificate)


def test_clauses_are_found_that_the_property_alone_does_not_give() -> None:
    """Only the last two bits are asked about; that they are never both set rests on all the others."""
    last = 3 << (NARROW - 2)
    ends = Invariant("ends apart", "the two last bits are never both set", lambda s: (s[0] & last) != last)
    system = _register(invariants=(ends,), shape=(Bits(NARROW), Bool))
    (result,) = decide(system, Options(states=1000))
    assert result.verdict is Verdict.PROVED
    assert result.certificate is not None
    assert len(result.certificate.clauses) == NARROW - 1
    check_certificate(system, result.certificate)


@cache
def _proved() -> tuple[TransitionSystem, Certificate]:
    """The mm world with one invariant, and the proof of it."""
    whole = builtin_systems.mm("loongarch/huacai", "carry-dirty")
    system = replace(whole, invariants=whole.invariants[:1])
    proof = Beyond(system, Budget(), []).decide(0)
    assert not isinstance(proof, Run)
    name, clauses = system.invariants[0].name, tuple(clause_data(clause) for clause in proof.clauses)
    return system, Certificate(system.name, name, clauses)


def test_every_clause_of_a_certificate_is_needed() -> None:
    system, certificate = _proved()
    for left_out in range(1, len(certificate.clauses)):
        fewer = certificate.clauses[:left_out] + certificate.clauses[left_out + 1 :]
        with pytest.raises(BadCertificate):
            check_certificate(system, replace(certificate, clauses=fewer))


def test_a_clause_that_a_reachable_state_breaks_is_refused() -> None:
    system, certificate = _proved()
    reach = explore(system)
    wanted = [v for v, mask in zip(system.relation.state, reach.cone.masks, strict=True) if mask]
    facts = {fact.yes: fact for fact in vocabulary(system, every=True)}
    refused = 0
    for number, data in enumerate(certificate.clauses):
        for name, sign in data.get("literals", ())[:2]:
            stronger = clause_from_literals(facts, ((name, sign),))
            holds = compile_masks(wanted, [stronger.term])
            if not all(map(holds, reach.states)):
                changed = (*certificate.clauses[:number], clause_data(stronger), *certificate.clauses[number + 1 :])
                with pytest.raises(BadCertificate):
                    check_certificate(system, replace(certificate, clauses=changed))
                refused += 1
    assert refused > 10


UP = Operation("up", lambda s: (ult(s[0], 300), (s[0] + 1, s[1])))


def _counter(*operations: Operation, **changes: Any) -> TransitionSystem:
    fields: dict[str, Any] = {
        "name": "counter",
        "shape": (Bits(16), Bool),
        "starts": (Start("zero", lambda _: (0, False)),),
        "operations": (UP, *operations),
        "invariants": (Invariant("small", "the counter stays small", lambda s: ult(s[0], 301)),),
    }
    return TransitionSystem(**{**fields, **changes})


def test_an_operation_that_never_happens_makes_a_proof_vacuous() -> None:
    dead = Operation("dead", lambda s: (s[1], s))
    (result,) = _beyond_100(_counter(dead))
    assert (result.verdict, result.reason) == (Verdict.VACUOUS, "these operations can never happen: dead")
    assert result.certificate is None


def test_an_operation_that_happens_late_is_found_by_a_run() -> None:
    late = Operation("late", lambda s: (both(s[1], no(same(s[0], 0))), s))
    mark = Operation("mark", lambda s: (same(s[0], 0), (s[0], True)))
    (result,) = decide(_counter(mark, late), Options(states=1))
    assert result.verdict is Verdict.PROVED
    assert "not known" not in result.reason


def test_what_cannot_be_known_about_an_operation_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdr, "MOST_FRAMES", 5)
    far = Operation("far", lambda s: (same(s[0], 300), s))
    (result,) = _beyond_100(_counter(far))
    assert result.verdict is Verdict.BOUNDED
    assert result.certificate is None
    assert result.reason.endswith("it is not known whether these operations can ever happen: far")


@pytest.mark.parametrize(
    ("premise", "verdict", "words"),
    [
        (lambda s: s[1], Verdict.VACUOUS, "its premise never holds"),
        (lambda s: same(s[0], 300), Verdict.BOUNDED, "it is not known whether its premise ever holds"),
    ],
)
def test_a_premise_is_looked_for_beyond_the_states_that_were_found(
    premise: Any, verdict: Verdict, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdr, "MOST_FRAMES", 5)
    invariant = Invariant("small", "the counter stays small", lambda s: ult(s[0], 301), premise=premise)
    (result,) = _beyond_100(_counter(invariants=(invariant,)))
    assert result.verdict is verdict
    assert result.reason.endswith(words)


def test_a_violation_beyond_every_bound_is_found_and_its_length_left_open() -> None:
    odd = Invariant("even", "the counter is not 20", lambda s: s[0] != 20)
    (result,) = decide(_counter(invariants=(odd,)), Options(states=5))
    assert FALLBACK_DEPTH < 20
    assert (result.verdict, result.depth) == (Verdict.VIOLATED, 20)
    assert result.reason == "not confirmed to be the shortest: it was found from its end"


def test_a_violation_one_step_beyond_the_bound_is_a_shortest_one() -> None:
    first = Invariant("first", "the counter is small", lambda s: s[0] != FALLBACK_DEPTH + 1)
    (result,) = decide(_counter(invariants=(first,)), Options(states=5))
    assert (result.verdict, result.depth, result.reason) == (Verdict.VIOLATED, FALLBACK_DEPTH + 1, "")


def _detour(monkeypatch: pytest.MonkeyPatch, length: int) -> Any:
    """The result where clauses' search comes back with a run of that length to the counter's third value."""
    monkeypatch.setattr(Beyond, "decide", lambda *_: Run(Origin(0, ()), (1,) * (length - 3) + (0,) * 3))
    stay = Operation("stay", lambda s: (True, s))
    return decide(_counter(stay, invariants=(Invariant("not 3", "", lambda s: s[0] != 3),)), Options(states=1))[0]


def test_a_run_found_from_its_end_gives_way_to_a_shorter_one(monkeypatch: pytest.MonkeyPatch) -> None:
    result = _detour(monkeypatch, 5)
    assert (result.verdict, result.depth, result.reason) == (Verdict.VIOLATED, 3, "")


@pytest.mark.parametrize(
    ("bounded", "said"),
    [
        (BoundedResult(depth=12), "a counterexample of 3 steps replays, bounded checking finds none"),
        (BoundedResult(depth=4, violations={0: 4}), "of 3 steps replays, bounded checking finds one of 4"),
    ],
)
def test_a_bound_that_a_run_breaks_is_a_disagreement(
    bounded: BoundedResult, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checker.bmc.check_bounded", lambda *_, **__: bounded)
    result = _detour(monkeypatch, 3)
    assert (result.verdict, result.depth, result.trace) == (Verdict.UNKNOWN, None, None)
    assert result.reason.startswith("ENGINES DISAGREE") and said in result.reason


def test_a_run_that_no_bound_confirms_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    late = BoundedResult(depth=1, violations={0: 2}, stopped="time limit of 1 s reached")
    monkeypatch.setattr("checker.bmc.check_bounded", lambda *_, **__: late)
    result = _detour(monkeypatch, 3)
    assert (result.verdict, result.depth) == (Verdict.VIOLATED, 3)
    assert result.reason == "not confirmed to be the shortest: it was found from its end"


def test_what_clauses_prove_is_not_unrolled(monkeypatch: pytest.MonkeyPatch) -> None:
    def unrolled(*_: Any, **__: Any) -> Any:
        raise AssertionError("unrolled")

    monkeypatch.setattr("checker.bmc.check_bounded", unrolled)
    (result,) = _beyond_100(_counter())
    assert result.verdict is Verdict.PROVED


def test_without_time_nothing_is_proved_and_the_reason_is_said() -> None:
    with pytest.raises(OutOfBudget, match="time limit of 0 s"):
        reach_or_close(_counter(), FALSE, Budget(seconds=0))
    (result,) = decide(_counter(), Options(states=100, seconds=1e-6))
    assert result.verdict is Verdict.UNKNOWN
    assert "time limit" in result.reason


def test_a_time_limit_reached_on_the_way_keeps_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: Any) -> Any:
        raise OutOfBudget("time limit of 7 s reached")

    monkeypatch.setattr("checker.beyond.reach_or_close", late)
    (result,) = _beyond_100(_counter())
    assert (result.verdict, result.depth) == (Verdict.BOUNDED, FALLBACK_DEPTH)
    assert result.reason.endswith("limit of 100 states reached; no proof by clauses: time limit of 7 s reached")


@pytest.mark.parametrize("limit", ["MOST_QUESTIONS", "MOST_FRAMES"])
def test_a_search_without_end_is_given_up(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdr, limit, 5)
    far = Invariant("far", "the counter is not 300", lambda s: s[0] != 300)
    system = _counter(invariants=(far,))
    with pytest.raises(OutOfBudget, match="not decided within 5 "):
        reach_or_close(system, system.relation.properties[0])


def test_clauses_that_are_not_inductive_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    system = _counter(invariants=(Invariant("far", "the counter is not 300", lambda s: s[0] != 300),))
    monkeypatch.setattr("checker.beyond.reach_or_close", lambda *_: Closed((), frozenset(), 1, 0))
    (result,) = _beyond_100(system)
    assert result.verdict is Verdict.BOUNDED
    assert "the clauses found are not inductive: the counter is not 300" in result.reason


def test_a_certificate_that_does_not_check_is_a_disagreement(monkeypatch: pytest.MonkeyPatch) -> None:
    system = _counter(invariants=(Invariant("far", "the counter is not 300", lambda s: s[0] != 300),))
    clause = property_clause(system, "far")
    lie = Proof((clause,), (clause.text,))
    monkeypatch.setattr(Beyond, "decide", lambda *_: lie)
    (result,) = _beyond_100(system)
    assert (result.verdict, result.depth, result.certificate) == (Verdict.UNKNOWN, None, None)
    assert result.reason.startswith("ENGINES DISAGREE: consecution does not hold")


def test_a_run_that_does_not_replay_is_a_disagreement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Beyond, "decide", lambda *_: Run(Origin(0, ()), (0, 0)))
    (result,) = _beyond_100(_counter())
    assert (result.verdict, result.trace) == (Verdict.UNKNOWN, None)
    assert result.reason.startswith("ENGINES DISAGREE: the counterexample does not replay")


def test_an_interrupted_search_keeps_what_was_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Beyond.decide

    def once(beyond: Beyond, number: int) -> Any:
        if number:
            raise KeyboardInterrupt
        return real(beyond, number)

    monkeypatch.setattr(Beyond, "decide", once)
    small = _counter().invariants[0]
    results = _beyond_100(_counter(invariants=(small, replace(small, name="again"))))
    assert [r.verdict for r in results] == [Verdict.PROVED, Verdict.UNKNOWN]
    assert results[1].reason == INTERRUPTED


def test_an_unnamed_value_of_an_enumeration_is_no_state() -> None:
    """From the unnamed value the flag could be raised; that it never occurs is inductive by itself."""
    kinds = Enum("a", "b", "c")
    turn = Operation("turn", lambda s: (True, (s[0], select([s[1] * 0 + 1, s[1] * 0 + 2, s[1] * 0], s[1]))))
    leap = Operation("leap", lambda s: (same(s[1], 3), (True, s[1])))
    down = Invariant("down", "the flag stays down", lambda s: no(s[0]))
    system = TransitionSystem(
        "kinds", (Bool, kinds), (Start("a", lambda _: (False, 0)),), (replace(turn), leap), (down,)
    )
    assert Frames(system, system.relation.properties[0], Budget()).typed
    found = Beyond(system, Budget(), []).decide(0)
    assert not isinstance(found, Run)
    assert "every enumeration has one of its values" in found.shown


def test_facts_that_cannot_tell_states_apart_are_no_ground_for_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checker.frames.vocabulary", lambda system, every=False: ())
    system = _counter(invariants=(Invariant("not 20", "the counter is not 20", lambda s: s[0] != 20),))
    with pytest.raises(OutOfBudget, match="the vocabulary cannot tell"):
        reach_or_close(system, system.relation.properties[0])


def test_what_one_search_learned_serves_the_next() -> None:
    system = builtin_systems.mm("loongarch/huacai", "carry-dirty")
    first = reach_or_close(system, system.relation.properties[0])
    assert isinstance(first, Closed)
    alone, helped = (reach_or_close(system, system.relation.properties[1], None, (), k) for k in ((), first.cubes))
    assert isinstance(alone, Closed)
    assert isinstance(helped, Closed)
    assert helped.questions < alone.questions


def test_clauses_that_a_property_does_not_need_are_left_out_of_its_proof() -> None:
    system = builtin_systems.mm("loongarch/huacai", "carry-dirty")
    found = reach_or_close(system, system.relation.properties[0])
    assert isinstance(found, Closed)
    assert len(proof_of(system, "read-only-vma-holds", found.clauses).clauses) < len(found.clauses)


def test_a_free_input_and_a_dead_end_are_decided() -> None:
    start = Start("any", lambda free: (free[0] & 6, False), (Bits(16),))
    stuck = Operation("stuck", lambda s: (same(s[0], 6), (s[0], True)))
    odd = Invariant("odd", "bit 0 stays down", lambda s: same(s[0] & 1, 0))
    both_ = Invariant("not raised", "never raised from 4", lambda s: implies(s[1], either(same(s[0], 6), s[0] != 4)))
    up = Invariant("never raised", "the flag stays down", lambda s: ite(s[1], s[0] != 6, no(s[1])))
    system = TransitionSystem("free", (Bits(16), Bool), (start,), (stuck,), (odd, both_, up))
    _agrees(system, violation_depths(system, _small_search()))


def _small_search() -> dict[Any, int]:
    states = {(word, False): 0 for word in (0, 2, 4, 6)}
    return {**states, (6, True): 1}
