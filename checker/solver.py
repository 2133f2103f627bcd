"""The one door to Z3: every question goes through here, and `unknown` is never taken for an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from checker.limits import Budget, OutOfBudget, OutOfMemory
from checker.memory import resident
from checker.smtlib import Script
from checker.terms import Term

if TYPE_CHECKING:
    from checker.z3lib import Ast, Context


class Solver:
    """An incremental Z3 solver that is fed SMT-LIB text printed from terms.

    Args:
        budget: limits.
        context: of Z3; by default one of its own, since answers must not depend on what was asked before.
    """

    def __init__(self, budget: Budget | None = None, context: Context | None = None) -> None:
        from checker.z3lib import Assertions, Context

        self._budget = budget or Budget()
        self._context = context or Context()
        self._solver = Assertions(self._context)
        for name, limit in _memory_limit(self._budget).items():
            self._solver.limit(name, limit)
        self._script = Script()
        self._known: dict[Term, Ast] = {}
        self._names: dict[int, Term] = {}
        self._words: dict[tuple[Term, ...], Ast] = {}
        self.checks = 0

    def _constant(self, term: Term) -> Ast:
        """The constant that stands for a variable, or its negation for a negated Boolean one."""
        known = self._known.get(term)
        if known is None:
            context = self._context
            known = (
                context.kept("mk_not", self._constant(term.args[0]))
                if term.op == "not"
                else context.constant(term.data, term.width)
            )
            self._known[term] = known
            self._names[context.call("get_ast_id", known)] = term
        return known

    def add(self, *conditions: Term) -> None:
        """Asserts Boolean terms for good."""
        self._script.assert_all(conditions)
        self._solver.read(str(self._script))
        self._script.lines.clear()  # declarations and definitions stay known on both sides

    def add_clause(self, literals: Sequence[Term]) -> None:
        """Asserts a disjunction of Boolean variables and negated ones, without a detour through text."""
        self._solver.add_disjunction([self._constant(term) for term in literals])

    def satisfiable(self, assuming: Sequence[Term] = ()) -> bool:
        """Whether the assertions can hold together with these Boolean variables and negated ones.

        Raises:
            OutOfBudget: the solver gave up; the message says why.
        """
        left = self._budget.left()
        self._budget.check()
        if left is not None:
            self._solver.limit("timeout", max(1, int(left * 1000)))
        self.checks += 1
        answer = self._solver.check([self._constant(term) for term in assuming])
        if answer == 0:
            raise _gave_up(self._solver.reason(), self._budget)
        return answer == 1

    def values(self, variables: Sequence[Term]) -> list[int]:
        """The variables' values in the last satisfiable answer, as plain integers."""
        return self._solver.values([self._constant(term) for term in variables])

    def truths(self, variables: tuple[Term, ...]) -> int:
        """The values of Boolean variables in the last satisfiable answer, the first as bit 0: quick for many."""
        word = self._words.get(variables)
        if word is None:
            bits = [self._constant(term) for term in reversed(variables)]
            word = self._words[variables] = self._context.concatenation(bits)
        return self._solver.values([word])[0]

    def core(self) -> set[Term]:
        """The assumptions that the last unsatisfiable answer needed."""
        return {self._names[number] for number in self._solver.core()}


def _gave_up(reason: str, budget: Budget) -> BaseException:
    """What to raise when Z3 answers unknown: it catches Ctrl-C itself and only says so."""
    if "interrupt" in reason:
        return KeyboardInterrupt()
    if budget.seconds is not None and ("timeout" in reason or "cancel" in reason):
        return OutOfBudget(f"time limit of {budget.seconds:g} s reached")
    if budget.memory is not None and "memory" in reason:
        return OutOfMemory.limit(budget.memory)
    return OutOfBudget(f"the solver gave up: {reason}")


def _memory_limit(budget: Budget) -> dict[str, int]:
    """The limit for a solver that leaves this process within the budget, in Z3's megabytes."""
    if budget.memory is None:
        return {}
    from checker.z3lib import allocated

    room = allocated() + budget.memory - resident()
    return {"max_memory": max(1, room >> 20)}


def is_unsatisfiable(text: str, budget: Budget | None = None) -> bool:
    """Whether Z3, started afresh, finds a whole SMT-LIB script unsatisfiable.

    Raises:
        OutOfBudget: the solver gave up.
        ValueError: the text is not SMT-LIB that Z3 can read.
    """
    from checker.z3lib import Context

    budget = budget or Budget()
    budget.check()
    left = budget.left()
    limits = {} if left is None else {"timeout": max(1, int(left * 1000))}
    answer, reason = _answer(text, Context(), limits | _memory_limit(budget))
    if answer == 0:
        raise _gave_up(reason, budget)
    return answer == -1


QUICK = 500_000
"""Z3's units of work (``rlimit``) for a script in a context that others have used; hardly any needs more."""


def solver_of_many(budget: Budget | None = None, context: Context | None = None) -> Callable[[str], bool]:
    """:func:`is_unsatisfiable` for many small scripts: one context serves them all, as long as it answers quickly.

    A context costs more than a small script. But in one that has read other scripts Z3's time depends on them, without
    bound, so that an answer that does not come at once is asked for afresh.

    Args:
        budget: limits.
        context: the one that serves; by default a new one.
    """
    from checker.z3lib import Context

    shared = context or Context()

    def unsatisfiable(text: str) -> bool:
        answer, reason = _answer(text, shared, {"rlimit": QUICK})
        if "interrupt" in reason:
            raise KeyboardInterrupt
        return is_unsatisfiable(text, budget) if answer == 0 else answer == -1

    return unsatisfiable


def _answer(text: str, context: Context, limits: dict[str, int]) -> tuple[int, str]:
    """What Z3 says to a script (1 satisfiable, -1 unsatisfiable, 0 unknown), and why if it does not know."""
    from checker.z3lib import Assertions, Z3Error

    solver = Assertions(context)
    for name, limit in limits.items():
        solver.limit(name, limit)
    try:
        solver.read(text)
    except Z3Error as why:
        raise ValueError(f"not readable as SMT-LIB: {why}") from None
    answer = solver.check()
    return answer, "" if answer else solver.reason()
