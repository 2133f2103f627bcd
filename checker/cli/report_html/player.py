"""A trace as the page's player shows it: bits and facts over the steps, the calls of each step, a picture of each state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from checker.cli.jobs import build_system
from checker.cli.report_html.picture import picture
from checker.cli.telling import PAGE_MARKS, ToldStep, ToldTrace

if TYPE_CHECKING:
    from checker.cli.telling import Row

Data = dict[str, Any]

FACTS = {
    "": ("mapped as", "the kind of entry"),
    "hw-wr": ("hardware may write", "a user store succeeds without generic mm"),
    "hw-rd": ("hardware may read", "a user load succeeds without generic mm"),
    "write": ("write()", "what pte_write() or its twin of another level answers"),
    "dirty": ("dirty()", "what pte_dirty() or its twin of another level answers"),
    "page": ("page", "the page's number, who has it, and what is known of it"),
    "shared": ("page is shared", "another process maps the page copy-on-write"),
    "unsaved": ("data is unsaved", "the page holds data newer than its backing copy"),
    "value": ("value", "the whole word"),
}
"""A heading of a text trace -> the label of its lane, and what it means."""


def player(run: ToldTrace) -> Data:
    """Everything that the player of one trace shows, as plain data.

    Args:
        run: the trace, told.
    """
    system = build_system(run.job)
    operations = {op.name: op for op in system.operations}
    start = next((s for s in system.starts if s.name == run.trace.start), None)
    steps = [_step(run, step, operations.get(step.operation)) for step in run.steps]
    steps[0] |= {"says": f"start: {run.trace.start}", "source": start.says if start else ""}
    return {
        "start": run.trace.start,
        "inputs": [hex(value) for value in run.trace.inputs] if any(run.trace.inputs) else [],
        "steps": steps,
        "lanes": _lanes(run),
        "judged": _judged(run),
        "marks": _marks(run) if run.job.world in ("mm", "kernel") else [],
        "places": [{"helper": helper, "place": place} for helper, place in run.places.items()],
    }


def _step(run: ToldTrace, step: ToldStep, operation: Any) -> Data:
    rows = [step.rows[k] for k in step.changed]
    return {
        "number": step.number,
        "operation": step.operation,
        "says": operation.says if operation else "",
        "source": _source(run, operation),
        "calls": [_call(run, row.who, call) for row in rows for call in row.calls],
        "notes": [row.note for row in rows if row.note],
        "alarm": run.job.world != "codes",
        "broken": list(step.broken),
        "picture": picture(run, step),
    }


def _source(run: ToldTrace, operation: Any) -> str:
    """Where the operation is in the kernel; of a helper read from a tree its call has the line, so the list of headers goes."""
    if operation is None or (run.places and operation.source == run.arch.source):
        return ""
    return str(operation.source)


def _call(run: ToldTrace, who: str, call: Any) -> Data:
    changed = [bit for bit in run.arch.bits if (call.before ^ call.after) & bit.mask]
    return {
        "who": who,
        "name": call.name,
        "bits": [{"name": bit.name, "set": bool(call.after & bit.mask)} for bit in changed],
        "place": run.places.get(call.helper, ""),
    }


def _judged(run: ToldTrace) -> list[Data]:
    """The derived entries that the invariant judges in the last state."""
    from models.narrate import calls_behind, describe

    huge = bool(getattr(run.last, "huge", False))
    hardware = run.arch.hardware_at(run.job.level or ("pmd" if huge else "pte"))
    return [
        {
            "calls": [describe(run.arch, call) for call in calls_behind(value)],
            "value": f"{int(value):#x}",
            "writable": bool(hardware.writable(value)),
            "traps": bool(hardware.traps(value)),
        }
        for value in run.judged
    ]


def _marks(run: ToldTrace) -> list[str]:
    """What the letters behind a page's number mean, of those that occur."""
    rows = [row for step in run.steps for row in step.rows]
    used = {letter for row in rows if row.cells for letter in row.cells[-1].partition("+")[2]}
    return [f"+{letter} {says}" for letter, (says, _) in PAGE_MARKS.items() if letter in used]


def _lanes(run: ToldTrace) -> list[Data]:
    """For each entry its bits and facts, a row each, with one cell for each step."""
    groups = []
    for k, first in enumerate(run.steps[0].rows):
        rows = [step.rows[k] for step in run.steps]
        lanes = [*_bit_lanes(run, rows), *_fact_lanes(run.headings, rows), *_note_lanes(run, rows)]
        if lanes:
            groups.append({"title": first.who or "entry", "rows": lanes})
    return groups


def _bit_lanes(run: ToldTrace, rows: Sequence[Row]) -> Iterator[Data]:
    seen = 0
    for row in rows:
        seen |= row.entry or 0
    for bit in run.bits:
        if seen & bit.mask:
            values = ["" if row.entry is None else "1" if row.entry & bit.mask else "0" for row in rows]
            yield {"label": bit.name, "letter": bit.letter, "says": bit.says, "kind": "bit", "cells": _cells(values)}


def _fact_lanes(headings: Sequence[str], rows: Sequence[Row]) -> Iterator[Data]:
    for column, heading in enumerate(headings):
        values = [_fact(heading, row.cells[column]) if column < len(row.cells) else "" for row in rows]
        if any(values):
            label, says = FACTS.get(heading, (heading, ""))
            yield {"label": label, "letter": "", "says": says, "kind": "fact", "cells": _cells(values)}


def _note_lanes(run: ToldTrace, rows: Sequence[Row]) -> Iterator[Data]:
    """What is wrong with the entry; of codes, which are numbers and no entries, their values."""
    notes = [row.note for row in rows]
    if any(notes) and run.job.world == "codes":
        yield {
            "label": "values",
            "letter": "",
            "says": "the numbers that are not zero",
            "kind": "fact",
            "cells": _cells(notes),
        }
    elif any(notes):
        yield {
            "label": "noticed",
            "letter": "",
            "says": "what is wrong with the entry",
            "kind": "note",
            "cells": _cells(notes),
        }


def _fact(heading: str, cell: str) -> str:
    return cell if cell != "-" else "no" if heading else "nothing"


def _cells(values: Sequence[str]) -> list[Data]:
    """A lane's cells: the value, and whether it was set, cleared or became another one in this step."""
    out = []
    for k, value in enumerate(values):
        before = value if k == 0 else values[k - 1]
        out.append({"text": value, "change": "" if value == before else _CHANGES.get((before, value), "new")})
    return out


_CHANGES = {
    **dict.fromkeys((("0", "1"), ("", "1"), ("no", "yes"), ("", "yes")), "set"),
    **dict.fromkeys((("1", "0"), ("1", ""), ("yes", "no"), ("yes", "")), "cleared"),
    ("", "0"): "",
    ("0", ""): "",
    ("", "no"): "",
    ("no", ""): "",
}
"""What a change from one value to the next is called; a value that neither sets nor clears is a new one."""
