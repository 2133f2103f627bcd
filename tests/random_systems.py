"""Random expressions and random small transition systems, with the naive search that tells the truth about them."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import strategies as st

from checker.logic import both, either, implies, ite, lshr, no, same, ult, word_like
from checker.state import Bits, Bool, Sort
from checker.system import Invariant, Operation, Start, TransitionSystem
from checker.terms import BOOL

State = tuple[Any, ...]
BITWISE = ("and", "or", "xor", "invert", "ite", "shl-by", "lshr-by")
ARITHMETIC = ("add", "sub", "mul", "shl", "lshr")
BOOLEAN = ("both", "either", "no", "implies", "same-words", "same-conditions", "ult", "ite-conditions", "nonzero")


@dataclass(frozen=True)
class Expression:
    """A tree that :func:`run` turns into a value of whatever kind the leaves are.

    Attributes:
        op: an operator of this module, ``leaf`` or ``constant``.
        width: bits of the value, or :data:`BOOL`.
        args: the operands.
        data: number of the leaf, value of the constant, distance of a shift.
    """

    op: str
    width: int
    args: tuple[Expression, ...] = ()
    data: int = 0


# Bare integers have no width, so the mask is part of the text; words of checker.state wrap by themselves.
_WORDS: dict[str, Callable[..., Any]] = {
    "and": lambda mask, a, b: a & b,
    "or": lambda mask, a, b: a | b,
    "xor": lambda mask, a, b: a ^ b,
    "invert": lambda mask, a: ~a & mask,
    "ite": lambda mask, c, a, b: ite(c, a, b),
    "add": lambda mask, a, b: (a + b) & mask,
    "sub": lambda mask, a, b: (a - b) & mask,
    "mul": lambda mask, a, b: (a * b) & mask,
    "shl": lambda mask, a, b: (a << b) & mask,
    "lshr": lambda mask, a, b: lshr(a, b),
}
_CONDITIONS: dict[str, Callable[..., Any]] = {
    "both": both,
    "either": either,
    "no": no,
    "implies": implies,
    "same-words": same,
    "same-conditions": same,
    "ult": ult,
    "ite-conditions": ite,
    "nonzero": lambda a: a != 0,
}


def run(e: Expression, leaves: Sequence[Any], widths: Sequence[int], cut: bool = True) -> Any:
    """The value of an expression over integers, terms or Z3 values.

    Args:
        e: the expression.
        leaves: the value of each leaf.
        widths: the width of each leaf.
        cut: cut results to their width, as a text must that runs on bare integers.
    """
    if e.op == "leaf":
        return leaves[e.data]
    if e.op == "constant":
        return bool(e.data) if e.width == BOOL else word_like(leaves[list(widths).index(e.width)], e.data)
    args = [run(arg, leaves, widths, cut) for arg in e.args]
    if e.width == BOOL:
        return _CONDITIONS[e.op](*args)
    mask = (1 << e.width) - 1 if cut else -1
    if e.op == "shl-by":
        return (args[0] << e.data) & mask
    if e.op == "lshr-by":
        return lshr(args[0], e.data)
    return _WORDS[e.op](mask, *args)


def _leaf(rng: Random, widths: Sequence[int], width: int) -> Expression:
    fitting = [k for k, w in enumerate(widths) if w == width]
    if fitting and rng.random() < 0.75:
        return Expression("leaf", width, data=rng.choice(fitting))
    return Expression("constant", width, data=rng.randrange(1 << max(1, width)))


def _expression(rng: Random, widths: Sequence[int], width: int, depth: int, operators: Sequence[str]) -> Expression:
    def inner(kind: int) -> Expression:
        return _expression(rng, widths, kind, depth - 1, operators)

    if depth == 0 or rng.random() < 0.2:
        return _leaf(rng, widths, width)
    words = [w for w in widths if w]
    op = rng.choice(operators if width else BOOLEAN if words else BOOLEAN[:4])
    if width and op.endswith("-by"):
        return Expression(op, width, (inner(width),), rng.randrange(width))
    if width:
        operands = tuple(inner(width) for _ in range(1 if op == "invert" else 2))
        return Expression(op, width, (inner(BOOL), *operands) if op == "ite" else operands)
    if op in ("same-words", "ult", "nonzero"):
        kind = rng.choice(words)
        return Expression(op, BOOL, tuple(inner(kind) for _ in range(1 if op == "nonzero" else 2)))
    count = {"no": 1, "ite-conditions": 3}.get(op, 2)
    return Expression(op, BOOL, tuple(inner(BOOL) for _ in range(count)))


def expression(rng: Random, widths: Sequence[int], width: int, operators: Sequence[str]) -> Expression:
    """A random expression of this width over leaves of these widths; each word width must be a leaf's."""
    return _expression(rng, widths, width, 4, operators)


def sorts(widths: Sequence[int]) -> tuple[Sort, ...]:
    """The sorts of leaves of these widths."""
    return tuple(Bits(w) if w else Bool for w in widths)


def _operation(name: str, guard: Expression, values: Sequence[Expression], widths: Sequence[int]) -> Operation:
    return Operation(name, lambda s: (run(guard, s, widths), tuple(run(v, s, widths) for v in values)))


def _start(name: str, values: Sequence[Expression], inputs: Sequence[int], widths: Sequence[int]) -> Start:
    zero = tuple(0 if w else False for w in widths)
    return Start(name, lambda free: tuple(run(v, free or zero, widths) for v in values), sorts(inputs))


def _invariant(name: str, holds: Expression, widths: Sequence[int]) -> Invariant:
    return Invariant(name, f"{name} holds", lambda s: run(holds, s, widths))


class _Author:
    """Writes the parts of a system the way models look: guards and properties about a few facts, small changes."""

    def __init__(self, rng: Random, operators: Sequence[str]) -> None:
        self.rng, self.operators = rng, operators
        words = [rng.randint(1, 4) for _ in range(rng.randint(1, 3))]
        self.widths = (*(words if sum(words) <= 7 else words[:2]), *(BOOL,) * rng.randint(0, 2))

    def leaf(self, k: int) -> Expression:
        return Expression("leaf", self.widths[k], data=k)

    def constant(self, width: int) -> Expression:
        return Expression("constant", width, data=self.rng.randrange(1 << max(1, width)))

    def some(self, most: int) -> set[int]:
        return {self.rng.randrange(len(self.widths)) for _ in range(self.rng.randint(1, most))}

    def fact(self) -> Expression:
        """One Boolean leaf, a comparison of a word with a constant, or any condition; sometimes negated."""
        k = self.rng.randrange(len(self.widths))
        found = self.leaf(k)
        if self.widths[k]:
            op = self.rng.choice(("same-words", "same-words", "same-words", "ult", "nonzero"))
            other = self.constant(self.widths[k])
            bit = Expression("and", self.widths[k], (found, other))
            found = Expression(op, BOOL, (bit,) if op == "nonzero" else (found, other))
        if self.rng.random() < 0.15:
            found = _expression(self.rng, self.widths, BOOL, 2, self.operators)
        return Expression("no", BOOL, (found,)) if self.rng.random() < 0.25 else found

    def guard(self) -> Expression:
        return self.fact() if self.rng.random() < 0.5 else Expression("constant", BOOL, data=1)

    def pattern(self) -> Expression:
        """A property: two or three facts never hold together."""
        found = Expression("both", BOOL, (self.fact(), self.fact()))
        if self.rng.random() < 0.8:
            found = Expression("both", BOOL, (found, self.fact()))
        return Expression("no", BOOL, (found,))

    def change(self, k: int) -> Expression:
        """A new value for a leaf."""
        width = self.widths[k]
        if not width:
            return self.rng.choice((Expression("no", BOOL, (self.leaf(k),)), self.fact(), self.constant(BOOL)))
        if self.rng.random() < 0.6:
            op = self.rng.choice([o for o in self.operators if o in ("add", "sub", "xor", "or", "and")])
            return Expression(op, width, (self.leaf(k), self.constant(width)))
        return _expression(self.rng, self.widths, width, 2, self.operators)

    def operation(self, name: str) -> Operation:
        changed = self.some(2)
        values = [self.change(k) if k in changed else self.leaf(k) for k in range(len(self.widths))]
        return _operation(name, self.guard(), values, self.widths)

    def start(self, name: str) -> Start:
        """Fixed values, or some leaves computed from free ones and the others fixed."""
        free = self.some(2) if self.rng.random() < 0.4 else set()
        values = [
            _expression(self.rng, self.widths, w, 1, BITWISE) if k in free else self.constant(w)
            for k, w in enumerate(self.widths)
        ]
        return _start(name, values, self.widths if free else (), self.widths)

    def system(self) -> TransitionSystem:
        return TransitionSystem(
            "random",
            sorts(self.widths),
            tuple(self.start(f"start {k}") for k in range(self.rng.randint(1, 2))),
            tuple(self.operation(f"op {k}") for k in range(self.rng.randint(1, 4))),
            tuple(_invariant(f"property {k}", self.pattern(), self.widths) for k in range(self.rng.randint(2, 3))),
        )


def systems(operators: Sequence[str] = BITWISE + ARITHMETIC) -> st.SearchStrategy[TransitionSystem]:
    """Systems of 1 to 3 words and up to 2 Booleans, 9 bits at most, 1 to 4 operations and 2 or 3 properties."""
    return st.randoms(use_true_random=True).map(lambda rng: _Author(rng, operators).system())


def _every_value(shape: Sequence[Sort]) -> Iterator[State]:
    ranges = [range(1 << s.width) if s.width else (False, True) for s in shape]
    return itertools.product(*ranges)


def _cut(system: TransitionSystem, state: State) -> State:
    return tuple(
        operator.and_(int(v), (1 << s.width) - 1) if s.width else bool(v)
        for s, v in zip(system.shape, state, strict=True)
    )


def all_states(system: TransitionSystem) -> list[State]:
    """Every value the state of a system with a flat tuple for its shape can have."""
    return list(_every_value(system.shape))


def moves(system: TransitionSystem, state: State) -> list[tuple[int, State]]:
    """The enabled operations in a state and where they lead, on plain integers."""
    found = [(k, op.run(state)) for k, op in enumerate(system.operations)]
    return [(k, _cut(system, after)) for k, (guard, after) in found if guard]


def initial_states(system: TransitionSystem) -> set[State]:
    """Every initial state, for every value of every input."""
    return {_cut(system, start.run(free)) for start in system.starts for free in _every_value(start.inputs)}


def search(system: TransitionSystem) -> dict[State, int]:
    """Every reachable whole state with its depth, by a breadth-first search on plain integers."""
    depths = dict.fromkeys(initial_states(system), 0)
    frontier = list(depths)
    while frontier:
        fresh = {
            after: depths[state] + 1 for state in frontier for _, after in moves(system, state) if after not in depths
        }
        depths.update(fresh)
        frontier = list(fresh)
    return depths


def violation_depths(system: TransitionSystem, depths: dict[State, int]) -> dict[int, int]:
    """Property number -> the smallest depth of a state that violates it."""
    found: dict[int, int] = {}
    for state, depth in depths.items():
        for k, invariant in enumerate(system.invariants):
            if not invariant.holds(state):
                found[k] = min(depth, found.get(k, depth))
    return found
