"""Swap: mm/vmscan.c shrink_folio_list() in its steps, mm/rmap.c try_to_unmap_one(), mm/memory.c do_swap_page().

Operations on a page rather than on an entry are given to the first process that refers to it, whose number the page has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from checker.logic import both, either, ite, no
from checker.records import replace
from models.mm.catalogue import operation
from models.mm.kernel import Kernel
from models.mm.operations.fault import permitted, sole
from models.mm.state import (
    FILE,
    NOTHING_HELD,
    PTE,
    SWAP,
    Process,
    Right,
    World,
    at,
    maps_page,
    maybe_dma_pinned,
    migrating,
    others,
    page_of,
    pin_on,
    refers,
    refers_to,
    with_own_page,
    with_process,
)


def first_of_page(s: World, p: int) -> Any:
    """Process ``p`` refers to a page, and no process before it does."""
    mine = s.processes[p]
    return both(refers(s, mine), no(either(*(refers_to(s, q, mine.page) for q in s.processes[:p]))))


def unmapped(s: World, p: int) -> Any:
    """Every entry for the page of process ``p`` is a swap entry (of a file: none), and no reference holds it."""
    number = s.processes[p].page
    stored = [either(no(refers_to(s, q, number)), at(q, SWAP, FILE)) for q in s.processes]
    return both(*stored, no(pin_on(s, number)))


def for_sharers(s: World, p: int, change: Callable[[Right], Right]) -> World:
    """The world with ``right`` changed for every process that refers to the page of process ``p``."""
    number = s.processes[p].page

    def changed(q: Process) -> Process:
        new = change(q.right)
        mine = refers_to(s, q, number)
        return replace(
            q,
            right=Right(ite(mine, new.memory, q.right.memory), ite(mine, new.slot, q.right.slot), q.right.zero),
        )

    return replace(s, processes=tuple(changed(q) for q in s.processes))


def no_other_swap_entry(s: World, p: int) -> Any:
    """No process but ``p`` has a swap entry for the page of process ``p``."""
    number = s.processes[p].page
    return no(either(*(both(at(q, SWAP), refers_to(s, q, number)) for q in others(s, p))))


@operation("mm/vmscan.c shrink_folio_list(), mm/swap_state.c add_to_swap()", "swap")
def add_to_swap(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Reclaim gives an anonymous page a swap slot and marks it dirty."""
    page, mine = page_of(s, p), s.processes[p]
    anonymous = both(page.memory, no(page.slot), no(page.lazyfree), no(page.ksm), no(mine.vma.shared))
    guard = both(first_of_page(s, p), anonymous, no(migrating(s, p)), no(maybe_dma_pinned(s, mine.page)))
    after = for_sharers(s, p, lambda right: replace(right, slot=False))
    return guard, with_own_page(after, p, slot=True, dirty=True)


@operation("mm/rmap.c try_to_unmap_one()", "swap")
def try_to_unmap(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Reclaim replaces a PTE by a swap entry; the only place where its dirty bit reaches the page."""
    arch, mine, page = k.arch, s.processes[p], page_of(s, p)
    shareable = no(both(page.exclusive, maybe_dma_pinned(s, mine.page)))
    guard = both(at(mine, PTE), maps_page(s, mine), no(mine.vma.shared), page.slot, no(migrating(s, p)), shareable)
    held = replace(
        NOTHING_HELD,
        exclusive=both(page.exclusive, k.swap_exclusive),
        soft_dirty=k.soft_dirty_of(mine.entry),
        uffd_wp=k.uffd_wp_of(mine.entry),
    )
    after = with_own_page(s, p, exclusive=False, dirty=either(page.dirty, arch.pte_dirty(mine.entry)))
    return guard, with_process(after, p, level=SWAP, entry=0, held=held)


@operation("mm/vmscan.c shrink_folio_list(), pageout()", "swap")
def pageout(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Reclaim writes an unmapped dirty page to its slot."""
    page = page_of(s, p)
    guard = both(first_of_page(s, p), page.memory, page.slot, page.dirty, unmapped(s, p), no(s.processes[p].vma.shared))
    after = for_sharers(s, p, lambda right: replace(right, slot=right.memory))
    return guard, with_own_page(after, p, dirty=False)


@operation("mm/vmscan.c __remove_mapping()", "swap")
def free_swap_cache_page(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Reclaim frees the frame of an unmapped clean page; the slot stays."""
    page = page_of(s, p)
    guard = both(
        first_of_page(s, p), page.memory, page.slot, no(page.dirty), unmapped(s, p), no(s.processes[p].vma.shared)
    )
    after = for_sharers(s, p, lambda right: replace(right, memory=False))
    return guard, with_own_page(after, p, memory=False)


@operation("mm/swapfile.c folio_free_swap()", "swap")
def free_swap(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A page in the swap cache gives up its slot, which no swap entry needs any more, and is dirty."""
    page, mine = page_of(s, p), s.processes[p]
    unneeded = both(no(at(mine, SWAP)), no_other_swap_entry(s, p))
    guard = both(first_of_page(s, p), page.memory, page.slot, unneeded, no(migrating(s, p)), no(mine.vma.shared))
    after = for_sharers(s, p, lambda right: replace(right, slot=False))
    return guard, with_own_page(after, p, slot=False, dirty=True)


def read_in(s: World, p: int) -> World:
    """The page is in memory again, if it was not: read from its slot, clean."""
    page = page_of(s, p)
    after = for_sharers(s, p, lambda r: replace(r, memory=ite(page.memory, r.memory, r.slot)))
    return with_own_page(after, p, memory=True, dirty=both(page.dirty, page.memory))


def _without_slot(s: World, p: int, dirty: Any) -> World:
    after = for_sharers(s, p, lambda right: replace(right, slot=False))
    return with_own_page(after, p, slot=False, dirty=dirty)


def _entry_61(k: Kernel, mine: Process, reuse: Any, write: bool) -> Any:
    arch = k.arch
    entry = arch.mk_pte(k.vm_page_prot(mine.vma, mine.entry))
    if write:
        entry = ite(reuse, k.maybe_mkwrite("pte", arch.pte_mkdirty(entry), mine.vma), entry)
    entry = k.with_soft_dirty(mine.held.soft_dirty, entry)
    if k.uffd_wp:
        entry = ite(mine.held.uffd_wp, arch.pte_wrprotect(arch.pte_mkuffd_wp(entry)), entry)
    return entry


def _entry_612(k: Kernel, mine: Process, reuse: Any, write: bool) -> Any:
    arch = k.arch
    entry = arch.mk_pte(k.vm_page_prot(mine.vma, mine.entry))
    entry = k.with_soft_dirty(mine.held.soft_dirty, entry)
    entry = k.with_uffd_wp(mine.held.uffd_wp, entry)
    held_up = k.uffd_wp_of(entry)
    if k.soft_dirty:
        held_up = either(held_up, no(k.soft_dirty_of(entry)))
    writable = arch.pte_mkwrite(entry)
    if write:
        writable = arch.pte_mkdirty(writable)
    return ite(both(reuse, mine.vma.write, no(held_up)), writable, entry)


def _swap_in(k: Kernel, s: World, p: int, write: bool, mode: str) -> tuple[Any, World]:
    """do_swap_page(); ``mode`` is what becomes of the slot.

    Args:
        k: the kernel.
        s: the world.
        p: the number of the process.
        write: a write fault.
        mode: ``cached`` keeps the slot; ``freed`` gives it up (should_try_to_free_swap()); ``fresh`` reads a page
            that is not in the swap cache past it (SWP_SYNCHRONOUS_IO, one swap entry).
    """
    mine, page = s.processes[p], page_of(s, p)
    last = no_other_swap_entry(s, p)
    guard: Any = both(at(mine, SWAP), no(migrating(s, p)))
    after = read_in(s, p)
    if mode == "freed":
        guard, after = both(guard, last), _without_slot(after, p, True)
    elif mode == "fresh":
        guard, after = both(guard, last, no(page.memory), no(pin_on(s, mine.page))), _without_slot(after, p, False)
    exclusive = either(mine.held.exclusive, mode == "fresh", both(sole(s, p), mode == "freed"))
    reuse = both(exclusive, no(page.ksm))
    build = _entry_612 if k.since_612 else _entry_61
    entry = build(k, mine, reuse, write)
    after = with_own_page(after, p, exclusive=either(page.exclusive, reuse))
    guard = both(guard, permitted(k, mine)) if write else guard
    return guard, with_process(after, p, level=PTE, entry=entry, held=NOTHING_HELD)


_SWAP_IN = "mm/memory.c do_swap_page()"


@operation(_SWAP_IN, "swap")
def swap_in_read(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Read fault on a swap entry; the slot is kept."""
    return _swap_in(k, s, p, False, "cached")


@operation(_SWAP_IN, "swap")
def swap_in_write(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Write fault on a swap entry; the slot is kept."""
    return _swap_in(k, s, p, True, "cached")


@operation(f"{_SWAP_IN}, should_try_to_free_swap()", "swap")
def swap_in_read_freeing(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Read fault on a swap entry; the slot is given up."""
    return _swap_in(k, s, p, False, "freed")


@operation(f"{_SWAP_IN}, should_try_to_free_swap()", "swap")
def swap_in_write_freeing(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Write fault on a swap entry; the slot is given up."""
    return _swap_in(k, s, p, True, "freed")


@operation(f"{_SWAP_IN}, SWP_SYNCHRONOUS_IO", "swap")
def swap_in_read_fresh(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Read fault on the only swap entry of a page; it is read past the swap cache."""
    return _swap_in(k, s, p, False, "fresh")


@operation(f"{_SWAP_IN}, SWP_SYNCHRONOUS_IO", "swap")
def swap_in_write_fresh(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Write fault on the only swap entry of a page; it is read past the swap cache."""
    return _swap_in(k, s, p, True, "fresh")


@operation("mm/swapfile.c unuse_pte()", "swap")
def unuse_pte(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Swapoff maps the page again, read-only and old."""
    arch, mine, page = k.arch, s.processes[p], page_of(s, p)
    entry = arch.pte_mkold(arch.mk_pte(k.vm_page_prot(mine.vma, mine.entry)))
    entry = k.with_uffd_wp(mine.held.uffd_wp, k.with_soft_dirty(mine.held.soft_dirty, entry))
    after = with_own_page(read_in(s, p), p, exclusive=either(page.exclusive, mine.held.exclusive))
    return both(at(mine, SWAP), no(migrating(s, p))), with_process(after, p, level=PTE, entry=entry, held=NOTHING_HELD)
