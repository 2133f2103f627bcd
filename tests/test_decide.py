"""Verdicts: what may be called proved, violated, bounded, vacuous or unknown, and what happens when something goes wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from checker import decision, pdr
from checker.bmc import BoundedResult, check_bounded
from checker.certificate import check_certificate
from checker.decision import Options, decide
from checker.explicit import Reachable, explore
from checker.fallback import FALLBACK_DEPTH
from checker.induction import Proof, property_clause
from checker.limits import Budget, OutOfBudget
from checker.logic import both, no, same, select, ult
from checker.state import Bits, Bool, Enum
from checker.system import Invariant, Operation, Start, TransitionSystem
from checker.trace import BadTrace, replay
from checker.verdict import EXIT_HOLDS, EXIT_UNDECIDED, EXIT_VIOLATED, Result, Verdict, exit_status
from models.registry import architecture
from models.worlds import pte_system
from tests import builtin_systems

STAY = Operation("stay", lambda s: (True, s))
UP = Operation("up", lambda s: (ult(s[0], 9), (s[0] + 1, s[1])))
SMALL = Invariant("small", "the counter stays below 10", lambda s: ult(s[0], 10))
NOT_3 = Invariant("not 3", "the counter is never 3", lambda s: s[0] != 3)
LIGHT = Invariant("light off", "the light stays off", lambda s: no(s[1]))


def counter(**changes: Any) -> TransitionSystem:
    """Counts from 0 to 9; one property fails at depth 3, two hold."""
    fields: dict[str, Any] = {
        "name": "counter",
        "shape": (Bits(4), Bool),
        "starts": (Start("zero", lambda _: (0, False)),),
        "operations": (UP,),
        "invariants": (NOT_3, SMALL, LIGHT),
    }
    return TransitionSystem(**{**fields, **changes})


def verdicts(results: list[Result]) -> list[Verdict]:
    return [r.verdict for r in results]


def test_each_invariant_gets_its_own_verdict_in_order() -> None:
    results = decide(counter())
    assert [(r.invariant, r.verdict, r.depth) for r in results] == [
        ("not 3", Verdict.VIOLATED, 3), ("small", Verdict.PROVED, None), ("light off", Verdict.PROVED, None)
    ]  # fmt: skip
    assert all((r.trace is not None) == (r.verdict is Verdict.VIOLATED) for r in results)
    assert {(r.states, r.diameter) for r in results} == {(10, 9)}


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        (Options(), {}),
        (Options(clauses=False), {}),
        (Options(depth=4), {}),
        (Options(states=5), {}),
        (Options(memory=1), {}),
        (Options(), {"operations": (), "starts": (Start("three", lambda _: (3, True)),)}),
    ],
    ids=[
        "all states",
        "proof by states",
        "bounded",
        "too many states",
        "too little memory",
        "a system that never moves",
    ],
)
def test_of_what_was_not_asked_for_nothing_is_said(options: Options, changes: Any) -> None:
    """Though the search comes by its violation."""
    first, second, third = decide(counter(**changes), replace(options, only=frozenset({"small"})))
    assert [(r.verdict, r.reason, r.trace) for r in (first, third)] == [(Verdict.UNKNOWN, "not asked for", None)] * 2
    assert (second.verdict, second.reason) == next(
        (r.verdict, r.reason) for r in decide(counter(**changes), options) if r.invariant == "small"
    )


def test_a_violation_in_the_initial_state_has_depth_zero_and_a_trace() -> None:
    result = decide(counter(starts=(Start("three", lambda _: (3, False)),)))[0]
    assert (result.verdict, result.depth) == (Verdict.VIOLATED, 0)
    assert result.trace is not None
    assert len(result.trace.steps) == 1


def test_an_operation_that_can_never_fire_makes_proofs_vacuous() -> None:
    dead = Operation("dead", lambda s: (same(s[0], 12), s))
    results = decide(counter(operations=(UP, dead)))
    assert verdicts(results) == [Verdict.VIOLATED, Verdict.VACUOUS, Verdict.VACUOUS]
    assert results[1].reason == "these operations can never happen: dead"


def test_a_premise_that_never_holds_makes_its_own_proof_vacuous() -> None:
    hollow = replace(SMALL, name="hollow", premise=lambda s: ult(9, s[0]))
    results = decide(counter(invariants=(hollow, SMALL)))
    assert verdicts(results) == [Verdict.VACUOUS, Verdict.PROVED]
    assert results[0].reason == "its premise never holds"


def test_a_premise_does_not_excuse_a_violation() -> None:
    assert verdicts(decide(counter(invariants=(replace(NOT_3, premise=lambda s: s[1]),)))) == [Verdict.VIOLATED]


def test_a_system_without_initial_states_is_vacuous() -> None:
    results = decide(counter(starts=()))
    assert verdicts(results) == [Verdict.VACUOUS] * 3
    assert {r.reason for r in results} == {"there is no initial state"}
    assert exit_status(results) == EXIT_UNDECIDED


@pytest.mark.parametrize(
    ("changes", "options", "expected"),
    [
        ({"starts": ()}, Options(depth=2), Verdict.VACUOUS),
        ({"operations": (), "invariants": (LIGHT,)}, Options(), Verdict.PROVED),
        ({"operations": (), "invariants": (LIGHT,)}, Options(depth=2), Verdict.BOUNDED),
    ],
)
def test_a_system_without_starts_or_operations_is_decided(changes: Any, options: Options, expected: Verdict) -> None:
    assert set(verdicts(decide(counter(**changes), options))) == {expected}


def test_no_invariants_no_results() -> None:
    assert decide(counter(invariants=())) == []


@pytest.mark.parametrize("options", [Options(seconds=0), Options(seconds=0, depth=3), Options(seconds=1e-9)])
def test_without_time_nothing_is_decided(options: Options) -> None:
    for system in (counter(), builtin_systems.mm("loongarch/huacai", "reorder")):
        results = decide(system, options)
        assert verdicts(results) == [Verdict.UNKNOWN] * 3
        assert all("time limit" in r.reason for r in results)
        assert all(r.trace is None and r.certificate is None and r.depth is None for r in results)


def _long(size: int) -> TransitionSystem:
    """A counter too long to enumerate under a small limit; fails at depth 5 and at the very end."""
    return TransitionSystem(
        "long", (Bits(16),), (Start("zero", lambda _: (0,)),), (Operation("up", lambda s: (ult(s[0], size), (s[0] + 1,))),),
        (Invariant("not 5", "", lambda s: s[0] != 5), Invariant("not last", "", lambda s: s[0] != size),
         Invariant("below", "", lambda s: ult(s[0], size + 1))),
    )  # fmt: skip


def test_too_many_states_give_a_bound_or_a_proof_by_clauses_and_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdr, "MOST_FRAMES", 20)
    results = decide(_long(5000), Options(states=2000))
    assert [(r.verdict, r.depth) for r in results] == [
        (Verdict.VIOLATED, 5), (Verdict.BOUNDED, FALLBACK_DEPTH), (Verdict.PROVED, None)
    ]  # fmt: skip
    assert all("limit of 2000 states" in r.reason for r in results[1:])
    assert [(r.states, r.diameter) for r in results] == [(None, None)] * 3


def test_a_depth_asked_for_gives_a_bound_and_not_a_proof() -> None:
    results = decide(counter(), Options(depth=2))
    assert [(r.verdict, r.depth) for r in results] == [(Verdict.BOUNDED, 2)] * 3
    results = decide(counter(), Options(depth=4))
    assert [(r.verdict, r.depth) for r in results] == [
        (Verdict.VIOLATED, 3),
        (Verdict.BOUNDED, 4),
        (Verdict.BOUNDED, 4),
    ]


def test_a_depth_beyond_the_deepest_state_is_not_unrolled_and_the_verdict_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unrolled = []

    def record(system: TransitionSystem, depth: int, *args: Any) -> BoundedResult:
        unrolled.append(depth)
        return check_bounded(system, depth, *args)

    monkeypatch.setattr("checker.bmc.check_bounded", record)
    results = decide(counter(), Options(depth=50))
    assert unrolled == [9]
    assert [(r.verdict, r.depth) for r in results] == [
        (Verdict.VIOLATED, 3),
        (Verdict.BOUNDED, 50),
        (Verdict.BOUNDED, 50),
    ]
    assert {r.reason for r in results[1:]} == {"unrolled to 9 steps: explicit search finds no state that is deeper"}


def test_a_depth_is_unrolled_where_the_deepest_state_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision, "SMALL", 5)
    results = decide(counter(), Options(depth=12))
    assert [(r.verdict, r.depth, r.reason) for r in results[1:]] == [(Verdict.BOUNDED, 12, "")] * 2


def test_a_bound_that_was_not_reached_is_not_stretched(monkeypatch: pytest.MonkeyPatch) -> None:
    late = BoundedResult(depth=2, stopped="time limit of 1 s reached")
    monkeypatch.setattr("checker.bmc.check_bounded", lambda *_, **__: late)
    results = decide(counter(), Options(depth=50))
    assert [(r.verdict, r.depth, r.reason) for r in results[1:]] == [
        (Verdict.BOUNDED, 2, "time limit of 1 s reached")
    ] * 2


def test_depth_zero_looks_at_the_initial_states_only() -> None:
    system = counter(starts=(Start("three", lambda _: (3, False)),))
    assert [(r.verdict, r.depth) for r in decide(system, Options(depth=0))] == [
        (Verdict.VIOLATED, 0), (Verdict.BOUNDED, 0), (Verdict.BOUNDED, 0)
    ]  # fmt: skip


def test_a_bound_on_a_hollow_property_is_vacuous() -> None:
    hollow = replace(SMALL, name="hollow", premise=lambda s: ult(9, s[0]))
    assert verdicts(decide(counter(invariants=(hollow,)), Options(depth=3))) == [Verdict.VACUOUS]


def test_a_bounded_violation_replays_and_is_the_explicit_engines() -> None:
    system = builtin_systems.mm("loongarch/original", "carry-dirty")
    bounded, unbounded = decide(system, Options(depth=3)), decide(system)
    for one, other in zip(bounded, unbounded, strict=True):
        assert one.trace is not None
        assert one.trace == other.trace
        replay(system, one.trace)


def _raising(why: BaseException) -> Any:
    def fail(*_: Any, **__: Any) -> Any:
        raise why

    return fail


def test_an_interrupted_proof_keeps_the_violations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checker.induction.prove", _raising(KeyboardInterrupt()))
    results = decide(counter())
    assert verdicts(results) == [Verdict.VIOLATED, Verdict.UNKNOWN, Verdict.UNKNOWN]
    assert [r.reason for r in results[1:]] == ["interrupted"] * 2
    assert results[0].trace is not None
    assert exit_status(results) == EXIT_VIOLATED


def test_a_proof_that_is_given_up_keeps_the_violations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checker.induction.prove", _raising(OutOfBudget("the solver gave up: too hard")))
    results = decide(counter())
    assert verdicts(results) == [Verdict.VIOLATED, Verdict.UNKNOWN, Verdict.UNKNOWN]
    assert results[1].reason == "the solver gave up: too hard"


def test_an_interrupted_proof_keeps_the_proofs_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real, seen = check_certificate, []

    def second_time(*args: Any, **kwargs: Any) -> Any:
        seen.append(1)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    monkeypatch.setattr("checker.certificate.hold_together", lambda *_: False)  # so that each is asked alone
    monkeypatch.setattr("checker.certificate.check_certificate", second_time)
    assert verdicts(decide(counter())) == [Verdict.VIOLATED, Verdict.PROVED, Verdict.UNKNOWN]


@pytest.mark.parametrize("why", [KeyboardInterrupt(), OutOfBudget("time limit of 1 s reached")])
def test_certificates_that_were_not_answered_prove_nothing(why: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checker.certificate.hold_together", _raising(why))
    results = decide(counter())
    assert verdicts(results) == [Verdict.VIOLATED, Verdict.UNKNOWN, Verdict.UNKNOWN]
    assert not any(r.certificate for r in results)
    assert {r.reason for r in results[1:]} == {str(why) or "interrupted"}


@pytest.mark.parametrize("engine", ["checker.decision.search", "checker.bmc.check_bounded"])
def test_an_interrupted_engine_decides_nothing(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, _raising(KeyboardInterrupt()))
    results = decide(counter())
    assert verdicts(results) == [Verdict.UNKNOWN] * 3
    assert {r.reason for r in results} == {"interrupted"}


def test_a_bounded_check_interrupted_while_confirming_keeps_its_violations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision, "search", _raising(KeyboardInterrupt()))
    assert decide(counter(), Options(depth=4))[0].verdict is Verdict.VIOLATED


def _lying_bounded(**lies: Any) -> Any:
    def lie(*args: Any, **kwargs: Any) -> BoundedResult:
        result = check_bounded(*args, **kwargs)
        for name, value in lies.items():
            setattr(result, name, value)
        return result

    return lie


@pytest.mark.parametrize(
    ("violations", "message"),
    [
        ({}, "explicit search finds one of 3 steps, bounded checking no counterexample"),
        ({0: 2}, "explicit search finds one of 3 steps, bounded checking one of 2 steps"),
        ({0: 3, 1: 1}, "explicit search finds no counterexample, bounded checking one of 1 steps"),
    ],
)
def test_engines_that_disagree_decide_nothing(violations: Any, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checker.bmc.check_bounded", _lying_bounded(violations=violations))
    results = decide(counter())
    loud = [r for r in results if r.reason.startswith("ENGINES DISAGREE")]
    assert len(loud) == 1
    assert message in loud[0].reason
    assert loud[0].verdict is Verdict.UNKNOWN
    assert loud[0].trace is None


@pytest.mark.parametrize("violations", [{}, {0: 2}, {0: 3, 1: 1}])
def test_engines_that_disagree_within_a_bound_decide_nothing(violations: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checker.bmc.check_bounded", _lying_bounded(violations=violations))
    loud = [r for r in decide(counter(), Options(depth=4)) if r.reason.startswith("ENGINES DISAGREE")]
    assert [r.verdict for r in loud] == [Verdict.UNKNOWN]


def test_an_explicit_search_that_misses_a_violation_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing violated means that the symbolic engine is not asked; the certificate must not check."""

    def blind(*args: Any, **kwargs: Any) -> Any:
        found = explore(*args, **kwargs)
        found.first_violation.clear()
        return found

    monkeypatch.setattr(decision, "search", blind)
    result = decide(counter())[0]
    assert result.verdict is Verdict.UNKNOWN
    assert result.certificate is None


def test_a_search_that_sees_too_few_states_does_not_prove(monkeypatch: pytest.MonkeyPatch) -> None:
    def short(*args: Any, **kwargs: Any) -> Any:
        found = explore(*args, **kwargs)
        del found.states[2:]
        found.first_violation.clear()
        return found

    monkeypatch.setattr(decision, "search", short)
    assert decide(counter())[0].verdict is Verdict.UNKNOWN


def test_a_counterexample_that_does_not_replay_is_a_disagreement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checker.outcomes.make_trace", _raising(BadTrace("step 1: up is not enabled")))
    for options in (Options(), Options(depth=4)):
        result = decide(counter(), options)[0]
        assert result.verdict is Verdict.UNKNOWN
        assert result.reason.startswith("ENGINES DISAGREE: the counterexample does not replay: step 1")


def test_a_counterexample_that_cannot_be_confirmed_in_time_is_kept_with_a_doubt_about_its_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "checker.bmc.check_bounded", lambda *_, **__: BoundedResult(depth=1, stopped="time limit of 1 s reached")
    )
    results = decide(counter())
    assert (results[0].verdict, results[0].depth) == (Verdict.VIOLATED, 3)
    assert results[0].trace is not None
    assert results[0].reason == "not confirmed to be the shortest: time limit of 1 s reached"
    assert verdicts(results)[1:] == [Verdict.PROVED, Verdict.PROVED]


def test_a_false_proof_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The property alone is not inductive in this system; a prover that says so is not believed."""
    system = builtin_systems.pte("loongarch/huacai")

    def lie(system: TransitionSystem, reach: Any, properties: list[int], *_: Any) -> dict[int, Proof]:
        clauses = {k: property_clause(system, system.invariants[k].name) for k in properties}
        return {k: Proof((clause,), (clause.text,)) for k, clause in clauses.items()}

    monkeypatch.setattr("checker.induction.prove", lie)
    result, *others = decide(system)
    assert result.verdict is Verdict.UNKNOWN
    assert result.certificate is None
    assert "ENGINES DISAGREE: consecution does not hold" in result.reason
    # All are asked at once; what is true of the others is not lost by it.
    assert {r.verdict for r in others} >= {Verdict.PROVED, Verdict.VIOLATED}


def test_a_violation_that_could_not_be_settled_is_not_called_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    late = BoundedResult(depth=2, violations={0: 3}, stopped="time limit of 1 s reached")
    monkeypatch.setattr("checker.bmc.check_bounded", lambda *_, **__: late)
    results = decide(_long(5000), Options(depth=9, states=2000))
    assert results[0].verdict is Verdict.UNKNOWN
    assert exit_status(results) != EXIT_HOLDS


@pytest.mark.parametrize(("violations", "said"), [({}, "none"), ({0: 2}, "one of 2")])
def test_engines_that_disagree_where_states_are_too_many_decide_nothing(
    violations: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checker.bmc.check_bounded", lambda *_, **__: BoundedResult(depth=12, violations=violations))
    result = decide(_long(5000), Options(states=2000))[0]
    assert (result.verdict, result.trace) == (Verdict.UNKNOWN, None)
    assert f"a counterexample of 5 steps replays, bounded checking finds {said};" in result.reason


def test_a_violation_is_not_called_shortest_where_bounded_checking_did_not_get_so_far(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    late = BoundedResult(depth=3, stopped="time limit of 1 s reached")
    monkeypatch.setattr("checker.bmc.check_bounded", lambda *_, **__: late)
    result = decide(_long(5000), Options(states=2000))[0]
    assert (result.verdict, result.depth) == (Verdict.VIOLATED, 5)
    assert result.reason == "not confirmed to be the shortest: time limit of 1 s reached"


def test_arithmetic_wraps_in_the_replay_as_it_does_in_the_engines() -> None:
    system = counter(
        operations=(Operation("up", lambda s: (True, (s[0] + 1, s[1]))),),
        invariants=(Invariant("next", "the next value is not 0", lambda s: s[0] + 1 != 0),),
    )
    result = decide(system)[0]
    assert (result.verdict, result.depth) == (Verdict.VIOLATED, 15)


def test_a_free_enumeration_takes_its_named_values_only() -> None:
    kinds = Enum("a", "b", "c")
    system = TransitionSystem(
        "kinds", (kinds,), (Start("any", lambda free: free, (kinds,)),), (STAY,),
        (Invariant("named", "the kind has a name", lambda s: ult(s[0], 3)),),
    )  # fmt: skip
    assert verdicts(decide(system)) == [Verdict.PROVED]


def test_a_model_may_index_by_a_free_enumeration() -> None:
    kinds = Enum("a", "b", "c")
    chosen = Start("any", lambda free: (select([free[1], no(free[1]), free[1]], free[0]),), (kinds, Bool))
    off = Invariant("off", "off", lambda s: no(s[0]))
    result = decide(TransitionSystem("kinds", (Bool,), (chosen,), (STAY,), (off,)))[0]
    assert (result.verdict, result.depth) == (Verdict.VIOLATED, 0)
    assert result.trace is not None
    assert result.trace.inputs == (0, 1)


def test_an_enumeration_that_leaves_its_names_is_no_riddle() -> None:
    system = TransitionSystem(
        "kinds", (Bool, Enum("a", "b", "c")), (Start("zero", lambda _: (False, 0)),),
        (Operation("next", lambda s: (True, (s[0], s[1] + 1))),), (Invariant("off", "off", lambda s: no(s[0])),),
    )  # fmt: skip
    result = decide(system)[0]
    assert result.verdict is Verdict.PROVED or "[1]" in result.reason


def _result(verdict: Verdict, cost: bool = False) -> Result:
    return Result("i", verdict, cost=cost)


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([], EXIT_HOLDS),
        ([_result(Verdict.PROVED), _result(Verdict.BOUNDED)], EXIT_UNDECIDED),
        ([_result(Verdict.PROVED), _result(Verdict.VIOLATED)], EXIT_VIOLATED),
        ([_result(Verdict.UNKNOWN), _result(Verdict.VIOLATED)], EXIT_VIOLATED),
        ([_result(Verdict.PROVED), _result(Verdict.UNKNOWN)], EXIT_UNDECIDED),
        ([_result(Verdict.PROVED), _result(Verdict.VACUOUS)], EXIT_UNDECIDED),
        ([_result(Verdict.PROVED), _result(Verdict.VIOLATED, cost=True)], EXIT_HOLDS),
        ([_result(Verdict.UNKNOWN, cost=True)], EXIT_UNDECIDED),
    ],
)
def test_exit_status(results: list[Result], status: int) -> None:
    assert exit_status(results) == status


def test_a_bound_that_was_asked_for_is_an_answer() -> None:
    assert exit_status([_result(Verdict.PROVED), _result(Verdict.BOUNDED)], bounded=True) == EXIT_HOLDS


def test_in_a_comparison_a_missing_decision_weighs_more_than_a_violation() -> None:
    assert exit_status([_result(Verdict.UNKNOWN), _result(Verdict.VIOLATED)], comparison=True) == EXIT_UNDECIDED
    assert exit_status([_result(Verdict.PROVED), _result(Verdict.VIOLATED)], comparison=True) == EXIT_VIOLATED


def test_a_cost_is_marked_as_one() -> None:
    dear = replace(NOT_3, cost=True)
    result = decide(counter(invariants=(dear,)))[0]
    assert result.cost
    assert result.verdict is Verdict.VIOLATED
    assert exit_status([result]) == EXIT_HOLDS


def test_the_budget_tells_what_is_left() -> None:
    assert Budget().left() is None
    assert Budget(seconds=0).left() == 0
    assert 0 < (Budget(seconds=1000).left() or 0) <= 1000
    Budget(seconds=1000, states=5).check(states=5)
    with pytest.raises(OutOfBudget, match="limit of 5 states"):
        Budget(states=5).check(states=6)
    with pytest.raises(OutOfBudget, match="time limit of 0 s"):
        Budget(seconds=0).check()


def test_decisions_do_not_depend_on_what_was_decided_before() -> None:
    system = builtin_systems.pte("loongarch/linux-6.1")
    first = decide(system)
    decide(builtin_systems.pte("x86-64/linux-6.12"))
    second = decide(pte_system(architecture("loongarch/linux-6.1")))
    assert [replace(r, seconds=0) for r in first] == [replace(r, seconds=0) for r in second]
    assert not any(both(r.verdict is Verdict.UNKNOWN, True) for r in first)


def test_a_violation_seen_before_a_limit_is_never_called_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search breaks off after it saw the violation, and the other engine gets nowhere near it."""
    real = decision.search

    def cut_short(system: TransitionSystem, budget: Budget) -> Reachable:
        found = real(system, budget)
        found.stopped = "limit of 9 states reached"
        return found

    monkeypatch.setattr(decision, "search", cut_short)
    monkeypatch.setattr(
        "checker.bmc.check_bounded", lambda *_, **__: BoundedResult(depth=1, stopped="time limit of 1 s reached")
    )
    result = decide(counter())[0]
    assert (result.verdict, result.depth) == (Verdict.VIOLATED, 3)
    assert "not confirmed to be the shortest" in result.reason
