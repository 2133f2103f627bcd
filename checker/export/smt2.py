"""SMT-LIB 2: starts, operations and properties as functions over the variables of the state.

The text declares and asserts nothing, so that a reader can put a question of any kind behind it: bounded, inductive, or
as Horn clauses. An initial state and a step are relations, like those the engines use; which start or operation is
taken, and a start's free values, are parameters, so that no function needs a quantifier.
"""

from __future__ import annotations

from checker.export.hardware import preamble
from checker.export.model import Exported
from checker.smtlib import body, parameters, symbol, wrapped
from checker.terms import Term, connect, equal, variable

INIT, STEP = "init", "step"
"""The functions for any start, and for any operation."""


def start_choice(model: Exported) -> Term:
    """The parameter that says which start is taken."""
    return variable("?choice", max(1, (len(model.starts) - 1).bit_length()))


def step_choice(model: Exported) -> Term:
    """The parameter that says which operation is taken."""
    return variable("?choice", max(1, (len(model.steps) - 1).bit_length()))


def state_variables(model: Exported) -> tuple[Term, ...]:
    """The state, as parameters."""
    return tuple(v.term for v in model.variables)


def next_variables(model: Exported) -> tuple[Term, ...]:
    """The state after a step, as parameters: each name with a prime."""
    return tuple(variable(f"{v.path}'", v.term.width) for v in model.variables)


def free_variables(model: Exported) -> tuple[Term, ...]:
    """The free values of all starts, as parameters."""
    return tuple(v.term for start in model.starts for v in start.inputs)


def text(model: Exported) -> str:
    """A system in SMT-LIB 2."""
    head = "\n".join(f"; {' '.join(line.split())}" for line in _explanation(model))
    return f"{head}\n\n(set-logic QF_BV)\n\n{functions(model)}"


def functions(model: Exported) -> str:
    """The definitions alone, for any logic."""
    parts = [*_starts(model), *_steps(model)]
    parts += [_function(f"property {name}", state_variables(model), holds) for name, holds in model.properties]
    return "\n\n".join(parts) + "\n"


def _explanation(model: Exported) -> list[str]:
    return [
        *preamble(model),
        "(start NAME): the free values of that start can be these, and give this state",
        "(init ?choice ...): start number choice does; with a choice that is no start's, false",
        "(step NAME): the operation is possible in this state, and gives the state with primes",
        "(step ?choice ...): operation number choice does; with a choice that is no operation's, false",
        "(property NAME): what must hold of every state that can be reached",
        *(f"start {k}: {start.name}" for k, start in enumerate(model.starts)),
        *(f"operation {k}: {step.name}" for k, step in enumerate(model.steps)),
    ]


def _starts(model: Exported) -> list[str]:
    state = state_variables(model)
    parts = []
    for start in model.starts:
        given = connect("and", (start.domain, *map(equal, state, start.values)))
        parts.append(_function(f"start {start.name}", (*(v.term for v in start.inputs), *state), given))
    calls = [_call(f"start {s.name}", (*(v.term for v in s.inputs), *state)) for s in model.starts]
    return [*parts, _any(INIT, start_choice(model), (*free_variables(model), *state), calls)]


def _steps(model: Exported) -> list[str]:
    both = (*state_variables(model), *next_variables(model))
    parts = []
    for step in model.steps:
        taken = connect("and", (step.guard, *map(equal, next_variables(model), step.values)))
        parts.append(_function(f"step {step.name}", both, taken))
    calls = [_call(f"step {step.name}", both) for step in model.steps]
    return [*parts, _any(STEP, step_choice(model), both, calls)]


def _any(name: str, choice: Term, given: tuple[Term, ...], calls: list[str]) -> str:
    """The function that makes the chosen one of several calls."""
    cases = [f"(and {body(equal(choice, k))}\n    {call})" for k, call in enumerate(calls)]
    joined = "(or false\n  " + "\n  ".join(cases) + ")" if cases else "false"
    return f"(define-fun {symbol(name)} {parameters((choice, *given))} Bool\n  {joined})"


def _function(name: str, given: tuple[Term, ...], result: Term) -> str:
    return f"(define-fun {symbol(name)} {parameters(given)} Bool\n  {body(result)})"


def _call(name: str, given: tuple[Term, ...]) -> str:
    return f"({symbol(name)} {wrapped(symbol(v.data) for v in given)})" if given else symbol(name)
