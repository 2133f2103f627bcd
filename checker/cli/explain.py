"""The cause of a violated trace, computed: what would have to be left out, or added, for the violation to be gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from checker.cause import Fate, Looked, Rerun, TooManyRuns, removals, rerun
from checker.cli.contract import Contract, contract
from checker.cli.jobs import Job, find_architecture, system_with
from checker.trace import BadTrace, Trace, replay
from checker.verdict import Verdict

if TYPE_CHECKING:
    from checker.system import TransitionSystem
    from models.edits import Assignment
    from models.pte import Architecture

LARGEST = 3
"""The largest set of assignments that is looked for."""

RUNS = 4000
"""How many runs may be made for it."""

JUDGED = 120
"""Of so many sets it is looked at what else they would change."""

ASSIGNED, LACKING, GENERIC, REQUIRED, NOTHING = "assignment", "missing", "generic mm", "required", "none"
"""The kinds of causes: see :class:`Cause`."""


@dataclass(frozen=True)
class Whole:
    """What becomes of the invariant in every order of operations, without a bound.

    Attributes:
        verdict: of the invariant, in the system with the edits.
        depth: for a violation, its length.
        reason: why it is not decided, or what is vacuous; else "".
        also: edits of the same kind at other levels, which were made as well.
    """

    verdict: Verdict
    depth: int | None
    reason: str
    also: tuple[Assignment, ...] = ()


@dataclass(frozen=True)
class Blame:
    """A set of assignments with which, all left out (or all added), the trace violates no more.

    Attributes:
        assignments: the set; under every strict subset the trace still violates.
        places: file and line of each, where they are known, else the source of the architecture's helpers.
        rerun: what becomes of the run.
        wrong_at: the earliest step such that leaving them out in it alone is enough; None if they must be left out in
            more than one.
        judging: they are enough in what the invariant makes of the states alone, and in no step.
        contract: what else would become of what is required of helpers.
        whole: what becomes of the invariant in every order of operations; None where nobody asked.
    """

    assignments: tuple[Assignment, ...]
    places: tuple[str, ...]
    rerun: Rerun
    wrong_at: int | None
    judging: bool
    contract: Contract
    whole: tuple[Whole, ...] = ()


@dataclass(frozen=True)
class Cause:
    """Why a trace violates its invariant.

    Attributes:
        job: whose system it is.
        trace: the run.
        kind: ``assignment``: a helper assigns what it should not; ``missing``: it does not assign what it should;
            ``generic mm``: no helper, but an order of calls or a hole of generic mm; ``required``: every assignment that
            could be left out is required for something else; ``none``: nothing was found.
        blames: the causes, the most telling first; of the kind ``required``, what was found and is required.
        others: smaller or equal sets that would remove the violation too, and break something else.
        choices: other choices in generic mm under which this run does not violate, as ``split linux-6.12``.
        size: sets of up to this size were all looked at.
        helpers: the helpers that were called, each with its place.
    """

    job: Job
    trace: Trace
    kind: str
    blames: tuple[Blame, ...]
    others: tuple[Blame, ...]
    choices: tuple[str, ...]
    size: int
    helpers: tuple[tuple[str, str], ...]


def cause_of(job: Job, trace: Trace, largest: int = LARGEST) -> Cause:
    """The cause of a violation: the smallest sets of helpers' assignments without which the trace does not violate.

    Of each set it is looked at what else it would do to the requirements on helpers; one that breaks nothing comes
    first. Where there is none, assignments that are missing are looked for, and other choices in generic mm.

    Args:
        job: whose system it is.
        trace: a run of it.
        largest: the largest set that is looked for.

    Raises:
        BadTrace: the trace is no run of the job's system.
    """
    case = _Case.of(job, trace)
    choices = tuple(_choices(case))
    holes = tuple(name for name in choices if name.startswith("repair "))
    clean, unclean, size = case.left_out(largest)
    lacking = () if clean or holes else case.added()
    if holes:
        kind, blames = GENERIC, ()
    elif clean or lacking:
        kind, blames = (ASSIGNED, clean) if clean else (LACKING, lacking)
    else:
        kind, blames = (GENERIC, ()) if choices else (REQUIRED, unclean) if unclean else (NOTHING, ())
    others = () if kind == REQUIRED else (*clean, *unclean) if holes else unclean
    return Cause(job, trace, kind, blames, others, choices, size, case.helpers())


@dataclass(frozen=True)
class _Case:
    """A trace and the helpers that it calls."""

    job: Job
    arch: Architecture
    trace: Trace

    @classmethod
    def of(cls, job: Job, trace: Trace) -> _Case:
        arch = find_architecture(job.config, job.kernel)
        replay(system_with(job, arch), trace)
        return cls(job, arch, trace)

    def look(self, edits: Iterable[Assignment], missing: bool = False) -> Looked[Assignment]:
        """The run under edits, and which others could make a difference."""
        from models.edits import Calls, recorded, with_edits

        calls = Calls(self.arch)
        edited = recorded(with_edits(self.arch, edits), calls.record)
        system = system_with(self.job, edited)
        found = rerun(self.trace, lambda _: system, system)
        return Looked(found, calls.lacking() if missing else calls.acting())

    def helpers(self) -> tuple[tuple[str, str], ...]:
        """Every helper that is called, with its place."""
        from models.edits import Calls, place, recorded

        calls = Calls(self.arch)
        system = system_with(self.job, recorded(self.arch, calls.record))
        rerun(self.trace, lambda _: system, system)
        return tuple((name, place(self.arch, name)) for name in calls.helpers)

    def left_out(self, largest: int) -> tuple[tuple[Blame, ...], tuple[Blame, ...], int]:
        """Sets that may be left out, sets that are needed for something else, and up to which size all were tried."""
        unclean: list[Blame] = []
        size = 0
        try:
            for size, found in removals(self.look, largest, RUNS):  # noqa: B007 - the last size is wanted
                blames = [self.blame(r.edits, r.rerun) for r in found[:JUDGED]]
                if clean := [b for b in blames if b.contract.clean]:
                    unclean += [b for b in blames if not b.contract.clean]
                    return _ranked(clean), _ranked(unclean), size
                unclean += blames
        except TooManyRuns:
            pass
        return (), _ranked(unclean), size

    def added(self) -> tuple[Blame, ...]:
        """Single assignments that are missing, and that would break nothing."""
        found = next(removals(lambda edits: self.look(edits, missing=True), 1, RUNS))[1]
        blames = [self.blame(r.edits, r.rerun) for r in found[:JUDGED]]
        return _ranked([b for b in blames if b.contract.clean])

    def blame(self, edits: tuple[Assignment, ...], found: Rerun) -> Blame:
        """What is to be said of a set that removes the violation."""
        from models.edits import place

        step, judging = self._wrong_at(edits)
        places = tuple(place(self.arch, edit.helper) for edit in edits)
        return Blame(edits, places, found, step, judging, contract(self.job, edits))

    def _wrong_at(self, edits: tuple[Assignment, ...]) -> tuple[int | None, bool]:
        from models.edits import with_edits

        real = system_with(self.job, self.arch)
        edited = system_with(self.job, with_edits(self.arch, edits))
        for number in range(len(self.trace.steps)):
            if rerun(self.trace, lambda k, n=number: edited if k == n else real, real).removed:  # type: ignore[misc]
                return number, False
        return None, rerun(self.trace, lambda _: real, edited).removed


def _ranked(blames: Iterable[Blame]) -> tuple[Blame, ...]:
    """The most telling first: few assignments, that break little and mend much, of helpers rather than of the table."""

    def key(blame: Blame) -> tuple[object, ...]:
        table = sum(not edit.level for edit in blame.assignments)
        unnamed = sum(not edit.bit.startswith("_") for edit in blame.assignments)
        return (
            len(blame.assignments), len(blame.contract.breaks), table, -len(blame.contract.mends), unnamed,
            blame.assignments,
        )  # fmt: skip

    return tuple(sorted(blames, key=key))


def _choices(case: _Case) -> Iterable[str]:
    """Other choices in generic mm, one at a time, under which the same operations do not violate."""
    from models.mm.kernel import REPAIRS

    if case.job.world not in ("mm", "kernel"):
        return
    for name, job in _other_jobs(case.job):
        system = system_with(job, case.arch)
        if rerun(case.trace, lambda _, s=system: s, system).removed:  # type: ignore[misc]
            yield name
    if "as-is" in case.job.extras:
        for repair in REPAIRS:
            system = _repaired(case, repair)
            if rerun(case.trace, lambda _, s=system: s, system).removed:  # type: ignore[misc]
                yield f"repair {repair}"


def _other_jobs(job: Job) -> Iterable[tuple[str, Job]]:
    from models.mm.orders import MIGRATIONS, SPLITS

    used = job.split and SPLITS[job.split].build
    for name, split in SPLITS.items():
        if used and split.build is not used:
            yield f"split {name}", replace(job, split=name)
    for name in MIGRATIONS if job.migration else ():
        if name != job.migration:
            yield f"migration {name}", replace(job, migration=name)
    for extra in ("stale-tlb", "race", "without-ad"):
        if extra in job.extras:
            yield f"without {extra}", replace(job, extras=tuple(e for e in job.extras if e != extra))


def _repaired(case: _Case, repair: str) -> TransitionSystem:
    from checker.cli.jobs import kernel_of
    from models.worlds import mm_system_of

    kernel = replace(kernel_of(case.job, case.arch), repairs=frozenset({repair}))
    return mm_system_of(kernel, case.job.processes, renamed="frames" not in case.job.without)


def with_whole(cause: Cause, seconds: float, sets: int = 2) -> Cause:
    """The cause, with what becomes of its invariant in every order of operations.

    Args:
        cause: as :func:`cause_of` gives it.
        seconds: time limit for each search.
        sets: of how many of the blames it is looked at.
    """
    asked = [replace(blame, whole=tuple(_whole(cause, blame, seconds))) for blame in cause.blames[:sets]]
    return replace(cause, blames=(*asked, *cause.blames[sets:]))


def _whole(cause: Cause, blame: Blame, seconds: float) -> Iterable[Whole]:
    first = _decided(cause, blame.assignments, (), seconds)
    yield first
    arch = find_architecture(cause.job.config, cause.job.kernel)
    also = tuple(twin for edit in blame.assignments for twin in _twins(arch, edit))
    if first.verdict is Verdict.VIOLATED and also:
        yield _decided(cause, (*blame.assignments, *also), also, seconds)


def _twins(arch: Architecture, edit: Assignment) -> Iterable[Assignment]:
    """The same assignment at the other levels."""
    for level in arch.levels:
        name = edit.helper.replace(edit.level, level, 1) if edit.level else ""
        if name != edit.helper and name in {**arch.helpers, **arch.in_place}:
            yield replace(edit, helper=name)


def _decided(cause: Cause, edits: tuple[Assignment, ...], also: tuple[Assignment, ...], seconds: float) -> Whole:
    from checker.decision import Options, decide
    from models.edits import with_edits

    arch = with_edits(find_architecture(cause.job.config, cause.job.kernel), edits)
    options = Options(seconds=seconds, only=frozenset({cause.trace.invariant}), remember=False)
    results = {r.invariant: r for r in decide(system_with(cause.job, arch), options)}
    found = results[cause.trace.invariant]
    return Whole(found.verdict, found.depth, found.reason, also)


__all__ = ["BadTrace", "Blame", "Cause", "Fate", "Whole", "cause_of", "with_whole"]
