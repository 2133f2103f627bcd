"""A transition system as a C program with nondeterministic choice, for software model checkers.

One turn of the loop in ``main()`` looks at the properties and takes one operation, chosen by number. A checker that
unrolls the loop K times has looked at every run of fewer than K operations.
"""

from __future__ import annotations

from checker.export.ctext import (
    WORD,
    bare,
    c_type,
    changes,
    comment,
    identifier,
    identifiers,
    mentioned,
    statements,
    tidied,
)
from checker.export.model import Exported, ExportedStart, ExportedStep, Variable
from checker.terms import TRUE, Term

INDENT = "    "

_HEAD = """\
/*
 * {name}
 *
 * A transition system exported by ptecheck. The state is in scalars that hold nothing but bits which can matter;
 * main() picks a start and then one operation a turn, for ever. An operation that is not possible ends the run.
 */
#include <assert.h>

typedef unsigned long long word;

unsigned int __VERIFIER_nondet_uint(void);
unsigned long long __VERIFIER_nondet_ulonglong(void);
_Bool __VERIFIER_nondet_bool(void);
void __VERIFIER_assume(int condition);
"""

_MAIN = """\
int main(void)
{
    start(__VERIFIER_nondet_uint());
    for (;;) {
        check();
        step(__VERIFIER_nondet_uint());
    }
}
"""


def text(model: Exported) -> str:
    """A self-contained C program that fails an assertion exactly where a property can be violated.

    Args:
        model: the system and the properties asked for.

    Raises:
        CannotExport: a word is wider than 64 bits.
    """
    model = tidied(model)
    names = identifiers(model.variables, set())
    checks = _property_names(model, set(names.values()))
    parts = [
        _HEAD.format(name=comment(model.system.name)),
        "\n".join(_declaration(v, names[v.term]) for v in model.variables) + "\n",
        *(_property(name, holds, names) for name, (_, holds) in zip(checks, model.properties, strict=True)),
        _check(model, checks),
        _switch("start", "way", [_start(model, start, names) for start in model.starts]),
        _switch("step", "operation", [_step(model, step, names) for step in model.steps]),
        _MAIN,
    ]
    return "\n".join(part for part in parts if part.strip())


def _declaration(variable: Variable, name: str) -> str:
    bits = f" /* the bits of {variable.mask:#x} */" if variable.term.width else ""
    return f"static {c_type(variable)} {name};{bits}"


def _property_names(model: Exported, taken: set[str]) -> list[str]:
    return [identifier(f"holds_{name}", taken) for name, _ in model.properties]


def _property(name: str, holds: Term, names: dict[Term, str]) -> str:
    lines, (condition,) = statements([holds], names)
    body = "\n".join(f"{INDENT}{line}" for line in [*lines, f"return {bare(condition)};"])
    return f"static _Bool {name}(void)\n{{\n{body}\n}}\n"


def _check(model: Exported, checks: list[str]) -> str:
    lines = [
        f'{INDENT}assert({check}() && "{comment(name).replace(chr(34), chr(39))}");'
        for check, (name, _) in zip(checks, model.properties, strict=True)
    ]
    return "\n".join(["static void check(void)", "{", *lines, "}", ""])


def _switch(name: str, chosen: str, cases: list[str]) -> str:
    lines = [f"static void {name}(unsigned int {chosen})", "{", f"{INDENT}switch ({chosen}) {{"]
    for case, body in enumerate(cases):
        lines += [f"{INDENT}case {case}: {body}", f"{INDENT * 2}break;", f"{INDENT}}}"]
    return "\n".join([*lines, f"{INDENT}default:", f"{INDENT * 2}__VERIFIER_assume(0);", f"{INDENT}}}", "}", ""])


def _start(model: Exported, start: ExportedStart, names: dict[Term, str]) -> str:
    taken = set(names.values())
    inputs = {v.term: identifier(f"any_{v.path.rpartition('?')[2]}", taken) for v in start.inputs}
    chosen = [
        f"const {c_type(v)} {inputs[v.term]} = __VERIFIER_nondet_{'ulonglong' if v.term.width else 'bool'}();"
        for v in mentioned(start.inputs, [start.domain, *start.values])
    ]
    body = _update(model, start.domain, list(zip(model.variables, start.values, strict=True)), {**names, **inputs})
    return "\n".join([f"{{ /* {comment(start.name)} */", *(f"{INDENT * 2}{line}" for line in chosen), body])


def _step(model: Exported, step: ExportedStep, names: dict[Term, str]) -> str:
    return f"{{ /* {comment(step.name)} */\n{_update(model, step.guard, changes(model, step.values), names)}"


def _update(model: Exported, guard: Term, updates: list[tuple[Variable, Term]], names: dict[Term, str]) -> str:
    """The guard as an assumption; then every new value, and only then the assignments."""
    lines, (condition, *values) = statements([guard, *(value for _, value in updates)], names)
    state = set(names.values())
    # A value that is no name of the state can be assigned in any order.
    late = {v.term for (v, _), text in zip(updates, values, strict=True) if not _settled(text, state)}
    fresh = {v.term: f"n{i + 1}" for i, (v, _) in enumerate(updates) if v.term in late}
    for (v, _), value in zip(updates, values, strict=True):
        if v.term in fresh:
            lines.append(f"const {WORD if v.term.width else '_Bool'} {fresh[v.term]} = {bare(value)};")
    if guard is not TRUE:
        lines.append(f"__VERIFIER_assume({bare(condition)});")
    lines += [f"{names[v.term]} = {fresh.get(v.term, value)};" for (v, _), value in zip(updates, values, strict=True)]
    return "\n".join(f"{INDENT * 2}{line}" for line in lines)


def _settled(text: str, state: set[str]) -> bool:
    """A text that no assignment to the state can change: a number or a constant's name."""
    return text.isalnum() and text not in state
