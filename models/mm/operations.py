"""The operations of the mm world: each a small function in kernel terms, (kernel, world, process) -> (guard, world)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from checker.logic import both, either, ite, no, same
from models.mm.kernel import Kernel, split_entry
from models.mm.state import (
    NONE,
    PMD,
    PTE,
    Process,
    World,
    empty_process,
    exclusive,
    free_frame,
    hardware_writable,
    mapped,
    put,
    release_unmapped,
    shared,
    with_frame,
    with_process,
)

Rule = Callable[[Kernel, World, int], tuple[Any, World]]


@dataclass(frozen=True)
class MmOperation:
    """One operation, for every process.

    Attributes:
        name: as traces print it.
        rule: (kernel, world, number of the process) -> (guard, next world).
        says: one sentence.
        source: kernel file and function.
        idle: kernel -> why the operation may never be enabled there, or "".
    """

    name: str
    rule: Rule
    says: str
    source: str
    idle: Callable[[Kernel], str]


OPERATIONS: dict[str, MmOperation] = {}
"""Every operation of this world, by name."""


def _never_idle(k: Kernel) -> str:
    return ""


def _writable_is_served(k: Kernel) -> str:
    """Why a write fault on a software-writable entry may never happen."""
    served = "the machine serves every store through a software-writable entry itself"
    return served if k.arch.hardware.serves_writable else ""


def operation(source: str, idle: Callable[[Kernel], str] = _never_idle) -> Callable[[Rule], Rule]:
    """Registers a rule under its function's name, with its docstring as the sentence about it.

    Args:
        source: kernel file and function.
        idle: kernel -> why the operation may never be enabled there, or "".
    """

    def register(rule: Rule) -> Rule:
        name = rule.__name__
        if name in OPERATIONS:
            raise ValueError(f"operation {name!r} is declared twice")
        OPERATIONS[name] = MmOperation(name, rule, (rule.__doc__ or "").rstrip("."), source, idle)
        return rule

    return register


def _at(process: Process, level: int) -> Any:
    return same(process.level, level)


def _fork_into(s: World, p: int, **copy: Any) -> tuple[Any, World]:
    """The first process that maps nothing gets a copy of process ``p``'s mapping; the frame stops being exclusive."""
    mine = s.processes[p]
    child = replace(mine, **copy)
    waiting: Any = True
    processes = s.processes
    for q, other in enumerate(s.processes):
        if q == p:
            continue
        chosen = both(waiting, no(mapped(other)))
        waiting = both(waiting, mapped(other))
        processes = put(processes, q, _either_process(chosen, child, other))
    return no(waiting), with_frame(replace(s, processes=processes), mine.frame, exclusive=False)


def _either_process(condition: Any, yes: Process, otherwise: Process) -> Process:
    return Process(
        ite(condition, yes.level, otherwise.level),
        ite(condition, yes.entry, otherwise.entry),
        ite(condition, yes.frame, otherwise.frame),
        ite(condition, yes.vm_write, otherwise.vm_write),
        tuple(ite(condition, a, b) for a, b in zip(yes.data, otherwise.data, strict=True)),
    )


@operation("mm/memory.c copy_present_pte() (6.1), __copy_present_ptes() (6.12)")
def fork_pte(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Fork of a page mapped by a PTE."""
    arch, mine = k.arch, s.processes[p]
    entry = ite(arch.pte_write(mine.entry), arch.pte_wrprotect(mine.entry), mine.entry)
    possible, after = _fork_into(s, p, entry=arch.pte_mkold(entry))
    return both(_at(mine, PTE), possible), with_process(after, p, entry=entry)


@operation("mm/huge_memory.c copy_huge_pmd()")
def fork_pmd(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Fork of a huge page: both PMDs are write-protected, writable or not."""
    arch, mine = k.arch, s.processes[p]
    entry = arch.pmd_wrprotect(mine.entry)
    possible, after = _fork_into(s, p, entry=arch.pmd_mkold(entry))
    return both(_at(mine, PMD), possible), with_process(after, p, entry=entry)


@operation("mm/huge_memory.c __split_huge_pmd_locked()")
def split_huge_pmd(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A huge PMD is replaced by PTEs."""
    mine = s.processes[p]
    after = with_process(s, p, level=PTE, entry=split_entry(k, mine.entry, mine.vm_write))
    return _at(mine, PMD), _mark_folio_dirty(k, after, mine)


def _mark_folio_dirty(k: Kernel, s: World, huge: Process) -> World:
    """A dirty PMD marks the folio dirty (SetPageDirty() in the split)."""
    frames = tuple(
        replace(f, dirty=either(f.dirty, both(same(huge.frame, number), k.arch.pmd_dirty(huge.entry))))
        for number, f in enumerate(s.frames)
    )
    return replace(s, frames=frames)


def _write_fault(k: Kernel, s: World, p: int, level: int) -> Any:
    """A store by ``p`` enters generic mm: the VMA allows it and the machine did not let it through."""
    mine = s.processes[p]
    return both(_at(mine, level), mine.vm_write, no(hardware_writable(k.arch, mine)))


def _may_reuse(s: World, p: int) -> Any:
    """PageAnonExclusive, or nobody else holds a reference."""
    return either(exclusive(s, p), no(shared(s, p)))


@operation("mm/memory.c do_wp_page(), wp_page_reuse()")
def wp_page_reuse(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Write fault on a read-only PTE: the page is this process's own."""
    arch, mine = k.arch, s.processes[p]
    guard = both(_write_fault(k, s, p, PTE), no(arch.pte_write(mine.entry)), _may_reuse(s, p))
    entry = arch.pte_mkdirty(arch.pte_mkyoung(mine.entry))
    after = with_process(s, p, entry=k.maybe_mkwrite("pte", entry, mine.vm_write))
    return guard, with_frame(after, mine.frame, exclusive=True)


@operation("mm/memory.c do_wp_page(), wp_page_copy()")
def wp_page_copy(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Write fault on a read-only PTE: the page is copied."""
    arch, mine = k.arch, s.processes[p]
    found, frame = free_frame(s)
    guard = both(_write_fault(k, s, p, PTE), no(arch.pte_write(mine.entry)), no(exclusive(s, p)), found)
    # pte_sw_mkyoung(), called before pte_mkdirty(), is the identity: none of these architectures overrides it.
    entry = arch.pte_mkdirty(arch.mk_pte(k.vm_page_prot(mine.vm_write, mine.entry)))
    entry = k.maybe_mkwrite("pte", entry, mine.vm_write)
    copied = replace(s, processes=tuple(_copy_content(q, mine.frame, frame) for q in s.processes))
    after = with_process(copied, p, entry=entry, frame=frame)
    return guard, release_unmapped(with_frame(after, frame, exclusive=True, dirty=False))


def _copy_content(process: Process, source: Any, target: Any) -> Process:
    """What is right for a process in the source frame is right in the target frame, too."""
    right = either(*(both(same(source, k), d) for k, d in enumerate(process.data)))
    return replace(process, data=tuple(ite(same(target, k), right, d) for k, d in enumerate(process.data)))


@operation("mm/memory.c handle_pte_fault()", _writable_is_served)
def fault_mkdirty_pte(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Write fault on a writable PTE that is not dirty or not young."""
    arch, mine = k.arch, s.processes[p]
    guard = both(_write_fault(k, s, p, PTE), arch.pte_write(mine.entry))
    return guard, with_process(s, p, entry=arch.pte_mkyoung(arch.pte_mkdirty(mine.entry)))


@operation("mm/huge_memory.c do_huge_pmd_wp_page()")
def huge_pmd_reuse(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Write fault on a read-only PMD: the huge page is this process's own."""
    arch, mine = k.arch, s.processes[p]
    guard = both(_write_fault(k, s, p, PMD), no(arch.pmd_write(mine.entry)), _may_reuse(s, p))
    entry = arch.pmd_mkdirty(arch.pmd_mkyoung(mine.entry))
    after = with_process(s, p, entry=k.maybe_mkwrite("pmd", entry, mine.vm_write))
    return guard, with_frame(after, mine.frame, exclusive=True)


@operation("mm/huge_memory.c touch_pmd()", _writable_is_served)
def fault_mkdirty_pmd(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Write fault on a writable PMD that is not dirty or not young."""
    arch, mine = k.arch, s.processes[p]
    guard = both(_write_fault(k, s, p, PMD), arch.pmd_write(mine.entry))
    return guard, with_process(s, p, entry=arch.pmd_mkdirty(arch.pmd_mkyoung(mine.entry)))


@operation("mm/memory.c handle_pte_fault() pte_mkyoung(); arch/loongarch/mm/tlbex.S handle_tlb_load")
def load(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A load marks the entry young, by the CPU, its TLB code or a read fault."""
    arch, mine = k.arch, s.processes[p]
    young = ite(_at(mine, PMD), arch.pmd_mkyoung(mine.entry), arch.pte_mkyoung(mine.entry))
    return both(mapped(mine), no(same(young, mine.entry))), with_process(s, p, entry=young)


@operation("mm/rmap.c folio_referenced_one()")
def age(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Reclaim marks the entry old to see whether it is used."""
    arch, mine = k.arch, s.processes[p]
    old = ite(_at(mine, PMD), arch.pmd_mkold(mine.entry), arch.pte_mkold(mine.entry))
    return both(mapped(mine), no(same(old, mine.entry))), with_process(s, p, entry=old)


@operation("the architecture's hardware description")
def store(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A user store goes through without generic mm."""
    mine = s.processes[p]
    written = tuple(
        replace(q, data=tuple(_after_store(q is mine, same(mine.frame, n), d) for n, d in enumerate(q.data)))
        for q in s.processes
    )
    after = with_process(replace(s, processes=written), p, entry=k.arch.hardware.store(mine.entry))
    return hardware_writable(k.arch, mine), after


def _after_store(writer: bool, this_frame: Any, right: Any) -> Any:
    """Only the writer is right about the frame afterwards, and only about this one."""
    return this_frame if writer else both(right, no(this_frame))


@operation("mm/mprotect.c change_pte_range(); mm/huge_memory.c change_huge_pmd()")
def mprotect_read(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Mprotect(PROT_READ) on the VMA."""
    arch, mine = k.arch, s.processes[p]
    prot = arch.protections["READONLY"]
    entry = ite(_at(mine, PMD), arch.pmd_modify(mine.entry, prot), arch.pte_modify(mine.entry, prot))
    return both(mapped(mine), mine.vm_write), with_process(s, p, entry=entry, vm_write=False)


@operation("mm/memory.c zap_pte_range(); mm/huge_memory.c zap_huge_pmd()")
def unmap(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Munmap or exit."""
    gone = empty_process(len(s.frames))
    mine = s.processes[p]
    return no(_at(mine, NONE)), release_unmapped(replace(s, processes=put(s.processes, p, gone)))
