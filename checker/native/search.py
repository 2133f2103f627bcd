"""A search on the compiled engine: Python keeps limits, levels and memory, C expands the states."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from checker.bitslice import ROWS
from checker.checkpoint import Checkpoint, Saved
from checker.keyset import WORD
from checker.limits import Budget, OutOfBudget, stop_if_interrupted
from checker.moves import Stepper
from checker.native.library import BATCH, BLOCK, LANES, Library, State, address
from checker.native.program import Tables, height

if TYPE_CHECKING:
    from checker.arrays import WideReachable

_LEAST_BITS, _MOST_BITS = 12, 31
_MOST_USED = 0.8
"""A table fuller than this is doubled; slots are 4 bytes, so that a walk over some of them stays in one cache line."""

_AT_ONCE = 1 << 21
"""States that are put into a larger table, or judged, before Ctrl-C is looked for."""


class NativeSearch:
    """A search under way, from where another one was.

    Args:
        found: where to count and to note the levels, up to the one that is being expanded.
        stepper: the operations.
        budget: limits.
        library: the compiled engine.
        saved: the states that were found, and where they came from.
        span: the first state that is not expanded, and the end of its level.

    Raises:
        OutOfBudget: there is not enough memory to begin.
    """

    def __init__(
        self,
        found: WideReachable,
        stepper: Stepper,
        budget: Budget,
        library: Library,
        saved: Saved,
        span: tuple[int, int],
    ) -> None:
        self.found, self.budget, self.end = found, budget, span[1]
        self._library, self._tables = library, Tables.of(stepper)
        self._scratch: dict[str, NDArray[Any]] = {}
        words, kind = len(saved.words), saved.steps[0].dtype
        self._state = State(words=words, inputs=stepper.program.inputs, width=stepper.program.width)
        self._state.move_count, self._state.step_bytes = len(stepper.moves), kind.itemsize
        self._state.count, self._state.next, self._state.transitions = saved.states, span[0], found.transitions
        self.budget.check(more=self._bytes(kind, words) * saved.states)
        self._words, self._before = np.empty(saved.states * words, WORD), np.empty(saved.states, np.int32)
        self._steps = np.empty(saved.states, kind)
        self._take(saved)
        self._place_tables(stepper)
        self._place_states()
        self._make_table(saved.states)

    @staticmethod
    def _bytes(kind: np.dtype[Any], words: int) -> int:
        return 8 * words + 4 + kind.itemsize

    def _take(self, saved: Saved) -> None:
        shaped = self._words.reshape(-1, len(saved.words))
        for k, pieces in enumerate(saved.words):
            _fill(shaped[:, k], pieces)
        _fill(self._before, saved.before)
        _fill(self._steps, saved.steps)

    def _place_tables(self, stepper: Stepper) -> None:
        tables, words, most = self._tables, self._state.words, BLOCK * len(stepper.moves)
        self._fired = np.zeros(stepper.operations, np.uint8)
        self._scratch = {
            "rows": _rows(height(stepper.program)),
            "waiting": np.empty(most * words, WORD),
            "hashes": np.empty(most, WORD),
            "origins": np.empty(most, np.uint16),
            "operations": np.empty(most, np.uint32),
            "order": np.empty(most, np.uint32),
        }
        self._keys = np.empty(tables.most_groups * 8 * LANES + BATCH * words, WORD)
        for name in ("code", "moves", "groups", "keep", "put"):
            setattr(self._state, name, address(getattr(tables, name)))
        for name, array in self._scratch.items():
            setattr(self._state, name, address(array))
        self._state.fired = address(self._fired)

    def _place_states(self) -> None:
        self._state.room = len(self._before)
        for name, array in (("states", self._words), ("before", self._before), ("steps", self._steps)):
            setattr(self._state, name, address(array))

    def _make_table(self, states: int) -> None:
        """A table with room for so many states, and in it those that there are."""
        bits, old = max(_LEAST_BITS, self._state.bits), 4 << self._state.bits if self._state.bits else 0
        while states > _MOST_USED * (1 << bits):
            bits += 1
        if bits > _MOST_BITS:
            raise OutOfBudget(f"more than {int(_MOST_USED * (1 << _MOST_BITS))} states cannot be numbered")
        self.budget.check(more=(4 << bits) - old)
        self._table = np.empty(0, np.uint32)  # the old one goes first: the new one is made from the states alone
        self._table = np.zeros(1 << bits, np.uint32)
        self._state.table, self._state.bits = address(self._table), bits
        self._state.most = int(_MOST_USED * (1 << bits))
        for first in range(0, self._state.count, _AT_ONCE):
            stop_if_interrupted()
            self._library.enter(ctypes.byref(self._state), first, min(first + _AT_ONCE, self._state.count))

    def _make_room(self, more: int) -> None:
        """Room for so many more states."""
        wanted, room = self._state.count + more, self._state.room
        if wanted > room:
            larger = max(wanted, room + room // 16 + BLOCK)
            self.budget.check(more=(larger - room) * self._bytes(self._steps.dtype, self._state.words))
            self._words.resize(larger * self._state.words, refcheck=False)
            self._before.resize(larger, refcheck=False)
            self._steps.resize(larger, refcheck=False)
            self._place_states()
        if wanted > self._state.most:
            self._make_table(wanted)

    def run(self, keep: Checkpoint | None = None) -> None:
        """Level by level until nothing is new.

        Args:
            keep: told between two levels, where there is one.
        """
        while True:
            while self._state.next < self.end:
                self.budget.check(states=self._state.count)
                self.budget.note(self._state.count, self.found.diameter)
                self._expand(min(self._state.next + ROWS, self.end))
            if self.end == self._state.count:
                return
            self.found.levels.append(self.end)
            self.end = self._state.count
            self.budget.check(states=self.end)
            if keep is not None:
                keep.offer(self.saved)

    def _expand(self, last: int) -> None:
        state = ctypes.byref(self._state)
        while more := self._library.expand(state, last, address(self._keys), self._tables.most_groups):
            self.budget.check()
            self._make_room(more)
        self._note()

    def _note(self) -> None:
        self.found.transitions = self._state.transitions
        self.found.fired |= int.from_bytes(np.packbits(self._fired, bitorder="little").tobytes(), "little")

    def saved(self) -> Saved:
        """The search as it is between two levels."""
        count, words = self._state.count, self._state.words
        columns = self._words.reshape(-1, words)[:count]
        pieces = [[columns[:, k]] for k in range(words)]
        levels = self.found.levels
        return Saved(
            levels, self.found.fired, self.found.transitions, pieces, [self._before[:count]], [self._steps[:count]]
        )

    def finish(self) -> None:
        """Hands over what was found; the search is of no use afterwards."""
        self._note()
        self._table = np.empty(0, np.uint32)
        self._scratch.clear()
        count, words = self._state.count, self._state.words
        self._words.resize(count * words, refcheck=False)
        self._before.resize(count, refcheck=False)
        self._steps.resize(count, refcheck=False)
        columns = self._words.reshape(count, words)
        self.found.put([columns[:, k] for k in range(words)], self._before, self._steps)


def _fill(whole: NDArray[Any], pieces: Sequence[NDArray[Any]]) -> None:
    begin = 0
    for piece in pieces:
        whole[begin : begin + len(piece)] = piece
        begin += len(piece)


def _rows(count: int) -> NDArray[Any]:
    rows = np.zeros((count, LANES), WORD)
    rows[1] = ~np.uint64(0)
    return rows
