"""A trace as text: what changed at each step, in the kernel's words, below 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checker.cli.jobs import Job, build_system, find_architecture, system_with
from checker.trace import Trace, concrete_run

if TYPE_CHECKING:
    from checker.system import Invariant, TransitionSystem
    from models.narrate import Call
    from models.pte import Architecture


@dataclass(frozen=True)
class Row:
    """One printed line of a trace.

    Attributes:
        who: whose entry it is; "" in the PTE world.
        entry: the word; None when nothing is mapped.
        cells: further columns, in the order of the world's headings.
        calls: the helper calls behind the entry in this step.
        note: what is wrong with it, or "".
    """

    who: str
    entry: int | None
    cells: tuple[str, ...]
    calls: tuple[Call, ...]
    note: str


def _mark(value: Any) -> str:
    return "yes" if value else "-"


def _pte_rows(arch: Architecture, state: Any) -> list[Row]:
    from models.narrate import calls_behind
    from models.pte_world import apply

    entry = state.entry
    cells = (
        "pmd" if state.huge else "pte",
        "local" if state.local else _mark(arch.hardware_at("pmd" if state.huge else "pte").writable(entry)),
        _mark(apply(arch, state, "write")),
        _mark(apply(arch, state, "dirty")),
        _mark(state.cow_shared),
        _mark(state.unsaved),
    )
    return [Row("", int(entry), cells, calls_behind(entry), "")]


def _helper_rows(arch: Architecture, state: Any, level: str) -> list[Row]:
    """One entry for each level that the world is about."""
    if not hasattr(state, "left"):
        return [_entry_row(arch, state.entry, level, "")]
    names = level.split("+")
    return [_entry_row(arch, s.entry, name, name) for s, name in zip((state.left, state.right), names, strict=True)]


def _entry_row(arch: Architecture, entry: Any, level: str, who: str) -> Row:
    from models.narrate import calls_behind

    hardware = arch.hardware_at(level)
    cells = (
        _mark(hardware.writable(entry)),
        _mark(hardware.readable(entry)),
        _mark(arch.helper(level, "write")(entry)),
        _mark(arch.helper(level, "dirty")(entry)),
        f"{int(entry):#x}",
    )
    return Row(who, int(entry), cells, calls_behind(entry), "")


def _code_rows(state: Any) -> list[Row]:
    """The numbers of a code that are not zero."""
    fields = {name: int(getattr(state, name)) for name in ("frame", "type", "offset", "entry")}
    marks = [name for name in ("exclusive", "soft_dirty", "uffd_wp") if getattr(state, name)]
    note = ", ".join([f"{name} {value:#x}" for name, value in fields.items() if value] + marks)
    return [Row("", None, (), (), note)]


def _mm_rows(arch: Architecture, state: Any) -> list[Row]:
    from models.mm.state import names

    return [_process_row(arch, state, p, name) for p, name in enumerate(names(len(state.processes)))]


def _process_row(arch: Architecture, state: Any, p: int, name: str) -> Row:
    from models.mm.state import ABSENT, ELSEWHERE, LEVELS, NONE, PMD, PTE, entry_test, hardware_writable, reads_right
    from models.narrate import calls_behind

    process = state.processes[p]
    note = "" if reads_right(state, p) else f"{name} reads what it never wrote or inherited"
    if process.level in (ABSENT, NONE, ELSEWHERE):
        return Row(name, None, ("-" if process.level == ABSENT else LEVELS[process.level], "", "", "", ""), (), note)
    present = process.level in (PTE, PMD)
    cells = (
        LEVELS[process.level].replace("migration ", "mig-"),
        _mark(hardware_writable(arch, process)) if present else "",
        _mark(entry_test(arch, process, "write")) if present else _held(process.held),
        _mark(entry_test(arch, process, "dirty")) if present else "",
        _page(state, p),
    )
    return Row(name, int(process.entry) if present else None, cells, calls_behind(process.entry), note)


def _held(held: Any) -> str:
    """What a swap or migration entry remembers: Write, eXclusive, Young, Dirty, soft-dirty, uffd-wp."""
    marks = (
        ("W", held.writable),
        ("X", held.exclusive),
        ("Y", held.young),
        ("D", held.dirty),
        ("s", held.soft_dirty),
        ("u", held.uffd_wp),
    )
    return "".join(letter for letter, on in marks if on) or "-"


def _page(state: Any, p: int) -> str:
    """The page's number, who has it, and what is known of it."""
    from models.mm.state import exclusive, on_zero_page, page_of, shared

    if on_zero_page(state, state.processes[p]):
        return "zero"
    page = page_of(state, p)
    owner = "shared" if shared(state, p) else "excl" if exclusive(state, p) else "alone"
    marks = "".join(letter for letter, (_, holds) in _PAGE_MARKS.items() if holds(page))
    return f"{state.processes[p].page} {owner}" + (f" +{marks}" if marks else "")


_PAGE_MARKS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "D": ("PG_dirty", lambda page: page.dirty),
    "B": ("backed by a slot or file", lambda page: page.slot),
    "O": ("on backing store only", lambda page: page.slot and not page.memory),
    "F": ("lazily freed", lambda page: page.lazyfree),
    "K": ("a KSM page", lambda page: page.ksm),
    "P": ("pinned", lambda page: bool(page.pin.kind)),
}
"""What is known of a page, each in a letter."""


def _page_legend(lines: list[_Line]) -> list[str]:
    """The meaning of the letters behind a page's number that occur in a trace."""
    used = {letter for line in lines for row in line.rows for letter in row.cells[-1].partition("+")[2]}
    named = [f"+{letter} {says}" for letter, (says, _) in _PAGE_MARKS.items() if letter in used]
    return ["page: " + ", ".join(named)] if named else []


_HEADINGS = {
    "helpers": ("", "hw-wr", "hw-rd", "write", "dirty", "value"),
    "levels": ("", "hw-wr", "hw-rd", "write", "dirty", "value"),
    "codes": ("",),
    "pte": ("", "hw-wr", "write", "dirty", "shared", "unsaved"),
    "mm": ("", "hw-wr", "write", "dirty", "page"),
    "kernel": ("", "hw-wr", "write", "dirty", "page"),
}


def _row_maker(job: Job) -> Callable[[Architecture, Any], list[Row]]:
    """What makes the rows of a job's states."""
    if job.world in ("helpers", "levels"):
        return lambda arch, state: _helper_rows(arch, state, job.level)
    if job.world == "codes":
        return lambda _, state: _code_rows(state)
    return _pte_rows if job.world == "pte" else _mm_rows


def _letters(arch: Architecture, entries: Iterable[int | None]) -> list[Any]:
    """The bits that are set in some entry of the trace, lowest first."""
    union = 0
    for entry in entries:
        union |= entry or 0
    return [bit for bit in sorted(arch.bits, key=lambda b: b.position) if union & bit.mask]


@dataclass(frozen=True)
class _Line:
    number: int
    operation: str
    rows: list[Row]
    broken: list[str]


def _narrated_system(job: Job) -> tuple[Architecture, TransitionSystem]:
    """The job's architecture and system, over integers that know the helper calls behind them."""
    from models.narrate import narrated

    arch = narrated(find_architecture(job.config, job.kernel))
    return arch, system_with(job, arch)


def _lines(job: Job, trace: Trace) -> tuple[Architecture, list[_Line], Any]:
    arch, narrated_system = _narrated_system(job)
    system = build_system(job)
    operations = [step.operation for step in trace.steps[1:]]
    states = concrete_run(system, trace.start, trace.inputs, operations)
    named = {op.name: op for op in narrated_system.operations}
    rows_of = _row_maker(job)
    lines: list[_Line] = []
    before: list[Row] = []
    known: list[str] = []
    for number, step in enumerate(trace.steps):
        # Each step starts from plain integers, so that an entry shows this step's calls only.
        told = states[0] if number == 0 else named[step.operation].run(states[number - 1])[1]
        rows = rows_of(arch, told)
        broken = _broken(system, trace.invariant, states[number])
        changed = [row for k, row in enumerate(rows) if not before or _differs(row, before[k])]
        lines.append(_Line(number, step.operation, changed, [name for name in broken if name not in known]))
        before, known = rows, broken
    return arch, lines, (narrated_system, states[-1])


def _broken(system: TransitionSystem, wanted: str, state: Any) -> list[str]:
    """The invariants this state breaks: the trace's own, and others that speak of the state as it is."""
    return [
        i.name
        for i in system.invariants
        if (i.name == wanted or not (i.cost or i.looks_at(state))) and not i.holds(state)
    ]


def _differs(row: Row, before: Row) -> bool:
    return (row.entry, row.cells, row.note) != (before.entry, before.cells, before.note) or bool(row.calls)


def render_trace(job: Job, trace: Trace) -> str:
    """The trace for a reader: a table of what changed, the helper calls behind it, and the bits' meanings."""
    arch, lines, (narrated_system, last) = _lines(job, trace)
    invariant = next(i for i in narrated_system.invariants if i.name == trace.invariant)
    bits = _letters(arch, (row.entry for line in lines for row in line.rows))
    page = _Page(
        arch,
        bits,
        operation=max(len("operation"), *(len(line.operation) for line in lines)),
        who=max((len(row.who) for line in lines for row in line.rows), default=0),
        headings=_HEADINGS[job.world],
    )
    out = [f"start: {trace.start}" + (f", inputs {', '.join(map(hex, trace.inputs))}" if any(trace.inputs) else "")]
    out.append(page.heading())
    out += [text for line in lines for text in page.line(line)]
    out += _judged(arch, job, invariant, last)
    out += _page_legend(lines) if job.world in ("mm", "kernel") else []
    out += [f"where: {name} {place}" for name, place in _places(arch, lines, invariant.looks_at(last)).items()]
    if bits:
        out.append("bits: " + ", ".join(f"{bit.letter} {bit.name}" for bit in bits))
    return "\n".join("  " + text for line in out for text in _fit(line)) + "\n"


@dataclass(frozen=True)
class _Page:
    """The columns of one trace: how wide the operation and the process are, and what the others are called."""

    arch: Architecture
    bits: list[Any]
    operation: int
    who: int
    headings: tuple[str, ...]

    def _columns(self, operation: str, who: str, cells: tuple[str, ...], entry: str) -> str:
        left = f"{operation:{self.operation}} " + (f"{who:{self.who}} " if self.who else "")
        middle = [f"{cell:{max(4, len(h) + 1)}}" for cell, h in zip(cells[:4], self.headings[:4], strict=False)]
        right = [f"{cell:{len(h) + 2}}" for cell, h in zip(cells[4:], self.headings[4:], strict=False)]
        return (left + "".join(middle) + f"{entry:{max(5, len(self.bits)) + 2}}" + "".join(right)).rstrip()

    def heading(self) -> str:
        """The first line of the table."""
        return "#  " + self._columns("operation", "who" if self.who else "", self.headings, "entry")

    def line(self, line: _Line) -> list[str]:
        """A step: the rows that changed, the calls behind them, and what is broken from here on."""
        from models.narrate import describe

        out: list[str] = []
        for row in line.rows or [Row("", None, (), (), "")]:
            number, operation = ("", "") if out else (str(line.number), line.operation)
            letters = "" if row.entry is None else "".join(b.letter if row.entry & b.mask else "." for b in self.bits)
            out.append(f"{number:3}" + self._columns(operation, row.who, row.cells, letters))
            out += [f"     {describe(self.arch, call)}" for call in row.calls]
            out += [f"     {row.note}"] if row.note else []
        return out + [f"   ^ breaks {name}" for name in line.broken]


@dataclass(frozen=True)
class Ending:
    """Where a trace ends, in short.

    Attributes:
        values: the numbers of the last state that tell something, by name.
        judged: each entry that the requirement judges there: the calls that made it, and its value.
        places: helper -> file and line, for every helper of the trace and of what is judged.
    """

    values: dict[str, int]
    judged: tuple[tuple[str, int], ...]
    places: dict[str, str]


def ending(job: Job, trace: Trace) -> Ending:
    """How a trace of helpers ends."""
    from models.narrate import calls_behind

    arch, lines, (narrated_system, last) = _lines(job, trace)
    invariant = next(i for i in narrated_system.invariants if i.name == trace.invariant)
    judged = invariant.looks_at(last)
    state = {name: int(value) for name, value in trace.steps[-1].state.items()}
    told = {n: v for n, v in state.items() if n.endswith("entry") or (n in ("frame", "type", "offset") and v)}
    made = dict.fromkeys((", ".join(call.name for call in calls_behind(value)), int(value)) for value in judged)
    return Ending(told, tuple(made), _places(arch, lines, judged))


def _judged(arch: Architecture, job: Job, invariant: Invariant, last: Any) -> list[str]:
    """The derived entries the invariant judges, each with the calls that made it."""
    from models.narrate import calls_behind, describe

    huge = bool(getattr(last, "huge", False))
    hardware = arch.hardware_at(job.level or ("pmd" if huge else "pte"))
    out = []
    for value in invariant.looks_at(last):
        calls = ", ".join(describe(arch, call) for call in calls_behind(value))
        facts = [name for name, test in (("hw-writable", hardware.writable), ("traps", hardware.traps)) if test(value)]
        shown = f" {int(value):#x}," if job.level else ""
        out.append(f"     judged: {calls or 'the entry'} =>{shown} {', '.join(facts) or 'not hw-writable'}")
    return out


def _places(arch: Architecture, lines: list[_Line], judged: Iterable[Any]) -> dict[str, str]:
    """File and line of every helper that was called, where they come from a kernel tree."""
    from models.narrate import calls_behind

    calls = [call for line in lines for row in line.rows for call in row.calls]
    calls += [call for value in judged for call in calls_behind(value)]
    return {call.helper: arch.places[call.helper] for call in calls if call.helper in arch.places}


def _fit(line: str, limit: int = 74) -> list[str]:
    """A line that is too long, broken at a blank and continued further in."""
    return (
        textwrap.wrap(line, limit, subsequent_indent=" " * 9, break_on_hyphens=False) if len(line) > limit else [line]
    )
