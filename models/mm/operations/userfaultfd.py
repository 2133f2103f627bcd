"""userfaultfd: mm/userfaultfd.c, the write-protection parts of mm/mprotect.c, PAGEMAP_SCAN in fs/proc/task_mmu.c.

Every mapping counts as registered with UFFDIO_REGISTER_MODE_WP: one that is not behaves like one that is and on which
nobody ever asks for protection. UFFDIO_UNREGISTER takes all protection away, as :func:`uffd_resolve` does.
"""

from __future__ import annotations

from typing import Any

from checker.logic import both, either, ite, no, word_like
from checker.records import replace
from models.mm.catalogue import operation
from models.mm.kernel import Kernel
from models.mm.operations.fault import to_userfaultfd, write_fault
from models.mm.operations.protection import modified, protected_held, upgraded
from models.mm.state import (
    MIGRATION_PMD,
    MIGRATION_PTE,
    NEW_PAGE,
    NONE,
    NOTHING_HELD,
    PMD,
    PTE,
    SWAP,
    Process,
    Right,
    World,
    alive,
    at,
    maps_page,
    maybe_dma_pinned,
    page_of,
    with_new_page,
    with_process,
    zero_page,
)


def uffd_wp(k: Kernel) -> bool:
    """CONFIG_HAVE_ARCH_USERFAULTFD_WP."""
    return k.facilities.uffd_wp


def uffd_wp_async(k: Kernel) -> bool:
    """Asynchronous write protection and PAGEMAP_SCAN, new after 6.1."""
    return uffd_wp(k) and k.since_612


@operation("mm/userfaultfd.c mfill_zeropage_pte() (6.1), mfill_atomic_pte_zeropage() (6.12)", "userfaultfd")
def uffdio_zeropage(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """UFFDIO_ZEROPAGE into a missing page."""
    mine = s.processes[p]
    entry = k.arch.pte_mkspecial(k.arch.mk_pte(k.vm_page_prot(mine.vma, mine.entry)))
    zero = word_like(mine.page, zero_page(s))
    right = replace(mine.right, zero=True)
    guard = both(_missing(mine), no(mine.held.uffd_wp))
    return guard, with_process(s, p, level=PTE, page=zero, entry=entry, held=NOTHING_HELD, right=right)


def _protectable(mine: Process) -> Any:
    return both(alive(mine), no(mine.vma.shared))


def _copied(k: Kernel, s: World, p: int, protect: bool) -> World:
    arch, mine = k.arch, s.processes[p]
    entry = arch.pte_mkdirty(arch.mk_pte(k.vm_page_prot(mine.vma, mine.entry)))
    if k.since_612:
        entry = k.maybe_mkwrite("pte", entry, mine.vma)
        entry = arch.pte_mkuffd_wp(entry) if protect else entry
    elif protect:
        entry = arch.pte_wrprotect(arch.pte_mkuffd_wp(entry))
    else:
        entry = ite(mine.vma.write, arch.pte_mkwrite(entry), arch.pte_wrprotect(entry))
    return with_new_page(
        s, p, NEW_PAGE, level=PTE, entry=entry, held=NOTHING_HELD, right=Right(True, False, False), armed=protect
    )


def _missing(mine: Process) -> Any:
    return both(at(mine, NONE), no(mine.vma.shared))


@operation(
    "mm/userfaultfd.c mcopy_atomic_pte() (6.1), mfill_atomic_pte_copy() (6.12); mfill_atomic_install_pte()",
    "userfaultfd",
)
def uffdio_copy(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """UFFDIO_COPY into a missing page, whatever the VMA's protection."""
    return _missing(s.processes[p]), _copied(k, s, p, False)


@operation("mm/userfaultfd.c mfill_atomic_install_pte(), UFFDIO_COPY_MODE_WP", "userfaultfd-wp", needs=uffd_wp)
def uffdio_copy_wp(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """UFFDIO_COPY with write protection into a missing page."""
    return _missing(s.processes[p]), _copied(k, s, p, True)


@operation("mm/huge_memory.c move_pages_huge_pmd()", "userfaultfd", needs=lambda k: k.since_612)
def uffdio_move_pmd(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """UFFDIO_MOVE of an exclusive huge page: the new entry is dirty and writable."""
    arch, mine, page = k.arch, s.processes[p], page_of(s, p)
    movable = both(page.exclusive, no(maybe_dma_pinned(s, mine.page)), mine.vma.write, no(mine.vma.shared))
    entry = arch.pmd_mkwrite(arch.pmd_mkdirty(arch.mk_huge_pmd(k.vm_page_prot(mine.vma, mine.entry))))
    return both(at(mine, PMD), maps_page(s, mine), movable), with_process(s, p, entry=entry, armed=False)


@operation("mm/userfaultfd.c move_present_pte()", "userfaultfd", needs=lambda k: k.since_612)
def uffdio_move(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """UFFDIO_MOVE of an exclusive page, to where the model's mapping is."""
    arch, mine, page = k.arch, s.processes[p], page_of(s, p)
    movable = both(page.exclusive, no(maybe_dma_pinned(s, mine.page)), mine.vma.write, no(mine.vma.shared))
    entry = k.with_soft_dirty(True, arch.mk_pte(k.vm_page_prot(mine.vma, mine.entry)))
    entry = arch.pte_mkwrite(ite(arch.pte_dirty(mine.entry), arch.pte_mkdirty(entry), entry))
    return both(at(mine, PTE), maps_page(s, mine), movable), with_process(s, p, entry=entry, armed=False)


def _marked(k: Kernel, s: World, p: int, entry: Any, mark: bool) -> World:
    """Process ``p`` with this present entry, or with its entry that is not present marked or not."""
    mine = s.processes[p]
    present = at(mine, PTE, PMD)
    absent = at(mine, SWAP, MIGRATION_PTE, MIGRATION_PMD) if mark else no(present)
    if mark and k.since_612:  # a marker where nothing is mapped: UFFD_FEATURE_WP_UNPOPULATED
        absent = either(absent, at(mine, NONE))
    held = protected_held(k, mine.held)
    held = replace(held, uffd_wp=ite(absent, mark, held.uffd_wp))
    armed = either(present, absent) if mark else False
    return with_process(s, p, entry=ite(present, entry, mine.entry), held=held, armed=armed)


@operation(
    "mm/userfaultfd.c uffd_wp_range(); mm/mprotect.c change_pte_range(), MM_CP_UFFD_WP", "userfaultfd-wp", needs=uffd_wp
)
def uffd_write_protect(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """UFFDIO_WRITEPROTECT_MODE_WP."""
    arch, mine = k.arch, s.processes[p]
    if k.since_612:
        entry = modified(k, mine, k.vm_page_prot(mine.vma, mine.entry))
        entry = k.by_level(replace(mine, entry=entry), "mkuffd_wp")
    else:
        entry = modified(k, mine, arch.protections["READONLY"])
        entry = k.by_level(replace(mine, entry=k.by_level(replace(mine, entry=entry), "wrprotect")), "mkuffd_wp")
    return _protectable(mine), _marked(k, s, p, entry, True)


def _resolved(k: Kernel, s: World, p: int) -> World:
    mine = s.processes[p]
    entry = modified(k, mine, k.vm_page_prot(mine.vma, mine.entry))
    entry = k.by_level(replace(mine, entry=entry), "clear_uffd_wp")
    if k.since_612:
        entry = upgraded(k, s, p, mine.vma, entry)
    return _marked(k, s, p, entry, False)


@operation(
    "mm/userfaultfd.c uffd_wp_range(); mm/mprotect.c change_pte_range(), MM_CP_UFFD_WP_RESOLVE",
    "userfaultfd-wp",
    needs=uffd_wp,
)
def uffd_resolve(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """UFFDIO_WRITEPROTECT without the mode: the protection is taken away."""
    return _protectable(s.processes[p]), _resolved(k, s, p)


@operation("mm/memory.c do_wp_page(), userfaultfd_wp_async()", "userfaultfd-wp", needs=uffd_wp_async)
def uffd_async_resolve(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A write fault in asynchronous mode takes the mark off the PTE by itself, then goes on."""
    mine = s.processes[p]
    guard = both(write_fault(k, s, p, PTE), no(k.arch.pte_write(mine.entry)), to_userfaultfd(k, mine))
    return guard, with_process(s, p, entry=k.without_uffd_wp(True, mine.entry), armed=False)


@operation("fs/proc/task_mmu.c make_uffd_wp_pte(), make_uffd_wp_pmd()", "userfaultfd-wp", needs=uffd_wp_async)
def pagemap_scan_wp(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """PAGEMAP_SCAN with PM_SCAN_WP_MATCHING write-protects what it reports."""
    mine = s.processes[p]
    present = at(mine, PTE, PMD)
    held = protected_held(k, mine.held) if "migration-pagemap-scan" in k.repairs else mine.held
    held = replace(held, uffd_wp=either(mine.held.uffd_wp, no(present)))
    entry = ite(present, k.by_level(mine, "mkuffd_wp"), mine.entry)
    return _protectable(mine), with_process(s, p, entry=entry, held=held, armed=True)
