"""The cause of a violated trace, computed: what would have to be left out, or added, for the violation to be gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from checker.cause import Looked, Rerun, TooManyRuns, removals, rerun
from checker.cli.contract import Contract, contract
from checker.cli.everywhere import Whole, everywhere
from checker.cli.jobs import Job, find_architecture, system_with
from checker.trace import Trace, replay

if TYPE_CHECKING:
    from checker.system import TransitionSystem
    from models.edits import Assignment, Calls
    from models.pte import Architecture

LARGEST = 3
"""The largest set of assignments that is looked for."""

RUNS = 4000
"""How many runs may be made for it."""

SEARCHED = 12
"""Of at most so many sets it is looked at what becomes of the whole system."""

SURELY = 3
"""Of the first so many in any case; of further ones only if they mend as much as they break."""

ALSO = 6
"""So many further assignments of the same bit are added to a set, for the invariant to hold in every order."""

SECONDS = 60.0
"""Time limit for each search of a whole system."""

ASSIGNED, LACKING, GENERIC, OPEN, NOTHING = "assignment", "missing", "generic mm", "open", "none"
"""The kinds of causes: see :class:`Cause`."""


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
        contract: what else would become of what is required of helpers, ``also`` left out as well.
        whole: what becomes of the invariant in every order of operations; None where it was not looked at.
        also: the same bits, assigned by other helpers, which in other orders violate in the same way.
        whole_also: what becomes of the invariant without those as well.
    """

    assignments: tuple[Assignment, ...]
    places: tuple[str, ...]
    rerun: Rerun
    wrong_at: int | None
    judging: bool
    contract: Contract
    whole: Whole | None = None
    also: tuple[Assignment, ...] = ()
    whole_also: Whole | None = None

    @property
    def missing(self) -> bool:
        """They are not to be left out but to be added."""
        return any(edit.missing for edit in self.assignments)

    @property
    def cures(self) -> bool:
        """The invariant then holds in every order of operations."""
        return any(whole is not None and whole.holds for whole in (self.whole, self.whole_also))

    @property
    def telling(self) -> int:
        """How much it says: 0 all, 1 that helpers do better with it than without, 2 nothing beyond this run."""
        made = self.contract
        if self.cures and made.clean:
            return 0
        return 1 if len(made.mends) > len(made.breaks) and not made.kills and not made.unknown else 2


@dataclass(frozen=True)
class Cause:
    """Why a trace violates its invariant.

    Attributes:
        job: whose system it is.
        trace: the run.
        kind: ``assignment``: a helper assigns what it should not; ``missing``: it does not assign what it should;
            ``generic mm``: no helper, but an order of calls or a hole of generic mm; ``open``: of the assignments that
            could be left out each is required for something else, or it is of this run only; ``none``: there are none.
        blames: the causes, the most telling first; of the kind ``open``, the smallest sets there are.
        others: further sets of the smallest size that would remove the violation, and are no cause.
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


def cause_of(job: Job, trace: Trace, seconds: float = SECONDS) -> Cause:
    """The cause of a violation: the smallest sets of helpers' assignments without which the trace does not violate.

    Of each set it is looked at whether the invariant then holds in every order, and what else it would do to the
    requirements on helpers. Where none is convincing, assignments that are missing are looked for, and other choices
    in generic mm.

    Args:
        job: whose system it is.
        trace: a run of it.
        seconds: time limit for each search of a whole system; with 0 there are none, and the answer comes at once.

    Raises:
        BadTrace: the trace is no run of the job's system.
    """
    case = _Case.of(job, trace, seconds)
    choices = tuple(_choices(case))
    holes = any(name.startswith("repair ") for name in choices)
    found, size = case.left_out()
    best = min((blame.telling for blame in found), default=2)
    lacking, near = case.in_two_steps(), tuple[Blame, ...]()
    if not lacking and best == 2 and not holes and job.world != "codes":
        lacking, near = case.added()
    kind = _kind(best, holes, bool(lacking), bool(choices), bool(found or near))
    blames = {
        ASSIGNED: tuple(blame for blame in found if blame.telling == best),
        LACKING: lacking,
        OPEN: tuple(sorted((*found, *near), key=_rank)),
    }.get(kind, ())
    others = tuple(blame for blame in found if blame not in blames)
    return Cause(job, trace, kind, blames, others, choices, size, case.helpers())


def _kind(best: int, holes: bool, lacking: bool, choices: bool, found: bool) -> str:
    """The kind of cause, by what was found and how telling the best of it is."""
    if holes:
        return GENERIC
    if lacking:
        return LACKING
    if best < 2:
        return ASSIGNED
    return GENERIC if choices else OPEN if found else NOTHING


@dataclass(frozen=True)
class _Case:
    """A trace and the helpers that it calls."""

    job: Job
    arch: Architecture
    trace: Trace
    seconds: float

    @classmethod
    def of(cls, job: Job, trace: Trace, seconds: float) -> _Case:
        arch = find_architecture(job.config, job.kernel)
        replay(system_with(job, arch), trace)
        return cls(job, arch, trace, seconds)

    def look(self, edits: Iterable[Assignment], missing: bool = False) -> Looked[Assignment]:
        """The run under edits, and which others could make a difference."""
        calls, found = self._run(edits)
        return Looked(found, calls.lacking() if missing else calls.acting())

    def _run(self, edits: Iterable[Assignment]) -> tuple[Calls, Rerun]:
        from models.edits import Calls, recorded, with_edits

        calls = Calls(self.arch)
        system = system_with(self.job, recorded(with_edits(self.arch, edits), calls.record))
        return calls, rerun(self.trace, lambda _: system, system)

    def helpers(self) -> tuple[tuple[str, str], ...]:
        """Every helper that is called, with its place."""
        from models.edits import place

        return tuple((name, place(self.arch, name)) for name in self._run(())[0].helpers)

    def left_out(self) -> tuple[tuple[Blame, ...], int]:
        """The smallest sets of assignments to be left out, and up to which size all were tried."""
        size = 0
        try:
            for size, found in removals(self.look, LARGEST, RUNS):
                if found:
                    return self._ranked([self.blame(r.edits, r.rerun) for r in found]), size
        except TooManyRuns:
            pass
        return (), size

    def in_two_steps(self) -> tuple[Blame, ...]:
        """Helpers that read an entry in the table and write it later, and thereby lose what is recorded meanwhile."""
        runs = [((edit,), self._run((edit,))[1]) for edit in self._run(())[0].in_two_steps()]
        return self._ranked([self.blame(edits, found) for edits, found in runs if found.removed])

    def added(self) -> tuple[tuple[Blame, ...], tuple[Blame, ...]]:
        """Single assignments and answers that are missing: those with which helpers do better; if none, what comes near.

        The latter mend something and break as much.
        """
        found = next(removals(lambda edits: self.look(edits, missing=True), 1, RUNS))[1]
        blames = [self.blame(r.edits, r.rerun) for r in found]
        ranked = self._ranked([b for b in blames if b.contract.mends and not b.contract.kills])
        better = tuple(b for b in ranked if b.telling < 2)
        return better, () if better else ranked[:SURELY]

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

    def _ranked(self, blames: list[Blame]) -> tuple[Blame, ...]:
        """The most telling first; of the most promising it is looked at what becomes of the whole system."""
        promising = sorted(blames, key=_promise)
        looked = [self._with_whole(b) if k < SURELY or _worth(b, k) else b for k, b in enumerate(promising)]
        return tuple(sorted(looked, key=_rank))

    def _with_whole(self, blame: Blame) -> Blame:
        name = self.trace.invariant
        first = whole = everywhere(self.job, blame.assignments, name, self.seconds)
        also: tuple[Assignment, ...] = ()
        while whole.trace is not None and len(also) < ALSO:
            more = self._alike(blame.assignments, also, whole.trace)
            if more is None:
                break
            also = (*also, more)
            whole = everywhere(self.job, (*blame.assignments, *also), name, self.seconds)
        if not also or not whole.holds:
            return replace(blame, whole=first)
        judged = contract(self.job, (*blame.assignments, *also))
        return replace(blame, whole=first, also=also, whole_also=whole, contract=judged)

    def _alike(self, edits: tuple[Assignment, ...], also: tuple[Assignment, ...], trace: Trace) -> Assignment | None:
        """The first assignment of one of the same bits that removes a violation that is left under these edits."""
        case = replace(self, trace=trace)
        known = {(edit.bit, edit.sets) for edit in edits}
        calls, _ = case._run((*edits, *also))
        alike = [edit for edit in calls.acting() if (edit.bit, edit.sets) in known]
        if any(edit.missing for edit in edits):
            # That all helpers should assign a bit would say little: the same helper of another level.
            alike = [edit for edit in calls.lacking() if any(_twins(edit, other) for other in edits)]
        alike = [edit for edit in alike if edit not in (*edits, *also)]
        return next((edit for edit in alike if case.look((*edits, *also, edit)).rerun.removed), None)


def _twins(one: Assignment, other: Assignment) -> bool:
    """The same assignment by the same helper of another level."""
    names = {edit.helper.replace(edit.level, "", 1) for edit in (one, other)}
    return len(names) == 1 and (one.bit, one.sets) == (other.bit, other.sets)


def _promise(blame: Blame) -> tuple[object, ...]:
    """What looks telling: it breaks little and mends much, a helper's and not the table's, and its bit has a name."""
    unnamed = sum(not edit.bit.startswith("_") for edit in blame.assignments)
    broken, mended = len(blame.contract.breaks), len(blame.contract.mends)
    return broken - mended, broken, _by_table(blame), unnamed, blame.assignments


def _rank(blame: Blame) -> tuple[object, ...]:
    """The order in which sets are told."""
    return blame.telling, not blame.cures, blame.contract.kills, _by_table(blame), *_promise(blame)


def _worth(blame: Blame, number: int) -> bool:
    """Whether a set, one of so many, is worth the search of a whole system."""
    return number < SEARCHED and len(blame.contract.breaks) <= len(blame.contract.mends)


def _by_table(blame: Blame) -> int:
    """How many of the assignments are the table's of protections, and no helper's."""
    return sum(not edit.level for edit in blame.assignments)


def _choices(case: _Case) -> Iterable[str]:
    """Other choices in generic mm, one at a time, under which the same operations do not violate."""
    from models.mm.kernel import REPAIRS

    if case.job.world not in ("mm", "kernel"):
        return
    for name, job in _other_jobs(case.job):
        system = system_with(job, case.arch)
        if _harmless(case.trace, system):
            yield name
    if "as-is" in case.job.extras:
        for repair in REPAIRS:
            system = _repaired(case, repair)
            if _harmless(case.trace, system):
                yield f"repair {repair}"


def _harmless(trace: Trace, system: TransitionSystem) -> bool:
    """The run does not violate with another generic mm, or that has not got one of its operations at all."""
    known = {operation.name for operation in system.operations}
    gone = any(step.operation not in known for step in trace.steps[1:])
    return gone or rerun(trace, lambda _: system, system).removed


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
