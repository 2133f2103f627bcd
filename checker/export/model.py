"""What is exported of a system: what the engines search, cut to the bits that can matter, in terms.

Peers that count states then count what :mod:`checker.explicit` counts: groups of processes where the system has views,
every bit that cannot matter zero, and one initial state for each value of the input bits that matter.
"""

from __future__ import annotations

from dataclasses import dataclass

from checker.dependency import cone_of_influence
from checker.system import TransitionSystem
from checker.terms import Term, constant, cut, substitute


class CannotExport(ValueError):
    """A system that the language cannot express; the message says what stands in the way."""


@dataclass(frozen=True)
class Variable:
    """A leaf of the state, or an input of a start, with a bit that matters.

    Attributes:
        path: its name in the system.
        term: the variable that stands for it; its width is 0 for a Boolean.
        mask: the bits that matter (0 or 1 for a Boolean); the others are always zero.
    """

    path: str
    term: Term
    mask: int

    @property
    def bits(self) -> int:
        """How many bits its values need."""
        return self.mask.bit_length()


@dataclass(frozen=True)
class ExportedStart:
    """A way to start.

    Attributes:
        name: the start's name.
        number: its place among the system's starts.
        inputs: its free values; inputs that cannot matter are left out.
        domain: which of their values are possible.
        values: for each variable of the state, its first value, cut to the bits that matter.
    """

    name: str
    number: int
    inputs: tuple[Variable, ...]
    domain: Term
    values: tuple[Term, ...]


@dataclass(frozen=True)
class ExportedStep:
    """An operation: its guard, and for each variable of the state the next value, cut to the bits that matter."""

    name: str
    guard: Term
    values: tuple[Term, ...]


@dataclass(frozen=True, eq=False)
class Exported:
    """A transition system ready to be written in another language.

    Attributes:
        system: the system as it is searched: of views, where it has any.
        variables: the state.
        starts, steps: in the order of the system, so that their numbers are its numbers.
        properties: (name, what must hold), those asked for.
    """

    system: TransitionSystem
    variables: tuple[Variable, ...]
    starts: tuple[ExportedStart, ...]
    steps: tuple[ExportedStep, ...]
    properties: tuple[tuple[str, Term], ...]


def exported(system: TransitionSystem, invariants: tuple[str, ...] = ()) -> Exported:
    """What is exported of a system.

    Args:
        system: as a model declares it.
        invariants: names of the properties; empty: all.

    Raises:
        KeyError: the system has no invariant of that name.
    """
    searched = system.reduced
    relation, cone = searched.relation, cone_of_influence(searched.relation)
    kept = [i for i, mask in enumerate(cone.masks) if mask]
    variables = tuple(Variable(relation.leaves[i].path, relation.state[i], cone.masks[i]) for i in kept)
    # A bit that cannot matter may still be mentioned, by a value that is cut or by a condition that does not need it.
    gone = {relation.state[i]: constant(0, relation.state[i].width) for i, mask in enumerate(cone.masks) if not mask}
    properties = substitute(relation.properties, gone)
    by_name = dict(zip((i.name for i in searched.invariants), properties, strict=True))
    starts = []
    for number, (start, masks) in enumerate(zip(relation.starts, cone.inputs, strict=True)):
        every = [Variable(str(t.data), t, mask) for t, mask in zip(start.inputs, masks, strict=True)]
        settled = {v.term: cut(v.term, v.mask) for v in every}
        domain, *values = substitute([start.domain, *(start.values[i] for i in kept)], settled)
        kept_bits = tuple(cut(value, v.mask) for value, v in zip(values, variables, strict=True))
        starts.append(ExportedStart(start.name, number, tuple(v for v in every if v.mask), domain, kept_bits))
    steps = []
    for step in relation.steps:
        guard, *values = substitute([step.guard, *(step.values[i] for i in kept)], gone)
        kept_bits = tuple(cut(value, v.mask) for value, v in zip(values, variables, strict=True))
        steps.append(ExportedStep(step.name, guard, kept_bits))
    wanted = invariants or tuple(by_name)
    return Exported(searched, variables, tuple(starts), tuple(steps), tuple((name, by_name[name]) for name in wanted))
