"""A trace as plain text for a mailing list: 72 columns of ASCII that survive being quoted."""

from __future__ import annotations

import textwrap

from checker.cli.forms.plain import ascii_line
from checker.cli.forms.rows import (
    bit_names,
    calls_of,
    command,
    ends_with,
    head_cells,
    page_words,
    requirement,
    row_cells,
    used_columns,
    violated_words,
)
from checker.cli.telling import Row, ToldStep, ToldTrace

WIDTH = 72
"""The columns of a line; two levels of ``> `` fit before it, and more below 80."""


def mail(run: ToldTrace) -> str:
    """The trace, what it breaks and how to find it again, in lines of at most 72 columns."""
    out = _fit(f"{run.trace.invariant} {violated_words(run)}:") + _fit(f"{run.job.config}, {run.job.title}") + [""]
    out += [text for head, says in requirement(run) for text in _fit(says, f"{head}: ")]
    out += _fit(f"{run.arch.says} ({run.arch.source})", "Helpers: ")
    out += [*_fit(run.trace.start + _inputs(run), "Start: "), ""]
    out += [*_table(run), ""]
    out += _fit(_kept(bit_names(run)), "Bits: ") if run.bits else []
    out += _fit(_kept(marks), "Page: ") if (marks := page_words(run)) else []
    out += [text for helper, place in run.places.items() for text in _fit(f"{helper} {place}", "Where: ")]
    out += _fit(command(run.job, run.trace.invariant), "Again: ")
    return "\n".join(line.rstrip() for line in out) + "\n"


def _inputs(run: ToldTrace) -> str:
    return f", inputs {', '.join(map(hex, run.trace.inputs))}" if any(run.trace.inputs) else ""


def _fit(text: str, head: str = "", indent: str = "") -> list[str]:
    """A paragraph, continued below the text behind its heading."""
    found = textwrap.wrap(
        ascii_line(head + text).replace(_KEPT, "\xa0"),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + " " * max(2, len(head)),
        break_on_hyphens=False,
    )
    return [line.replace("\xa0", " ") for line in found]


_KEPT = "\\xa0"
"""How a blank at which no line may end looks once it is ASCII."""


def _kept(text: str) -> str:
    """A list whose items stay in one line."""
    return text.replace(" ", "\xa0").replace(",\xa0", ", ")


def _table(run: ToldTrace) -> list[str]:
    """The steps; an operation has a line of its own, so that the columns below it are narrow."""
    rows = [row for step in run.steps for row in step.changed_rows]
    cells = [[ascii_line(c) for c in row] for row in (head_cells(run), *(row_cells(run, row) for row in rows))]
    used = used_columns(cells)
    widths = [max(len(row[k]) for row in cells) for k in used]

    def line(row: list[str]) -> str:
        return "   " + " ".join(f"{row[k]:{width}}" for k, width in zip(used, widths, strict=True)).rstrip()

    drawn = {id(row): line(text) for row, text in zip(rows, cells[1:], strict=True)}
    out = [line(cells[0])] if used else []
    return out + [text for step in run.steps for text in _step(run, step, drawn)]


def _step(run: ToldTrace, step: ToldStep, drawn: dict[int, str]) -> list[str]:
    out = _fit(step.operation, f"{step.number}. ")
    for row in step.changed_rows:
        out += [drawn[id(row)]] if drawn[id(row)].strip() else []
        out += [text for said in _below(run, row) for text in _fit(said, indent="     ")]
    return out + [text for said in ends_with(run, step) for text in _fit(said, "=> ", " ")]


def _below(run: ToldTrace, row: Row) -> list[str]:
    return [*calls_of(run, row), *([row.note] if row.note else [])]
