"""Terms as and-gates and inverters: every word becomes a tuple of bits, and equal gates are made once.

A literal is twice the number of an unknown or of a gate, plus one where it is inverted; 0 is false and 1 is true.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from checker.terms import Term, subterms

NO, YES = 0, 1
Bits = tuple[int, ...]
"""Literals of a word, the least significant first; of a Boolean, one."""


class Gates:
    """A growing network of and-gates."""

    def __init__(self) -> None:
        self._unknowns = 0
        self._inputs: list[Bits] = []
        self._gates: list[tuple[int, int]] = []
        self._known: dict[tuple[int, int], int] = {}
        self._words: dict[Term, Bits] = {}

    def unknown(self, term: Term, mask: int) -> Bits:
        """Makes a variable's bits in the mask unknowns, the others false; all unknowns come before the first gate."""
        if self._gates:
            raise ValueError("unknowns come before gates")
        bits = []
        for i in range(max(1, term.width)):
            self._unknowns += mask >> i & 1
            bits.append(2 * self._unknowns if mask >> i & 1 else NO)
        self._words[term] = tuple(bits)
        return self._words[term]

    def both(self, left: int, right: int) -> int:
        """Conjunction."""
        left, right = max(left, right), min(left, right)
        if right == NO or left == right ^ 1:
            return NO
        if right in (YES, left):
            return left
        found = self._known.get((left, right))
        if found is None:
            self._gates.append((left, right))
            found = self._known[(left, right)] = 2 * (self._unknowns + len(self._gates))
        return found

    def either(self, left: int, right: int) -> int:
        """Disjunction."""
        return self.both(left ^ 1, right ^ 1) ^ 1

    def choose(self, condition: int, then: int, otherwise: int) -> int:
        """If-then-else."""
        if then == otherwise:
            return then
        if then == otherwise ^ 1:
            return self.differ(condition, otherwise)
        return self.either(self.both(condition, then), self.both(condition ^ 1, otherwise))

    def differ(self, left: int, right: int) -> int:
        """Exclusive or."""
        return self.either(self.both(left, right ^ 1), self.both(left ^ 1, right))

    def all(self, literals: Sequence[int]) -> int:
        """Conjunction of many, as a flat tree."""
        row = list(literals) or [YES]
        while len(row) > 1:
            odd = row[-1:] if len(row) % 2 else []
            row = [self.both(a, b) for a, b in zip(row[::2], row[1::2], strict=False)] + odd
        return row[0]

    def any(self, literals: Sequence[int]) -> int:
        """Disjunction of many, as a flat tree."""
        return self.all([literal ^ 1 for literal in literals]) ^ 1

    def word(self, term: Term) -> Bits:
        """The bits of a term, all of whose variables were made unknowns.

        Raises:
            KeyError: some were not.
        """
        if term not in self._words:
            for part in subterms([term]):
                if part not in self._words:
                    self._words[part] = self._apply(part, [self._words[arg] for arg in part.args])
        return self._words[term]

    def needed(self, roots: Sequence[int]) -> tuple[list[int], list[tuple[int, int]]]:
        """The roots and the gates they depend on, numbered anew without gaps."""
        first = self._unknowns + 1
        wanted = {root >> 1 for root in roots}
        for number in range(len(self._gates) - 1, -1, -1):
            if first + number in wanted:
                wanted.update(literal >> 1 for literal in self._gates[number])
        places = {k: k for k in range(first)}
        kept: list[tuple[int, int]] = []
        for number, (left, right) in enumerate(self._gates):
            if first + number in wanted:
                places[first + number] = first + len(kept)
                kept.append((_moved(left, places), _moved(right, places)))
        return [_moved(root, places) for root in roots], kept

    def _apply(self, term: Term, args: list[Bits]) -> Bits:
        op = term.op
        if op == "const":
            return tuple(int(term.data) >> i & 1 for i in range(max(1, term.width)))
        if op in ("and", "or"):
            return ((self.all if op == "and" else self.any)([bits[0] for bits in args]),)
        if op == "not":
            return (args[0][0] ^ 1,)
        if op == "ite":
            return tuple(self.choose(args[0][0], a, b) for a, b in zip(args[1], args[2], strict=True))
        if op == "extract":
            return args[0][term.data[1] : term.data[0] + 1]
        if op == "zext":
            return args[0] + (NO,) * (term.width - len(args[0]))
        return _BINARY[op](self, args[0], args[1])

    def _sum(self, left: Bits, right: Bits, carry: int) -> Bits:
        bits = []
        for a, b in zip(left, right, strict=True):
            half = self.differ(a, b)
            bits.append(self.differ(half, carry))
            carry = self.either(self.both(a, b), self.both(half, carry))
        return tuple(bits)

    def _product(self, left: Bits, right: Bits) -> Bits:
        total: Bits = (NO,) * len(left)
        for i, bit in enumerate(right):
            row = (NO,) * i + tuple(self.both(bit, a) for a in left[: len(left) - i])
            total = self._sum(total, row, NO)
        return total

    def _shifted(self, word: Bits, distance: Bits, up: bool) -> Bits:
        """Stage by stage: bit ``i`` of the distance shifts by two to the ``i``, or all the way out."""
        for i, bit in enumerate(distance):
            by = min(1 << i, len(word))
            zeros = (NO,) * by
            moved = zeros + word[: len(word) - by] if up else word[by:] + zeros
            word = tuple(self.choose(bit, a, b) for a, b in zip(moved, word, strict=True))
        return word

    def _less(self, left: Bits, right: Bits) -> int:
        less = NO
        for a, b in zip(left, right, strict=True):
            less = self.choose(self.differ(a, b), b, less)
        return less

    def _equal(self, left: Bits, right: Bits) -> int:
        return self.all([self.differ(a, b) ^ 1 for a, b in zip(left, right, strict=True)])


def _moved(literal: int, places: dict[int, int]) -> int:
    return 2 * places[literal >> 1] + (literal & 1)


def _bitwise(of: Callable[[Gates, int, int], int]) -> Callable[[Gates, Bits, Bits], Bits]:
    return lambda gates, left, right: tuple(of(gates, a, b) for a, b in zip(left, right, strict=True))


_BINARY: dict[str, Callable[[Gates, Bits, Bits], Bits]] = {
    "band": _bitwise(Gates.both),
    "bor": _bitwise(Gates.either),
    "bxor": _bitwise(Gates.differ),
    "add": lambda gates, a, b: gates._sum(a, b, NO),
    "sub": lambda gates, a, b: gates._sum(a, tuple(bit ^ 1 for bit in b), YES),
    "mul": lambda gates, a, b: gates._product(a, b),
    "shl": lambda gates, a, b: gates._shifted(a, b, up=True),
    "lshr": lambda gates, a, b: gates._shifted(a, b, up=False),
    "ult": lambda gates, a, b: (gates._less(a, b),),
    "ule": lambda gates, a, b: (gates._less(b, a) ^ 1,),
    "eq": lambda gates, a, b: (gates._equal(a, b),),
}
