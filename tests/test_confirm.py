"""That no counterexample is shorter: by the model's own text where that is quick, by the solver elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from checker import decision
from checker.confirm import NotSeen, can_confirm, earlier
from checker.decision import Options, decide
from checker.explicit import Reachable, explore
from checker.limits import Budget, OutOfBudget
from checker.logic import both, ult
from checker.state import Bits
from checker.system import Invariant, Operation, Start, TransitionSystem, View
from checker.verdict import Verdict
from tests import builtin_systems

UP = Operation("up", lambda s: (ult(s[0], 9), (s[0] + 1,)))
NOT_3 = Invariant("not 3", "the counter is never 3", lambda s: s[0] != 3)
NOT_5 = Invariant("not 5", "the counter is never 5", lambda s: s[0] != 5)
SMALL = Invariant("small", "the counter stays below 10", lambda s: ult(s[0], 10))


def counter(*invariants: Invariant, start: int = 0) -> TransitionSystem:
    """Counts from a number to 9."""
    return TransitionSystem("counter", (Bits(4),), (Start("at", lambda _: (start,)),), (UP,), invariants)


def _changed(change: Callable[[Reachable], None]) -> Any:
    def searched(*args: Any, **kwargs: Any) -> Reachable:
        found = explore(*args, **kwargs)
        change(found)
        return found

    return searched


def _asked_for_nothing(*_: Any, **__: Any) -> Any:
    raise AssertionError("the solver was asked")


def test_where_all_is_violated_no_solver_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checker.bmc.check_bounded", _asked_for_nothing)
    results = decide(counter(NOT_3, NOT_5))
    assert [(r.verdict, r.depth) for r in results] == [(Verdict.VIOLATED, 3), (Verdict.VIOLATED, 5)]


def test_where_something_holds_the_solver_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checker.bmc.check_bounded", _asked_for_nothing)
    with pytest.raises(AssertionError, match="the solver was asked"):
        decide(counter(NOT_3, SMALL))


def test_where_many_runs_would_be_needed_the_solver_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checker.confirm.FEW", 2)
    monkeypatch.setattr("checker.bmc.check_bounded", _asked_for_nothing)
    with pytest.raises(AssertionError, match="the solver was asked"):
        decide(counter(NOT_3))


def test_a_system_of_views_is_left_to_the_solver() -> None:
    system = counter(NOT_3)
    found = explore(system)
    assert can_confirm(system, found, 3)
    views = (View(lambda s: True, lambda s: s),)
    assert not can_confirm(replace(system, views=views), found, 3)
    assert not can_confirm(system, object(), 3)  # the arrays' search keeps packed states


def test_a_violation_at_the_start_needs_no_level_before_it() -> None:
    result = decide(counter(NOT_3, start=3))[0]
    assert (result.verdict, result.depth) == (Verdict.VIOLATED, 0)


def test_a_search_that_finds_a_violation_too_late_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(found: Reachable) -> None:
        found.first_violation = {0: 5}

    twice = Invariant("neither", "the counter is neither 3 nor 5", lambda s: both(NOT_3.holds(s), NOT_5.holds(s)))
    monkeypatch.setattr(decision, "search", _changed(late))
    result = decide(counter(twice))[0]
    assert result.verdict is Verdict.UNKNOWN
    assert "ENGINES DISAGREE: explicit search finds one of 5 steps, the model itself one of 3 steps" in result.reason


def test_a_search_that_missed_a_state_on_the_way_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(found: Reachable) -> None:
        found.states[1] = (9,)

    monkeypatch.setattr(decision, "search", _changed(blind))
    result = decide(counter(NOT_3))[0]
    assert result.verdict is Verdict.UNKNOWN
    assert "ENGINES DISAGREE: 1 steps lead to a state that explicit search has not seen" in result.reason


def test_a_state_that_is_known_only_deeper_counts_as_missed() -> None:
    system = counter(NOT_3)
    found = explore(system)
    found.states[1], found.states[2] = found.states[2], found.states[1]
    with pytest.raises(NotSeen, match="1 steps"):
        earlier(system, found, {0: 3}, Budget())


def test_a_limit_is_kept() -> None:
    system = counter(NOT_3)
    with pytest.raises(OutOfBudget):
        earlier(system, explore(system), {0: 3}, Budget(seconds=0.0))


def test_a_violation_that_is_not_confirmed_in_time_is_kept_with_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: Any) -> Any:
        raise OutOfBudget("time limit of 1 s reached")

    monkeypatch.setattr(decision, "earlier", late)
    result = decide(counter(NOT_3))[0]
    assert (result.verdict, result.depth) == (Verdict.VIOLATED, 3)
    assert result.reason == "not confirmed to be the shortest: time limit of 1 s reached"


def test_only_what_is_asked_for_is_decided() -> None:
    results = decide(counter(NOT_3, SMALL, NOT_5), Options(only=frozenset({"not 3"})))
    assert [r.verdict for r in results] == [Verdict.VIOLATED, Verdict.UNKNOWN, Verdict.UNKNOWN]
    assert [r.reason for r in results] == ["", "not asked for", "not asked for"]


@pytest.mark.parametrize("name", ["cow-isolation", "read-only-vma-holds"])
def test_what_is_asked_for_is_decided_as_if_all_were(name: str) -> None:
    for config in ("loongarch/original", "sparc64/original", "loongarch/huacai"):
        system = builtin_systems.mm(config, "carry-dirty")
        whole = {r.invariant: r for r in decide(system)}
        alone = {r.invariant: r for r in decide(system, Options(only=frozenset({name})))}
        for field in ("verdict", "depth", "trace", "certificate", "states", "diameter", "enumerated"):
            assert getattr(alone[name], field) == getattr(whole[name], field)
