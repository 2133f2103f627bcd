"""mprotect, NUMA hinting and mremap: mm/mprotect.c, mm/memory.c do_numa_page(), mm/mremap.c."""

from __future__ import annotations

from typing import Any

from checker.logic import both, either, ite, no
from checker.records import replace
from models.mm.catalogue import operation
from models.mm.kernel import Kernel
from models.mm.operations.fault import sole
from models.mm.state import (
    MIGRATION_PMD,
    MIGRATION_PTE,
    PMD,
    PTE,
    SWAP,
    Held,
    Process,
    Vma,
    World,
    alive,
    at,
    maps_page,
    maybe_dma_pinned,
    page_of,
    with_process,
)


def protected_held(k: Kernel, held: Held) -> Held:
    """change_pte_range() on an entry that is not present: a writable migration entry becomes a readable one.

    6.12 builds the new entry without the userfaultfd mark; a writable one has it only after PAGEMAP_SCAN.
    """
    marked = both(held.uffd_wp, no(held.writable)) if k.since_612 else held.uffd_wp
    return replace(held, writable=False, exclusive=either(held.exclusive, held.writable), uffd_wp=marked)


def modified(k: Kernel, mine: Process, prot: Any) -> Any:
    """The present entry after pte_modify() or pmd_modify()."""
    return k.by_level(mine, "modify", prot)


def upgraded(k: Kernel, s: World, p: int, vma: Vma, entry: Any) -> Any:
    """can_change_pte_writable() and, in 6.12, can_change_pmd_writable(): mkwrite where no fault would be of use.

    Args:
        k: the kernel; 6.1 asks for a dirty entry, and for a small one.
        s: the world before.
        p: the number of the process.
        vma: the mapping as it will be; writable.
        entry: the entry built so far.
    """
    mine = s.processes[p]
    probe = replace(mine, entry=entry)
    own = both(maps_page(s, mine), page_of(s, p).exclusive)
    dirty = k.by_level(probe, "dirty")
    allowed = ite(vma.shared, dirty, own)
    if not k.since_612:
        allowed = both(allowed, dirty, no(at(mine, PMD)))
    if k.soft_dirty:
        allowed = both(allowed, k.is_soft_dirty(probe))
    allowed = both(allowed, no(k.is_uffd_wp(probe)), no(k.is_protnone(probe)))
    allowed = both(allowed, vma.write, no(k.by_level(probe, "write")))
    return ite(allowed, k.by_level(probe, "mkwrite"), entry)


def reprotected(k: Kernel, s: World, p: int, vma: Vma, entry: Any) -> World:
    """Process ``p`` after a protection change: its VMA, its present entry or its entry that is not present."""
    mine = s.processes[p]
    present = at(mine, PTE, PMD)
    held = protected_held(k, mine.held)
    return with_process(s, p, vma=vma, entry=ite(present, entry, mine.entry), held=held)


@operation("mm/mprotect.c change_pte_range(); mm/huge_memory.c change_huge_pmd()")
def mprotect_read(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Mprotect(PROT_READ) on the VMA."""
    mine = s.processes[p]
    vma = replace(mine.vma, write=False)
    entry = modified(k, mine, k.vm_page_prot(vma, mine.entry))
    return both(alive(mine), mine.vma.write), reprotected(k, s, p, vma, entry)


@operation("mm/mprotect.c change_pte_range(), can_change_pte_writable(); mm/huge_memory.c change_huge_pmd()", "protect")
def mprotect_write(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Mprotect(PROT_READ | PROT_WRITE) on the VMA, with the manual write upgrade."""
    mine = s.processes[p]
    vma = replace(mine.vma, write=True)
    entry = upgraded(k, s, p, vma, modified(k, mine, k.vm_page_prot(vma, mine.entry)))
    return both(alive(mine), no(mine.vma.write)), reprotected(k, s, p, vma, entry)


def numa_balancing(k: Kernel) -> bool:
    """CONFIG_ARCH_SUPPORTS_NUMA_BALANCING."""
    return k.facilities.numa_balancing


@operation(
    "mm/mprotect.c change_pte_range(), MM_CP_PROT_NUMA; mm/huge_memory.c change_huge_pmd()",
    "numa",
    needs=numa_balancing,
)
def numa_protect(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """NUMA balancing makes the entry inaccessible to learn who uses the page."""
    mine = s.processes[p]
    entry = modified(k, mine, k.arch.protections["NONE"])
    if not k.since_612:  # pte_mk_savedwrite() is pte_mkwrite() on all of these architectures
        entry = ite(k.by_level(mine, "write"), k.by_level(replace(mine, entry=entry), "mkwrite"), entry)
    guard = both(
        maps_page(s, mine), no(mine.vma.shared), no(k.is_protnone(mine)), either(at(mine, PMD), _hintable(k, s, p))
    )
    return guard, with_process(s, p, entry=entry)


def _hintable(k: Kernel, s: World, p: int) -> Any:
    """What change_pte_range() asks of a small page: no KSM page; in 6.1 one reference, in 6.12 no pin."""
    mine, page = s.processes[p], page_of(s, p)
    if k.since_612:
        return both(no(page.ksm), no(maybe_dma_pinned(s, mine.page)))
    return both(no(page.ksm), no(page.slot), sole(s, p))


@operation("mm/memory.c do_numa_page(); mm/huge_memory.c do_huge_pmd_numa_page()", "numa", needs=numa_balancing)
def numa_fault(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """An access to such an entry makes it accessible again."""
    mine = s.processes[p]
    young = k.by_level(replace(mine, entry=modified(k, mine, k.vm_page_prot(mine.vma, mine.entry))), "mkyoung")
    if k.since_612:
        entry = upgraded(k, s, p, mine.vma, young)
    else:
        writable = k.by_level(mine, "write")
        entry = ite(writable, k.by_level(replace(mine, entry=young), "mkwrite"), young)
    return both(maps_page(s, mine), k.is_protnone(mine)), with_process(s, p, entry=entry)


@operation(
    "mm/memory.c do_numa_page(); mm/huge_memory.c do_huge_pmd_numa_page()",
    "numa",
    needs=lambda k: numa_balancing(k) and k.since_612,
)
def numa_fault_read_only(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """The same after a migration that failed: the entry stays read-only."""
    mine = s.processes[p]
    entry = modified(k, mine, k.vm_page_prot(mine.vma, mine.entry))
    young = k.by_level(replace(mine, entry=entry), "mkyoung")
    return both(maps_page(s, mine), k.is_protnone(mine)), with_process(s, p, entry=young)


@operation("mm/mremap.c move_ptes(); mm/huge_memory.c move_huge_pmd()", "protect")
def mremap(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """The mapping is moved; it leaves userfaultfd and its entry is soft-dirty."""
    mine = s.processes[p]
    entry = k.by_level(mine, "mksoft_dirty") if k.soft_dirty else mine.entry
    entry = k.by_level(replace(mine, entry=entry), "clear_uffd_wp") if k.uffd_wp else entry
    entry = ite(at(mine, PTE, PMD), entry, mine.entry)
    moved = at(mine, SWAP, MIGRATION_PTE, MIGRATION_PMD)
    soft_dirty = either(mine.held.soft_dirty, moved) if k.soft_dirty else False
    held = replace(mine.held, soft_dirty=soft_dirty, uffd_wp=False)
    return alive(mine), with_process(s, p, entry=entry, held=held, armed=False)
