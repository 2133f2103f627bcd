"""MADV_FREE: mm/madvise.c madvise_free_pte_range(), mm/huge_memory.c madvise_free_huge_pmd(), mm/rmap.c."""

from __future__ import annotations

from typing import Any

from checker.logic import both, either, ite, no
from checker.records import replace
from models.mm.catalogue import operation
from models.mm.kernel import Kernel
from models.mm.operations.swap import for_sharers, no_other_swap_entry
from models.mm.state import (
    NONE,
    PMD,
    PTE,
    Process,
    World,
    at,
    choose,
    mapped,
    maps_anonymous,
    maps_page,
    migrating,
    others,
    page_of,
    pin_on,
    refers_to,
    released,
    torn,
    with_own_page,
    with_process,
)


def _mapped_elsewhere(s: World, p: int) -> Any:
    number = s.processes[p].page
    return either(*(both(mapped(q), refers_to(s, q, number)) for q in others(s, p)))


def _touched(k: Kernel, mine: Process) -> Any:
    """The entry is young or dirty; where young does not decide about access it decides nothing here either."""
    return either(k.by_level(mine, "young"), k.by_level(mine, "dirty")) if k.arch.hardware.young_gates else True


@operation("mm/madvise.c madvise_free_pte_range()", "lazyfree")
def madv_free_pte(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """MADV_FREE of a small page: the entry becomes clean and old but stays writable, the page may be discarded."""
    arch, mine, page = k.arch, s.processes[p], page_of(s, p)
    undisturbed = both(no(_mapped_elsewhere(s, p)), no(migrating(s, p)), no_other_swap_entry(s, p))
    possible = either(no(either(page.slot, page.dirty)), undisturbed)
    if "madv-free-shared" in k.repairs:
        possible = both(possible, no(either(*(refers_to(s, q, mine.page) for q in others(s, p)))))
    if "madv-free-ksm" in k.repairs:
        possible = both(possible, no(page.ksm))
    entry = ite(_touched(k, mine), arch.pte_mkclean(arch.pte_mkold(mine.entry)), mine.entry)
    # A page under migration is isolated, and folio_mark_lazyfree() then does nothing.
    return both(at(mine, PTE), maps_anonymous(s, mine), possible), _freed(s, p, entry, no(migrating(s, p)))


@operation("mm/huge_memory.c madvise_free_huge_pmd()", "lazyfree")
def madv_free_pmd(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """MADV_FREE of a huge page: the entry becomes clean and old but stays writable, the page may be discarded."""
    arch, mine, page = k.arch, s.processes[p], page_of(s, p)
    possible = both(no(_mapped_elsewhere(s, p)), no(migrating(s, p)))
    entry = ite(_touched(k, mine), arch.pmd_mkclean(arch.pmd_mkold(mine.entry)), mine.entry)
    after = _freed(s, p, entry, True)
    guard = both(at(mine, PMD), maps_anonymous(s, mine), possible)
    if "madv-free-huge-swap" in k.repairs:
        return both(guard, no_other_swap_entry(s, p)), after
    # The slot is not looked at: it stays, the page is clean, and folio_mark_lazyfree() does nothing in the swap cache.
    right = replace(mine.right, zero=True)
    kept = with_process(with_own_page(s, p, dirty=False), p, entry=entry, right=right)
    return guard, choose(page.slot, kept, after)


def _freed(s: World, p: int, entry: Any, lazily: Any) -> World:
    """The page without its slot, clean, and (unless it cannot be) lazily freed; zeroes are right from now on, too."""
    dropped = for_sharers(s, p, lambda right: replace(right, slot=False))
    right = replace(dropped.processes[p].right, zero=True)
    lazyfree = either(page_of(s, p).lazyfree, lazily)
    after = with_own_page(dropped, p, slot=False, dirty=False, lazyfree=lazyfree)
    return with_process(after, p, entry=entry, right=right)


def _unmappable(s: World, p: int) -> Any:
    """Reclaim tries to unmap a lazily freed page."""
    mine, page = s.processes[p], page_of(s, p)
    return both(at(mine, PTE), maps_page(s, mine), page.lazyfree, no(migrating(s, p)))


@operation("mm/rmap.c try_to_unmap_one(), not swapbacked", "lazyfree")
def lazyfree_discard(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Reclaim discards a clean page after MADV_FREE."""
    mine, page = s.processes[p], page_of(s, p)
    clean = no(either(page.dirty, k.arch.pte_dirty(mine.entry)))
    return both(_unmappable(s, p), clean, no(pin_on(s, mine.page))), released(
        with_process(s, p, torn=torn(s, p), stored=False, armed=False), p, NONE
    )


@operation("mm/rmap.c try_to_unmap_one(), not swapbacked", "lazyfree")
def lazyfree_keep(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Reclaim finds the page dirty again after MADV_FREE, or referenced otherwise, and keeps it."""
    mine, page = s.processes[p], page_of(s, p)
    dirty = either(page.dirty, k.arch.pte_dirty(mine.entry))
    kept = either(dirty, pin_on(s, mine.page))
    return both(_unmappable(s, p), kept), with_own_page(s, p, lazyfree=False, dirty=dirty)
