"""What becomes of an invariant in every order of operations, when helpers are edited."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from checker.cli.jobs import Job, find_architecture, system_with
from checker.limits import Budget, OutOfBudget
from checker.memory import fair_share
from checker.system import TransitionSystem, operation_number
from checker.trace import Trace, make_trace
from checker.verdict import Verdict

if TYPE_CHECKING:
    from checker.search import Found
    from models.edits import Assignment

STATES = 2_000_000
"""A system with more states than this is not decided here."""


@dataclass(frozen=True)
class Whole:
    """What becomes of the invariant in every order of operations, without a bound.

    Attributes:
        verdict: proved (in all reachable states), violated, vacuous, or not decided.
        states: how many states there are, where all were seen.
        reason: why it is not decided, or vacuous; else "".
        trace: the shortest violation that is left.
    """

    verdict: Verdict
    states: int | None = None
    reason: str = ""
    trace: Trace | None = None

    @property
    def holds(self) -> bool:
        """The invariant holds in every reachable state, and not for want of something that can happen."""
        return self.verdict is Verdict.PROVED


def everywhere(job: Job, edits: Iterable[Assignment], invariant: str, seconds: float) -> Whole:
    """An invariant of a job whose helpers are edited.

    The answer is the search's alone: it is made to tell edits apart, and nothing of it is certified.
    """
    chosen = frozenset(edits)
    system = edited_system(job, chosen)
    if invariant not in {i.name for i in system.invariants}:
        return Whole(Verdict.UNKNOWN, reason="nobody asks this of such helpers")
    return _searched(job, chosen, seconds)[invariant] if system.operations else _still(system, invariant, seconds)


def edited_system(job: Job, edits: Iterable[Assignment]) -> TransitionSystem:
    """The system of a job whose helpers are edited."""
    from models.edits import with_edits

    return system_with(job, with_edits(find_architecture(job.config, job.kernel), edits))


@lru_cache(maxsize=512)
def _searched(job: Job, edits: frozenset[Assignment], seconds: float) -> dict[str, Whole]:
    """Every invariant, by one search."""
    from checker.decision import settled_search

    system = edited_system(job, edits)
    try:
        system, reach = settled_search(system, Budget(seconds, STATES, fair_share(1)))
    except (OutOfBudget, MemoryError) as why:
        reason = str(why) or "there was no more memory"
        return {i.name: Whole(Verdict.UNKNOWN, reason=reason) for i in system.invariants}
    return {i.name: _verdict(system, reach, k) for k, i in enumerate(system.invariants)}


def _verdict(system: TransitionSystem, reach: Found, number: int) -> Whole:
    from checker.decision import vacuity

    if number in reach.first_violation:
        origin, steps = reach.path(reach.first_violation[number])
        names = [system.operations[operation_number(system, k)].name for k in steps]
        start = system.starts[origin.start].name
        return Whole(
            Verdict.VIOLATED, trace=make_trace(system, system.invariants[number].name, start, origin.inputs, names)
        )
    if not reach.complete:
        return Whole(Verdict.UNKNOWN, reason=reach.stopped)
    empty = vacuity(system, reach, number)
    return Whole(Verdict.VACUOUS if empty else Verdict.PROVED, len(reach.states), empty)


def _still(system: TransitionSystem, invariant: str, seconds: float) -> Whole:
    """A system that never moves has too many states to be searched."""
    from checker.decision import Options, decide

    options = Options(seconds=seconds, only=frozenset({invariant}), remember=False)
    found = next(r for r in decide(system, options) if r.invariant == invariant)
    return Whole(found.verdict, None, found.reason, found.trace)
