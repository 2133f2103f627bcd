"""Huge pages: mm/huge_memory.c __split_huge_pmd_locked(), mm/khugepaged.c."""

from __future__ import annotations

from typing import Any

from checker.logic import both, either, ite, no
from models.mm.catalogue import operation
from models.mm.kernel import Kernel
from models.mm.operations.fault import copied_right
from models.mm.orders import held_by, split_entry
from models.mm.state import (
    MIGRATION_PMD,
    MIGRATION_PTE,
    NEW_PAGE,
    PMD,
    PTE,
    World,
    at,
    maps_page,
    maybe_dma_pinned,
    on_zero_page,
    page_of,
    pin_on,
    with_new_page,
    with_own_page,
    with_process,
)


@operation("mm/huge_memory.c __split_huge_pmd_locked(), __split_huge_zero_page_pmd()")
def split_huge_pmd(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A huge PMD is replaced by PTEs."""
    arch, mine = k.arch, s.processes[p]
    zero = k.arch.pte_mkspecial(arch.mk_pte(k.vm_page_prot(mine.vma, mine.entry)))
    zero = k.with_uffd_wp(k.uffd_wp_of(mine.entry, "pmd"), zero)
    entry = ite(on_zero_page(s, mine), zero, split_entry(k, mine.entry, mine.vma))
    after = with_own_page(s, p, dirty=either(page_of(s, p).dirty, arch.pmd_dirty(mine.entry)))
    return at(mine, PMD), with_process(after, p, level=PTE, entry=entry)


def thp_migration(k: Kernel) -> bool:
    """CONFIG_ARCH_ENABLE_THP_MIGRATION."""
    return k.facilities.thp_migration


@operation("mm/huge_memory.c __split_huge_pmd_locked(), pmd_migration", "migration", needs=thp_migration)
def split_migration_pmd(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A huge migration entry is replaced by small ones."""
    return at(s.processes[p], MIGRATION_PMD), with_process(s, p, level=MIGRATION_PTE)


@operation("mm/huge_memory.c __split_huge_pmd_locked(), freeze", "migration")
def split_huge_pmd_freeze(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A huge PMD is replaced by small migration entries, to split the folio or to migrate it in pieces."""
    arch, mine = k.arch, s.processes[p]
    page = page_of(s, p)
    held = held_by(k, "pmd", mine.entry, page.exclusive)
    possible = both(maps_page(s, mine), no(both(page.exclusive, maybe_dma_pinned(s, mine.page))))
    after = with_own_page(s, p, exclusive=False, dirty=either(page.dirty, arch.pmd_dirty(mine.entry)))
    return both(at(mine, PMD), possible), with_process(after, p, level=MIGRATION_PTE, entry=0, held=held)


@operation("mm/khugepaged.c collapse_huge_page()", "collapse")
def collapse_huge_page(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Small pages are copied into a huge one."""
    arch, mine = k.arch, s.processes[p]
    anonymous = either(maps_page(s, mine), on_zero_page(s, mine))
    unmarked = no(k.uffd_wp_of(mine.entry))
    # At least one entry of the range must be writable, so the mapping is.
    guard = both(at(mine, PTE), mine.vma.write, no(mine.vma.shared), anonymous, unmarked, no(pin_on(s, mine.page)))
    entry = arch.pmd_mkdirty(arch.mk_huge_pmd(k.vm_page_prot(mine.vma, mine.entry)))
    entry = k.maybe_mkwrite("pmd", entry, mine.vma)
    return guard, with_new_page(s, p, NEW_PAGE, level=PMD, entry=entry, right=copied_right(s, mine))
