"""Why a run violates: counterfactuals of a trace, and the smallest sets of edits that remove the violation.

An *edit* changes a system a little, in a way that its model knows of (``models/edits.py``: one bit that a helper sets is
left as it was). A trace is run again with some edits in force: the same start, the same operations, guards and all. Then
the run still violates, or it holds, or some operation is no longer enabled, so that this run cannot happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, Protocol, TypeVar

from checker.state import Shape
from checker.system import TransitionSystem
from checker.trace import Trace


class Fate(Enum):
    """What becomes of a run under edits."""

    VIOLATES = "violates"
    HOLDS = "holds"
    BLOCKED = "blocked"


@dataclass(frozen=True)
class Rerun:
    """A run under edits.

    Attributes:
        fate: what becomes of it.
        step: the first step that violates; the step that is not enabled; for a run that holds, the last one.
    """

    fate: Fate
    step: int

    @property
    def removed(self) -> bool:
        """The violation is gone."""
        return self.fate is not Fate.VIOLATES


def rerun(trace: Trace, at: Callable[[int], TransitionSystem], judge: TransitionSystem) -> Rerun:
    """Runs a trace again on plain integers, each step in a system of its own.

    Args:
        trace: the run; its operations are taken, its states are not looked at.
        at: step number -> the system that makes this step; 0 is the start. All have states of one shape.
        judge: the system whose invariant decides, in every state.

    Where there is no start, operation or invariant of that name, which is no reason to call the violation gone, the run
    counts as one that violates.
    """
    holds = next((i.holds for i in judge.invariants if i.name == trace.invariant), None)
    if holds is None or not _has_names(trace, at):
        return Rerun(Fate.VIOLATES, trace.depth)
    layout = judge.layout
    state: Any = None
    for number, step in enumerate(trace.steps):
        made = _first(at(0), trace) if number == 0 else _next(at(number), step.operation, state)
        if made is None:
            return Rerun(Fate.BLOCKED, number)
        state = layout.state(layout.concrete(made))
        if not holds(state):
            return Rerun(Fate.VIOLATES, number)
    return Rerun(Fate.HOLDS, trace.depth)


def _has_names(trace: Trace, at: Callable[[int], TransitionSystem]) -> bool:
    """Whether every step is one that its system knows."""
    starts = {start.name for start in at(0).starts}
    steps = list(enumerate(trace.steps))[1:]
    return trace.start in starts and all(s.operation in {op.name for op in at(k).operations} for k, s in steps)


def _first(system: TransitionSystem, trace: Trace) -> Any:
    chosen = next(s for s in system.starts if s.name == trace.start)
    return chosen.run(Shape.of(chosen.inputs).state(trace.inputs))


def _next(system: TransitionSystem, name: str, state: Any) -> Any:
    """The state after an operation; None where it is not enabled."""
    operation = next(op for op in system.operations if op.name == name)
    enabled, after = operation.run(state)
    return after if enabled else None


class Edit(Protocol):
    """Edits have an order, so that answers have one."""

    def __lt__(self, other: Any, /) -> bool: ...
    def __hash__(self) -> int: ...


A = TypeVar("A", bound=Edit)


@dataclass(frozen=True)
class Removal(Generic[A]):
    """A set of edits under which the violation is gone, while it is there under every strict subset.

    Attributes:
        edits: the set, in order.
        rerun: what becomes of the run.
    """

    edits: tuple[A, ...]
    rerun: Rerun


@dataclass(frozen=True)
class Looked(Generic[A]):
    """One run under edits: what becomes of it, and which further edits could make a difference to it.

    Attributes:
        rerun: what becomes of it.
        acting: the edits that are about something that happens in this run. An edit that is not among them does not
            change it.
    """

    rerun: Rerun
    acting: Iterable[A]


Look = Callable[[frozenset[A]], Looked[A]]


class TooManyRuns(Exception):
    """So many runs were looked at that the rest of a size is left undone."""


def removals(look: Look[A], largest: int, runs: int) -> Iterator[tuple[int, Sequence[Removal[A]]]]:
    """The minimal sets of edits that remove the violation, by growing size: (size, every one of that size).

    No set is missing: of a minimal set that removes the violation, some edit acts in the run as it is, some other acts
    under that one, and so on; otherwise leaving it out would change nothing. So sets grow by what acts under them.

    Args:
        look: runs the trace under a set of edits.
        largest: the largest size to look at.
        runs: how many runs may be made.

    Raises:
        TooManyRuns: that many were not enough; what was yielded before is complete.
    """
    open_: dict[frozenset[A], Looked[A]] = {frozenset(): look(frozenset())}
    found: list[frozenset[A]] = []
    for size in range(1, largest + 1):
        wanted = {base | {edit} for base, looked in open_.items() for edit in looked.acting if edit not in base}
        wanted = {edits for edits in wanted if not any(smaller <= edits for smaller in found)}
        if len(wanted) > runs:
            raise TooManyRuns(f"{len(wanted)} sets of {size}")
        runs -= len(wanted)
        seen = {edits: look(edits) for edits in sorted(wanted, key=sorted)}
        gone = [Removal(tuple(sorted(e)), looked.rerun) for e, looked in seen.items() if looked.rerun.removed]
        yield size, gone
        found += [frozenset(removal.edits) for removal in gone]
        open_ = {edits: looked for edits, looked in seen.items() if not looked.rerun.removed}
