"""A trace about processes as a program of system calls, in the manner of the kernel's own selftests for mm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from checker.reproduce import CannotReproduce
from checker.reproduce.checks import Check, checks_of, finale_of
from checker.reproduce.recipes import KEEPS, WRITES, Finale
from checker.reproduce.sources import fixed, needed
from checker.reproduce.steps import Step, must_be_drivable, processes_of, steps_of
from checker.reproduce.style import LICENCE, block, code, string

if TYPE_CHECKING:
    from checker.cli.jobs import Job
    from checker.cli.telling import ToldTrace

MM_WORLDS = ("mm", "kernel")
"""The worlds whose traces are what processes do."""

SECONDS = 20
"""How long a step may take."""


def selftest(told: ToldTrace, made_by: Sequence[str]) -> str:
    """The program for a trace of the worlds ``mm`` and ``kernel``.

    Raises:
        CannotReproduce: user space cannot drive the kernel through it, or would see nothing; with every reason.
    """
    if told.job.world not in MM_WORLDS:
        raise CannotReproduce(f"the world {told.job.world} has no processes")
    finale = finale_of(told)
    must_be_drivable(told)
    steps = list(steps_of(told))
    checks = list(checks_of(told, finale))
    if not checks:
        raise CannotReproduce("no process is left in which anything could be seen")
    tables: list[Step | Check] = [*steps, *checks]
    lines = [
        LICENCE,
        *_head(told, finale, steps, made_by),
        fixed("includes.h"),
        _process_numbers(told, {"parent", *(line.who for line in tables)}),
        "",
        *block(["How long a step may take."]),
        f"#define SECONDS {SECONDS}",
        "",
        fixed("actors.c"),
        *needed({line.function for line in tables}),
        *_table(steps),
        *_check_table(checks),
        fixed("main.c"),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _process_numbers(told: ToldTrace, acting: set[str]) -> str:
    names = [name.upper() for name in processes_of(told) if name in acting]
    return f"enum {{ {', '.join(names)}, PROCESSES }};"


def _head(told: ToldTrace, finale: Finale, steps: list[Step], made_by: Sequence[str]) -> list[str]:
    arch, invariant = told.arch, told.invariant
    return block(
        [
            f"{invariant.name}: {invariant.says}.",
            "",
            f"Required by: {invariant.source}",
            f"Otherwise: {invariant.consequence}.",
            "",
            f"Broken with the helpers of {arch.config}: {arch.says}.",
            f"  Read from: {arch.source}",
            f"and with {_generic_mm(told.job)}.",
            "",
            "These steps break it, as a model checker found and replayed on integers:",
            *(f"  {step.says}" for step in steps),
            "Made by:",
            *(f"  {line}" for line in made_by),
            "",
            "Each process takes one step at a time; the tables of steps and of checks stand above main(). Checked in the end is "
            f"what user space can see of the requirement: {finale.says}.",
            "",
            '"not ok" says that this kernel breaks the requirement. "ok" says that it kept it in this order of steps: the '
            "kernel may have gone another way than the model, and nothing is said about other orders. A step that cannot be "
            "done here is a SKIP with the kernel's reason. Exit status: 0 ok, 1 not ok, 4 SKIP.",
            "",
            f"To be run on {arch.name}; elsewhere it says nothing about the helpers above:",
            "  cc -o test FILE && ./test",
        ]
    )


def _generic_mm(job: Job) -> str:
    """The generic mm of a job in words, with every choice."""
    from checker.cli.jobs import EXTRAS
    from models.mm.kernel import GENERATIONS
    from models.mm.orders import MIGRATIONS, SPLITS

    words = [GENERATIONS.get(job.generation, "the core of generic mm")]
    words += [f"the split {job.split} ({SPLITS[job.split].source})"] if job.split else []
    words += [f"the migration {job.migration} ({MIGRATIONS[job.migration].source})"] if job.migration else []
    return ", ".join([*words, *(EXTRAS[extra] for extra in job.extras)])


def _table(steps: list[Step]) -> Iterator[str]:
    yield "static const struct step steps[] = {"
    for step in steps:
        yield from block([step.about], 1)
        fields = [step.who.upper(), step.function, step.value, step.effect, string(step.says)]
        yield from code(f"{{ {', '.join(fields)} }},")
    yield "};"
    yield ""


def _check_table(checks: list[Check]) -> Iterator[str]:
    yield "static const struct check checks[] = {"
    for check in checks:
        effect = WRITES if check.function in ("store", "write_through_pin") else KEEPS
        fields = [check.who.upper(), check.function, check.value, effect, string(check.says)]
        yield from code(f"{{ {{ {', '.join(fields)} }}, {check.wanted}, {int(check.compares)} }},")
    yield "};"
    yield ""
