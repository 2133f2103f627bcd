"""Two engines, a brute-force search and the verdict must tell one story, on random systems and on every built-in one."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given, settings

from checker.bitstep import bit_steps
from checker.bmc import Counterexample, check_bounded
from checker.confirm import earlier
from checker.decision import Options, decide
from checker.explicit import explore
from checker.limits import Budget
from checker.logic import same
from checker.state import Bits
from checker.system import Invariant, Operation, Start, TransitionSystem
from checker.trace import make_trace, replay
from checker.verdict import Verdict
from tests import builtin_systems
from tests.builtin_systems import CONFIGS, VIOLATED_MM
from tests.random_systems import BITWISE, search, systems, violation_depths


def _explicit(system: TransitionSystem) -> tuple[dict[int, int], dict[int, Counterexample]]:
    found = explore(system)
    depths = {k: found.depth(state) for k, state in found.first_violation.items()}
    assert earlier(system, found, depths, Budget()) == depths  # by the model's own text, on integers
    return depths, {k: Counterexample(*found.path(state)) for k, state in found.first_violation.items()}


def _symbolic(system: TransitionSystem, depth: int) -> tuple[dict[int, int], dict[int, Counterexample]]:
    result = check_bounded(system, depth)
    assert not result.stopped
    return result.violations, result.counterexamples


def _agree(system: TransitionSystem, margin: int) -> dict[int, int]:
    depths, examples = _explicit(system)
    deepest = max(depths.values(), default=0)
    assert _symbolic(system, deepest + margin) == (depths, examples)
    for number, example in examples.items():
        names = [system.operations[k].name for k in example.operations]
        start = system.starts[example.origin.start].name
        replay(system, make_trace(system, system.invariants[number].name, start, example.origin.inputs, names))
    return depths


@settings(max_examples=120)
@given(systems())
def test_random_systems_have_one_shortest_counterexample(system: TransitionSystem) -> None:
    truth = violation_depths(system, search(system))
    assert _agree(system, margin=2) == truth


def _in_words(system: TransitionSystem, depth: int) -> tuple[dict[int, int], dict[int, Counterexample]]:
    with patch("checker.bmc.bit_steps", lambda relation: None):
        return _symbolic(system, depth)


@settings(max_examples=80)
@given(systems(BITWISE))
@pytest.mark.slow
def test_bit_by_bit_the_same_is_found_as_in_words(system: TransitionSystem) -> None:
    """Without arithmetic every system is split into bits."""
    assert bit_steps(system.relation) is not None
    truth = violation_depths(system, search(system))
    assert _agree(system, margin=2) == truth
    deepest = max(truth.values(), default=0) + 2
    assert _in_words(system, deepest) == _symbolic(system, deepest)


@pytest.mark.parametrize(("config", "split"), [("loongarch/original", "carry-dirty"), ("loongarch/huacai", "reorder")])
def test_the_mm_world_is_looked_at_bit_by_bit_with_the_same_outcome(config: str, split: str) -> None:
    system = builtin_systems.mm(config, split)
    assert bit_steps(system.relation) is not None
    assert _in_words(system, 4) == _symbolic(system, 4)


def test_arithmetic_is_not_split() -> None:
    up = Operation("up", lambda s: (True, (s[0] + 1,)))
    odd = Invariant("even", "", lambda s: same(s[0] & 1, 0))
    system = TransitionSystem("adder", (Bits(4),), (Start("zero", lambda _: (0,)),), (up,), (odd,))
    assert bit_steps(system.relation) is None
    assert _symbolic(system, 3)[0] == {0: 1}


@settings(max_examples=120)
@given(systems())
def test_verdicts_on_random_systems_are_the_truth(system: TransitionSystem) -> None:
    truth = violation_depths(system, search(system))
    for number, result in enumerate(decide(system)):
        if number in truth:
            assert (result.verdict, result.depth) == (Verdict.VIOLATED, truth[number])
            assert result.trace is not None
            replay(system, result.trace)
        else:
            assert result.verdict in (Verdict.PROVED, Verdict.VACUOUS), result.reason
            assert (result.certificate is not None) == (result.verdict is Verdict.PROVED)


@settings(max_examples=80)
@given(systems())
def test_bounded_verdicts_on_random_systems_are_the_truth(system: TransitionSystem) -> None:
    truth = violation_depths(system, search(system))
    for number, result in enumerate(decide(system, Options(depth=2))):
        if truth.get(number, 3) <= 2:
            assert (result.verdict, result.depth) == (Verdict.VIOLATED, truth[number])
        else:
            assert result.verdict in (Verdict.BOUNDED, Verdict.VACUOUS), result.reason


@pytest.mark.parametrize("config", CONFIGS)
def test_engines_agree_in_the_pte_world(config: str) -> None:
    _agree(builtin_systems.pte(config), margin=1)


@pytest.mark.parametrize(("config", "split"), VIOLATED_MM)
def test_engines_agree_where_the_mm_world_is_violated(config: str, split: str) -> None:
    assert set(_agree(builtin_systems.mm(config, split), margin=0)) == {0, 1, 2}


@pytest.mark.parametrize(("config", "split"), [("loongarch/huacai", "carry-dirty"), ("sparc64/original", "reorder")])
def test_bounded_checking_finds_nothing_where_the_mm_world_holds(config: str, split: str) -> None:
    assert _agree(builtin_systems.mm(config, split), margin=4) == {}


@pytest.mark.slow
@pytest.mark.parametrize("config", CONFIGS)
def test_bounded_checking_finds_nothing_new_to_the_diameter(config: str) -> None:
    system = builtin_systems.pte(config)
    assert _agree(system, margin=0) == check_bounded(system, explore(system).diameter, settle=False).violations
