"""Times bounded checking in Z3 against the encoding that comes to mind first, as whole processes in the same rounds.

Times are processor time: each process has one thread, and others on the machine do not count.

Usage: python -m bench.bounded [--depth N] [--rounds N] [--config CONFIG] [--split SPLIT]

All decide the same system, all its properties at once, for the same depth. The naive encoding has a number for each
operation and one guarded equality for each operation and leaf, whole words, and nothing that was refuted at one depth is
told to the solver at the next. "bounded" unrolls as far as that. "check" is what ``ptecheck check --depth`` does: it looks
at the states of a small system first and then unrolls no further than to the deepest of them.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys

from checker.bmc import check_bounded
from checker.decision import Options, decide
from checker.solver import Solver
from checker.system import Relation, TransitionSystem
from checker.terms import BOOL, Term, connect, equal, negate, variable
from checker.unroll import choice, in_range, renamed, start_at, state_at
from checker.verdict import Verdict
from models.registry import architecture
from models.worlds import mm_system


def naive(system: TransitionSystem, depth: int) -> int | None:
    """The depth of the first violation, or None; by the naive encoding.

    Args:
        system: what to check.
        depth: the largest number of transitions.
    """
    relation, solver = system.relation, Solver()
    state = state_at(relation, 0)
    solver.add(*start_at(relation, state).conditions)
    for time_ in range(depth + 1):
        if time_:
            after = state_at(relation, time_)
            solver.add(*_guarded(relation, state, after, time_))
            state = after
        violated = variable(f"violated@{time_}", BOOL)
        holds = renamed(relation, list(relation.properties), state)
        solver.add(connect("or", (negate(violated), *map(negate, holds))))
        if solver.satisfiable([violated]):
            return time_
    return None


def _guarded(relation: Relation, before: tuple[Term, ...], after: tuple[Term, ...], time_: int) -> list[Term]:
    pick = choice(time_, len(relation.steps))
    conditions = [in_range(pick, len(relation.steps))]
    for number, step in enumerate(relation.steps):
        guard, *values = renamed(relation, [step.guard, *step.values], before)
        effects = [guard, *(equal(leaf, value) for leaf, value in zip(after, values, strict=True))]
        conditions += [connect("or", (negate(equal(pick, number)), effect)) for effect in effects]
    return conditions


def bounded(system: TransitionSystem, depth: int) -> int | None:
    """The depth of the first violation, or None; by the bounded engine, to the full depth."""
    found = check_bounded(system, depth, settle=False)
    return min(found.violations.values(), default=None)


def check(system: TransitionSystem, depth: int) -> int | None:
    """The depth of the first violation, or None; by all that ``ptecheck check --depth`` does."""
    results = decide(system, Options(depth=depth))
    return min((r.depth for r in results if r.verdict is Verdict.VIOLATED and r.depth is not None), default=None)


ENGINES = {"naive": naive, "bounded": bounded, "check": check}


def _spent() -> float:
    """Seconds of processor time of all processes so far that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _timed(engine: str, arguments: list[str]) -> tuple[float, str]:
    began = _spent()
    command = [sys.executable, "-m", "bench.bounded", "--engine", engine, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return _spent() - began, done.stdout.strip()


def main() -> None:
    """Measures and prints the table; or, with ``--engine``, is one of the measured."""
    parser = argparse.ArgumentParser(description="bounded checking against a naive encoding")
    parser.add_argument("--depth", type=int, default=20, help="unroll to this depth (default: 20)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds to run (default: 5)")
    parser.add_argument("--config", default="loongarch/huacai", help="default: loongarch/huacai")
    parser.add_argument("--split", default="carry-dirty", help="default: carry-dirty")
    parser.add_argument("--engine", choices=ENGINES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.engine:
        found = ENGINES[args.engine](mm_system(architecture(args.config), args.split), args.depth)
        print("holds" if found is None else f"violated in {found} steps")
        return
    arguments = ["--depth", str(args.depth), "--config", args.config, "--split", args.split]
    times: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    for number in range(args.rounds):
        print(f"round {number + 1} of {args.rounds}", file=sys.stderr)
        answers = set()
        for engine, seconds in times.items():
            took, answer = _timed(engine, arguments)
            seconds.append(took)
            answers.add(answer)
        if len(answers) != 1:
            sys.exit(f"the encodings do not agree: {', '.join(sorted(answers))}")
    print(f"{args.config}, mm world, {args.split}, all properties to depth {args.depth}: {answers.pop()}.\n")
    print("| | processor time | min to max | times faster than naive | rounds |\n| --- | --- | --- | --- | --- |")
    for engine, seconds in times.items():
        ratio = statistics.median(a / b for a, b in zip(times["naive"], seconds, strict=True))
        spread = f"{min(seconds):.2f} to {max(seconds):.2f} s"
        print(f"| {engine} | {statistics.median(seconds):.2f} s | {spread} | {ratio:.1f} | {args.rounds} |")


if __name__ == "__main__":
    main()
