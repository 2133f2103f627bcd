"""Re-checks a large set of states with the engine that evaluates terms word by word (:mod:`checker.wordwise`).

It asks the same as :mod:`checker.recheck` with the plain engine, for which Python would first have to compile megabytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.arrays import PackedStates, WideReachable, not_among
from checker.bitslice import Packing
from checker.explicit import initial_states
from checker.keyset import KeySet, Numbers, Words, where
from checker.limits import Budget
from checker.system import Relation, TransitionSystem
from checker.terms import BOOL, cut
from checker.wordwise import Column, Plan

AT_ONCE = 2048
"""States that are looked at together: as many as a sample has."""


@dataclass(frozen=True)
class _Wanted:
    """States that must be in the set.

    Attributes:
        words: packed.
        before: for each the number of the state that it follows; -1 for an initial one.
        steps: the operation that leads there.
    """

    words: list[Words]
    before: Numbers
    steps: Numbers


def not_closed(system: TransitionSystem, reach: WideReachable, budget: Budget, every: int) -> str:
    """Why a set of states is not closed or what its verdicts say is not so; "" if nothing was found.

    Args:
        system: the system that was searched.
        reach: the search.
        budget: limits.
        every: look at every so many states.

    Raises:
        OutOfBudget: a limit was reached.
        NotWordwise: the system has words that are too wide.
    """
    packing = reach.states.packing
    initial = packing.pack(list(initial_states(system, reach.cone, budget)))
    looking = _Looking(system.relation, packing, reach.cone.masks)
    open_ = [number for number in range(len(system.relation.properties)) if number not in reach.first_violation]
    count = len(initial[0])
    wanted = [_Wanted(initial, np.full(count, -1), np.zeros(count, np.int64))]
    known = KeySet(packing.words)
    for begin in range(0, len(reach.states), every * AT_ONCE):
        budget.check(more=known.growth(1))
        numbers = np.arange(begin, min(begin + every * AT_ONCE, len(reach.states)), every)
        holds, found = looking.at([word[numbers] for word in reach.states.words], numbers)
        for number in open_:
            if not holds[number].all():
                return f"state {numbers[holds[number].argmin()]} violates what was said to hold"
        wanted.append(_once(known, found))
    return _missing(system.relation, reach.states, wanted)


class _Looking:
    """Looks at states: what holds there, and where they lead.

    Args:
        relation: the system.
        packing: of its states.
        masks: the bits that matter.
    """

    def __init__(self, relation: Relation, packing: Packing, masks: Sequence[int]) -> None:
        self._relation, self._packing = relation, packing
        places = [k for k, mask in enumerate(masks) if mask]
        nexts = [[step.guard, *(cut(step.values[k], masks[k]) for k in places)] for step in relation.steps]
        self._plan = Plan([*relation.properties, *(term for terms in nexts for term in terms)])

    def at(self, words: list[Words], numbers: Numbers) -> tuple[list[Column], _Wanted]:
        """Where each property holds, and the successors operation by operation."""
        columns = {
            variable: column.astype(np.bool_) if variable.width == BOOL else column
            for variable, column in zip(self._packing.variables, self._packing.unpack_columns(words), strict=True)
        }
        values = self._plan.run(columns, len(numbers))
        holds = [next(values) for _ in self._relation.properties]
        taken = list(self._successors(values))
        steps = np.repeat(np.arange(len(taken)), [len(places) for places, _ in taken])
        before = numbers.take(_joined([places for places, _ in taken]))
        leaves = [_joined(pieces) for pieces in zip(*(after for _, after in taken), strict=True)]
        return holds, _Wanted(self._packing.pack_columns(leaves, len(before)), before, steps)

    def _successors(self, values: Iterator[Column]) -> Iterator[tuple[Numbers, list[Column]]]:
        """For each operation the places where it is enabled, and the leaves of the successors there."""
        for _ in self._relation.steps:
            places = where(next(values))
            yield places, [next(values).take(places) for _ in self._packing.variables]


def _joined(pieces: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate(pieces) if pieces else np.empty(0, np.int64)


def _once(known: KeySet, found: _Wanted) -> _Wanted:
    """What was not wanted before, each once."""
    away, slots = known.look(found.words)
    new, slots = known.unknown([word.take(away) for word in found.words], slots)
    places = away.take(new)
    places = places.take(known.add([word.take(places) for word in found.words], slots))
    return _Wanted([word.take(places) for word in found.words], found.before.take(places), found.steps.take(places))


def _missing(relation: Relation, states: PackedStates, wanted: Sequence[_Wanted]) -> str:
    """Which of the states that are wanted is not there; "" if all are."""
    words = [np.concatenate(pieces) for pieces in zip(*(some.words for some in wanted), strict=True)]
    missing = not_among(states, words)
    if not missing.size:
        return ""
    before = np.concatenate([some.before for some in wanted]).take(missing)
    steps = np.concatenate([some.steps for some in wanted]).take(missing)
    first = before.argmin()
    if before[first] < 0:
        return "an initial state was not found"
    name = relation.steps[steps[first]].name
    return f"state {before[first]} has a successor under {name} that was not found"
