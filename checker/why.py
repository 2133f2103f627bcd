"""Why an inductive invariant holds: each of its clauses, and what goes wrong when one is taken away.

An invariant is kept by every operation because all its clauses hold before it. Take one clause away: from some state in
which the others hold, some operation may then break one of the others. These operations are why the clause is there. All
is asked of the solver; what it does not answer is said to be open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from checker.induction import Clause
from checker.inductive import Induction
from checker.limits import Budget, OutOfBudget
from checker.system import TransitionSystem
from checker.terms import BOOL, Term, connect, equal, negate, variable
from checker.unroll import renamed

EACH = 14
"""Of a proof with so many clauses it is asked of each other clause whether an operation breaks it; of more, of one."""


@dataclass(frozen=True)
class Break:
    """An operation that breaks other clauses once a clause is taken away.

    Attributes:
        operation: its name.
        clauses: the numbers of the clauses that it can break; perhaps not all of them (:data:`EACH`).
        state: a state in which all clauses but the one hold, and from which it breaks the first of these.
    """

    operation: str
    clauses: tuple[int, ...]
    state: Any


@dataclass(frozen=True)
class Reason:
    """Why a clause is there.

    Attributes:
        clause: the clause.
        follows: the property follows from the other clauses alone.
        breaks: the operations that break others without it, in the order of the system's operations.
        open: why not every operation was looked at, or "".
    """

    clause: Clause
    follows: bool
    breaks: tuple[Break, ...]
    open: str = ""


def reasons(system: TransitionSystem, clauses: Sequence[Clause], goal: int, budget: Budget) -> tuple[Reason, ...]:
    """For each clause of an inductive invariant, what breaks without it.

    Args:
        system: the system.
        clauses: the invariant.
        goal: the number of the clause that is the property.
        budget: limits; where one is reached the rest is open.
    """
    found: list[Reason] = []
    why = ""
    try:
        asked = _Asked.of(system, clauses, budget)
    except OutOfBudget as stopped:
        return tuple(Reason(clause, False, (), str(stopped)) for clause in clauses)
    for number, clause in enumerate(clauses):
        try:
            if why:
                raise OutOfBudget(why)
            found.append(Reason(clause, asked.follows(number, goal), tuple(asked.breaks(number))))
        except OutOfBudget as stopped:
            why = str(stopped)
            found.append(Reason(clause, False, (), why))
    return tuple(found)


@dataclass
class _Asked:
    """One solver that holds a step of the system and the clauses at both ends of it."""

    system: TransitionSystem
    clauses: Sequence[Clause]
    induction: Induction

    @classmethod
    def of(cls, system: TransitionSystem, clauses: Sequence[Clause], budget: Budget) -> _Asked:
        induction = Induction(system, budget)
        for clause in clauses:
            induction.add(clause)
        made = cls(system, clauses, induction)
        made._name_the_operations()
        return made

    def _name_the_operations(self) -> None:
        """One Boolean for each operation that is taken, and one for each clause that some other is broken."""
        relation = self.system.relation
        for number in range(len(relation.steps)):
            self.induction.solver.add(connect("or", (negate(_taken(number)), equal(self.induction.pick, number))))
        there = renamed(relation, [clause.term for clause in self.clauses], self.induction.after)
        for number in range(len(self.clauses)):
            others = [negate(term) for k, term in enumerate(there) if k != number]
            self.induction.solver.add(connect("or", (negate(_some_other(number)), *others)))

    def _without(self, number: int) -> list[Term]:
        return [self.induction.assumed[k] for k in range(len(self.clauses)) if k != number]

    def follows(self, number: int, goal: int) -> bool:
        """The property follows from all clauses but one."""
        from checker.solver import Solver

        if number != goal:
            return True
        solver = Solver(self.induction.budget)
        rest = [clause.term for k, clause in enumerate(self.clauses) if k != number]
        solver.add(connect("and", (*rest, negate(self.clauses[goal].term))))
        return not solver.satisfiable()

    def breaks(self, number: int) -> list[Break]:
        """The operations that break another clause when one is taken away."""
        found = []
        for k, operation in enumerate(self.system.operations):
            if not self.induction.solver.satisfiable([*self._without(number), _taken(k), _some_other(number)]):
                continue
            broken, state = self._broken(number, k)
            found.append(Break(operation.name, broken, state))
        return found

    def _broken(self, number: int, operation: int) -> tuple[tuple[int, ...], Any]:
        """Which clauses it breaks, and a state from which it breaks the first."""
        solver, layout = self.induction.solver, self.system.layout
        others = [k for k in range(len(self.clauses)) if k != number]
        found: list[int] = []
        state: Any = None
        for k in others:
            if found and len(self.clauses) > EACH:
                break
            if solver.satisfiable([*self._without(number), _taken(operation), self.induction.broken[k]]):
                found.append(k)
                if state is None:
                    state = layout.state(solver.values(list(self.induction.before)))
        return tuple(found), state


def _taken(number: int) -> Term:
    return variable(f"taken {number}", BOOL)


def _some_other(number: int) -> Term:
    return variable(f"break another than {number}", BOOL)
