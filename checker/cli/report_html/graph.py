"""The graph of reachable states as the page draws it: in layers by depth, the counterexample's path along the top.

A small system is drawn whole. Of a larger one only the path is drawn, and what each of its states leads to in one step;
how many states there are at each depth is said all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from checker.cli.jobs import Job, build_system, find_architecture
from checker.cli.telling import rows_of_state

if TYPE_CHECKING:
    from checker.explicit import Reachable
    from checker.system import TransitionSystem
    from checker.verdict import Result

Data = dict[str, Any]
Key = tuple[int, ...]

COUNTED = 8_000
"""Up to this many states a system is searched once more for its picture; that takes a second or so."""

ROWS, COLUMN, LINE, NARROW, WIDE, TOP, SIDE = 24, 13, 13, 64, 150, 74, 60
"""States in a column, what is between columns and lines, the least width of a layer, with a name of the path in it too,
where the first line is, and the margin at the sides."""

LONGEST = 24
"""Of an operation's name so many characters stand beside the path; the whole is in its tooltip."""


@dataclass
class Picked:
    """The states to draw.

    Attributes:
        path: the counterexample's states in order; empty for a system without one.
        operations: the operations between them.
        depth: every state that is drawn, with its depth.
        edges: pairs of states with a step between them.
        counts: how many states there are at each depth, if known.
        whole: every reachable state is drawn.
        complete: so is everything one step beside the path.
    """

    path: list[Key]
    operations: list[str]
    depth: dict[Key, int] = field(default_factory=dict)
    edges: dict[tuple[Key, Key], None] = field(default_factory=dict)
    counts: list[int] = field(default_factory=list)
    whole: bool = False
    complete: bool = True


def state_graph(job: Job, result: Result, limit: int) -> Data | None:
    """The graph of one result: whole, or the neighbourhood of its counterexample; None where there is neither, or no step.

    Args:
        job: the system.
        result: with the trace, if it is a violation.
        limit: how many states may be drawn.
    """
    if result.trace is None and (result.states is None or result.states > limit):
        return None
    system = build_system(job)
    if not system.operations:
        return None  # nothing ever moves
    searched, cut = _searched(system, result), _cutter(system)
    path, operations = _path(system, result, cut)
    picked = Picked(path, operations, counts=_counts(searched) if searched else [])
    if searched and len(searched.states) <= limit:
        _pick_all(picked, system, searched)
    elif path:
        _pick_near(picked, system, cut, limit, _depths(searched) if searched else {})
    else:
        return None
    return _drawn(job, system, result, picked)


def _searched(system: TransitionSystem, result: Result) -> Reachable | None:
    """All reachable states, where they are few."""
    if system.views or result.states is None or result.states > COUNTED:
        return None
    from checker.explicit import explore
    from checker.limits import Budget

    found = explore(system, Budget(states=COUNTED))
    return found if found.complete else None


def _counts(found: Reachable) -> list[int]:
    return [after - before for before, after in pairwise([*found.levels, len(found.states)])]


Cut = Callable[[Any], Key]


def _cutter(system: TransitionSystem) -> Cut:
    """What turns a state into all its values, those bits cleared that cannot matter, so that what is alike is drawn once."""
    from checker.dependency import cone_of_influence

    cone = cone_of_influence(system.relation)
    return lambda state: cone.project(system.layout.concrete(state))


def _path(system: TransitionSystem, result: Result, cut: Cut) -> tuple[list[Key], list[str]]:
    """The counterexample's states, each cut to the bits that matter, and its operations."""
    from checker.trace import concrete_run

    trace = result.trace
    if trace is None:
        return [], []
    operations = [step.operation for step in trace.steps[1:]]
    states = concrete_run(system, trace.start, trace.inputs, operations)
    return [cut(state) for state in states], operations


def _pick_all(picked: Picked, system: TransitionSystem, found: Reachable) -> None:
    from checker.codegen import compile_successors

    masks = found.cone.masks
    keys = [_filled(state, masks) for state in found.states]
    number = {state: k for k, state in enumerate(found.states)}
    picked.depth = {key: found.depth(k) for k, key in enumerate(keys)}
    successors = compile_successors(system.relation, masks)
    for key, state in zip(keys, found.states, strict=True):
        for _, after in successors(state):
            if keys[number[after]] != key:
                picked.edges[key, keys[number[after]]] = None
    picked.whole = True
    for depth, key in enumerate(picked.path):  # a start whose frame number is not zero is none that the search has seen
        picked.depth.setdefault(key, depth)


def _filled(state: Sequence[int], masks: Sequence[int]) -> Key:
    values = iter(state)
    return tuple(next(values) if mask else 0 for mask in masks)


def _depths(found: Reachable) -> dict[Key, int]:
    return {_filled(state, found.cone.masks): found.depth(k) for k, state in enumerate(found.states)}


def _pick_near(picked: Picked, system: TransitionSystem, cut: Cut, limit: int, known: Mapping[Key, int]) -> None:
    """The path, and one step beside each of its states while there is room."""
    for depth, key in enumerate(picked.path):
        picked.depth.setdefault(key, depth)
    share = max(1, (limit - len(picked.depth)) // len(picked.path))
    for depth, key in enumerate(picked.path):
        fresh = 0
        for after in _successors(system, cut, key):
            if after == key:
                continue
            if after not in picked.depth and fresh >= share:
                picked.complete = False
                continue
            fresh += after not in picked.depth
            picked.depth.setdefault(after, known.get(after, depth + 1))
            picked.edges[key, after] = None


def _successors(system: TransitionSystem, cut: Cut, key: Key) -> Iterator[Key]:
    state = system.layout.state(key)
    for operation in system.operations:
        enabled, after = operation.run(state)
        if enabled:
            yield cut(after)


def _drawn(job: Job, system: TransitionSystem, result: Result, picked: Picked) -> Data:
    invariant = next(i for i in system.invariants if i.name == result.invariant)
    columns = _columns(picked)
    places, layers, width = _places(picked, columns)
    on_path = {key: k for k, key in enumerate(picked.path)}
    nodes = []
    for key, (x, y) in places.items():
        state = system.layout.state(key)
        bad = bool(picked.path) and not invariant.holds(state)
        node = {"x": x, "y": y, "bad": bad, "path": on_path.get(key), "says": _says(job, state, picked.depth[key])}
        nodes.append(node)
    return {
        "nodes": nodes,
        "lines": "".join(_line(places[a], places[b]) for a, b in picked.edges if not _follows(on_path, a, b)),
        "path": [
            _path_edge(places, *pair, name) for pair, name in zip(pairwise(picked.path), picked.operations, strict=True)
        ],
        "layers": [
            {"x": x, "depth": depth, "count": _count(picked, depth, len(columns[depth]))} for depth, x in layers
        ],
        "counts": picked.counts,
        "width": width,
        "height": max(y for _, y in places.values()) + 24,
        "drawn": len(nodes),
        "states": result.states,
        "whole": picked.whole,
        "left_out": _left_out(result, picked, bool(system.views)),
    }


def _left_out(result: Result, picked: Picked, views: bool) -> str:
    """What is not in the picture, in words."""
    if picked.whole:
        return "Every reachable state is drawn; steps that lead back to the same state are not."
    drawn = len(picked.depth)
    if result.states is None:
        total = f"{drawn} states, of how many is not known"
    elif views:
        total = f"{drawn} states, where the search counted {result.states} (processes that share no page apart)"
    else:
        total = f"{drawn} of {result.states} states"
    room = "" if picked.complete else ", as far as there is room"
    along = "" if picked.counts else " Depths beside the path are counted along it."
    return f"Drawn are {total}: the counterexample's path, and what its states lead to in one step{room}.{along}"


def _count(picked: Picked, depth: int, drawn: int) -> str:
    total = picked.counts[depth] if depth < len(picked.counts) else drawn
    return str(drawn) if drawn == total or picked.whole else f"{drawn} of {total}" if picked.counts else str(drawn)


def _follows(on_path: Mapping[Key, int], a: Key, b: Key) -> bool:
    return a in on_path and on_path.get(b) == on_path[a] + 1


def _columns(picked: Picked) -> list[list[Key]]:
    """The states of each depth: the path's first, then in the order of the states that lead to them."""
    layers: list[list[Key]] = [[] for _ in range(max(picked.depth.values()) + 1)]
    for key, depth in picked.depth.items():
        layers[depth].append(key)
    parents: dict[Key, list[Key]] = {}
    for a, b in picked.edges:
        if picked.depth[a] < picked.depth[b]:
            parents.setdefault(b, []).append(a)
    rank: dict[Key, float] = dict.fromkeys(picked.path, -1.0)
    for layer in layers:
        for key in layer:
            above = [rank[a] for a in parents.get(key, []) if a in rank]
            rank.setdefault(key, sum(above) / len(above) if above else 0.0)
        layer.sort(key=lambda key: rank[key])
        for k, key in enumerate(layer):
            rank[key] = k / max(1, len(layer))
    return layers


def _places(picked: Picked, columns: list[list[Key]]) -> tuple[dict[Key, tuple[int, int]], list[tuple[int, int]], int]:
    """Where each state is, where each layer begins, and how wide all is."""
    places: dict[Key, tuple[int, int]] = {}
    layers, x, path = [], SIDE, set(picked.path)
    for depth, layer in enumerate(columns):
        layers.append((depth, x))
        beside = [key for key in layer if key not in path]
        places |= {key: (x, TOP) for key in layer if key in path}
        for k, key in enumerate(beside):
            places[key] = (x + COLUMN * (k // ROWS), TOP + 2 * LINE + LINE * (k % ROWS))
        x += COLUMN * ((len(beside) - 1) // ROWS) + (WIDE if depth + 1 < len(picked.path) else NARROW)
    return places, layers, x - NARROW + 2 * SIDE


def _line(a: tuple[int, int], b: tuple[int, int]) -> str:
    return f"M{a[0]} {a[1]}L{b[0]} {b[1]}"


def _path_edge(places: Mapping[Key, tuple[int, int]], a: Key, b: Key, name: str) -> Data:
    (x1, y1), (x2, y2) = places[a], places[b]
    short = name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
    return {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "name": name, "short": short, "x": (x1 + x2) // 2}


def _says(job: Job, state: Any, depth: int) -> str:
    """A state in a line: each entry, its kind, and the bits that are set."""
    arch = find_architecture(job.config, job.kernel)
    words = []
    for row in rows_of_state(job, arch, state):
        bits = "".join(bit.letter for bit in arch.bits if row.entry & bit.mask) if row.entry is not None else ""
        kind = row.cells[0].replace("-", "no entry") if job.world in ("mm", "kernel", "pte") else ""
        words.append(" ".join(word for word in (row.who, kind, bits, row.note) if word))
    return f"depth {depth}: " + "; ".join(words)
