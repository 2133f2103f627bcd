"""Re-checks a proof by enumeration with the engine that did not make it.

The arrays evaluate single bits, 64 states at a time; the plain engine runs Python made from the same terms, word by
word. Every initial state must be in the set, and every successor of its states. ``every`` thins the states out whose
successors are looked at; 1 looks at all of them, which is a proof of its own.

What the arrays found the plain engine looks at; a sample of it is looked at by a third one, to which the same terms are
operators on arrays of words (:mod:`checker.recheck_columns`): Python made for a whole kernel takes longer to compile than
to run for a sample. What the plain engine found is looked at bit by bit (:mod:`checker.recheck_bits`); where a system has
arithmetic, which no engine takes apart, by the plain one once more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checker.codegen import Values, compile_masks, compile_successors, room_to_compile
from checker.explicit import Reachable, initial_states
from checker.limits import Budget
from checker.system import TransitionSystem

if TYPE_CHECKING:
    from checker.search import Found

INITIAL = (-1, -1)
"""Where an initial state comes from: no state, no operation."""

SAMPLE = 2_000
"""Of a large set about this many states are re-checked where a verdict is wanted at once."""


def not_closed(system: TransitionSystem, reach: Found, budget: Budget, every: int | None = None) -> str:
    """Why a set of states is not closed or what its verdicts say is not so; "" if nothing was found.

    Args:
        system: the system that was searched.
        reach: the search.
        budget: limits.
        every: look at every so many states; default: at about :data:`SAMPLE` of them.

    Raises:
        OutOfBudget: a limit was reached.
    """
    step = every or max(1, len(reach.states) // SAMPLE)
    if isinstance(reach, Reachable):
        from checker import recheck_bits

        try:
            return recheck_bits.not_closed(system, reach, budget, step)
        except recheck_bits.NotBitwise:
            pass
    elif every is None:
        from checker import recheck_columns
        from checker.wordwise import NotWordwise

        try:
            return recheck_columns.not_closed(system, reach, budget, step)
        except NotWordwise:
            pass
    relation = system.relation
    wanted = [v for v, mask in zip(relation.state, reach.cone.masks, strict=True) if mask]
    if budget.memory is not None:
        budget.check(more=room_to_compile(relation, reach.cone.masks))
    successors = compile_successors(relation, reach.cone.masks)
    holds = compile_masks(wanted, relation.properties)
    open_ = sum(1 << number for number in range(len(relation.properties)) if number not in reach.first_violation)
    reached: dict[Values, tuple[int, int]] = dict.fromkeys(initial_states(system, reach.cone, budget), INITIAL)
    for count, number in enumerate(range(0, len(reach.states), step)):
        if not count % 1000:
            budget.check()
        state = reach.states[number]
        if open_ & ~holds(state):
            return f"state {number} violates what was said to hold"
        reached |= {after: (number, operation) for operation, after in successors(state)}
    missing = _unknown(reach, reached)
    if missing is None:
        return ""
    if reached[missing] == INITIAL:
        return "an initial state was not found"
    number, operation = reached[missing]
    return f"state {number} has a successor under {relation.steps[operation].name} that was not found"


def _unknown(reach: Found, wanted: dict[Values, tuple[int, int]]) -> Values | None:
    """The first of these states that is not in the set."""
    if isinstance(reach, Reachable):
        known = set(reach.states)
        return next((state for state in wanted if state not in known), None)
    from checker.arrays import first_unknown

    return first_unknown(reach, list(wanted))
