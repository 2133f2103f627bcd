"""The arguments for reductions, as obligations of one system: formulas that a solver must find valid.

Each is stated on whole words, apart from the code that makes the reduction, and for arbitrary states: nothing of a
search is taken for granted. What views rest on is in :mod:`checker.reduction`; immaterial bits are about states like
those that were reached, so :mod:`checker.immaterial` proves theirs after each search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from checker.dependency import Cone, cone_of_influence
from checker.limits import Budget, OutOfBudget
from checker.logic import both, implies, same
from checker.records import dataclass
from checker.reduction import Obligation, typed, well_formed
from checker.solver import Solver
from checker.system import TransitionSystem
from checker.terms import BOOL, Term, coerce, connect, cut, equal, negate, substitute, variable, word_op


def dead_bits(system: TransitionSystem, cone: Cone | None = None) -> Iterator[Obligation]:
    """What dropping bits rests on: states that differ only in those enable, satisfy and become the same.

    Args:
        system: the system that is searched.
        cone: the bits that are kept; default: those that the search keeps.
    """
    relation = system.relation
    cone = cone or cone_of_influence(relation)
    other = _differing(relation.state, cone.masks)

    def unseen(seen: Iterable[Term]) -> Term:
        pairs = list(dict.fromkeys(seen))
        return connect("and", [equal(a, b) for a, b in zip(pairs, substitute(pairs, other), strict=True)])

    for invariant, holds, premise in zip(system.invariants, relation.properties, relation.premises, strict=True):
        yield Obligation(f"{invariant.name}: dropped bits have no say in it", unseen((holds, premise)))
    for step in relation.steps:
        after = [cut(v, mask) for v, mask in zip(step.values, cone.masks, strict=True)]
        yield Obligation(f"{step.name}: dropped bits have no say in it", unseen((step.guard, *after)))
    free = [mask & ~rest for mask, rest in zip(cone.masks, relation.immaterial, strict=True)]
    for start, inputs in zip(relation.starts, cone.inputs, strict=True):
        values = [cut(v, mask) for v, mask in zip(start.values, free, strict=True)]
        changed = substitute(values, _differing(start.inputs, inputs))
        claim = connect("and", [equal(a, b) for a, b in zip(values, changed, strict=True)])
        yield Obligation(f"start {start.name}: dropped bits of its inputs have no say in it", claim)


def _differing(variables: tuple[Term, ...], masks: tuple[int, ...]) -> dict[Term, Term]:
    """Each variable as another state has it that agrees with this one on the masks."""
    found: dict[Term, Term] = {}
    for term, mask in zip(variables, masks, strict=True):
        whole = (1 << max(1, term.width)) - 1
        if mask != whole:
            other = variable(f"other {term.data}", term.width)
            found[term] = (
                other
                if not mask
                else word_op("bor", word_op("band", term, mask), word_op("band", other, whole & ~mask))
            )
    return found


def renaming(whole: TransitionSystem, reduced: TransitionSystem, image: Callable[[Any], Any]) -> Iterator[Obligation]:
    """What searching one system in place of another rests on, if each state of the other has one image in it.

    Operation by operation, the image can do what the state can, and nothing else, and becomes the image of the outcome.
    So runs of one are runs of the other, of the same length, through states that satisfy the same.

    Args:
        whole: the system that is meant; its ``well_formed`` is taken for granted of states and proved to be kept.
        reduced: the system that is searched, with the same starts, operations and invariants by name.
        image: state of ``whole`` -> state of ``reduced``.
    """
    layout, relation = whole.layout, whole.relation
    state = layout.build(relation.state)
    granted = well_formed(whole, relation.state)
    pictured = typed(reduced.layout, image(state))
    for start, original in zip(whole.starts, reduced.starts, strict=True):
        (values,) = [s.values for s in relation.starts if s.name == start.name]
        found = _picture(reduced, image, layout.build(values))
        (wanted,) = [s.values for s in reduced.relation.starts if s.name == original.name]
        yield Obligation(f"start {start.name}: it is well-formed", _term(well_formed(whole, values)))
        yield Obligation(f"start {start.name}: its image is the start", _alike(found, wanted))
    for invariant, twin in zip(whole.invariants, reduced.invariants, strict=True):
        agrees = both(
            same(invariant.holds(state), twin.holds(pictured)), same(invariant.premise(state), twin.premise(pictured))
        )
        yield Obligation(f"{invariant.name}: it says the same of the image", _term(implies(granted, agrees)))
    for op, other, step in zip(whole.operations, reduced.operations, relation.steps, strict=True):
        kept = implies(both(granted, step.guard), well_formed(whole, step.values))
        yield Obligation(f"{op.name}: the outcome is well-formed", _term(kept))
        guard, after = other.run(pictured)
        found = _picture(reduced, image, layout.build(step.values))
        wanted = reduced.layout.flatten(typed(reduced.layout, after))
        agrees = both(same(step.guard, guard), implies(step.guard, _alike(found, wanted)))
        yield Obligation(f"{op.name}: the image does the same", _term(implies(granted, agrees)))


def _picture(reduced: TransitionSystem, image: Callable[[Any], Any], state: Any) -> tuple[Any, ...]:
    return reduced.layout.flatten(typed(reduced.layout, image(state)))


def _alike(left: Iterable[Any], right: Iterable[Any]) -> Term:
    return _term(both(*(same(a, b) for a, b in zip(left, right, strict=True))))


def _term(value: Any) -> Term:
    return coerce(value, BOOL)


@dataclass(frozen=True)
class Judged:
    """What a solver says of an argument.

    Attributes:
        count: how many obligations it has.
        refuted: sentences of those that some state refutes.
        undecided: why one of the rest was not decided, which ended the proof; "" if all were.
    """

    count: int
    refuted: tuple[str, ...]
    undecided: str = ""


def judged(obligations: Iterable[Obligation], budget: Budget | None = None, valid: set[Term] | None = None) -> Judged:
    """Every obligation put to the solver, one by one; the first it gives up on ends it.

    Args:
        obligations: of one argument.
        budget: limits.
        valid: claims that were found valid before, of systems that share operations; new ones are added.
    """
    valid = set() if valid is None else valid
    count, refuted = 0, []
    for obligation in obligations:
        count += 1
        try:
            if obligation.holds in valid:
                continue
            if _valid(obligation.holds, budget):
                valid.add(obligation.holds)
            else:
                refuted.append(obligation.says)
        except OutOfBudget as why:
            return Judged(count, tuple(refuted), f"{obligation.says}: {why}")
    return Judged(count, tuple(refuted))


def _valid(claim: Term, budget: Budget | None) -> bool:
    """No values of the variables refute the claim."""
    if claim.op == "const":
        return bool(claim.data)
    solver = Solver(budget)
    solver.add(negate(claim))
    return not solver.satisfiable()
