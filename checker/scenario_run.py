"""Runs a scenario on one system: a set of states goes through the steps, then the question is put to what was seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from checker.codegen import Values
from checker.explicit import start_state
from checker.limits import Budget, OutOfBudget
from checker.scenario import Answer, AnyOrder, Scenario
from checker.scenario_machine import (
    Accesses,
    Machine,
    Resolved,
    beginning,
    formula_holds,
    formula_term,
    machine_for,
    resolve,
    start_inputs,
)
from checker.system import TransitionSystem
from checker.terms import negate
from checker.trace import BadTrace, concrete_run

DEFAULT_STATES = 1_000_000
"""The limit on the states of one run where none is given."""


@dataclass(frozen=True)
class Run:
    """A run of the system: the start, its inputs, and the operations in order."""

    start: str
    inputs: tuple[int, ...]
    operations: tuple[str, ...]


@dataclass(frozen=True)
class Ran:
    """What running a scenario on one system gave.

    Attributes:
        answer: the answer.
        reason: stuck and not decided: why; else "".
        run: violated: to the state that breaks the formula; found: to the state that satisfies it; stuck: to a state in
            which the step is not possible; else None.
        states: how many states the steps passed through, each counted once a step.
    """

    answer: Answer
    reason: str = ""
    run: Run | None = None
    states: int = 0


class Stuck(Exception):
    """A step that is possible in no state; the message says which."""

    def __init__(self, message: str, node: int) -> None:
        super().__init__(message)
        self.node = node


def run_scenario(
    scenario: Scenario,
    system: TransitionSystem,
    accesses: Accesses,
    budget: Budget | None = None,
    compiled: Machine | None = None,
) -> Ran:
    """The answer of a scenario on one system.

    Once a step is not possible the answer is ``stuck``, whatever was seen before it; a violation seen before a limit
    is reached stays one.

    Args:
        scenario: the scenario.
        system: the system.
        accesses: how ``write`` and ``read`` are served.
        budget: the limits on time and states; default :data:`DEFAULT_STATES` and no time limit.
        compiled: of this system, by :func:`machine_for` for this scenario among others; default: a new one.

    Raises:
        ScenarioError: the scenario names a start, operation, process or fact that the system does not have.
    """
    compiled = compiled or machine_for(system, [scenario], accesses)
    walk = _Walk(compiled, scenario, budget or Budget(states=DEFAULT_STATES))
    steps = [resolve(compiled, step, accesses) for step in scenario.steps]
    start, given = beginning(system, scenario.begin)
    try:
        frontier = walk.begin(start, given)
        for number, step in enumerate(steps, 1):
            frontier = walk.after(frontier, step, number)
    except Stuck as why:
        return walk.answer(Answer.STUCK, str(why), why.node)
    except OutOfBudget as why:
        if walk.broken is not None:
            return walk.answer(Answer.VIOLATED, "", walk.broken)
        return walk.answer(Answer.UNDECIDED, str(why), None)
    return walk.conclusion(frontier)


Frontier = dict[Values, int]
"""A set of states, each with the number of the node that reached it."""


class _Walk:
    """The states seen so far, how each was reached, and the first that answers the question."""

    def __init__(self, compiled: Machine, scenario: Scenario, budget: Budget) -> None:
        self.machine, self.budget = compiled, budget
        self.states: list[Values] = []
        self.parents: list[tuple[int, str]] = []
        self.origins: list[tuple[str, Values]] = []
        self.broken: int | None = None
        self.question = scenario.question
        term = formula_term(self.question.formula, compiled)
        self.matches = compiled.condition(negate(term) if self.question.kind == "always" else term)

    def add(self, state: Values, parent: int, operation: str) -> int:
        """A node for a state that was reached; -1 is the parent of an initial state."""
        number = len(self.states)
        if not number & 0x3FF or number >= self.budget.states:
            self.budget.check(states=number + 1)
        self.states.append(state)
        self.parents.append((parent, operation))
        if self.broken is None and self.question.kind != "exists" and self.matches(state):
            self.broken = number
        return number

    def begin(self, start: int, given: Mapping[int, int]) -> Frontier:
        """The initial states: every value of the inputs that are not given, as far as it matters."""
        frontier: Frontier = {}
        self.budget.check()
        for inputs in start_inputs(self.machine, start, given):
            state = self.machine.project(start_state(self.machine.system, start, inputs))
            if state not in frontier:
                self.origins.append((self.machine.system.starts[start].name, inputs))
                frontier[state] = self.add(state, -1, "")
        return frontier

    def after(self, frontier: Frontier, resolved: Resolved, number: int) -> Frontier:
        """The states after a step.

        Raises:
            Stuck: there is none.
        """
        self.budget.check()
        if isinstance(resolved.step, AnyOrder):
            return self.any_order(frontier, resolved.operations, resolved.step.depth)
        reached = self.access(frontier, resolved) if resolved.served else self.one(frontier, resolved.operations)
        if not reached:
            place = resolved.step.place
            what = f"stuck at step {number} ({place.file}:{place.line}): {resolved.step} is not possible"
            raise Stuck(what, next(iter(frontier.values())))
        return reached

    def successors(self, state: Values, node: int, names: tuple[str, ...], known: Frontier) -> Iterator[Values]:
        """The next states that are not known yet, each with a node of its own, now known."""
        for number, after in self.machine.successors(names)(state):
            if after not in known:
                known[after] = self.add(after, node, names[number])
                yield after

    def one(self, frontier: Frontier, names: tuple[str, ...]) -> Frontier:
        """The states after one of the operations."""
        reached: Frontier = {}
        for state, node in frontier.items():
            for _ in self.successors(state, node, names, reached):
                pass
        return reached

    def any_order(self, frontier: Frontier, names: tuple[str, ...], depth: int) -> Frontier:
        """The states after at most so many of the operations."""
        known = dict(frontier)
        layer = list(frontier)
        for _ in range(depth):
            layer = [after for state in layer for after in self.successors(state, known[state], names, known)]
            if not layer:
                break
        return known

    def access(self, frontier: Frontier, resolved: Resolved) -> Frontier:
        """The states after an access has gone through, with the faults it needs."""
        served = resolved.served
        assert served is not None
        reached: Frontier = {}
        known = dict(frontier)
        waiting = list(frontier)
        for _ in range(served.rounds + 1):
            faulting = [state for state in waiting if not self.goes_through(state, known[state], resolved, reached)]
            waiting = [
                after for state in faulting for after in self.successors(state, known[state], served.faults, known)
            ]
            if not waiting:
                return reached
        raise OutOfBudget(f"{resolved.step} needs more than {served.rounds} faults")

    def goes_through(self, state: Values, node: int, resolved: Resolved, reached: Frontier) -> bool:
        """Whether the access goes through here at once; then its outcome is among those reached."""
        after = self.machine.successors(resolved.operations)(state)
        for _, value in after:
            if value not in reached:
                reached[value] = self.add(value, node, resolved.operations[0])
        if after:
            return True
        if resolved.done is None or not resolved.done(state):
            return False
        reached.setdefault(state, node)
        return True

    def conclusion(self, frontier: Frontier) -> Ran:
        """The answer once every step is taken."""
        if self.question.kind != "exists":
            return self.answer(Answer.HOLDS if self.broken is None else Answer.VIOLATED, "", self.broken)
        found = next((node for state, node in frontier.items() if self.matches(state)), None)
        return self.answer(Answer.NOT_FOUND if found is None else Answer.FOUND, "", found)

    def answer(self, answer: Answer, reason: str, node: int | None) -> Ran:
        """The answer with the run to a node."""
        if node is None:
            return Ran(answer, reason, None, len(self.states))
        run = self.run_to(node)
        if answer is not Answer.STUCK:
            self.replay(run)
        return Ran(answer, reason, run, len(self.states))

    def run_to(self, node: int) -> Run:
        """The run that reached a node."""
        operations: list[str] = []
        while self.parents[node][0] >= 0:
            node, operation = self.parents[node]
            operations.append(operation)
        start, inputs = self.origins[node]
        return Run(start, inputs, tuple(reversed(operations)))

    def replay(self, run: Run) -> None:
        """Does a run again on plain integers.

        Raises:
            BadTrace: it does not end as claimed, which is an error of this program.
        """
        system = self.machine.system
        last = concrete_run(system, run.start, run.inputs, list(run.operations))[-1]
        if formula_holds(self.question.formula, system, last) != (self.question.kind != "always"):
            raise BadTrace(f"{system.name}: the run of a scenario ends differently on plain integers")
