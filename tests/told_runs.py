"""Counterexamples told step by step, for the tests of every form they are written in; and text that wants to break a form."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from checker.cli.jobs import Job, build_system
from checker.cli.telling import ToldTrace, told
from checker.explicit import shortest_counterexamples
from checker.trace import make_trace

SPLIT = Job("loongarch/original", "mm", "carry-dirty")
"""The bug of the seed."""

RUNS = {
    "split": (SPLIT, "cow-isolation"),
    "one entry": (Job("loongarch/original", "pte"), "cow-shared-not-hw-writable"),
    "judged": (Job("loongarch/original", "pte"), "dirty-read-only-entry"),
    "helpers": (Job("loongarch/original", "helpers", level="pte"), "write-only-when-granted"),
}
"""Traces of every kind of world that has a counterexample of its own."""

HOSTILE = (
    'quote" backslash\\',
    "]]><script>alert(1)</script>",
    "\x1b[31mred\x1b]0;title\x07",
    "line\nend\r\x85\u2028next",
    "|bar`tick`|\\|",
    "a|plain|bar",
    "$end $var wire 1 ! x $end",
    "{0} [link](https://example.com) @who #1",
    "&lt; &#27; &amp;",
    "right \u202eto left \u200b",
    "nul\x00 \udc80 \ufffe",
    "**bold** _x_ <!-- --> ~~",
)
"""What a hostile tree may call things."""


@lru_cache(maxsize=8)
def run_of(name: str) -> ToldTrace:
    """One of :data:`RUNS`, told."""
    job, invariant = RUNS[name]
    system = build_system(job)
    origin, operations = shortest_counterexamples(system, invariant)[0]
    start = system.starts[origin.start].name
    return told(job, make_trace(system, invariant, start, origin.inputs, list(operations)))


def with_text(run: ToldTrace, text: str) -> ToldTrace:
    """The run with a text in every place that could come from a tree or a file."""
    bits = tuple(replace(bit, name=bit.name + text, says=text) for bit in run.arch.bits)
    places = {helper: f"arch/{text}.h:7" for helper in run.arch.helpers}
    arch = replace(run.arch, bits=bits, says=text, source=text, places=places)
    steps = tuple(
        replace(
            step,
            operation=step.operation + text,
            rows=tuple(
                replace(row, who=row.who + text, note=text, calls=_renamed(row.calls, text)) for row in step.rows
            ),
            broken=tuple(name + text for name in step.broken),
        )
        for step in run.steps
    )
    invariant = replace(run.invariant, says=text, consequence=text)
    trace = replace(run.trace, start=text)
    return replace(run, arch=arch, steps=steps, invariant=invariant, trace=trace)


def _renamed(calls: tuple, text: str) -> tuple:
    return tuple(replace(call, name=f"{call.name}({text})") for call in calls)
