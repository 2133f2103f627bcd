"""What can be decided of a system whose states are too many to enumerate: proofs by clauses, and runs from their ends.

A system of views is looked at as it was declared, without them: a certificate then is about the system itself and
rests on no reduction. What is found is for others to check: clauses by :mod:`checker.certificate`, runs by replay.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from checker.exchange import Exchange, exchanges
from checker.frames import Cube
from checker.induction import FEW_CLAUSES, Proof, proof_of, vocabulary
from checker.inductive import Induction
from checker.limits import Budget, OutOfBudget
from checker.pdr import Closed, Run, reach_or_close
from checker.records import dataclass, field
from checker.system import TransitionSystem
from checker.terms import Term, evaluate, negate
from checker.trace import BadTrace, concrete_run


@dataclass
class Beyond:
    """Searches of one system, each of which knows what those before it learned.

    Attributes:
        system: the system.
        budget: limits for all of them together.
        silent: operations of which it is not known yet whether they can ever happen.
        premises: the premises that are known to hold somewhere, as bits.
        known: cubes that no reachable state is in, by what is proved.
        proved: the invariants that were proved.
        induction: which clauses their proofs took, where those were many.
    """

    system: TransitionSystem
    budget: Budget
    silent: list[int]
    premises: int = 0
    known: frozenset[Cube] = frozenset()
    proved: list[int] = field(default_factory=list)
    induction: Induction | None = None

    def decide(self, number: int) -> Proof | Run:
        """A proof of an invariant, or a run that violates it.

        Raises:
            OutOfBudget: there is neither within the limits.
        """
        found = self._search(self.system.relation.properties[number])
        if isinstance(found, Run):
            return found
        others = [self.system.invariants[k].name for k in self.proved]
        name = self.system.invariants[number].name
        proof = self._proof(name, found, others)
        self.known = found.cubes
        self.proved.append(number)
        return proof

    def _proof(self, name: str, found: Closed, others: list[str]) -> Proof:
        """A proof of few clauses is made by itself, so that it stays small; of many, what earlier ones took is kept."""
        if len(found.clauses) <= FEW_CLAUSES:
            return proof_of(self.system, name, found.clauses, self.budget, others)
        induction, self.induction = self.induction or Induction(self.system, self.budget), None
        proof = proof_of(self.system, name, found.clauses, self.budget, others, induction)
        self.induction = induction
        return proof

    def _search(self, holds: Term) -> Closed | Run:
        given = [self.system.relation.properties[k] for k in self.proved]
        return reach_or_close(self.system, holds, self.budget, given, self.known, self._alike)

    @cached_property
    def _alike(self) -> tuple[Exchange, ...]:
        return exchanges(self.system.symmetries, vocabulary(self.system, every=True))

    def never_enabled(self) -> tuple[list[str], list[str]]:
        """Of the silent operations, the names of those that can never happen, and of those of which it is not known."""
        return self._silence

    @cached_property
    def _silence(self) -> tuple[list[str], list[str]]:
        never, unknown = [], []
        for number in self.silent:
            name = self.system.operations[number].name
            possible = self._possible(self.system.relation.steps[number].guard, [name])
            if possible is None:
                unknown.append(name)
            elif not possible:
                never.append(name)
        return never, unknown

    def premise_holds(self, number: int) -> bool | None:
        """Whether the premise of an invariant holds in some reachable state; None if that is not known."""
        if self.premises >> number & 1:
            return True
        return self._possible(self.system.relation.premises[number], [])

    def _possible(self, condition: Term, then: list[str]) -> bool | None:
        """Whether a condition holds somewhere: in the last state of a run on integers, or never, by clauses.

        Args:
            condition: over the relation's variables.
            then: operations that can happen where it holds, which the run must be able to go on with.
        """
        try:
            found = self._search(negate(condition))
        except OutOfBudget:
            return None
        if isinstance(found, Closed):
            return False
        names = [*(self.system.operations[k].name for k in found.operations), *then]
        try:
            states = concrete_run(self.system, self.system.starts[found.origin.start].name, found.origin.inputs, names)
        except BadTrace:
            return None
        return bool(then) or self._holds(condition, states[-1]) or None

    def _holds(self, condition: Term, state: Any) -> bool:
        values = dict(zip(self.system.relation.state, self.system.layout.concrete(state), strict=True))
        return bool(evaluate([condition], values)[0])
