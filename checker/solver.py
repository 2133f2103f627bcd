"""The one door to Z3: every question goes through here, and `unknown` is never taken for an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from checker.limits import Budget, OutOfBudget, OutOfMemory
from checker.memory import resident
from checker.smtlib import Script
from checker.terms import BOOL, Term

if TYPE_CHECKING:
    import z3


class Solver:
    """An incremental Z3 solver that is fed SMT-LIB text printed from terms."""

    def __init__(self, budget: Budget | None = None) -> None:
        import z3

        self._z3 = z3
        self._budget = budget or Budget()
        # A context of its own: answers must not depend on what was asked before.
        self._context = z3.Context()
        self._solver = _new_solver(self._context)
        for name, limit in _memory_limit(self._budget).items():
            self._solver.set(name, limit)
        self._script = Script()
        self._known: dict[Term, z3.ExprRef] = {}
        self._names: dict[int, Term] = {}
        self._words: dict[tuple[Term, ...], z3.ExprRef] = {}
        self.checks = 0

    def constant(self, term: Term) -> z3.ExprRef:
        """The Z3 constant that stands for a variable, or its negation for a negated Boolean one."""
        known = self._known.get(term)
        if known is None and term.op == "not":
            known = self._known[term] = self._z3.Not(self.constant(term.args[0]), self._context)
            self._names[known.get_id()] = term
        elif known is None:
            sort = (
                self._z3.BoolSort(self._context)
                if term.width == BOOL
                else self._z3.BitVecSort(term.width, self._context)
            )
            known = self._known[term] = self._z3.Const(term.data, sort)
            self._names[known.get_id()] = term
        return known

    def add(self, *conditions: Term) -> None:
        """Asserts Boolean terms for good."""
        self._script.assert_all(conditions)
        self._solver.from_string(str(self._script))
        self._script.lines.clear()  # declarations and definitions stay known on both sides

    def add_clause(self, literals: Sequence[Term]) -> None:
        """Asserts a disjunction of Boolean variables and negated ones, without a detour through text."""
        parts = [self.constant(term) for term in literals]
        array = (self._z3.Ast * len(parts))(*(part.as_ast() for part in parts))
        context = self._context.ref()
        whole = self._z3.BoolRef(self._z3.z3core.Z3_mk_or(context, len(parts), array), self._context)
        self._z3.z3core.Z3_solver_assert(context, self._solver.solver, whole.as_ast())

    def satisfiable(self, assuming: Sequence[Term] = ()) -> bool:
        """Whether the assertions can hold together with these Boolean variables and negated ones.

        Raises:
            OutOfBudget: the solver gave up; the message says why.
        """
        left = self._budget.left()
        self._budget.check()
        if left is not None:
            self._solver.set("timeout", max(1, int(left * 1000)))
        self.checks += 1
        answer = self._check([self.constant(term) for term in assuming])
        if answer == 0:
            raise _gave_up(self._solver.reason_unknown(), self._budget)
        return answer == 1

    def _check(self, assumptions: list[z3.ExprRef]) -> int:
        """1 satisfiable, -1 unsatisfiable, 0 unknown; the C call, since z3py's wrapper costs more than the answer."""
        core = self._z3.z3core
        array = (self._z3.Ast * len(assumptions))(*(a.as_ast() for a in assumptions))
        context = self._context.ref()
        return int(core.Z3_solver_check_assumptions(context, self._solver.solver, len(assumptions), array))

    def values(self, variables: Sequence[Term]) -> list[int]:
        """The variables' values in the last satisfiable answer, as plain integers."""
        model = self._solver.model()
        found = [model.eval(self.constant(v), model_completion=True) for v in variables]
        return [
            int(self._z3.is_true(value)) if v.width == BOOL else value.as_long()
            for v, value in zip(variables, found, strict=True)
        ]

    def truths(self, variables: tuple[Term, ...]) -> int:
        """The values of Boolean variables in the last satisfiable answer, the first as bit 0: quick for many."""
        word = self._words.get(variables)
        if word is None:
            z3, context = self._z3, self._context
            one, zero = z3.BitVecVal(1, 1, context), z3.BitVecVal(0, 1, context)
            bits = [z3.If(self.constant(v), one, zero) for v in reversed(variables)]
            word = self._words[variables] = z3.Concat(zero, *bits) if bits else zero
        return int(self._solver.model().eval(word, model_completion=True).as_long())

    def core(self) -> set[Term]:
        """The assumptions that the last unsatisfiable answer needed."""
        core, context = self._z3.z3core, self._context.ref()
        found = core.Z3_solver_get_unsat_core(context, self._solver.solver)
        core.Z3_ast_vector_inc_ref(context, found)
        literals = [core.Z3_ast_vector_get(context, found, k) for k in range(core.Z3_ast_vector_size(context, found))]
        numbers = [core.Z3_get_ast_id(context, literal) for literal in literals]
        core.Z3_ast_vector_dec_ref(context, found)
        return {self._names[number] for number in numbers}


def _new_solver(context: z3.Context) -> z3.Solver:
    """``SolverFor("QF_BV")``, which would make a context of its own besides, for nothing but the name."""
    import z3

    made = z3.z3core.Z3_mk_solver_for_logic(context.ref(), z3.z3core.Z3_mk_string_symbol(context.ref(), "QF_BV"))
    return z3.Solver(made, context)


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
    import z3

    allowed = z3.Z3_get_estimated_alloc_size() + budget.memory - resident()
    return {"max_memory": max(1, allowed >> 20)}


def is_unsatisfiable(text: str, budget: Budget | None = None) -> bool:
    """Whether Z3, started afresh, finds a whole SMT-LIB script unsatisfiable.

    Raises:
        OutOfBudget: the solver gave up.
        ValueError: the text is not SMT-LIB that Z3 can read.
    """
    import z3

    budget = budget or Budget()
    budget.check()
    left = budget.left()
    milliseconds = 0 if left is None else max(1, int(left * 1000))
    limits = {"timeout": milliseconds} if milliseconds else {}
    answer, reason = _answer(text, z3.Context(), limits | _memory_limit(budget))
    if answer == z3.unknown:
        raise _gave_up(reason, budget)
    return bool(answer == z3.unsat)


QUICK = 500_000
"""Z3's units of work (``rlimit``) for a script in a context that others have used; hardly any needs more."""


def solver_of_many(budget: Budget | None = None) -> Callable[[str], bool]:
    """:func:`is_unsatisfiable` for many small scripts: one context serves them all, as long as it answers quickly.

    A context costs more than a small script. But in one that has read other scripts Z3's time depends on them, without
    bound, so that an answer that does not come at once is asked for afresh.
    """
    import z3

    context = z3.Context()

    def unsatisfiable(text: str) -> bool:
        answer, reason = _answer(text, context, {"rlimit": QUICK})
        if "interrupt" in reason:
            raise KeyboardInterrupt
        return is_unsatisfiable(text, budget) if answer == z3.unknown else bool(answer == z3.unsat)

    return unsatisfiable


def _answer(text: str, context: z3.Context, limits: dict[str, int]) -> tuple[z3.CheckSatResult, str]:
    """What Z3 says to a script, and why if it does not know."""
    import z3

    solver = _new_solver(context)
    for name, limit in limits.items():
        solver.set(name, limit)
    try:
        solver.from_string(text)
    except z3.Z3Exception as why:
        raise ValueError(f"not readable as SMT-LIB: {why}") from None
    answer = solver.check()
    return answer, solver.reason_unknown() if answer == z3.unknown else ""
