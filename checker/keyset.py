"""A set of fixed-width keys in NumPy arrays: open addressing, a whole batch of keys looked up or added at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Numbers = NDArray[np.int64]

WORD = np.dtype("<u8")
EMPTY = np.uint64((1 << 64) - 1)
"""Marks a free slot: no key's first word may be like it, so 63 bits of it can be used."""

_FACTORS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
_BATCH = 1 << 18
_MOST_USED = 0.7
"""A table fuller than this is doubled: probing gets slow beyond, and a larger table is as slow to reach."""


def mix(keys: Sequence[Words]) -> Words:
    """A 64-bit number for each key in whose high bits every bit of the key has a part."""
    mixed = keys[0] * np.uint64(_FACTORS[0])
    for k, word in enumerate(keys[1:], 1):
        mixed ^= word * np.uint64(_FACTORS[k % len(_FACTORS)] + 2 * (k // len(_FACTORS)))
    mixed ^= mixed >> np.uint64(32)
    mixed *= np.uint64(_FACTORS[3])
    return mixed


def where(conditions: NDArray[np.bool_]) -> Numbers:
    """The positions where a condition holds, ascending."""
    return conditions.nonzero()[0]  # np.flatnonzero() is the same and takes three times as long for few


def first_of_each(numbers: Numbers) -> Numbers:
    """The position of the first occurrence of each distinct number, ascending.

    In each round every number still open claims a cell; of those that meet, the lowest position stays, because it is
    written last. Equal numbers always meet, so whoever finds its own number there is settled.
    """
    count = len(numbers)
    cells = 1 << max(4, (2 * count).bit_length())
    claims = np.empty(cells, np.int64)
    open_ = np.arange(count - 1, -1, -1)
    mine = numbers[::-1]
    wanted = mine & (cells - 1)
    first = np.zeros(count, np.bool_)
    while open_.size:
        claims[wanted] = open_
        winners = claims.take(wanted)
        first[winners] = True
        others = where(numbers.take(winners) != mine)
        open_, mine = open_.take(others), mine.take(others)
        wanted = (wanted.take(others) + 1) & (cells - 1)
    return where(first)


class KeySet:
    """A growing set of keys of one or more 64-bit words; exact, since it keeps the keys themselves.

    Args:
        words: 64-bit words in a key; the first must stay below :data:`EMPTY`.
    """

    def __init__(self, words: int) -> None:
        self.count = 0
        self._bits = 12
        self._tables = self._free(words)

    def _free(self, words: int) -> list[Words]:
        return [np.full(1 << self._bits, EMPTY, WORD) for _ in range(words)]

    def _homes(self, keys: Sequence[Words]) -> Numbers:
        return (mix(keys) >> np.uint64(64 - self._bits)).view(np.int64)

    def look(self, keys: Sequence[Words]) -> tuple[Numbers, Numbers]:
        """Looks for each key in one place only: the positions of those that are not there, and these places."""
        slots = self._homes(keys)
        away = where(self._others(keys, slots))
        return away, slots.take(away)

    def _others(self, keys: Sequence[Words], slots: Numbers) -> NDArray[np.bool_]:
        """Whether each slot holds something else than the key."""
        others: NDArray[np.bool_] = self._tables[0].take(slots) != keys[0]
        for table, word in zip(self._tables[1:], keys[1:], strict=True):
            others |= table.take(slots) != word
        return others

    def unknown(self, keys: Sequence[Words], slots: Numbers) -> tuple[Numbers, Numbers]:
        """Looks further, from the places that :meth:`look` gave.

        Returns:
            The positions of the keys that are not in the set, ascending, and a free place for each.
        """
        open_, places = np.arange(len(slots)), slots.copy()
        missing = np.zeros(len(slots), np.bool_)
        while open_.size:
            free = self._tables[0].take(slots) == EMPTY
            found = open_.compress(free)
            missing[found] = True
            places[found] = slots.compress(free)
            taken = where(~free)
            keys, open_ = [word.take(taken) for word in keys], open_.take(taken)
            slots = self._next(slots.take(taken))
            others = where(self._others(keys, slots))
            keys, open_, slots = [word.take(others) for word in keys], open_.take(others), slots.take(others)
        return where(missing), places.compress(missing)

    def _next(self, slots: Numbers) -> Numbers:
        return (slots + 1) & ((1 << self._bits) - 1)

    def growth(self, count: int) -> int:
        """The bytes that adding so many keys will ask for."""
        bits = self._bits_for(self.count + count)
        return 0 if bits == self._bits else len(self._tables) * WORD.itemsize << bits

    def _bits_for(self, count: int) -> int:
        bits = self._bits
        while count > _MOST_USED * (1 << bits):
            bits += 1
        return bits

    def add(self, keys: Sequence[Words], slots: Numbers) -> Numbers:
        """Adds keys that are not in the set yet, some of them more than once.

        Args:
            keys: the keys.
            slots: the places that :meth:`unknown` gave.

        Returns:
            The positions of the first occurrence of each.
        """
        most = self.count + len(slots)
        if self._bits_for(most) != self._bits:
            self._grow(most)
            slots = self._homes(keys)
        first = first_of_each(self._place(keys, slots))
        self.count += len(first)
        return first

    def add_all(self, keys: Sequence[Words]) -> list[Words]:
        """Adds whatever keys there are: those that are new, each once, in the order of their first occurrence."""
        away, slots = self.look(keys)
        new, slots = self.unknown([word.take(away) for word in keys], slots)
        keys = [word.take(away.take(new)) for word in keys]
        first = self.add(keys, slots)
        return [word.take(first) for word in keys]

    def _place(self, keys: Sequence[Words], slots: Numbers) -> Numbers:
        final, open_ = slots.copy(), np.arange(len(slots))
        while open_.size:
            free = where(self._tables[0].take(slots) == EMPTY)
            into = slots.take(free)
            for table, word in zip(self._tables, keys, strict=True):
                table[into] = word.take(free)
            # Of several keys that meet in a free slot the last one written stays, in every table alike.
            homeless = where(self._others(keys, slots))
            keys, open_ = [word.take(homeless) for word in keys], open_.take(homeless)
            slots = self._next(slots.take(homeless))
            final[open_] = slots
        return final

    def _grow(self, count: int) -> None:
        old = self._tables
        self._bits = self._bits_for(count)
        self._tables = self._free(len(old))
        for begin in range(0, len(old[0]), _BATCH):
            used = where(old[0][begin : begin + _BATCH] != EMPTY) + begin
            keys = [table.take(used) for table in old]
            self._place(keys, self._homes(keys))
