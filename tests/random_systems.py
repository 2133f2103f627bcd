"""Random expressions and random small transition systems, with the naive search that tells the truth about them."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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


# On plain integers a model cuts a result to its width itself, which is why the mask is part of the text.
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


def run(e: Expression, leaves: Sequence[Any], widths: Sequence[int]) -> Any:
    """The value of an expression over integers, terms or Z3 values."""
    if e.op == "leaf":
        return leaves[e.data]
    if e.op == "constant":
        return bool(e.data) if e.width == BOOL else word_like(leaves[list(widths).index(e.width)], e.data)
    args = [run(arg, leaves, widths) for arg in e.args]
    if e.width == BOOL:
        return _CONDITIONS[e.op](*args)
    mask = (1 << e.width) - 1
    if e.op == "shl-by":
        return (args[0] << e.data) & mask
    if e.op == "lshr-by":
        return lshr(args[0], e.data)
    return _WORDS[e.op](mask, *args)


def _leaf(draw: st.DrawFn, widths: Sequence[int], width: int) -> Expression:
    fitting = [k for k, w in enumerate(widths) if w == width]
    if fitting and draw(st.integers(0, 3)):
        return Expression("leaf", width, data=draw(st.sampled_from(fitting)))
    return Expression("constant", width, data=draw(st.integers(0, (1 << width) - 1 if width else 1)))


def _draw(draw: st.DrawFn, widths: Sequence[int], width: int, depth: int, operators: Sequence[str]) -> Expression:
    def inner(kind: int) -> Expression:
        return _draw(draw, widths, kind, depth - 1, operators)

    if depth == 0 or not draw(st.integers(0, 4)):
        return _leaf(draw, widths, width)
    words = [w for w in widths if w]
    op = draw(st.sampled_from(operators if width else BOOLEAN if words else BOOLEAN[:4]))
    if width and op.endswith("-by"):
        return Expression(op, width, (inner(width),), draw(st.integers(0, width - 1)))
    if width:
        count = 1 if op == "invert" else 2
        operands = tuple(inner(width) for _ in range(count))
        return Expression(op, width, (inner(BOOL), *operands) if op == "ite" else operands)
    if op in ("same-words", "ult", "nonzero"):
        kind = draw(st.sampled_from(words))
        return Expression(op, BOOL, tuple(inner(kind) for _ in range(1 if op == "nonzero" else 2)))
    count = {"no": 1, "ite-conditions": 3}.get(op, 2)
    return Expression(op, BOOL, tuple(inner(BOOL) for _ in range(count)))


@st.composite
def expressions(
    draw: st.DrawFn, widths: Sequence[int], width: int, depth: int = 4, operators: Sequence[str] = BITWISE + ARITHMETIC
) -> Expression:
    """An expression of this width over leaves of these widths; each word width must be a leaf's."""
    return _draw(draw, widths, width, depth, operators)


def sorts(widths: Sequence[int]) -> tuple[Sort, ...]:
    """The sorts of leaves of these widths."""
    return tuple(Bits(w) if w else Bool for w in widths)


def _operation(name: str, guard: Expression, values: Sequence[Expression], widths: Sequence[int]) -> Operation:
    return Operation(name, lambda s: (run(guard, s, widths), tuple(run(v, s, widths) for v in values)))


def _start(name: str, values: Sequence[Expression], inputs: Sequence[int]) -> Start:
    return Start(name, lambda free: tuple(run(v, free, inputs) for v in values), sorts(inputs))


def _invariant(name: str, holds: Expression, widths: Sequence[int]) -> Invariant:
    return Invariant(name, f"{name} holds", lambda s: run(holds, s, widths))


def _step_value(draw: st.DrawFn, widths: Sequence[int], k: int, operators: Sequence[str]) -> Expression:
    kept = Expression("leaf", widths[k], data=k)
    return kept if draw(st.booleans()) else _draw(draw, widths, widths[k], 2, operators)


@st.composite
def systems(draw: st.DrawFn, operators: Sequence[str] = BITWISE + ("add", "sub", "lshr")) -> TransitionSystem:
    """A system of 1 to 3 words and up to 2 Booleans, 9 bits at most, 1 to 4 operations and 2 or 3 properties."""
    words = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3).filter(lambda w: sum(w) <= 7))
    widths = (*words, *(BOOL,) * draw(st.integers(0, 2)))
    starts = []
    for number in range(draw(st.integers(1, 2))):
        inputs = widths if draw(st.booleans()) else ()
        values = [_draw(draw, inputs, w, 1 if inputs else 0, BITWISE) for w in widths]
        starts.append(_start(f"start {number}", values, inputs or widths))
    operations = [
        _operation(f"op {number}", _draw(draw, widths, BOOL, 2, operators),
                   [_step_value(draw, widths, k, operators) for k in range(len(widths))], widths)
        for number in range(draw(st.integers(1, 4)))
    ]
    invariants = [
        _invariant(f"property {k}", _draw(draw, widths, BOOL, 3, operators), widths) for k in range(draw(st.integers(2, 3)))
    ]
    return TransitionSystem("random", sorts(widths), tuple(starts), tuple(operations), tuple(invariants))


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
        fresh = {after: depths[state] + 1 for state in frontier for _, after in moves(system, state) if after not in depths}
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
