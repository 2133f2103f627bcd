"""The explicit engine on NumPy arrays: the same search as checker.explicit, for tens of thousands of states and more.

States are packed into words and expanded a chunk at a time: the bits that operations change are evaluated for the
whole chunk (checker.bitslice), and new states are told from known ones by a hash table (checker.keyset). States get
the same numbers as in checker.explicit, in the order of their first discovery, so every path is the same, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from checker.bitslice import ROWS, Machine, Packing, Program, assemble, state_numbers, transpose, unpack
from checker.checkpoint import Checkpoint, Saved
from checker.codegen import Values
from checker.dependency import BitSplitter, cone_of_influence
from checker.explicit import Explored, Origin, initial_states
from checker.keyset import WORD, KeySet, Numbers, Words
from checker.limits import Budget, OutOfBudget
from checker.moves import Stepper
from checker.system import TransitionSystem
from checker.terms import Term

_FACTS = 63
"""Facts in a word of a vector; one less than fit, as a key set asks for."""


class PackedStates(Sequence[Values]):
    """Packed states that read like a list of tuples of leaf values; each is decoded when it is asked for.

    Args:
        packing: where the bits are.
        words: the packed words, one array for each word of a state.
    """

    def __init__(self, packing: Packing, words: Sequence[Words]) -> None:
        self.packing = packing
        self.words = words

    def __len__(self) -> int:
        return len(self.words[0])

    @overload
    def __getitem__(self, number: int) -> Values: ...

    @overload
    def __getitem__(self, number: slice) -> list[Values]: ...

    def __getitem__(self, number: int | slice) -> Values | list[Values]:
        if isinstance(number, slice):
            return self.packing.unpack([word[number] for word in self.words])
        return self.packing.values([int(word[number]) for word in self.words])

    def __iter__(self) -> Iterator[Values]:
        for chunk in self.chunks():
            yield from self.packing.unpack(chunk)

    def chunks(self) -> Iterator[list[Words]]:
        """The packed states in order, some thousand at a time."""
        for begin in range(0, len(self), ROWS):
            yield [word[begin : begin + ROWS] for word in self.words]


@dataclass
class WideReachable(Explored):
    """The result of a search; stands in for :class:`checker.explicit.Reachable`.

    Attributes:
        states: every state found, in breadth-first order; a state's number is its place here. The initial ones are first.
        before: for each state the number of the predecessor; -1 for an initial state.
        steps: for each state the operation that led there; 0 for an initial state.
    """

    states: PackedStates
    before: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    steps: NDArray[np.unsignedinteger[Any]] = field(default_factory=lambda: np.empty(0, np.uint8))

    def path(self, number: int) -> tuple[Origin, tuple[int, ...]]:
        """The first shortest path to a state: where it starts, and the operation numbers."""
        steps: list[int] = []
        while self.before[number] >= 0:
            steps.append(int(self.steps[number]))
            number = int(self.before[number])
        return self.origins[number], tuple(reversed(steps))


def _joined(blocks: Sequence[Sequence[NDArray[Any]]]) -> list[NDArray[Any]]:
    return [np.concatenate(parts) for parts in zip(*blocks, strict=True)]


class _Search:
    """A search under way. States are kept as blocks in the order of their numbers, joined at the end.

    Args:
        found: where to count and to note the levels.
        stepper: the operations.
        initial: the packed initial states, distinct.
        budget: limits.
    """

    def __init__(self, found: WideReachable, stepper: Stepper, initial: list[Words], budget: Budget) -> None:
        count = len(initial[0])
        self.found, self.stepper, self.budget = found, stepper, budget
        self.known = KeySet(len(initial))
        self.known.add_all(initial)
        self.words = [initial]
        self.step_type = np.min_scalar_type(stepper.operations)
        self.origins: list[tuple[NDArray[Any], NDArray[Any]]] = [
            (np.full(count, -1, np.int32), np.zeros(count, self.step_type))
        ]

    def resume(self, saved: Saved) -> None:
        """Begins where an earlier run was."""
        columns = [np.concatenate(pieces) for pieces in saved.words]
        for begin in range(0, saved.states, ROWS):
            self.budget.check(more=self.known.growth(ROWS))
            self.known.add_all([word[begin : begin + ROWS] for word in columns])
        *self.found.levels, begin = saved.levels
        self.found.fired, self.found.transitions = saved.fired, saved.transitions
        self.words = [[word[:begin] for word in columns], [word[begin:] for word in columns]]
        self.origins = list(zip(saved.before, saved.steps, strict=True))
        if self.budget.progress is not None:
            self.budget.progress.begin(saved.states)

    def saved(self) -> Saved:
        """The search as it is between two levels."""
        before, steps = (list(pieces) for pieces in zip(*self.origins, strict=True))
        words = [list(pieces) for pieces in zip(*self.words, strict=True)]
        return Saved(self.found.levels, self.found.fired, self.found.transitions, words, before, steps)

    def run(self, keep: Checkpoint | None = None) -> None:
        """Level by level until nothing is new.

        Args:
            keep: told between two levels, where there is one.
        """
        level = self.words[-1]
        begin = self.known.count - len(level[0])
        while level[0].size:
            self.found.levels.append(begin)
            self.budget.check(states=self.known.count)
            if keep is not None:
                keep.offer(self.saved)
            blocks = len(self.words)
            for offset in range(0, len(level[0]), ROWS):
                self.budget.check(states=self.known.count)
                self.budget.note(self.known.count, self.found.diameter)
                self._expand([word[offset : offset + ROWS] for word in level], begin + offset)
            begin += len(level[0])
            self.budget.check(more=sum(word.nbytes for block in self.words[blocks:] for word in block))
            level = _joined(self.words[blocks:])
            self.words[blocks:] = [level]

    def finish(self) -> None:
        """Hands over what was found; the search is of no use afterwards."""
        del self.known
        self.found.states = PackedStates(self.found.states.packing, _joined(self.words))
        self.words.clear()
        self.found.before, self.found.steps = _joined(self.origins)

    def _expand(self, chunk: Sequence[Words], first: int) -> None:
        """Adds the new successors of a chunk of states, in the order of predecessor and operation."""
        keys, slots, before, steps = self._unknown_successors(chunk)
        # Successors come operation by operation, so that what keeps the order of equals sorts by operation, too.
        order = before.argsort(kind="stable")
        keys, slots = [word.take(order) for word in keys], slots.take(order)
        self.budget.check(more=self.known.growth(len(slots)))
        new = self.known.add(keys, slots)
        order = order.take(new)
        origins = before.take(order).astype(np.int32) + np.int32(first), steps.take(order)
        self.words.append([word.take(new) for word in keys])
        self.origins.append(origins)

    def _unknown_successors(self, chunk: Sequence[Words]) -> tuple[list[Words], Numbers, NDArray[Any], NDArray[Any]]:
        """Successors that are not known yet, some more than once, operation by operation.

        Returns:
            Their words, free places for them, the numbers of their predecessors in the chunk, and the operations.
        """
        nothing = np.empty(0, np.int64)
        found: list[list[NDArray[Any]]] = [[*(word[:0] for word in chunk), nothing, nothing]]
        numbers, counts = [0], [0]
        for number, places, after in self.stepper.successors(chunk):
            self.found.fired |= 1 << number
            self.found.transitions += len(places)
            away, slots = self.known.look(after)
            found.append([*(word.take(away) for word in after), slots, places.take(away)])
            numbers.append(number)
            counts.append(len(away))
        *keys, slots, places = _joined(found)
        new, slots = self.known.unknown(keys, slots)
        before = state_numbers(places.take(new), -(-len(chunk[0]) // 64)).astype(np.uint16)
        steps = np.repeat(np.array(numbers, self.step_type), counts).take(new)
        return [word.take(new) for word in keys], slots, before, steps


def explore_arrays(system: TransitionSystem, budget: Budget | None = None) -> WideReachable:
    """Every reachable state of a system, or as many as the budget allows; the same as checker.explicit.explore.

    Worth its start-up cost from some ten thousand states on, if the levels of the search are wide: a level of few
    states costs as much as one of thousands.

    Raises:
        NotBitwise: the system has arithmetic that cannot be evaluated bit by bit; nothing was searched.
    """
    budget = budget or Budget()
    relation = system.relation
    cone = cone_of_influence(relation)
    packing = Packing.of(relation, cone.masks)
    stepper = Stepper(relation, packing)
    judges = _program(packing, [*relation.properties, *relation.premises])
    found = WideReachable(cone, PackedStates(packing, packing.pack([])))
    try:
        initial = initial_states(system, cone, budget)
        found.origins.extend(initial.values())
        search = _Search(found, stepper, packing.pack(initial), budget)
        keep = None if budget.keeping is None else Checkpoint(budget.keeping, system, budget.say)
        try:
            saved = keep and keep.load(packing.words, np.dtype(search.step_type))
            if saved:
                search.resume(saved)
            search.run(keep)
        finally:
            search.finish()
        if keep is not None:
            keep.remove()
    except (OutOfBudget, MemoryError) as why:
        _note_unfinished_level(found)
        found.note_end(why, len(found.states))
    _inspect(found, judges, len(relation.properties))
    return found


def _note_unfinished_level(found: WideReachable) -> None:
    """A search that ended in the middle of a level has states one level deeper than the last complete one."""
    if found.levels:
        deeper = np.flatnonzero(found.before >= found.levels[-1])
        if deeper.size:
            found.levels.append(int(deeper[0]))


def _program(packing: Packing, conditions: Sequence[Term]) -> Program:
    splitter = BitSplitter()
    return assemble(packing, [[splitter.boolean(condition) for condition in conditions]])


def _rows(states: PackedStates, program: Program) -> Iterator[tuple[int, list[Words]]]:
    """For each chunk of states, how many they are, and the rows of a program of one part."""
    machine = Machine(program)
    for chunk in states.chunks():
        yield len(chunk[0]), next(machine.results(chunk))


def _inspect(found: WideReachable, judges: Program, count: int) -> None:
    first = 0
    for size, rows in _rows(found.states, judges):
        for k, row in enumerate(rows[:count]):
            if k not in found.first_violation and not _all_ones(row):
                places = np.flatnonzero(unpack(row) == 0)
                found.first_violation[k] = first + int(state_numbers(places, len(row)).min())
        found.premises |= sum(1 << k for k, row in enumerate(rows[count:]) if row.any())
        first += size


def _all_ones(row: Words) -> bool:
    return bool((row == ~np.uint64(0)).all())


def holds_everywhere(wide: WideReachable, term: Term) -> bool:
    """Whether a Boolean term over the leaves holds in every state found.

    Raises:
        NotBitwise: the term contains arithmetic.
    """
    return all(_all_ones(rows[0]) for _, rows in _rows(wide.states, _program(wide.states.packing, [term])))


def fact_columns(wide: WideReachable, terms: Sequence[Term]) -> tuple[list[int], int]:
    """The distinct vectors of truth values that Boolean terms take over all states found.

    Returns:
        For each term an integer with one bit for each distinct vector, set where the term is true; and the number of
        distinct vectors. Vectors are numbered in the order of the first state that has them.

    Raises:
        NotBitwise: a term contains arithmetic.
    """
    if not terms or not wide.states:
        return [0] * len(terms), min(1, len(wide.states))
    distinct = KeySet(-(-len(terms) // _FACTS))
    blocks: list[list[Words]] = []
    for size, rows in _rows(wide.states, _program(wide.states.packing, terms)):
        keys = [word[:size] for word in _vectors(rows)]
        blocks.append(distinct.add_all(keys))
    vectors = _joined(blocks)
    return [_column(vectors[k // _FACTS], k % _FACTS) for k in range(len(terms))], distinct.count


def _vectors(rows: Sequence[Words]) -> list[Words]:
    """For each state the values of all rows as packed words, in the order of the states."""
    width = len(rows[0])
    words = []
    for begin in range(0, len(rows), _FACTS):
        block = np.zeros((64, width), WORD)
        for k, row in enumerate(rows[begin : begin + _FACTS]):
            block[k] = row
        transpose(block)
        words.append(block.reshape(-1))
    return words


def _column(vectors: Words, bit: int) -> int:
    bits = (vectors >> np.uint64(bit) & np.uint64(1)).astype(np.uint8)
    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")


def first_unknown(wide: WideReachable, states: Sequence[tuple[int, ...]]) -> tuple[int, ...] | None:
    """The first of some states (masked leaf values) that the search has not found; None if it has found them all."""
    wanted = wide.states.packing.pack(states)
    alike = np.isin(wide.states.words[0], wanted[0])
    known = set(zip(*(word[alike].tolist() for word in wide.states.words), strict=True))
    packed = zip(*(word.tolist() for word in wanted), strict=True)
    return next((state for state, key in zip(states, packed, strict=True) if key not in known), None)
