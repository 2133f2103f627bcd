"""``ptecheck reductions``: each reduction in a sentence, and whether its argument holds for a configuration."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

from checker.arguments import Judged, dead_bits, judged, renaming
from checker.cli.check import plan
from checker.cli.jobs import REDUCTIONS, Job, build_system, find_architecture, system_with
from checker.immaterial import bits_that_matter
from checker.limits import Budget, OutOfBudget, watch_interrupts
from checker.records import dataclass, replace
from checker.reduction import obligations
from checker.search import search
from checker.verdict import EXIT_HOLDS, EXIT_UNDECIDED, EXIT_VIOLATED

ARGUMENTS = {
    "dead-bits": "of states that differ only in dropped bits, every guard, property, premise and next state is the same",
    "immaterial": "of states like a reached one that differ only in those bits, likewise; else the bits are searched",
    "frames": "whatever the numbers are, an operation does to a state what it does to its canonical form",
    "views": "every step is, in each view of its outcome, a step from a view of where it began, or none",
}
"""What the solver is asked about each reduction; the names are those of :data:`checker.cli.jobs.REDUCTIONS`."""


@dataclass(frozen=True)
class Answer:
    """What came out for one reduction of one system.

    Attributes:
        reduction: its name.
        holds: it is sound; None if that was not decided.
        says: with what figures, or why not.
        seconds: for the argument, the system's construction included.
    """

    reduction: str
    holds: bool | None
    says: str
    seconds: float = 0.0


def used_by(job: Job) -> tuple[str, ...]:
    """The reductions that make a difference to the search of a job."""
    if job.world == "codes":
        return ()  # nothing moves and nothing is searched
    if job.world in ("pte", "helpers", "levels"):
        return ("dead-bits", "immaterial")
    return ("dead-bits", "frames", "views") if job.world == "kernel" else ("dead-bits", "frames")


def prove(job: Job, reduction: str, seconds: float | None = None) -> Answer:
    """Puts the argument for one reduction of a job's system to the solver.

    Args:
        job: what is searched.
        reduction: one of :func:`used_by`.
        seconds: time limit, or None.
    """
    began = time.monotonic()
    answer = _PROVERS[reduction](job, Budget(seconds))
    return replace(answer, seconds=time.monotonic() - began)


def _dead_bits(job: Job, budget: Budget) -> Answer:
    return _answer("dead-bits", judged(dead_bits(build_system(job).reduced), budget))


def _views(job: Job, budget: Budget) -> Answer:
    return _answer("views", judged(obligations(build_system(job)), budget))


def _frames(job: Job, budget: Budget) -> Answer:
    from models.mm.focus import canonical

    arch = find_architecture(job.config, job.kernel)
    whole = system_with(replace(job, without=("frames",)), arch)
    return _answer("frames", judged(renaming(whole, system_with(job, arch), canonical), budget))


def _immaterial(job: Job, budget: Budget) -> Answer:
    """The argument is about reached states, so they are searched first."""
    system = build_system(job)
    reach = search(system.reduced, budget)
    if not reach.complete:
        return Answer("immaterial", None, f"not all states were enumerated: {reach.stopped}")
    try:
        matter = bits_that_matter(system, reach, budget)
    except OutOfBudget as why:
        return Answer("immaterial", None, str(why))
    if not matter:
        return Answer("immaterial", True, f"in all {len(reach.states)} states")
    named = ", ".join(f"{bits:#x} of {leaf}" for leaf, bits in matter.items())
    return Answer("immaterial", True, f"but for bits that do matter, and are searched ({named} and perhaps others)")


_PROVERS: dict[str, Callable[[Job, Budget], Answer]] = {
    "dead-bits": _dead_bits,
    "immaterial": _immaterial,
    "frames": _frames,
    "views": _views,
}


def _answer(reduction: str, found: Judged) -> Answer:
    if found.refuted:
        return Answer(reduction, False, f"{len(found.refuted)} of {found.count} formulas, first: {found.refuted[0]}")
    if found.undecided:
        return Answer(reduction, None, f"{found.count - 1} formulas hold, then {found.undecided}")
    return Answer(reduction, True, f"{found.count} formulas")


def _lines(job: Job, answers: list[Answer]) -> Iterator[str]:
    yield f"{job.config}, {job.title}"
    for answer in answers:
        word = {True: "holds", False: "REFUTED", None: "not decided"}[answer.holds]
        yield f"  {answer.reduction:11}{word}: {answer.says} ({answer.seconds:.1f} s)"


def _listing() -> str:
    return "\n".join(f"{name}\n    {says}\n    because: {ARGUMENTS[name]}" for name, says in REDUCTIONS.items())


def run_reductions(args: argparse.Namespace) -> int:
    """Runs ``ptecheck reductions`` and returns its exit status."""
    if not args.configs:
        print(_listing())
        return EXIT_HOLDS
    watch_interrupts()
    jobs = plan(args)
    tasks = [(job, name) for job in jobs for name in used_by(job)]
    found: dict[Job, list[Answer]] = {}
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    count = max(1, min(args.jobs or os.cpu_count() or 1, len(tasks)))
    with ProcessPoolExecutor(count, multiprocessing.get_context(method)) as pool:
        started = [(job, pool.submit(prove, job, name, args.timeout)) for job, name in tasks]
        for job, future in started:
            answers = found.setdefault(job, [])
            answers.append(future.result())
            if len(answers) == len(used_by(job)):
                print("\n".join(_lines(job, answers)), flush=True)
    every = [answer.holds for answers in found.values() for answer in answers]
    if False in every:
        return EXIT_VIOLATED
    return EXIT_UNDECIDED if None in every else EXIT_HOLDS
