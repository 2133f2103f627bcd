"""Bounded checking: shortest depths, bounds that are honest, and the one counterexample that is shown."""

from __future__ import annotations

from typing import Any

import pytest

from checker.bmc import check_bounded
from checker.explicit import Origin
from checker.limits import Budget
from checker.logic import both, either, no, same, ult
from checker.state import Bits, Bool
from checker.system import Invariant, Operation, Start, TransitionSystem
from tests import builtin_systems


def _counter(**changes: Any) -> TransitionSystem:
    """Counts to 9 by ones; two invariants fail at 3 and at 5, one holds."""
    fields: dict[str, Any] = {
        "name": "counter",
        "shape": (Bits(4), Bool),
        "starts": (Start("zero", lambda _: (0, False)),),
        "operations": (
            Operation("up", lambda s: (ult(s[0], 9), (s[0] + 1, s[1]))),
            Operation("raise", lambda s: (same(s[0], 2), (s[0], True))),
        ),
        "invariants": (
            Invariant("not 3", "", lambda s: s[0] != 3),
            Invariant("not 5", "", lambda s: s[0] != 5),
            Invariant("small", "", lambda s: ult(s[0], 10)),
        ),
    }
    return TransitionSystem(**{**fields, **changes})


def test_each_property_gets_its_own_shortest_depth() -> None:
    result = check_bounded(_counter(), 8)
    assert result.violations == {0: 3, 1: 5}
    assert result.depth == 8
    assert not result.stopped


@pytest.mark.parametrize(("depth", "violations"), [(0, {}), (2, {}), (3, {0: 3}), (4, {0: 3}), (5, {0: 3, 1: 5})])
def test_nothing_is_found_beyond_the_bound(depth: int, violations: dict[int, int]) -> None:
    result = check_bounded(_counter(), depth)
    assert result.violations == violations
    assert result.depth == depth


def test_only_the_properties_asked_for_are_checked() -> None:
    result = check_bounded(_counter(), 8, properties=[1])
    assert result.violations == {1: 5}
    assert list(result.counterexamples) == [1]


def test_a_search_ends_once_everything_is_violated() -> None:
    assert check_bounded(_counter(), 100, properties=[0, 1]).depth == 5


def test_unsettled_results_carry_no_counterexample() -> None:
    result = check_bounded(_counter(), 8, settle=False)
    assert result.violations == {0: 3, 1: 5}
    assert result.counterexamples == {}


def test_a_counterexample_is_its_origin_and_operation_numbers() -> None:
    found = check_bounded(_counter(), 3).counterexamples[0]
    assert found.origin == Origin(0, ())
    assert found.operations == (0, 0, 0)


def test_a_violation_at_the_start_has_depth_zero() -> None:
    result = check_bounded(_counter(starts=(Start("three", lambda _: (3, True)),)), 4)
    assert result.violations[0] == 0
    assert result.counterexamples[0].operations == ()


def test_a_dead_end_is_noticed() -> None:
    stuck = _counter(operations=(Operation("up", lambda s: (ult(s[0], 2), (s[0] + 1, s[1]))),))
    result = check_bounded(stuck, 10)
    assert result.dead_end
    assert result.violations == {}


def test_a_system_that_always_moves_has_no_dead_end() -> None:
    assert not check_bounded(builtin_systems.pte("loongarch/huacai"), 3).dead_end


def test_the_time_limit_is_a_reason_and_not_a_bound() -> None:
    result = check_bounded(_counter(), 8, budget=Budget(seconds=0))
    assert result.depth == -1
    assert result.violations == {}
    assert "time limit of 0 s" in result.stopped


def _choice(starts: tuple[Start, ...], operations: tuple[Operation, ...]) -> TransitionSystem:
    low = Invariant("top down", "the top bit is never set", lambda s: same(s[0] & 8, 0))
    return TransitionSystem("choice", (Bits(4), Bool), starts, operations, (low,))


STAY = Operation("stay", lambda s: (True, s))


def test_fewest_bits_at_the_start_win_over_the_order_of_starts() -> None:
    starts = (Start("many", lambda _: (15, True)), Start("few", lambda _: (8, False)))
    assert check_bounded(_choice(starts, (STAY,)), 2).counterexamples[0].origin == Origin(1, ())


def test_the_first_of_equally_small_starts_wins() -> None:
    starts = (Start("first", lambda _: (9, False)), Start("second", lambda _: (8, True)))
    assert check_bounded(_choice(starts, (STAY,)), 2).counterexamples[0].origin == Origin(0, ())


def test_inputs_are_as_small_as_they_can_be() -> None:
    start = Start("any", lambda free: (free[0] | 8, free[1]), (Bits(4), Bool))
    assert check_bounded(_choice((start,), (STAY,)), 2).counterexamples[0].origin == Origin(0, (0, 0))


def test_inputs_are_compared_in_their_order() -> None:
    start = Start("either", lambda free: ((free[0] | free[1]) & 8, False), (Bits(4), Bits(4)))
    assert check_bounded(_choice((start,), (STAY,)), 2).counterexamples[0].origin == Origin(0, (0, 8))


def test_the_first_operations_in_order_of_declaration_win() -> None:
    operations = (
        Operation("late", lambda s: (no(s[1]), (s[0], True))),
        Operation("set", lambda s: (s[1], (s[0] | 8, s[1]))),
        Operation("mark", lambda s: (True, (s[0], True))),
        Operation("also set", lambda s: (s[1], (s[0] | 8, s[1]))),
    )
    result = check_bounded(_choice((Start("zero", lambda _: (0, False)),), operations), 5)
    assert result.violations == {0: 2}
    assert result.counterexamples[0].operations == (0, 1)


def test_a_premise_does_not_change_what_is_a_violation() -> None:
    never = Invariant("not 3", "", lambda s: s[0] != 3, premise=lambda s: both(s[1], no(s[1])))
    assert check_bounded(_counter(invariants=(never,)), 5).violations == {0: 3}


def test_the_same_question_twice_gives_the_same_answer() -> None:
    system = builtin_systems.mm("loongarch/original", "carry-dirty")
    first, second = (check_bounded(system, 4) for _ in range(2))
    assert first.counterexamples == second.counterexamples
    assert first.violations == second.violations == {0: 2, 1: 3, 2: 2}


def test_two_starts_can_be_needed_for_two_properties() -> None:
    starts = (Start("low", lambda _: (0, False)), Start("high", lambda _: (12, False)))
    system = _counter(
        starts=starts,
        invariants=(
            Invariant("not 1", "", lambda s: s[0] != 1),
            Invariant("not 12", "", lambda s: either(s[1], s[0] != 12)),
        ),
    )
    result = check_bounded(system, 3)
    assert result.violations == {0: 1, 1: 0}
    assert result.counterexamples[1].origin == Origin(1, ())


@pytest.mark.parametrize("missing", ["starts", "operations"])
def test_a_system_with_nothing_to_pick_from_is_bounded_or_empty(missing: str) -> None:
    result = check_bounded(_counter(**{missing: ()}), 2)
    assert result.violations == {}
    assert result.dead_end
