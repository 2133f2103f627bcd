"""Which bits of a state can matter: a cone of influence, bit by bit, computed and not declared.

A bit matters when a property, a premise or a guard depends on it, or when the next value of a bit that matters
does. Dropping the others is a bisimulation: two states that agree on the bits that matter enable the same
operations, satisfy the same properties, and step to states that agree again. Dependence is read off the terms
after splitting them into one Boolean expression for each bit, so that a mask drops what it masks out.
"""

from __future__ import annotations

from functools import lru_cache

from checker.records import dataclass
from checker.system import Relation, SymbolicStart
from checker.terms import BOOL, FALSE, Term, choose, connect, constant, equal, negate, subterms


class BitSplitter:
    """Splits word terms into one Boolean term for each bit, on demand and each once."""

    def __init__(self) -> None:
        # By serial number: a term's own hash is a call of Python, and these are looked up by the million.
        self._bits: dict[tuple[int, int], Term] = {}
        self._booleans: dict[int, Term] = {}

    def boolean(self, term: Term) -> Term:
        """A Boolean term over single bits, equivalent to the given one."""
        found = self._booleans.get(term.serial)
        if found is None:
            found = self._booleans[term.serial] = self._boolean(term)
        return found

    def bit(self, term: Term, index: int) -> Term:
        """Bit ``index`` of a word term, 0 the least significant, as a Boolean term over single bits."""
        key = (term.serial, index)
        found = self._bits.get(key)
        if found is None:
            found = self._bits[key] = self._bit(term, index)
        return found

    def _boolean(self, term: Term) -> Term:
        op, args = term.op, term.args
        if op in ("const", "var"):
            return term
        if op in ("and", "or"):
            return connect(op, [self.boolean(arg) for arg in args])
        if op == "not":
            return negate(self.boolean(args[0]))
        if op == "ite":
            return choose(self.boolean(args[0]), self.boolean(args[1]), self.boolean(args[2]))
        if op == "eq" and args[0].width == BOOL:
            return equal(self.boolean(args[0]), self.boolean(args[1]))
        if op == "eq":
            return connect("and", [equal(self.bit(args[0], i), self.bit(args[1], i)) for i in range(args[0].width)])
        return self._less(args[0], args[1], FALSE if op == "ult" else constant(True, BOOL))

    def _less(self, left: Term, right: Term, otherwise: Term) -> Term:
        result = otherwise
        for i in range(left.width):
            a, b = self.bit(left, i), self.bit(right, i)
            result = choose(equal(a, b), result, b)
        return result

    def _bit(self, term: Term, i: int) -> Term:
        op, args = term.op, term.args
        if op == "const":
            return constant(bool(term.data >> i & 1), BOOL)
        if op == "var":
            return Term("var", (), BOOL, (term.data, i))
        if op in ("band", "bor"):
            if args[1].op == "const":  # by far the most frequent case
                neutral = (args[1].data >> i & 1) == (op == "band")  # masked in, or nothing added
                return self.bit(args[0], i) if neutral else constant(op == "bor", BOOL)
            return connect("and" if op == "band" else "or", (self.bit(args[0], i), self.bit(args[1], i)))
        if op == "bxor":
            return negate(equal(self.bit(args[0], i), self.bit(args[1], i)))
        if op == "ite":
            return choose(self.boolean(args[0]), self.bit(args[1], i), self.bit(args[2], i))
        if op == "extract":
            return self.bit(args[0], i + term.data[1])
        if op == "zext":
            return self.bit(args[0], i) if i < args[0].width else FALSE
        if op in ("shl", "lshr") and args[1].op == "const":
            source = i - args[1].data if op == "shl" else i + args[1].data
            return self.bit(args[0], source) if 0 <= source < term.width else FALSE
        return self._opaque(term, i, term.width if op in ("lshr", "shl") else i + 1)

    def _opaque(self, term: Term, i: int, bits: int) -> Term:
        """A stand-in for a bit of arithmetic that depends on every operand bit which can influence it."""
        support = [self.bit(arg, k) for arg in term.args for k in range(min(bits, arg.width))]
        return Term("mixed", tuple(support), BOOL, (term.serial, i))


@dataclass(frozen=True)
class Cone:
    """The bits that matter.

    Attributes:
        masks: for each leaf, the word of the bits that matter (0 or 1 for a Boolean).
        inputs: for each start, the same for each of its inputs; those of immaterial bits are left out.
    """

    masks: tuple[int, ...]
    inputs: tuple[tuple[int, ...], ...]

    def project(self, values: tuple[int, ...]) -> tuple[int, ...]:
        """A state's leaf values with the bits that cannot matter cleared."""
        return tuple(v & m for v, m in zip(values, self.masks, strict=True))

    def key(self, values: tuple[int, ...]) -> tuple[int, ...]:
        """The same without the leaves of which no bit matters: a state as the explicit engine keeps it."""
        return tuple(v & m for v, m in zip(values, self.masks, strict=True) if m)


def _support(roots: list[Term], masks: dict[str, int]) -> dict[str, int]:
    """The variable bits the roots depend on that are not in ``masks`` yet."""
    fresh: dict[str, int] = {}
    for term in subterms(roots):
        if term.op == "var":
            name, index = term.data if isinstance(term.data, tuple) else (term.data, 0)
            if not masks.get(name, 0) >> index & 1:
                fresh[name] = fresh.get(name, 0) | 1 << index
    return fresh


@lru_cache(maxsize=4)
def splitter_of(relation: Relation) -> BitSplitter:
    """The splitter for a relation's terms, so that none is split twice."""
    return BitSplitter()


@lru_cache(maxsize=16)
def cone_of_influence(relation: Relation) -> Cone:
    """The bits of the state, and of the starts' inputs, that can influence a guard, a property or a premise.

    Every bit of the state where the relation asks for it, and then of the inputs those that can influence the state.
    """
    splitter = splitter_of(relation)
    if relation.every_bit:
        every = tuple((1 << max(1, leaf.sort.width)) - 1 for leaf in relation.leaves)
        return _cone(relation, splitter, every)
    order = {leaf.path: i for i, leaf in enumerate(relation.leaves)}
    masks: dict[str, int] = {}
    roots = [splitter.boolean(t) for t in (*relation.properties, *relation.premises)]
    roots += [splitter.boolean(step.guard) for step in relation.steps]
    while fresh := _support(roots, masks):
        for name, mask in fresh.items():
            masks[name] = masks.get(name, 0) | mask
        roots = [
            _next_bit(splitter, step.values[order[name]], i)
            for name, mask in fresh.items()
            for i in range(mask.bit_length())
            if mask >> i & 1
            for step in relation.steps
        ]
    return _cone(relation, splitter, tuple(masks.get(leaf.path, 0) for leaf in relation.leaves))


def _cone(relation: Relation, splitter: BitSplitter, wanted: tuple[int, ...]) -> Cone:
    free = tuple(mask & ~rest for mask, rest in zip(wanted, relation.immaterial, strict=True))
    return Cone(wanted, tuple(_start_inputs(splitter, start, free) for start in relation.starts))


def _next_bit(splitter: BitSplitter, term: Term, index: int) -> Term:
    return splitter.boolean(term) if term.width == BOOL else splitter.bit(term, index)


def _start_inputs(splitter: BitSplitter, start: SymbolicStart, masks: tuple[int, ...]) -> tuple[int, ...]:
    roots = [
        _next_bit(splitter, term, i)
        for term, mask in zip(start.values, masks, strict=True)
        for i in range(mask.bit_length())
        if mask >> i & 1
    ]
    needed = _support(roots, {})
    return tuple(needed.get(term.data, 0) for term in start.inputs)


def depends_only_on(splitter: BitSplitter, term: Term, masks: dict[str, int], bits: int = 1) -> bool:
    """Whether a term depends on no variable bit outside these masks.

    Args:
        splitter: for the term.
        term: a Boolean term, or a word.
        masks: variable name -> bits.
        bits: of a word, those that are asked about.
    """
    if term.width == BOOL:
        return not _support([splitter.boolean(term)], masks)
    return not _support([splitter.bit(term, i) for i in range(term.width) if bits >> i & 1], masks)
