"""Times the two ways to a proof of the mm world, by all its states and by clauses, as the number of processes grows.

Usage: python -m bench.beyond [--processes N...] [--rounds N] [--timeout S] [--config CONFIG] [--split SPLIT]

Both are whole processes of one thread in the same rounds, by their processor time: every invariant is decided, the proofs
re-checked as a verdict has them. By clauses is what is left when the search of all states stops at a limit: here at half
of the states and never at more than :data:`LIMIT`, which shows that operations are possible and decides nothing.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
from typing import Any

from checker.decision import Options, decide
from checker.verdict import Verdict
from models.registry import architecture
from models.worlds import mm_system

WAYS = ("states", "clauses")
EVERY, LIMIT = 100_000_000, 2_000_000
"""How many states may be enumerated by either way."""

LONG = 6
"""From so many processes on there is one round: a minute and more for each way."""


def decide_once(states: int, processes: int, config: str, split: str, timeout: float) -> dict[str, Any]:
    """What is said with a limit on states: the verdicts, how many were enumerated, and the clauses of the largest proof."""
    system = mm_system(architecture(config), split, processes)
    results = decide(system, Options(seconds=timeout, states=states))
    return {
        "verdicts": sorted({result.verdict.value for result in results}),
        "states": results[0].states,
        "clauses": max((len(r.certificate.clauses) for r in results if r.certificate), default=None),
    }


def _spent() -> float:
    """Seconds of processor time of all processes so far that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _timed(states: int, processes: int, args: argparse.Namespace) -> tuple[float, dict[str, Any]]:
    options = ["--config", args.config, "--split", args.split, "--timeout", str(args.timeout)]
    command = [sys.executable, "-m", "bench.beyond", "--states", str(states), "--processes", str(processes), *options]
    began = _spent()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return _spent() - began, json.loads(done.stdout)


def _row(processes: int, args: argparse.Namespace) -> str:
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    found: dict[str, dict[str, Any]] = {}
    rounds = args.rounds if processes < LONG else 1
    for _ in range(rounds):
        limit = EVERY
        for way, seconds in times.items():
            took, found[way] = _timed(limit, processes, args)
            seconds.append(took)
            limit = min(LIMIT, int(found["states"]["states"] or EVERY) // 2)
    cells = []
    for way, size in (("states", "states"), ("clauses", "clauses")):
        proved = found[way]["verdicts"] == [Verdict.PROVED.value]
        cells.append(f"{found[way][size]}" if proved else "")
        cells.append(f"{statistics.median(times[way]):.2f} s" if proved else "not decided")
    return f"| {processes} | {' | '.join(cells)} | {rounds} |"


def main() -> None:
    """Measures and prints the table; or, with ``--states``, is one of the measured."""
    parser = argparse.ArgumentParser(description="proofs by all states against proofs by clauses")
    parser.add_argument("--processes", type=int, nargs="+", default=[2, 3, 4, 5, 6], help="default: 2 to 6")
    parser.add_argument("--rounds", type=int, default=3, help="rounds to run (default: 3)")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for each (default: 300)")
    parser.add_argument("--config", default="loongarch/huacai", help="default: loongarch/huacai")
    parser.add_argument("--split", default="carry-dirty", help="default: carry-dirty")
    parser.add_argument("--states", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.states:
        print(json.dumps(decide_once(args.states, args.processes[0], args.config, args.split, args.timeout)))
        return
    print(f"{args.config}, mm world, {args.split}: every invariant\n")
    print(
        "| processes | states | by all states | clauses | by clauses | rounds |\n| --- | --- | --- | --- | --- | --- |"
    )
    for processes in args.processes:
        print(_row(processes, args), flush=True)


if __name__ == "__main__":
    main()
