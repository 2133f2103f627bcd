"""The explicit engine on NumPy arrays: the same search as checker.explicit, for tens of thousands of states and more.

States are packed into words and expanded a chunk at a time: the bits that operations change are evaluated for the
whole chunk (checker.bitslice), and new states are told from known ones by a hash table (checker.keyset). States get
the same numbers as in checker.explicit, in the order of their first discovery, so every path is the same, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from checker.bitslice import ROWS, Machine, Packing, Program, assemble, state_numbers, transpose, unpack
from checker.checkpoint import Checkpoint, Saved
from checker.codegen import Values
from checker.dependency import BitSplitter, cone_of_influence
from checker.explicit import Explored, Origin, initial_states
from checker.keyset import WORD, KeySet, Numbers, Words, mix, where
from checker.limits import Budget, OutOfBudget
from checker.moves import Stepper
from checker.records import dataclass, field
from checker.system import TransitionSystem
from checker.terms import Term

if TYPE_CHECKING:
    from checker.native.library import Library
    from checker.native.relay import Relay
    from checker.native.search import NativeSearch

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

    def put(self, words: Sequence[Words], before: NDArray[np.int32], steps: NDArray[np.unsignedinteger[Any]]) -> None:
        """Takes every state, and where it came from."""
        self.states = PackedStates(self.states.packing, words)
        self.before, self.steps = before, steps


def _joined(blocks: Sequence[Sequence[NDArray[Any]]]) -> list[NDArray[Any]]:
    return [np.concatenate(parts) for parts in zip(*blocks, strict=True)]


class _Search:
    """A search under way. States are kept as blocks in the order of their numbers, joined at the end.

    Args:
        found: where to count and to note the levels.
        stepper: the operations.
        saved: where it begins.
        budget: limits.
    """

    def __init__(self, found: WideReachable, stepper: Stepper, saved: Saved, budget: Budget) -> None:
        self.found, self.stepper, self.budget = found, stepper, budget
        self.known = KeySet(len(saved.words))
        self.step_type = saved.steps[0].dtype
        *found.levels, begin = saved.levels
        found.fired, found.transitions = saved.fired, saved.transitions
        columns = [pieces[0] if len(pieces) == 1 else np.concatenate(pieces) for pieces in saved.words]
        self.words = [[word[:begin] for word in columns], [word[begin:] for word in columns]]
        self.origins = list(zip(saved.before, saved.steps, strict=True))

    def _know(self) -> None:
        """Takes what is there to begin with as known."""
        for words in self.words:
            for begin in range(0, len(words[0]), ROWS):
                if more := self.known.growth(len(words[0][begin : begin + ROWS])):
                    self.budget.check(more=more)
                self.known.add_all([word[begin : begin + ROWS] for word in words])

    def saved(self) -> Saved:
        """The search as it is."""
        before, steps = (list(pieces) for pieces in zip(*self.origins, strict=True))
        words = [list(pieces) for pieces in zip(*self.words, strict=True)]
        return Saved(self.found.levels, self.found.fired, self.found.transitions, words, before, steps)

    def run(self, keep: Checkpoint | None = None, relay: Relay | None = None) -> tuple[Library, tuple[int, int]] | None:
        """Level by level until nothing is new, or until a faster engine is ready.

        Args:
            keep: told between two levels, where there is one.
            relay: asked now and then for a faster engine, if there is one.

        Returns:
            The faster engine; and the first state that is not expanded, and the end of its level.
        """
        level, begin = self.words[-1], len(self.words[0][0])
        if relay is not None and (library := relay.ready(begin + len(level[0]))):
            return library, (begin, begin)
        self._know()
        while level[0].size:
            self.found.levels.append(begin)
            self.budget.check(states=self.known.count)
            if keep is not None:
                keep.offer(self.saved)
            blocks = len(self.words)
            for offset in range(0, len(level[0]), ROWS):
                if relay is not None and (library := relay.ready(self.known.count)):
                    return library, (begin + offset, begin + len(level[0]))
                self.budget.check(states=self.known.count)
                self.budget.note(self.known.count, self.found.diameter)
                self._expand([word[offset : offset + ROWS] for word in level], begin + offset)
            begin += len(level[0])
            self.budget.check(more=sum(word.nbytes for block in self.words[blocks:] for word in block))
            level = _joined(self.words[blocks:])
            self.words[blocks:] = [level]
        return None

    def give_up(self) -> None:
        """Forgets everything; another search has it."""
        self.known = KeySet(len(self.words[0]))
        self.words.clear()
        self.origins.clear()

    def finish(self) -> None:
        """Hands over what was found; the search is of no use afterwards."""
        del self.known
        words = _joined(self.words)
        self.words.clear()
        self.found.put(words, *_joined(self.origins))

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


def explore_arrays(system: TransitionSystem, budget: Budget | None = None, relay: Relay | None = None) -> WideReachable:
    """Every reachable state of a system, or as many as the budget allows; the same as checker.explicit.explore.

    Worth its start-up cost from some ten thousand states on, if the levels of the search are wide: a level of few
    states costs as much as one of thousands.

    Args:
        system: the system.
        budget: limits.
        relay: brings a faster engine, to which the search is handed over when it is ready; None for arrays alone.

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
        keep = None if budget.keeping is None else Checkpoint(budget.keeping, system, budget.say)
        saved = _to_begin_with(packing.pack(initial), stepper.operations, keep, budget)
        _search(found, stepper, saved, budget, keep, relay)
        if keep is not None:
            keep.remove()
    except (OutOfBudget, MemoryError) as why:
        _note_unfinished_level(found)
        found.note_end(why, len(found.states))
    _inspect(found, judges, len(relation.properties))
    return found


def _to_begin_with(initial: list[Words], operations: int, keep: Checkpoint | None, budget: Budget) -> Saved:
    """Where an earlier run was; otherwise the initial states."""
    count, kind = len(initial[0]), np.min_scalar_type(operations)
    saved = keep and keep.load(len(initial), kind)
    if not saved:
        before, steps = np.full(count, -1, np.int32), np.zeros(count, kind)
        return Saved([0], 0, 0, [[word] for word in initial], [before], [steps])
    if budget.progress is not None:
        budget.progress.begin(saved.states)
    return saved


def _search(
    found: WideReachable, stepper: Stepper, saved: Saved, budget: Budget, keep: Checkpoint | None, relay: Relay | None
) -> None:
    """Searches on arrays until a faster engine takes over; what was found is handed over however it ends."""
    from checker.native.program import fits

    search: _Search | NativeSearch
    search = first = _Search(found, stepper, saved, budget)
    try:
        handed = first.run(keep, relay if fits(stepper.program) else None)
        if handed is not None:
            from checker.native.search import NativeSearch

            library, span = handed
            search = second = NativeSearch(found, stepper, budget, library, first.saved(), span)
            first.give_up()
            second.run(keep)
    finally:
        search.finish()
        if relay is not None:
            relay.end()


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
    missing = not_among(wide.states, wanted)
    return states[int(missing[0])] if missing.size else None


def not_among(states: PackedStates, wanted: Sequence[Words]) -> Numbers:
    """The positions of the packed states that are not among those that were found, ascending."""
    present = _alike(states, wanted)
    away, slots = present.look(wanted)
    missing, _ = present.unknown([word.take(away) for word in wanted], slots)
    return away.take(missing)


def _alike(states: PackedStates, wanted: Sequence[Words]) -> KeySet:
    """The states whose hash is like that of a wanted one: all that are wanted, and few others."""
    bits = (64 * len(wanted[0])).bit_length()
    marks = np.zeros(1 << bits, np.bool_)
    marks[_hashes(wanted, bits)] = True
    present = KeySet(len(wanted))
    for chunk in states.chunks():
        places = where(marks.take(_hashes(chunk, bits)))
        present.add_all([word.take(places) for word in chunk])
    return present


def _hashes(keys: Sequence[Words], bits: int) -> Numbers:
    return (mix(keys) >> np.uint64(64 - bits)).view(np.int64)
