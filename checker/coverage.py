"""Coverage of a model: how often each operation is enabled, and which outcomes of its choices some state reaches.

A choice is a call of :func:`checker.logic.ite` on a condition that is not constant. Which calls count, and where a
call belongs that a helper makes for its caller, is said by a :class:`Source`.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import linecache
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

from checker import terms
from checker.arrays import PackedStates, WideReachable, explore_arrays
from checker.bitslice import Machine, Program, assemble, state_numbers, unpack
from checker.dependency import BitSplitter, depends_only_on
from checker.keyset import Words
from checker.limits import Budget
from checker.logic import watching
from checker.system import Invariant, Operation, TransitionSystem
from checker.terms import BOOL, Term

FIRST = 50_000
"""States of a search for outcomes that the search for all states cannot tell."""


class NotExplored(Exception):
    """The reachable states are not all known; the message says why."""


@dataclass(frozen=True, order=True)
class Place:
    """Where a choice is written.

    Attributes:
        file: the path below the source's root.
        line: the line, from 1.
        column: the column where the call begins, from 0; two choices on one line differ in it.
        condition: the condition as it is written: the first argument of the call; "" if there is no source text.
    """

    file: str
    line: int
    column: int
    condition: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


Outcome = tuple[Place, bool]
"""One of the two ways a choice may go."""


@dataclass(frozen=True)
class Source:
    """The code whose choices count.

    Attributes:
        root: the folder that paths are relative to.
        counted: files and folders (ending in ``/``) below it.
        through: qualified names of helpers whose choices are their caller's.
    """

    root: Path
    counted: tuple[str, ...]
    through: frozenset[str] = frozenset()

    def place(self, frame: FrameType | None) -> Place | None:
        """The place of a choice made in this frame; None if it does not count."""
        while frame is not None and _function(frame.f_code) in self.through:
            frame = frame.f_back
        if frame is None or not Path(frame.f_code.co_filename).is_relative_to(self.root):
            return None
        file = Path(frame.f_code.co_filename).relative_to(self.root).as_posix()
        return _place(file, frame) if self._counts(file) else None

    def _counts(self, file: str) -> bool:
        return any(file.startswith(part) if part.endswith("/") else file == part for part in self.counted)


def _function(code: CodeType) -> str:
    """The function as its module names it; a comprehension or lambda inside counts as the function."""
    return code.co_qualname.partition(".<locals>")[0]


def _place(file: str, frame: FrameType) -> Place:
    """The place of the call a frame is in; column 0 and no condition if the interpreter keeps no columns."""
    positions = itertools.islice(frame.f_code.co_positions(), frame.f_lasti // 2, None)
    line, last, column, end = next(positions)
    if line is None or last is None or column is None or end is None:
        return Place(file, frame.f_lineno, 0, "")
    text = linecache.getlines(frame.f_code.co_filename)[line - 1 : last]
    return Place(file, line, column, _first_argument(text, column, end))


def _first_argument(lines: Sequence[str], column: int, end: int) -> str:
    """The first argument of a call, from the lines it is on; columns count bytes, as Python's do."""
    encoded = [line.encode() for line in lines]
    if not encoded:
        return ""
    encoded[-1] = encoded[-1][:end]
    encoded[0] = encoded[0][column:]
    call = ast.parse(b"".join(encoded).decode(), mode="eval").body
    return ast.unparse(call.args[0]) if isinstance(call, ast.Call) and call.args else ""


@dataclass(frozen=True)
class Recorded:
    """An operation as terms.

    Attributes:
        name: of the operation.
        guard: when it is enabled.
        choices: place -> the conditions met there; several where the code loops.
    """

    name: str
    guard: Term
    choices: dict[Place, tuple[Term, ...]]

    def outcomes(self) -> Iterator[tuple[Outcome, Term]]:
        """Each outcome with a condition for an enabled state to reach it; an outcome occurs once for each of these."""
        for place, conditions in self.choices.items():
            for condition in conditions:
                yield (place, True), terms.connect("and", (self.guard, condition))
                yield (place, False), terms.connect("and", (self.guard, terms.negate(condition)))


def record(operation: Operation, state: Any, source: Source) -> Recorded:
    """Runs an operation once on a symbolic state and notes its choices."""
    met: dict[Place, dict[Term, None]] = {}

    def watcher(condition: Term) -> None:
        frame = inspect.currentframe()
        caller = frame and frame.f_back and frame.f_back.f_back
        place = None if condition.op == "const" else source.place(caller)
        if place is not None:
            met.setdefault(place, {})[condition] = None

    with watching(watcher):
        guard, _ = operation.run(state)
    return Recorded(operation.name, terms.coerce(guard, BOOL), {place: tuple(found) for place, found in met.items()})


@dataclass(frozen=True)
class Fired:
    """What the reachable states say of an operation.

    Attributes:
        name: of the operation.
        enabled: in how many states it is enabled.
        outcomes: every outcome of its choices -> whether a state that enables it reaches the outcome.
    """

    name: str
    enabled: int
    outcomes: dict[Outcome, bool]


def measure(system: TransitionSystem, source: Source) -> tuple[Fired, ...]:
    """The coverage of each operation over all reachable states (of a system with views: over all reachable views).

    Where a condition looks at something that no property depends on in this system, the search does not tell states
    apart by it. Its outcomes are looked for in the first :data:`FIRST` states of a search that does; one that is found
    in none of them counts as not reached.

    Raises:
        NotExplored: the search was stopped.
        checker.bitslice.NotBitwise: the system has arithmetic.
    """
    reduced = system.reduced
    state = system.layout.build(reduced.relation.state)
    recorded = [record(operation, state, source) for operation in system.operations]
    wide = explore_arrays(reduced)
    if not wide.complete:
        raise NotExplored(f"{system.name}: {wide.stopped}")
    found = tuple(_evaluated(wide, recorded))
    unseen = _beyond(wide, recorded)
    if not unseen:
        return found
    further = explore_arrays(_seeing(reduced, unseen), Budget(states=FIRST))
    return tuple(_joined(*pair) for pair in zip(found, _evaluated(further, recorded), strict=True))


def _masks(wide: WideReachable) -> dict[str, int]:
    """Variable name -> the bits that a search tells states apart by."""
    packing = wide.states.packing
    return {variable.data: mask for variable, mask in zip(packing.variables, packing.masks, strict=True)}


def _beyond(wide: WideReachable, recorded: Sequence[Recorded]) -> list[Term]:
    """The conditions of choices that look at something the search did not tell states apart by."""
    splitter, masks = BitSplitter(), _masks(wide)
    conditions = dict.fromkeys(c for one in recorded for found in one.choices.values() for c in found)
    return [condition for condition in conditions if not depends_only_on(splitter, condition, masks)]


def _seeing(system: TransitionSystem, conditions: Sequence[Term]) -> TransitionSystem:
    """The system with each condition as the premise of a property that always holds, so that none of its bits is dropped."""
    further = tuple(_about(number, condition) for number, condition in enumerate(conditions))
    return replace(system, invariants=(*system.invariants, *further))


def _about(number: int, condition: Term) -> Invariant:
    return Invariant(f"choice {number}", "", lambda state: True, premise=lambda state: condition)


def _joined(full: Fired, further: Fired) -> Fired:
    return replace(full, outcomes={o: reached or further.outcomes[o] for o, reached in full.outcomes.items()})


def _evaluated(wide: WideReachable, recorded: Sequence[Recorded]) -> Iterator[Fired]:
    splitter, masks = BitSplitter(), _masks(wide)
    wanted = [
        [(outcome, reached) for outcome, reached in one.outcomes() if depends_only_on(splitter, reached, masks)]
        for one in recorded
    ]
    parts = [
        [splitter.boolean(one.guard), *(splitter.boolean(reached) for _, reached in outcomes)]
        for one, outcomes in zip(recorded, wanted, strict=True)
    ]
    enabled, seen = _totals(wide.states, assemble(wide.states.packing, parts))
    for one, count, outcomes, reached in zip(recorded, enabled, wanted, seen, strict=True):
        found = {outcome for (outcome, _), known in zip(outcomes, reached, strict=True) if known}
        yield Fired(one.name, count, {outcome: outcome in found for outcome, _ in one.outcomes()})


def _totals(states: PackedStates, program: Program) -> tuple[list[int], list[list[bool]]]:
    """For each part of a program the number of states its first result holds in, and which others hold somewhere."""
    machine = Machine(program)
    enabled = [0] * len(program.parts)
    seen = [[False] * (len(part.results) - 1) for part in program.parts]
    for chunk in states.chunks():
        for k, (guard, *rows) in enumerate(machine.results(chunk)):
            enabled[k] += _number_of_ones(guard, len(chunk[0]))
            seen[k] = [before or bool(row.any()) for before, row in zip(seen[k], rows, strict=True)]
    return enabled, seen


def _number_of_ones(row: Words, count: int) -> int:
    """How many of a chunk's ``count`` states a row is one for; a row ends in copies of the last state."""
    ones = np.flatnonzero(unpack(row))
    return int((state_numbers(ones, len(row)) < count).sum())
