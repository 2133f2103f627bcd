"""What needs a switch: TLB entries that a deferred flush leaves behind, and stores in the middle of a helper.

Elsewhere an operation is one step, its TLB flush included. Two things are lost by that. Unmapping for reclaim may
leave the flush for later (mm/rmap.c set_tlb_ubc_flush_pending()), and a helper that reads an entry and writes it back
without clearing it first may overwrite what another thread's store has recorded in between.
"""

from __future__ import annotations

from typing import Any

from checker.logic import both, either, no
from models.mm.catalogue import operation
from models.mm.kernel import Kernel
from models.mm.operations.fork import fork_pmd_entry, fork_pte_entry
from models.mm.operations.swap import try_to_unmap
from models.mm.state import PMD, PTE, SWAP, World, at, mapped, with_process, written


def batched_unmap(k: Kernel) -> bool:
    """CONFIG_ARCH_WANT_BATCHED_UNMAP_TLB_FLUSH, and there is swap to unmap for."""
    return k.facilities.batched_unmap and "swap" in k.features


@operation("mm/rmap.c try_to_unmap_one(), set_tlb_ubc_flush_pending()", "stale-tlb", needs=batched_unmap)
def try_to_unmap_deferred(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Reclaim replaces a PTE by a swap entry and leaves the TLB flush for later."""
    possible, after = try_to_unmap(k, s, p)
    return possible, with_process(after, p, stale=k.arch.hardware.silent(s.processes[p].entry))


@operation("the architecture's TLB", "stale-tlb", needs=batched_unmap)
def stale_store(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A store goes through a TLB entry whose page-table entry has been cleared; only the page notices."""
    mine = s.processes[p]
    after = written(with_process(s, p, level=PTE), p, k.soft_dirty)
    return both(at(mine, SWAP), mine.stale), with_process(after, p, level=mine.level)


FLUSHED_LATER = frozenset(
    (
        "add_to_swap",
        "try_to_unmap",
        "try_to_unmap_deferred",
        "stale_store",
        "store",
        "load",
        "age",
        "free_swap",
    )
)
"""Operations of a process after which its stale TLB entry may still be there; every other one flushes it.

The entry is flushed before the page is written (try_to_unmap_flush_dirty()) and before its frame is freed
(try_to_unmap_flush()); mprotect, munmap, madvise and mremap flush first (flush_tlb_batched_pending()).
"""


FLUSHED_FIRST = frozenset(("pageout", "free_swap_cache_page"))
"""Operations of reclaim on a page, not on a process: everybody's stale TLB entries for it are flushed first."""


def not_atomic(k: Kernel) -> bool:
    """The architecture leaves ptep_set_wrprotect() and pmdp_set_wrprotect() to generic code: read, then write."""
    return not k.facilities.atomic_wrprotect


def _in_between(k: Kernel, s: World, p: int) -> Any:
    """Another thread's store can go through and be recorded in the entry after it was read."""
    hardware, entry = k.arch.hardware, s.processes[p].entry
    return both(either(hardware.recording(entry), hardware.handler(entry)), no(hardware.silent(entry)))


def _recorded_nowhere(k: Kernel) -> str:
    """Why nothing can be recorded in between."""
    return "no store is recorded in an entry without generic mm" if not k.arch.hardware.serves_writable else ""


@operation("include/linux/pgtable.h ptep_set_wrprotect()", "race", needs=not_atomic, idle=_recorded_nowhere)
def fork_pte_race(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Fork of a PTE while another thread stores: what the store recorded in the entry is overwritten."""
    possible, after = fork_pte_entry(k, written(s, p, k.soft_dirty), p, False)
    return both(at(s.processes[p], PTE), possible, _in_between(k, s, p)), after


@operation("include/linux/pgtable.h pmdp_set_wrprotect()", "race", needs=not_atomic, idle=_recorded_nowhere)
def fork_pmd_race(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Fork of a huge page while another thread stores: what the store recorded in the entry is overwritten."""
    possible, after = fork_pmd_entry(k, written(s, p, k.soft_dirty), p, False)
    return both(at(s.processes[p], PMD), possible, _in_between(k, s, p)), after


def _recorded_and_lost(k: Kernel, s: World, p: int, helper: str) -> tuple[Any, World]:
    mine = s.processes[p]
    after = with_process(written(s, p, k.soft_dirty), p, entry=k.by_level(mine, helper))
    return both(mapped(mine), _in_between(k, s, p)), after


@operation("include/linux/pgtable.h ptep_test_and_clear_young()", "race", needs=not_atomic, idle=_recorded_nowhere)
def age_race(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Reclaim marks an entry old while a thread stores: what the store recorded in the entry is overwritten."""
    return _recorded_and_lost(k, s, p, "mkold")


@operation("mm/pgtable-generic.c ptep_set_access_flags()", "race", needs=not_atomic, idle=_recorded_nowhere)
def load_race(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A read fault marks an entry young while a thread stores: what the store recorded is overwritten."""
    mine = s.processes[p]
    guard, after = _recorded_and_lost(k, s, p, "mkyoung")
    return both(guard, no(k.by_level(mine, "young"))), after
