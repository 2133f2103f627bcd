"""A system made ready for scenarios: compiled operations, and the names a scenario uses in the system's own terms."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from checker.codegen import Values, compile_masks, compile_successors
from checker.dependency import Cone, cone_of_influence
from checker.explicit import MAX_STARTS
from checker.limits import OutOfBudget
from checker.scenario import (
    Access,
    AnyOrder,
    Beginning,
    Connected,
    Do,
    Fact,
    Formula,
    Not,
    Scenario,
    ScenarioError,
    Step,
    Word,
    hint,
)
from checker.state import Shape, Sort
from checker.system import Invariant, Relation, Start, TransitionSystem
from checker.terms import BOOL, Term, connect, negate


class Served(NamedTuple):
    """How a world serves a process's store or load.

    Attributes:
        final: the operation by which the access goes through.
        faults: the operations that may have to come first.
        done: the name of a fact; where it holds and ``final`` is not possible, nothing is left to do. "" for none.
        rounds: an access needs at most so many faults.
    """

    final: str
    faults: tuple[str, ...] = ()
    done: str = ""
    rounds: int = 8


Accesses = Mapping[tuple[str, str], Served]
"""(``write`` or ``read``, process) -> how the world serves it."""


Successors = Callable[[Values], list[tuple[int, Values]]]

FEW = 20
"""So many operations are compiled one by one, each once for all scenarios; more are compiled together, to run faster."""


class Machine:
    """A system compiled for scenarios: states hold only the bits that can matter to what the scenarios use.

    Attributes:
        system: the system.
        names: of all its operations.
        numbers: the operations that are compiled, with their numbers.
    """

    def __init__(self, system: TransitionSystem, operations: Collection[str] | None = None) -> None:
        self.system = system
        self.names = [op.name for op in system.operations]
        used = tuple(op for op in system.operations if operations is None or op.name in operations)
        # As properties the facts keep the bits they speak of; a formula may name any of them.
        properties = tuple(Invariant(i.name, i.says, i.holds) for i in system.invariants)
        facts = tuple(Invariant(f"fact: {p.name}", "", p.holds) for p in system.predicates)
        small = replace(system, operations=used, invariants=properties + facts, predicates=())
        self.relation: Relation = small.relation
        self.cone: Cone = cone_of_influence(self.relation)
        self.wanted = [i for i, mask in enumerate(self.cone.masks) if mask]
        self.variables = [self.relation.state[i] for i in self.wanted]
        self.numbers = {op.name: number for number, op in enumerate(used)}
        self.compiled: dict[tuple[str, ...], Successors] = {}
        self.conditions: dict[Term, Callable[[Values], int]] = {}

    def successors(self, names: tuple[str, ...]) -> Successors:
        """From a state to (place in ``names``, next state) of those operations that are enabled."""
        if names not in self.compiled:
            few = 1 < len(names) <= FEW
            self.compiled[names] = self._one_by_one(names) if few else self._together(names)
        return self.compiled[names]

    def _together(self, names: tuple[str, ...]) -> Successors:
        chosen = tuple(self.relation.steps[self.numbers[name]] for name in names)
        return compile_successors(replace(self.relation, steps=chosen), self.cone.masks)

    def _one_by_one(self, names: tuple[str, ...]) -> Successors:
        each = [self.successors((name,)) for name in names]
        return lambda state: [(number, after) for number, step in enumerate(each) for _, after in step(state)]

    def project(self, values: Values) -> Values:
        """A whole state's leaf values cut to the bits that matter."""
        projected = self.cone.project(values)
        return tuple(projected[i] for i in self.wanted)

    @cached_property
    def facts(self) -> dict[tuple[bool, str], Term]:
        """(quoted, name) -> the condition; a fact is also known by the words for its opposite."""
        count = len(self.system.invariants)
        found = {
            (False, i.name): t for i, t in zip(self.system.invariants, self.relation.properties[:count], strict=True)
        }
        for predicate, term in zip(self.system.predicates, self.relation.properties[count:], strict=True):
            found[True, predicate.name] = term
            if predicate.negated:
                found.setdefault((True, predicate.negated), negate(term))
        return found

    def condition(self, term: Term) -> Callable[[Values], int]:
        """A condition as a function of a state."""
        if term not in self.conditions:
            self.conditions[term] = compile_masks(self.variables, [term])
        return self.conditions[term]


def machine_for(system: TransitionSystem, scenarios: Iterable[Scenario], accesses: Accesses) -> Machine:
    """The system compiled with only the operations that the scenarios use."""
    steps = [step for scenario in scenarios for step in scenario.steps]
    if any(isinstance(step, AnyOrder) and step.operations is None for step in steps):
        return Machine(system)
    return Machine(system, frozenset(name for step in steps for name in _used(step, accesses)))


def _used(step: Step, accesses: Accesses) -> list[str]:
    if isinstance(step, Do):
        return [step.operation.text]
    if isinstance(step, AnyOrder):
        return [word.text for word in step.operations or ()]
    served = accesses.get((step.kind, step.process.text))
    return [served.final, *served.faults] if served else []


@dataclass(frozen=True)
class Resolved:
    """A step in the system's terms.

    Attributes:
        step: the step.
        operations: the names of its operations, of an access the final one.
        served: of an access, how it is served.
        done: of an access, the condition of :attr:`Served.done`.
    """

    step: Step
    operations: tuple[str, ...]
    served: Served | None = None
    done: Callable[[Values], int] | None = None


def formula_term(formula: Formula, compiled: Machine) -> Term:
    """A formula as a condition of the state.

    Raises:
        ScenarioError: it names what the system does not have.
    """
    known = compiled.facts

    def term(part: Formula) -> Term:
        if isinstance(part, Not):
            return negate(term(part.operand))
        if isinstance(part, Connected):
            return connect(part.connective, [term(operand) for operand in part.operands])
        if (part.quoted, part.name) not in known:
            raise _unknown_fact(part, known, compiled.system.name)
        return known[part.quoted, part.name]

    return term(formula)


def formula_holds(formula: Formula, system: TransitionSystem, state: Any) -> bool:
    """Whether a formula of known names holds in a state of plain values, by the model's own functions."""
    if isinstance(formula, Not):
        return not formula_holds(formula.operand, system, state)
    if isinstance(formula, Connected):
        every = all if formula.connective == "and" else any
        return every(formula_holds(operand, system, state) for operand in formula.operands)
    if not formula.quoted:
        return bool(next(i for i in system.invariants if i.name == formula.name).holds(state))
    for predicate in system.predicates:
        if predicate.name == formula.name:
            return bool(predicate.holds(state))
    return not next(p for p in system.predicates if p.negated == formula.name).holds(state)


def _unknown_fact(fact: Fact, known: Iterable[tuple[bool, str]], system: str) -> ScenarioError:
    if (not fact.quoted, fact.name) in set(known):
        rule = "an invariant's name has no quotes" if fact.quoted else "facts stand in double quotes"
        return ScenarioError(fact.place, f"{fact.name!r}: {rule}")
    what = "fact" if fact.quoted else "invariant"
    names = [name for quoted, name in known if quoted == fact.quoted]
    return ScenarioError(fact.place, f"{system} has no {what} {fact.name!r}: {hint(fact.name, names)}")


def beginning(system: TransitionSystem, begin: Beginning) -> tuple[int, dict[int, int]]:
    """The start's number, and the values of the inputs that are given, by number."""
    names = [start.name for start in system.starts]
    if begin.name.text not in names:
        message = f"{system.name} has no start {begin.name.text!r}: {hint(begin.name.text, names)}"
        raise ScenarioError(begin.name.place, message)
    number = names.index(begin.name.text)
    start = system.starts[number]
    inputs, sorts = input_names(start), [leaf.sort for leaf in Shape.of(start.inputs).leaves]
    given: dict[int, int] = {}
    for name, value in begin.inputs:
        if name.text not in inputs:
            message = f"start {start.name!r} has no input {name.text!r}: {hint(name.text, inputs)}"
            raise ScenarioError(name.place, message)
        index = inputs.index(name.text)
        given[index] = _input_value(value, sorts[index])
    return number, given


def input_names(start: Start) -> list[str]:
    """A start's inputs as scenarios name them: the field of a dataclass, ``input[0]`` of a tuple, ``input`` alone."""
    paths = [leaf.path for leaf in Shape.of(start.inputs).leaves]
    return [f"input{path}" if path == "" or path.startswith("[") else path for path in paths]


def _input_value(word: Word, sort: Sort) -> int:
    named = {name: value for value, name in enumerate(sort.names or ("no", "yes"))}
    if sort.names or sort.width == BOOL:
        if word.text not in named:
            raise ScenarioError(word.place, f"expected one of {', '.join(named)}; {hint(word.text, named)}")
        return named[word.text]
    try:
        value = int(word.text, 0)
    except ValueError:
        value = -1
    if not 0 <= value < 1 << sort.width:
        raise ScenarioError(word.place, f"expected a number of {sort.width} bits, such as 0x1000, not {word.text!r}")
    return value


def start_inputs(compiled: Machine, start: int, given: Mapping[int, int]) -> Iterator[Values]:
    """The inputs of a start: what is given, with every value of the others that differs in a bit that matters.

    Raises:
        OutOfBudget: these are too many.
    """
    masks = compiled.cone.inputs[start]
    sorts = [leaf.sort for leaf in Shape.of(compiled.system.starts[start].inputs).leaves]
    free = sum(mask.bit_count() for number, mask in enumerate(masks) if number not in given)
    if 1 << free > MAX_STARTS:
        raise OutOfBudget(f"more than {MAX_STARTS} initial states: say `with INPUT = VALUE` in the line of the start")
    values = [
        (given[number],) if number in given else _free(sort, mask)
        for number, (sort, mask) in enumerate(zip(sorts, masks, strict=True))
    ]
    return itertools.product(*values)


def _free(sort: Sort, mask: int) -> Iterable[int]:
    """The values of an input that differ in a bit that matters; of an enumeration those with a name."""
    if sort.names:
        return range(len(sort.names))
    bits = [1 << position for position in range(mask.bit_length()) if mask >> position & 1]
    return [sum(chosen) for chosen in itertools.product(*((0, bit) for bit in bits))]


def resolve(compiled: Machine, step: Step, accesses: Accesses) -> Resolved:
    """A step in the system's terms.

    Raises:
        ScenarioError: the system has no such operation or access.
    """
    if isinstance(step, Do):
        return Resolved(step, (_operation(compiled, step.operation),))
    if isinstance(step, AnyOrder):
        named = compiled.numbers if step.operations is None else step.operations
        chosen = [name if isinstance(name, str) else _operation(compiled, name) for name in named]
        return Resolved(step, tuple(dict.fromkeys(chosen)))
    return _resolved_access(compiled, step, accesses)


def _operation(compiled: Machine, word: Word) -> str:
    if word.text not in compiled.numbers:
        message = f"{compiled.system.name} has no operation {word.text!r}: {hint(word.text, compiled.names)}"
        raise ScenarioError(word.place, message)
    return word.text


def _resolved_access(compiled: Machine, step: Access, accesses: Accesses) -> Resolved:
    processes = [process for kind, process in accesses if kind == step.kind]
    if not processes:
        raise ScenarioError(step.place, f"{compiled.system.name} does not know {step.kind!r}: name its operations")
    if step.process.text not in processes:
        message = f"{compiled.system.name} has no process {step.process.text!r}: {hint(step.process.text, processes)}"
        raise ScenarioError(step.process.place, message)
    served = Served(*accesses[step.kind, step.process.text])
    fact = Fact(served.done, True, step.place)
    done = compiled.condition(formula_term(fact, compiled)) if served.done else None
    for name in (served.final, *served.faults):
        _operation(compiled, Word(name, step.place))
    return Resolved(step, (served.final,), served, done)
