"""A told trace as JSON data: every step with its entries, the calls behind them, and what it breaks."""

from __future__ import annotations

from typing import Any

from checker.cli.forms.plain import one_line
from checker.cli.telling import Row, ToldStep, ToldTrace

SCHEMA = "ptecheck.told/1"


def told_data(run: ToldTrace) -> dict[str, Any]:
    """The trace in the form of ``docs/told.schema.json``; words are hexadecimal text, since JSON's numbers may lose bits."""
    from models.narrate import calls_behind

    job, invariant = run.job, run.invariant
    return {
        "schema": SCHEMA,
        "config": job.config,
        "world": job.world,
        "level": job.level or None,
        "split": job.split or None,
        "generation": job.generation or None,
        "migration": job.migration or None,
        "extras": list(job.extras),
        "processes": job.processes if job.world in ("mm", "kernel") else None,
        "title": job.title,
        "invariant": run.trace.invariant,
        "says": invariant.says,
        "consequence": invariant.consequence,
        "start": run.trace.start,
        "inputs": [f"{value:#x}" for value in run.trace.inputs],
        "bits": [
            {"name": one_line(b.name), "letter": b.letter, "position": b.position, "says": b.says} for b in run.bits
        ],
        "steps": [_step(run, step, state.state) for step, state in zip(run.steps, run.trace.steps, strict=True)],
        "judged": [{"entry": f"{int(v):#x}", "calls": [_call(run, c) for c in calls_behind(v)]} for v in run.judged],
    }


def _step(run: ToldTrace, step: ToldStep, state: Any) -> dict[str, Any]:
    return {
        "number": step.number,
        "operation": step.operation,
        "entries": [_entry(run, row, k in step.changed) for k, row in enumerate(step.rows)],
        "breaks": list(step.broken),
        "state": {name: value if isinstance(value, bool) else f"{value:#x}" for name, value in state.items()},
    }


def _entry(run: ToldTrace, row: Row, changed: bool) -> dict[str, Any]:
    return {
        "who": row.who,
        "entry": None if row.entry is None else f"{row.entry:#x}",
        "bits": [one_line(bit.name) for bit in run.arch.bits if row.entry is not None and row.entry & bit.mask],
        "facts": {heading or "kind": cell for heading, cell in zip(run.headings, row.cells, strict=False)},
        "changed": changed,
        "calls": [_call(run, call) for call in row.calls],
        "note": row.note,
    }


def _call(run: ToldTrace, call: Any) -> dict[str, Any]:
    place = run.arch.places.get(call.helper)
    return {
        "call": call.name,
        "helper": call.helper,
        "before": f"{call.before:#x}",
        "after": f"{call.after:#x}",
        "set": [one_line(bit.name) for bit in run.arch.bits if call.after & ~call.before & bit.mask],
        "cleared": [one_line(bit.name) for bit in run.arch.bits if call.before & ~call.after & bit.mask],
        "place": place and one_line(place),
    }
