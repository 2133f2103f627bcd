"""Whether a violation could come earlier, asked of the model itself: its first levels, run once more on plain integers.

Replay shows that a counterexample exists; that none is shorter needs an argument of its own. Here it is the model's text
run on integers, as replay runs it: no terms, no generated code and no solver have a part in it. Every state that fewer
transitions reach is made, must satisfy the properties in question, and must be one that the search has seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from checker.explicit import Reachable, origins
from checker.limits import Budget

if TYPE_CHECKING:
    from checker.codegen import Values
    from checker.system import TransitionSystem

FEW = 1_000
"""As many runs of an operation take about as long as the symbolic engine takes to start and to answer."""


class NotSeen(Exception):
    """The model reaches a state that the search has not seen; the message says after how many steps."""


def can_confirm(system: TransitionSystem, reach: object, depth: int) -> bool:
    """Whether to run the levels before a depth anew: of a whole and small system, where that is quick.

    Args:
        system: the system that was searched.
        reach: the search.
        depth: the depth of a counterexample it has found.
    """
    if system.views or not isinstance(reach, Reachable):
        return False
    expanded = reach.levels[depth - 1] if depth else 0
    return len(reach.origins) + expanded * len(system.operations) <= FEW


def earlier(system: TransitionSystem, reach: Reachable, depths: Mapping[int, int], budget: Budget) -> dict[int, int]:
    """The depth at which each property fails first, looked for before the depth that the search has found.

    Args:
        system: the system that was searched.
        reach: the search.
        depths: property number -> depth of the shortest counterexample, as the search has it.
        budget: limits.

    Returns:
        ``depths``, less where a property fails earlier.

    Raises:
        NotSeen: the search has missed a state.
        OutOfBudget: a limit was reached.
    """
    found = dict(depths)
    for depth, level in enumerate(_levels(system, reach, max(depths.values(), default=0), budget)):
        open_ = [number for number, first in found.items() if first > depth]
        for state in map(system.layout.state, level):
            found |= {k: depth for k in open_ if not system.invariants[k].holds(state)}
        known = set(reach.states[: reach.levels[depth + 1]])
        if any(reach.cone.key(values) not in known for values in level):
            raise NotSeen(f"{depth} steps lead to a state that explicit search has not seen")
    return found


def _levels(system: TransitionSystem, reach: Reachable, count: int, budget: Budget) -> Iterator[list[Values]]:
    """The whole states that 0, 1, ... transitions reach, ``count`` levels of them, each state once."""
    seen: dict[Values, None] = {}
    fresh: Iterable[Values] = (values for _, values in origins(system, reach.cone, budget))
    for number in range(count):
        level = [values for values in dict.fromkeys(fresh) if values not in seen]
        seen.update(dict.fromkeys(level))
        yield level
        if number + 1 < count:
            fresh = _successors(system, level, budget)


def _successors(system: TransitionSystem, level: list[Values], budget: Budget) -> Iterator[Values]:
    layout = system.layout
    for state in map(layout.state, level):
        budget.check()
        for operation in system.operations:
            enabled, after = operation.run(state)
            if enabled:
                yield layout.concrete(after)
