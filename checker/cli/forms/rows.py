"""The table that a told trace is: its columns, what stands in them, and what is said below each row."""

from __future__ import annotations

from collections.abc import Sequence

from checker.cli.forms.plain import ascii_line
from checker.cli.jobs import HELPER_WORLDS, Job
from checker.cli.telling import Row, ToldStep, ToldTrace

_BEFORE_ENTRY = 4
"""So many cells stand left of the entry's bits, as in the traces that ``check`` prints."""


def head_cells(run: ToldTrace) -> list[str]:
    """The headings: whose entry, the cells, and the entry's bits among them."""
    headings = list(run.headings)
    return ["who", *headings[:_BEFORE_ENTRY], "entry", *headings[_BEFORE_ENTRY:]]


def row_cells(run: ToldTrace, row: Row) -> list[str]:
    """One row in the order of :func:`head_cells`."""
    cells = [*row.cells, *[""] * (len(run.headings) - len(row.cells))]
    return [row.who, *cells[:_BEFORE_ENTRY], letters(run, row), *cells[_BEFORE_ENTRY:]]


def letters(run: ToldTrace, row: Row) -> str:
    """The bits of an entry, a letter for each that is set; "" where nothing is mapped."""
    if row.entry is None:
        return ""
    return "".join(ascii_line(bit.letter) if row.entry & bit.mask else "." for bit in run.bits)


def used_columns(table: Sequence[Sequence[str]]) -> list[int]:
    """The columns in which something stands below the heading."""
    return [k for k in range(len(table[0])) if any(row[k] for row in table[1:])]


def calls_of(run: ToldTrace, row: Row) -> list[str]:
    """The helper calls behind a row, each with the bits it changed."""
    from models.narrate import describe

    return [describe(run.arch, call) for call in row.calls]


def ends_with(run: ToldTrace, step: ToldStep) -> list[str]:
    """What is to be said after a step: what is wrong with it, and at the last one what the invariant judged."""
    from checker.cli.traces import judged_lines

    judged = [line.strip() for line in judged_lines(run)] if step is run.steps[-1] else []
    return judged + [f"breaks {name}" for name in step.broken]


def requirement(run: ToldTrace) -> list[tuple[str, str]]:
    """What was required and what a violation leads to, each with its heading."""
    said = [("Required", run.invariant.says), ("Otherwise", run.invariant.consequence)]
    return [(head, text) for head, text in said if text]


def bit_names(run: ToldTrace) -> str:
    """The letters with the names they stand for."""
    return ", ".join(f"{bit.letter} {bit.name}" for bit in run.bits)


def page_words(run: ToldTrace) -> str:
    """The letters behind a page's number that occur, or ""."""
    from checker.cli.traces import page_legend

    rows = [row for step in run.steps for row in step.rows]
    found = page_legend(rows) if run.job.world in ("mm", "kernel") else []
    return found[0].removeprefix("page: ") if found else ""


def violated_words(run: ToldTrace) -> str:
    """The verdict: ``is violated in 3 steps``."""
    from checker.cli.report import steps_words

    depth = run.trace.depth
    return f"is violated in {steps_words(depth)}" if depth else "is violated in the initial state"


def command(job: Job, invariant: str) -> str:
    """The command that finds a trace again; a tree's folder is for the reader to fill in."""
    words = ["ptecheck check", job.config.removesuffix("/tree")]
    words += ["--world", "helpers" if job.world in HELPER_WORLDS else job.world]
    words += ["--mm", job.generation] if job.generation else []
    words += ["--split", job.split] if job.split else []
    words += ["--migration", job.migration] if job.migration else []
    words += [word for extra in job.extras for word in ("--with", extra)]
    words += ["--processes", str(job.processes)] if job.processes != 2 else []
    words += ["--invariant", invariant]
    words += ["--kernel TREE"] if job.kernel else []
    return " ".join(words)
