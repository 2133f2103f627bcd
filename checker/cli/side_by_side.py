"""``ptecheck compare`` of built-in helpers: the contract and the kernel, machine by machine, on one screen."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator

from checker.cli.jobs import Job, Outcome
from checker.cli.main import UsageError
from checker.cli.table import cell
from checker.verdict import Result, Verdict

WIDTH, COLUMN = 79, 12
"""Characters of a line, and of a machine's column."""

TITLES = {
    "pte": "PTE world: any helper in any order",
    "mm": "mm world: the kernel's own calls, under every order of the split",
    "kernel": "whole kernel: every operation of generic mm, both releases",
}

Found = dict[tuple[str, str], dict[str, list[tuple[Job, Result]]]]
"""(world, requirement) -> machine -> its results, one for each choice of generic mm."""


def jobs(configs: list[str], worlds: list[str]) -> list[Job]:
    """What is to be decided of each configuration.

    Args:
        configs: full names.
        worlds: of :data:`TITLES`.
    """
    from models.mm.kernel import GENERATIONS
    from models.mm.orders import COMPARED_SPLITS

    found = []
    for config in configs:
        found += [Job(config, "pte")] if "pte" in worlds else []
        found += [Job(config, "mm", split) for split in COMPARED_SPLITS] if "mm" in worlds else []
        found += [Job(config, "kernel", generation=name) for name in GENERATIONS] if "kernel" in worlds else []
    return found


def worlds_of(args: argparse.Namespace) -> list[str]:
    """The worlds that the arguments ask for.

    Raises:
        UsageError: a kernel tree was named, whose machines are compared by what is required of helpers.
    """
    if args.kernel and args.world not in (None, "helpers"):
        raise UsageError("with --kernel, compare looks at what is required of helpers: leave out --world")
    return [args.world] if args.world else ["pte", "mm"]


def report(outcomes: list[Outcome]) -> str:
    """The table, then one line for each way in which machines differ."""
    found: Found = {}
    for outcome in outcomes:
        for result in outcome.results:
            row = found.setdefault((outcome.job.world, result.invariant), {})
            row.setdefault(outcome.job.config, []).append((outcome.job, result))
    names = list(dict.fromkeys(outcome.job.config for outcome in outcomes))
    letters = {name: chr(ord("A") + k) if k < 26 else f"#{k + 1}" for k, name in enumerate(names)}
    label = max(len(row) for _, row in found) + 2
    text = "ok proved, in N: broken in N steps, - not there\n"
    together = max(1, (WIDTH - label) // COLUMN)
    for start in range(0, len(names), together):
        text += "\n" + "".join(_block(found, {n: letters[n] for n in names[start : start + together]}, label))
    reasons = "".join(_reasons(found, letters))
    return text + (f"\nWhy they differ\n{reasons}" if reasons else "")


def _block(found: Found, letters: dict[str, str], label: int) -> Iterator[str]:
    headings = [_heading(name, letter) for name, letter in letters.items()]
    for line in range(3):
        if any(heading[line] for heading in headings):
            yield f"{'':{label}}{''.join(f'{h[line]:<{COLUMN}}' for h in headings)}".rstrip() + "\n"
    world = ""
    for (where, row), machines in found.items():
        if where != world:
            world = where
            yield TITLES[world] + "\n"
        yield f"{row:{label}}{''.join(f'{_cell(machines.get(name)):<{COLUMN}}' for name in letters)}".rstrip() + "\n"


def _heading(config: str, letter: str) -> tuple[str, str, str]:
    """A configuration's name in three lines: letter and machine, features, helpers."""
    machine, _, variant = config.partition("/")
    name, plus, features = machine.partition("+")
    return _fit(f"{letter} {name}"), _fit(f"  {plus}{features}".rstrip()), _fit(variant)


def _fit(name: str) -> str:
    return name if len(name) < COLUMN else f"{name[: COLUMN - 2]}~"


def _rank(pair: tuple[Job, Result]) -> tuple[int, int]:
    """Broken first, soonest first; then what is not decided."""
    result = pair[1]
    if result.verdict is Verdict.VIOLATED:
        return 0 if result.failed else 2, result.depth or 0
    return 3 if result.verdict is Verdict.PROVED else 1, 0


def _cell(pairs: list[tuple[Job, Result]] | None) -> str:
    if not pairs:
        return "-"
    _, result = min(pairs, key=_rank)
    if result.verdict is Verdict.VIOLATED and not result.failed:
        return "cost" if result.cost else "intended"
    return f"in {result.depth}" if result.failed else cell(result)


def _reasons(found: Found, letters: dict[str, str]) -> Iterator[str]:
    """One line for each requirement that some machines break and others do not: who, what, and the shortest run."""
    for (_, row), machines in found.items():
        if len({_cell(machines.get(name)) for name in letters} - {"-"}) < 2:
            continue
        runs: dict[str, list[str]] = {}
        for name, pairs in machines.items():
            if why := _why(pairs):
                runs.setdefault(why, []).append(letters[name])
        for why, who in runs.items():
            yield textwrap.shorten(f"{','.join(who)} {row}: {why}", WIDTH - 2, placeholder=" ...").join(("  ", "\n"))


def _why(pairs: list[tuple[Job, Result]]) -> str:
    """Why a machine does not keep a requirement, in a few words; "" if it does."""
    job, result = min(pairs, key=_rank)
    if result.verdict is Verdict.PROVED:
        return ""
    if result.trace is None:
        return result.reason
    if result.exception:
        return f"intended: {result.exception}"
    operations = [step.operation.replace("(parent)", "") for step in result.trace.steps[1:]]
    choice = job.split or job.generation
    return (", ".join(operations) or result.trace.start) + (f" [{choice}]" if choice else "")
