"""Reachable states by whichever explicit engine suits: plain Python for small systems, arrays for large ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from checker.explicit import Reachable, explore
from checker.limits import Budget
from checker.system import TransitionSystem

if TYPE_CHECKING:
    from checker.arrays import WideReachable

    Found: TypeAlias = Reachable | WideReachable

SMALL = 8_000
"""Beyond this many states the arrays are faster, NumPy's start included."""

MANY = 100
"""A system with more operations than this is taken to be a large one at once."""


def search(system: TransitionSystem, budget: Budget | None = None) -> Found:
    """Every reachable state of a system, or as many as the budget allows; both engines number them alike."""
    budget = budget or Budget()
    if budget.states <= SMALL:
        return explore(system, budget)
    if len(system.operations) <= MANY:
        found = explore(system, replace(budget, states=SMALL))
        if found.complete or len(found.states) <= SMALL:
            return found
    from checker.arrays import explore_arrays
    from checker.bitslice import NotBitwise

    try:
        return explore_arrays(system, budget)
    except NotBitwise:
        return explore(system, budget)
