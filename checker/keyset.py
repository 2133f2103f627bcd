"""A set of fixed-width keys in NumPy arrays: open addressing, a whole batch of keys looked up or added at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Numbers = NDArray[np.int64]

WORD = np.dtype("<u8")
EMPTY = np.uint64((1 << 64) - 1)
"""Marks a free slot. A key that looks like it is remembered apart, which is possible for keys of one word only."""

_FACTORS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
_BATCH = 1 << 18
_MOST_USED = 0.5
"""A table fuller than this is doubled: probing gets slow beyond."""


def mix(keys: Sequence[Words]) -> Words:
    """A 64-bit number for each key in whose high bits every bit of the key has a part."""
    mixed = keys[0] * np.uint64(_FACTORS[0])
    for k, word in enumerate(keys[1:], 1):
        mixed ^= word * np.uint64(_FACTORS[k % len(_FACTORS)] + 2 * (k // len(_FACTORS)))
    mixed ^= mixed >> np.uint64(32)
    mixed *= np.uint64(_FACTORS[3])
    return mixed


def first_of_each(keys: Sequence[Words]) -> Numbers:
    """The position of the first occurrence of each distinct key, ascending.

    In each round every key still open claims a slot; of those that meet, the lowest position stays, because it is
    written last. Equal keys always meet, so whoever finds its own key there is settled.
    """
    count = len(keys[0])
    bits = max(4, (2 * count).bit_length())
    slots = (mix(keys) >> np.uint64(64 - bits)).view(np.int64)[::-1]
    claims = np.empty(1 << bits, np.int64)
    open_ = np.arange(count - 1, -1, -1)
    first = np.zeros(count, np.bool_)
    while open_.size:
        claims[slots] = open_
        winners = claims.take(slots)
        first[winners] = True
        others = np.flatnonzero(_differ(keys, winners, open_))
        open_, slots = open_.take(others), (slots.take(others) + 1) & ((1 << bits) - 1)
    return np.flatnonzero(first)


def _differ(keys: Sequence[Words], left: Numbers, right: Numbers) -> NDArray[np.bool_]:
    differs: NDArray[np.bool_] = keys[0].take(left) != keys[0].take(right)
    for word in keys[1:]:
        differs |= word.take(left) != word.take(right)
    return differs


class KeySet:
    """A growing set of keys of one or more 64-bit words; exact, since it keeps the keys themselves.

    Args:
        words: 64-bit words in a key; of several, the first must stay below :data:`EMPTY`.
    """

    def __init__(self, words: int) -> None:
        self.count = 0
        self._has_empty = False
        self._bits = 12
        self._tables = self._free(words)

    def _free(self, words: int) -> list[Words]:
        return [np.full(1 << self._bits, EMPTY, WORD) for _ in range(words)]

    def _homes(self, keys: Sequence[Words]) -> Numbers:
        return (mix(keys) >> np.uint64(64 - self._bits)).view(np.int64)

    def look(self, keys: Sequence[Words]) -> tuple[Numbers, Numbers]:
        """Looks for each key in one place: the positions of those not in the set, and of those that stay undecided."""
        differs, free = self._compare(keys, self._homes(keys))
        return np.flatnonzero(free), np.flatnonzero(differs & ~free)

    def look_on(self, keys: Sequence[Words]) -> Numbers:
        """The positions of the keys that are not in the set, of keys that :meth:`look` left undecided."""
        slots, open_ = self._next(self._homes(keys), 1), np.arange(len(keys[0]))
        missing, step = [open_[:0]], 1
        while open_.size:
            differs, free = self._compare(keys, slots)
            missing.append(open_[free])
            others = np.flatnonzero(differs & ~free)
            step += 1
            keys, open_ = [word.take(others) for word in keys], open_.take(others)
            slots = self._next(slots.take(others), step)
        return np.concatenate(missing)

    def unknown(self, keys: Sequence[Words]) -> Numbers:
        """The positions of the keys that are not in the set, ascending."""
        missing, undecided = self.look(keys)
        further = undecided.take(self.look_on([word.take(undecided) for word in keys]))
        return np.sort(np.concatenate((missing, further)))

    def _compare(self, keys: Sequence[Words], slots: Numbers) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """For each slot whether it holds another key than this, and whether it is free, so that the key is unknown."""
        held = self._tables[0].take(slots)
        differs, free = held != keys[0], held == EMPTY
        for table, word in zip(self._tables[1:], keys[1:], strict=True):
            differs |= table.take(slots) != word
        if self._has_empty:
            free &= keys[0] != EMPTY
        return differs, free

    def _next(self, slots: Numbers, step: int) -> Numbers:
        """The slots to try after ``step`` ones: growing distances keep the chains short and reach every slot."""
        return (slots + step) & ((1 << self._bits) - 1)

    def add(self, keys: Sequence[Words]) -> None:
        """Adds keys that are distinct and not in the set yet."""
        self.count += len(keys[0])
        self._has_empty |= bool((keys[0] == EMPTY).any())
        if self.count > _MOST_USED * (1 << self._bits):
            self._grow()
        self._place(keys)

    def _place(self, keys: Sequence[Words]) -> None:
        slots = self._homes(keys)
        step = 0
        while slots.size:
            free = np.flatnonzero(self._compare(keys, slots)[1])
            for table, word in zip(self._tables, keys, strict=True):
                table[slots.take(free)] = word.take(free)
            # Of several keys that meet in a free slot the last one written stays, in every table alike.
            homeless = np.flatnonzero(self._compare(keys, slots)[0])
            step += 1
            keys, slots = [word.take(homeless) for word in keys], self._next(slots.take(homeless), step)

    def _grow(self) -> None:
        old = self._tables
        while self.count > _MOST_USED * (1 << self._bits):
            self._bits += 1
        self._tables = self._free(len(old))
        for begin in range(0, len(old[0]), _BATCH):
            used = np.flatnonzero(old[0][begin : begin + _BATCH] != EMPTY) + begin
            self._place([table[used] for table in old])
