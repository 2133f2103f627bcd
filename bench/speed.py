"""Times ptecheck beside other model checkers on the same exported systems, in the same rounds.

Usage: python -m bench.speed [--rounds N] [--quick] [--only TEXT]
Ours is always a whole process with nothing remembered. A peer is timed from the exported terms on, which it is given for
nothing: writing them in its language and its own translation, compiling, and the search, which is also shown alone. A peer
that came to its time limit is not asked again. Exit status 1: a command of ours failed, whose question has no times then,
or a peer's verdict is another than ours.
"""

from __future__ import annotations

import argparse
import datetime
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

from bench import tools
from bench.agree import MISSING
from bench.peers.asking import ask
from bench.peers.process import last_line
from bench.races import RACES, Own, Race, Rival, World
from bench.tools import Failed
from checker.export.model import Exported


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


@dataclass(frozen=True)
class Runs:
    """What was measured of a race, round by round.

    Attributes:
        ours: by the name of each way, the one that ratios are to first.
        theirs: by the name of each peer; there may be fewer rounds of one that came to its limit.
    """

    ours: dict[str, list[Run]] = field(default_factory=dict)
    theirs: dict[str, list[Run]] = field(default_factory=dict)


@cache
def model_of(world: World) -> Exported:
    """The exported system of a race."""
    return world.exported()


def ours(race: Race, own: Own) -> Run:
    """One whole process of ptecheck.

    Raises:
        Failed: it did not do its job.
    """
    environment = {**os.environ, "PTECHECK_CACHE": ""}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # users import compiled modules
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, *own.arguments], capture_output=True, text=True, check=False, env=environment
    )
    seconds = time.monotonic() - began
    if done.returncode not in race.statuses:
        raise Failed(f"{own.name}: exit status {done.returncode}: {last_line(done.stderr or done.stdout)}")
    return Run("violated" if done.returncode else "holds", seconds, seconds)


def theirs(race: Race, rival: Rival, seconds: float) -> Run:
    """A peer's answers to all it is asked, added up.

    Raises:
        ModuleNotFoundError: a module that it needs is not there.
        LookupError: its program is not there.
    """
    model = model_of(race.world)
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


def measure(race: Race, rounds: int, seconds: float) -> Runs:
    """Every side's runs, in turn in each round after one warm-up of ours.

    Raises:
        Failed: a command of ours did not do its job.
    """
    runs, asked = Runs(), list(race.rivals)
    for own in race.ours:
        ours(race, own)
    for number in range(min(rounds, race.rounds)):
        print(f"{race.name}: round {number + 1}", file=sys.stderr)
        for own in race.ours:
            runs.ours.setdefault(own.name, []).append(ours(race, own))
        for rival in tuple(asked):
            try:
                run = theirs(race, rival, seconds)
            except (ModuleNotFoundError, LookupError) as why:
                asked.remove(rival)
                print(f"{rival.name} is left out: {why}", file=sys.stderr)
                continue
            runs.theirs.setdefault(rival.name, []).append(run)
            if run.limit:
                asked.remove(rival)
    return runs


def rows(race: Race, runs: Runs) -> list[str]:
    """The race as rows of a Markdown table."""
    lines = [_own_row(name, mine, runs) for name, mine in runs.ours.items()]
    lines += [_their_row(name, found, runs) for name, found in runs.theirs.items()]
    return [f"| {'' if number else race.name} | {line}" for number, line in enumerate(lines)]


def _own_row(name: str, mine: list[Run], runs: Runs) -> str:
    first = next(iter(runs.ours.values()))
    ratio = "1" if mine is first else _ratio(mine, first, _whole)
    return f"**{name}** | {mine[0].verdict} | {_seconds(mine, _whole)} | | {ratio} | | {len(mine)} |"


def _their_row(name: str, found: list[Run], runs: Runs) -> str:
    said = ", ".join(sorted({run.verdict for run in found}))
    whole = " / ".join(_ratio(found, mine, _whole) for mine in runs.ours.values())
    search, alone = "", ""
    if not any(run.limit for run in found):  # a peer that was ended has not told what it was at
        search, alone = _seconds(found, _alone), " / ".join(_ratio(found, mine, _alone) for mine in runs.ours.values())
    return f"{name} | {said} | {_seconds(found, _whole)} | {search} | {whole} | {alone} | {len(found)} |"


def _whole(run: Run) -> float:
    return run.whole


def _alone(run: Run) -> float:
    return run.alone


def _more(runs: list[Run]) -> str:
    return "> " if any(run.limit for run in runs) else ""


def _seconds(runs: list[Run], of: Callable[[Run], float]) -> str:
    median = statistics.median(map(of, runs))
    return f"{_more(runs)}{median:.2f} s" if median >= 0.1 else f"{_more(runs)}{1000 * median:.0f} ms"


def _ratio(runs: list[Run], mine: list[Run], of: Callable[[Run], float]) -> str:
    """The median of the rounds' ratios; of rounds that only we ran there is none."""
    ratios = [of(r) / m.whole for r, m in zip(runs, mine, strict=False)]
    return f"{_more(runs)}{statistics.median(ratios):.2g}"


def differing(runs: Runs) -> str:
    """Whose verdict is another than ours; empty where nobody's is."""
    wrong = [
        f"{name} says {run.verdict}, we say {mine.verdict}"
        for mine in next(iter(runs.ours.values()))
        for name, found in runs.theirs.items()
        for run in found
        if not run.limit and not run.verdict.startswith("unknown") and run.verdict != mine.verdict
    ]
    return "; ".join(dict.fromkeys(wrong))


HEAD = (
    "| question | who | verdict | end to end | search alone | x ours, end to end | x ours, search alone | rounds |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
)
NOTE = "Where there are two ways of ours, our second row shows its ratio to the first, and peers' ratios are to each: a / b."


def chosen(only: str, quick: bool) -> Sequence[Race]:
    """The races whose name contains a text."""
    return [race for race in RACES if only in race.name and not (quick and race.slow)]


def main() -> int:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description="measure ptecheck beside other model checkers")
    parser.add_argument("--rounds", type=int, default=5, help="rounds to run (default: 5)")
    parser.add_argument("--quick", action="store_true", help="one round without the largest systems, at most 10 s each")
    parser.add_argument("--only", metavar="TEXT", default="", help="only questions whose name contains this")
    args = parser.parse_args()
    races = chosen(args.only, args.quick)
    if not races:
        sys.exit(f"no question has {args.only!r} in its name")
    print(f"{datetime.date.today().isoformat()}, {tools.machine()}\n\n{tools.versions()}\n\n{NOTE}\n")
    print("\n".join(HEAD), flush=True)
    status = 0
    for race in races:
        seconds = min(race.seconds, 10.0) if args.quick else race.seconds
        try:
            runs = measure(race, 1 if args.quick else args.rounds, seconds)
            lines = rows(race, runs)
            if wrong := differing(runs):
                status = 1
                lines.append(f"| {race.name} | {wrong} | | | | | | |")
        except Failed as why:
            status, lines = 1, [f"| {race.name} | {why} | | | | | | |"]
        print("\n".join(lines), flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
