"""What is to be decided, system by system, and the processes that do it."""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from checker.cli.kernels import KernelTree, opened
from checker.cli.main import UsageError
from checker.decision import INTERRUPTED, Options, decide
from checker.limits import stop_if_interrupted
from checker.memory import fair_share
from checker.records import dataclass, replace
from checker.verdict import Result, Verdict

if TYPE_CHECKING:
    from concurrent.futures import Future

    from checker.system import TransitionSystem
    from models.hardware import Machine
    from models.kernel import LiftedTree
    from models.mm.kernel import Kernel
    from models.pte import Architecture


@dataclass(frozen=True)
class Job:
    """One system to decide.

    Attributes:
        config: the configuration's full name.
        world: ``pte``; ``helpers``, ``levels`` and ``codes`` (what is required of helpers); ``mm``, the core of generic mm
            under one order of calls in the split; ``kernel``, all of it.
        split: the order of calls in the split; "" in the PTE world, and for the release's own.
        kernel: the kernel tree the helpers come from; None for built-in ones.
        generation: the release of generic mm in the world ``kernel``; else "".
        migration: the order of calls at the end of a migration; "" for the release's own.
        extras: further choices, names of :data:`EXTRAS`, sorted.
        processes: how many processes there can be at a time.
        level: worlds ``helpers`` and ``codes``: the level of the entries; ``levels``: two of them, ``pte+pmd``.
        without: the reductions that are switched off, names of :data:`REDUCTIONS`, sorted.
    """

    config: str
    world: str
    split: str = ""
    kernel: KernelTree | None = None
    generation: str = ""
    migration: str = ""
    extras: tuple[str, ...] = ()
    processes: int = 2
    level: str = ""
    without: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The world and its choices for a reader."""
        return ", ".join([self._title, *(f"without {name}" for name in self.without)])

    @property
    def _title(self) -> str:
        if self.world in TITLES:
            return TITLES[self.world].format(self.level.replace("+", " and "))
        if self.world == "mm":
            return f"mm world, split {self.split}"
        words = [f"whole kernel, {self.generation}"]
        words += [f"split {self.split}"] if self.split else []
        words += [f"migration {self.migration}"] if self.migration else []
        words += [f"{self.processes} processes"] if self.processes != 2 else []
        return ", ".join([*words, *self.extras])


TITLES = {
    "pte": "PTE world",
    "helpers": "helpers, {}",
    "levels": "levels, {}",
    "codes": "codes, {}",
}
"""The worlds that are about entries alone, with no process."""

HELPER_WORLDS = ("helpers", "levels", "codes")
"""The worlds of what is required of helpers, which ``--world helpers`` means."""

EXTRAS = {
    "stale-tlb": "TLB entries that outlive a deferred flush",
    "race": "a store in the middle of a helper that does not clear the entry first",
    "as-is": "generic mm with its own known holes, which no helper can close",
    "untracked": "soft-dirty is not tracked, so that no entry is kept read-only for it",
    "without-ad": "migration entries that do not keep young and dirty",
}
"""Choices of the world ``kernel`` that are off unless asked for."""


REDUCTIONS = {
    "dead-bits": "bits of the state that cannot influence a guard or a property are dropped",
    "immaterial": "frame numbers and swap offsets in entries are taken as zero (worlds pte and helpers)",
    "frames": "states that differ in the numbers of page frames only are one state (worlds mm and kernel)",
    "views": "processes that share no page are looked at one group at a time (world kernel); needs frames",
}
"""What makes a search smaller and can be switched off; ``ptecheck reductions`` proves that each is sound."""


@dataclass(frozen=True)
class Outcome:
    """A job with its results, one for each invariant of its world.

    Attributes:
        job: what was decided.
        results: in the order of the invariants.
        unread: why the tree cannot be read at all, if it cannot.
        made: what was asked to be made of it by the process that decided it; None if nothing was.
    """

    job: Job
    results: tuple[Result, ...]
    unread: str = ""
    made: Any = None


Make = Callable[[Outcome], Any]
"""What is to be made of each outcome; it goes to other processes, and so does what it makes."""


def only(outcome: Outcome, invariant: str | None) -> Outcome:
    """An outcome's results on one invariant; whatever could not be read at all stays."""
    if invariant is None:
        return outcome
    return replace(outcome, results=tuple(r for r in outcome.results if r.invariant in (invariant, UNREAD)))


class NotModelled(Exception):
    """A tree whose helpers were not all understood; the message lists them with file and line."""


def find_architecture(config: str, kernel: KernelTree | None = None) -> Architecture:
    """The architecture of a full configuration name.

    Raises:
        UsageError: there is no such configuration, or the kernel tree cannot be read.
        NotModelled: a helper the models need was not understood.
    """
    from models.registry import UnknownName, architecture, split_config

    try:
        if kernel is None:
            return architecture(config)
    except UnknownName as why:
        raise UsageError(str(why)) from None
    name, features, _ = split_config(config)
    return _from_tree(kernel, name, features)


@lru_cache(maxsize=64)
def _from_tree(kernel: KernelTree, name: str, features: tuple[str, ...]) -> Architecture:
    from models.kernel import CannotLift, KernelError, lift_tree, machine_from_tree

    try:
        lifted = lift_tree(opened(kernel), kernel.platforms.get(name, name), features)
        return machine_from_tree(lifted, _hardware(kernel, lifted))
    except CannotLift as why:
        raise NotModelled(str(why)) from None
    except KernelError as why:
        raise UsageError(str(why)) from None


def _hardware(kernel: KernelTree, lifted: LiftedTree) -> Machine:
    """What the CPU does: as the user describes it, or as ptecheck does."""
    from models.hardware import machines
    from models.kernel.platforms import PLATFORMS

    if kernel.machine is not None and lifted.architecture not in PLATFORMS:
        from models.own_machine import machine

        return machine(kernel.machine, lifted)
    found = machines().get(lifted.architecture)
    if found is None:
        raise NotModelled(f"the hardware of {lifted.architecture} is not described")
    return found


@lru_cache(maxsize=2)
def build_system(job: Job) -> TransitionSystem:
    """The transition system of a job; the same one while it is being decided and told of."""
    return system_with(job, find_architecture(job.config, job.kernel))


def system_with(job: Job, arch: Architecture) -> TransitionSystem:
    """The transition system of a job with these helpers in place of its own."""
    system = _declared(job, arch)
    if "dead-bits" in job.without:
        system = replace(system, every_bit=True)
    if "immaterial" in job.without:
        system = replace(system, immaterial={})
    return replace(system, views=()) if "views" in job.without else system


def _declared(job: Job, arch: Architecture) -> TransitionSystem:
    """The system of a job; only what is part of the model, the numbers of frames, is as the job says."""
    from models import worlds

    if job.world == "pte":
        return worlds.pte_system(arch)
    if job.world == "levels":
        return worlds.levels_system(arch, *job.level.split("+"))
    if job.world in HELPER_WORLDS:
        return {"helpers": worlds.helper_system, "codes": worlds.encoding_system}[job.world](arch, job.level)
    return worlds.mm_system_of(kernel_of(job, arch), job.processes, renamed="frames" not in job.without)


def kernel_of(job: Job, arch: Architecture) -> Kernel:
    """The kernel of a job in the mm world."""
    from models.mm.catalogue import ALL, SWITCHES
    from models.worlds import mm_kernel

    untracked = {"soft-dirty"} if "untracked" in job.extras else set()
    if job.world == "mm":
        return mm_kernel(arch, split=job.split)
    return mm_kernel(
        arch,
        generation=job.generation,
        split=job.split or None,
        migration=job.migration or None,
        migration_ad="without-ad" not in job.extras,
        features=(ALL - untracked) | (SWITCHES & frozenset(job.extras)),
        repairs=frozenset() if "as-is" in job.extras else None,
    )


def _decide_job(task: tuple[Job, Options]) -> Outcome:
    job, options = task
    try:
        if job.level and not set(job.level.split("+")) <= set(find_architecture(job.config, job.kernel).levels):
            return Outcome(job, ())  # this tree maps no pages at that level
        return Outcome(job, tuple(remembered_or_decided(build_system(job), options)))
    except NotModelled as why:
        return Outcome(job, tuple(_undecided(job, str(why))))
    except UsageError as why:
        if not job.kernel:
            raise
        return Outcome(job, tuple(_undecided(job, str(why))), unread=str(why))
    except KeyboardInterrupt:
        return Outcome(job, tuple(_undecided(job, INTERRUPTED)))


def _finished(outcome: Outcome, make: Make | None) -> Outcome:
    return replace(outcome, made=make(outcome)) if make and outcome.results else outcome


def _decide_group(tasks: list[tuple[Job, Options]], make: Make | None) -> list[Outcome]:
    """Jobs that are done one after the other in one process, because they read the same files of a kernel tree."""
    found = []
    for task in tasks:
        stop_if_interrupted()
        found.append(_finished(_decide_job(task), make))
        if any(r.reason == INTERRUPTED for r in found[-1].results):
            break
    return found


def remembered_or_decided(system: TransitionSystem, options: Options) -> list[Result]:
    """The verdicts, from an earlier run of the same checker on the same system if there was one."""
    if not options.remember or options.depth is not None:
        return decide(system, options)
    from checker import cache

    where = cache.folder()
    if where is None:
        return decide(system, options)
    options = replace(options, only=None)  # so that what is kept answers every question about this system
    name = cache.key(system) + ("" if options.clauses else "-states")
    found = cache.load(where, name, system)
    if found is None:
        found = decide(system, options)
        cache.store(where, name, system, found)
    return found


UNREAD = "helpers-can-be-read"
"""Stands for everything that is required of helpers where they could not be read."""


def _undecided(job: Job, reason: str) -> Iterator[Result]:
    from models.worlds import invariant_names

    if job.world in HELPER_WORLDS:
        yield Result(UNREAD, Verdict.UNKNOWN, reason=reason)
        return
    for name, cost in invariant_names(job.world):
        yield Result(name, Verdict.UNKNOWN, reason=reason, cost=cost)


def decide_jobs(
    jobs: Sequence[Job], options: Options, processes: int | None = None, make: Make | None = None
) -> list[Outcome]:
    """Every job's outcome, in the order of the jobs.

    Two splits that make the same calls are decided once. Ctrl-C keeps what is finished; the rest is ``unknown``.

    Args:
        jobs: what to decide.
        options: how.
        processes: how many processes to use; None for one on each CPU.
        make: is called with every outcome that has results, where it was decided; see :attr:`Outcome.made`.
    """
    wanted: dict[tuple[object, ...], Job] = {}
    for job in jobs:
        wanted.setdefault(_key(job), job)
    unique = list(wanted.values())
    found: dict[tuple[object, ...], Outcome] = {}
    try:
        for outcome in _run([(job, options) for job in unique], processes, make):
            found[_key(outcome.job)] = outcome
    except KeyboardInterrupt:
        print("ptecheck: interrupted; what is not finished is reported as unknown", file=sys.stderr)
    return [_renamed(found.get(_key(job)), job, make) for job in jobs]


def _key(job: Job) -> tuple[object, ...]:
    from models.mm.orders import SPLITS

    return (replace(job, split=""), job.split and SPLITS[job.split].build)


def _renamed(outcome: Outcome | None, job: Job, make: Make | None) -> Outcome:
    """The outcome of a job that makes the same calls, under this job's own name."""
    if outcome is None:
        return Outcome(job, tuple(_undecided(job, INTERRUPTED)))
    return outcome if outcome.job == job else _finished(_with_name(outcome, job), make)


def _with_name(outcome: Outcome, job: Job) -> Outcome:
    if not any(r.trace or r.certificate for r in outcome.results):
        return Outcome(job, outcome.results)
    name = build_system(job).name
    results = tuple(
        replace(
            r,
            trace=r.trace and replace(r.trace, system=name),
            certificate=r.certificate and replace(r.certificate, system=name),
        )
        for r in outcome.results
    )
    return Outcome(job, results)


def _run(tasks: list[tuple[Job, Options]], processes: int | None, make: Make | None) -> Iterator[Outcome]:
    groups = _groups(tasks, cores(processes))
    count = min(cores(processes), len(groups))
    share = fair_share(max(1, count))
    groups = {key: [(job, _within(options, share)) for job, options in group] for key, group in groups.items()}
    progress = _Progress(len(tasks))
    if count <= 1:
        for task in itertools.chain(*groups.values()):
            stop_if_interrupted()
            outcome = _finished(_decide_job(task), make)
            yield progress.after(outcome)
            if any(r.reason == INTERRUPTED for r in outcome.results):
                raise KeyboardInterrupt
        return
    # The longest first, so that no process is left alone with one at the end; jobs of one machine take alike.
    longest = sorted(groups.values(), key=len, reverse=True)
    yield from _run_in_processes(longest, count, make, progress)


def _run_in_processes(
    groups: list[list[tuple[Job, Options]]], count: int, make: Make | None, progress: _Progress
) -> Iterator[Outcome]:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor, as_completed

    # Fork where there is fork: workers then start in milliseconds, and no solver is loaded in this process.
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    pool = ProcessPoolExecutor(count, multiprocessing.get_context(method))
    started = {pool.submit(_decide_group, group, make): group for group in groups}
    try:
        for future in as_completed(started):
            yield from map(progress.after, _outcomes(future, started[future]))
    finally:
        # One by one: a pool that is not waited for may be gone before it looks at cancel_futures.
        for future in started:
            future.cancel()
        # Waited for where all is done: Python's own exit wakes a pool that is still going down, and may find it closed.
        pool.shutdown(wait=all(future.done() for future in started))


def _within(options: Options, share: int | None) -> Options:
    """The options with a limit on memory: what was asked for, or a share of what there is."""
    return options if options.memory else replace(options, memory=share)


DIED = "the process that was to decide it died; was there memory enough?"
"""The reason for what a killed process left undecided."""


def _outcomes(future: Future[list[Outcome]], group: list[tuple[Job, Options]]) -> list[Outcome]:
    from concurrent.futures.process import BrokenProcessPool

    try:
        return future.result()
    except BrokenProcessPool:
        return [Outcome(job, tuple(_undecided(job, DIED))) for job, _ in group]


def _groups(tasks: list[tuple[Job, Options]], count: int) -> dict[object, list[tuple[Job, Options]]]:
    """What each process does at a time: one job, or all of a machine where there are machines enough."""
    together = by_machine([job for job, _ in tasks], count)
    groups: dict[object, list[tuple[Job, Options]]] = {}
    for task in tasks:
        groups.setdefault(task[0].config if task[0].kernel and together else task[0], []).append(task)
    return groups


def by_machine(jobs: Sequence[Job], count: int) -> bool:
    """Whether each process takes a whole machine of a tree at a time, and so reads it itself.

    Args:
        jobs: what is to be decided.
        count: the number of processes.
    """
    return len({job.config for job in jobs if job.kernel}) > count


def cores(processes: int | None) -> int:
    """How many processes to use: as many as asked for, else one on each CPU."""
    return processes or os.cpu_count() or 1


class _Progress:
    """Says on standard error how far a job of more than a second has come, at most once a second."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.next = total, 0, time.monotonic() + 1.0

    def after(self, outcome: Outcome) -> Outcome:
        self.done += 1
        if time.monotonic() >= self.next and self.done < self.total:
            self.next = time.monotonic() + 1.0
            print(f"ptecheck: {self.done} of {self.total} systems decided", file=sys.stderr)
        return outcome
