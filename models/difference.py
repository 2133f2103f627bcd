"""Two systems side by side: the same operations on both, so that whatever can be told apart is an invariant of the pair.

A state of the product is a pair of states. An operation that both systems have is taken by both at once. A write fault
is how generic mm serves a store, so one that only one side needs is taken by that side alone; any other operation that
is possible on one side only is a difference of its own, which invariants/difference.py asks for.

Where nothing can be told apart, the pairs that are reached are a bisimulation: every run of one system is a run of the
other with the same observations.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from checker.logic import both, no, same
from checker.system import Operation, Predicate, Start, TransitionSystem


@dataclass(frozen=True)
class Pair:
    """A state of each system."""

    left: Any
    right: Any


SIDES = ("A", "B")
"""What the two systems are called in names of operations and facts."""

ALONE = "the other side may always need the same fault"
TOGETHER = "what is possible on one side only is a difference of its own"


def paired(
    left: TransitionSystem,
    right: TransitionSystem,
    faults: Collection[str] = (),
) -> TransitionSystem:
    """The product of two systems, without invariants.

    Args:
        left: the first system.
        right: the second; operations and starts are matched by name.
        faults: operations that a side takes alone where the other does not need them.
    """
    return TransitionSystem(
        name=f"{left.name} beside {right.name}",
        shape=Pair(left.shape, right.shape),
        starts=_starts(left, right),
        operations=(*joint_operations(left, right), *lone_operations(left, right, faults)),
        invariants=(),
        predicates=_predicates(left, right),
        immaterial=_immaterial(left, right),
    )


def _starts(left: TransitionSystem, right: TransitionSystem) -> tuple[Start, ...]:
    others = {start.name: start for start in right.starts}
    return tuple(_start(s, others[s.name]) for s in left.starts if s.name in others)


def _start(left: Start, right: Start) -> Start:
    return Start(left.name, lambda inputs: Pair(left.run(inputs), right.run(inputs)), left.inputs, left.says)


def joint_operations(left: TransitionSystem, right: TransitionSystem) -> tuple[Operation, ...]:
    """The operations that both systems have, each taken by both."""
    others = {op.name: op for op in right.operations}
    return tuple(_joint(op, others[op.name]) for op in left.operations if op.name in others)


def _joint(left: Operation, right: Operation) -> Operation:
    def run(s: Pair) -> tuple[Any, Pair]:
        (first, after), (second, later) = left.run(s.left), right.run(s.right)
        return both(first, second), Pair(after, later)

    return Operation(left.name, run, left.source, left.says, left.idle or right.idle or TOGETHER)


def lone_operations(left: TransitionSystem, right: TransitionSystem, faults: Collection[str]) -> tuple[Operation, ...]:
    """Faults that one side takes alone, named ``FAULT in A``."""
    others = {op.name: op for op in right.operations}
    shared = [(op, others[op.name]) for op in left.operations if op.name in others and op.name in faults]
    return tuple(_lone(side, *pair) for pair in shared for side in (0, 1))


def _lone(side: int, left: Operation, right: Operation) -> Operation:
    def run(s: Pair) -> tuple[Any, Pair]:
        (first, after), (second, later) = left.run(s.left), right.run(s.right)
        if side == 0:
            return both(first, no(second)), replace(s, left=after)
        return both(second, no(first)), replace(s, right=later)

    return Operation(f"{left.name} in {SIDES[side]}", run, left.source, left.says, ALONE)


def only_one_has(left: TransitionSystem, right: TransitionSystem) -> tuple[list[str], list[str]]:
    """The names of the operations and starts that only the first, and only the second, system has."""
    mine, yours = _names(left), _names(right)
    return [name for name in mine if name not in yours], [name for name in yours if name not in mine]


def _names(system: TransitionSystem) -> list[str]:
    return [*(start.name for start in system.starts), *(op.name for op in system.operations)]


def operations_agree(left: TransitionSystem, right: TransitionSystem, apart: Collection[str]) -> Callable[[Any], Any]:
    """Whether every common operation but these is possible on both sides, or on neither, of what has a left and a right."""
    others = {op.name: op for op in right.operations}
    common = [(op, others[op.name]) for op in left.operations if op.name in others and op.name not in apart]
    return lambda s: both(*(same(a.run(s.left)[0], b.run(s.right)[0]) for a, b in common))


def possible_on_one(
    left: TransitionSystem, right: TransitionSystem, apart: Collection[str], s: Pair
) -> tuple[list[str], list[str]]:
    """The common operations that are possible on the first side only, and on the second only, of a pair of plain states."""
    others = {op.name: op for op in right.operations}
    mine: list[str] = []
    yours: list[str] = []
    for op in left.operations:
        if op.name in others and op.name not in apart:
            here, there = op.run(s.left)[0], others[op.name].run(s.right)[0]
            if bool(here) != bool(there):
                (mine if here else yours).append(op.name)
    return mine, yours


def _predicates(left: TransitionSystem, right: TransitionSystem) -> tuple[Predicate, ...]:
    """What is the same on both sides, then what holds of each."""
    others = {p.name: p for p in right.predicates}
    common = [(p, others[p.name]) for p in left.predicates if p.name in others]
    agreeing = tuple(_same_on_both(p, q) for p, q in common)
    return (
        *agreeing,
        *(Predicate(f"A: {p.name}", _on(0, p), p.negated and f"A: {p.negated}") for p in left.predicates),
        *(Predicate(f"B: {p.name}", _on(1, p), p.negated and f"B: {p.negated}") for p in right.predicates),
    )


def _same_on_both(left: Predicate, right: Predicate) -> Predicate:
    return Predicate(
        f"A and B agree on {left.name}",
        lambda s: same(left.holds(s.left), right.holds(s.right)),
        f"A and B differ in {left.name}",
    )


def _on(side: int, predicate: Predicate) -> Callable[[Pair], Any]:
    return lambda s: predicate.holds(s.right if side else s.left)


def _immaterial(left: TransitionSystem, right: TransitionSystem) -> Mapping[str, int]:
    return {
        f"{side}.{path}": bits
        for side, system in (("left", left), ("right", right))
        for path, bits in system.immaterial.items()
    }
