"""First touch and zap: mm/memory.c do_anonymous_page(), mm/huge_memory.c do_huge_pmd_anonymous_page()."""

from __future__ import annotations

from typing import Any

from checker.logic import both, either, ite, no, word_like
from models.mm.catalogue import operation
from models.mm.kernel import Kernel
from models.mm.operations.fault import permitted
from models.mm.state import (
    ALL_ZERO,
    NEW_PAGE,
    NONE,
    NOTHING_HELD,
    PMD,
    PTE,
    Process,
    Right,
    World,
    alive,
    at,
    released,
    with_new_page,
    with_process,
    zero_page,
)


def _untouched(mine: Process) -> Any:
    return both(at(mine, NONE), no(mine.vma.shared))


def _marked(k: Kernel, mine: Process, entry: Any) -> Any:
    """The uffd-wp marker that was there instead of an entry (6.12) goes over to the new one."""
    return k.with_uffd_wp(mine.held.uffd_wp, entry) if k.since_612 else entry


def _from_zero(mine: Process) -> Right:
    return Right(mine.right.zero, False, mine.right.zero)


@operation("mm/memory.c do_anonymous_page()", "touch")
def first_touch_read(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """First touch by a load: the zero page."""
    mine = s.processes[p]
    like = k.arch.mk_pte(k.vm_page_prot(mine.vma, mine.entry))
    entry = _marked(k, mine, k.arch.pte_mkspecial(like))
    zero = word_like(mine.page, zero_page(s))
    return _untouched(mine), with_process(s, p, level=PTE, page=zero, entry=entry, held=NOTHING_HELD)


@operation("mm/memory.c do_anonymous_page()", "touch")
def first_touch_write(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """First touch by a store: a new page of zeroes."""
    arch, mine = k.arch, s.processes[p]
    fresh = arch.mk_pte(k.vm_page_prot(mine.vma, mine.entry))
    entry = _marked(k, mine, ite(mine.vma.write, arch.pte_mkwrite(arch.pte_mkdirty(fresh)), fresh))
    guard = both(_untouched(mine), permitted(k, mine))
    return guard, with_new_page(s, p, NEW_PAGE, level=PTE, entry=entry, held=NOTHING_HELD, right=_from_zero(mine))


@operation(
    "mm/huge_memory.c do_huge_pmd_anonymous_page(), set_huge_zero_page() (6.1), set_huge_zero_folio() (6.12)", "touch"
)
def first_touch_huge_read(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """First touch by a load: the huge zero page."""
    mine = s.processes[p]
    entry = k.arch.mk_huge_pmd(k.vm_page_prot(mine.vma, mine.entry))
    zero = word_like(mine.page, zero_page(s))
    guard = both(_untouched(mine), no(mine.held.uffd_wp))
    return guard, with_process(s, p, level=PMD, page=zero, entry=entry)


@operation("mm/huge_memory.c __do_huge_pmd_anonymous_page()", "touch")
def first_touch_huge_write(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """First touch by a store: a new huge page, dirty even in a read-only mapping."""
    arch, mine = k.arch, s.processes[p]
    entry = arch.pmd_mkdirty(arch.mk_huge_pmd(k.vm_page_prot(mine.vma, mine.entry)))
    entry = k.maybe_mkwrite("pmd", entry, mine.vma)
    guard = both(_untouched(mine), permitted(k, mine), no(mine.held.uffd_wp))
    return guard, with_new_page(s, p, NEW_PAGE, level=PMD, entry=entry, right=_from_zero(mine))


@operation("mm/memory.c zap_pte_range(); mm/huge_memory.c zap_huge_pmd()", "touch")
def zap(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """MADV_DONTNEED, or munmap and a new mapping at the same address."""
    mine = s.processes[p]
    guard = both(alive(mine), either(no(at(mine, NONE)), mine.held.uffd_wp), no(mine.vma.shared))
    return guard, released(with_process(s, p, right=ALL_ZERO, torn=False, stored=False, armed=False), p, NONE)
