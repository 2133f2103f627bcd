"""``ptecheck list operations --coverage``: a table that shows that no rule of the mm world is dead."""

from __future__ import annotations

import multiprocessing
import os
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checker.coverage import Fired, NotExplored, Outcome, Source, measure
from checker.limits import watch_interrupts

if TYPE_CHECKING:
    from checker.system import TransitionSystem
    from models.mm.catalogue import MmOperation

LOONGARCH, SPARC64, X86_64 = "loongarch/linux-6.12", "sparc64/linux-6.12", "x86-64/linux-6.12"

CONFIGS = (LOONGARCH, SPARC64, X86_64)
"""The configurations whose states are counted: each architecture with its current helpers."""

COUNTED = ("models/mm/operations/", "models/mm/orders.py")
"""Where the rules are written."""

THROUGH = frozenset(
    ("choose", "Kernel.mark", "Kernel.with_soft_dirty", "Kernel.with_uffd_wp", "Kernel.without_uffd_wp")
)
"""Helpers that only write a choice of their caller in a shorter way."""

_IN_MEMORY = "the code is shared with faults that may find the page in memory; this one is for a page that is not"
_NO_ZERO_PAGE = "the code is shared with faults on the zero page; this operation is for a page of the KSM tree"
_NOT_OF_A_FILE = (
    "the code is shared with mprotect, which a shared file mapping may meet, too; this operation leaves it alone"
)

JUSTIFIED: Mapping[tuple[str, str, bool], str] = {
    ("swap_in_read_fresh", "page.memory", True): _IN_MEMORY,
    ("swap_in_write_fresh", "page.memory", True): _IN_MEMORY,
    ("swap_in_write_fresh", "reuse", False): "what is read past the swap cache is always the process's own page: it is "
    "new, and a KSM page has no slot to be read from",
    ("ksm_unmerge", "on_zero_page(s, mine)", True): _NO_ZERO_PAGE,
    ("uffd_resolve", "vma.shared", True): _NOT_OF_A_FILE,
    ("numa_fault", "vma.shared", True): "the code is shared with mprotect, which a shared file mapping may meet, too; "
    "the model has no NUMA hints there",
    (
        "fork_pte_uffd",
        "arch.pte_write(mine.entry)",
        True,
    ): "the code is fork's own for every PTE; a marked one is never writable as long as uffd-wp-holds",
    ("fork_pte_race", "arch.pte_write(mine.entry)", False): "the code is fork's own for every PTE; a store is recorded "
    "only in an entry that is writable",
}
"""Outcomes that no state reaches and that are yet right to have: (operation, condition, outcome) -> why."""


@dataclass(frozen=True)
class Sample:
    """One kernel whose reachable states are looked at.

    Attributes:
        config: the architecture with its helpers.
        generation: the release of generic mm.
        features: the groups of operations.
        only: "" for a whole kernel as it is judged; else the choice the sample is there for.
        choices: further arguments of :func:`models.worlds.mm_kernel`, each with its value.
    """

    config: str
    generation: str
    features: frozenset[str]
    only: str = ""
    choices: tuple[tuple[str, Any], ...] = ()


def samples() -> list[Sample]:
    """The kernels to look at: whole ones, and one for everything that is there only when it is asked for."""
    from models.mm.catalogue import ALL
    from models.mm.kernel import GENERATIONS

    small = frozenset(("core", "touch", "swap"))
    found = [Sample(config, release, ALL) for config in (X86_64, LOONGARCH, SPARC64) for release in GENERATIONS]
    for release in GENERATIONS:
        found.append(Sample(LOONGARCH, release, ALL, "as-is", (("repairs", frozenset()),)))
        found.append(Sample(LOONGARCH, release, small | {"race"}, "race"))
        found.append(Sample(X86_64, release, small | {"stale-tlb"}, "stale-tlb"))
        found += _historical(release)
    return found


def _historical(release: str) -> Iterator[Sample]:
    """The orders of calls that are no release's own, each in a small kernel that uses them."""
    from models.mm.kernel import GENERATIONS
    from models.mm.orders import MIGRATIONS, SPLITS

    features = frozenset(("core", "lazyfree", "migration", "soft-dirty", "userfaultfd-wp"))
    for split in SPLITS.values():
        if split.generation == release and split.name not in GENERATIONS:
            yield Sample(X86_64, release, features, f"split {split.name}", (("split", split.name),))
    for name in MIGRATIONS:
        if name not in GENERATIONS and release == next(iter(GENERATIONS)):
            yield Sample(X86_64, release, features, f"migration {name}", (("migration", name),))


Measured = tuple[Sample, tuple[Fired, ...]]


def source() -> Source:
    """The code whose choices count."""
    import models

    return Source(Path(models.__file__).parent.parent, COUNTED, THROUGH)


def system_of(sample: Sample) -> TransitionSystem:
    """The transition system of a sample."""
    from models.registry import architecture
    from models.worlds import mm_system

    choices = {"generation": sample.generation, "features": sample.features, **dict(sample.choices)}
    return mm_system(architecture(sample.config), **choices)


def _measure(sample: Sample) -> Measured | None:
    try:
        return sample, measure(system_of(sample), source())
    except KeyboardInterrupt:
        return None


def measure_all(wanted: Sequence[Sample], processes: int | None = None) -> list[Measured]:
    """Every sample with what its states say; the largest are best put first.

    Raises:
        NotExplored: a sample has too many states.
    """
    found = []
    for one in _each(wanted, min(processes or os.cpu_count() or 1, len(wanted))):
        if one is None:
            raise KeyboardInterrupt
        found.append(one)
    return found


def _each(wanted: Sequence[Sample], processes: int) -> Iterator[Measured | None]:
    if processes <= 1:
        yield from map(_measure, wanted)
        return
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    with multiprocessing.get_context(method).Pool(processes) as pool:
        yield from pool.imap(_measure, wanted)


@dataclass(frozen=True)
class Cell:
    """What is known of an operation in one release.

    Attributes:
        enabled: the number of pairs of a state and a process that enable it, over whole kernels if any has it.
        whole: a whole kernel has it.
        reached: every outcome -> the choices of the samples that reach it; "" is a whole kernel.
        usual: the outcomes that some whole kernel's code has.
    """

    enabled: int
    whole: bool
    reached: Mapping[Outcome, frozenset[str]]
    usual: frozenset[Outcome]


def cell(name: str, release: str, measured: Iterable[Measured]) -> Cell | None:
    """What the samples of a release say of an operation; None if no kernel of it has the operation."""
    mine = [
        (sample.only, fired)
        for sample, found in measured
        if sample.generation == release
        for fired in found
        if fired.name.partition("(")[0] == name
    ]
    if not mine:
        return None
    whole = any(not only for only, _ in mine)
    outcomes = {outcome for _, fired in mine for outcome in fired.outcomes}
    return Cell(
        sum(fired.enabled for only, fired in mine if not (whole and only)),
        whole,
        {o: frozenset(only for only, fired in mine if fired.outcomes.get(o)) for o in sorted(outcomes)},
        frozenset(outcome for only, fired in mine if not only for outcome in fired.outcomes),
    )


@dataclass(frozen=True)
class Row:
    """An operation with its cells, by release."""

    operation: MmOperation
    cells: Mapping[str, Cell | None]

    def known(self) -> dict[str, Cell]:
        """The cells of the releases that have the operation."""
        return {release: found for release, found in self.cells.items() if found}

    @property
    def dead(self) -> bool:
        """No state enables the operation."""
        return not any(found.enabled for found in self.known().values())

    def outcomes(self) -> list[Outcome]:
        """Every outcome of a release, in the order of the source."""
        return sorted({outcome for found in self.known().values() for outcome in found.reached})

    def never(self) -> list[Outcome]:
        """The outcomes that no state of any release reaches."""
        return [o for o in self.outcomes() if not any(found.reached.get(o) for found in self.known().values())]

    def key(self, outcome: Outcome) -> tuple[str, str, bool]:
        """What an outcome is called in :data:`JUSTIFIED`."""
        place, taken = outcome
        return self.operation.name, place.condition, taken


def rows(measured: Sequence[Measured]) -> list[Row]:
    """Every operation of the model, by group."""
    from models.mm import operations as _declared  # noqa: F401 - declares the operations
    from models.mm.catalogue import FEATURES, OPERATIONS
    from models.mm.kernel import GENERATIONS

    order = list(FEATURES)
    listed = sorted(OPERATIONS.values(), key=lambda op: order.index(op.feature))
    return [Row(op, {release: cell(op.name, release, measured) for release in GENERATIONS}) for op in listed]


_NAME, _COUNT, _PAIR = 25, 11, 9


def _cells_text(found: Cell | None) -> str:
    if found is None:
        return f"{'-':>{_COUNT}}{'-':>{_PAIR}}"
    reached = sum(1 for choices in found.reached.values() if choices)
    pair = f"{reached}/{len(found.reached)}" if found.reached else ""
    return f"{found.enabled:>{_COUNT}}{pair:>{_PAIR}}"


def _row_text(row: Row) -> str:
    mark = "" if any(found.whole for found in row.known().values()) else "*"
    line = f"  {row.operation.name + mark:{_NAME}}" + "".join(map(_cells_text, row.cells.values()))
    return line.rstrip()


def _filled(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, 78, subsequent_indent=indent, initial_indent=indent, break_on_hyphens=False)


def table(found: Sequence[Row]) -> list[str]:
    """The lines of the table, below its explanation."""
    releases = list(found[0].cells)
    lines = _filled(
        "Enabled: in how many pairs of a reachable state and a process, summed over "
        f"{', '.join(CONFIGS)}. Outcomes: of each choice (if, else) in the rule how many some such state reaches. "
        "-: the release has no such operation. *: an operation of a kernel with as-is, race or stale-tlb, counted in "
        "one such kernel."
    )
    lines += ["", " " * (_NAME + 2) + "".join(f"{release:>{_COUNT + _PAIR}}" for release in releases)]
    lines.append(f"  {'operation':{_NAME}}" + f"{'enabled':>{_COUNT}}{'outcomes':>{_PAIR}}" * len(releases))
    group = ""
    for row in found:
        if row.operation.feature != group:
            group = row.operation.feature
            lines.append(group)
        lines.append(_row_text(row))
    return lines


def _shortfall(outcome: Outcome, cells: Mapping[str, Cell]) -> list[str]:
    """How an outcome is not reached in the whole kernels that have it, release by release; else nothing."""
    found = []
    for release, known in cells.items():
        choices = known.reached.get(outcome)
        if choices is None or "" in choices or (choices and outcome not in known.usual):
            continue
        found.append(f"{release} only with {', '.join(sorted(choices))}" if choices else f"not in {release}")
    return found


def shortfalls(found: Sequence[Row]) -> list[str]:
    """The lines about outcomes that are not reached in some release."""
    lines = []
    for row in found:
        never = row.never()
        for outcome in row.outcomes():
            missing = ["never"] if outcome in never else _shortfall(outcome, row.known())
            if missing:
                place, taken = outcome
                where = f"{row.operation.name}, {place}: {place.condition} is {str(taken).lower()}"
                lines += textwrap.wrap(
                    f"{where}: {'; '.join(missing)}", 78, initial_indent="  ", subsequent_indent="    "
                )
                why = JUSTIFIED.get(row.key(outcome), "DEAD") if outcome in never else ""
                lines += _filled(why, "      ")
    return ["", "Outcomes that are not reached everywhere:", *lines] if lines else []


def _unneeded(found: Sequence[Row]) -> list[str]:
    """What is justified without being unreachable."""
    needed = {row.key(outcome) for row in found for outcome in row.never()}
    return [f"{name}: {test} is {str(taken).lower()}" for name, test, taken in sorted(JUSTIFIED.keys() - needed)]


def verdict(found: Sequence[Row]) -> tuple[int, list[str]]:
    """The exit status, and the last lines."""
    idle = [row.operation.name for row in found if row.dead]
    never = [row.key(outcome) for row in found for outcome in row.never()]
    dead = [key for key in never if key not in JUSTIFIED]
    total = sum(len(row.outcomes()) for row in found)
    counts = f"{len(found)} operations, {total} outcomes, {len(never) - len(dead)} of them justified"
    lines = [f"never enabled: {', '.join(idle)}"] if idle else []
    lines += [f"justified, yet reached or gone: {item}" for item in _unneeded(found)]
    if lines or dead:
        lines.append(f"{len(idle)} dead operations, {len(dead)} dead outcomes ({counts})")
        return 1, ["", *lines]
    return 0, ["", f"no dead rule ({counts})"]


def run_coverage() -> int:
    """Prints the table; the exit status is 1 if a rule is dead, 3 if that could not be found out."""
    from checker.cli.main import EXIT_UNDECIDED

    watch_interrupts()
    try:
        found = rows(measure_all(samples()))
    except NotExplored as why:
        print(f"not decided: {why}")
        return EXIT_UNDECIDED
    status, last = verdict(found)
    print("\n".join([*table(found), *shortfalls(found), *last]))
    return status
