"""``ptecheck compare``: machines side by side; here, what is required of their helpers, by machine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from checker.cli import side_by_side
from checker.cli.jobs import UNREAD, Job, Outcome, decide_jobs
from checker.cli.kernels import kernel_tree
from checker.cli.main import UsageError
from checker.cli.table import cell
from checker.cli.traces import ending
from checker.cli.trees import contract_jobs, fill, short, store_policy_words, tree_configs
from checker.decision import Options
from checker.limits import watch_interrupts
from checker.verdict import Result, Verdict, exit_status

SCHEMA = "ptecheck.comparison/1"
WIDTH, COLUMN = 79, 12
"""Characters of a line, and of a machine's column."""

POLICY = "store to clean: seen by"

NOT_THERE = "-"


def run_compare(args: argparse.Namespace) -> int:
    """Runs ``ptecheck compare`` and returns its exit status."""
    watch_interrupts()
    if not args.machines and not args.all:
        raise UsageError("name the machines to compare, or use --all")
    args.kernel = kernel_tree(args.kernel, args.git, [], False, args.machine)
    worlds = side_by_side.worlds_of(args)
    of_helpers = bool(args.kernel) or worlds == ["helpers"]
    jobs = _plan(args) if of_helpers else side_by_side.jobs(_built_in(args), worlds)
    outcomes = decide_jobs(jobs, Options(seconds=args.timeout, remember=not args.no_cache), args.jobs)
    machines = _by_machine([outcome for outcome in outcomes if outcome.results])
    if args.json:
        from checker.cli.output import write_json

        write_json({"schema": SCHEMA, "machines": _data(machines)}, args.json)
    if args.json != "-":
        sys.stdout.write(_report(machines, every=not args.all) if of_helpers else side_by_side.report(outcomes))
    return exit_status([result for o in outcomes for result in o.results])


def _plan(args: argparse.Namespace) -> list[Job]:
    if args.kernel:
        configs = tree_configs([] if args.all else args.machines, args.kernel)
        levels = {
            config: args.kernel.platforms[config.partition("/")[0].partition("+")[0]].levels for config in configs
        }
        return [job for c in configs for job in contract_jobs(c, args.kernel, levels[c], ("pte", "helpers"))]
    return [job for c in _built_in(args) for job in contract_jobs(c, None, ("pte", "pmd"), ("pte", "helpers"))]


def _built_in(args: argparse.Namespace) -> list[str]:
    """The full names of the configurations that were asked for; of a machine alone, its newest helpers."""
    from models.registry import DEFAULT_MACHINES, UnknownName, architectures, split_config

    found = []
    for name in DEFAULT_MACHINES if args.all else args.machines:
        try:
            found.append(architectures(name)[-1].config)
        except UnknownName as why:
            hint = "" if split_config(name)[2] is None else "; see ptecheck list variants"
            raise UsageError(f"{why}{hint}") from None
    return list(dict.fromkeys(found))


def _by_machine(outcomes: list[Outcome]) -> dict[str, dict[str, list[tuple[Job, Result]]]]:
    """Machine -> requirement -> the results of its levels."""
    found: dict[str, dict[str, list[tuple[Job, Result]]]] = {}
    for outcome in outcomes:
        rows = found.setdefault(outcome.job.config, {})
        for result in outcome.results:
            rows.setdefault(result.invariant, []).append((outcome.job, result))
    return found


def _worst(pairs: list[tuple[Job, Result]]) -> tuple[Job, Result]:
    """Of several levels, the one that says most: broken, then not decided, then intended, then proved."""
    ranks = {Verdict.PROVED: 3, Verdict.VIOLATED: 2}
    return min(pairs, key=lambda pair: 0 if pair[1].failed else ranks.get(pair[1].verdict, 1))


def _cell(pairs: list[tuple[Job, Result]] | None) -> str:
    if not pairs:
        return NOT_THERE
    _, result = _worst(pairs)
    if result.verdict is Verdict.VIOLATED and not result.failed:
        return "cost" if result.cost else "intended"
    return f"in {result.depth}" if result.failed else cell(result)


Machines = dict[str, dict[str, list[tuple[Job, Result]]]]


def _report(machines: Machines, every: bool) -> str:
    names = list(machines)
    rows = list(dict.fromkeys(row for found in machines.values() for row in found))
    differing = [row for row in rows if len({_cell(machines[name].get(row)) for name in names} - {NOT_THERE}) > 1]
    shown = (
        rows if every else [row for row in rows if any(_cell(machines[n].get(row)) not in ("ok", "-") for n in names)]
    )
    text = "ok proved, in N: broken in N steps, - not there\n"
    label = max(map(len, (*shown, POLICY))) + 2
    together = max(1, (WIDTH - label) // COLUMN)
    for start in range(0, len(names), together):
        text += "\n" + "".join(_block(machines, names[start : start + together], shown, label))
    text += "" if every else fill(f"{len(rows) - len(shown)} more requirements are proved wherever they are there", "")
    return text + "".join(_reasons(machines, differing))


def _block(machines: Machines, names: list[str], rows: list[str], label: int) -> Iterator[str]:
    headings = [_heading(name) for name in names]
    lines = [("", [heading[part] for heading in headings]) for part in (0, 1)]
    lines += [(row, [_cell(machines[name].get(row)) for name in names]) for row in rows]
    policies = [store_policy_words(next(iter(machines[name].values()))[0][0]) for name in names]
    lines.append((POLICY, [policy[: COLUMN - 1] for policy in policies]))
    for left, cells in lines:
        if any(cells):
            yield f"{left:{label}}{''.join(f'{cell:<{COLUMN}}' for cell in cells)}".rstrip() + "\n"


def _heading(config: str) -> tuple[str, str]:
    """A machine's name in two lines that fit a column."""
    name = short(config)
    if len(name) < COLUMN:
        return "", name
    cut = max((k + 1 for k, letter in enumerate(name[: COLUMN - 1]) if letter in "-+/"), default=COLUMN - 1)
    return name[:cut], name[cut : cut + COLUMN - 1]


def _reasons(machines: Machines, rows: list[str]) -> Iterator[str]:
    """Why machines differ: one line for each that breaks a requirement others keep."""
    if rows:
        yield "\nWhy they differ\n"
    for row in rows:
        for name, found in machines.items():
            pairs = [pair for pair in found.get(row, []) if pair[1].verdict is Verdict.VIOLATED]
            if pairs:
                yield fill(f"{row}, {short(name)}: {_why(*_worst(pairs))}", "  ")


def _why(job: Job, result: Result) -> str:
    assert result.trace is not None
    if result.exception:
        return f"intended: {result.exception}"
    told = ending(job, result.trace)
    run = ", ".join([result.trace.start, *(step.operation for step in result.trace.steps[1:])])
    values = ", ".join(f"{value:#x}" for value in told.values.values())
    return f"{run} gives {values}" + (f" ({list(told.places.values())[-1]})" if told.places else "")


def _data(machines: Machines) -> list[dict[str, Any]]:
    return [
        {
            "config": config,
            "requirements": [
                {
                    "name": row,
                    "level": job.level or None,
                    "world": job.world,
                    "split": job.split or None,
                    "generation": job.generation or None,
                    "verdict": result.verdict.value,
                    "exception": result.exception,
                    "cost": result.cost,
                    "depth": result.depth,
                    "reason": result.reason,
                    "run": [result.trace.start, *(s.operation for s in result.trace.steps[1:])]
                    if result.trace
                    else None,
                }
                for row, pairs in found.items()
                if row != UNREAD or pairs
                for job, result in pairs
            ],
        }
        for config, found in machines.items()
    ]
