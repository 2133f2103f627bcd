"""Transition systems: what a model author declares, and the relation of terms the engines work from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

from checker import terms
from checker.records import dataclass, field, replace
from checker.state import Leaf, Shape
from checker.terms import BOOL, Term


@dataclass(frozen=True)
class Operation:
    """A guarded step of the system.

    Attributes:
        name: short, unique in its system.
        run: state -> (guard, next state), a pure function of plain values or symbolic ones.
        source: where the real thing does this.
        says: one sentence.
        idle: why the operation may never be enabled in this system; "" if that would be a mistake of the model.
    """

    name: str
    run: Callable[[Any], tuple[Any, Any]]
    source: str = ""
    says: str = ""
    idle: str = ""


@dataclass(frozen=True)
class Start:
    """One way the system may start, possibly with free values.

    Attributes:
        name: short, unique in its system.
        run: inputs -> state.
        inputs: sorts of the free values, in the form of a state (a tuple or a dataclass of sorts); () for none.
        says: one sentence.
    """

    name: str
    run: Callable[[Any], Any]
    inputs: Any = ()
    says: str = ""


@dataclass(frozen=True)
class Invariant:
    """What must hold in every reachable state.

    Attributes:
        name: short, unique in its system.
        says: the requirement in one sentence.
        holds: state -> Bool.
        source: where the requirement comes from.
        consequence: what goes wrong when it fails.
        premise: state -> Bool; the invariant says something only where this holds. Checked for vacuity.
        cost: a violation is reported as a cost, not as a failure.
        exception: why this system breaks it on purpose, which is then reported as intended; "" where it must hold.
        looks_at: state -> derived values the invariant judges, for traces that end in a state which alone tells little.
    """

    name: str
    says: str
    holds: Callable[[Any], Any]
    source: str = ""
    consequence: str = ""
    premise: Callable[[Any], Any] = lambda state: True
    cost: bool = False
    exception: str = ""
    looks_at: Callable[[Any], tuple[Any, ...]] = lambda state: ()


def excepted(invariants: Iterable[Invariant], reasons: Mapping[str, str]) -> tuple[Invariant, ...]:
    """The invariants, those that are broken on purpose with the reason (name -> reason)."""
    return tuple(replace(i, exception=reasons[i.name]) if i.name in reasons else i for i in invariants)


@dataclass(frozen=True)
class Predicate:
    """A named fact about a state, the vocabulary of readable inductive invariants.

    Attributes:
        name: as it is printed where the fact holds.
        holds: state -> Bool.
        negated: as it is printed where the fact does not hold; default ``not NAME``.
    """

    name: str
    holds: Callable[[Any], Any]
    negated: str = ""


@dataclass(frozen=True)
class Symmetry:
    """A renaming of predicates under which the system looks the same, such as two processes exchanged.

    Only a hint for finding and printing invariants: nothing relies on its being one.

    Attributes:
        names: predicate name -> name of its image; a clause with a predicate that has no entry has no image.
        says: how a clause's image is announced, for example ``same for child``.
    """

    names: Mapping[str, str]
    says: str


Literals = tuple[tuple[str, bool], ...]
"""A disjunction of predicates as data: each one's name and whether it occurs positively."""


@dataclass(frozen=True)
class View:
    """A part of a state that can be looked at by itself (see :mod:`checker.reduction`).

    Attributes:
        applies: state -> Bool; the state has such a part.
        image: state -> state; that part, the rest blanked out.
    """

    applies: Callable[[Any], Any]
    image: Callable[[Any], Any]


@dataclass(frozen=True, eq=False)
class TransitionSystem:
    """Typed state, starts, guarded operations, properties and the words to explain them in.

    Attributes:
        name: for messages and certificates.
        shape: the state with a sort in every leaf (:func:`checker.state.Bits`, ``Bool``, ``Enum``).
        starts: the initial states.
        operations: the steps; any enabled one may be taken.
        invariants: the properties.
        predicates: further vocabulary for invariants; Booleans and enumerations of the state are always in it.
        symmetries: renamings that help to find and print invariants.
        lemmas: disjunctions a proof may need; tried before others, used only if they hold and are needed.
        views: parts of a state that develop independently; none: a state is always looked at as a whole.
        well_formed: state -> Bool; what views take for granted of a state, an obligation of every start and operation.
        immaterial: leaf -> bits that should not matter, so that a search takes them as zero where a start leaves them
            free; that they do not matter is proved afterwards (:mod:`checker.immaterial`).
        every_bit: search with every bit of the state, also with those that cannot matter.
    """

    name: str
    shape: Any
    starts: tuple[Start, ...]
    operations: tuple[Operation, ...]
    invariants: tuple[Invariant, ...]
    predicates: tuple[Predicate, ...] = ()
    symmetries: tuple[Symmetry, ...] = ()
    lemmas: tuple[Literals, ...] = ()
    views: tuple[View, ...] = ()
    well_formed: Callable[[Any], Any] = lambda state: True
    immaterial: Mapping[str, int] = field(default_factory=dict)
    every_bit: bool = False

    def __post_init__(self) -> None:
        for what in ("starts", "operations", "invariants", "predicates"):
            names = [item.name for item in getattr(self, what)]
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise ValueError(f"{self.name}: {what} declared twice: {', '.join(sorted(twice))}")
            odd = [name for name in names if "|" in name or "\\" in name]
            if odd:
                raise ValueError(f"{self.name}: {what} with a | or a backslash in their names: {', '.join(odd)}")
        clash = {p.name for p in self.predicates} & {leaf.path for leaf in self.layout.leaves}
        if clash:
            raise ValueError(f"{self.name}: predicates named like a variable of the state: {', '.join(sorted(clash))}")

    @cached_property
    def layout(self) -> Shape:
        """The state taken apart into leaves."""
        return Shape.of(self.shape)

    @cached_property
    def reduced(self) -> TransitionSystem:
        """The system of views; the system itself if it has none."""
        from checker.reduction import system_of_views

        return system_of_views(self) if self.views else self

    @cached_property
    def relation(self) -> Relation:
        """Starts, steps and properties as terms over the state's leaves."""
        return Relation.of(self)


def operation_number(system: TransitionSystem, step: int) -> int:
    """The operation of a system that a step of its system of views takes; the step's own, if it has none."""
    return step // len(system.views) if system.views else step


@dataclass(frozen=True)
class SymbolicStart:
    """A start as terms: its free inputs, which values they may have, and the value of each leaf."""

    name: str
    inputs: tuple[Term, ...]
    values: tuple[Term, ...]
    domain: Term


@dataclass(frozen=True)
class SymbolicStep:
    """An operation as terms: its guard, and the next value of each leaf."""

    name: str
    guard: Term
    values: tuple[Term, ...]


@dataclass(frozen=True, eq=False)
class Relation:
    """A transition system as terms over one variable for each leaf of the state.

    Attributes:
        leaves: the leaves, parallel to ``state`` and to every ``values``.
        state: one variable for each leaf.
        starts, steps: the declared ones, in order.
        properties: what must hold, one for each invariant.
        premises: one for each invariant.
        predicates: one for each declared predicate.
        immaterial: for each leaf, the bits that a search leaves as zero wherever they are free.
        every_bit: every bit is taken to matter.
    """

    leaves: tuple[Leaf, ...]
    state: tuple[Term, ...]
    starts: tuple[SymbolicStart, ...]
    steps: tuple[SymbolicStep, ...]
    properties: tuple[Term, ...]
    premises: tuple[Term, ...]
    predicates: tuple[Term, ...]
    immaterial: tuple[int, ...]
    every_bit: bool = False

    @classmethod
    def of(cls, system: TransitionSystem) -> Relation:
        """Runs every declared function once, on variables."""
        layout = system.layout
        state = tuple(terms.variable(leaf.path, leaf.sort.width) for leaf in layout.leaves)
        whole = layout.build(state)
        return cls(
            leaves=layout.leaves,
            state=state,
            starts=tuple(_start(start, layout) for start in system.starts),
            steps=tuple(_step(op, whole, layout) for op in system.operations),
            properties=tuple(_boolean(i.holds(whole), i.name) for i in system.invariants),
            premises=tuple(_boolean(i.premise(whole), i.name) for i in system.invariants),
            predicates=tuple(_boolean(p.holds(whole), p.name) for p in system.predicates),
            immaterial=tuple(system.immaterial.get(leaf.path, 0) for leaf in layout.leaves),
            every_bit=system.every_bit,
        )


def _boolean(value: Any, name: str) -> Term:
    try:
        return terms.coerce(value, BOOL)
    except TypeError as why:
        raise TypeError(f"{name} must give a condition: {why}") from None


def _typed(values: tuple[Any, ...], layout: Shape, name: str) -> tuple[Term, ...]:
    try:
        return tuple(terms.coerce(v, leaf.sort.width) for v, leaf in zip(values, layout.leaves, strict=True))
    except TypeError as why:
        raise TypeError(f"{name} gives a state of the wrong type: {why}") from None


def _start(start: Start, layout: Shape) -> SymbolicStart:
    shape = Shape.of(start.inputs)
    inputs = tuple(terms.variable(f"{start.name}?{leaf.path}", leaf.sort.width) for leaf in shape.leaves)
    values = layout.flatten(start.run(shape.build(inputs)))
    named = [(term, leaf.sort) for term, leaf in zip(inputs, shape.leaves, strict=True) if leaf.sort.names]
    domain = terms.connect("and", [terms.compare("ult", t, len(s.names)) for t, s in named if s.partial])
    return SymbolicStart(start.name, inputs, _typed(values, layout, f"start {start.name}"), domain)


def _step(op: Operation, whole: Any, layout: Shape) -> SymbolicStep:
    guard, after = op.run(whole)
    return SymbolicStep(
        op.name,
        _boolean(guard, f"the guard of {op.name}"),
        _typed(layout.flatten(after), layout, f"operation {op.name}"),
    )
