"""KSM: mm/ksm.c write_protect_page(), replace_page().

Pages are merged when their contents are equal. Contents are not numbered here, so a merge is always possible: it
stands for a history in which the stores happened to write the same. What each process must read is unchanged. A KSM
page counts as shared for ever, so that who else maps it makes no difference to what may happen to it.
"""

from __future__ import annotations

from typing import Any

from checker.logic import both, either, ite, no, word_like
from checker.records import replace
from models.mm.catalogue import operation
from models.mm.kernel import Kernel
from models.mm.operations.fault import copied_right
from models.mm.state import (
    NEW_PAGE,
    PTE,
    Page,
    Process,
    World,
    at,
    maps_page,
    migrating,
    page_of,
    pin_on,
    refers_to,
    renumbered,
    torn,
    with_new_page,
    with_own_page,
    with_process,
    zero_page,
)

KSM_PAGE = replace(NEW_PAGE, exclusive=False, dirty=True, ksm=True)


def _mergeable(k: Kernel, s: World, p: int) -> Any:
    """write_protect_page(): an anonymous page that only its mappings and the swap cache hold a reference to."""
    mine = s.processes[p]
    unreferenced = either(no(pin_on(s, mine.page)), no(_needs_protection(k, s, p)))
    marked = both("ksm-uffd-wp" in k.repairs, k.uffd_wp_of(mine.entry))
    return both(no(marked), at(mine, PTE), maps_page(s, mine), no(mine.vma.shared), no(migrating(s, p)), unreferenced)


def _needs_protection(k: Kernel, s: World, p: int) -> Any:
    """write_protect_page() leaves an entry alone that is neither writable nor dirty, of a page that is not exclusive."""
    arch, entry = k.arch, s.processes[p].entry
    return either(arch.pte_write(entry), arch.pte_dirty(entry), page_of(s, p).exclusive)


def _write_protected(k: Kernel, s: World, p: int) -> Any:
    """The entry after write_protect_page()."""
    arch, entry = k.arch, s.processes[p].entry
    needed = _needs_protection(k, s, p)
    if k.since_612:
        clean = arch.pte_mkclean(entry)
        done = ite(arch.pte_write(clean), arch.pte_wrprotect(clean), clean)
    else:
        done = arch.pte_mkclean(arch.pte_wrprotect(entry))
    return ite(needed, done, entry)


def _repaired(k: Kernel, mine: Process, entry: Any) -> Any:
    kept = both("ksm-soft-dirty" in k.repairs, k.soft_dirty_of(mine.entry))
    return k.with_soft_dirty(kept, entry)


@operation("mm/ksm.c try_to_merge_one_page(), write_protect_page()", "ksm")
def ksm_share(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A page becomes a KSM page: write-protected, clean in the entry and dirty as a page, no longer exclusive."""
    page = page_of(s, p)
    guard = both(_mergeable(k, s, p), no(page.ksm), no(page.slot), no(page.lazyfree))
    entry = _write_protected(k, s, p)
    return guard, with_process(with_own_page(s, p, exclusive=False, dirty=True, ksm=True), p, entry=entry)


@operation("mm/ksm.c try_to_merge_with_ksm_page(), replace_page()", "ksm")
def ksm_merge(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A page is replaced by a KSM page of equal content that belongs to somebody else."""
    mine = s.processes[p]
    entry = _repaired(k, mine, k.arch.mk_pte(k.vm_page_prot(mine.vma, mine.entry)))
    guard = both(_mergeable(k, s, p), no(page_of(s, p).ksm))
    return guard, _merged(k, s, p, KSM_PAGE, entry)


def _merged(k: Kernel, s: World, p: int, page: Page, entry: Any) -> World:
    """Process ``p`` on another page; the dirty bit of its old entry goes to the page it leaves."""
    mine = s.processes[p]
    dirty = either(page_of(s, p).dirty, k.arch.pte_dirty(mine.entry))
    return with_new_page(with_own_page(s, p, dirty=dirty), p, page, entry=entry, right=replace(mine.right, slot=False))


@operation(
    "mm/ksm.c try_to_merge_with_ksm_page(), replace_page()",
    "ksm",
    needs=lambda k: "lazyfree" in k.features and "madv-free-ksm" not in k.repairs,
)
def ksm_merge_freed(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """The same with a KSM page that its only user has given to MADV_FREE."""
    mine = s.processes[p]
    entry = _repaired(k, mine, k.arch.mk_pte(k.vm_page_prot(mine.vma, mine.entry)))
    guard = both(_mergeable(k, s, p), no(page_of(s, p).ksm))
    return guard, _merged(k, s, p, replace(KSM_PAGE, dirty=False, lazyfree=True), entry)


@operation("mm/ksm.c break_ksm()", "ksm")
def ksm_unmerge(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """MADV_UNMERGEABLE: a KSM page is copied, in 6.1 by a write fault even in a read-only mapping, in 6.12 by unsharing."""
    arch, mine = k.arch, s.processes[p]
    entry = arch.mk_pte(k.vm_page_prot(mine.vma, mine.entry))
    if k.since_612:
        entry = k.with_uffd_wp(k.uffd_wp_of(mine.entry), k.with_soft_dirty(k.soft_dirty_of(mine.entry), entry))
    else:
        entry = k.maybe_mkwrite("pte", arch.pte_mkdirty(entry), mine.vma)
    guard = both(at(mine, PTE), maps_page(s, mine), page_of(s, p).ksm, no(arch.pte_write(mine.entry)))
    guard = both(guard, no(k.protnone(mine.entry)), no(both(not k.since_612, k.uffd_wp_of(mine.entry))))
    return guard, with_new_page(s, p, NEW_PAGE, entry=entry, right=copied_right(s, mine))


@operation("mm/ksm.c replace_page(), with ksm_use_zero_pages", "ksm")
def ksm_zero(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A page that holds only zeroes is replaced by the zero page (6.12: by a dirty entry)."""
    arch, mine = k.arch, s.processes[p]
    entry = arch.pte_mkspecial(arch.mk_pte(k.vm_page_prot(mine.vma, mine.entry)))
    if k.since_612:
        entry = arch.pte_mkdirty(entry)
    entry = _repaired(k, mine, entry)
    # The content is zero: whoever shares the page and reads it rightly reads zero.
    knowing = tuple(
        replace(q, right=replace(q.right, zero=either(q.right.zero, both(refers_to(s, q, mine.page), q.right.memory))))
        for q in s.processes
    )
    dirty = either(page_of(s, p).dirty, arch.pte_dirty(mine.entry))
    at_zero = with_process(
        with_own_page(replace(s, processes=knowing), p, dirty=dirty),
        p,
        torn=torn(s, p),
        page=word_like(mine.page, zero_page(s)),
        entry=entry,
    )
    return both(_mergeable(k, s, p), no(page_of(s, p).ksm)), renumbered(at_zero)
