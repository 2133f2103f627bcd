"""``ptecheck diff --faults``: what a store costs more with one set of helpers than with another, path by path."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checker.cli.diff import Answer, Question, asked, releases_of
from checker.cli.jobs import Job
from checker.cli.main import UsageError
from checker.cli.sides import Side, has_mm, two_sides, unread
from checker.verdict import EXIT_HOLDS, EXIT_UNDECIDED, EXIT_VIOLATED, Result, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Span:
    """How many more exceptions a store takes, at least and at most.

    Attributes:
        least, most: the tightest bounds that are proved; None where not even the widest one is.
        runs: the bounds that are not kept, each with its shortest run.
        reason: why nothing is known, or "".
        reached: some store goes through an entry made in this way.
    """

    least: int | None
    most: int | None
    runs: Mapping[str, Result]
    reason: str = ""
    reached: bool = True

    @property
    def nothing(self) -> bool:
        """Never more and never fewer, which is proved."""
        return self.reached and not self.reason and self.least == self.most == 0

    @property
    def extra(self) -> Result | None:
        """The shortest run with more exceptions than on the other side."""
        return next((r for name, r in self.runs.items() if name.endswith("at most +0")), None)


@dataclass(frozen=True)
class Costs:
    """What a store costs on one side more than on the other, under one release of generic mm.

    Attributes:
        answer: the question and all its results.
        all: how the entry was made -> exceptions of all kinds.
        mm: the same, of those that enter generic mm.
        doubt: why the counts are not known to be exact, or that no run is left out; "" if both are.
        left_out: what is not compared, since only one side can go on from there: a sentence for each kind of it.
    """

    answer: Answer
    all: Mapping[str, Span]
    mm: Mapping[str, Span]
    doubt: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The second side's configuration."""
        return self.answer.question.right.config


def costs_of(answer: Answer) -> Costs:
    """The bounds of an answer, put together by how the entry was made."""
    from invariants.faults import COMMON, EXACT, SERVED

    results = {r.invariant: r for r in answer.results}
    exact, whole = results.pop(EXACT), (results.pop(COMMON), results.pop(SERVED))
    makers = list(dict.fromkeys(name.partition(":")[0] for name in results))
    spans = {kind: {maker: _span(results, maker, kind) for maker in makers} for kind in ("all", "mm")}
    doubt = (
        "" if exact.verdict is Verdict.PROVED else exact.reason or "some store takes more exceptions than are counted"
    )
    open_ = next((r.reason for r in whole if r.verdict not in (Verdict.PROVED, Verdict.VIOLATED)), "")
    left_out = tuple(_left_out(r) for r in whole if r.verdict is Verdict.VIOLATED)
    return Costs(answer, spans["all"], spans["mm"], doubt or open_, left_out)


def _left_out(result: Result) -> str:
    """What is not compared, with the shortest way to it."""
    from invariants.faults import COMMON

    assert result.trace is not None
    run = ", ".join([result.trace.start, *(step.operation for step in result.trace.steps[1:])])
    what = (
        "an operation is possible on one side only"
        if result.invariant == COMMON
        else "a store is served on one side only"
    )
    return f"runs in which {what} are not compared; the first: {run}"


def _span(results: dict[str, Result], maker: str, kind: str) -> Span:
    from invariants.faults import LEAST, MOST, NO_PREMISE, bound_name

    named = {b: results[bound_name(maker, kind, "at most", b)] for b in MOST}
    lower = {b: results[bound_name(maker, kind, "at least", b)] for b in LEAST}
    every = [*named.values(), *lower.values()]
    if all(r.verdict is Verdict.VACUOUS and r.reason == NO_PREMISE for r in every):
        return Span(None, None, {}, reached=False)
    open_ = next((r for r in every if r.verdict not in (Verdict.PROVED, Verdict.VIOLATED)), None)
    runs = {r.invariant: r for r in every if r.verdict is Verdict.VIOLATED}
    if open_ is not None:
        return Span(None, None, runs, reason=open_.reason)
    kept = [{b for b, r in bounds.items() if r.verdict is Verdict.PROVED} for bounds in (lower, named)]
    return Span(max(kept[0], default=None), min(kept[1], default=None), runs)


def run_costs(args: argparse.Namespace) -> int:
    """Runs ``ptecheck diff --faults`` and returns its exit status."""
    _refuse_other_worlds(args)
    pairs = _pairs(args)
    reasons = [f"{side.title}: {why}" for side in dict.fromkeys(s for p in pairs for s in p) if (why := unread(side))]
    questions = [] if reasons else _questions(args, pairs)
    found = [costs_of(answer) for answer in asked(args, questions)]
    from checker.cli import cost_report

    if args.json:
        from checker.cli.output import write_json

        write_json(cost_report.json_data(pairs, found, reasons), args.json)
    if args.json != "-":
        sys.stdout.write(cost_report.text(pairs[0][0], found, reasons, args.traces))
    return status_of(found, reasons)


def status_of(found: list[Costs], reasons: list[str]) -> int:
    """1 if some store costs more, 3 if that is not known, else 0."""
    spans = [span for costs in found for span in (*costs.all.values(), *costs.mm.values())]
    if any(span.extra is not None for span in spans):
        return EXIT_VIOLATED
    open_ = reasons or any(costs.doubt or costs.left_out for costs in found) or any(span.reason for span in spans)
    return EXIT_UNDECIDED if open_ else EXIT_HOLDS


def _refuse_other_worlds(args: argparse.Namespace) -> None:
    if args.world not in (None, "kernel") or args.split is not None:
        raise UsageError("--faults counts in the whole kernel: leave out --world and --split")


def _pairs(args: argparse.Namespace) -> list[tuple[Side, Side]]:
    """The pairs to look at: A and B, or A and every other set of helpers of its machine."""
    if args.b is None and not (args.kernel or args.kernel_a or args.kernel_b):
        from checker.cli.jobs import find_architecture
        from models.registry import asides, machine, split_config

        first = Side(find_architecture(args.a).config)
        name, features, variant = split_config(first.config)
        others = [arch for arch in (*machine(name, features), *asides(name, features)) if arch.variant != variant]
        pairs = [(first, Side(arch.config)) for arch in others]
    else:
        pairs = [two_sides(args)]
    for first, second in pairs:
        if not has_mm(first):
            raise UsageError(f"the model does not know what {first.machine} chooses in generic mm")
        if first.config.partition("/")[0] != second.config.partition("/")[0]:
            raise UsageError(f"--faults compares helpers on one machine, not {first.title} with {second.title}")
    return pairs


def _questions(args: argparse.Namespace, pairs: list[tuple[Side, Side]]) -> list[Question]:
    return [
        Question(_job(first, release), _job(second, release), cost=True)
        for release in releases_of(args, True)
        for first, second in pairs
    ]


def _job(side: Side, release: str) -> Job:
    return Job(side.config, "kernel", kernel=side.kernel, generation=release)
