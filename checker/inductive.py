"""Which clauses a step keeps: one solver that holds a step of a system, and clauses about the states before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checker.dependency import cone_of_influence
from checker.limits import Budget
from checker.records import dataclass, field
from checker.solver import Solver
from checker.system import TransitionSystem
from checker.terms import BOOL, Term, connect, negate, variable
from checker.unroll import functional_step, renamed, state_at

if TYPE_CHECKING:
    from checker.induction import Clause
    from checker.z3lib import Context


@dataclass
class Induction:
    """One solver that holds a step of the system, and a pool of clauses about its two ends.

    Attributes:
        system, budget, context: as for :func:`checker.induction.prove`.
        pool: the clauses, known by their numbers.
        assumed, broken: for each clause the switch that makes it hold before the step, and fail after it.
        twins: for a clause, its images with their announcements.
        needs: for a clause that no step breaks, the ones that its induction used.
        enough, too_few: for a clause, sets of others with which no step breaks it, and with which one does.
    """

    system: TransitionSystem
    budget: Budget
    context: Context | None = None
    pool: list[Clause] = field(default_factory=list)
    assumed: list[Term] = field(default_factory=list)
    broken: list[Term] = field(default_factory=list)
    twins: dict[int, list[tuple[str, int]]] = field(default_factory=dict)
    needs: dict[int, set[int]] = field(default_factory=dict)
    enough: dict[int, list[frozenset[int]]] = field(default_factory=dict)
    too_few: dict[int, list[frozenset[int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        relation = self.system.relation
        self.before, self.after = state_at(relation, 0), state_at(relation, 1)
        self.solver = Solver(self.budget, self.context)
        # Only bits that matter; of an enumeration all or none, since its typing looks at all.
        masks = tuple(
            (1 << leaf.sort.width) - 1 if mask and leaf.sort.names else mask
            for leaf, mask in zip(relation.leaves, cone_of_influence(relation).masks, strict=True)
        )
        step = functional_step(relation, self.before, self.after, 1, masks)
        self.pick = step.pick
        self.solver.add(*step.conditions)

    def add(self, clause: Clause) -> int:
        """Takes a clause into the pool and returns its number."""
        number = len(self.pool)
        self.pool.append(clause)
        relation = self.system.relation
        here = renamed(relation, [clause.term], self.before)[0]
        there = renamed(relation, [clause.term], self.after)[0]
        assumed, broken = variable(f"assume {number}", BOOL), variable(f"break {number}", BOOL)
        self.solver.add(connect("or", (negate(assumed), here)), connect("or", (negate(broken), negate(there))))
        self.assumed.append(assumed)
        self.broken.append(broken)
        return number

    def breaks(self, number: int, assuming: list[int]) -> bool:
        """Whether a step from a state with these clauses can break one; if not, ``needs`` says which were used."""
        if self.solver.satisfiable([*[self.assumed[k] for k in assuming], self.broken[number]]):
            self.too_few.setdefault(number, []).append(frozenset(assuming))
            return True
        core = self.solver.core()
        self.needs[number] = {k for k in assuming if self.assumed[k] in core}
        self.enough.setdefault(number, []).append(frozenset(self.needs[number]))
        return False

    def breaks_with(self, number: int, assuming: list[int]) -> bool:
        """The same, from earlier answers if they say it: what was enough still is with more, what was too few with less."""
        chosen = frozenset(assuming)
        if any(chosen <= few for few in self.too_few.get(number, ())):
            return True
        known = next((core for core in self.enough.get(number, ()) if core <= chosen), None)
        if known is None:
            return self.breaks(number, assuming)
        self.needs[number] = set(known)
        return False

    def closure(self, number: int) -> list[int]:
        """The clause and everything its induction leans on, directly or not."""
        found, open_ = {number}, [number]
        while open_:
            fresh = self.needs[open_.pop()] - found
            found |= fresh
            open_.extend(fresh)
        return sorted(found)
