"""The mm world put together: starts, operations for each process, and words for readable invariants."""

from __future__ import annotations

from typing import Any

from checker.logic import both, either, no
from checker.records import replace
from checker.system import Operation, Start
from models.mm import operations as _declared  # noqa: F401 - declares the operations
from models.mm.catalogue import MmOperation, operations_of
from models.mm.kernel import Kernel
from models.mm.operations.fork import forks_elsewhere
from models.mm.operations.race import FLUSHED_FIRST, FLUSHED_LATER
from models.mm.state import (
    ABSENT_PROCESS,
    BLANK_PAGE,
    ELSEWHERE,
    FILE,
    NEW_PAGE,
    NONE,
    NOTHING_HELD,
    PMD,
    PTE,
    Page,
    Process,
    Right,
    Vma,
    World,
    at,
    choose,
    names,
    refers,
    refers_to,
    with_process,
)

WRITABLE_VMA = Vma(True, False)


def starts(k: Kernel, processes: int, renamed: bool = True) -> tuple[Start, ...]:
    """Where runs begin: the first process alone, with a page it has written or with nothing."""
    arch = k.arch

    def world(level: int, entry: Any, page: Page, right: Right, vma: Vma = WRITABLE_VMA) -> World:
        first = Process(level, entry, 0, NOTHING_HELD, vma, right, False, False, False, False)
        rest = (ABSENT_PROCESS,) * (processes - 1)
        return World((first, *rest), (page,) + (BLANK_PAGE,) * (processes - 1), renamed)

    own = Right(True, False, False)
    huge = arch.pmd_mkwrite(arch.pmd_mkdirty(arch.mk_huge_pmd(arch.protections["PRIVATE"])))
    small = arch.pte_mkwrite(arch.pte_mkdirty(arch.mk_pte(arch.protections["PRIVATE"])))
    found = [
        Start(
            "a huge page of its own",
            lambda _: world(PMD, huge, NEW_PAGE, own),
            says="mm/huge_memory.c __do_huge_pmd_anonymous_page(): mkdirty, then mkwrite",
        ),
        Start(
            "a small page of its own",
            lambda _: world(PTE, small, NEW_PAGE, own),
            says="mm/memory.c do_anonymous_page(): mkdirty, then mkwrite",
        ),
    ]
    if "touch" in k.features:
        nothing = Right(False, False, True)
        found.append(Start("nothing mapped yet", lambda _: world(NONE, 0, BLANK_PAGE, nothing), says="mmap(2)"))
    if "file" in k.features:
        disk = replace(BLANK_PAGE, slot=True)
        vma = Vma(True, True)
        found.append(
            Start(
                "a shared file mapping",
                lambda _: world(FILE, 0, disk, Right(False, True, False), vma),
                says="mmap(2) with MAP_SHARED of a file on disk",
            )
        )
    return tuple(found)


def operations(k: Kernel, processes: int) -> tuple[Operation, ...]:
    """Every operation for every process, named ``operation(process)``; only the first one has a file mapping."""
    labels = names(processes)
    return tuple(
        _for_process(k, op, p, name)
        for op in operations_of(k)
        for p, name in enumerate(labels if op.feature != "file" else labels[:1])
    )


def _for_process(k: Kernel, op: MmOperation, p: int, name: str) -> Operation:
    def run(s: World) -> tuple[Any, World]:
        guard, after = op.rule(k, s, p)
        if len(s.processes) > 2 and op.name.startswith("fork"):
            elsewhere, taken = forks_elsewhere(s, p)
            guard, after = either(guard, elsewhere), choose(at(s.processes[p], ELSEWHERE), taken, after)
        return guard, flushed(op.name, s, after, p) if "stale-tlb" in k.features else after

    return Operation(f"{op.name}({name})", run, op.source, op.says, op.idle(k))


def flushed(operation: str, before: World, after: World, p: int) -> World:
    """The world without the stale TLB entries that an operation given to process ``p`` flushes.

    Reclaim flushes everybody's before it writes a page or frees its frame, everything else at most the process's own.
    """
    if operation in FLUSHED_LATER or operation.startswith("swap_in"):
        return after
    mine, reclaim = before.processes[p], operation in FLUSHED_FIRST
    processes = tuple(
        replace(q, stale=both(q.stale, no(_on_page_of(before, mine, old)))) if reclaim and n != p else q
        for n, (q, old) in enumerate(zip(after.processes, before.processes, strict=True))
    )
    return with_process(replace(after, processes=processes), p, stale=False)


def _on_page_of(s: World, mine: Process, other: Process) -> Any:
    return both(refers(s, mine), refers_to(s, other, mine.page))
