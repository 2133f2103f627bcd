"""A trace as a Markdown table, for a patch's review or an issue."""

from __future__ import annotations

from checker.cli.forms.plain import one_line
from checker.cli.forms.rows import (
    bit_names,
    calls_of,
    command,
    ends_with,
    head_cells,
    page_words,
    requirement,
    row_cells,
    violated_words,
)
from checker.cli.telling import Row, ToldStep, ToldTrace


def markdown(run: ToldTrace) -> str:
    """The trace as a table with a sentence before it and the meaning of the bits behind it."""
    out = [f"**{code(run.trace.invariant)} {violated_words(run)}**: {code(f'{run.job.config}, {run.job.title}')}", ""]
    out += [f"- {head}: {prose(says)}" for head, says in requirement(run)]
    out += [f"- Helpers: {prose(run.arch.says)} ({prose(run.arch.source)})"]
    out += [f"- Start: {code(run.trace.start)}{_inputs(run)}", ""]
    out += [*_table(run), ""]
    out += [f"- Bits: {code(bit_names(run))}"] if run.bits else []
    out += [f"- Page: {code(marks)}"] if (marks := page_words(run)) else []
    out += [f"- Where: {code(f'{helper} {place}')}" for helper, place in run.places.items()]
    out += [f"- Again: {code(command(run.job, run.trace.invariant))}"]
    return "\n".join(out) + "\n"


def code(text: str) -> str:
    """Text shown letter by letter, in a table as well: nothing in it is a link, a mention, HTML or the end of a cell."""
    line = one_line(text)
    if not any(c in line for c in "`|\\"):
        return f"`{line}`" if line else ""
    return f"<code>{''.join(c if c.isalnum() or c == ' ' else f'&#{ord(c)};' for c in line)}</code>"


_SPECIAL = "\\`*_[]<>|~&"


def prose(text: str) -> str:
    """A sentence in which no character means anything to Markdown."""
    return "".join("\\" + c if c in _SPECIAL else c for c in one_line(text))


def _inputs(run: ToldTrace) -> str:
    return f", inputs {code(', '.join(map(hex, run.trace.inputs)))}" if any(run.trace.inputs) else ""


def _table(run: ToldTrace) -> list[str]:
    rows = [(step, row) for step in run.steps for row in step.changed_rows or [Row("", None, (), (), "")]]
    head = ["#", "operation", *head_cells(run), "calls, and what is wrong"]
    body = [_line(run, step, row) for step, row in rows]
    used = [k for k in range(len(head)) if k < 2 or any(line[k] for line in body)]
    table = [[prose(head[k]) for k in used], ["---"] * len(used), *([line[k] for k in used] for line in body)]
    return [f"| {' | '.join(line)} |" for line in table]


def _line(run: ToldTrace, step: ToldStep, row: Row) -> list[str]:
    """One row; the step's number and operation stand at its first row, what it breaks at its last."""
    changed = step.changed_rows
    first, last = not changed or row is changed[0], not changed or row is changed[-1]
    said = [code(text) for text in calls_of(run, row)] + ([prose(row.note)] if row.note else [])
    said += [f"**{prose(text)}**" for text in ends_with(run, step)] if last else []
    named = [str(step.number), code(step.operation)] if first else ["", ""]
    return [*named, *(prose(text) for text in row_cells(run, row)), "<br>".join(said)]
