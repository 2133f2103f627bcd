"""SMT solvers on the SMT-LIB functions: Z3's Spacer for a proof, and a plain unrolling by Bitwuzla, cvc5 or Z3.

The unrolling asks one question for each depth, each from the start, and adds that nothing was bad before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from bench.peers.answer import Answer
from checker.export.model import Exported
from checker.export.smt2 import (
    INIT,
    STEP,
    free_variables,
    functions,
    next_variables,
    start_choice,
    state_variables,
    step_choice,
)
from checker.limits import Budget, OutOfBudget
from checker.othersolvers import MissingSolver, unsatisfiable_with
from checker.smtlib import parameters, sort, symbol
from checker.solver import is_unsatisfiable
from checker.terms import Term, variable

SECONDS = 600
"""How long one question may take, as far as the solver can be told."""


def run(model: Exported, prop: str, work: Path, depth: int | None) -> Answer:
    """Asks Spacer for a proof, or Bitwuzla up to a depth.

    Args:
        model: the system.
        prop: the property's name.
        work: a folder for the files.
        depth: look at runs of at most so many operations; None for a proof.
    """
    return spacer(model, prop, work) if depth is None else unrolled(model, prop, work, depth)


def spacer(model: Exported, prop: str, work: Path) -> Answer:
    """Asks Z3's Spacer whether there is an inductive invariant; a violation's depth is not told."""
    import z3

    began = time.monotonic()
    text = horn_clauses(model, prop)
    (work / "spacer.smt2").write_text(text, encoding="utf-8")
    translated = time.monotonic()
    solver = z3.SolverFor("HORN", ctx=z3.Context())
    solver.set("timeout", SECONDS * 1000)
    solver.from_string(text)
    answer = str(solver.check())
    verdict = {"sat": "holds", "unsat": "violated"}.get(answer, "unknown")
    note = solver.reason_unknown() if verdict == "unknown" else ""
    return Answer("Z3 Spacer", verdict, None, None, translated - began, 0.0, time.monotonic() - translated, note)


def horn_clauses(model: Exported, prop: str) -> str:
    """The property as constrained Horn clauses over one unknown relation, satisfiable where it holds."""
    state, after = state_variables(model), next_variables(model)
    begins = (start_choice(model), *free_variables(model))
    lines = [
        "(set-logic HORN)",
        functions(model),
        f"(declare-fun reached ({' '.join(sort(v.width) for v in state)}) Bool)",
        _clause((*begins, *state), [_call(INIT, (*begins, *state))], _reached(state)),
        _clause(
            (step_choice(model), *state, *after),
            [_reached(state), _call(STEP, (step_choice(model), *state, *after))],
            _reached(after),
        ),
        _clause(state, [_reached(state), f"(not {_call(f'property {prop}', state)})"], "false"),
        "(check-sat)",
    ]
    return "\n".join(lines) + "\n"


def unrolled(model: Exported, prop: str, work: Path, depth: int, solver: str = "bitwuzla") -> Answer:
    """Asks ``bitwuzla``, ``cvc5`` or ``z3`` at every depth up to a bound."""
    peer, translate, solve = f"{solver} unrolled", 0.0, 0.0
    budget = Budget(SECONDS)
    try:
        unsatisfiable: Callable[[str], bool] = is_unsatisfiable if solver == "z3" else unsatisfiable_with(solver)
        for k in range(depth + 1):
            began = time.monotonic()
            text = question(model, prop, k)
            (work / f"{solver}-{k}.smt2").write_text(text, encoding="utf-8")
            translated = time.monotonic()
            holds = unsatisfiable(text)
            translate, solve = translate + translated - began, solve + time.monotonic() - translated
            if not holds:
                return Answer(peer, "violated", k, None, translate, 0.0, solve)
            budget.check()
    except (MissingSolver, OutOfBudget) as why:
        return Answer(peer, "unknown", None, None, translate, 0.0, solve, str(why))
    return Answer(peer, "holds", None, None, translate, 0.0, solve)


def question(model: Exported, prop: str, depth: int) -> str:
    """A script that is satisfiable if the property fails first after so many operations."""
    states = [tuple(variable(f"{v.data}@{k}", v.width) for v in state_variables(model)) for k in range(depth + 1)]
    begin = (start_choice(model), *free_variables(model))
    picks = [variable(f"?choice@{k}", step_choice(model).width) for k in range(1, depth + 1)]
    lines = [
        "(set-logic QF_BV)",
        functions(model),
        *(
            f"(declare-const {symbol(v.data)} {sort(v.width)})"
            for v in (*begin, *picks, *(v for s in states for v in s))
        ),
        _assert(_call(INIT, (*begin, *states[0]))),
        *(_assert(_call(STEP, (pick, *states[k], *states[k + 1]))) for k, pick in enumerate(picks)),
        *(_assert(_call(f"property {prop}", state)) for state in states[:-1]),
        _assert(f"(not {_call(f'property {prop}', states[-1])})"),
        "(check-sat)",
    ]
    return "\n".join(lines) + "\n"


def _call(name: str, given: tuple[Term, ...]) -> str:
    return f"({symbol(name)} {' '.join(symbol(v.data) for v in given)})" if given else symbol(name)


def _assert(condition: str) -> str:
    return f"(assert {condition})"


def _reached(state: tuple[Term, ...]) -> str:
    return _call("reached", state)


def _clause(given: tuple[Term, ...], conditions: list[str], conclusion: str) -> str:
    implied = f"(=> (and {' '.join(conditions)}) {conclusion})"
    return _assert(f"(forall {parameters(given)} {implied})" if given else implied)
