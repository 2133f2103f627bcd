"""What edited helpers still do of what is required of them: the helper worlds before and after."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from checker.cli.jobs import Job, find_architecture, system_with
from checker.limits import Budget, OutOfBudget

if TYPE_CHECKING:
    from checker.system import TransitionSystem
    from models.edits import Assignment

STATES = 100_000
"""A helper world with more states than this is not looked at."""

NEVER = "can never happen"
"""How it ends what is said of an operation that is never enabled."""

SECONDS = 20.0
"""Nor one that takes longer."""


@dataclass(frozen=True)
class Contract:
    """How helpers do with edits, against how they do without.

    Attributes:
        breaks: what they did before and do not do any more, each as ``pte: dirty-is-kept`` or
            ``pte: load can never happen``.
        mends: what they did not do before and do now.
        unknown: why it is not known, or "".
    """

    breaks: tuple[str, ...] = ()
    mends: tuple[str, ...] = ()
    unknown: str = ""

    @property
    def clean(self) -> bool:
        """Nothing that was done before is not done any more."""
        return not self.breaks and not self.unknown

    @property
    def kills(self) -> bool:
        """Something cannot happen any more at all."""
        return any(text.endswith(NEVER) for text in self.breaks)


def contract(job: Job, edits: Iterable[Assignment]) -> Contract:
    """What edits of a job's helpers do to what is required of them."""
    chosen = frozenset(edits)
    breaks: list[str] = []
    mends: list[str] = []
    try:
        for world in _worlds(job, chosen):
            bad, _ = _failing(world, frozenset())
            worse, asked = _failing(world, chosen)
            breaks += sorted(worse - bad)
            mends += sorted((bad - worse) & asked)
    except OutOfBudget as why:
        return Contract(unknown=str(why))
    return Contract(tuple(breaks), tuple(mends))


def _worlds(job: Job, edits: frozenset[Assignment]) -> list[Job]:
    """The helper worlds of every level that the edits are about, and the codes where the question is about those."""
    levels = find_architecture(job.config, job.kernel).levels
    touched = {edit.level for edit in edits}
    found = [level for level in levels if level in touched or "" in touched]
    base = Job(job.config, "helpers", kernel=job.kernel)
    worlds = [_at(base, "helpers", level) for level in found]
    return worlds + ([_at(base, "codes", job.level)] if job.world == "codes" else [])


def _at(job: Job, world: str, level: str) -> Job:
    return Job(job.config, world, kernel=job.kernel, level=level)


@lru_cache(maxsize=1024)
def _failing(job: Job, edits: frozenset[Assignment]) -> tuple[frozenset[str], frozenset[str]]:
    """The requirements that are broken and the operations that can never happen; and all requirements there are."""
    from models.edits import with_edits

    system = system_with(job, with_edits(find_architecture(job.config, job.kernel), edits))
    found = _broken_codes(system) if job.world == "codes" else _broken(system)
    asked = [invariant.name for invariant in system.invariants]
    return frozenset(f"{job.level}: {text}" for text in found), frozenset(f"{job.level}: {name}" for name in asked)


def _broken(system: TransitionSystem) -> list[str]:
    from checker.decision import settled_search

    system, reach = settled_search(system, Budget(SECONDS, STATES))
    if not reach.complete:
        raise OutOfBudget(reach.stopped)
    found = [invariant.name for k, invariant in enumerate(system.invariants) if k in reach.first_violation]
    idle = [op.name for k, op in enumerate(system.operations) if not reach.fired >> k & 1]
    return found + [f"{name} {NEVER}" for name in idle]


def _broken_codes(system: TransitionSystem) -> list[str]:
    from checker.decision import Options, decide
    from checker.verdict import Verdict

    results = decide(system, Options(seconds=SECONDS, remember=False))
    if doubt := next((r.reason for r in results if r.verdict is Verdict.UNKNOWN), ""):
        raise OutOfBudget(doubt)
    return [r.invariant for r in results if r.verdict is Verdict.VIOLATED]
