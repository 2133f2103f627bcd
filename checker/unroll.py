"""Copies of a system's relation at consecutive times, shared by bounded checking and by inductive proofs."""

from __future__ import annotations

from functools import lru_cache, reduce

from checker.records import dataclass
from checker.system import Relation
from checker.terms import (
    BOOL,
    FALSE,
    Term,
    choose,
    connect,
    constant,
    equal,
    negate,
    substitute,
    subterms,
    variable,
    word_op,
)


def state_at(relation: Relation, time: int | str) -> tuple[Term, ...]:
    """One variable for each leaf, named ``path@time``."""
    return tuple(variable(f"{leaf.path}@{time}", leaf.sort.width) for leaf in relation.leaves)


def renamed(relation: Relation, roots: list[Term], state: tuple[Term, ...]) -> list[Term]:
    """Terms over the relation's own variables, said of another copy of the state."""
    return substitute(roots, dict(zip(relation.state, state, strict=True)))


def choice(time: int | str, count: int) -> Term:
    """The variable that says which of ``count`` possibilities is taken."""
    return variable(f"choice@{time}", max(1, (count - 1).bit_length()))


def _picked(pick: Term, values: list[Term]) -> Term:
    """``values[pick]``, the last for every other value of ``pick``."""
    last = len(values) - 1
    return reduce(lambda rest, k: choose(equal(pick, k), values[k], rest), range(last - 1, -1, -1), values[last])


@dataclass(frozen=True)
class Unrolled:
    """Conditions that tie copies of the state together.

    Attributes:
        choices: one of the possibilities is taken, and it is possible.
        definitions: the value of each leaf that follows from it.
        pick: which start or operation was chosen.
    """

    choices: tuple[Term, ...]
    definitions: tuple[Term, ...]
    pick: Term

    @property
    def conditions(self) -> tuple[Term, ...]:
        """Everything that must hold."""
        return self.choices + self.definitions

    def about(self, state: tuple[Term, ...], conclusion: Term) -> tuple[Term, ...]:
        """What must hold, without the values of leaves that the conclusion does not mention.

        A leaf nobody asks about may have any value, so leaving its definition out changes no answer.

        Args:
            state: the copy of the state that is defined.
            conclusion: the condition the values are needed for.
        """
        if not self.definitions:
            return self.choices
        asked = {term for term in subterms([conclusion]) if term.op == "var"}
        needed = [d for leaf, d in zip(state, self.definitions, strict=True) if leaf in asked]
        return (*self.choices, *needed)


def start_at(relation: Relation, state: tuple[Term, ...]) -> Unrolled:
    """The state is an initial one."""
    count = len(relation.starts)
    pick = choice("start", count)
    if not count:
        return Unrolled((FALSE,), (), pick)
    definitions = [
        equal(after, _picked(pick, [start.values[i] for start in relation.starts])) for i, after in enumerate(state)
    ]
    domains = [connect("or", (negate(equal(pick, k)), start.domain)) for k, start in enumerate(relation.starts)]
    return Unrolled((in_range(pick, count), *domains), tuple(definitions), pick)


def step_between(relation: Relation, before: tuple[Term, ...], after: tuple[Term, ...], time: int | str) -> Unrolled:
    """One enabled operation leads from one copy of the state to another."""
    count, width = len(relation.steps), len(before)
    if not count:
        return Unrolled((FALSE,), (), choice(time, count))
    roots = [root for step in relation.steps for root in (step.guard, *step.values)]
    moved = renamed(relation, roots, before)
    rows = [moved[k * (width + 1) : (k + 1) * (width + 1)] for k in range(count)]
    pick = choice(time, count)
    guards = connect("or", [connect("and", (equal(pick, k), row[0])) for k, row in enumerate(rows)])
    nexts = [equal(after[i], _picked(pick, [row[i + 1] for row in rows])) for i in range(width)]
    return Unrolled((guards,), tuple(nexts), pick)


def next_state(relation: Relation, before: tuple[Term, ...], taken: list[Term]) -> tuple[Term, tuple[Term, ...]]:
    """Whether the operation that is taken is enabled, and the value it gives each leaf, as functions of the state.

    Most operations leave most leaves alone, so that a leaf's value is chosen among what operations make of it, and not
    among the operations.

    Args:
        relation: the system.
        before: the copy of the state it is taken in.
        taken: for each operation, that it is the one; of these exactly one must hold.
    """
    if not taken:
        return FALSE, before
    width = len(before)
    moved = renamed(relation, [root for step in relation.steps for root in (step.guard, *step.values)], before)
    rows = [moved[k * (width + 1) : (k + 1) * (width + 1)] for k in range(len(relation.steps))]
    enabled = connect("or", [connect("and", (pick, row[0])) for pick, row in zip(taken, rows, strict=True)])
    return enabled, tuple(_made(taken, [row[i + 1] for row in rows]) for i in range(width))


def functional_step(
    relation: Relation, before: tuple[Term, ...], after: tuple[Term, ...], time: int, masks: tuple[int, ...]
) -> Unrolled:
    """One enabled operation leads from one copy of the state to another, of which only some bits are defined.

    Says of those bits what :func:`step_between` says, in the form that long unrollings are decided by soonest.

    Args:
        relation: the system.
        before, after: the copies of the state.
        time: the number of the step.
        masks: for each leaf the bits that are wanted; the others become zero, or stay free where no bit is wanted.
    """
    pick = choice(time, len(relation.steps))
    enabled, values = next_state(relation, before, [equal(pick, k) for k in range(len(relation.steps))])
    cut = [v if v.width == BOOL else word_op("band", v, mask) for v, mask in zip(values, masks, strict=True)]
    defined = [equal(leaf, value) for leaf, value, mask in zip(after, cut, masks, strict=True) if mask]
    return Unrolled((enabled,), tuple(defined), pick)


def _made(taken: list[Term], values: list[Term]) -> Term:
    """The value of the operation that is taken."""
    makers: dict[Term, list[Term]] = {}
    for pick, value in zip(taken, values, strict=True):
        makers.setdefault(value, []).append(pick)
    usual = max(makers, key=lambda value: len(makers[value]))
    others = [(connect("or", picks), value) for value, picks in makers.items() if value is not usual]
    return reduce(lambda rest, one: choose(one[0], one[1], rest), reversed(others), usual)


@lru_cache(maxsize=16)
def transition(relation: Relation) -> tuple[tuple[Term, ...], tuple[Term, ...], Unrolled]:
    """Two copies of the state and the step between them."""
    before, after = state_at(relation, 0), state_at(relation, 1)
    return before, after, step_between(relation, before, after, 1)


def in_range(pick: Term, count: int) -> Term:
    """The choice is one of the possibilities."""
    return connect("or", [equal(pick, k) for k in range(count)])


def fixed_inputs(relation: Relation, masks: tuple[tuple[int, ...], ...]) -> list[Term]:
    """Input bits that cannot matter are zero."""
    conditions = []
    for start, kept in zip(relation.starts, masks, strict=True):
        for term, mask in zip(start.inputs, kept, strict=True):
            if term.width == BOOL:
                conditions += [] if mask else [negate(term)]
            else:
                conditions.append(equal(word_op("band", term, mask ^ ((1 << term.width) - 1)), constant(0, term.width)))
    return conditions
