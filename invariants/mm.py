"""What must hold of the kernel as a whole in the mm world: nobody's data is corrupted or lost, and every store is served."""

from __future__ import annotations

from typing import Any

from checker.logic import both, either, implies, ite, no, same
from checker.system import Invariant
from models.mm.catalogue import CORE
from models.mm.kernel import Kernel
from models.mm.state import (
    MIGRATION_PMD,
    MIGRATION_PTE,
    PIN_WRITE,
    PMD,
    PTE,
    SWAP,
    UNPINNED,
    World,
    at,
    dma_pinned,
    entry_test,
    hardware_writable,
    mapped,
    maps_page,
    page_of,
    reads_right,
    refers_to,
    shared,
)


def any_process(s: World, condition: Any) -> Any:
    """Some process, by number, satisfies the condition."""
    return either(*(condition(p) for p in range(len(s.processes))))


def every_process(s: World, condition: Any) -> Any:
    """Every process, by number, satisfies the condition."""
    return both(*(condition(p) for p in range(len(s.processes))))


def invariants(k: Kernel) -> tuple[Invariant, ...]:
    """The properties of the mm world, most grievous first; which there are depends on the kernel's features.

    The core alone, which compares orders of calls in the huge-page split, is asked only for what the split can break.
    """
    found = [*_about_data(k), *_about_permissions(k)]
    if k.features == CORE:
        return tuple(found[:-1])
    if "pin" in k.features:
        found.append(_pin_coherent())
    if k.uffd_wp:
        found.append(_uffd_wp_holds(k))
    if k.soft_dirty:
        found.append(_soft_dirty_holds(k))
    return (*found, _progress(k), _encoding(k), _exclusive_rule(k))


def _about_data(k: Kernel) -> list[Invariant]:
    arch = k.arch
    found = [
        Invariant(
            "shared-not-hw-writable",
            "no process has a hardware-writable mapping of a page that is shared copy-on-write",
            lambda s: every_process(s, lambda p: implies(shared(s, p), no(hardware_writable(arch, s.processes[p])))),
            source="the seed's patch description; kernel commit 0ccf7f168e17 and its revert 624a2c94f5b7",
            consequence="a store by one process changes the other's memory",
            premise=lambda s: any_process(s, lambda p: shared(s, p)),
        ),
        Invariant(
            "cow-isolation",
            "every process reads what it last wrote or inherited",
            lambda s: every_process(s, lambda p: reads_right(s, p)),
            source="fork(2); the reproducer of the mail thread: the child's sum must stay 0",
            consequence="silent memory corruption between processes",
            premise=lambda s: any_process(s, lambda p: shared(s, p)),
        ),
    ]
    if k.features & {"swap", "lazyfree", "file"}:
        found.append(_dirty_never_lost(k))
    return found


def _unsaved(k: Kernel, s: World, p: int) -> Any:
    """Memory holds what process ``p`` must read, and what would be read were the page dropped does not."""
    mine, page = s.processes[p], page_of(s, p)
    fallback = either(both(page.slot, no(mine.right.slot)), both(page.lazyfree, no(page.slot), no(mine.right.zero)))
    return both(at(mine, PTE, PMD, MIGRATION_PTE, MIGRATION_PMD, SWAP), page.memory, mine.right.memory, fallback)


def _known_dirty(k: Kernel, s: World, p: int) -> Any:
    """The page is marked dirty, some entry for it is, or a device that may write it will mark it."""
    page, number = page_of(s, p), s.processes[p].page
    entries = [both(refers_to(s, q, number), entry_test(k.arch, q, "dirty")) for q in s.processes]
    return either(page.dirty, same(page.pin.kind, PIN_WRITE), *entries)


def _dirty_never_lost(k: Kernel) -> Invariant:
    return Invariant(
        "dirty-never-lost",
        "a page that holds newer data than its backing store is dirty, by PG_dirty or by an entry",
        lambda s: every_process(s, lambda p: implies(_unsaved(k, s, p), _known_dirty(k, s, p))),
        source="mm/vmscan.c shrink_folio_list(), mm/rmap.c try_to_unmap_one(): clean pages are dropped",
        consequence="reclaim throws data away: it comes back from swap old, or as zeroes after MADV_FREE",
        premise=lambda s: any_process(s, lambda p: _unsaved(k, s, p)),
    )


def _about_permissions(k: Kernel) -> list[Invariant]:
    arch = k.arch
    return [
        Invariant(
            "read-only-vma-holds",
            "no mapping in a read-only VMA is writable, for the hardware or for generic mm",
            lambda s: every_process(s, lambda p: implies(_read_only(s, p), no(_writable(k, s, p)))),
            source="mprotect(2); tools/testing/selftests/mm/mkdirty.c",
            consequence="a store that must raise SIGSEGV changes the page",
            premise=lambda s: any_process(s, lambda p: _read_only(s, p)),
        ),
        Invariant(
            "hw-write-implies-write",
            "no entry is hardware-writable that pte_write() calls read-only",
            lambda s: every_process(
                s,
                lambda p: implies(hardware_writable(arch, s.processes[p]), entry_test(arch, s.processes[p], "write")),
            ),
            source="mm/memory.c handle_pte_fault() and every caller of pte_write()",
            consequence="generic mm takes the entry for write-protected, and the CPU does not",
            premise=lambda s: any_process(s, lambda p: hardware_writable(arch, s.processes[p])),
        ),
    ]


def _read_only(s: World, p: int) -> Any:
    return both(mapped(s.processes[p]), no(s.processes[p].vma.write))


def _writable(k: Kernel, s: World, p: int) -> Any:
    mine = s.processes[p]
    return either(hardware_writable(k.arch, mine), entry_test(k.arch, mine, "write"))


def _pin_coherent() -> Invariant:
    return Invariant(
        "pin-coherent",
        "whoever holds a reference to a page sees its owner's data, and a pinned page stays its owner's page",
        lambda s: both(
            *(no(q.torn) for q in s.processes),
            *(either(same(page.pin.kind, UNPINNED), page.pin.right) for page in s.pages),
        ),
        source="Documentation/core-api/pin_user_pages.rst; tools/testing/selftests/mm/cow.c",
        consequence="a device or a pipe reads another process's data, or DMA writes into a page nobody maps",
        premise=lambda s: either(*(dma_pinned(page.pin) for page in s.pages)),
    )


def _uffd_wp_holds(k: Kernel) -> Invariant:
    def kept(s: World, p: int) -> Any:
        marked = marked_uffd_wp(k, s, p)
        hidden = both(marked, hardware_writable(k.arch, s.processes[p]))
        return both(no(hidden), implies(s.processes[p].armed, marked))

    return Invariant(
        "uffd-wp-holds",
        "what was write-protected for userfaultfd stays so until it is resolved, and is not hardware-writable",
        lambda s: every_process(s, lambda p: kept(s, p)),
        source="Documentation/admin-guide/mm/userfaultfd.rst, Write Protect Notifications",
        consequence="the handler is not told of a store",
        premise=lambda s: any_process(s, lambda p: both(mapped(s.processes[p]), marked_uffd_wp(k, s, p))),
    )


def marked_uffd_wp(k: Kernel, s: World, p: int) -> Any:
    """The entry of process ``p`` is marked as write-protected for userfaultfd, present or not."""
    mine = s.processes[p]
    present = ite(at(mine, PMD), k.uffd_wp_of(mine.entry, "pmd"), k.uffd_wp_of(mine.entry)) if k.uffd_wp else False
    return either(both(mapped(mine), present), mine.held.uffd_wp)


def marked_soft_dirty(k: Kernel, s: World, p: int) -> Any:
    """The entry of process ``p`` is soft-dirty, present or not."""
    mine = s.processes[p]
    present = (
        ite(at(mine, PMD), k.soft_dirty_of(mine.entry, "pmd"), k.soft_dirty_of(mine.entry)) if k.soft_dirty else False
    )
    return either(both(mapped(mine), present), mine.held.soft_dirty)


def _soft_dirty_holds(k: Kernel) -> Invariant:
    def reported(s: World, p: int) -> Any:
        mine = s.processes[p]
        anonymous = both(at(mine, PTE, PMD, SWAP, MIGRATION_PTE, MIGRATION_PMD), no(mine.vma.shared))
        return implies(both(anonymous, mine.stored), marked_soft_dirty(k, s, p))

    return Invariant(
        "soft-dirty-holds",
        "an entry that was stored through since soft-dirty was cleared is soft-dirty",
        lambda s: every_process(s, lambda p: reported(s, p)),
        source="Documentation/admin-guide/mm/soft-dirty.rst; tools/testing/selftests/mm/soft-dirty.c",
        consequence="a checkpoint misses a changed page",
        premise=lambda s: any_process(s, lambda p: s.processes[p].stored),
    )


def _progress(k: Kernel) -> Invariant:
    """A permitted store needs at most three faults: swap-in or NUMA hinting, copy-on-write, dirty."""

    def served(s: World, p: int) -> Any:
        mine = s.processes[p]
        arch = k.arch
        done = [_after_fault(k, mine.entry, level) for level in ("pte", "pmd")]
        writable = [arch.hardware.writable(entry) for entry in done]
        goes_on = ite(at(mine, PMD), writable[1], writable[0])
        permitted = either(entry_test(arch, mine, "write"), both(maps_page(s, mine), mine.vma.write))
        hinting = both(mapped(mine), k.protnone(mine.entry))
        return implies(both(mapped(mine), permitted, no(hinting)), goes_on)

    return Invariant(
        "progress",
        "a store that is permitted goes through once the write fault has been handled",
        lambda s: every_process(s, lambda p: served(s, p)),
        source="mm/memory.c handle_pte_fault(), wp_page_reuse(); mm/huge_memory.c touch_pmd()",
        consequence="the process faults for ever",
        premise=lambda s: any_process(s, lambda p: both(mapped(s.processes[p]), s.processes[p].vma.write)),
    )


def _after_fault(k: Kernel, entry: Any, level: str) -> Any:
    """The entry as handle_pte_fault() leaves a writable one, and wp_page_reuse() any other."""
    arch = k.arch
    dirty = arch.helper(level, "mkyoung")(arch.helper(level, "mkdirty")(entry))
    reused = arch.helper(level, "mkwrite")(arch.helper(level, "mkdirty")(arch.helper(level, "mkyoung")(entry)))
    return ite(arch.helper(level, "write")(entry), dirty, reused)


def _encoding(k: Kernel) -> Invariant:
    arch = k.arch

    def sane(s: World, p: int) -> Any:
        mine = s.processes[p]
        invalid = arch.pmd_mkinvalid(mine.entry)
        dead = both(arch.pmd_trans_huge(invalid), _inaccessible(k, invalid))
        hidden = both(arch.pte_present(mine.entry), _inaccessible(k, mine.entry))
        return both(
            implies(at(mine, PTE), arch.pte_present(mine.entry)),
            implies(at(mine, PMD), both(arch.pmd_trans_huge(mine.entry), dead)),
            implies(both(mapped(mine), k.protnone(mine.entry)), hidden),
            implies(either(maps_page(s, mine), mine.stale), page_of(s, p).memory),
        )

    return Invariant(
        "encoding-sane",
        "what is mapped, or still in the TLB, is in memory; invalidated and PROT_NONE entries are present and inaccessible",
        lambda s: every_process(s, lambda p: sane(s, p)),
        source="include/linux/pgtable.h pmdp_invalidate(), pte_protnone(); Documentation/mm/arch_pgtable_helpers.rst",
        consequence="generic mm takes a mapped page for none, or the CPU uses an entry that is being changed",
        premise=lambda s: any_process(s, lambda p: at(s.processes[p], PMD)),
    )


def _inaccessible(k: Kernel, entry: Any) -> Any:
    return no(either(k.arch.hardware.readable(entry), k.arch.hardware.writable(entry)))


def _exclusive_rule(k: Kernel) -> Invariant:
    def kept(s: World, p: int) -> Any:
        mine, page = s.processes[p], page_of(s, p)
        writable = both(maps_page(s, mine), no(mine.vma.shared), entry_test(k.arch, mine, "write"))
        owned = both(maps_page(s, mine), page.exclusive)
        return both(implies(writable, page.exclusive), implies(owned, no(shared(s, p))))

    return Invariant(
        "writable-means-exclusive",
        "generic mm's own rule: a writable entry's anonymous page is exclusive, and an exclusive page is not shared",
        lambda s: every_process(s, lambda p: kept(s, p)),
        source="include/linux/page-flags.h PageAnonExclusive; the VM_BUG_ONs of do_swap_page() and wp_page_reuse()",
        consequence="the fault is generic mm's or the model's, not the architecture's",
        premise=lambda s: any_process(s, lambda p: page_of(s, p).exclusive),
    )
