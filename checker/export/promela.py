"""A transition system as a Promela model for SPIN.

The state is in Promela's own variables, bit fields that hold nothing but bits which can matter, so that SPIN's state
vector is as small as it can be. Guards and updates are embedded C: Promela's arithmetic is that of ``int``, and page
table entries have 64 bits. What C computes is printed from the same terms as the C program (:mod:`checker.export.ctext`).

SPIN stores one state more than are reachable: its own before the start (:data:`EXTRA_STATES`). The start is a step of
its own, the first; so a counterexample that SPIN reports "at depth N" has N operations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from checker.export.choices import start_choices
from checker.export.ctext import (
    WORD,
    bare,
    c_type,
    changes,
    comment,
    identifier,
    identifiers,
    mentioned,
    number,
    statements,
    tidied,
)
from checker.export.model import Exported, ExportedStart, Variable
from checker.export.shared import shared_terms
from checker.terms import BOOL, Term

EXTRA_STATES = 1
"""How many more states SPIN stores than are reachable."""

FIELD = 31
"""The most bits of one Promela variable, which is an ``int`` to SPIN."""

EVERY = "every_property_holds"
"""The C function that is asserted where there are several properties."""

_HEAD = """\
/*
 * {name}
 *
 * A transition system exported by ptecheck. SPIN stores one state more than are reachable: its own before the start.
 *
 *     spin -a FILE && gcc -O2 -DSAFETY -DNOCLAIM -DBFS -o pan pan.c && ./pan -E
 *
 * -DBFS finds a shortest counterexample, -E is for states in which nothing is possible, -A counts all states in spite of
 * violations. An error "at depth N" is N operations after the start.
 */

c_decl {{
    typedef unsigned long long word;
}}
"""


@dataclass(frozen=True)
class _Run:
    """Neighbouring bits of a word and where they are kept: bit ``at`` of the field, bit ``bit`` of the word."""

    bit: int
    at: int
    length: int


@dataclass(frozen=True)
class _Field:
    """A Promela variable that holds bits of a variable of the state."""

    name: str
    bits: int
    runs: tuple[_Run, ...]


@dataclass(frozen=True)
class _Slot:
    """Where a variable of the state is kept, its name in C, and the C functions that read and write it."""

    variable: Variable
    name: str
    get: str
    put: str
    fields: tuple[_Field, ...]


def text(model: Exported) -> str:
    """A Promela model in which an assertion fails exactly where a property can be violated.

    Args:
        model: the system and the properties asked for.

    Raises:
        CannotExport: a word is wider than 64 bits, or the starts have too many values of their inputs.
    """
    model = tidied(model)
    taken = {EVERY}
    slots = _slots(model, taken)
    checks = [identifier(f"holds_{name}", taken) for name, _ in model.properties]
    known: dict[Term, str] = {}
    parts = [
        _HEAD.format(name=comment(model.system.name)),
        "\n".join(_declarations(slot) for slot in slots.values()) + "\n",
        "\n".join(_accessors(slot) for slot in slots.values()) + "\n",
        *_shared(model, slots, known, taken),
        *(_property(check, holds, slots, known) for check, (_, holds) in zip(checks, model.properties, strict=True)),
        _every(checks),
        *(_start(start, slots, set(taken)) for start in model.starts),
        *(_step(model, number, slots, known) for number in range(len(model.steps))),
        _process(model, checks),
    ]
    return "\n".join(part for part in parts if part)


def _slots(model: Exported, taken: set[str]) -> dict[Term, _Slot]:
    names = identifiers(model.variables, taken)
    return {
        v.term: _Slot(
            v,
            names[v.term],
            identifier(f"get_{names[v.term]}", taken),
            identifier(f"set_{names[v.term]}", taken),
            _fields(v, names[v.term], taken),
        )
        for v in model.variables
    }


def _fields(variable: Variable, name: str, taken: set[str]) -> tuple[_Field, ...]:
    """The Promela variables that hold a variable: one, or several where it has too many bits."""
    places = [i for i in range(variable.mask.bit_length()) if variable.mask >> i & 1]
    chunks = [places[i : i + FIELD] for i in range(0, len(places), FIELD)]
    if len(chunks) == 1:
        return (_Field(name, len(places), tuple(_runs(places))),)
    return tuple(_Field(identifier(f"{name}_part", taken), len(c), tuple(_runs(c))) for c in chunks)


def _runs(places: list[int]) -> Iterator[_Run]:
    """Bits of a word, which are kept one after the other, as runs of neighbours."""
    begin = 0
    for at in range(1, len(places) + 1):
        if at == len(places) or places[at] != places[at - 1] + 1:
            yield _Run(places[begin], begin, at - begin)
            begin = at


def _declarations(slot: _Slot) -> str:
    if slot.variable.term.width == BOOL:
        return f"bool {slot.name};"
    note = f" /* the bits of {slot.variable.mask:#x} */"
    return "\n".join(f"unsigned {field.name} : {field.bits};{note}" for field in slot.fields)


def _accessors(slot: _Slot) -> str:
    """C functions that read and write a variable of the state."""
    if slot.variable.term.width == BOOL:
        read, write = f"now.{slot.name}", f"now.{slot.name} = value;"
    else:
        read = " | ".join(_unpacked(field, run) for field in slot.fields for run in field.runs)
        write = " ".join(f"now.{f.name} = {' | '.join(map(_packed, f.runs))};" for f in slot.fields)
    kind = c_type(slot.variable)
    return (
        f"c_code {{ static inline {kind} {slot.get}(void) {{ return {read}; }} }}\n"
        f"c_code {{ static inline void {slot.put}({kind} value) {{ {write} }} }}"
    )


def _unpacked(field: _Field, run: _Run) -> str:
    bits = number(((1 << run.length) - 1) << run.at)
    return _shifted(f"((word)now.{field.name} & {bits})", run.bit - run.at)


def _packed(run: _Run) -> str:
    bits = number(((1 << run.length) - 1) << run.bit)
    return _shifted(f"(value & {bits})", run.at - run.bit)


def _shifted(value: str, distance: int) -> str:
    return f"({value} {'<<' if distance > 0 else '>>'} {abs(distance)})" if distance else value


def _function(head: str, slots: dict[Term, _Slot], roots: Sequence[Term], known: Mapping[Term, str]) -> _Body:
    """The beginning of a C function that reads what it needs of the state and computes the roots from what is known."""
    used = [slots[v.term] for v in mentioned([slot.variable for slot in slots.values()], roots, known)]
    reads = [f"const {c_type(slot.variable)} {slot.name} = {slot.get}();" for slot in used]
    lines, values = statements(roots, {**{slot.variable.term: slot.name for slot in used}, **known})
    return _Body(head, [*reads, *lines], values)


@dataclass(frozen=True)
class _Body:
    """A C function that still lacks its end, and the texts of what it has computed."""

    head: str
    lines: list[str]
    values: list[str]

    def ending(self, lines: list[str]) -> str:
        """The function, as embedded C."""
        return "\n".join(["c_code {", self.head, "{", *(f"    {x}" for x in [*self.lines, *lines]), "}", "}", ""])


def _shared(model: Exported, slots: dict[Term, _Slot], known: dict[Term, str], taken: set[str]) -> Iterator[str]:
    """C functions for what several operations or properties compute, each made known for those that follow.

    Written out in each of them it would be most of the text, and of the time of the C compiler.
    """
    functions = [[holds] for _, holds in model.properties]
    for step in model.steps:
        functions += [[step.guard], [value for _, value in changes(model, step.values)]]
    for count, term in enumerate(shared_terms(functions)):
        name = identifier(f"shared_{count}", taken)
        body = _function(f"static {WORD if term.width else '_Bool'} {name}(void)", slots, [term], known)
        known[term] = f"{name}()"
        yield body.ending([f"return {bare(body.values[0])};"])


def _property(check: str, holds: Term, slots: dict[Term, _Slot], known: Mapping[Term, str]) -> str:
    body = _function(f"static int {check}(void)", slots, [holds], known)
    return body.ending([f"return {bare(body.values[0])};"])


def _every(checks: list[str]) -> str:
    """All properties in one C function: an assertion for each after every operation would be most of the model."""
    if len(checks) < 2:
        return ""
    return "\n".join(
        [
            "c_code {",
            f"static int {EVERY}(void)",
            "{",
            f"    return {' && '.join(f'{check}()' for check in checks)};",
            "}",
            "}",
            "",
        ]
    )


def _start(start: ExportedStart, slots: dict[Term, _Slot], taken: set[str]) -> str:
    inputs = {v.term: identifier(f"any_{v.path.rpartition('?')[2]}", taken) for v in start.inputs}
    parameters = ", ".join(f"{c_type(v)} {inputs[v.term]}" for v in start.inputs) or "void"
    head = f"/* {comment(start.name)} */\nstatic void start_{start.number}({parameters})"
    body = _function(head, slots, start.values, inputs)
    written = zip(slots.values(), body.values, strict=True)
    return body.ending([f"{slot.put}({bare(value)});" for slot, value in written])


def _step(model: Exported, number: int, slots: dict[Term, _Slot], known: Mapping[Term, str]) -> str:
    step, updates = model.steps[number], changes(model, model.steps[number].values)
    can = _function(f"/* {comment(step.name)} */\nstatic int can_{number}(void)", slots, [step.guard], known)
    take = _function(f"static void step_{number}(void)", slots, [value for _, value in updates], known)
    # Every value is of the state before, which calls would read anew.
    fresh = [
        f"const {c_type(v)} n{i + 1} = {bare(value)};"
        for i, ((v, _), value) in enumerate(zip(updates, take.values, strict=True))
    ]
    writes = [f"{slots[v.term].put}(n{i + 1});" for i, (v, _) in enumerate(updates)]
    return "\n".join([can.ending([f"return {bare(can.values[0])};"]), take.ending([*fresh, *writes])])


def _process(model: Exported, checks: list[str]) -> str:
    """The one process: a start, then operations for ever, the properties asserted after each."""
    asserted = f"; assert(c_expr {{ ({checks[0] if len(checks) == 1 else EVERY}()) }})" if checks else ""
    calls = [f"start_{start.number}({', '.join(map(number, values))})" for start, values in start_choices(model)]
    lines = ["active proctype system()", "{", "    if"]
    lines += [f"    :: d_step {{ c_code {{ {call}; }}{asserted} }}" for call in calls]
    lines += ["    fi;"]
    if model.steps:
        lines += ["    do"]
        lines += [
            f"    :: d_step {{ c_expr {{ (can_{k}()) }} -> c_code {{ step_{k}(); }}{asserted} }} /* {comment(s.name)} */"
            for k, s in enumerate(model.steps)
        ]
        lines += ["    od"]
    return "\n".join([*lines, "}", ""])
