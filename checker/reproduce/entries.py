"""A trace about one entry, or one of each level, as the statements of a test: the kernel's helpers in the trace's order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from checker.export.ctext import bare
from checker.reproduce import CannotReproduce
from checker.reproduce.spoken import Said, Speech, fresh_text, spoken, vm_flags
from checker.terms import Term, subterms

if TYPE_CHECKING:
    from checker.cli.telling import ToldTrace
    from checker.system import Invariant, TransitionSystem
    from models.pte import Architecture

ENTRY_WORLDS = ("pte", "helpers", "levels")
"""The worlds whose traces are calls of helpers on entries."""

MAX_CLAIMS = 8
"""Of a requirement in more parts than this, only those that the trace breaks are asserted."""


@dataclass(frozen=True)
class Line:
    """One statement of the test.

    Attributes:
        kind: ``comment`` (a paragraph), ``code``, ``leave`` (the run ends here unless the condition holds), ``claim``
            (the condition must hold), ``equal`` (two numbers must be the same), ``if`` (a statement under a condition) or
            ``made`` (the entry of a new variable is made next).
        text: the comment, statement or condition; of ``equal`` the first number, of ``made`` the variable.
        other: of ``equal`` the second number, of ``if`` the statement, of ``made`` the level.
    """

    kind: str
    text: str
    other: str = ""


@dataclass(frozen=True)
class EntryTest:
    """What a test of one trace is made of.

    Attributes:
        told: the trace.
        arch: the architecture it is about.
        levels: the levels of its entries; each is a variable of that name.
        pfn: the frame number.
        lines: the statements.
        claims: what is asserted at the end.
        left_out: how many parts of the requirement are not asserted, because the trace does not break them.
        speech: the helpers that are called and what the machine is asked.
    """

    told: ToldTrace
    arch: Architecture
    levels: tuple[str, ...]
    pfn: int
    lines: tuple[Line, ...]
    claims: tuple[Line, ...]
    left_out: int
    speech: Speech

    @property
    def name(self) -> str:
        """A name for the test: the levels and the requirement."""
        return "_".join((*self.levels, self.told.trace.invariant.replace("-", "_")))

    @property
    def variables(self) -> list[tuple[str, str]]:
        """The entries that are variables of the test: (level, name)."""
        made = [(line.other, line.text) for line in self.claims if line.kind == "made"]
        return [*((level, level) for level in self.levels if self.lines), *made]

    @property
    def text(self) -> str:
        """Everything that is C in it."""
        return "\n".join(f"{line.text}\n{line.other}" for line in (*self.lines, *self.claims) if line.kind != "comment")

    @property
    def machine(self) -> dict[str, tuple[str, str]]:
        """The functions that answer for the machine, with their levels and what they tell."""
        called = set(re.findall(r"\bhw_\w+", self.text))
        return {name: asked for name, asked in self.speech.machine.items() if name in called}

    @property
    def helpers(self) -> list[str]:
        """The kernel's helpers that are called, under the names they have in the model."""
        called = re.findall(r"\b((?:pte|pmd|pud)_\w+)\(", self.text)
        names = dict.fromkeys(name.removesuffix("_novma") for name in called)
        makers = {f"{level}_mkhuge" for level in self.levels}
        return [name for name in names if name in self.arch.helpers and name not in makers]

    @property
    def invariant(self) -> Invariant:
        """What is required."""
        return self.told.invariant


def entry_test(told: ToldTrace) -> EntryTest:
    """The statements of a test for a trace of the worlds ``pte``, ``helpers`` and ``levels``.

    Raises:
        CannotReproduce: the trace is about something else, or needs more than values of entries.
    """
    from checker.cli.jobs import find_architecture, system_with

    if told.job.world not in ENTRY_WORLDS:
        raise CannotReproduce(f"the world {told.job.world} is not about helpers on present entries")
    arch = find_architecture(told.job.config, told.job.kernel)
    voice, speech = spoken(arch)
    system = system_with(told.job, voice)
    levels = _levels(told)
    lines = [*_start(told, arch, levels)]
    for number, step in enumerate(told.steps[1:], 1):
        lines += _step(told, arch, system, speech, number, step.operation)
    claims, left_out = _claims(told, system, speech)
    if not any(
        re.search(rf"\b{level}\b", f"{c.text} {c.other}") for level in levels for c in claims if c.kind != "made"
    ):
        lines = []  # the requirement is about fresh entries only
    return EntryTest(told, arch, levels, _pfn(told, arch, levels), tuple(lines), claims, left_out, speech)


def _levels(told: ToldTrace) -> tuple[str, ...]:
    if told.job.world == "pte":
        return ("pmd",) if told.states[0].huge else ("pte",)
    return tuple(told.job.level.split("+"))


def _halves(state: Any) -> list[Any]:
    """The parts of a state that have an entry each."""
    return [state.left, state.right] if hasattr(state, "left") else [state]


def voiced(state: Any, levels: tuple[str, ...], speech: Speech) -> Any:
    """The state with its entries as the C variables of their levels' names."""
    made = [
        replace(half, entry=speech.say(Said(level, level, int(half.entry))))
        for level, half in zip(levels, _halves(state), strict=True)
    ]
    return made[0] if len(made) == 1 else replace(state, left=made[0], right=made[1])


def _entries(told: ToldTrace, state: Any) -> dict[str, int]:
    """Level -> the entry of a state."""
    return {level: int(half.entry) for level, half in zip(_levels(told), _halves(state), strict=True)}


def _protection(operation: str) -> str:
    """The protection that a start or a step names, or ""."""
    return operation.partition("(")[2].removesuffix(")")


def _start(told: ToldTrace, arch: Architecture, levels: tuple[str, ...]) -> Iterator[Line]:
    named = _protection(told.trace.start)
    flags = vm_flags(named)
    start = next(s for s in _plain_system(told).starts if s.name == told.trace.start)
    yield Line("comment", f"Start: {start.says}.")
    for level in levels:
        yield Line("code", f"{level} = {fresh_text(level, flags)};")


def _plain_system(told: ToldTrace) -> TransitionSystem:
    from checker.cli.jobs import build_system

    return build_system(told.job)


def _pfn(told: ToldTrace, arch: Architecture, levels: tuple[str, ...]) -> int:
    """The frame number of the trace's entries; one for all of them."""
    found = set()
    for level, entry in _entries(told, told.states[0]).items():
        helper = arch.helpers.get(f"{level}_pfn")
        shift = (arch.frames["pte"] & -arch.frames["pte"]).bit_length() - 1
        found.add(int(helper(entry)) if helper else (entry & arch.frames[level]) >> max(0, shift))
    if len(found) != 1:
        raise CannotReproduce("the entries of the levels have different frame numbers")
    return found.pop()


def _step(
    told: ToldTrace, arch: Architecture, system: TransitionSystem, speech: Speech, number: int, operation: str
) -> Iterator[Line]:
    declared = next(op for op in system.operations if op.name == operation)
    speech.preferred = _named_word(arch, operation)
    before = voiced(told.states[number - 1], _levels(told), speech)
    guard, after = declared.run(before)
    changed = _changed(told, arch, number)
    yield Line("comment", f"{number}: {declared.says}" + (f" ({changed})" if changed else "") + ".")
    if isinstance(guard, Term) and guard.op != "const":
        yield Line("leave", speech.condition(guard))
    for level, old, new in zip(_levels(told), _halves(before), _halves(after), strict=True):
        if new.entry is not old.entry:
            yield _assignment(speech, level, old.entry, new.entry)
    speech.preferred = {}


def _assignment(speech: Speech, level: str, old: Any, new: Any) -> Line:
    if isinstance(new, Term) and new.op == "ite" and new.args[2] is old:
        return Line("if", speech.condition(new.args[0]), f"{level} = {speech.entry(new.args[1]).text};")
    return Line("code", f"{level} = {bare(speech.entry(new).text)};")


def _named_word(arch: Architecture, operation: str) -> dict[int, str]:
    """The protection word of the protection that a step names, with its flags."""
    from models.helper_world import protections

    name = _protection(operation)
    if name in arch.protections:
        return {arch.protections[name]: vm_flags(name)}
    return {p.word: vm_flags(p.name) for p in protections(arch) if p.name == name}


def _changed(told: ToldTrace, arch: Architecture, number: int) -> str:
    """The named bits that a step sets and clears."""
    before, after = _entries(told, told.states[number - 1]), _entries(told, told.states[number])
    words = []
    for level in before:
        changes = [
            ("+" if after[level] & bit.mask else "-") + bit.name
            for bit in arch.bits
            if (before[level] ^ after[level]) & bit.mask
        ]
        words += [(f"{level}: " if len(before) > 1 else "") + " ".join(changes)] if changes else []
    return ", ".join(words)


def _claims(told: ToldTrace, system: TransitionSystem, speech: Speech) -> tuple[tuple[Line, ...], int]:
    """What the requirement says of the last state, part by part, and how many parts were left out."""
    name = told.trace.invariant
    invariant = next((i for i in system.invariants if i.name == name), None)
    holds = invariant and invariant.holds(voiced(told.states[-1], _levels(told), speech))
    if not isinstance(holds, Term) or holds.op == "const":
        raise CannotReproduce(f"{name} is judged by the text of the helpers, not by values of entries")
    parts = list(holds.args) if holds.op == "and" else [holds]
    broken = [part for part in parts if not speech.value(part)]
    if not broken:
        raise AssertionError(f"{name}: no part of the requirement fails in the last state")
    kept = parts if len(parts) <= MAX_CLAIMS else broken
    return _with_steps(tuple(_claim(part, speech) for part in kept), _judged(kept, speech)), len(parts) - len(kept)


def _judged(parts: list[Term], speech: Speech) -> list[Said]:
    """The entries that are made for the requirement alone by more than one call."""
    about = [speech.said[v].of for v in subterms(parts) if v in speech.said]
    return [
        said for said in dict.fromkeys(about) if said is not None and said.of is not None and said.of.of is not None
    ]


def _with_steps(claims: tuple[Line, ...], judged: list[Said]) -> tuple[Line, ...]:
    """The claims with such entries made step by step in variables of their own."""
    lines: list[Line] = []
    for number, said in enumerate(judged, 1):
        name = "made" if len(judged) == 1 else f"made{number}"
        lines += [Line("made", name, said.kind), *(Line("code", text) for text in _made(said, name))]
    for claim in claims:
        line = claim
        for number, said in sorted(enumerate(judged, 1), key=lambda pair: -len(pair[1].text)):
            name = "made" if len(judged) == 1 else f"made{number}"
            line = replace(line, text=line.text.replace(said.text, name), other=line.other.replace(said.text, name))
        lines.append(line)
    return tuple(lines)


def _made(said: Said, name: str) -> list[str]:
    """One call a line, from the first to the last."""
    chain = [said]
    while chain[-1].of is not None:
        chain.append(chain[-1].of)
    first, *rest = reversed(chain)
    calls = [first.text, *([name] * (len(rest) - 1))]
    return [f"{name} = {link.call.format(before)};" for link, before in zip(rest, calls, strict=True)]


def _claim(part: Term, speech: Speech) -> Line:
    if part.op == "eq":
        return Line("equal", *(speech.condition(arg) for arg in part.args))
    return Line("claim", speech.condition(part))
