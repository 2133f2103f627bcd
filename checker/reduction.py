"""A reduction: parts of a state that develop independently are looked at one at a time.

A state of the reduced system is one view of a state of the real one. After every operation the next state is replaced
by its views, each a step of its own. What is asked of a system's views, and proved by :func:`obligations`:

* every step of the real system is, for each view of its outcome, a step of the same operation from a view of where it
  began, or leaves that view as it was;
* where a property fails, it fails in some view;
* the views of an initial state are initial states.

Then every reachable state's views are reachable in the reduced system, at the same depth or an earlier one. The other
direction, that a run of views is a run of the real system, is not assumed: every trace is replayed on the real system.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from checker import terms
from checker.logic import both, either, implies, no, same
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


def operation_number(system: TransitionSystem, step: int) -> int:
    """The operation of the real system that a step of the reduced one takes."""
    return step // len(system.views) if system.views else step


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

    States are taken to be in canonical form, which every operation and start is obliged to keep: looking at all of a
    state's parts together changes nothing in it.
    """
    layout = system.layout
    state = layout.build(system.relation.state)
    for start in system.starts:
        yield Obligation(f"start {start.name}: it is its own only view", _start_is_a_view(system, start.run))
    for invariant in system.invariants:
        broken = no(invariant.holds(state))
        seen = either(*(both(v.applies(state), no(invariant.holds(_image(layout, v, state)))) for v in system.views))
        yield Obligation(f"{invariant.name}: where it fails, it fails in a view", _term(implies(broken, seen)))
    for op in system.operations:
        for number, view in enumerate(system.views):
            yield Obligation(f"{op.name}: view {number} of the outcome", _term(_simulated(system, op, view, state)))


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
