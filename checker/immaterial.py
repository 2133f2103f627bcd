"""Bits that should not matter, such as the frame number in a page-table entry.

A search with these bits free would enumerate them wherever a whole word is compared with a constant. So it takes them
as zero where a start leaves them free, and it is proved afterwards that nothing depends on them: for two states that
agree on everything else, and on everything else are like a state that was reached, every guard, property and premise is
the same, and so is everything else that can matter after every operation. Then what was found holds whatever these
bits are. Bits for which this fails do matter: they have to be searched like any others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from checker.dependency import depends_only_on, splitter_of
from checker.limits import Budget
from checker.solver import Solver
from checker.system import TransitionSystem
from checker.terms import BOOL, Term, connect, equal, negate, substitute, variable, word_op

if TYPE_CHECKING:
    from checker.search import Found


def bits_that_matter(system: TransitionSystem, reach: Found, budget: Budget) -> dict[str, int]:
    """Of the bits said to be immaterial, some that are not, by the leaf they belong to; none if the search stands.

    Args:
        system: the system, with :attr:`~checker.system.TransitionSystem.immaterial`.
        reach: its reachable states.
        budget: limits.

    Raises:
        OutOfBudget: a limit was reached.
    """
    suspects = list(_suspects(system, reach)) if system.immaterial else []
    if not suspects:
        return {}
    solver = Solver(budget)
    solver.add(_like_a_reached_one(system, reach))
    widths = {leaf.path: leaf.sort.width for leaf in system.relation.leaves}
    difference = {path: variable(f"other {path}", widths[path]) for path in system.immaterial}
    other = _other_states(system, difference)
    for number, term in enumerate(suspects):
        differs = variable(f"differs {number}", BOOL)
        solver.add(connect("or", (negate(differs), negate(equal(term, substitute([term], other)[0])))))
        if solver.satisfiable([differs]):
            return _fewest(system, solver, differs, difference)
    return {}


def _suspects(system: TransitionSystem, reach: Found) -> Iterator[Term]:
    """What the immaterial bits have a say in, as far as the terms tell without a solver."""
    relation = system.relation
    splitter = splitter_of(relation)
    kept = {
        leaf.path: mask & ~rest
        for leaf, mask, rest in zip(relation.leaves, reach.cone.masks, relation.immaterial, strict=True)
    }
    for term in dict.fromkeys((*relation.properties, *relation.premises, *(step.guard for step in relation.steps))):
        if not depends_only_on(splitter, term, kept):
            yield term
    pairs = [(v, leaf.path) for step in relation.steps for leaf, v in zip(relation.leaves, step.values, strict=True)]
    for term, path in dict.fromkeys(pairs):
        if kept[path] and not depends_only_on(splitter, term, kept, kept[path]):
            yield term if term.width == BOOL else word_op("band", term, kept[path])


def _other_states(system: TransitionSystem, difference: dict[str, Term]) -> dict[Term, Term]:
    """Each variable as a state has it that differs in immaterial bits only, in those that are set in ``difference``."""
    relation = system.relation
    return {
        term: word_op("bxor", term, word_op("band", difference[leaf.path], mask)) if mask else term
        for leaf, term, mask in zip(relation.leaves, relation.state, relation.immaterial, strict=True)
    }


def _fewest(system: TransitionSystem, solver: Solver, differs: Term, difference: dict[str, Term]) -> dict[str, int]:
    """The lowest single bit that makes a difference; if none does alone, all that do so together in some state."""
    solver.satisfiable([differs])
    together = dict(zip(difference, solver.values(list(difference.values())), strict=True))
    for path, mask in system.immaterial.items():
        for bit in (1 << i for i in range(mask.bit_length()) if mask >> i & 1):
            alone = variable(f"only {bit} of {path}", BOOL)
            only = [equal(term, bit if name == path else 0) for name, term in difference.items()]
            solver.add(connect("or", (negate(alone), connect("and", only))))
            if solver.satisfiable([differs, alone]):
                return {path: bit}
    return {path: bits & system.immaterial[path] for path, bits in together.items()}


def _like_a_reached_one(system: TransitionSystem, reach: Found) -> Term:
    """The state agrees with a reached one, immaterial bits aside."""
    relation = system.relation
    places = [k for k, mask in enumerate(reach.cone.masks) if mask]
    masks = [reach.cone.masks[k] & ~relation.immaterial[k] for k in places]
    kept = {tuple(value & mask for value, mask in zip(state, masks, strict=True)) for state in reach.states}
    variables = [relation.state[k] for k in places]

    def agrees(state: tuple[int, ...]) -> Term:
        return connect("and", [_has(v, m, value) for v, m, value in zip(variables, masks, state, strict=True)])

    return connect("or", [agrees(state) for state in sorted(kept)])


def _has(term: Term, mask: int, value: int) -> Term:
    if term.width == BOOL:
        return term if value else negate(term)
    return equal(word_op("band", term, mask), value)
