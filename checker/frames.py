"""What a proof by frames asks a solver: may a step lead from a frame into a cube, and which facts of a cube are to blame.

A frame is a set of clauses that holds in every state reachable within so many steps. States are looked at through the
facts of :func:`checker.induction.vocabulary`, each one Boolean variable before and one after a step, so that a clause
found here is a clause of a certificate. Whether the facts tell states apart is never assumed: a cube of facts is taken
for a predecessor only if the solver says that all of it steps into its successor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from checker.induction import Fact, typing_clause, vocabulary
from checker.limits import Budget, OutOfBudget
from checker.solver import Solver
from checker.system import Literals, Relation, TransitionSystem
from checker.terms import BOOL, Term, choose, connect, equal, extract, negate, substitute, variable
from checker.unroll import choice, next_state, renamed, start_at, state_at

Cube = frozenset[int]
"""Facts that hold together: ``k + 1`` for fact ``k``, ``-(k + 1)`` for its negation."""

FOREVER = -1
"""The frame of clauses that hold in every reachable state."""

STALE = 4_000
"""After so many clauses that are needed for one question only, a solver is made anew without them."""


class Frames:
    """Frames of clauses about one system, and the questions about one property of it, which is part of every frame.

    Attributes:
        facts: what clauses speak of.
        clauses: for each frame, the cubes excluded from it and all before that are not excluded from the next.
        forever: cubes that no reachable state is in.
        typed: that enumerations have named values is taken for granted, since it is inductive by itself.
        questions: how many the solvers were asked.
    """

    def __init__(
        self,
        system: TransitionSystem,
        holds: Term,
        budget: Budget,
        given: Iterable[Term] = (),
        forever: Iterable[Cube] = (),
    ) -> None:
        self.relation, self.facts = system.relation, vocabulary(system, every=True)
        self.clauses: list[set[Cube]] = [set()]
        self.forever: set[Cube] = set(forever)
        self._ends = _Ends(self.relation, self.facts)
        self._holds, self._budget, typing = holds, budget, typing_clause(system).term
        self.typed = typing.op != "const" and self._is_inductive(typing)
        self._given = [*given, *([typing] if self.typed else [])]
        self._starts = _Questions(self._new_starts)
        self._steps = _Questions(self._new_steps)
        self._lifts = _Questions(self._new_lifts)

    @property
    def top(self) -> int:
        """The number of the last frame; frame 0 holds the initial states only."""
        return len(self.clauses) - 1

    @property
    def questions(self) -> int:
        """How many the solvers were asked."""
        return self._starts.asked + self._steps.asked + self._lifts.asked

    def literals(self, cube: Cube) -> Literals:
        """The clause that excludes a cube, in the facts' names."""
        return tuple((self.facts[abs(k) - 1].yes, k < 0) for k in sorted(cube, key=lambda k: (k < 0, abs(k))))

    def exclude(self, cube: Cube, frame: int) -> None:
        """Adds the clause that excludes the cube, to a frame and all before, or to :data:`FOREVER`."""
        for older in self.clauses[1:] if frame == FOREVER else self.clauses[1 : frame + 1]:
            older.difference_update([other for other in older if cube <= other])
        (self.forever if frame == FOREVER else self.clauses[frame]).add(cube)
        self._steps.solver.add_clause(self._exclusion(cube, frame))

    def excluded(self, cube: Cube, frame: int) -> bool:
        """Whether a single clause of a frame excludes the cube already."""
        return any(other <= cube for clauses in (*self.clauses[frame:], self.forever) for other in clauses)

    def add_frame(self) -> None:
        """One more frame, of which nothing is known yet."""
        self.clauses.append(set())

    def bad_start(self) -> tuple[int, tuple[int, ...]] | None:
        """An initial state that violates the property: the number of its start and the values of its inputs."""
        return self._origin() if self._starts.ask([self._ends.broken]) else None

    def bad(self, frame: int) -> tuple[Cube, int] | None:
        """States that all violate the property after one operation, one of them in this frame, and its number.

        Raises:
            OutOfBudget: the facts are too few to describe such states.
        """
        if not self._steps.ask([self._ends.move, self._ends.breaks, *self._within(frame)]):
            return None
        return self._leading([negate(self._ends.breaks)])

    def initial(self, cube: Cube) -> Cube | None:
        """An initial state in the cube, as its facts; None if there is none."""
        return self._state(self._starts) if self._starts.ask(self._ends.at(cube)) else None

    def start(self, cube: Cube) -> tuple[int, tuple[int, ...]]:
        """An initial state in the cube, which must have one: the number of its start and the values of its inputs."""
        if not self._starts.ask(self._ends.at(cube)):
            raise ValueError("no initial state is in the cube")
        return self._origin()

    def keeps_out(self, cube: Cube, frame: int) -> Cube | None:
        """The facts of a cube by which no step from outside it in the frame leads into it; None if a step does."""
        outside = self._steps.once([negate(term) for term in self._ends.at(cube)])
        if self._steps.ask([self._ends.move, outside, *self._ends.then(cube), *self._within(frame)]):
            return None
        core = self._steps.solver.core()
        self._steps.solver.add_clause([negate(outside)])
        return frozenset(k for k in cube if self._ends.then([k])[0] in core)

    def predecessor(self, cube: Cube) -> tuple[Cube, int]:
        """States that all step into a cube by one operation, and its number; right after :meth:`keeps_out` said None.

        Raises:
            OutOfBudget: the facts are too few to describe such states.
        """
        return self._leading([negate(term) for term in self._ends.then(cube)])

    def _leading(self, elsewhere: list[Term]) -> tuple[Cube, int]:
        """The facts of the last state found by which its operation cannot lead elsewhere."""
        (number,) = self._steps.solver.values([self._ends.choice])
        missed = self._lifts.once([negate(self._ends.move), *elsewhere])
        state = self._state(self._steps)
        if self._lifts.ask([missed, *self._ends.taken(number), *self._ends.at(state)]):
            raise OutOfBudget("the vocabulary cannot tell a state that leads to a violation from others")
        core = self._lifts.solver.core()
        return frozenset(k for k in state if self._ends.at([k])[0] in core), number

    def _origin(self) -> tuple[int, tuple[int, ...]]:
        (number,) = self._starts.solver.values([choice("start", len(self.relation.starts))])
        return number, tuple(self._starts.solver.values(list(self.relation.starts[number].inputs)))

    def _state(self, questions: _Questions) -> Cube:
        word = questions.solver.truths(self._ends.here)
        return frozenset(k + 1 if word >> k & 1 else -(k + 1) for k in range(len(self.facts)))

    def _within(self, frame: int) -> list[Term]:
        """What to assume of a state of a frame; in each the property holds."""
        frames = [_in_frame(k) for k in range(frame, self.top + 1)] if frame else [self._ends.first]
        return [negate(self._ends.broken), *frames]

    def _exclusion(self, cube: Cube, frame: int) -> list[Term]:
        switch = [] if frame == FOREVER else [negate(_in_frame(frame))]
        return [*switch, *(negate(term) for term in self._ends.at(cube))]

    def _new_starts(self) -> Solver:
        solver = Solver(self._budget)
        (holds,) = renamed(self.relation, [self._holds], self._ends.before)
        started = start_at(self.relation, self._ends.before).conditions
        solver.add(*started, *self._ends.named_here, equal(self._ends.broken, negate(holds)))
        return solver

    def _new_lifts(self) -> Solver:
        solver, ends = Solver(self._budget), self._ends
        here, *given = renamed(self.relation, [self._holds, *self._given], ends.before)
        (there,) = renamed(self.relation, [self._holds], ends.after)
        broken = [equal(ends.broken, negate(here)), equal(ends.breaks, negate(there))]
        solver.add(*ends.definitions, *broken, *given)
        return solver

    def _new_steps(self) -> Solver:
        solver, initial = self._new_lifts(), start_at(self.relation, self._ends.before)
        solver.add(connect("or", (negate(self._ends.first), connect("and", initial.conditions))))
        for frame, cubes in ((FOREVER, self.forever), *enumerate(self.clauses)):
            for cube in cubes:
                solver.add_clause(self._exclusion(cube, frame))
        return solver

    def _is_inductive(self, condition: Term) -> bool:
        ends, switch = self._ends, variable("initially", BOOL)
        (here,), (there,) = (renamed(self.relation, [condition], state) for state in (ends.before, ends.after))
        initial = connect("and", start_at(self.relation, ends.before).about(ends.before, here))
        solver = Solver(self._budget)
        solver.add(
            *ends.definitions,
            choose(switch, connect("and", (initial, negate(here))), connect("and", (here, negate(there)))),
        )
        return not solver.satisfiable([switch]) and not solver.satisfiable([negate(switch), ends.move])


def _in_frame(frame: int) -> Term:
    return variable(f"frame {frame}", BOOL)


class _Questions:
    """A solver that forgets the clauses that were for one question only."""

    def __init__(self, make: Callable[[], Solver]) -> None:
        self._make, self.solver, self.asked, self._spent = make, make(), 0, 0

    def ask(self, assuming: list[Term]) -> bool:
        self.asked += 1
        return self.solver.satisfiable(assuming)

    def once(self, clause: list[Term]) -> Term:
        """A variable that, assumed, makes the clause hold."""
        if self._spent >= STALE:
            self.solver, self._spent = self._make(), 0
        self._spent += 1
        switch = variable(f"once {self._spent}", BOOL)
        self.solver.add_clause([negate(switch), *clause])
        return switch


class _Ends:
    """The facts before and after a step, each with a variable of its own.

    Attributes:
        before: the state the step begins in.
        here, there: for each fact the variable that says whether it holds before, and after the step.
        named_here, definitions: what defines ``here``; what defines all variables, as functions of the state and the choice.
        choice: the number of the operation that is taken.
        move: that operation is enabled.
        first: the state before is an initial one.
        broken, breaks: the state before violates the property, and the state after.
    """

    def __init__(self, relation: Relation, facts: tuple[Fact, ...]) -> None:
        self.before, count = state_at(relation, 0), len(relation.steps)
        self.choice = choice(1, count)
        self.move, self.first = variable("enabled", BOOL), variable("initial", BOOL)
        self.broken, self.breaks = variable("broken", BOOL), variable("breaks", BOOL)
        enabled, self.after = next_state(relation, self.before, [equal(self.choice, k) for k in range(count)])
        now = renamed(relation, [fact.term for fact in facts], self.before)
        soon = substitute([fact.term for fact in facts], dict(zip(relation.state, self.after, strict=True)))
        self.here, self.named_here = _named("here", now)
        self.there, named_there = _named("there", soon)
        self._number = tuple(variable(f"choice bit {i}", BOOL) for i in range(self.choice.width))
        bits = [equal(bit, equal(extract(self.choice, i, i), 1)) for i, bit in enumerate(self._number)]
        self.definitions = [*self.named_here, *named_there, *bits, equal(self.move, enabled)]

    def at(self, cube: Iterable[int]) -> list[Term]:
        """The cube's facts before the step."""
        return [self.here[k - 1] if k > 0 else negate(self.here[-k - 1]) for k in cube]

    def then(self, cube: Iterable[int]) -> list[Term]:
        """The cube's facts after the step."""
        return [self.there[k - 1] if k > 0 else negate(self.there[-k - 1]) for k in cube]

    def taken(self, number: int) -> list[Term]:
        """It is this operation that is taken."""
        return [bit if number >> i & 1 else negate(bit) for i, bit in enumerate(self._number)]


def _named(place: str, terms: list[Term]) -> tuple[tuple[Term, ...], list[Term]]:
    """A Boolean variable for each term, and their definitions; a variable stands for itself."""
    names = tuple(t if t.op == "var" else variable(f"{place} {k}", BOOL) for k, t in enumerate(terms))
    return names, [equal(name, term) for name, term in zip(names, terms, strict=True) if name is not term]
