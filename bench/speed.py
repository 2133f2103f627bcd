"""Times ptecheck beside other model checkers on the same exported systems, in the same rounds.

Usage: python -m bench.speed [--rounds N] [--quick] [--only TEXT]
Ours is always a whole process with nothing remembered. A peer is timed from the exported terms on, which it is given for
nothing: writing them in its language and its own translation, compiling, and the search, which is also shown alone.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from bench import tools
from bench.agree import MISSING
from bench.peers.answer import Answer
from bench.peers.asking import Peer, ask
from checker.export.model import Exported, exported

PTECHECK = ("-m", "checker.cli", "check", "--no-cache")
MM = ("--split", "carry-dirty")
KERNEL = ("--world", "kernel", "--mm", "linux-6.12")


@dataclass(frozen=True)
class Rival:
    """A peer and how it is asked.

    Attributes:
        name: for the table.
        module: of :mod:`bench.peers`; its function ``run`` is asked.
        options: further arguments of the function.
        depth: the bound, or None.
        properties: which are asked, one after the other; "" is all at once, where the peer can do that.
    """

    name: str
    module: str
    options: tuple[tuple[str, Any], ...] = ()
    depth: int | None = None
    properties: tuple[str, ...] = ("",)

    def run(self) -> Peer:
        """The peer's function with its options.

        Raises:
            ModuleNotFoundError: a module that it needs is not there.
        """
        function: Callable[..., Answer] = importlib.import_module(f"bench.peers.{self.module}").run
        return partial(function, **dict(self.options))


@dataclass(frozen=True)
class Race:
    """A question that all are asked.

    Attributes:
        name: for the table and for ``--only``.
        config, world, processes: the system; the world is ``kernel`` or a split of the mm world.
        arguments: ours, after ``ptecheck check``.
        statuses: exit statuses that mean that it did its job.
        rivals: the peers.
        seconds: a peer's time limit.
        rounds: no more than so many.
        slow: left out of a quick run.
    """

    name: str
    config: str
    world: str
    arguments: tuple[str, ...]
    statuses: tuple[int, ...]
    rivals: tuple[Rival, ...]
    processes: int = 2
    seconds: float = 60.0
    rounds: int = 100
    slow: bool = False


DATA = ("cow-isolation",)
EVERY = ("shared-not-hw-writable", "cow-isolation", "read-only-vma-holds")
COUNT = (("count", False),)
DEEP = (("breadth_first", False), *COUNT)
SPIN = Rival("SPIN -O2, depth first", "spin", options=DEEP)


def _kernel(config: str, processes: int, seconds: float, rounds: int) -> Race:
    """The whole kernel's world; SPIN has all properties at once, ABC the one about data."""
    name = f"(c) whole kernel, {processes} processes, {config.partition('/')[0]}: proof, all properties"
    arguments = (config, *KERNEL, "--processes", str(processes))
    rivals = (SPIN, Rival("ABC pdr, cow-isolation only", "abc", properties=DATA))
    return Race(name, config, "kernel", arguments, (0,), rivals, processes, seconds, rounds, slow=True)


RACES = (
    Race(
        "(a) shortest counterexample of the original bug, cow-isolation",
        "loongarch/original",
        "carry-dirty",
        ("loongarch/original", *MM, "--invariant", "cow-isolation"),
        (1,),
        (
            Rival("SPIN -O2, breadth first", "spin", options=COUNT, properties=DATA),
            Rival("SPIN -O0, breadth first", "spin", options=(("optimise", "-O0"), *COUNT), properties=DATA),
            Rival("ESBMC incremental", "esbmc", properties=DATA),
            Rival("ABC bmc3", "abc", depth=20, properties=DATA),
        ),
    ),
    Race(
        "(b) proof of huacai, all properties",
        "loongarch/huacai",
        "carry-dirty",
        ("loongarch/huacai", *MM),
        (0,),
        (
            SPIN,
            Rival("ABC pdr, one after the other", "abc", properties=EVERY),
            Rival("Z3 Spacer, cow-isolation only", "smt", properties=DATA),
        ),
    ),
    _kernel("sparc64/linux-6.12", 2, 120.0, 5),
    _kernel("loongarch/linux-6.12", 2, 120.0, 5),
    _kernel("sparc64/linux-6.12", 3, 120.0, 1),
    _kernel("loongarch/linux-6.12", 3, 120.0, 1),
    Race(
        "(d) huacai, nothing up to depth 20, cow-isolation",
        "loongarch/huacai",
        "carry-dirty",
        ("loongarch/huacai", *MM, "--invariant", "cow-isolation", "--depth", "20"),
        (0,),
        (
            Rival("ABC bmc3", "abc", depth=20, properties=DATA),
            Rival("Bitwuzla, unrolled naively", "smt", depth=20, properties=DATA),
        ),
    ),
)


@dataclass(frozen=True)
class Run:
    """One measurement of one side.

    Attributes:
        verdict: what it says.
        whole: seconds end to end.
        alone: seconds of the search alone; of ours the same as ``whole``.
        limit: it was ended by the time limit, so that the seconds are a lower bound.
    """

    verdict: str
    whole: float
    alone: float
    limit: bool = False


@cache
def model_of(config: str, world: str, processes: int) -> Exported:
    """The exported system of a race."""
    from models.mm.catalogue import ALL
    from models.registry import architecture
    from models.worlds import mm_system

    arch = architecture(config)
    if world == "kernel":
        return exported(mm_system(arch, processes=processes, generation="linux-6.12", features=ALL))
    return exported(mm_system(arch, world, processes))


def ours(race: Race) -> Run:
    """One whole process of ptecheck.

    Raises:
        SystemExit: it did not do its job.
    """
    environment = {**os.environ, "PTECHECK_CACHE": ""}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # users import compiled modules
    began = time.monotonic()
    command = [sys.executable, *PTECHECK, *race.arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    seconds = time.monotonic() - began
    if done.returncode not in race.statuses:
        sys.exit(f"{race.name}: exit status {done.returncode}: {(done.stderr or done.stdout).strip()[-500:]}")
    return Run("violated" if done.returncode else "holds", seconds, seconds)


def theirs(race: Race, rival: Rival, seconds: float) -> Run:
    """A peer's answers to all it is asked, added up.

    Raises:
        ModuleNotFoundError: a module that it needs is not there.
        LookupError: its program is not there.
    """
    model = model_of(race.config, race.world, race.processes)
    answers = [ask(rival.name, rival.run(), model, prop, rival.depth, seconds) for prop in rival.properties]
    if any(answer.note.startswith(MISSING) for answer in answers):
        raise LookupError(answers[0].note)
    verdicts = {answer.verdict for answer in answers}
    silent = [answer for answer in answers if answer.verdict == "unknown"]
    verdict = verdicts.pop() if len(verdicts) == 1 else "mixed"
    if silent:
        verdict = "unknown"
    limit = any("no answer in" in answer.note for answer in silent)
    whole, alone = sum(a.seconds for a in answers), sum(a.run for a in answers)
    return Run(f"unknown: {silent[0].note}" if silent and not limit else verdict, whole, alone, limit)


def measure(race: Race, rounds: int, seconds: float) -> dict[str, list[Run]]:
    """Every side's runs, in turn in each round after one warm-up of ours; "" is ours."""
    runs: dict[str, list[Run]] = {"": []}
    ours(race)
    for number in range(min(rounds, race.rounds)):
        print(f"{race.name}: round {number + 1}", file=sys.stderr)
        runs[""].append(ours(race))
        for rival in race.rivals:
            try:
                runs.setdefault(rival.name, []).append(theirs(race, rival, seconds))
            except (ModuleNotFoundError, LookupError) as why:
                runs.pop(rival.name, None)
                print(f"{rival.name} is left out: {why}", file=sys.stderr)
    return runs


def rows(race: Race, runs: dict[str, list[Run]]) -> list[str]:
    """The race as rows of a Markdown table."""
    mine = runs[""]
    lines = [f"| {race.name} | **ptecheck** | {mine[0].verdict} | {_seconds(mine, False)} | | 1 | | {len(mine)} |"]
    for name, found in runs.items():
        if name:
            said = ", ".join(sorted({run.verdict for run in found}))
            # A peer that was ended has not told what it was at.
            ended = any(run.limit for run in found)
            search, alone = ("", "") if ended else (_seconds(found, True), _ratio(found, mine, True))
            lines.append(
                f"| | {name} | {said} | {_seconds(found, False)} | {search} "
                f"| {_ratio(found, mine, False)} | {alone} | {len(found)} |"
            )
    return lines


def _more(runs: list[Run]) -> str:
    return "> " if any(run.limit for run in runs) else ""


def _seconds(runs: list[Run], alone: bool) -> str:
    median = statistics.median(run.alone if alone else run.whole for run in runs)
    return f"{_more(runs)}{median:.2f} s" if median >= 0.1 else f"{_more(runs)}{1000 * median:.0f} ms"


def _ratio(runs: list[Run], mine: list[Run], alone: bool) -> str:
    ratios = [(r.alone if alone else r.whole) / m.whole for r, m in zip(runs, mine, strict=True)]
    return f"{_more(runs)}{statistics.median(ratios):.2g}"


HEAD = (
    "| question | who | verdict | end to end | search alone | x ours, end to end | x ours, search alone | rounds |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
)


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description="measure ptecheck beside other model checkers")
    parser.add_argument("--rounds", type=int, default=5, help="rounds to run (default: 5)")
    parser.add_argument("--quick", action="store_true", help="one round without the largest systems, at most 10 s each")
    parser.add_argument("--only", metavar="TEXT", default="", help="only questions whose name contains this")
    args = parser.parse_args()
    races = [race for race in RACES if args.only in race.name and not (args.quick and race.slow)]
    if not races:
        sys.exit(f"no question has {args.only!r} in its name")
    print(f"{datetime.date.today().isoformat()}, {tools.machine()}\n\n{tools.versions()}\n")
    print("\n".join(HEAD), flush=True)
    for race in races:
        seconds = min(race.seconds, 10.0) if args.quick else race.seconds
        print("\n".join(rows(race, measure(race, 1 if args.quick else args.rounds, seconds))), flush=True)


if __name__ == "__main__":
    main()
