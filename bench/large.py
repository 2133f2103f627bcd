"""A search of millions of states beside SPIN's compiled one: time, states a second, and memory.

Usage: python -m bench.large [--rounds N] [--quick]
In each round every search runs once, as a process of its own, and is the only one at that time. Ours is everything from
Python's start on; SPIN's verifier is compiled beforehand, which has a row of its own.
Memory is the peak of the process. Exit status 1: the numbers of states differ, or a search failed.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from bench import tools
from bench.growth import World, system_of, world_of
from bench.peers import spin
from bench.peers.process import last_line
from bench.tools import Failed

OURS = "ptecheck"


@dataclass(frozen=True)
class Job:
    """A world to search.

    Attributes:
        name: for the table.
        world: what is searched.
        rounds: no more than so many.
    """

    name: str
    world: World
    rounds: int = 100


@dataclass(frozen=True)
class Way:
    """A way for SPIN to search.

    Attributes:
        name: for the table.
        breadth_first: how it searches; else depth first.
        options: of the verifier.
    """

    name: str
    breadth_first: bool
    options: tuple[str, ...]

    @property
    def program(self) -> str:
        """What the verifier for it is called."""
        return "pan-breadth" if self.breadth_first else "pan-depth"


@dataclass(frozen=True)
class Run:
    """One search: states found, seconds on the wall, and megabytes at the peak."""

    states: int
    seconds: float
    megabytes: float


JOBS = (
    Job("study's world, 4 processes, 3 frames", World("study", "", (), 4, 3)),
    Job("whole kernel, 3 processes, sparc64", World("kernel", "sparc64/linux-6.12", ("all",), 3), rounds=1),
)
SMALL = Job("study's world, 3 processes, 3 frames", World("study", "", (), 3, 3))
DEEP = "-m4000000"
WAYS = (
    Way("SPIN -O2, depth first, -w20", False, ("-w20", DEEP)),
    Way("SPIN -O2, depth first, -w24", False, ("-w24", DEEP)),
    Way("SPIN -O2, breadth first, -w24", True, ("-w24",)),
)


def watched(command: Sequence[str], folder: Path) -> tuple[str, float, float]:
    """What a command prints, its seconds, and the megabytes of its process at the peak.

    The peak that the system tells of a child is at least what the parent had when it started the child, so that this
    process must stay smaller than what it measures.

    Raises:
        OSError: the program cannot be started.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.monotonic()
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
        )
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read().decode(errors="replace")
    return text, seconds, used.ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20)


def ours(job: Job, root: Path) -> Run:
    """Our search.

    Raises:
        Failed: it did not find every state.
    """
    command = (sys.executable, "-m", "bench.growth", "--world", json.dumps(asdict(job.world)))
    said, seconds, megabytes = watched(command, root)
    try:
        found = json.loads(said)
    except json.JSONDecodeError:
        raise Failed(f"{OURS}: {last_line(said)}") from None
    if not found["complete"]:
        raise Failed(f"{OURS}: more than {found['states']:,} states")
    return Run(found["states"], seconds, megabytes)


def write_promela(world: World, path: Path) -> None:
    """Writes the Promela model of a world."""
    from checker.export import promela
    from checker.export.model import exported

    path.write_text(promela.text(exported(system_of(world))), encoding="ascii")


def prepare(job: Job, root: Path, folder: Path) -> float:
    """Makes SPIN's verifiers, and says how long the slowest one takes from model to program.

    Raises:
        Failed: one was not made.
    """
    made = (sys.executable, "-m", "bench.large", "--promela", str(folder), "--world", json.dumps(asdict(job.world)))
    said, written, _ = watched(made, root)
    if not (folder / spin.MODEL).exists():
        raise Failed(f"SPIN: {last_line(said)}")
    try:
        translated = _seconds(partial(spin.translate_verifier, folder))
        verifiers = {way.program: way.breadth_first for way in WAYS}
        compiled = [_seconds(partial(spin.compile_verifier, folder, *verifier)) for verifier in verifiers.items()]
    except spin.NotMade as why:
        raise Failed(f"SPIN: {why}") from None
    return written + translated + max(compiled)


def _seconds(job: Callable[[], None]) -> float:
    began = time.monotonic()
    job()
    return time.monotonic() - began


def theirs(way: Way, folder: Path) -> Run:
    """SPIN's search in one of its ways.

    Raises:
        Failed: it did not come to its end.
    """
    said, seconds, megabytes = watched((f"./{way.program}", "-E", *way.options), folder)
    report = spin.read_report(said)
    if report.states is None:
        raise Failed(f"{way.name}: {report.note or report.verdict}")
    return Run(report.states, seconds, megabytes)


def measure(job: Job, rounds: int, root: Path, folder: Path) -> dict[str, list[Run]]:
    """Every search's runs by its name, ours first, after one of ours that only warms up.

    Raises:
        Failed: a search did not come to its end.
    """
    runs: dict[str, list[Run]] = {OURS: []}
    ours(job, root)
    for number in range(rounds):
        print(f"{job.name}: round {number + 1}", file=sys.stderr)
        runs[OURS].append(ours(job, root))
        for way in WAYS:
            runs.setdefault(way.name, []).append(theirs(way, folder))
    return runs


def differing(runs: dict[str, list[Run]]) -> str:
    """What is wrong if not all found as many states; else nothing."""
    counts = {name: {run.states for run in found} for name, found in runs.items()}
    if len(set().union(*counts.values())) == 1:
        return ""
    return "numbers of states differ: " + "; ".join(f"{n} {sorted(c)}" for n, c in counts.items())


HEAD = (
    "| search | who | states | process | million states a second | peak memory | time, x ours | memory, x ours | rounds |",
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
)


def rows(name: str, runs: dict[str, list[Run]]) -> list[str]:
    """The runs as rows of a Markdown table: medians, and the medians of the rounds' ratios."""
    mine, lines = runs[OURS], []
    for who, found in runs.items():
        seconds = statistics.median(run.seconds for run in found)
        rate = statistics.median(run.states / run.seconds for run in found) / 1e6
        memory = statistics.median(run.megabytes for run in found)
        slower = statistics.median(run.seconds / own.seconds for run, own in zip(found, mine, strict=True))
        larger = statistics.median(run.megabytes / own.megabytes for run, own in zip(found, mine, strict=True))
        first, shown = (f"**{who}**", name) if who == OURS else (who, "")
        lines.append(
            f"| {shown} | {first} | {found[0].states:,} | {seconds:.2f} s | {rate:.2f} | {memory:.0f} MB "
            f"| {slower:.2g} | {larger:.2g} | {len(found)} |"
        )
    return lines


def report(job: Job, rounds: int) -> None:
    """Measures a world and prints its rows.

    Raises:
        Failed: a search did not come to its end, or found other states than ours.
    """
    root = Path(__file__).resolve().parent.parent
    with tempfile.TemporaryDirectory(prefix="ptecheck-large-") as name:
        made = prepare(job, root, Path(name))
        runs = measure(job, rounds, root, Path(name))
    print("\n".join(rows(job.name, runs)), flush=True)
    print(f"| | SPIN, from model to program | | {made:.2f} s | | | | | 1 |", flush=True)
    if wrong := differing(runs):
        raise Failed(wrong)


def main() -> int:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description="measure large searches beside SPIN's")
    parser.add_argument("--rounds", type=int, default=5, help="rounds to run (default: 5)")
    parser.add_argument("--quick", action="store_true", help="one round of a small world")
    parser.add_argument("--promela", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--world", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.promela:
        write_promela(world_of(args.world), args.promela / spin.MODEL)
        return 0
    if missing := [program for program in ("spin", "gcc") if not shutil.which(program)]:
        sys.exit(f"{missing[0]} is not installed: apt-get install spin gcc")
    print(
        f"{datetime.date.today().isoformat()}, {tools.machine()}\n\n{tools.versions()}\n\n" + "\n".join(HEAD),
        flush=True,
    )
    status = 0
    for job in (SMALL,) if args.quick else JOBS:
        try:
            report(job, 1 if args.quick else min(args.rounds, job.rounds))
        except Failed as why:
            status = 1
            print(f"| {job.name} | {why} | | | | | | | |", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
