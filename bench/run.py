"""Times ptecheck's own jobs as whole processes, in turn with a bare Python start, and prints medians and ratios.

Usage: python -m bench.run [--rounds N] [--quick] [--only TEXT]
Every round runs each command once, so that a ratio compares runs of the same minute on the same machine.
"""

from __future__ import annotations

import argparse
import difflib
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """One measured command.

    Attributes:
        name: what the row is called.
        arguments: the command after ``python``.
        statuses: exit statuses that mean it did its job.
        goal: seconds the project promises, or None.
        slow: left out of a quick run.
        tree: needs a kernel tree (``make kernel-trees``); left out where there is none.
        remember: may answer from what the warm-up has kept; all else is work, not memory.
    """

    name: str
    arguments: tuple[str, ...]
    statuses: tuple[int, ...] = (0,)
    goal: float | None = None
    slow: bool = False
    tree: bool = False
    remember: bool = False


PTECHECK = ("-m", "checker.cli")
KERNEL = (*PTECHECK, "check", "--world", "kernel", "--mm", "linux-6.12")
KERNEL_TREE = Path(".cache/kernel/linux-6.12")
TREE = (*PTECHECK, "check", "--kernel", str(KERNEL_TREE))
HEADER = "arch/loongarch/include/asm/pgtable.h"
CASES = (
    Case("bare Python", ("-c", "pass")),
    Case("ptecheck --version", (*PTECHECK, "--version")),
    Case("ptecheck --help", (*PTECHECK, "--help"), goal=0.3),
    Case("one configuration, all proved", (*PTECHECK, "check", "loongarch/linux-6.12"), goal=2.0),
    Case("one configuration, violated", (*PTECHECK, "check", "loongarch/original"), (1,), goal=2.0),
    Case("one system", (*PTECHECK, "check", "loongarch/original", "--split", "carry-dirty"), (1,)),
    Case(
        "shortest counterexample of the original bug",
        (*PTECHECK, "check", "loongarch/original", "--split", "carry-dirty", "--invariant", "cow-isolation"),
        (1,),
    ),
    Case("two processes, all proved", (*PTECHECK, "check", "loongarch/huacai", "--split", "carry-dirty"), goal=0.3),
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
    Case("a whole kernel tree", (*TREE, "--no-cache"), (1,), goal=30.0, slow=True, tree=True),
    Case("the same, one process", (*TREE, "--no-cache", "--jobs", "1"), (1,), slow=True, tree=True),
    Case("the same, a second run", TREE, (1,), goal=5.0, slow=True, tree=True, remember=True),
    Case("one architecture of a tree, riscv64", (*TREE, "riscv64"), goal=2.0, tree=True),
    Case("one architecture of a tree, x86-64", (*TREE, "x86-64"), (1,), goal=2.0, tree=True),
    Case("a patch to one architecture", (*TREE, "loongarch", "--patch", "{patch}"), (1,), goal=5.0, tree=True),
    Case("a search for 207,342 states", ("-m", "bench.study", "4", "2")),
    Case("a search for millions of states", ("-m", "bench.study", "4", "3"), slow=True),
    Case("every scenario of the kernel's selftests", (*PTECHECK, "scenario", "docs/scenarios"), slow=True),
)


def regression() -> str:
    """A patch that lets ``pte_mkdirty()`` set the hardware-write bit of every entry again."""
    old = (KERNEL_TREE / HEADER).read_text().splitlines(keepends=True)
    condition = next(i for i, line in enumerate(old) if line.lstrip().startswith("if (") and "_PAGE_WRITE)" in line)
    new = [*old[:condition], *old[condition + 1 :]]
    return "".join(difflib.unified_diff(old, new, f"a/{HEADER}", f"b/{HEADER}"))


def run_once(case: Case, scratch: Path) -> float:
    """Wall-clock seconds of one whole process.

    Args:
        case: the command.
        scratch: a folder for the patch and for what is remembered.

    Raises:
        SystemExit: the command did not do its job.
    """
    environment = {**os.environ, "PTECHECK_CACHE": str(scratch) if case.remember else ""}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # users import compiled modules
    arguments = [argument.format(patch=scratch / "regression.patch") for argument in case.arguments]
    began = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, check=False, env=environment)
    seconds = time.perf_counter() - began
    if done.returncode not in case.statuses:
        sys.exit(f"{case.name}: exit status {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
    return seconds


def measure(cases: tuple[Case, ...], rounds: int, scratch: Path) -> dict[str, list[float]]:
    """Seconds of each case in each round, after one warm-up of each."""
    times: dict[str, list[float]] = {case.name: [] for case in cases}
    if any(case.tree for case in cases):
        (scratch / "regression.patch").write_text(regression())
    for case in cases:
        run_once(case, scratch)
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for case in cases:
            times[case.name].append(run_once(case, scratch))
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
    parser.add_argument("--only", metavar="TEXT", default="", help="only rows whose name contains this")
    args = parser.parse_args()
    tree = KERNEL_TREE.is_dir()
    cases = tuple(case for case in CASES if not (args.quick and case.slow) and (tree or not case.tree))
    cases = (cases[0], *(case for case in cases[1:] if args.only in case.name))
    if not tree:
        print(f"no {KERNEL_TREE}: its rows are left out; make kernel-trees fetches it", file=sys.stderr)
    with tempfile.TemporaryDirectory() as scratch:
        times = measure(cases, 1 if args.quick else args.rounds, Path(scratch))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(
        f"Python {platform.python_version()}, {platform.machine()}, {cores} cores, {len(times['bare Python'])} rounds\n"
    )
    print(table(cases, times))


if __name__ == "__main__":
    main()
