"""References that do not come from an entry: mm/gup.c, FOLL_FORCE writes, DMA, and unsharing for a pin."""

from __future__ import annotations

from typing import Any

from checker.logic import both, either, no, same, word_like
from checker.records import replace
from models.mm.catalogue import operation
from models.mm.kernel import Kernel
from models.mm.operations.fault import can_follow_forced, copied_right, made_exclusive, may_reuse
from models.mm.operations.swap import first_of_page
from models.mm.state import (
    NEW_PAGE,
    NO_PIN,
    PIN_READ,
    PIN_WRITE,
    PTE,
    REFERENCE,
    Pin,
    Right,
    World,
    at,
    maps_page,
    page_of,
    pin_on,
    refers,
    refers_to,
    typed_like,
    with_new_page,
    with_own_page,
    written,
)


def _unshare(k: Kernel, s: World, p: int) -> Any:
    """FAULT_FLAG_UNSHARE on a PTE: gup_must_unshare() found a page that is not exclusive."""
    arch, mine = k.arch, s.processes[p]
    unshared = either(arch.pte_write(mine.entry), page_of(s, p).exclusive)
    return both(at(mine, PTE), no(k.protnone(mine.entry)), no(mine.vma.shared), no(unshared))


@operation("mm/memory.c do_wp_page(), FAULT_FLAG_UNSHARE", "pin")
def unshare_reuse(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A pin for reading wants an exclusive page: it is this process's own already."""
    guard = both(_unshare(k, s, p), maps_page(s, s.processes[p]), may_reuse(s, p))
    return guard, made_exclusive(s, p)


@operation("mm/memory.c do_wp_page(), wp_page_copy(), FAULT_FLAG_UNSHARE", "pin")
def wp_page_unshare(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A pin for reading wants an exclusive page: it is copied and stays read-only."""
    mine = s.processes[p]
    entry = k.arch.mk_pte(k.vm_page_prot(mine.vma, mine.entry))
    entry = k.with_soft_dirty(k.soft_dirty_of(mine.entry), entry)
    entry = k.with_uffd_wp(k.uffd_wp_of(mine.entry), entry)
    # Only 6.12 unshares the zero page.
    source = True if k.since_612 else maps_page(s, mine)
    return both(_unshare(k, s, p), source), with_new_page(s, p, NEW_PAGE, entry=entry, right=copied_right(s, mine))


def _taken(s: World, p: int, kind: int) -> World:
    pin = page_of(s, p).pin
    return with_own_page(s, p, pin=Pin(word_like(pin.kind, kind), word_like(pin.owner, p), True))


def _pinnable(k: Kernel, s: World, p: int) -> Any:
    mine = s.processes[p]
    # 6.1 does not follow an entry that NUMA balancing has made inaccessible; young is never asked for.
    followed = True if k.since_612 else no(k.is_protnone(mine))
    return both(maps_page(s, mine), followed, no(mine.vma.shared), no(pin_on(s, mine.page)))


@operation("mm/gup.c follow_page_pte(); gup_must_unshare() in include/linux/mm.h (6.1), mm/internal.h (6.12)", "pin")
def pin_read(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A page is pinned for reading (FOLL_PIN); it must be exclusive."""
    mine = s.processes[p]
    own = either(k.by_level(mine, "write"), page_of(s, p).exclusive)
    return both(_pinnable(k, s, p), own), _taken(s, p, PIN_READ)


@operation("mm/gup.c follow_page_pte(), can_follow_write_pte()", "pin")
def pin_write(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A page is pinned for writing (FOLL_PIN | FOLL_WRITE)."""
    return both(_pinnable(k, s, p), k.by_level(s.processes[p], "write")), _taken(s, p, PIN_WRITE)


@operation("mm/gup.c get_user_pages(); fs/splice.c vmsplice", "pin")
def get_page(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A plain reference to read from (FOLL_GET, as by vmsplice)."""
    return _pinnable(k, s, p), _taken(s, p, REFERENCE)


@operation("DMA to a page pinned with FOLL_WRITE (Documentation/core-api/pin_user_pages.rst)", "pin")
def dma_write(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A device writes new data for the process through its pin."""
    mine, pin = s.processes[p], page_of(s, p).pin
    guard = both(refers(s, mine), same(pin.kind, PIN_WRITE), same(pin.owner, p))
    processes = tuple(
        replace(q, right=Right(True, False, False))
        if n == p
        else replace(q, right=replace(q.right, memory=both(q.right.memory, no(refers_to(s, q, mine.page)))))
        for n, q in enumerate(s.processes)
    )
    return guard, replace(s, processes=processes)


@operation("mm/gup.c unpin_user_pages_dirty_lock()", "pin")
def unpin(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """The pin or reference on a page is dropped; after a pin for writing the page is dirty."""
    page = page_of(s, p)
    dirty = either(page.dirty, same(page.pin.kind, PIN_WRITE))
    after = with_own_page(s, p, dirty=dirty, pin=typed_like(page.pin, NO_PIN))
    return both(first_of_page(s, p), pin_on(s, s.processes[p].page)), after


@operation("mm/gup.c can_follow_write_pte(), can_follow_write_pmd(); mm/memory.c access_process_vm()", "force")
def force_write(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A ptrace write (FOLL_FORCE | FOLL_WRITE) through the kernel's own mapping."""
    mine = s.processes[p]
    guard = both(maps_page(s, mine), no(mine.vma.shared))
    allowed = either(k.by_level(mine, "write"), can_follow_forced(k, s, p))
    return both(guard, allowed), with_own_page(written(s, p, k.soft_dirty), p, dirty=True)
