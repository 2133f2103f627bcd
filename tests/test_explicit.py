"""The explicit engine against a naive search over whole states, and the state graph it gives."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import networkx
import pytest
from hypothesis import given, settings

from checker.codegen import compile_function
from checker.dependency import cone_of_influence
from checker.explicit import explore, shortest_counterexamples, start_rank, start_state, state_graph
from checker.limits import Budget, OutOfBudget
from checker.logic import both, lshr, no, same, ult
from checker.state import Bits, Bool
from checker.system import Invariant, Operation, Start, TransitionSystem
from checker.trace import make_trace
from tests import builtin_systems
from tests.random_systems import moves, search, systems, violation_depths

Key = tuple[int, ...]


def _projected(system: TransitionSystem, state: tuple[Any, ...]) -> Key:
    masks = cone_of_influence(system.relation).masks
    return tuple(int(v) & m for v, m in zip(state, masks, strict=True) if m)


def _projected_depths(system: TransitionSystem) -> dict[Key, int]:
    found: dict[Key, int] = {}
    for state, depth in search(system).items():
        key = _projected(system, state)
        found[key] = min(depth, found.get(key, depth))
    return found


@settings(max_examples=120)
@given(systems())
def test_states_and_depths_are_those_of_a_naive_search(system: TransitionSystem) -> None:
    found, truth = explore(system), _projected_depths(system)
    assert found.complete
    assert {tuple(map(int, s)): found.depth(k) for k, s in enumerate(found.states)} == truth
    assert found.diameter == max(truth.values())
    assert len(found.states) == len(truth)


@settings(max_examples=120)
@given(systems())
def test_shortest_violations_are_those_of_a_naive_search(system: TransitionSystem) -> None:
    found = explore(system)
    depths = {k: found.depth(state) for k, state in found.first_violation.items()}
    assert depths == violation_depths(system, search(system))


@settings(max_examples=100)
@given(systems())
def test_operations_that_fire_are_those_of_a_naive_search(system: TransitionSystem) -> None:
    found, reachable = explore(system), search(system)
    fired = {k for state in reachable for k, _ in moves(system, state)}
    assert {k for k in range(len(system.operations)) if found.fired >> k & 1} == fired
    one_for_each = {_projected(system, state): len(moves(system, state)) for state in reachable}
    assert found.transitions == sum(one_for_each.values())


@settings(max_examples=100)
@given(systems())
def test_the_path_of_every_state_leads_there(system: TransitionSystem) -> None:
    found = explore(system)
    for number in range(0, len(found.states), 7):
        origin, steps = found.path(number)
        state = system.layout.state(start_state(system, origin.start, origin.inputs))
        for step in steps:
            guard, after = system.operations[step].run(state)
            assert guard
            state = system.layout.state(system.layout.concrete(after))
        assert _projected(system, state) == tuple(map(int, found.states[number]))
        assert len(steps) == found.depth(number)


@settings(max_examples=40)
@given(systems())
def test_graph_distances_from_the_starts_are_the_depths(system: TransitionSystem) -> None:
    graph, found = state_graph(system), explore(system)
    distances = networkx.multi_source_dijkstra_path_length(graph, set(range(len(found.origins))), weight=lambda *_: 1)
    assert distances == dict(graph.nodes(data="depth"))
    assert graph.graph["diameter"] == max(distances.values())
    assert graph.number_of_edges() == found.transitions
    for before, after, name in graph.edges(data="operation"):
        assert name in {op.name for op in system.operations}
        assert graph.nodes[after]["depth"] <= graph.nodes[before]["depth"] + 1


@pytest.mark.parametrize(
    "config", ["loongarch/original", "loongarch/hev", "sparc64/original", "x86-64+shstk/linux-6.1"]
)
def test_all_shortest_counterexamples_of_a_built_in_system(config: str) -> None:
    system = builtin_systems.pte(config)
    found = explore(system)
    for number, state in found.first_violation.items():
        name = system.invariants[number].name
        paths = shortest_counterexamples(system, name)
        origin, steps = found.path(state)
        assert paths[0] == (origin, tuple(system.operations[k].name for k in steps))
        assert len(set(paths)) == len(paths)
        assert {len(names) for _, names in paths} == {found.depth(state)}
        for origin, names in paths:
            make_trace(system, name, system.starts[origin.start].name, origin.inputs, list(names))


def _count_naively(system: TransitionSystem, number: int) -> int:
    """Ways to reach a violation in the fewest steps, counted over states cut to the bits that matter."""
    found = explore(system)
    depth = found.depth(found.first_violation[number])
    graph = state_graph(system)
    relation = system.relation
    wanted = [v for v, mask in zip(relation.state, found.cone.masks, strict=True) if mask]
    holds = compile_function(wanted, [relation.properties[number]])
    ways = {k: 1 for k in range(len(found.origins))}
    for _ in range(depth):
        after: dict[int, int] = {}
        for node, count in ways.items():
            for _, target in graph.out_edges(node):
                after[target] = after.get(target, 0) + count
        ways = after
    return sum(count for node, count in ways.items() if not holds(found.states[node])[0])


@settings(max_examples=100)
@given(systems())
def test_all_shortest_counterexamples_are_counted_right(system: TransitionSystem) -> None:
    found = explore(system)
    for number, state in found.first_violation.items():
        if found.depth(state) <= 5:
            paths = shortest_counterexamples(system, system.invariants[number].name)
            assert len(paths) == _count_naively(system, number)
            origin, steps = found.path(state)
            assert paths[0] == (origin, tuple(system.operations[k].name for k in steps))


def _ring(size: int = 5, **changes: Any) -> TransitionSystem:
    """A counter that walks up from 0 to ``size - 1`` and back to 0, or jumps from 1 to 3."""
    bits = size.bit_length()
    fields: dict[str, Any] = {
        "name": "ring",
        "shape": (Bits(bits),),
        "starts": (Start("zero", lambda _: (0,)),),
        "operations": (
            Operation("up", lambda s: (ult(s[0], size - 1), (s[0] + 1,))),
            Operation("jump", lambda s: (same(s[0], 1), (s[0] + 2,))),
            Operation("home", lambda s: (same(s[0], size - 1), (s[0] & 0,))),
        ),
        "invariants": (Invariant("below top", "the counter stays below the top", lambda s: s[0] != size - 1),),
    }
    return TransitionSystem(**{**fields, **changes})


def test_a_known_graph() -> None:
    graph = state_graph(_ring())
    edges = {(a, b, name) for a, b, name in graph.edges(data="operation")}
    values = {k: node["state"]["[0]"] for k, node in graph.nodes(data=True)}
    assert {(values[a], values[b], name) for a, b, name in edges} == {
        (0, 1, "up"), (1, 2, "up"), (2, 3, "up"), (3, 4, "up"), (1, 3, "jump"), (4, 0, "home")
    }  # fmt: skip
    assert [values[k] for k in graph] == [0, 1, 2, 3, 4]
    assert graph.graph["diameter"] == 3


def test_the_shortest_way_takes_the_jump() -> None:
    assert [names for _, names in shortest_counterexamples(_ring(), "below top")] == [("up", "jump", "up")]


def test_an_invariant_that_holds_has_no_counterexample() -> None:
    holds = Invariant("small", "the counter stays small", lambda s: ult(s[0], 5))
    assert shortest_counterexamples(_ring(invariants=(holds,)), "small") == []


def test_an_unknown_invariant_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        shortest_counterexamples(_ring(), "no such")


def test_a_violation_at_the_start_needs_no_step() -> None:
    system = _ring(starts=(Start("top", lambda _: (4,)),))
    assert [names for _, names in shortest_counterexamples(system, "below top")] == [()]


def test_several_starts_are_ranked_by_bits_then_order_then_inputs() -> None:
    starts = (Start("three", lambda _: (3,)), Start("any", lambda free: free, (Bits(3),)), Start("one", lambda _: (1,)))
    found = explore(_ring(starts=starts))
    ranked = [(o.start, o.inputs) for o in found.origins]
    assert ranked == [(1, (0,)), (1, (1,)), (1, (2,)), (1, (4,)), (0, ()), (1, (5,)), (1, (6,)), (1, (7,))]


def test_fewest_bits_come_before_the_order_of_declaration() -> None:
    found = explore(_ring(starts=(Start("seven", lambda _: (7,)), Start("six", lambda _: (6,)))))
    assert [o.start for o in found.origins] == [1, 0]
    assert start_rank((6,), found.origins[0]) < start_rank((7,), found.origins[1])


def test_no_start_means_no_state() -> None:
    found = explore(_ring(starts=()))
    assert (found.states, found.first_violation, found.fired, found.complete) == ([], {}, 0, True)


def test_the_time_limit_stops_the_search_with_a_reason() -> None:
    found = explore(builtin_systems.pte("loongarch/original"), Budget(seconds=0))
    assert not found.complete
    assert "time limit of 0 s" in found.stopped


def test_the_limit_on_states_stops_the_search_with_a_reason() -> None:
    found = explore(_ring(1 << 13), Budget(states=2000))
    assert not found.complete
    assert "limit of 2000 states" in found.stopped
    assert 2000 < len(found.states) < 1 << 13


def test_too_many_initial_states_are_a_reason_to_stop() -> None:
    system = _ring(1 << 20, shape=(Bits(40),), starts=(Start("any", lambda free: free, (Bits(40),)),))
    found = explore(system)
    assert "initial states" in found.stopped
    assert found.states == []


@pytest.mark.parametrize(
    "ask", [state_graph, lambda s, b: explore(s, b).complete or shortest_counterexamples(s, "below top")]
)
def test_half_a_graph_is_never_given_out(ask: Any) -> None:
    system = _ring(1 << 20, shape=(Bits(40),), starts=(Start("any", lambda free: free, (Bits(40),)),))
    with pytest.raises(OutOfBudget, match="initial states"):
        ask(system, Budget())


def _is(n: int) -> Callable[[Any], Any]:
    return lambda s: same(s[0], n)


def test_premises_that_held_somewhere_are_known() -> None:
    at = [Invariant(f"at {n}", "", lambda s: same(s[0], s[0]), premise=_is(n)) for n in (2, 4, 6)]
    assert explore(_ring(invariants=tuple(at))).premises == 0b011


def test_depth_is_a_breadth_first_distance_even_with_a_shortcut_found_late() -> None:
    flags = TransitionSystem(
        "flags",
        (Bool, Bits(3)),
        (Start("down", lambda _: (False, 0)),),
        (
            Operation("count", lambda s: (ult(s[1], 5), (s[0], s[1] + 1))),
            Operation("leap", lambda s: (no(s[0]), (True, (s[1] & 0) | 5))),
        ),
        (Invariant("not both", "", lambda s: no(both(s[0], same(s[1], 5)))),),
    )
    assert [names for _, names in shortest_counterexamples(flags, "not both")] == [("leap",)]


def test_the_naive_search_of_these_tests_is_itself_right() -> None:
    """By hand: up, jump, up reaches 4 in three steps; 5, 6 and 7 are never reached."""
    assert search(_ring()) == {(0,): 0, (1,): 1, (2,): 2, (3,): 2, (4,): 3}
    queue, seen = deque([(0,)]), {(0,)}
    while queue:
        for _, after in moves(_ring(), queue.popleft()):
            if after not in seen:
                seen.add(after)
                queue.append(after)
    assert seen == set(search(_ring()))


@pytest.mark.parametrize(
    "holds",
    [lambda s: same(s[0] ^ s[0], 0), lambda s: same(lshr(s[0] & 1, 1), 0)],
    ids=["xor with itself", "bits shifted out"],
)
def test_a_property_may_mention_what_cannot_matter(holds: Any) -> None:
    system = TransitionSystem(
        "toy",
        (Bits(4), Bool),
        (Start("any", lambda free: free, (Bits(4), Bool)),),
        (Operation("stay", lambda s: (True, s)),),
        (Invariant("trivial", "trivial", holds),),
    )
    assert explore(system).first_violation == {}


def test_a_replaced_operation_changes_the_graph() -> None:
    system = _ring()
    without = replace(system, operations=tuple(op for op in system.operations if op.name != "jump"))
    assert [n for _, n in shortest_counterexamples(without, "below top")] == [("up", "up", "up", "up")]
