"""The state graph of a system as plain data for a picture: labelled states, merged edges, and the path of a counterexample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from checker.cli.forms.labels import Label, label_maker, whole_state
from checker.cli.main import UsageError
from checker.cli.report import steps_words
from checker.codegen import compile_masks
from checker.explicit import Reachable, explore, graph_of
from checker.limits import Budget

if TYPE_CHECKING:
    import networkx

    from checker.cli.jobs import Job
    from checker.system import TransitionSystem

SEARCHED = 200_000
"""The search for states ends there: more are in no picture, and only how many there are would be missed."""


@dataclass(frozen=True)
class Node:
    """One state.

    Attributes:
        number: its place in the search, from 0.
        depth: the number of steps on the shortest way to it.
        label: what it is in few words, a line for each entry.
        whole: every value of it.
        broken: the requirements that do not hold in it.
        start: the start it comes from; "" if it is no initial state.
    """

    number: int
    depth: int
    label: tuple[str, ...]
    whole: str
    broken: tuple[str, ...]
    start: str


@dataclass(frozen=True)
class Edge:
    """Every operation that leads from one state to another."""

    source: int
    target: int
    operations: tuple[str, ...]


@dataclass(frozen=True)
class Picture:
    """A state graph, or the first levels of it.

    Attributes:
        title: the system.
        nodes: the states, in the order in which they were found.
        edges: between them; operations that change nothing are left out.
        found: how many states the search found.
        stopped: why it found no more; "" if these are all.
        depth: the last depth of which every state is in the picture.
        invariant: what the path breaks; "" without a path.
        path: the states of the counterexample, the initial one first.
        steps: its operations, one fewer.
        unsaid: words that are on no label, since the states are not told apart by them.
    """

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    found: int
    stopped: str
    depth: int
    invariant: str
    path: tuple[int, ...]
    steps: tuple[str, ...]
    unsaid: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Every reachable state is in it."""
        return not self.stopped and len(self.nodes) == self.found

    @property
    def on_path(self) -> dict[tuple[int, int], int]:
        """The edges of the path, each with the number of its step."""
        return {pair: step for step, pair in enumerate(pairwise(self.path), 1)}

    @property
    def first(self) -> set[tuple[int, int]]:
        """For each state the first edge that leads to it from the depth before: together a tree of shortest ways."""
        depth = {node.number: node.depth for node in self.nodes}
        first: dict[int, int] = {}
        for edge in self.edges:
            if depth[edge.target] == depth[edge.source] + 1:
                first.setdefault(edge.target, edge.source)
        return {(source, target) for target, source in first.items()}

    @property
    def says(self) -> list[str]:
        """What one has to know to read it."""
        known = f"more than {self.found:,}" if self.stopped else f"{self.found:,}"
        if self.whole:
            size = f"all {known} states"
        else:
            size = f"{len(self.nodes):,} of {known} states: those within {steps_words(self.depth)}"
            size += " and those of the path" if self.path else ""
        lines = [size + "; operations that change nothing are left out"]
        if self.unsaid:
            lines.append(f"on no label, since nothing depends on it here: {', '.join(self.unsaid)}")
        if self.path:
            lines.append(f"marked: the shortest way to break {self.invariant}, {steps_words(len(self.steps))}")
        return lines


def picture(job: Job, system: TransitionSystem, limit: int, invariant: str) -> tuple[Picture, networkx.MultiDiGraph]:
    """The picture of a system, and its graph with every single operation.

    Args:
        job: whose system it is.
        system: the system.
        limit: the largest number of states to show, those of the path not counted.
        invariant: what the path to be marked breaks; "" for no path.

    Raises:
        UsageError: there is no such path, or even the initial states are too many.
    """
    found = explore(system, Budget(states=SEARCHED))
    path, steps = _path(system, found, invariant)
    depth, count = _fitting(found, limit)
    numbers = sorted({*range(count), *path})
    graph = graph_of(system, found, numbers)
    label, unsaid = label_maker(job, system, found.cone)
    made = Picture(
        f"{job.config}, {job.title}", _nodes(system, found, graph, label), _edges(graph),
        len(found.states), found.stopped, depth, invariant, path, steps, unsaid,
    )  # fmt: skip
    return made, graph


def _fitting(found: Reachable, limit: int) -> tuple[int, int]:
    """The last depth whose states can all be shown, and how many states there are up to it."""
    ends = [*found.levels[1:], len(found.states)]
    if found.stopped:
        ends = ends[:-1]  # the last level is not complete
    fitting = [(depth, end) for depth, end in enumerate(ends) if end <= limit]
    if not fitting:
        count = f"{ends[0]:,}" if ends else "too many"
        raise UsageError(f"there are {count} initial states, and {limit:,} may be shown: ask for more with --states")
    return fitting[-1]


def _path(system: TransitionSystem, found: Reachable, invariant: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The states and operations of the first shortest way to break an invariant."""
    if not invariant:
        return (), ()
    number = [i.name for i in system.invariants].index(invariant)
    last = found.first_violation.get(number)
    if last is None:
        many = f"{len(found.states):,} states" + (f" ({found.stopped})" if found.stopped else "")
        raise UsageError(f"{invariant} is broken in none of {many}: there is no path to mark")
    states, steps = [last], []
    while found.parents[states[-1]][0] >= 0:
        before, step = found.parents[states[-1]]
        states.append(before)
        steps.append(system.relation.steps[step].name)
    return tuple(reversed(states)), tuple(reversed(steps))


def _nodes(system: TransitionSystem, found: Reachable, graph: networkx.MultiDiGraph, label: Label) -> tuple[Node, ...]:
    relation = system.relation
    variables = [v for v, mask in zip(relation.state, found.cone.masks, strict=True) if mask]
    leaves = [leaf for leaf, mask in zip(relation.leaves, found.cone.masks, strict=True) if mask]
    holding = compile_masks(variables, relation.properties)
    nodes = []
    for number, data in graph.nodes(data=True):
        values = found.states[number]
        kept = holding(values)
        broken = [i.name for k, i in enumerate(system.invariants) if not kept >> k & 1 and not (i.cost or i.exception)]
        before, origin = found.parents[number]
        start = system.starts[found.origins[origin].start].name if before < 0 else ""
        whole = whole_state(leaves, data["state"])
        nodes.append(Node(number, data["depth"], label(values), whole, tuple(broken), start))
    return tuple(nodes)


def _edges(graph: networkx.MultiDiGraph) -> tuple[Edge, ...]:
    merged: dict[tuple[int, int], list[str]] = {}
    for source, target, operation in graph.edges(data="operation"):
        if source != target:
            merged.setdefault((source, target), []).append(operation)
    return tuple(Edge(*pair, tuple(operations)) for pair, operations in merged.items())


def few(operations: Sequence[str], most: int = 2) -> str:
    """Operations in few words."""
    more = len(operations) - most
    return ", ".join(operations[:most]) + (f" and {more} more" if more > 0 else "")
