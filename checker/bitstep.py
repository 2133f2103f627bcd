"""A system bit by bit: starts, steps and properties as Boolean terms over the bits that matter, for long unrollings.

Words of 64 bits of which ten matter cost a solver more than it finds out by itself, and so does a number for the operation
that is taken. Here a state is one Boolean for each bit that matters, and an operation that may be taken is one, too.
"""

from __future__ import annotations

from checker.dependency import cone_of_influence, splitter_of
from checker.records import dataclass
from checker.system import Relation
from checker.terms import BOOL, Term, connect, equal, negate, substitute, subterms, variable, word_op

Bit = tuple[str, int]
"""A bit of a leaf: the leaf's path and the bit's number; of a Boolean 0."""

Bits = dict[Bit, Term]
"""A copy of the state: a Boolean for each bit that matters."""


@dataclass(frozen=True, eq=False)
class BitSteps:
    """What a relation says of the bits that matter.

    Attributes:
        bits: which they are.
        guards: one for each operation.
        values: for each operation, the next value of each bit.
        properties: what must hold.
    """

    bits: tuple[Bit, ...]
    guards: tuple[Term, ...]
    values: tuple[tuple[Term, ...], ...]
    properties: tuple[Term, ...]

    def at(self, time: int) -> Bits:
        """A copy of the state with names of its own."""
        return {(path, k): variable(f"bit {k} of {path}@{time}", BOOL) for path, k in self.bits}

    def step(self, before: Bits, after: Bits, taken: list[Term]) -> list[Term]:
        """One enabled operation leads from one copy of the state to another.

        Args:
            before, after: the copies.
            taken: for each operation, that it is taken; where several are, each of them leads there.
        """
        count, width = len(taken), len(self.bits)
        moved = said_of([*self.guards, *(value for values in self.values for value in values)], before)
        conditions = [connect("or", taken)]
        conditions += [connect("or", (negate(pick), guard)) for pick, guard in zip(taken, moved, strict=False)]
        for number, bit in enumerate(self.bits):
            others: dict[int, tuple[Term, list[Term]]] = {}
            for pick, value in zip(taken, moved[count + number :: width], strict=True):
                others.setdefault(value.serial, (value, []))[1].append(negate(pick))
            # Most operations leave most bits alone, and say so in one condition.
            for value, picks in others.values():
                conditions.append(connect("or", (connect("and", picks), equal(after[bit], value))))
        return conditions


def bit_steps(relation: Relation) -> BitSteps | None:
    """A relation bit by bit; None where it has arithmetic, which is not split."""
    splitter, masks = splitter_of(relation), cone_of_influence(relation).masks
    wanted = [(n, k) for n, mask in enumerate(masks) for k in range(mask.bit_length()) if mask >> k & 1]

    def bit(value: Term, k: int) -> Term:
        return splitter.boolean(value) if value.width == BOOL else splitter.bit(value, k)

    found = BitSteps(
        bits=tuple((relation.leaves[n].path, k) for n, k in wanted),
        guards=tuple(splitter.boolean(step.guard) for step in relation.steps),
        values=tuple(tuple(bit(step.values[n], k) for n, k in wanted) for step in relation.steps),
        properties=tuple(splitter.boolean(holds) for holds in relation.properties),
    )
    roots = [*found.guards, *found.properties, *(value for values in found.values for value in values)]
    return None if any(term.op == "mixed" for term in subterms(roots)) else found


def bits_of(steps: BitSteps, relation: Relation, state: tuple[Term, ...]) -> Bits:
    """The bits of a copy of the state that is given as words."""
    words = dict(zip([leaf.path for leaf in relation.leaves], state, strict=True))
    return {(path, k): _bit_of(words[path], k) for path, k in steps.bits}


def _bit_of(word: Term, k: int) -> Term:
    return word if word.width == BOOL else negate(equal(word_op("band", word, 1 << k), 0))


def said_of(roots: list[Term], state: Bits) -> list[Term]:
    """Terms over the bits of a relation's own variables, said of another copy of the state."""
    values = {}
    for term in subterms(roots):
        if term.op == "var":
            values[term] = state[term.data if isinstance(term.data, tuple) else (term.data, 0)]
    return substitute(roots, values)
