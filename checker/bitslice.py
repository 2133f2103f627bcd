"""Boolean terms over single bits, evaluated for thousands of states at a time.

States are packed into words. A chunk of packed states is transposed, so that each bit of the state becomes a row
with one bit for each state of the chunk; a Boolean operator on terms is then one NumPy operator on such rows.

Within a chunk of 64 * n states, state i * n + b is bit i of word b of a row. Unpacking a row therefore gives the
states in another order, called slice order here: the state at place q of it is number (q % 64) * n + q // 64.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.keyset import WORD, Words
from checker.records import dataclass, field
from checker.system import Relation
from checker.terms import BOOL, Term, subterms

ROWS = 1 << 15
"""States in a chunk: few enough that a chunk's bit rows stay in the processor's second-level cache."""

_SWAPS = tuple(
    (np.uint64(j), np.uint64(mask))
    for j, mask in (
        (32, 0x00000000FFFFFFFF),
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    )
)


class NotBitwise(Exception):
    """A term cannot be evaluated bit by bit; the message says why."""


def transpose(block: Words) -> None:
    """Exchanges rows and bits of a contiguous array, in place: row i, bit p becomes row p, bit i.

    Of 64 rows the bits of a word are meant, of 8 those of each byte.
    """
    for j, mask in _SWAPS:
        if 2 * j > len(block):
            continue
        halves = block.reshape(len(block) // (2 * int(j)), 2, -1)
        low, high = halves[:, 0], halves[:, 1]
        moved = ((low >> j) ^ high) & mask
        high ^= moved
        low ^= moved << j


def unpack(row: Words) -> NDArray[np.uint8]:
    """The bits of a row as bytes 0 and 1, in slice order."""
    return np.unpackbits(row.view(np.uint8), bitorder="little")


def state_numbers(places: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """The state numbers of places in slice order; ``rows`` is the number of words in a row."""
    return (places & 63) * rows + (places >> 6)


@dataclass(frozen=True)
class Packing:
    """Where each state bit that matters is kept in a packed state.

    Attributes:
        variables: the leaves with a bit that matters.
        masks: for each of them the bits that matter.
        bits: every single-bit variable; its place here is its place in the packed state.
    """

    variables: tuple[Term, ...]
    masks: tuple[int, ...]
    bits: tuple[Term, ...]

    @classmethod
    def of(cls, relation: Relation, masks: Sequence[int]) -> Packing:
        """The packing of a relation's state under the masks of a cone of influence."""
        pairs = [(variable, mask) for variable, mask in zip(relation.state, masks, strict=True) if mask]
        bits = [_single_bit(v, i) for v, mask in pairs for i in range(mask.bit_length()) if mask >> i & 1]
        return cls(tuple(v for v, _ in pairs), tuple(m for _, m in pairs), tuple(bits))

    @property
    def width(self) -> int:
        """State bits in a word: one less than there are, as a key set asks for."""
        return 63

    @property
    def words(self) -> int:
        """Words in a packed state."""
        return max(1, -(-len(self.bits) // self.width))

    def pack(self, states: Iterable[Sequence[int]]) -> list[Words]:
        """The packed words of states given as leaf values."""
        rows = list(states)
        kinds: list[Any] = [object if mask.bit_length() > 64 else WORD for mask in self.masks]
        return self.pack_columns([np.array([row[k] for row in rows], kind) for k, kind in enumerate(kinds)], len(rows))

    def pack_columns(self, columns: Sequence[NDArray[Any]], count: int) -> list[Words]:
        """The packed words of so many states given as an array for each leaf."""
        words = [np.zeros(count, WORD) for _ in range(self.words)]
        place = 0
        for mask, column in zip(self.masks, columns, strict=True):
            for i in range(mask.bit_length()):
                if mask >> i & 1:
                    word, shift = divmod(place, self.width)
                    words[word] |= (column >> i & 1).astype(WORD) << np.uint64(shift)
                    place += 1
        return words

    def values(self, words: Sequence[int]) -> tuple[int, ...]:
        """The leaf values of one packed state."""
        packed = sum(word << self.width * w for w, word in enumerate(words))
        found = []
        for mask in self.masks:
            value = 0
            for i in range(mask.bit_length()):
                if mask >> i & 1:
                    value |= (packed & 1) << i
                    packed >>= 1
            found.append(value)
        return tuple(found)

    def unpack(self, words: Sequence[Words]) -> list[tuple[int, ...]]:
        """The leaf values of many packed states; inverse of :meth:`pack`."""
        columns = [column.tolist() for column in self.unpack_columns(words)]
        return list(zip(*columns, strict=True)) if columns else [()] * len(words[0])

    def unpack_columns(self, words: Sequence[Words]) -> list[NDArray[Any]]:
        """The values of each leaf as an array; inverse of :meth:`pack_columns`."""
        columns: list[NDArray[Any]] = []
        place = 0
        for mask in self.masks:
            # NumPy's words end at 64 bits; Python's integers take over for wider leaves.
            kind: Any = object if mask.bit_length() > 64 else WORD
            value = np.zeros(len(words[0]), kind)
            for i in (i for i in range(mask.bit_length()) if mask >> i & 1):
                bit = words[place // self.width] >> np.uint64(place % self.width) & np.uint64(1)
                value |= bit.astype(kind) << (i if kind is object else np.uint64(i))
                place += 1
            columns.append(value)
        return columns


def _single_bit(variable: Term, index: int) -> Term:
    return variable if variable.width == BOOL else Term("var", (), BOOL, (variable.data, index))


Instruction = tuple[Any, int, int, int]
"""A NumPy operator, the rows it reads, and the row it writes."""


@dataclass(frozen=True)
class Part:
    """A part of a program.

    Attributes:
        code: instructions that always run.
        results: the rows that hold results once they have run.
        further: instructions that run only if the first result is true somewhere; the other results need them.
    """

    code: tuple[Instruction, ...]
    results: tuple[int, ...]
    further: tuple[Instruction, ...] = ()


@dataclass(frozen=True)
class Program:
    """Straight-line code on bit rows: row 0 is all zeros, row 1 all ones, then the state's bits, then registers.

    Attributes:
        inputs: number of state bits.
        width: how many of them are in each word of a packed state.
        registers: number of further rows.
        parts: run in this order; the results of one are valid until the next runs.
    """

    inputs: int
    width: int
    registers: int
    parts: tuple[Part, ...]


@dataclass
class _Assembler:
    """Turns Boolean terms over single bits into instructions on values that are each written once."""

    values: dict[Term, int]
    seen: set[int]
    known: dict[tuple[Any, int, int], int] = field(default_factory=dict)
    fresh: list[Instruction] = field(default_factory=list)
    count: int = 0

    def emit(self, operator: Any, left: int, right: int) -> int:
        """The value of an operator on two values; the same operator on the same values is run once."""
        key = (operator, left, right) if left < right else (operator, right, left)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = self.count
            self.fresh.append((*key, found))
            self.count += 1
        return found

    def value(self, root: Term) -> int:
        """The value of a term."""
        for term in subterms([root], self.seen):
            self.values[term] = self._value(term, [self.values[arg] for arg in term.args])
        return self.values[root]

    def _value(self, term: Term, args: list[int]) -> int:
        if term.op == "const":
            return int(bool(term.data))
        if term.op == "var":
            return 0  # of a bit that cannot matter: any value gives the same result
        if term.op in ("and", "or"):
            operator = np.bitwise_and if term.op == "and" else np.bitwise_or
            result = args[0]
            for arg in args[1:]:
                result = self.emit(operator, result, arg)
            return result
        if term.op == "not":
            return self.emit(np.bitwise_xor, args[0], 1)
        if term.op == "eq":
            return self.emit(np.bitwise_xor, self.emit(np.bitwise_xor, args[0], args[1]), 1)
        if term.op == "ite":
            differs = self.emit(np.bitwise_xor, args[1], args[2])
            return self.emit(np.bitwise_xor, args[2], self.emit(np.bitwise_and, args[0], differs))
        raise NotBitwise("arithmetic or a shift by a variable distance cannot be evaluated bit by bit")


def assemble(packing: Packing, parts: Sequence[Sequence[Term]], guarded: bool = False) -> Program:
    """The program that evaluates groups of Boolean terms over single bits, one part for each group.

    Args:
        packing: where the bits are.
        parts: the groups.
        guarded: the rest of a group is of interest only where its first term holds.

    Raises:
        NotBitwise: a term contains arithmetic.
    """
    first = 2 + len(packing.bits)
    bits = {bit: 2 + k for k, bit in enumerate(packing.bits)}
    assembler = _Assembler(bits, {bit.serial for bit in bits}, count=first)
    written: list[tuple[list[Instruction], list[int]]] = []
    for terms in parts:
        results = [assembler.value(term) for term in terms]
        written.append((assembler.fresh, results))
        assembler.fresh = []
    always = [len(code) for code, _ in written]
    if guarded:
        always = _put_off(written)
    placed, registers = _with_registers(written, first)
    code = tuple(Part(code[:n], results, code[n:]) for (code, results), n in zip(placed, always, strict=True))
    return Program(len(packing.bits), packing.width, registers, code)


def _put_off(parts: list[tuple[list[Instruction], list[int]]]) -> list[int]:
    """Moves what only the later results of a part need to its end; how many instructions each part has before that."""
    always: list[int] = []
    needed: set[int] = set()
    for number in range(len(parts) - 1, -1, -1):
        code, results = parts[number]
        needed.add(results[0])
        for _, left, right, target in reversed(code):
            if target in needed:
                needed |= {left, right}
        first = [instruction for instruction in code if instruction[3] in needed]
        rest = [instruction for instruction in code if instruction[3] not in needed]
        parts[number] = ([*first, *rest], results)
        always.append(len(first))
        needed.update(results)
        needed.update(value for _, left, right, _ in rest for value in (left, right))
    return always[::-1]


def _last_uses(parts: Sequence[tuple[list[Instruction], list[int]]]) -> dict[int, int]:
    """For each value the running number of the last instruction, or end of a part, that needs it."""
    last: dict[int, int] = {}
    time = 0
    for code, results in parts:
        for _, left, right, target in code:
            last[left] = last[right] = last[target] = time
            time += 1
        last.update(dict.fromkeys(results, time))
        time += 1
    return last


def _with_registers(
    parts: Sequence[tuple[list[Instruction], list[int]]], first: int
) -> tuple[list[tuple[tuple[Instruction, ...], tuple[int, ...]]], int]:
    """The same code on as few rows as values live at a time: fewer rows stay in a nearer cache."""
    ends: dict[int, list[int]] = {}
    for value, time in _last_uses(parts).items():
        if value >= first:
            ends.setdefault(time, []).append(value)
    homes = {value: value for value in range(first)}
    spare: list[int] = []
    top, time = first, 0
    done: list[tuple[tuple[Instruction, ...], tuple[int, ...]]] = []
    for code, results in parts:
        placed: list[Instruction] = []
        for operator, left, right, target in code:
            if spare:
                home = spare.pop()
            else:
                home, top = top, top + 1
            placed.append((operator, homes[left], homes[right], home))
            homes[target] = home
            spare += [homes[value] for value in ends.get(time, ())]
            time += 1
        done.append((tuple(placed), tuple(homes[value] for value in results)))
        spare += [homes[value] for value in ends.get(time, ())]
        time += 1
    return done, top - first


class Machine:
    """Runs a program on chunks of packed states.

    Args:
        program: what to run.

    Attributes:
        rows: what a program computes with; of each row as much as a chunk is wide.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self.rows = np.zeros((2 + program.inputs + program.registers, ROWS // 64), WORD)
        self.rows[1] = ~np.uint64(0)
        self._views: dict[int, list[Words]] = {}

    def run(self, chunk: Sequence[Words]) -> Iterator[tuple[int, ...]]:
        """The numbers of the rows with each part's results; they are overwritten when the next part is asked for.

        Of a guarded part without a state for which its guard holds, nothing but the guard is computed.

        Args:
            chunk: the words of 1 to :data:`ROWS` packed states; the bits behind the last state are those of a copy.
        """
        width = -(-len(chunk[0]) // 64)
        self._load(chunk, width)
        rows = self._views.get(width) or list(self.rows[:, :width])
        if len(self._views) < 4:
            self._views[width] = rows
        for part in self._program.parts:
            for operator, one, other, target in part.code:
                operator(rows[one], rows[other], rows[target])
            if part.further and rows[part.results[0]].any():
                for operator, one, other, target in part.further:
                    operator(rows[one], rows[other], rows[target])
            yield part.results

    def results(self, chunk: Sequence[Words]) -> Iterator[list[Words]]:
        """The same, the rows themselves."""
        width = -(-len(chunk[0]) // 64)
        for numbers in self.run(chunk):
            yield [self.rows[k, :width] for k in numbers]

    def _load(self, chunk: Sequence[Words], width: int) -> None:
        place, left = 2, self._program.inputs
        block = np.empty((64, width), WORD)
        flat = block.reshape(-1)
        for word in chunk:
            flat[: len(word)], flat[len(word) :] = word, word[-1]
            transpose(block)
            count = min(left, self._program.width)
            self.rows[place : place + count, :width] = block[:count]
            place, left = place + count, left - count
