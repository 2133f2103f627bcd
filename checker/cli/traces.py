"""A trace as text: what changed at each step, in the kernel's words, below 80 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from checker.cli.telling import PAGE_MARKS, Row, ToldStep, ToldTrace, told
from checker.records import dataclass

if TYPE_CHECKING:
    from checker.cli.jobs import Job
    from checker.trace import Trace
    from models.pte import Architecture


def render_trace(job: Job, trace: Trace) -> str:
    """The trace for a reader: a table of what changed, the helper calls behind it, and the bits' meanings."""
    run = told(job, trace)
    rows = [row for step in run.steps for row in step.changed_rows]
    page = _Page(
        run.arch,
        run.bits,
        operation=max(len("operation"), *(len(step.operation) for step in run.steps)),
        who=max((len(row.who) for row in rows), default=0),
        headings=run.headings,
    )
    out = [f"start: {trace.start}" + (f", inputs {', '.join(map(hex, trace.inputs))}" if any(trace.inputs) else "")]
    out.append(page.heading())
    out += [text for step in run.steps for text in page.step(step)]
    out += judged_lines(run)
    out += page_legend(rows) if job.world in ("mm", "kernel") else []
    out += [f"where: {name} {place}" for name, place in run.places.items()]
    if run.bits:
        out.append("bits: " + ", ".join(f"{bit.letter} {bit.name}" for bit in run.bits))
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

    def step(self, step: ToldStep) -> list[str]:
        """A step: the rows that changed, the calls behind them, and what is broken from here on."""
        from models.narrate import describe

        out: list[str] = []
        for row in step.changed_rows or [Row("", None, (), (), "")]:
            number, operation = ("", "") if out else (str(step.number), step.operation)
            letters = "" if row.entry is None else "".join(b.letter if row.entry & b.mask else "." for b in self.bits)
            out.append(f"{number:3}" + self._columns(operation, row.who, row.cells, letters))
            out += [f"     {describe(self.arch, call)}" for call in row.calls]
            out += [f"     {row.note}"] if row.note else []
        return out + [f"   ^ breaks {name}" for name in step.broken]


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

    run = told(job, trace)
    judged = run.judged
    state = {name: int(value) for name, value in trace.steps[-1].state.items()}
    values = {n: v for n, v in state.items() if n.endswith("entry") or (n in ("frame", "type", "offset") and v)}
    made = dict.fromkeys((", ".join(call.name for call in calls_behind(value)), int(value)) for value in judged)
    return Ending(values, tuple(made), run.places)


def judged_lines(run: ToldTrace) -> list[str]:
    """The derived entries the invariant judges, each with the calls that made it."""
    from models.narrate import calls_behind, describe

    huge = bool(getattr(run.last, "huge", False))
    hardware = run.arch.hardware_at(run.job.level or ("pmd" if huge else "pte"))
    out = []
    for value in run.judged:
        calls = ", ".join(describe(run.arch, call) for call in calls_behind(value))
        facts = [name for name, test in (("hw-writable", hardware.writable), ("traps", hardware.traps)) if test(value)]
        shown = f" {int(value):#x}," if run.job.level else ""
        out.append(f"     judged: {calls or 'the entry'} =>{shown} {', '.join(facts) or 'not hw-writable'}")
    return out


def _fit(line: str, limit: int = 74) -> list[str]:
    """A line that is too long, broken at a blank and continued further in."""
    return (
        textwrap.wrap(line, limit, subsequent_indent=" " * 9, break_on_hyphens=False) if len(line) > limit else [line]
    )


def page_legend(rows: list[Row]) -> list[str]:
    """The meaning of the letters behind a page's number that occur in a trace."""
    used = {letter for row in rows for letter in row.cells[-1].partition("+")[2]}
    named = [f"+{letter} {says}" for letter, (says, _) in PAGE_MARKS.items() if letter in used]
    return ["page: " + ", ".join(named)] if named else []
