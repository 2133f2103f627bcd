"""Write faults on present entries: mm/memory.c do_wp_page(), mm/huge_memory.c do_huge_pmd_wp_page()."""

from __future__ import annotations

from typing import Any

from checker.logic import both, either, ite, no
from checker.records import replace
from models.mm.catalogue import operation
from models.mm.kernel import Kernel
from models.mm.state import (
    NEW_PAGE,
    PMD,
    PTE,
    Process,
    Right,
    World,
    at,
    maps_anonymous,
    maps_page,
    on_zero_page,
    others,
    page_of,
    pin_on,
    refers_to,
    with_new_page,
    with_own_page,
    with_process,
)


def _writable_is_served(k: Kernel) -> str:
    """Why a write fault on a software-writable entry may never happen."""
    served = "the machine serves every store through a software-writable entry itself"
    return served if k.arch.hardware.serves_writable else ""


def permitted(k: Kernel, mine: Process) -> Any:
    """A write fault may be raised where nothing is mapped: the VMA is writable, or a FOLL_FORCE access raises it."""
    return True if "force" in k.features else mine.vma.write


def can_follow_forced(k: Kernel, s: World, p: int) -> Any:
    """can_follow_write_pte(), can_follow_write_pmd(): a FOLL_FORCE write needs no fault, although the VMA is read-only."""
    mine = s.processes[p]
    marked = no(k.is_uffd_wp(mine))
    seen = k.is_soft_dirty(mine) if k.soft_dirty else True
    return both(no(mine.vma.write), page_of(s, p).exclusive, maps_page(s, mine), seen, marked)


def to_userfaultfd(k: Kernel, mine: Process, level: str = "pte") -> Any:
    """userfaultfd_pte_wp(): the write fault goes to the handler, and the entry stays as it is."""
    return k.uffd_wp_of(mine.entry, level)


def write_fault(k: Kernel, s: World, p: int, level: int) -> Any:
    """A write by ``p`` enters generic mm at a present entry of this level and is not held up by NUMA hinting."""
    mine = s.processes[p]
    trapped = no(k.arch.hardware.writable(mine.entry))
    forced = both("force" in k.features, no(can_follow_forced(k, s, p)))
    raised = both(at(mine, level), either(mine.vma.write, forced), trapped)
    return both(raised, no(k.protnone(mine.entry, "pmd" if level == PMD else "pte")))


def sole(s: World, p: int) -> Any:
    """The page could be freed from the swap cache, and then nobody else holds a reference to it."""
    mine = s.processes[p]
    return both(no(either(*(refers_to(s, q, mine.page) for q in others(s, p)))), no(pin_on(s, mine.page)))


def may_reuse(s: World, p: int) -> Any:
    """PageAnonExclusive, or nobody else holds a reference (wp_can_reuse_anon_folio()); never a KSM page."""
    page = page_of(s, p)
    return either(page.exclusive, both(sole(s, p), no(page.ksm)))


def made_exclusive(s: World, p: int) -> World:
    """The page becomes this process's own; freeing its swap slot (folio_free_swap()) marks it dirty."""
    page, mine = page_of(s, p), s.processes[p]
    freed = both(page.slot, no(page.exclusive))
    kept = replace(mine.right, slot=both(mine.right.slot, no(freed)))
    after = with_process(s, p, right=kept)
    return with_own_page(after, p, exclusive=True, slot=both(page.slot, no(freed)), dirty=either(page.dirty, freed))


@operation("mm/memory.c do_wp_page(), wp_page_reuse()")
def wp_page_reuse(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Write fault on a read-only PTE: the page is this process's own."""
    arch, mine = k.arch, s.processes[p]
    fault = both(write_fault(k, s, p, PTE), no(arch.pte_write(mine.entry)), no(to_userfaultfd(k, mine)))
    entry = arch.pte_mkdirty(arch.pte_mkyoung(mine.entry))
    after = with_process(made_exclusive(s, p), p, entry=k.maybe_mkwrite("pte", entry, mine.vma))
    return both(fault, maps_anonymous(s, mine), may_reuse(s, p)), after


def copied_right(s: World, mine: Process) -> Right:
    """What the process finds in a copy of the page it maps, or of the zero page."""
    return Right(ite(on_zero_page(s, mine), mine.right.zero, mine.right.memory), False, mine.right.zero)


@operation("mm/memory.c do_wp_page(), wp_page_copy()")
def wp_page_copy(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Write fault on a read-only PTE: the page is copied."""
    arch, mine = k.arch, s.processes[p]
    fault = both(write_fault(k, s, p, PTE), no(arch.pte_write(mine.entry)), no(to_userfaultfd(k, mine)))
    guard = both(fault, no(mine.vma.shared), no(page_of(s, p).exclusive))
    # pte_sw_mkyoung(), called before pte_mkdirty(), is the identity: none of these architectures overrides it.
    entry = arch.pte_mkdirty(arch.mk_pte(k.vm_page_prot(mine.vma, mine.entry)))
    entry = k.maybe_mkwrite("pte", entry, mine.vma)
    return guard, with_new_page(s, p, NEW_PAGE, entry=entry, right=copied_right(s, mine))


@operation("mm/memory.c handle_pte_fault()", idle=_writable_is_served)
def fault_mkdirty_pte(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Write fault on a writable PTE that is not dirty or not young."""
    arch, mine = k.arch, s.processes[p]
    guard = both(write_fault(k, s, p, PTE), arch.pte_write(mine.entry))
    return guard, with_process(s, p, entry=arch.pte_mkyoung(arch.pte_mkdirty(mine.entry)))


@operation("mm/huge_memory.c do_huge_pmd_wp_page()")
def huge_pmd_reuse(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Write fault on a read-only PMD: the huge page is this process's own."""
    arch, mine = k.arch, s.processes[p]
    fault = both(write_fault(k, s, p, PMD), no(arch.pmd_write(mine.entry)), no(to_userfaultfd(k, mine, "pmd")))
    entry = arch.pmd_mkdirty(arch.pmd_mkyoung(mine.entry))
    after = with_process(made_exclusive(s, p), p, entry=k.maybe_mkwrite("pmd", entry, mine.vma))
    return both(fault, maps_anonymous(s, mine), may_reuse(s, p)), after


@operation("mm/huge_memory.c touch_pmd()", idle=_writable_is_served)
def fault_mkdirty_pmd(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Write fault on a writable PMD that is not dirty or not young."""
    arch, mine = k.arch, s.processes[p]
    guard = both(write_fault(k, s, p, PMD), arch.pmd_write(mine.entry))
    return guard, with_process(s, p, entry=arch.pmd_mkdirty(arch.pmd_mkyoung(mine.entry)))
