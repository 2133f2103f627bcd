"""A run of two systems side by side as text: both entries at every step, with bits and calls."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checker.cli.telling import HEADINGS, PAGE_MARKS, Row, narrated_system, row_maker
from checker.trace import START, Trace, concrete_run

if TYPE_CHECKING:
    from checker.cli.diff import Question
    from checker.cli.jobs import Job
    from checker.system import Operation, TransitionSystem
    from models.pte import Architecture

SIDES = ("A", "B")


@dataclass(frozen=True)
class SideRun:
    """One side of a run.

    Attributes:
        arch: the architecture, whose helpers remember being called.
        rows: every entry at each step.
        moved: at each step, whether this side took it.
    """

    arch: Architecture
    rows: tuple[tuple[Row, ...], ...]
    moved: tuple[bool, ...]


def side_runs(question: Question, states: list[Any], operations: list[str]) -> tuple[SideRun, SideRun]:
    """Both sides of a run of the pair, each run again by itself over entries that remember their calls.

    Args:
        question: the pair.
        states: the pair's states.
        operations: the operations between them.
    """
    return (
        _side_run(question.left, [s.left for s in states], operations, 0),
        _side_run(question.right, [s.right for s in states], operations, 1),
    )


def _side_run(job: Job, states: list[Any], operations: list[str], side: int) -> SideRun:
    arch, system = narrated_system(job)
    named = {op.name: op for op in system.operations}
    rows_of = row_maker(job)
    rows, moved = [tuple(rows_of(arch, states[0]))], [True]
    for number, name in enumerate(operations):
        operation = own_operation(named, name, side)
        after = states[number + 1] if operation is None else operation.run(states[number])[1]
        rows.append(tuple(rows_of(arch, after)))
        moved.append(operation is not None)
    return SideRun(arch, tuple(rows), tuple(moved))


def own_operation(named: dict[str, Operation], name: str, side: int) -> Operation | None:
    """The operation that one side takes in a step of the pair; None if it stands still."""
    plain, other = name, SIDES[1 - side]
    if plain.endswith(f" in {other}"):
        return None
    return named.get(plain.removesuffix(f" in {SIDES[side]}").removesuffix(" for the store"))


def pair_trace(question: Question, system: TransitionSystem, trace: Trace, differs: str) -> str:
    """A run of the pair for a reader.

    Args:
        question: the pair.
        system: its system.
        trace: the run.
        differs: what to say of its end.
    """
    operations = [step.operation for step in trace.steps[1:]]
    states = concrete_run(system, trace.start, trace.inputs, operations)
    runs = side_runs(question, states, operations)
    page = _Page(runs, HEADINGS[question.left.world])
    lines = [f"start: {trace.start}" + (f", inputs {', '.join(map(hex, trace.inputs))}" if any(trace.inputs) else "")]
    lines.append(page.heading())
    for number, name in enumerate((START, *operations)):
        lines += [f"{number:<3}{name}"] if number else ["0"]
        lines += page.step(number)
        if getattr(states[number], "spent", None) and states[number].phase:
            lines.append(f"     exceptions so far: {', '.join(_spent(states[number]))}")
    lines.append(f"   ^ {differs}")
    return "".join(f"  {line}".rstrip() + "\n" for text in (*lines, *page.legend()) for line in _fit(text))


def _spent(state: Any) -> list[str]:
    return [f"{side} {tally.all}" for side, tally in zip(SIDES, state.spent, strict=True)]


def _fit(line: str, limit: int = 76) -> list[str]:
    if len(line) <= limit:
        return [line]
    return textwrap.wrap(line, limit, subsequent_indent=" " * 9, break_on_hyphens=False, drop_whitespace=True)


@dataclass(frozen=True)
class _Page:
    """How the rows of both sides are printed."""

    runs: tuple[SideRun, SideRun]
    headings: tuple[str, ...]

    def _bits(self, side: int) -> list[Any]:
        run = self.runs[side]
        union = 0
        for row in (row for rows in run.rows for row in rows):
            union |= row.entry or 0
        return [bit for bit in sorted(run.arch.bits, key=lambda b: b.position) if union & bit.mask]

    @property
    def _alike(self) -> bool:
        """Both sides' entries are made of the same bits, so that one row can speak of both."""
        return self.runs[0].arch.bits == self.runs[1].arch.bits

    def _letters(self, side: int) -> list[Any]:
        if not self._alike:
            return self._bits(side)
        return sorted({*self._bits(0), *self._bits(1)}, key=lambda b: b.position)

    def _columns(self, who: str, cells: tuple[str, ...], entry: str) -> str:
        width = max(5, *(len(self._letters(side)) for side in (0, 1))) + 2
        middle = [f"{cell:{max(4, len(h) + 1)}}" for cell, h in zip(cells[:4], self.headings[:4], strict=False)]
        right = [f"{cell:{len(h) + 2}}" for cell, h in zip(cells[4:], self.headings[4:], strict=False)]
        return f"     {who:12}" + "".join(middle) + f"{entry:{width}}" + "".join(right).rstrip()

    def heading(self) -> str:
        return self._columns("", self.headings, "entry").replace("    ", "#   ", 1)

    def step(self, number: int) -> Iterator[str]:
        """Every entry that changed on either side, both sides of it."""
        for k in range(len(self.runs[0].rows[number])):
            if self._changed(number, k):
                yield from self._entry(number, k)

    def _changed(self, number: int, k: int) -> bool:
        if number == 0:
            return True
        return any(
            run.moved[number]
            and (_plain(run.rows[number][k]) != _plain(run.rows[number - 1][k]) or run.rows[number][k].calls)
            for run in self.runs
        )

    def _entry(self, number: int, k: int) -> Iterator[str]:
        first, second = (run.rows[number][k] for run in self.runs)
        calls = [self._calls(side, number, k) for side in (0, 1)]
        # Where a helper stands may differ although it does the same: then A's place stands for both.
        nothing = first.entry is second.entry is None
        if (self._alike or nothing) and _plain(first) == _plain(second) and first.calls == second.calls:
            yield self._row("both", 0, first)
            yield from calls[0]
            return
        for side, row in enumerate((first, second)):
            yield self._row(SIDES[side], side, row)
            yield from calls[side]

    def _row(self, whose: str, side: int, row: Row) -> str:
        entry = row.entry
        letters = "" if entry is None else "".join(b.letter if entry & b.mask else "." for b in self._letters(side))
        return self._columns(f"{whose} {row.who}".rstrip(), row.cells, letters).rstrip()

    def _calls(self, side: int, number: int, k: int) -> list[str]:
        from models.narrate import describe

        run = self.runs[side]
        if not run.moved[number]:
            return []
        row = run.rows[number][k]
        places = {call.helper: run.arch.places.get(call.helper, "") for call in row.calls}
        told = [f"       {describe(run.arch, call)}  {places[call.helper]}".rstrip() for call in row.calls]
        return told + ([f"       {row.note}"] if row.note else [])

    def legend(self) -> Iterator[str]:
        """What the letters mean."""
        if len(self.headings) > 4 and self.headings[-1] == "page":
            used = {letter for run in self.runs for rows in run.rows for r in rows for letter in _marks(r)}
            named = [f"+{letter} {says}" for letter, (says, _) in PAGE_MARKS.items() if letter in used]
            if named:
                yield "page: " + ", ".join(named)
        for side in (0,) if self._alike else (0, 1):
            bits = ", ".join(f"{bit.letter} {bit.name}" for bit in self._letters(side))
            yield f"bits{'' if self._alike else ' of ' + SIDES[side]}: {bits}"


def _marks(row: Row) -> str:
    return row.cells[-1].partition("+")[2] if row.cells else ""


def _plain(row: Row) -> tuple[Any, ...]:
    return row.entry, row.cells, row.note
