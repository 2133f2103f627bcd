"""Times ptecheck's own jobs as whole processes, in turn with a bare Python start, and prints medians and ratios.

Usage: python -m bench.run [--rounds N] [--quick]
Every round runs each command once, so that a ratio compares runs of the same minute on the same machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One measured command.

    Attributes:
        name: what the row is called.
        arguments: the command after ``python``.
        statuses: exit statuses that mean it did its job.
        goal: seconds the project promises, or None.
        slow: left out of a quick run.
    """

    name: str
    arguments: tuple[str, ...]
    statuses: tuple[int, ...] = (0,)
    goal: float | None = None
    slow: bool = False


PTECHECK = ("-m", "checker.cli")
KERNEL = (*PTECHECK, "check", "--world", "kernel", "--mm", "linux-6.12")
CASES = (
    Case("bare Python", ("-c", "pass")),
    Case("ptecheck --version", (*PTECHECK, "--version")),
    Case("ptecheck --help", (*PTECHECK, "--help"), goal=0.3),
    Case("one configuration, all proved", (*PTECHECK, "check", "loongarch/linux-6.12"), goal=2.0),
    Case("one configuration, violated", (*PTECHECK, "check", "loongarch/original"), (1,), goal=2.0),
    Case("one system", (*PTECHECK, "check", "loongarch/original", "--split", "carry-dirty"), (1,)),
    Case("the default comparison", (*PTECHECK, "check"), (1,), goal=10.0),
    Case("the default comparison, one process", (*PTECHECK, "check", "--jobs", "1"), (1,), slow=True),
    Case("whole kernel, two processes, sparc64", (*KERNEL, "sparc64/linux-6.12"), goal=5.0),
    Case("whole kernel, two processes, loongarch", (*KERNEL, "loongarch/linux-6.12"), goal=5.0),
    Case("whole kernel, two processes, x86-64", (*KERNEL, "x86-64/linux-6.12"), slow=True),
    Case("the same, violated", (*KERNEL, "loongarch/original"), (1,), slow=True),
    Case(
        "whole kernel, three processes, loongarch",
        (*KERNEL, "loongarch/linux-6.12", "--processes", "3"),
        goal=60.0,
        slow=True,
    ),
    Case("every scenario of the kernel's selftests", (*PTECHECK, "scenario", "docs/scenarios"), slow=True),
)


def run_once(case: Case) -> float:
    """Wall-clock seconds of one whole process.

    Raises:
        SystemExit: the command did not do its job.
    """
    began = time.perf_counter()
    environment = {**os.environ, "PTECHECK_CACHE": ""}  # measured is the work, not the memory of it
    done = subprocess.run([sys.executable, *case.arguments], capture_output=True, check=False, env=environment)
    seconds = time.perf_counter() - began
    if done.returncode not in case.statuses:
        sys.exit(f"{case.name}: exit status {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
    return seconds


def measure(cases: tuple[Case, ...], rounds: int) -> dict[str, list[float]]:
    """Seconds of each case in each round, after one warm-up of each."""
    times: dict[str, list[float]] = {case.name: [] for case in cases}
    for case in cases:
        run_once(case)
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for case in cases:
            times[case.name].append(run_once(case))
    return times


def table(cases: tuple[Case, ...], times: dict[str, list[float]]) -> str:
    """Medians, spread and ratios to a bare Python start of the same round, as Markdown."""
    bare = times[cases[0].name]
    lines = ["| command | median | min to max | x bare Python | goal |", "| --- | --- | --- | --- | --- |"]
    for case in cases:
        mine = times[case.name]
        ratio = statistics.median(a / b for a, b in zip(mine, bare, strict=True))
        goal = f"under {case.goal:g} s" if case.goal else ""
        lines.append(
            f"| {case.name} | {statistics.median(mine):.3f} s | {min(mine):.3f} to {max(mine):.3f} s "
            f"| {ratio:.1f} | {goal} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description="measure ptecheck")
    parser.add_argument("--rounds", type=int, default=5, help="rounds to run (default: 5)")
    parser.add_argument("--quick", action="store_true", help="one round without the slowest rows: does it still run?")
    args = parser.parse_args()
    cases = tuple(case for case in CASES if not (args.quick and case.slow))
    times = measure(cases, 1 if args.quick else args.rounds)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(
        f"Python {platform.python_version()}, {platform.machine()}, {cores} cores, {len(times['bare Python'])} rounds\n"
    )
    print(table(cases, times))


if __name__ == "__main__":
    main()
