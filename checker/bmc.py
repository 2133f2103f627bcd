"""The symbolic engine: bounded model checking in Z3, one depth after the other, all properties at once."""

from __future__ import annotations

from checker.bitstep import bit_steps, bits_of, said_of
from checker.dependency import cone_of_influence
from checker.explicit import Origin
from checker.limits import Budget, OutOfBudget
from checker.records import dataclass, field
from checker.solver import Solver
from checker.system import TransitionSystem
from checker.terms import (
    BOOL,
    Term,
    choose,
    compare,
    connect,
    constant,
    equal,
    extend,
    extract,
    negate,
    substitute,
    variable,
    word_op,
)
from checker.unroll import choice, fixed_inputs, functional_step, in_range, renamed, start_at, state_at


@dataclass(frozen=True)
class Counterexample:
    """A shortest run to a violation: where it starts, and the operation numbers."""

    origin: Origin
    operations: tuple[int, ...]


@dataclass
class BoundedResult:
    """What bounded checking found.

    Attributes:
        depth: every property without a counterexample holds in all runs of at most this many transitions; -1 if
            not even the initial states were decided.
        violations: property number -> depth of its shortest counterexample.
        counterexamples: property number -> the settled counterexample, where asked for.
        dead_end: every run ends before ``depth``, so the bound is no bound.
        stopped: why the search ended before the depth asked for, or "".
    """

    depth: int = -1
    violations: dict[int, int] = field(default_factory=dict)
    counterexamples: dict[int, Counterexample] = field(default_factory=dict)
    dead_end: bool = False
    stopped: str = ""


class _Run:
    """The unrolled system inside one solver: bit by bit where it can be split into bits, else in words."""

    def __init__(self, system: TransitionSystem, budget: Budget) -> None:
        self.relation = system.relation
        self.solver = Solver(budget)
        self.start = state_at(self.relation, 0)
        begun = start_at(self.relation, self.start)
        self.solver.add(*begun.conditions)
        self.picks = [begun.pick]
        self.cone = cone_of_influence(self.relation)
        self.solver.add(*fixed_inputs(self.relation, self.cone.inputs))
        self._steps = bit_steps(self.relation)
        self._bits = bits_of(self._steps, self.relation, self.start) if self._steps else {}
        self._words = self.start
        self._taken: list[list[Term]] = []
        self._time = 0

    def extend(self) -> None:
        """Adds one more transition."""
        self._time += 1
        if self._steps:
            taken = [variable(f"{op.name} taken@{self._time}", BOOL) for op in self.relation.steps]
            after = self._steps.at(self._time)
            self.solver.add(*self._steps.step(self._bits, after, taken))
            self._bits = after
            self._taken.append(taken)
        else:
            words = state_at(self.relation, self._time)
            step = functional_step(self.relation, self._words, words, self._time, self.cone.masks)
            self.solver.add(*step.conditions)
            self._words = words
            self.picks.append(step.pick)

    def number_steps(self) -> None:
        """Makes words of the operations that are taken, where they are flags: of several that lead to a state any one."""
        for taken in self._taken:
            pick = choice(len(self.picks), len(taken))
            links = [connect("or", (negate(equal(pick, k)), flag)) for k, flag in enumerate(taken)]
            self.solver.add(in_range(pick, len(taken)), *links)
            self.picks.append(pick)
        self._taken.clear()

    def properties(self, numbers: list[int]) -> list[Term]:
        """What must hold in the last state."""
        if self._steps:
            return said_of([self._steps.properties[k] for k in numbers], self._bits)
        return renamed(self.relation, [self.relation.properties[k] for k in numbers], self._words)

    def violated(self, properties: list[int], name: str) -> Term:
        """A fresh switch that, assumed, makes one of the properties fail in the last state."""
        switch = variable(f"violated {name}@{self._time}", BOOL)
        self.solver.add(connect("or", (negate(switch), *map(negate, self.properties(properties)))))
        return switch


def check_bounded(
    system: TransitionSystem,
    depth: int,
    properties: list[int] | None = None,
    budget: Budget | None = None,
    settle: bool = True,
) -> BoundedResult:
    """Searches for shortest counterexamples of at most ``depth`` transitions.

    Args:
        system: what to check.
        depth: the largest number of transitions.
        properties: numbers of the invariants to check; all by default.
        budget: limits.
        settle: also determine the one counterexample that is shown (fewest bits, then a fixed order).
    """
    result = BoundedResult()
    todo = list(range(len(system.invariants))) if properties is None else list(properties)
    try:
        run = _Run(system, budget or Budget())
        for k in range(depth + 1):
            if k:
                run.extend()
            if _looks_for_dead_ends(k, depth) and not run.solver.satisfiable():
                result.dead_end, result.depth = True, depth if k else -1
                return result
            todo = _check_depth(run, k, todo, result, settle)
            result.depth = k
            if not todo:
                return result
    except OutOfBudget as why:
        result.stopped = str(why)
    return result


def _looks_for_dead_ends(k: int, depth: int) -> bool:
    """Where no run is so long, none is longer: it is enough to ask now and then, and at the end."""
    return k == depth or k & (k - 1) == 0


def _check_depth(run: _Run, depth: int, todo: list[int], result: BoundedResult, settle: bool) -> list[int]:
    anything = run.violated(todo, "anything")
    if run.solver.satisfiable([anything]):
        for k in list(todo):
            switch = run.violated([k], str(k))
            if run.solver.satisfiable([switch]):
                result.violations[k] = depth
                todo = [other for other in todo if other != k]
                if settle:
                    result.counterexamples[k] = _settle(run, switch)
    if todo:
        run.solver.add(*run.properties(todo))
    return todo


def _settle(run: _Run, switch: Term) -> Counterexample:
    """The counterexample that every run and every solver version prints."""
    run.number_steps()
    fixed = [switch]
    relation = run.relation
    fixed.append(_smallest(run, fixed, _popcount(run.start), "bits"))
    fixed.append(_smallest(run, fixed, run.picks[0], "start"))
    start = run.solver.values([run.picks[0]])[0]
    inputs = relation.starts[start].inputs
    for number, term in enumerate(inputs):
        word = term if term.width else extend_bool(term)
        fixed.append(_smallest(run, fixed, word, f"input {number}"))
    for time, pick in enumerate(run.picks[1:], 1):
        fixed.append(_smallest(run, fixed, pick, f"step {time}"))
    run.solver.satisfiable(fixed)
    values = tuple(run.solver.values(list(inputs)))
    return Counterexample(Origin(start, values), tuple(run.solver.values(run.picks[1:])))


def lowest_inputs(system: TransitionSystem, number: int, budget: Budget) -> Origin:
    """The initial state with the smallest inputs that violates a property, in order of the starts and their inputs.

    Bit by bit, so that it is quick with any number of free bits. Some initial state must violate the property.
    """
    relation = system.relation
    holds = relation.properties[number]
    for place, start in enumerate(relation.starts):
        solver = Solver(budget)
        (kept,) = substitute([holds], dict(zip(relation.state, start.values, strict=True)))
        solver.add(negate(kept), start.domain)
        if solver.satisfiable():
            return Origin(place, tuple(_lowest(solver, term) for term in start.inputs))
    raise ValueError(f"no initial state violates {system.invariants[number].name}")


def _lowest(solver: Solver, term: Term) -> int:
    """The smallest value of a variable that the solver's assertions allow, which is asserted then."""
    found = 0
    for bit in reversed(range(max(1, term.width))):
        solver.satisfiable()
        if not solver.values([term])[0] >> bit & 1:
            solver.add(_is_bit(term, bit, 0))
            continue
        clear = variable(f"{term.data} without bit {bit}", BOOL)
        solver.add(connect("or", (negate(clear), _is_bit(term, bit, 0))))
        possible = solver.satisfiable([clear])
        solver.add(_is_bit(term, bit, 0 if possible else 1))
        found |= 0 if possible else 1 << bit
    return found


def _is_bit(term: Term, bit: int, value: int) -> Term:
    single = extend_bool(term) if term.width == BOOL else extract(term, bit, bit)
    return equal(single, value)


def extend_bool(term: Term) -> Term:
    """A Boolean as a one-bit word."""
    return choose(term, constant(1, 1), constant(0, 1))


def _popcount(state: tuple[Term, ...]) -> Term:
    width = sum(max(1, term.width) for term in state).bit_length()
    total = constant(0, width)
    for term in state:
        bits = [extend_bool(term)] if term.width == BOOL else [extract(term, i, i) for i in range(term.width)]
        for bit in bits:
            total = word_op("add", total, extend(bit, width))
    return total


def _smallest(run: _Run, fixed: list[Term], word: Term, name: str) -> Term:
    """A switch that fixes the word to its smallest possible value under the switches so far."""
    run.solver.satisfiable(fixed)
    probe = variable(f"probe {name} {run.solver.checks}", word.width)
    run.solver.add(equal(probe, word))
    run.solver.satisfiable(fixed)
    best = run.solver.values([probe])[0]
    while best:
        switch = variable(f"below {name} {best} {run.solver.checks}", BOOL)
        run.solver.add(connect("or", (negate(switch), compare("ult", probe, constant(best, word.width)))))
        if not run.solver.satisfiable([*fixed, switch]):
            break
        best = run.solver.values([probe])[0]
    chosen = variable(f"chosen {name} {run.solver.checks}", BOOL)
    run.solver.add(connect("or", (negate(chosen), equal(probe, constant(best, word.width)))))
    run.solver.satisfiable([*fixed, chosen])
    return chosen
