"""A transition system in Murphi's language, for Rumur: Boolean variables only, since the language has no words.

Every bit of the state that can matter is a Boolean variable, and guards, updates and properties are and-gates and
inverters (:mod:`checker.export.gates`), each function and rule with gates of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from checker.export.choices import start_choices
from checker.export.ctext import comment
from checker.export.gates import NO, YES, Gates
from checker.export.model import Exported
from checker.terms import Term, evaluate


@dataclass(frozen=True)
class _Circuit:
    """The gates of a system, and the name of each state bit by its number."""

    gates: Gates
    names: dict[int, str]


def text(model: Exported) -> str:
    """A Murphi model with one start state for each value of the starts' inputs, one rule an operation, and invariants.

    Args:
        model: the system and the properties asked for.

    Raises:
        CannotExport: the starts have too many values of their inputs.
    """
    circuit, gates = _Circuit(Gates(), {}), []
    for variable in model.variables:
        for bit in circuit.gates.unknown(variable.term, variable.mask):
            if bit != NO:
                circuit.names[bit >> 1] = f"b{bit >> 1}"
    parts = ["var", *(f"  {name}: boolean;" for name in circuit.names.values())]
    for number, step in enumerate(model.steps):
        parts += _test(circuit, f"can{number}", step.guard)
        gates.append(_rule(circuit, model, number))
    for number, (_, holds) in enumerate(model.properties):
        parts += _test(circuit, f"holds{number}", holds)
    parts += [line for start in _starts(circuit, model) for line in start]
    parts += [line for rule in gates for line in rule]
    parts += [f'invariant "{_quoted(name)}" holds{k}();' for k, (name, _) in enumerate(model.properties)]
    return "\n".join([*parts, ""])


def _test(circuit: _Circuit, name: str, condition: Term) -> list[str]:
    """A function without arguments that says whether a condition holds in the present state."""
    lines, (value,), locals_ = _computed(circuit, [circuit.gates.word(condition)[0]])
    return [
        f"function {name}(): boolean;",
        *([f"var {', '.join(locals_)}: boolean;"] if locals_ else []),
        "begin",
        *lines,
        f"  return {value};",
        "end;",
    ]


def _rule(circuit: _Circuit, model: Exported, number: int) -> list[str]:
    step = model.steps[number]
    bits = [
        (old, new)
        for variable, value in zip(model.variables, step.values, strict=True)
        for old, new in zip(circuit.gates.word(variable.term), circuit.gates.word(value), strict=True)
        if old not in (NO, new)
    ]
    lines, values, locals_ = _computed(circuit, [new for _, new in bits])
    fresh = [f"n{k}" for k in range(len(bits))]
    names = [*locals_, *fresh]
    return [
        f'rule "{_quoted(step.name)}" can{number}() ==>',
        *([f"var {', '.join(names)}: boolean;"] if names else []),
        "begin",
        *lines,
        # Every value is of the state before.
        *(f"  {name} := {value};" for name, value in zip(fresh, values, strict=True)),
        *(f"  {circuit.names[old >> 1]} := {name};" for (old, _), name in zip(bits, fresh, strict=True)),
        "end;",
    ]


def _computed(circuit: _Circuit, roots: Sequence[int]) -> tuple[list[str], list[str], list[str]]:
    """Assignments that compute literals, an expression for each literal, and the local variables they need."""
    moved, gates = circuit.gates.needed(roots)
    first = len(circuit.names) + 1

    def literal(value: int) -> str:
        if value in (NO, YES):
            return "true" if value else "false"
        name = circuit.names.get(value >> 1, f"t{value >> 1}")
        return f"!{name}" if value & 1 else name

    lines = [f"  t{first + k} := {literal(left)} & {literal(right)};" for k, (left, right) in enumerate(gates)]
    return lines, [literal(root) for root in moved], [f"t{first + k}" for k in range(len(gates))]


def _starts(circuit: _Circuit, model: Exported) -> Iterator[list[str]]:
    for number, (start, chosen) in enumerate(start_choices(model)):
        inputs = dict(zip((v.term for v in start.inputs), chosen, strict=True))
        values = evaluate(start.values, inputs)
        lines = [
            f"  {circuit.names[bit >> 1]} := {'true' if int(value) >> i & 1 else 'false'};"
            for variable, value in zip(model.variables, values, strict=True)
            for i, bit in enumerate(circuit.gates.word(variable.term))
            if bit != NO
        ]
        yield [f'startstate "{number}: {_quoted(start.name)}"', "begin", *lines, "end;"]


def _quoted(text: str) -> str:
    """A name that can stand between double quotes."""
    return comment(text).replace('"', "'")
