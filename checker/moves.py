"""How operations change packed states: guards and changed bits for a chunk at a time, the rest stays where it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.bitslice import Machine, Packing, assemble, transpose, unpack
from checker.dependency import BitSplitter
from checker.keyset import WORD, Numbers, Words, where
from checker.records import dataclass
from checker.system import Relation, SymbolicStep
from checker.terms import BOOL, Term

_BYTE = 8


@dataclass(frozen=True)
class Move:
    """How an operation changes a packed state.

    Attributes:
        number: of the operation.
        keep: for each word, the bits that stay; the others are changed.
        put: for each word, the bits that become one whatever the state was.
        groups: for each group of up to eight computed bits, the word they are in and their places there.
        spread: for each of these groups the word, and what each byte of such bits becomes there.
    """

    number: int
    keep: tuple[int, ...]
    put: tuple[int, ...]
    groups: tuple[tuple[int, tuple[int, ...]], ...]
    spread: tuple[tuple[int, Words], ...]


@lru_cache(maxsize=4096)
def _spread(places: tuple[int, ...]) -> Words:
    """For each byte, the word with its bits at these places."""
    numbers = np.arange(1 << len(places), dtype=WORD)
    bits = [(numbers >> np.uint64(k) & np.uint64(1)) << np.uint64(p) for k, p in enumerate(places)]
    words: Words = np.bitwise_or.reduce(bits)
    return words


def _next_bits(step: SymbolicStep, relation: Relation, packing: Packing, splitter: BitSplitter) -> dict[int, Term]:
    """The next value of every bit that a step changes, by its place in the packed state."""
    changed: dict[int, Term] = {}
    place = 0
    after = dict(zip(relation.state, step.values, strict=True))
    for variable, mask in zip(packing.variables, packing.masks, strict=True):
        count = mask.bit_count()
        value = after[variable]
        if value is not variable:
            indices = [i for i in range(mask.bit_length()) if mask >> i & 1]
            bits = [splitter.boolean(value) if value.width == BOOL else splitter.bit(value, i) for i in indices]
            changed |= {place + k: b for k, b in enumerate(bits) if b is not packing.bits[place + k]}
        place += count
    return changed


def _move(number: int, changed: dict[int, Term], packing: Packing) -> tuple[Move, list[Term]]:
    """An operation's move, and the bits to compute for it in the order its groups expect."""
    words, width = packing.words, packing.width
    keep, put = [(1 << 64) - 1] * words, [0] * words
    computed: list[list[int]] = [[] for _ in range(words)]
    for place, term in sorted(changed.items()):
        word, bit = divmod(place, width)
        keep[word] &= ~(1 << bit)
        if term.op == "const":
            put[word] |= int(term.data) << bit
        else:
            computed[word].append(bit)
    groups = tuple(
        (w, tuple(bits[k : k + _BYTE])) for w, bits in enumerate(computed) for k in range(0, len(bits), _BYTE)
    )
    roots = [changed[w * width + bit] for w, bits in groups for bit in bits]
    return Move(number, tuple(keep), tuple(put), groups, tuple((w, _spread(bits)) for w, bits in groups)), roots


class Stepper:
    """Finds the successors of packed states.

    Args:
        relation: the system.
        packing: where its state's bits are.

    Attributes:
        moves: the operations that can be enabled.
        operations: how many operations there are.
        program: for each move a part that computes the guard and the bits to spread.

    Raises:
        NotBitwise: an operation contains arithmetic.
    """

    def __init__(self, relation: Relation, packing: Packing) -> None:
        splitter = BitSplitter()
        self.moves: list[Move] = []
        self.operations = len(relation.steps)
        parts: list[list[Term]] = []
        for number, step in enumerate(relation.steps):
            guard = splitter.boolean(step.guard)
            if guard.op != "const" or guard.data:
                move, roots = _move(number, _next_bits(step, relation, packing, splitter), packing)
                self.moves.append(move)
                parts.append([guard, *roots])
        self.program = assemble(packing, parts, guarded=True)
        self._machine = Machine(self.program)

    def successors(self, chunk: Sequence[Words]) -> Iterator[tuple[int, Numbers, list[Words]]]:
        """For each operation that is enabled somewhere: its number, the states' places in slice order, the successors."""
        count = len(chunk[0])
        width = -(-count // 64)
        sliced = [_in_slice_order(word, width) for word in chunk]
        valid = _valid(count, width)
        rows = self._machine.rows
        for move, (guard, *bits) in zip(self.moves, self._machine.run(chunk), strict=True):
            enabled = rows[guard, :width] if valid is None else rows[guard, :width] & valid
            if enabled.any():
                places = where(unpack(enabled).view(np.bool_))
                yield move.number, places, _apply(move, rows[bits, :width], sliced, places)


def _valid(count: int, width: int) -> Words | None:
    """The row that is one for the states of a chunk and zero for what fills it up; None if nothing does."""
    if count == 64 * width:
        return None
    ones = np.ascontiguousarray((np.arange(64 * width) < count).reshape(64, width).T)
    return np.packbits(ones, axis=1, bitorder="little").view(WORD).reshape(-1)


def _in_slice_order(values: NDArray[Any], width: int) -> NDArray[Any]:
    padded = np.empty(64 * width, values.dtype)
    padded[: len(values)], padded[len(values) :] = values, values[-1]
    return padded.reshape(64, width).T.reshape(-1)


def _apply(move: Move, bits: Words, sliced: Sequence[Words], places: Numbers) -> list[Words]:
    """The successors of the states at some places; ``bits`` are the rows that were computed for the move."""
    after = [word.take(places) for word in sliced]
    for word, keep, put in zip(after, move.keep, move.put, strict=True):
        np.bitwise_and(word, np.uint64(keep), out=word)
        if put:
            np.bitwise_or(word, np.uint64(put), out=word)
    if move.spread:
        size = 8 * bits.shape[1]
        packed = _bytes(bits, [len(table).bit_length() - 1 for _, table in move.spread])
        at = (places & 7) * (size * len(move.spread))
        at += places >> 3
        for number, table in move.spread:
            after[number] |= table.take(packed.take(at))
            at += size
    return after


def _bytes(rows: Words, counts: Sequence[int]) -> NDArray[np.uint8]:
    """Rows in groups of up to eight as one byte for each state; bit k of a byte is from the group's row k.

    The byte of a group for bit p of a row's byte b comes in place (p, group, b).
    """
    block = np.zeros((8, len(counts), rows.shape[1]), WORD)
    taken = 0
    for group, count in enumerate(counts):
        block[:count, group] = rows[taken : taken + count]
        taken += count
    transpose(block)
    return block.view(np.uint8).reshape(-1)
