"""Proofs without enumeration: property-directed reachability (IC3), which learns clauses frame by frame.

A state that leads to a violation is excluded from the frames it is not reachable in, by the shortest clause that the
solver's reasons leave. Once two neighbouring frames are the same, the property and their clauses are an inductive
invariant. Whatever comes out is trusted by nobody: a proof goes through :mod:`checker.certificate`, a run through replay.

Runs are found from their ends, so that they need not be shortest.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from checker.exchange import Exchange
from checker.explicit import Origin
from checker.frames import FOREVER, Cube, Frames
from checker.limits import Budget, OutOfBudget
from checker.system import Literals, TransitionSystem
from checker.terms import Term

MOST_QUESTIONS = 50_000
"""A property that takes more questions to the solver is given up: a minute and more, where no time limit was set."""

MOST_FRAMES = 50
"""A property that takes more frames is given up: its clauses are found out one step after the other, without end."""


@dataclass(frozen=True)
class Run:
    """A run to a state that violates the property, not necessarily a shortest one."""

    origin: Origin
    operations: tuple[int, ...]


@dataclass(frozen=True)
class Closed:
    """The condition always holds: it and these clauses hold at every start, and every step keeps them.

    Attributes:
        clauses: in the facts' names.
        cubes: the same as :class:`checker.frames.Frames` has them, for further searches of the same system.
        frames: how many frames it took.
        questions: how many the solver was asked.
    """

    clauses: tuple[Literals, ...]
    cubes: frozenset[Cube]
    frames: int
    questions: int


@dataclass(order=True)
class _Obligation:
    """A cube to be kept out of a frame, since an operation leads from it to a violation, at once or in the end."""

    frame: int
    serial: int
    cube: Cube = field(compare=False)
    operation: int = field(compare=False)
    then: _Obligation | None = field(default=None, compare=False)

    def run(self, frames: Frames) -> Run:
        """The run from an initial state in the cube."""
        operations = [self.operation]
        at = self
        while at.then is not None:
            at = at.then
            operations.append(at.operation)
        return Run(Origin(*frames.start(self.cube)), tuple(operations))


def reach_or_close(
    system: TransitionSystem,
    holds: Term,
    budget: Budget | None = None,
    given: Iterable[Term] = (),
    known: Iterable[Cube] = (),
    alike: Sequence[Exchange] = (),
) -> Closed | Run:
    """A run to a state where a condition fails, or clauses that together with it no step leaves.

    Args:
        system: the system; views are not looked at.
        holds: the condition, over the relation's variables.
        budget: limits.
        given: conditions that hold in every reachable state.
        known: cubes that no reachable state is in.
        alike: exchanges under which what is learned is tried, too.

    Raises:
        OutOfBudget: a limit was reached, or the facts that clauses may speak of are too few.
    """
    return _Search(Frames(system, holds, budget or Budget(), given, known), budget or Budget(), alike).result()


class _Search:
    def __init__(self, frames: Frames, budget: Budget, alike: Sequence[Exchange]) -> None:
        self.frames, self.budget, self.alike, self._serial = frames, budget, alike, 0

    def result(self) -> Closed | Run:
        frames = self.frames
        at_once = frames.bad_start()
        if at_once is not None:
            return Run(Origin(*at_once), ())
        while True:
            while (found := frames.bad(frames.top)) is not None:
                run = self._block(self._obligation(frames.top, *found))
                if run is not None:
                    return run
            frames.add_frame()
            if self._propagate():
                cubes = frozenset(frames.forever)
                return Closed(tuple(map(frames.literals, cubes)), cubes, frames.top, frames.questions)

    def _obligation(self, frame: int, cube: Cube, operation: int, then: _Obligation | None = None) -> _Obligation:
        self._serial += 1
        return _Obligation(frame, self._serial, cube, operation, then)

    def _check(self) -> None:
        self.budget.check()
        if self.frames.questions > MOST_QUESTIONS:
            raise OutOfBudget(f"not decided within {MOST_QUESTIONS} questions to the solver")
        if self.frames.top > MOST_FRAMES:
            raise OutOfBudget(f"not decided within {MOST_FRAMES} frames")

    def _block(self, first: _Obligation) -> Run | None:
        """Keeps a cube out of its frame, and out of earlier ones all that leads there; a run if that cannot be."""
        frames, queue = self.frames, [first]
        if frames.initial(first.cube) is not None:
            return first.run(frames)
        while queue:
            self._check()
            now = heapq.heappop(queue)
            if frames.excluded(now.cube, now.frame):
                continue
            kept = frames.keeps_out(now.cube, now.frame - 1)
            if kept is None:
                cube, operation = frames.predecessor(now.cube)
                before = self._obligation(now.frame - 1, cube, operation, now)
                if frames.initial(cube) is not None:
                    return before.run(frames)
                heapq.heappush(queue, before)
                heapq.heappush(queue, now)
                continue
            frame = self._learn(kept, now)
            if frame < frames.top:
                heapq.heappush(queue, self._obligation(frame + 1, now.cube, now.operation, now.then))
        return None

    def _learn(self, kept: Cube, now: _Obligation) -> int:
        """Excludes as many states as one clause can, those of an obligation among them; up to which frame."""
        frames, cube, frame = self.frames, self._without_initial(kept, now.cube), now.frame
        for literal in sorted(cube, key=abs, reverse=True):
            smaller = cube - {literal}
            if literal in cube and frames.initial(smaller) is None:
                kept_out = frames.keeps_out(smaller, frame - 1)
                if kept_out is not None:
                    cube = self._without_initial(kept_out, smaller)
        while frame < frames.top and frames.keeps_out(cube, frame) is not None:
            frame += 1
        frames.exclude(cube, frame)
        self._tell_alike(cube, frame)
        return frame

    def _tell_alike(self, cube: Cube, frame: int) -> None:
        """Excludes the same cube of other processes, say, where the solver agrees, from the same frame."""
        frames, seen, waiting = self.frames, {cube}, [cube]
        while waiting:
            one = waiting.pop()
            for exchange in self.alike:
                image = exchange.of(one)
                if image is None or image in seen or frames.excluded(image, frame):
                    continue
                seen.add(image)
                self._check()
                kept = frames.keeps_out(image, frame - 1) if frames.initial(image) is None else None
                if kept is not None:
                    frames.exclude(self._without_initial(kept, image), frame)
                    waiting.append(image)

    def _without_initial(self, kept: Cube, whole: Cube) -> Cube:
        """Some of the facts of a cube without initial states, those kept among them, that have no initial state either."""
        while (state := self.frames.initial(kept)) is not None:
            kept |= {min(whole - state, key=abs)}
        return kept

    def _propagate(self) -> bool:
        """Moves clauses to the frames they hold in, too; whether some frame is the same as the next then."""
        frames = self.frames
        for number in range(1, frames.top):
            for cube in sorted(frames.clauses[number], key=sorted):
                self._check()
                if frames.keeps_out(cube, number) is not None:
                    frames.exclude(cube, number + 1)
            if not frames.clauses[number]:
                for cube in [cube for newer in frames.clauses[number + 1 :] for cube in newer]:
                    frames.exclude(cube, FOREVER)
                return True
        return False
