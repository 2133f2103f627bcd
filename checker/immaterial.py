"""Bits that a system leaves at zero because they cannot matter, such as the frame number in a page-table entry.

A search with these bits free would enumerate them wherever a whole word is compared with a constant. So they start as
zero, and it is proved afterwards that nothing depends on them: for two states that agree on everything else, and on
everything else are like a state that was reached, every guard, property and premise is the same, and so is everything
else that can matter after every operation. Then what was found holds whatever these bits are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from checker.dependency import BitSplitter, Cone, depends_only_on
from checker.limits import Budget
from checker.solver import Solver
from checker.system import Relation, TransitionSystem
from checker.terms import BOOL, Term, connect, equal, negate, substitute, variable, word_op

if TYPE_CHECKING:
    from checker.search import Found


def what_matters(system: TransitionSystem, reach: Found, budget: Budget) -> str:
    """Why bits said to be immaterial may matter; "" if they cannot.

    Args:
        system: the system, with :attr:`~checker.system.TransitionSystem.immaterial`.
        reach: its reachable states.
        budget: limits.

    Raises:
        OutOfBudget: a limit was reached.
    """
    if not system.immaterial:
        return ""
    relation = system.relation
    suspects = list(_suspects(system, relation, reach.cone))
    if not suspects:
        return ""
    other = _other_states(system, relation)
    solver = Solver(budget)
    solver.add(_like_a_reached_one(system, relation, reach))
    for what, term in suspects:
        switch = variable(f"differs {what}", BOOL)
        solver.add(connect("or", (negate(switch), _differ(term, substitute([term], other)[0]))))
        if solver.satisfiable([switch]):
            values = solver.values(relation.state)
            state = ", ".join(f"{leaf.path} {value:#x}" for leaf, value in zip(relation.leaves, values, strict=True))
            return f"bits that should not matter do: {what} at {state}"
    return ""


def _suspects(system: TransitionSystem, relation: Relation, cone: Cone) -> Iterator[tuple[str, Term]]:
    """What the immaterial bits have a say in, as far as the terms tell without a solver."""
    splitter = BitSplitter()
    kept = {
        leaf.path: mask & ~system.immaterial.get(leaf.path, 0)
        for leaf, mask in zip(relation.leaves, cone.masks, strict=True)
    }
    named = [(f"invariant {i.name}", t) for i, t in zip(system.invariants, relation.properties, strict=True)]
    named += [(f"premise of {i.name}", t) for i, t in zip(system.invariants, relation.premises, strict=True)]
    named += [(f"guard of {step.name}", step.guard) for step in relation.steps]
    named += [
        (f"{leaf.path} after {step.name}", value if value.width == BOOL else word_op("band", value, kept[leaf.path]))
        for step in relation.steps
        for leaf, value in zip(relation.leaves, step.values, strict=True)
        if kept[leaf.path]
    ]
    for what, term in named:
        condition = term if term.width == BOOL else equal(term, variable("anything", term.width))
        if not depends_only_on(splitter, condition, {**kept, "anything": -1}):
            yield what, term


def _other_states(system: TransitionSystem, relation: Relation) -> dict[Term, Term]:
    """Each variable as a state has it that differs in the immaterial bits only."""
    found: dict[Term, Term] = {}
    for leaf, term in zip(relation.leaves, relation.state, strict=True):
        mask = system.immaterial.get(leaf.path, 0)
        free = word_op("band", variable(f"other {leaf.path}", term.width), mask) if mask else None
        found[term] = term if free is None else word_op("bor", word_op("band", term, ~mask), free)
    return found


def _like_a_reached_one(system: TransitionSystem, relation: Relation, reach: Found) -> Term:
    """The state agrees with a reached one, immaterial bits aside."""
    places = [k for k, mask in enumerate(reach.cone.masks) if mask]
    masks = [reach.cone.masks[k] & ~system.immaterial.get(relation.leaves[k].path, 0) for k in places]
    kept = {tuple(value & mask for value, mask in zip(state, masks, strict=True)) for state in reach.states}
    variables = [relation.state[k] for k in places]

    def agrees(state: tuple[int, ...]) -> Term:
        return connect("and", [_has(v, m, value) for v, m, value in zip(variables, masks, state, strict=True)])

    return connect("or", [agrees(state) for state in sorted(kept)])


def _has(term: Term, mask: int, value: int) -> Term:
    if term.width == BOOL:
        return term if value else negate(term)
    return equal(word_op("band", term, mask), value)


def _differ(left: Term, right: Term) -> Term:
    return negate(equal(left, right))
