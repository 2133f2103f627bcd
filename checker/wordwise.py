"""Terms evaluated word by word for many states at a time: an array for each term, with one value for each state.

Nothing is split into bits and nothing is generated: each operator of a term is one NumPy operator that means the same. So
this is an engine apart from the one that searches on arrays (:mod:`checker.bitslice`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.terms import Term, subterms

Column = NDArray[Any]
"""The values of a term: booleans, or words of 64 bits whatever the term's width."""

MOST_BITS = 64


class NotWordwise(Exception):
    """A term has words that are too wide."""


def _ones(width: int) -> np.uint64:
    return np.uint64((1 << width) - 1)


def _shift(operator: Callable[..., Any], term: Term, word: Column, distance: Column) -> Column:
    shifted = operator(word, np.minimum(distance, np.uint64(MOST_BITS - 1))) & _ones(term.width)
    return np.where(distance < np.uint64(term.width), shifted, np.uint64(0))


def _extract(term: Term, word: Column) -> Column:
    result: Column = word >> np.uint64(term.data[1]) & _ones(term.width)
    return result


def _either_of(term: Term, condition: Column, then: Column, otherwise: Column) -> Column:
    result: Column = np.where(condition, then, otherwise)
    return result


_OPERATORS: dict[str, Callable[..., Column]] = {
    "band": lambda term, a, b: a & b,
    "bor": lambda term, a, b: a | b,
    "bxor": lambda term, a, b: a ^ b,
    "add": lambda term, a, b: a + b & _ones(term.width),
    "sub": lambda term, a, b: a - b & _ones(term.width),
    "mul": lambda term, a, b: a * b & _ones(term.width),
    "shl": lambda term, a, b: _shift(np.left_shift, term, a, b),
    "lshr": lambda term, a, b: _shift(np.right_shift, term, a, b),
    "eq": lambda term, a, b: a == b,
    "ult": lambda term, a, b: a < b,
    "ule": lambda term, a, b: a <= b,
    "and": lambda term, *args: reduce(np.logical_and, args),
    "or": lambda term, *args: reduce(np.logical_or, args),
    "not": lambda term, a: ~a,
    "ite": _either_of,
    "extract": _extract,
    "zext": lambda term, a: a,
}


class Plan:
    """The order in which terms are evaluated, and when each is no longer needed.

    Args:
        roots: the terms whose values are asked for.

    Raises:
        NotWordwise: there is a word of more than 64 bits.
    """

    def __init__(self, roots: Sequence[Term]) -> None:
        self._steps: list[tuple[Term, bool]] = []
        seen: set[int] = set()
        for root in roots:
            self._steps += [(term, False) for term in subterms([root], seen)]
            self._steps.append((root, True))
        if any(term.width > MOST_BITS for term, _ in self._steps):
            raise NotWordwise(f"words of more than {MOST_BITS} bits")
        last: dict[int, int] = {}
        for time, (term, is_root) in enumerate(self._steps):
            last.update(dict.fromkeys([term.serial] if is_root else [arg.serial for arg in term.args], time))
        self._ends: dict[int, list[int]] = {}
        for serial, time in last.items():
            self._ends.setdefault(time, []).append(serial)

    def run(self, columns: Mapping[Term, Column], count: int) -> Iterator[Column]:
        """The value of each root in turn.

        Args:
            columns: the variables' values; one that is not there cannot matter.
            count: how many values each has.
        """
        values: dict[int, Column] = {}
        for time, (term, is_root) in enumerate(self._steps):
            if is_root:
                yield values[term.serial]
            elif term.args:
                values[term.serial] = _OPERATORS[term.op](term, *(values[arg.serial] for arg in term.args))
            else:
                values[term.serial] = _leaf(term, columns, count)
            for serial in self._ends.get(time, ()):
                del values[serial]


def _leaf(term: Term, columns: Mapping[Term, Column], count: int) -> Column:
    found = columns.get(term) if term.op == "var" else None
    if found is not None:
        return found
    return np.full(count, term.data if term.op == "const" else 0, np.uint64 if term.width else np.bool_)
