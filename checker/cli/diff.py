"""``ptecheck diff``: two configurations side by side in every world that both have, and whether they can be told apart."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from checker.cli.jobs import Job, build_system, cores, find_architecture, kernel_of, remembered_or_decided
from checker.cli.main import UsageError
from checker.cli.pool import on_every
from checker.cli.sides import Side, has_mm, two_sides, unread
from checker.decision import Options
from checker.limits import watch_interrupts
from checker.memory import fair_share
from checker.verdict import EXIT_HOLDS, EXIT_UNDECIDED, EXIT_VIOLATED, Result, Verdict

if TYPE_CHECKING:
    from checker.system import TransitionSystem

SCHEMA = "ptecheck.diff/1"


@dataclass(frozen=True)
class Question:
    """Two jobs of one world, to be put side by side.

    Attributes:
        left, right: the sides.
        cost: what a store costs on each; else what can be told apart.
    """

    left: Job
    right: Job
    cost: bool = False

    @property
    def title(self) -> str:
        """The world and its choices for a reader."""
        return self.left.title


@dataclass(frozen=True)
class Answer:
    """A question with its results.

    Attributes:
        question: what was asked.
        results: one for each invariant of the pair; none if a side could not be read.
        only: names of starts and operations that only A has, and that only B has.
        unread: why nothing could be asked, or "".
    """

    question: Question
    results: tuple[Result, ...]
    only: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    unread: str = ""


def pair_system(question: Question) -> TransitionSystem:
    """The system of both sides.

    Raises:
        UsageError: they have no start or no operation in common.
    """
    from models import worlds

    jobs = (question.left, question.right)
    arches = [find_architecture(job.config, job.kernel) for job in jobs]
    if question.cost:
        return worlds.cost_system(kernel_of(jobs[0], arches[0]), kernel_of(jobs[1], arches[1]))
    sides = [(arch, build_system(job)) for arch, job in zip(arches, jobs, strict=True)]
    system = worlds.difference_system(question.left.world, sides[0], sides[1])
    if not system.starts or not system.operations:
        raise UsageError(f"{jobs[0].config} and {jobs[1].config} have nothing in common: {question.title}")
    return system


def answered(question: Question, options: Options) -> Answer:
    """Decides one question."""
    from models.difference import only_one_has

    system = pair_system(question)
    mine, yours = only_one_has(build_system(question.left), build_system(question.right))
    return Answer(question, tuple(remembered_or_decided(system, options)), (tuple(mine), tuple(yours)))


def asked(args: argparse.Namespace, questions: list[Question]) -> list[Answer]:
    """Every question decided, in processes of their own."""
    count = min(cores(args.jobs), len(questions))
    # In the PTE world an invariant fits a page; of two processes the closed set of pairs is found much sooner.
    options = [
        Options(
            seconds=args.timeout,
            memory=fair_share(max(1, count)),
            remember=not args.no_cache,
            clauses=question.left.world == "pte",
        )
        for question in questions
    ]
    return on_every(list(zip(questions, options, strict=True)), _answered, args.jobs)


def _answered(task: tuple[Question, Options]) -> Answer:
    return answered(*task)


def run_diff(args: argparse.Namespace) -> int:
    """Runs ``ptecheck diff`` and returns its exit status."""
    watch_interrupts()
    if args.faults:
        from checker.cli.costs import run_costs

        return run_costs(args)
    sides = two_sides(args)
    reasons = [f"{side.title}: {why}" for side in sides if (why := unread(side))]
    questions = [] if reasons else list(_questions(args, sides))
    answers = asked(args, questions)
    from checker.cli import diff_report

    if args.json:
        from checker.cli.output import write_json

        write_json(diff_report.json_data(sides, answers, reasons), args.json)
    if args.json != "-":
        sys.stdout.write(diff_report.text(sides, answers, reasons, args.traces))
    return status_of(answers, reasons)


def status_of(answers: list[Answer], reasons: list[str]) -> int:
    """1 if something differs, 3 if something is not decided, else 0."""
    results = [result for answer in answers for result in answer.results]
    if any(r.verdict is Verdict.VIOLATED for r in results) or any(any(answer.only) for answer in answers):
        return EXIT_VIOLATED
    return EXIT_UNDECIDED if reasons or any(r.verdict is not Verdict.PROVED for r in results) else EXIT_HOLDS


def _questions(args: argparse.Namespace, sides: tuple[Side, Side]) -> Iterator[Question]:
    """The worlds to look at, each with every choice that was not made."""
    possible = all(map(has_mm, sides))
    if args.world in ("mm", "kernel") and not possible:
        lacking = next(side for side in sides if not has_mm(side))
        raise UsageError(f"the model does not know what {lacking.machine} chooses in generic mm: use --world pte")
    worlds = [args.world] if args.world else ["pte", "mm"] if possible else ["pte"]
    if args.split is not None:
        _known_split(args)
        worlds = [world for world in worlds if world == "mm"]
    releases = releases_of(args, "kernel" in worlds)
    make = partial(_question, sides)
    for world in worlds:
        if world == "pte":
            yield make(world="pte")
        elif world == "mm":
            yield from (make(world="mm", split=name) for name in _splits(args))
        else:
            yield from (make(world="kernel", generation=name) for name in releases)


def _question(sides: tuple[Side, Side], **choices: str) -> Question:
    left, right = (Job(side.config, kernel=side.kernel, **choices) for side in sides)  # type: ignore[arg-type]
    return Question(left, right)


def _known_split(args: argparse.Namespace) -> None:
    from models.mm.orders import SPLITS
    from models.registry import suggest

    if args.world not in (None, "mm"):
        raise UsageError(f"--split belongs to the mm world: leave out --world {args.world}")
    if args.split not in SPLITS:
        raise UsageError(str(suggest(args.split, SPLITS, "split")))


def _splits(args: argparse.Namespace) -> list[str]:
    from models.mm.orders import COMPARED_SPLITS

    return [args.split] if args.split else list(COMPARED_SPLITS)


def releases_of(args: argparse.Namespace, used: bool) -> list[str]:
    """The releases of generic mm to look at: the one that was asked for, or each.

    Args:
        args: the arguments.
        used: whether a release means anything here.

    Raises:
        UsageError: there is no such release, or it was named for nothing.
    """
    from models.mm.kernel import GENERATIONS
    from models.registry import suggest

    if args.mm is None:
        return list(GENERATIONS)
    if not used:
        raise UsageError("--mm belongs to the whole kernel: add --world kernel or --faults")
    if args.mm not in GENERATIONS:
        raise UsageError(str(suggest(args.mm, GENERATIONS, "release of generic mm")))
    return [args.mm]
