"""Reachable states by whichever explicit engine suits.

Plain Python for small systems, arrays for large ones; a search on arrays that becomes long is handed over to the
compiled engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from checker.explicit import Reachable, explore
from checker.limits import Budget
from checker.records import replace
from checker.system import TransitionSystem

if TYPE_CHECKING:
    from checker.arrays import WideReachable
    from checker.native.relay import Relay

    Found: TypeAlias = Reachable | WideReachable

SMALL = 8_000
"""Beyond this many states the arrays are faster, NumPy's start included."""

MANY = 100
"""A system with more operations than this is taken to be a large one at once."""


def search(system: TransitionSystem, budget: Budget | None = None) -> Found:
    """Every reachable state of a system, or as many as the budget allows; all engines number them alike."""
    budget = budget or Budget()
    if budget.engine == "plain" or (not budget.engine and budget.states <= SMALL):
        return explore(system, budget)
    if not budget.engine and len(system.operations) <= MANY:
        found = explore(system, replace(budget, states=SMALL))
        if found.complete or len(found.states) <= SMALL:
            return found
    from checker.arrays import explore_arrays
    from checker.bitslice import NotBitwise

    try:
        return explore_arrays(system, budget, _relay(budget))
    except NotBitwise:
        return explore(system, budget)


def _relay(budget: Budget) -> Relay | None:
    """What brings the compiled engine, unless the arrays are to search alone."""
    if budget.engine == "arrays":
        return None
    from checker.native.relay import Relay

    return Relay(budget.say, at_once=budget.engine == "native")
