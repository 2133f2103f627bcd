"""Which assignments of helpers a proof rests on: left out, they turn it into a violation."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checker.cli.everywhere import Whole, edited_system, everywhere
from checker.cli.jobs import Job, find_architecture, system_with
from checker.limits import Budget, OutOfBudget
from checker.memory import fair_share
from checker.state import Shape
from checker.verdict import Verdict

if TYPE_CHECKING:
    from checker.system import TransitionSystem
    from models.edits import Assignment
    from models.pte import Architecture

SAMPLE = 300
"""In so many reachable states it is looked at which assignments do something."""


@dataclass(frozen=True)
class Needed:
    """An assignment without which the invariant does not hold any more.

    Attributes:
        assignment: left out wherever the helper is called.
        place: file and line, where they are known.
        whole: what becomes of the invariant: violated, or vacuous.
    """

    assignment: Assignment
    place: str
    whole: Whole


@dataclass(frozen=True)
class Rests:
    """What a proof rests on.

    Attributes:
        needed: the assignments without which the invariant is violated, or says nothing; in order.
        idle: those that may be left out.
        open: those that were not looked at, or not decided in time.
        states: in how many of the reachable states it was looked at what helpers assign.
        every: those were all there are.
    """

    needed: tuple[Needed, ...]
    idle: tuple[Assignment, ...]
    open: tuple[Assignment, ...]
    states: int
    every: bool


def rests_on(job: Job, invariants: Iterable[str], seconds: float) -> dict[str, Rests]:
    """For each invariant of a job that is proved, the assignments that its proof rests on.

    Args:
        job: whose system it is.
        invariants: their names.
        seconds: how long to look.

    Raises:
        OutOfBudget: not even the reachable states were found in that time.
    """
    began = time.monotonic()
    arch = find_architecture(job.config, job.kernel)
    states, every = _states(edited_system(job, ()), seconds)
    acting = _acting(job, arch, states)
    names = list(invariants)
    found: dict[str, list[tuple[Assignment, Whole | None]]] = {name: [] for name in names}
    for edit in acting:
        left = seconds - (time.monotonic() - began)
        for name in names:
            # In whole seconds, so that one search answers for every invariant.
            found[name].append((edit, everywhere(job, (edit,), name, float(int(left) + 1)) if left > 0 else None))
    return {name: _sorted_out(arch, answers, len(states), every) for name, answers in found.items()}


def _sorted_out(arch: Architecture, answers: list[tuple[Assignment, Whole | None]], states: int, every: bool) -> Rests:
    from models.edits import place

    needed, idle, open_ = [], [], []
    for edit, whole in answers:
        if whole is None or whole.verdict is Verdict.UNKNOWN:
            open_.append(edit)
        elif whole.holds:
            idle.append(edit)
        else:
            needed.append(Needed(edit, place(arch, edit.helper), whole))
    return Rests(tuple(needed), tuple(idle), tuple(open_), states, every)


def _states(system: TransitionSystem, seconds: float) -> tuple[list[Any], bool]:
    """Reachable states, evenly spread over the search, and whether they are all there are."""
    from checker.decision import settled_search

    settled, reach = settled_search(system, Budget(seconds, memory=fair_share(1)))
    if not reach.complete:
        raise OutOfBudget(reach.stopped)
    layout = settled.reduced.layout
    wanted = [k for k, mask in enumerate(reach.cone.masks) if mask]
    every = max(1, len(reach.states) // SAMPLE)
    found = []
    for number in range(0, len(reach.states), every):
        values = [0] * len(layout.leaves)
        for k, value in zip(wanted, reach.states[number], strict=True):
            values[k] = int(value)
        found.append(layout.state(values))
    return found, every == 1


def _acting(job: Job, arch: Architecture, states: list[Any]) -> tuple[Assignment, ...]:
    """The assignments that do something at a start, in an operation from one of these states, or in a property there."""
    from models.edits import Calls, recorded

    calls = Calls(arch)
    system = system_with(job, recorded(arch, calls.record))
    for start in system.starts:
        shape = Shape.of(start.inputs)
        start.run(shape.state([0] * len(shape.leaves)))
    for state in states:
        for _ in _everything(system, state):
            pass
    return calls.acting()


def _everything(system: TransitionSystem, state: Any) -> Iterator[Any]:
    for operation in system.operations:
        yield operation.run(state)
    for invariant in system.invariants:
        yield invariant.holds(state)
