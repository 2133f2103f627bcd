"""A trace as text: what changed at each step, in the kernel's words, below 80 columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checker.cli.jobs import Job, build_system, find_architecture
from checker.trace import Trace, concrete_run

if TYPE_CHECKING:
    from checker.system import TransitionSystem
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
    """

    who: str
    entry: int | None
    cells: tuple[str, ...]
    calls: tuple[Call, ...]


def _mark(value: Any) -> str:
    return "yes" if value else "-"


def _pte_rows(arch: Architecture, state: Any) -> list[Row]:
    from models.narrate import calls_behind
    from models.pte_world import apply

    entry = state.entry
    cells = (
        "pmd" if state.huge else "pte",
        "local" if state.local else _mark(arch.hardware.writable(entry)),
        _mark(apply(arch, state, "write")),
        _mark(apply(arch, state, "dirty")),
        _mark(state.cow_shared),
        _mark(state.unsaved),
    )
    return [Row("", int(entry), cells, calls_behind(entry))]


def _mm_rows(arch: Architecture, state: Any) -> list[Row]:
    from models.mm.state import exclusive, hardware_writable, names, reads_right, shared

    rows = []
    for p, name in enumerate(names(len(state.processes))):
        rows.append(_process_row(arch, state, p, name, exclusive, hardware_writable, reads_right, shared))
    return rows


def _process_row(arch: Architecture, state: Any, p: int, name: str, *facts: Any) -> Row:
    from models.mm.state import NONE, entry_test
    from models.narrate import calls_behind

    exclusive, hardware_writable, reads_right, shared = facts
    process = state.processes[p]
    if process.level == NONE:
        return Row(name, None, ("none", "", "", "", "", ""), ())
    ownership = "shared" if shared(state, p) else "exclusive" if exclusive(state, p) else "alone"
    cells = (
        "pmd" if process.level == 2 else "pte",
        _mark(hardware_writable(arch, process)),
        _mark(entry_test(arch, process, "write")),
        _mark(entry_test(arch, process, "dirty")),
        f"{process.frame} {ownership}",
        "own data" if reads_right(state, p) else "WRONG DATA",
    )
    return Row(name, int(process.entry), cells, calls_behind(process.entry))


_HEADINGS = {
    "pte": ("level", "hw-write", "write", "dirty", "shared", "unsaved"),
    "mm": ("level", "hw-write", "write", "dirty", "frame", "reads"),
}


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
    from models.worlds import mm_system, pte_system

    arch = narrated(find_architecture(job.config, job.kernel))
    return arch, pte_system(arch) if job.world == "pte" else mm_system(arch, job.split)


def _lines(job: Job, trace: Trace) -> tuple[Architecture, list[_Line], Any]:
    arch, narrated_system = _narrated_system(job)
    system = build_system(job)
    operations = [step.operation for step in trace.steps[1:]]
    states = concrete_run(system, trace.start, trace.inputs, operations)
    named = {op.name: op for op in narrated_system.operations}
    rows_of = _pte_rows if job.world == "pte" else _mm_rows
    lines: list[_Line] = []
    before: list[Row] = []
    for number, step in enumerate(trace.steps):
        # Each step starts from plain integers, so that an entry shows this step's calls only.
        told = states[0] if number == 0 else named[step.operation].run(states[number - 1])[1]
        rows = rows_of(arch, told)
        broken = [i.name for i in system.invariants if not i.cost and not i.holds(states[number])]
        changed = [row for k, row in enumerate(rows) if not before or _differs(row, before[k])]
        lines.append(_Line(number, step.operation if number else trace.steps[0].operation, changed, broken))
        before = rows
    return arch, lines, (narrated_system, states[-1])


def _differs(row: Row, before: Row) -> bool:
    return (row.entry, row.cells) != (before.entry, before.cells) or bool(row.calls)


def render_trace(job: Job, trace: Trace) -> str:
    """The trace for a reader: a table of what changed, the helper calls behind it, and the bits' meanings."""
    from models.narrate import describe

    arch, lines, (narrated_system, last) = _lines(job, trace)
    bits = _letters(arch, (row.entry for line in lines for row in line.rows))
    head = _HEADINGS[job.world]
    width = max([len("operation"), *(len(line.operation) for line in lines)])
    who = 8 if job.world == "mm" else 0
    out = [f"  #  {'operation':{width}}  {'who':{who}} " if who else f"  #  {'operation':{width}}  "]
    out[0] += " ".join(f"{h:{_width(h)}}" for h in head[:4]) + " " + f"{'entry':{2 * len(bits)}}" + _tail(head[4:])
    for line in lines:
        out += _line_text(line, bits, width, who, arch, describe)
    out += _judged(arch, narrated_system, trace, last)
    out.append("     " + "; ".join(f"{bit.letter} {bit.name}" for bit in bits))
    start = f"  start: {trace.start}" + (f", inputs {', '.join(map(hex, trace.inputs))}" if any(trace.inputs) else "")
    return "\n".join(_fit([start, *out])) + "\n"


def _width(heading: str) -> int:
    return {"level": 5, "hw-write": 8}.get(heading, 5)


def _tail(cells: tuple[str, ...]) -> str:
    return " ".join(f"{cell:11}" for cell in cells).rstrip()


def _line_text(line: _Line, bits: list[Any], width: int, who: int, arch: Architecture, describe: Any) -> list[str]:
    out = []
    label = f"  {line.number}  {line.operation:{width}}  "
    for row in line.rows or [Row("", None, ("",) * 6, ())]:
        left = label + (f"{row.who:{who}} " if who else "")
        cells = " ".join(f"{c:{_width(h)}}" for c, h in zip(row.cells[:4], ("level", "hw-write", "", ""), strict=True))
        entry = " ".join(b.letter if (row.entry or 0) & b.mask else "." for b in bits) if row.entry is not None else ""
        out.append(f"{left}{cells} {entry:{2 * len(bits)}}{_tail(row.cells[4:])}".rstrip())
        out += [f"       {describe(arch, call)}" for call in row.calls]
        label = " " * len(label)
    out += [f"       ^ breaks {name}" for name in line.broken]
    return out


def _judged(arch: Architecture, narrated_system: TransitionSystem, trace: Trace, last: Any) -> list[str]:
    """The derived entries the invariant judges, each with the calls that made it."""
    from models.narrate import calls_behind, describe

    invariant = next(i for i in narrated_system.invariants if i.name == trace.invariant)
    out = []
    for value in invariant.looks_at(last):
        calls = ", ".join(describe(arch, call) for call in calls_behind(value))
        facts = [name for name, test in (("hw-writable", arch.hardware.writable), ("traps", arch.hardware.traps)) if test(value)]
        out.append(f"       judged: {calls or 'the entry'} => {', '.join(facts) or 'not hw-writable'}")
    return out


def _fit(lines: list[str], limit: int = 79) -> list[str]:
    """Long lines broken at a blank, continued further in."""
    out: list[str] = []
    for line in lines:
        while len(line) > limit:
            cut = line.rfind(" ", 12, limit + 1)
            if cut < 12:
                break
            out.append(line[:cut].rstrip())
            line = " " * 9 + line[cut:].lstrip()
        out.append(line)
    return out
