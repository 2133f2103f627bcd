"""A reduction: parts of a state that develop independently are looked at one at a time.

A state of the reduced system is one view of a state of the real one. After every operation the next state is replaced
by its views, each a step of its own. What is asked of a system's views, and proved by :func:`obligations`:

* every step of the real system is, for each view of its outcome, a step of the same operation from a view of where it
  began, or leaves that view as it was;
* where a property fails, it fails in some view;
* an initial state is its own only view;
* what the views take for granted of a state holds of the initial ones and is kept by every operation.

Then every reachable state's views are reachable in the reduced system, at the same depth or an earlier one. The other
direction, that a run of views is a run of the real system, is not assumed: every trace is replayed on the real system.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from checker import terms
from checker.logic import both, either, implies, no, same
from checker.records import dataclass, replace
from checker.state import Shape
from checker.system import Operation, TransitionSystem, View
from checker.terms import Term


def system_of_views(system: TransitionSystem) -> TransitionSystem:
    """The reduced system: operation ``k`` under view ``v`` is step ``k * len(views) + v``."""
    layout = system.layout
    steps = tuple(
        Operation(f"{op.name} [{number}]", _under(op, view, layout), op.source, op.says, op.idle)
        for op in system.operations
        for number, view in enumerate(system.views)
    )
    return replace(system, name=f"{system.name}, one group of processes at a time", operations=steps, views=())


def _under(op: Operation, view: View, layout: Shape) -> Any:
    def run(state: Any) -> tuple[Any, Any]:
        guard, after = op.run(state)
        after = typed(layout, after)
        return both(guard, view.applies(after)), view.image(after)

    return run


def typed(layout: Shape, state: Any) -> Any:
    """The state with every leaf of its own sort, constants included."""
    values = layout.flatten(state)
    if any(isinstance(value, Term) for value in values):
        return layout.build([terms.coerce(v, leaf.sort.width) for v, leaf in zip(values, layout.leaves, strict=True)])
    return layout.state(layout.concrete(state))


@dataclass(frozen=True)
class Obligation:
    """Something that must hold of every state for the reduction to be sound.

    Attributes:
        says: one sentence.
        holds: over the relation's variables; valid if the reduction is sound.
    """

    says: str
    holds: Term


def obligations(system: TransitionSystem) -> Iterator[Obligation]:
    """What the reduction of a system rests on; every one must be valid.

    Of a state it is taken for granted that it is well-formed, which every start and operation is obliged to keep.
    """
    layout, relation = system.layout, system.relation
    state = layout.build(relation.state)
    granted = well_formed(system, relation.state)
    for start, symbolic in zip(system.starts, relation.starts, strict=True):
        kept = implies(symbolic.domain, well_formed(system, symbolic.values))
        yield Obligation(f"start {start.name}: it is well-formed", _term(kept))
        yield Obligation(f"start {start.name}: it is its own only view", _start_is_a_view(system, start.run))
    for invariant in system.invariants:
        broken = no(invariant.holds(state))
        seen = either(*(both(v.applies(state), no(invariant.holds(_image(layout, v, state)))) for v in system.views))
        claim = implies(both(granted, broken), seen)
        yield Obligation(f"{invariant.name}: where it fails, it fails in a view", _term(claim))
    for op, step in zip(system.operations, relation.steps, strict=True):
        kept = implies(both(granted, step.guard), well_formed(system, step.values))
        yield Obligation(f"{op.name}: the outcome is well-formed", _term(kept))
        for number, view in enumerate(system.views):
            claim = implies(granted, _simulated(system, op, view, state))
            yield Obligation(f"{op.name}: view {number} of the outcome", _term(claim))


def well_formed(system: TransitionSystem, values: tuple[Term, ...]) -> Any:
    """What the model says of every state, and that enumerations are in range."""
    leaves = zip(values, system.layout.leaves, strict=True)
    ranges = [terms.compare("ult", value, len(leaf.sort.names)) for value, leaf in leaves if leaf.sort.partial]
    return both(system.well_formed(system.layout.build(values)), *ranges)


def _term(value: Any) -> Term:
    return terms.coerce(value, terms.BOOL)


def _image(layout: Shape, view: View, state: Any) -> Any:
    return typed(layout, view.image(state))


def _equal(layout: Shape, left: Any, right: Any) -> Any:
    return both(*(same(a, b) for a, b in zip(layout.flatten(left), layout.flatten(right), strict=True)))


def _start_is_a_view(system: TransitionSystem, run: Any) -> Term:
    layout = system.layout
    state = layout.build(
        [terms.constant(v, leaf.sort.width) for v, leaf in zip(layout.concrete(run(())), layout.leaves, strict=True)]
    )
    covered = both(*(implies(v.applies(state), _equal(layout, _image(layout, v, state), state)) for v in system.views))
    return _term(covered)


def _simulated(system: TransitionSystem, op: Operation, view: View, state: Any) -> Any:
    layout = system.layout
    guard, after = op.run(state)
    after = typed(layout, after)
    outcome = _image(layout, view, after)
    untouched = both(view.applies(state), _equal(layout, _image(layout, view, state), outcome))
    taken = []
    for before in system.views:
        part = _image(layout, before, state)
        possible, then = op.run(part)
        then = typed(layout, then)
        taken.append(
            both(
                before.applies(state), possible, view.applies(then), _equal(layout, _image(layout, view, then), outcome)
            )
        )
    return implies(both(guard, view.applies(after)), either(untouched, *taken))
