"""What ``check`` prints and writes: the comparison or one report for each configuration, and JSON."""

from __future__ import annotations

import textwrap
from itertools import groupby
from typing import Any

from checker.cli.jobs import TITLES, Job, Outcome, build_system
from checker.cli.table import comparison
from checker.cli.traces import render_trace
from checker.verdict import Result, Verdict

SCHEMA = "ptecheck.result/1"

SHOWN_PLACES = 4
"""How many of the places that share a reason are listed."""

ORIGINAL_BUG = ("loongarch/original", "mm", "carry-dirty")
"""The configuration, world and split of the bug the mail thread is about."""


def report(outcomes: list[Outcome], compare: bool, whole: bool) -> str:
    """The whole text output of ``check``.

    Args:
        outcomes: what was decided.
        compare: print tables over all configurations.
        whole: every world, split and invariant was looked at without a bound, so that sentences about "every" are true.
    """
    if compare:
        sentences = _original_bug(outcomes) + _fixes(outcomes) if whole else ""
        return comparison(outcomes) + sentences + _undecided(outcomes)
    groups = groupby(outcomes, key=lambda o: o.job.config)
    return "\n".join(_config_report(config, list(group)) for config, group in groups)


def _original_bug(outcomes: list[Outcome]) -> str:
    """The shortest trace of the original bug, up to the store that corrupts the other process's data."""
    for outcome in outcomes:
        if (outcome.job.config, outcome.job.world, outcome.job.split) == ORIGINAL_BUG:
            for result in outcome.results:
                if result.trace is not None and result.invariant in ("cow-isolation", "shared-not-hw-writable"):
                    chosen = next((r for r in outcome.results if r.invariant == "cow-isolation" and r.trace), result)
                    return _violation(outcome.job, chosen) + "\n"
    return ""


def _fixes(outcomes: list[Outcome]) -> str:
    """One sentence for each set of helpers and each order of the split, saying what was proved and what was not."""
    lines = ["What was proved of each set of helpers, without a bound on the number of steps:"]
    variants: dict[tuple[str, str], dict[str, list[Outcome]]] = {}
    for outcome in outcomes:
        machine, _, variant = outcome.job.config.partition("/")
        name, *_ = machine.split("+")
        variants.setdefault((name, variant), {}).setdefault(machine, []).append(outcome)
    for (name, variant), machines in variants.items():
        lines += _sentence(f"{name}/{variant}", _variant_words(machines))
    lines.append("And of each order of calls in the split, in the kernel as a whole:")
    for split in dict.fromkeys(o.job.split for o in outcomes if o.job.split):
        lines += _sentence(split, _split_words([o for o in outcomes if o.job.split == split]))
    return "\n".join(lines) + "\n"


def _sentence(subject: str, words: str) -> list[str]:
    return textwrap.wrap(
        f"{subject}: {words}.", 78, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False
    )


def _variant_words(machines: dict[str, list[Outcome]]) -> str:
    """The kernel's verdict, the contract's, and what differs on a machine with a feature."""
    plain, *others = machines
    words = [_kernel_words(machines[plain]), _contract_words(machines[plain])]
    for machine in others:
        feature = machine.partition("+")[2]
        if _kernel_words(machines[machine]) != words[0]:
            words.append(f"with {feature}: {_kernel_words(machines[machine])}")
        here, there = _broken(machines[plain]), _broken(machines[machine])
        if more := [f"{name} ({steps})" for name, steps in there.items() if name not in here]:
            words.append(f"with {feature} also broken: {', '.join(more)}")
        if fewer := [name for name in here if name not in there]:
            words.append(f"with {feature} not broken: {', '.join(fewer)}")
    return "; ".join(words)


def _broken(outcomes: list[Outcome]) -> dict[str, str]:
    """The invariants of the contract that are violated, each with its shortest sequence of calls."""
    contract = [r for o in outcomes if o.job.world == "pte" for r in o.results]
    return {r.invariant: _steps(r) for r in contract if r.verdict is Verdict.VIOLATED and not r.cost}


def _contract_words(outcomes: list[Outcome]) -> str:
    broken = _broken(outcomes)
    if broken:
        return "contract broken: " + ", ".join(f"{name} ({steps})" for name, steps in broken.items())
    contract = [r for o in outcomes if o.job.world == "pte" for r in o.results]
    undecided = [r.invariant for r in contract if r.verdict not in (Verdict.PROVED, Verdict.VIOLATED)]
    if undecided:
        return f"contract not decided ({', '.join(undecided)})"
    cost = any(r.verdict is Verdict.VIOLATED for r in contract)
    return "contract proved for every order of calls" + (" at the price of a second trap" if cost else "")


def _steps(result: Result) -> str:
    operations = [step.operation for step in result.trace.steps[1:]] if result.trace else []
    return ", ".join(operations) or "at once"


def _kernel_words(outcomes: list[Outcome]) -> str:
    bad, open_ = _bad_and_open([(o.job.split, o.results) for o in outcomes if o.job.world == "mm"])
    if not bad and not open_:
        return "kernel proved with every split"
    parts = [f"kernel broken with {', '.join(bad)}"] if bad else []
    return ", ".join([*parts, *([f"kernel not decided with {', '.join(open_)}"] if open_ else [])])


def _split_words(outcomes: list[Outcome]) -> str:
    bad, open_ = _bad_and_open([(o.job.config, o.results) for o in outcomes])
    if not bad and not open_:
        return "proved with every set of helpers"
    parts = [f"broken with {', '.join(bad)}"] if bad else []
    parts += [f"not decided with {', '.join(open_)}"] if open_ else []
    rest = ["proved with all others"] if len(bad) + len(open_) < len(outcomes) else []
    return ", ".join([*parts, *rest])


def _bad_and_open(named: list[tuple[str, tuple[Result, ...]]]) -> tuple[list[str], list[str]]:
    """The names with a violation, and those without one but with something undecided."""
    decided = (Verdict.PROVED, Verdict.VIOLATED)
    bad = [name for name, results in named if any(r.verdict is Verdict.VIOLATED for r in results)]
    open_ = [n for n, results in named if n not in bad and any(r.verdict not in decided for r in results)]
    return bad, open_


def _undecided(outcomes: list[Outcome]) -> str:
    """Every reason why something could not be decided, each with where it applies."""
    places: dict[str, list[str]] = {}
    for outcome in outcomes:
        for result in outcome.results:
            if result.verdict in (Verdict.UNKNOWN, Verdict.VACUOUS, Verdict.BOUNDED):
                reason = f"{result.verdict.value}: {result.reason or f'up to {steps_words(result.depth or 0)}'}"
                places.setdefault(reason, []).append(f"{_title(outcome.job)}: {result.invariant}")
    if not places:
        return ""
    lines = ["", "Not decided:"]
    for reason, where in places.items():
        lines += _sentence(
            reason,
            "; ".join(where[:SHOWN_PLACES]) + (f"; {more} more" if (more := len(where) - SHOWN_PLACES) > 0 else ""),
        )
    return "\n".join(lines) + "\n"


def _title(job: Job) -> str:
    return f"{job.config}, {job.title}"


def _config_report(config: str, outcomes: list[Outcome]) -> str:
    from checker.cli.jobs import NotModelled, find_architecture

    lines = [config]
    try:
        arch = find_architecture(config, outcomes[0].job.kernel)
    except NotModelled as why:
        return (
            "\n".join(
                [
                    *lines,
                    *textwrap.wrap(
                        f"NOT DECIDED: {why}", 78, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False
                    ),
                ]
            )
            + "\n"
        )
    else:
        lines += textwrap.wrap(f"{arch.says} ({arch.source})", 78, initial_indent="  ", subsequent_indent="  ")
        lines += _other_machines(outcomes[0].job)
        for assumption in arch.assumptions:
            lines += textwrap.wrap(f"assumed: {assumption}", 78, initial_indent="  ", subsequent_indent="    ")
    text = "\n".join(lines) + "\n\n"
    for world in dict.fromkeys(o.job.world for o in outcomes):
        text += _world_report([o for o in outcomes if o.job.world == world])
    return text


def _other_machines(job: Job) -> list[str]:
    """Which machines the same tree should be checked for, too."""
    from models.registry import split_config

    name, features, _ = split_config(job.config)
    if not job.kernel or features:
        return []
    others = ", ".join(f"{name}+{feature}" for feature in job.kernel.platforms[name].features)
    says = f"this is the plain machine; check {others} as well"
    return textwrap.wrap(says, 78, initial_indent="  ", subsequent_indent="  ") if others else []


WORLDS = {
    "helpers": "helpers: each on every entry that helpers and hardware can make",
    "levels": "levels: the same calls on entries of two levels",
    "codes": "codes: every frame number and every swap entry",
    "pte": "PTE world: any helper in any order",
    "mm": "mm world: the kernel's own calls",
    "kernel": "whole kernel: every operation of generic mm",
}
"""Every world in a line."""


def _size(outcomes: list[Outcome]) -> str:
    sizes = sorted({(r.states, r.diameter) for o in outcomes for r in o.results if r.states is not None})
    if not sizes:
        return ""
    states, depths = [s for s, _ in sizes], [d for _, d in sizes if d is not None]
    span = f"{min(states)}" if min(states) == max(states) else f"{min(states)} to {max(states)}"
    reach = f"{min(depths)}" if min(depths) == max(depths) else f"{min(depths)} to {max(depths)}"
    return f" ({span} states, diameter {reach})"


def _world_report(outcomes: list[Outcome]) -> str:
    world = outcomes[0].job.world
    text = WORLDS[world] + _size(outcomes) + "\n"
    for name in dict.fromkeys(result.invariant for outcome in outcomes for result in outcome.results):
        pairs = [(o.job, r) for o in outcomes for r in o.results if r.invariant == name and not r.enumerated]
        text += _invariant_report(pairs) if pairs else ""
    return text + "".join(map(_enumerated, outcomes)) + "\n"


def _enumerated(outcome: Outcome) -> str:
    """One paragraph for everything that was proved by enumeration in one system."""
    proved = [result for result in outcome.results if result.enumerated]
    if not proved:
        return ""
    names = ", ".join(result.invariant for result in proved)
    return _wrapped(f"  {verdict_words(proved[0])}{_where([outcome.job], False)}: {names}")


def _key(pair: tuple[Job, Result]) -> tuple[Any, ...]:
    result = pair[1]
    operations = tuple(s.operation for s in result.trace.steps) if result.trace else ()
    shown = result.certificate.shown if result.certificate else ()
    return (result.verdict.value, result.depth, result.reason, operations, shown)


def _invariant_report(pairs: list[tuple[Job, Result]]) -> str:
    """One invariant; splits with the same verdict and the same evidence are reported together."""
    groups: dict[tuple[Any, ...], list[tuple[Job, Result]]] = {}
    for pair in pairs:
        groups.setdefault(_key(pair), []).append(pair)
    text = ""
    for group in groups.values():
        job, result = group[0]
        where = _where([j for j, _ in group], len(group) == len(pairs) and len(pairs) > 1)
        text += _wrapped(f"  {result.invariant}: {verdict_words(result)}{where}")
        if result.trace is not None:
            text += textwrap.indent(_violation_body(job, result), "  ")
        elif result.certificate is not None:
            text += "".join(_wrapped(f"      {clause}") for clause in result.certificate.shown)
    return text


def _where(jobs: list[Job], every: bool) -> str:
    """The choices that a verdict is about."""
    if jobs[0].world in TITLES:
        return f"  [{', '.join(j.level.replace('+', ' and ') for j in jobs)}]" if jobs[0].level else ""
    if jobs[0].world == "mm":
        return f"  [{'every split' if every else ', '.join(j.split for j in jobs)}]"
    return f"  [{'; '.join(j.title.removeprefix('whole kernel, ') for j in jobs)}]"


def _wrapped(line: str, width: int = 78) -> str:
    indent = len(line) - len(line.lstrip())
    pieces = textwrap.wrap(
        line.strip(), width, initial_indent=" " * indent, subsequent_indent=" " * (indent + 2), break_on_hyphens=False
    )
    return "\n".join(pieces) + "\n"


def steps_words(count: int) -> str:
    """``1 step``, ``2 steps``."""
    return f"{count} step{'' if count == 1 else 's'}"


def verdict_words(result: Result) -> str:
    """The verdict as a reader sees it."""
    if result.verdict is Verdict.VIOLATED:
        steps = (
            "in the initial state" if result.depth == 0 else f"in {result.depth} step{'s' if result.depth != 1 else ''}"
        )
        if result.exception:
            return f"intended ({result.exception}), broken {steps}"
        return f"{'COST' if result.cost else 'VIOLATED'} {steps}" + (f" ({result.reason})" if result.reason else "")
    if result.verdict is Verdict.BOUNDED:
        return f"holds in all runs of at most {result.depth} steps" + (f" ({result.reason})" if result.reason else "")
    if result.verdict is Verdict.PROVED:
        if result.enumerated:
            return f"proved, by all {result.states} states (no step leaves them)"
        return f"proved{f' {result.reason}' if result.reason else ''}, by the invariant"
    return f"{result.verdict.value.upper()}: {result.reason}"


def _violation(job: Job, result: Result) -> str:
    return f"{_title(job)}\n{result.invariant}: {verdict_words(result)}\n" + _violation_body(job, result)


def _violation_body(job: Job, result: Result) -> str:
    assert result.trace is not None
    invariant = next(i for i in build_system(job).invariants if i.name == result.invariant)
    says = _wrapped(f"  requires: {invariant.says}", 76)
    if invariant.consequence:
        says += _wrapped(f"  otherwise: {invariant.consequence}", 76)
    return says + render_trace(job, result.trace)


def json_data(outcomes: list[Outcome], paths: dict[tuple[Job, str], str]) -> dict[str, Any]:
    """The results as JSON data, in the form of ``docs/result.schema.json``."""
    return {
        "schema": SCHEMA,
        "results": [result_data(o.job, r, paths.get((o.job, r.invariant))) for o in outcomes for r in o.results],
    }


def result_data(job: Job, result: Result, path: str | None = None) -> dict[str, Any]:
    """One result as JSON data."""
    trace, certificate = result.trace, result.certificate
    return {
        "config": job.config,
        "world": job.world,
        "split": job.split or None,
        "generation": job.generation or None,
        "migration": job.migration or None,
        "extras": list(job.extras),
        "processes": None if job.world in TITLES else job.processes,
        "level": job.level or None,
        "without": list(job.without),
        "invariant": result.invariant,
        "verdict": result.verdict.value,
        "cost": result.cost,
        "exception": result.exception,
        "depth": result.depth,
        "reason": result.reason,
        "seconds": round(result.seconds, 3),
        "states": result.states,
        "diameter": result.diameter,
        "trace": trace and [{"operation": s.operation, "state": dict(s.state)} for s in trace.steps],
        "enumerated": result.enumerated,
        "remembered": result.remembered,
        "proof": certificate and {"clauses": [c["text"] for c in certificate.clauses], "certificate": path},
    }
