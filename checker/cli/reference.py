"""``python -m checker.cli.reference``: writes docs/invariants.md from the invariants themselves.

For each one it looks for the shortest run of a built-in configuration that breaks it: among entries and the core of generic
mm in all of them, else in the whole kernel, where the first configuration that breaks it is taken. Where no configuration
does, one with a mistake put into a helper is looked for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from checker.cli.jobs import Job, build_system, system_with
from checker.cli.listing import every_invariant
from checker.cli.trees import contract_jobs
from checker.decision import settled_search
from checker.limits import Budget, OutOfBudget
from checker.outcomes import trace_of
from checker.search import search
from checker.system import Invariant, TransitionSystem
from checker.trace import Trace
from models.pte import Architecture
from models.registry import architecture

PAGE = Path(__file__).parents[2] / "docs" / "invariants.md"

WORLDS = {
    "pte": "The PTE world: one entry, every helper in any order",
    "helper": "What is required of helpers",
    "mm": "The mm world: processes, pages and the kernel's own calls",
}
"""The worlds, as :func:`checker.cli.listing.every_invariant` has them, and their headings."""

ABOUT = {
    "pte": "`ptecheck check CONFIG --world pte`, and with `--kernel` always. An adversarial caller; `docs/model.md`.",
    "helper": "`ptecheck check CONFIG --world helpers`, and with `--kernel` always. Each is required of every level that has the "
    "helpers it speaks of; where the C of a tree is read, of the helpers that work on an entry in memory as well.",
    "mm": "`ptecheck check CONFIG --world mm` for the core, `--world kernel` for all of it.",
}

HEAD = """\
# Invariants

All that ptecheck decides, world by world, most grievous first. This page is written by `python -m checker.cli.reference`
from the invariants' own sentences, and a test compares them; `ptecheck list invariants` prints the same for a terminal.
*A cost* is not an error: its violation is reported and does not count. The run below an invariant is the shortest that
breaks it in a configuration of the comparison (of those that only the whole kernel breaks, in the first one that does),
replayed by the tests. Where no built-in variant breaks it, a mistake in one helper is shown that would: a bit too many set or
cleared. Most of the rest is about helpers that only a kernel tree has.
"""

STATES, FEW = 3_000_000, 20_000
"""Where a search of the whole kernel is given up, and one with a mistake."""


@dataclass(frozen=True)
class Mistake:
    """A bit too many that a helper sets or clears.

    Attributes:
        helper: its kernel name.
        sets: the bit is set, else cleared.
        bit: the bit's name.
    """

    helper: str
    sets: bool
    bit: str

    def __str__(self) -> str:
        return f"`{self.helper}()` also {'set' if self.sets else 'cleared'} `{self.bit}`"

    def made_in(self, arch: Architecture) -> Architecture:
        """The architecture with the mistake."""
        (mask,) = [bit.mask for bit in arch.bits if bit.name == self.bit]
        right = arch.helpers[self.helper]

        def wrong(entry: Any, *args: Any) -> Any:
            return right(entry, *args) | mask if self.sets else right(entry, *args) & ~mask

        return arch.with_helpers(arch.variant, "with a mistake", "made up", **{self.helper: wrong})


@dataclass(frozen=True)
class Broken:
    """A run that breaks an invariant.

    Attributes:
        job: the system.
        trace: the run.
        mistake: what was put into the helpers, if anything.
    """

    job: Job
    trace: Trace
    mistake: Mistake | None = None

    @property
    def command(self) -> str:
        """What shows it again."""
        job = self.job
        world = "helpers" if job.world == "levels" else job.world
        words = [f"ptecheck check {job.config}"]
        words += [f"--split {job.split}"] if job.split else [f"--world {world}"]
        words += [f"--mm {job.generation}"] if job.generation else []
        return " ".join([*words, f"--invariant {self.trace.invariant}"])

    @property
    def run(self) -> str:
        """The start, with the inputs that are not zero, and the operations."""
        inputs = [f"input[{k}] = {value:#x}" for k, value in enumerate(self.trace.inputs) if value]
        start = f"{self.trace.start} with {', '.join(inputs)}" if inputs else self.trace.start
        return "; ".join([start, *(step.operation for step in self.trace.steps[1:])])


def small_jobs() -> Iterator[Job]:
    """Every built-in system that is decided at once: entries, and the core of generic mm."""
    from models.mm.orders import COMPARED_SPLITS
    from models.registry import DEFAULT_MACHINES, architectures

    for config in [arch.config for name in DEFAULT_MACHINES for arch in architectures(name)]:
        yield from contract_jobs(config, None, ("pte", "pmd"), ("pte", "helpers"))
        yield from (Job(config, "mm", split) for split in COMPARED_SPLITS)


def whole_kernels() -> Iterator[Job]:
    """Every built-in configuration in the whole kernel, newest generic mm first."""
    from models.mm.kernel import GENERATIONS
    from models.registry import DEFAULT_MACHINES, architectures

    for generation in reversed(GENERATIONS):
        for config in [arch.config for name in DEFAULT_MACHINES for arch in architectures(name)]:
            yield Job(config, "kernel", generation=generation)


def world_of(job: Job) -> str:
    """The world of a job, as this page divides them."""
    return {"pte": "pte", "mm": "mm", "kernel": "mm"}.get(job.world, "helper")


CHANGED = "mkdirty mkclean mkwrite wrprotect mkold mkyoung modify mkinvalid mksoft_dirty clear_soft_dirty mkuffd_wp clear_uffd_wp"
"""The helpers that mistakes are put into."""

EXEMPLARS = ("loongarch/linux-6.12", "x86-64/linux-6.12")
"""The configurations for that: one with software, one with hardware that notes stores."""


SHORT = 2
"""A run of so few steps is short enough: nothing shorter is looked for."""


def mistakes(arch: Architecture) -> Iterator[Mistake]:
    """Every mistake of this kind."""
    for level in ("pte", "pmd"):
        for helper in CHANGED.split():
            if f"{level}_{helper}" in arch.helpers:
                yield from (Mistake(f"{level}_{helper}", sets, bit.name) for bit in arch.bits for sets in (True, False))


def exemplary_jobs(config: str) -> Iterator[Job]:
    """The systems that mistakes are looked for in."""
    yield from contract_jobs(config, None, ("pte", "pmd"), ("pte", "helpers"))
    yield Job(config, "mm", "linux-6.12")


def with_mistakes(missing: set[tuple[str, str]]) -> dict[tuple[str, str], Broken]:
    """The shortest runs that break what no built-in configuration breaks, with one mistake."""
    found: dict[tuple[str, str], Broken] = {}
    for config in EXEMPLARS:
        arch = architecture(config)
        for mistake in mistakes(arch):
            _say(f"{config}: {mistake}")
            wrong = mistake.made_in(arch)
            for job in exemplary_jobs(config):
                short = {key for key, broken in found.items() if broken.trace.depth <= SHORT}
                names = [name for world, name in missing - short if world == world_of(job)]
                for broken in violations(job, names, system_with(job, wrong)):
                    key = (world_of(job), broken.trace.invariant)
                    if key not in found or broken.trace.depth < found[key].trace.depth:
                        found[key] = replace(broken, mistake=mistake)
    return found


def violations(job: Job, wanted: Iterable[str], system: TransitionSystem | None = None) -> Iterator[Broken]:
    """The shortest violations of some invariants in one system, each replayed on integers.

    Args:
        job: what the system is called.
        wanted: names of invariants.
        system: the job's with other helpers; default: its own.
    """
    names = set(wanted)
    found = system or build_system(job)
    if names & {invariant.name for invariant in found.invariants}:
        # A mistake may make frame numbers matter and the states many; a run is replayed with all of them in any case.
        few = Budget(states=FEW)
        found, reach = (found, search(found.reduced, few)) if system else settled_search(found, Budget(states=STATES))
        if not system and not reach.complete:
            raise OutOfBudget(f"{job.config}, {job.title}: {reach.stopped}")
        for number in reach.first_violation:
            invariant = found.invariants[number]
            if invariant.name in names and not invariant.exception:
                yield Broken(job, trace_of(found, reach, number))


def find_runs() -> dict[tuple[str, str], Broken]:
    """(world, invariant) -> a run that breaks it, for all that any built-in configuration breaks."""
    missing = {(world, i.name) for world, invariants in every_invariant().items() for i in invariants}
    found: dict[tuple[str, str], Broken] = {}
    for job in small_jobs():
        _say(f"{job.config}, {job.title}")
        for broken in violations(job, [name for world, name in missing if world == world_of(job)]):
            key = (world_of(job), broken.trace.invariant)
            if key not in found or broken.trace.depth < found[key].trace.depth:
                found[key] = broken
    for job in whole_kernels():
        wanted = [name for world, name in missing - set(found) if world == "mm"]
        if wanted:
            _say(f"{job.config}, {job.title}: {', '.join(wanted)}")
            found |= {("mm", broken.trace.invariant): broken for broken in violations(job, wanted)}
    return {**with_mistakes(missing - set(found)), **found}


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def entry(invariant: Invariant, example: str) -> str:
    """What the page says of one invariant, with the paragraph on how it is broken."""
    said = f"**{invariant.says}.** Otherwise: {invariant.consequence}."
    cost = " *A cost.*" if invariant.cost else ""
    return f"### `{invariant.name}`\n\n{said}{cost}\nFrom {invariant.source}.\n\n{example}"


FINDINGS = "docs/findings-architectures.md"


def without_example(name: str) -> str:
    """What the page says of an invariant that nothing built-in breaks, mistakes included."""
    text = "No built-in variant breaks it, nor does such a mistake where only the core of generic mm is there"
    if name not in _of_built_in():
        text = "No built-in variant has the helpers that it is about"
    kernels = (PAGE.parents[1] / FINDINGS).read_text(encoding="utf-8")
    return text + (f"; what kernels break is in `{FINDINGS}`.\n\n" if name in kernels else ".\n\n")


@cache
def _of_built_in() -> frozenset[str]:
    """What is asked of the built-in configurations."""
    jobs = [job for config in EXEMPLARS for job in (*exemplary_jobs(config), *whole_kernels())]
    return frozenset(i.name for job in jobs for i in build_system(job).invariants)


def example(broken: Broken) -> str:
    """How an invariant is broken."""
    if broken.mistake:
        where = f"{broken.job.config} would ({broken.job.title}) if {broken.mistake}"
        return f"No built-in variant breaks it; {where}: {broken.run}.\n\n"
    return f"Broken by `{broken.command}`: {broken.run}.\n\n"


def page(examples: Mapping[tuple[str, str], str]) -> str:
    """The whole page.

    Args:
        examples: (world, invariant) -> the paragraph on how it is broken.
    """
    text = HEAD
    for world, invariants in every_invariant().items():
        text += f"\n## {WORLDS[world]}\n\n{ABOUT[world]}\n\n"
        text += "".join(entry(invariant, examples[world, invariant.name]) for invariant in invariants)
    return text.rstrip("\n") + "\n"


def main() -> int:
    """Writes the page anew; some minutes."""
    found = find_runs()
    keys = [(world, i.name) for world, invariants in every_invariant().items() for i in invariants]
    examples = {key: example(found[key]) if key in found else without_example(key[1]) for key in keys}
    PAGE.write_text(page(examples), encoding="utf-8")
    print(f"{PAGE}: {len(found)} of {len(keys)} invariants with a run")
    return 0


if __name__ == "__main__":
    sys.exit(main())
