"""The explicit engine: every reachable state, breadth first, over the compiled definitions."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from checker.codegen import Values, compile_masks, compile_successors
from checker.dependency import Cone, cone_of_influence
from checker.limits import Budget, OutOfBudget, OutOfMemory
from checker.records import dataclass, field
from checker.state import Shape, Sort
from checker.system import TransitionSystem

if TYPE_CHECKING:
    import networkx

MAX_STARTS = 1 << 20
"""More initial states than this are not enumerated."""


@dataclass(frozen=True)
class Origin:
    """Where an initial state comes from: the start's number and the values of its inputs."""

    start: int
    inputs: Values


@dataclass
class Explored:
    """What every search tells, however it keeps its states.

    Attributes:
        cone: the bits that matter.
        levels: the number of the first state of each depth.
        origins: the initial states' origins.
        first_violation: property number -> number of the first state that violates it.
        fired: the operations that were enabled somewhere, as bits.
        premises: the premises that held somewhere, as bits.
        transitions: how many (state, operation) pairs were enabled.
        stopped: why the search ended early, or "".
        starved: it ended for want of memory.
    """

    cone: Cone
    levels: list[int] = field(default_factory=list, kw_only=True)
    origins: list[Origin] = field(default_factory=list, kw_only=True)
    first_violation: dict[int, int] = field(default_factory=dict, kw_only=True)
    fired: int = field(default=0, kw_only=True)
    premises: int = field(default=0, kw_only=True)
    transitions: int = field(default=0, kw_only=True)
    stopped: str = field(default="", kw_only=True)
    starved: bool = field(default=False, kw_only=True)

    @property
    def complete(self) -> bool:
        """Every reachable state was seen."""
        return not self.stopped

    @property
    def diameter(self) -> int:
        """The depth of the deepest state found: the longest of the shortest paths from the initial states."""
        return len(self.levels) - 1

    def depth(self, number: int) -> int:
        """The number of transitions on a shortest path to this state."""
        return bisect.bisect_right(self.levels, number) - 1

    def note_end(self, why: OutOfBudget | MemoryError, states: int) -> None:
        """Keeps why a search ended early.

        Args:
            why: what was raised.
            states: how many states it had found; the levels are up to date.
        """
        reason = OutOfMemory.really() if isinstance(why, MemoryError) else why
        self.starved = isinstance(reason, OutOfMemory)
        self.stopped = f"{reason} after {states} states, depth {max(0, self.diameter)}" if self.starved else str(reason)


@dataclass
class Reachable(Explored):
    """The result of a search.

    States hold only the leaves with a bit that matters, in order, each cut to the bits that matter.

    Attributes:
        states: every state found, in breadth-first order; a state's number is its place here.
        parents: for each state, (number of the predecessor, operation number); (-1, k) for initial state k of ``origins``.
    """

    states: list[Values] = field(default_factory=list)
    parents: list[tuple[int, int]] = field(default_factory=list)

    def path(self, number: int) -> tuple[Origin, tuple[int, ...]]:
        """The first shortest path to a state: where it starts, and the operation numbers."""
        steps: list[int] = []
        while True:
            before, step = self.parents[number]
            if before < 0:
                return self.origins[step], tuple(reversed(steps))
            steps.append(step)
            number = before


def _input_values(sort: Sort, mask: int) -> list[int]:
    """The values of an input that differ in a bit that matters; of an enumeration only those with a name."""
    if sort.names:
        return sorted({value & mask for value in range(len(sort.names))})  # clearing bits never leaves the names
    bits = [1 << i for i in range(mask.bit_length()) if mask >> i & 1]
    return [sum(chosen) for n in range(len(bits) + 1) for chosen in itertools.combinations(bits, n)]


def origins(system: TransitionSystem, cone: Cone, budget: Budget) -> Iterator[tuple[Origin, Values]]:
    """Every start with every value of the input bits that matter, and the whole state it gives."""
    count = sum(1 << sum(m.bit_count() for m in masks) for masks in cone.inputs)
    if count > MAX_STARTS:
        raise OutOfBudget(f"more than {MAX_STARTS} initial states")
    for number, masks in enumerate(cone.inputs):
        sorts = [leaf.sort for leaf in Shape.of(system.starts[number].inputs).leaves]
        for count, inputs in enumerate(itertools.product(*map(_input_values, sorts, masks))):
            if not count & 0xFFF:
                budget.check()
            yield Origin(number, inputs), start_state(system, number, inputs)


def start_state(system: TransitionSystem, number: int, inputs: Values) -> Values:
    """The leaf values of a start on plain integers."""
    start = system.starts[number]
    return system.layout.concrete(start.run(Shape.of(start.inputs).state(inputs)))


def start_rank(values: Values, origin: Origin) -> tuple[Any, ...]:
    """The order of initial states: fewest bits set, then the order of declaration, then the inputs' values."""
    return (sum(v.bit_count() for v in values), origin.start, origin.inputs)


def initial_states(system: TransitionSystem, cone: Cone, budget: Budget) -> dict[Values, Origin]:
    """The distinct initial states in the order of :func:`start_rank`, cut to the bits that matter, each with its origin."""
    ranked = sorted((start_rank(values, origin), origin, values) for origin, values in origins(system, cone, budget))
    distinct: dict[Values, Origin] = {}
    for _, origin, values in ranked:
        distinct.setdefault(cone.key(values), origin)
    return distinct


def explore(system: TransitionSystem, budget: Budget | None = None) -> Reachable:
    """Every reachable state of a system, or as many as the budget allows.

    Initial states are visited in the order of :func:`start_rank` and operations in the order of declaration, so the
    path kept for each state is the first of its shortest paths in that order.
    """
    budget = budget or Budget()
    relation = system.relation
    cone = cone_of_influence(relation)
    found = Reachable(cone)
    wanted = [i for i, mask in enumerate(cone.masks) if mask]
    variables = [relation.state[i] for i in wanted]
    try:
        initial = initial_states(system, cone, budget)
        found.origins.extend(initial.values())
        _search(found, list(initial), compile_successors(relation, cone.masks), budget)
    except (OutOfBudget, MemoryError) as why:
        del found.states[len(found.parents) :]  # what was cut off in between
        if found.states:
            _unfinished_level(found)
        found.note_end(why, len(found.states))
    properties = compile_masks(variables, relation.properties)
    _inspect(found, len(relation.properties), properties, compile_masks(variables, relation.premises))
    return found


def _search(found: Reachable, initial: list[Values], successors: Any, budget: Budget) -> None:
    index = {key: number for number, key in enumerate(initial)}
    states, parents = found.states, found.parents
    states.extend(initial)
    parents.extend((-1, origin) for origin in range(len(initial)))
    begin = 0
    while begin < len(states):
        found.levels.append(begin)
        budget.check(states=len(states))
        end = len(states)
        for number in range(begin, end):
            if not number & 0x3FF:
                budget.check(states=len(states))
                budget.note(len(states), found.diameter)
            enabled = successors(states[number])
            found.transitions += len(enabled)
            fired = 0
            for step, after in enabled:
                fired |= 1 << step
                if after not in index:
                    index[after] = len(states)
                    states.append(after)
                    parents.append((number, step))
            found.fired |= fired
        begin = end


def _unfinished_level(found: Reachable) -> None:
    """A search that ended in the middle of a level has states one level deeper than the last complete one."""
    expanded = found.parents[-1][0]
    if expanded >= 0 and found.levels and expanded >= found.levels[-1]:
        deeper = next(n for n, (before, _) in enumerate(found.parents) if before >= found.levels[-1])
        found.levels.append(deeper)


def _inspect(found: Reachable, count: int, properties: Any, premises: Any) -> None:
    open_properties = (1 << count) - 1
    for number, state in enumerate(found.states):
        found.premises |= premises(state)
        bad = open_properties & ~properties(state)
        if bad:
            open_properties &= ~bad
            found.first_violation |= {k: number for k in range(count) if bad >> k & 1}


def state_graph(system: TransitionSystem, budget: Budget | None = None) -> networkx.MultiDiGraph:
    """The exact graph of reachable states.

    Nodes are state numbers with the attributes ``state`` (leaf path -> value, only bits that matter) and ``depth``;
    edges carry ``operation``.

    Raises:
        OutOfBudget: the search did not end within the budget.
    """
    found = explore(system, budget)
    if not found.complete:
        raise OutOfBudget(found.stopped)
    return graph_of(system, found, range(len(found.states)))


def graph_of(system: TransitionSystem, found: Reachable, numbers: Sequence[int]) -> networkx.MultiDiGraph:
    """The graph of some of the states that a search found, as :func:`state_graph` has it, and the edges between them.

    Args:
        system: the system that was searched.
        found: what was found.
        numbers: of the states that are wanted.
    """
    import networkx

    relation = system.relation
    wanted = [leaf for leaf, mask in zip(relation.leaves, found.cone.masks, strict=True) if mask]
    successors = compile_successors(relation, found.cone.masks)
    index = {found.states[number]: number for number in numbers}
    graph = networkx.MultiDiGraph(name=system.name, diameter=found.diameter)
    for state, number in index.items():
        named = {leaf.path: value for leaf, value in zip(wanted, state, strict=True)}
        graph.add_node(number, state=named, depth=found.depth(number))
    for state, number in index.items():
        for step, after in successors(state):
            if after in index:
                graph.add_edge(number, index[after], operation=relation.steps[step].name)
    return graph


def shortest_counterexamples(system: TransitionSystem, invariant: str) -> list[tuple[Origin, tuple[str, ...]]]:
    """All shortest ways to violate an invariant: where each starts and its operations' names, in a fixed order.

    Raises:
        KeyError: there is no such invariant.
        OutOfBudget: the search did not end.
    """
    number = {inv.name: k for k, inv in enumerate(system.invariants)}[invariant]
    found = explore(system)
    if not found.complete:
        raise OutOfBudget(found.stopped)
    if number not in found.first_violation:
        return []
    relation = system.relation
    length = found.depth(found.first_violation[number])
    wanted = [v for v, mask in zip(relation.state, found.cone.masks, strict=True) if mask]
    holds = compile_masks(wanted, [relation.properties[number]])
    successors = compile_successors(relation, found.cone.masks)
    paths: list[tuple[Origin, tuple[str, ...]]] = []
    index = {state: number for number, state in enumerate(found.states)}
    frontier: list[tuple[Values, Origin, tuple[str, ...]]] = [
        (found.states[k], origin, ()) for k, origin in enumerate(found.origins)
    ]
    for step in range(length + 1):
        paths += [(origin, names) for state, origin, names in frontier if not holds(state)]
        if step < length:
            frontier = [
                (after, origin, (*names, relation.steps[k].name))
                for state, origin, names in frontier
                for k, after in successors(state)
                if found.depth(index[after]) == step + 1  # no shortest path lingers
            ]
    return paths
