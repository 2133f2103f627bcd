"""One search, whichever engine runs it; depths after a limit; and proofs by enumeration re-checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from checker import search as searching
from checker.arrays import PackedStates, WideReachable, explore_arrays
from checker.explicit import Reachable, explore
from checker.limits import Budget, OutOfBudget
from checker.recheck import not_closed
from checker.search import search
from checker.state import Bits
from checker.system import Invariant, Operation, Start, TransitionSystem
from models.registry import architecture
from models.worlds import mm_system

Engine = Callable[[TransitionSystem, Budget], Any]


def world(config: str, *features: str) -> TransitionSystem:
    """The reduced search space of an mm world."""
    return mm_system(architecture(config), features=frozenset(("core", *features))).reduced


def tree(depth: int) -> TransitionSystem:
    """A word that grows by a bit at the low end: level ``d`` has 2^d states."""
    width = depth + 1

    def grow(bit: int) -> Callable[[Any], tuple[Any, Any]]:
        return lambda s: ((s & (1 << depth)) == 0, (s << 1) | bit)

    return TransitionSystem(
        "tree",
        Bits(width),
        (Start("root", lambda _: 1),),
        (Operation("append 0", grow(0)), Operation("append 1", grow(1))),
        (Invariant("not all ones", "not all ones", lambda s: s != (1 << width) - 1),),
    )


def counting(limit: int) -> TransitionSystem:
    """A counter: arithmetic, which the arrays refuse."""
    return TransitionSystem(
        "counter",
        Bits(16),
        (Start("zero", lambda _: 0),),
        (Operation("up", lambda s: (s != limit, s + 1)), Operation("jump", lambda s: (s == 5, s + 7))),
        (Invariant("below", "below", lambda s: s != limit - 1),),
    )


def told(found: Reachable | WideReachable) -> tuple[Any, ...]:
    """Everything a search says."""
    states = list(found.states)
    paths = [found.path(k) for k in range(len(states))]
    depths = [found.depth(k) for k in range(len(states))]
    return (
        states, paths, depths, found.levels, found.first_violation, found.fired, found.premises, found.transitions,
        found.stopped, found.complete, found.diameter,
    )  # fmt: skip


SYSTEMS = {
    "loongarch": lambda: world("loongarch/original", "touch"),
    "sparc64": lambda: world("sparc64/original"),
    "x86-64": lambda: world("x86-64/linux-6.12", "swap"),
    "tree": lambda: tree(9),
    "counter": lambda: counting(900),
}


@pytest.mark.parametrize("small", [1, 100, 8_000])
@pytest.mark.parametrize("name", SYSTEMS)
def test_a_search_says_the_same_whichever_engine_runs_it(
    name: str, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = SYSTEMS[name]()
    plain = explore(system)
    assert plain.complete
    assert len(plain.states) > 400
    monkeypatch.setattr(searching, "SMALL", small)
    assert told(search(system)) == told(plain)


def test_which_engine_runs_depends_on_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(search(tree(9)), Reachable)
    monkeypatch.setattr(searching, "SMALL", 100)
    assert isinstance(search(tree(9)), WideReachable)
    assert isinstance(search(counting(900)), Reachable)
    assert isinstance(search(tree(9), Budget(states=50)), Reachable)


def test_a_large_search_says_the_same() -> None:
    system = world("loongarch/original", "swap", "migration")
    found = search(system)
    assert isinstance(found, WideReachable)
    assert len(found.states) > searching.SMALL
    assert told(found) == told(explore(system))


@pytest.mark.parametrize("states", [0, 5, 90, 700])
@pytest.mark.parametrize("small", [10, 8_000])
def test_a_limit_on_states_is_kept_and_told(states: int, small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "SMALL", small)
    found = search(tree(16), Budget(states=states))
    assert found.stopped == f"limit of {states} states reached"
    assert not found.complete


def test_no_time_is_a_reason_not_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    for small in (10, 8_000):
        monkeypatch.setattr(searching, "SMALL", small)
        assert search(tree(9), Budget(seconds=0)).stopped == "time limit of 0 s reached"


@pytest.mark.parametrize("engine", [explore, explore_arrays])
@pytest.mark.parametrize("states", [1, 2, 3, 100, 1_500, 2_047, 2_048, 5_000, 20_000])
def test_depths_are_right_wherever_the_search_stops(engine: Engine, states: int) -> None:
    """Level d of the tree has the 2^d words of d + 1 bits, so that a state's depth can be read off."""
    found = engine(tree(15), Budget(states=states))
    assert not found.complete
    assert len(found.states) > states
    depths = [found.depth(k) for k in range(len(found.states))]
    assert depths == [state[0].bit_length() - 1 for state in found.states]
    assert found.diameter == max(depths)


@pytest.mark.parametrize("engine", [explore, explore_arrays])
@pytest.mark.parametrize("states", [300, 1_100, 2_300])
def test_depths_in_a_kernel_are_right_wherever_the_search_stops(engine: Engine, states: int) -> None:
    system = world("loongarch/original", "swap")
    whole = explore(system)
    depth = {state: whole.depth(k) for k, state in enumerate(whole.states)}
    found = engine(system, Budget(states=states))
    assert not found.complete
    assert all(found.depth(k) == depth[state] for k, state in enumerate(found.states))
    assert [found.path(k) for k in range(len(found.states))] == [whole.path(k) for k in range(len(found.states))]


@pytest.mark.parametrize("engine", [explore, explore_arrays])
def test_a_violation_beyond_the_last_whole_level_has_its_own_depth(engine: Engine) -> None:
    system = replace(tree(15), invariants=(Invariant("short", "short", lambda s: s & (1 << 10) == 0),))
    whole = explore(system)
    assert whole.depth(whole.first_violation[0]) == 10
    found = engine(system, Budget(states=1_100))
    assert found.depth(found.first_violation[0]) == 10


# Proofs by enumeration, re-checked.


@pytest.mark.parametrize("engine", [explore, explore_arrays])
@pytest.mark.parametrize("name", ["loongarch", "x86-64", "tree"])
def test_a_search_is_closed(engine: Engine, name: str) -> None:
    system = SYSTEMS[name]()
    found = engine(system, Budget())
    assert not_closed(system, found, Budget()) == ""
    assert not_closed(system, found, Budget(), every=1) == ""


@pytest.mark.parametrize("name", ["loongarch", "sparc64", "x86-64", "tree"])
@pytest.mark.parametrize("lost", [4, 17, -1])
def test_a_missing_state_is_noticed(name: str, lost: int) -> None:
    """Looking at every state finds it; the state before it leads there."""
    system = SYSTEMS[name]()
    found = explore(system)
    kept = [state for k, state in enumerate(found.states) if k != lost % len(found.states)]
    doubt = not_closed(system, replace(found, states=kept), Budget(), every=1)
    assert "has a successor under" in doubt
    assert "that was not found" in doubt


@pytest.mark.parametrize("lost", [4, 17, 600])
def test_a_state_missing_from_the_arrays_is_noticed(lost: int) -> None:
    system = tree(9)
    found = explore_arrays(system)
    states = PackedStates(found.states.packing, [np.delete(word, lost) for word in found.states.words])
    doubt = not_closed(system, replace(found, states=states), Budget(), every=1)
    assert "that was not found" in doubt


def test_a_missing_initial_state_is_noticed() -> None:
    """Nothing leads to the root of a tree."""
    system = tree(4)
    found = explore(system)
    assert not_closed(system, replace(found, states=found.states[1:]), Budget(), every=1) != ""


def test_an_empty_set_of_states_is_no_proof() -> None:
    system = tree(4)
    assert not_closed(system, replace(explore(system), states=[]), Budget(), every=1) != ""


@pytest.mark.parametrize("name", ["loongarch", "tree", "counter"])
def test_a_wrong_verdict_is_noticed(name: str) -> None:
    system = SYSTEMS[name]()
    found = explore(system)
    assert found.first_violation
    for number in found.first_violation:
        claimed = {k: v for k, v in found.first_violation.items() if k != number}
        doubt = not_closed(system, replace(found, first_violation=claimed), Budget(), every=1)
        assert "violates what was said to hold" in doubt


def test_a_sample_looks_at_every_so_many_states_only() -> None:
    system = tree(9)
    found = explore(system)
    last = len(found.states) - 1
    assert found.first_violation == {0: last}
    wrong = replace(found, first_violation={})
    assert not_closed(system, wrong, Budget(), every=last + 1) == ""
    assert "violates" in not_closed(system, wrong, Budget(), every=last)
    assert "violates" in not_closed(system, wrong, Budget())


def test_a_recheck_keeps_to_its_limits() -> None:
    system = tree(9)
    with pytest.raises(OutOfBudget, match="time limit of 0 s"):
        not_closed(system, explore(system), Budget(seconds=0), every=1)
