"""What each operation of generic mm is for user space: the system call that drives it, or why there is none.

The table is complete: a test holds it against the catalogue of operations. A recipe may be impossible on the machine at hand
(no swap, one NUMA node, KSM off); the program then says so and is skipped.
"""

from __future__ import annotations

from dataclasses import dataclass

KEEPS, WRITES, FORKS, ZEROES, MAY_ZERO = "KEEPS", "WRITES", "FORKS", "ZEROES", "MAY_ZERO"
"""What an operation does to the contents that its process has to read."""


@dataclass(frozen=True)
class Recipe:
    """A function of :mod:`checker.reproduce.syscalls` that makes the kernel do an operation.

    Attributes:
        function: its name.
        effect: what becomes of the contents.
        says: how the call leads to the operation, where that is not plain.
    """

    function: str
    effect: str = KEEPS
    says: str = ""


_FORK = Recipe("fork_process", FORKS)
_FAULT = Recipe("write_fault", says="MADV_POPULATE_WRITE faults as a store does, and stores nothing")
_SWAP_OUT = Recipe("swap_out", says="MADV_PAGEOUT does all of reclaim's steps at once")
_SWAP_READ = Recipe("load", says="a load of what is swapped out; the kernel decides about the slot")
_SWAP_WRITE = Recipe("write_fault", says="a write fault on what is swapped out; the kernel decides about the slot")
_KSM = Recipe("merge", says="KSM merges the page with a second one of equal contents")
_FREE = Recipe("free_lazily", MAY_ZERO)

RECIPES: dict[str, Recipe] = {
    "fork_pte": _FORK,
    "fork_pte_batch": _FORK,
    "fork_pmd": _FORK,
    "fork_nonpresent": _FORK,
    "fork_empty": _FORK,
    "fork_pinned_pte": _FORK,
    "exit": Recipe("leave"),
    "wp_page_reuse": _FAULT,
    "wp_page_copy": _FAULT,
    "huge_pmd_reuse": _FAULT,
    "fault_mkdirty_pte": Recipe("store_same", says="a store that changes nothing"),
    "fault_mkdirty_pmd": Recipe("store_same", says="a store that changes nothing"),
    "store": Recipe("store", WRITES),
    "load": Recipe("load"),
    "age": Recipe("make_old", says="1 in /proc/PID/clear_refs makes every entry old"),
    "split_huge_pmd": Recipe("split_huge_page", says="MADV_DONTNEED of a part"),
    "collapse_huge_page": Recipe("collapse", says="MADV_COLLAPSE"),
    "mprotect_read": Recipe("protect_read"),
    "mprotect_write": Recipe("protect_write"),
    "mremap": Recipe("move_mapping"),
    "zap": Recipe("zap", ZEROES),
    "first_touch_read": Recipe("touch_small_read"),
    "first_touch_write": Recipe(
        "touch_small_write", says="MADV_POPULATE_WRITE faults as a store does, and stores nothing"
    ),
    "first_touch_huge_read": Recipe("touch_huge_read"),
    "first_touch_huge_write": Recipe(
        "touch_huge_write", says="MADV_POPULATE_WRITE faults as a store does, and stores nothing"
    ),
    "add_to_swap": _SWAP_OUT,
    "try_to_unmap": _SWAP_OUT,
    "pageout": _SWAP_OUT,
    "free_swap_cache_page": _SWAP_OUT,
    "swap_in_read": _SWAP_READ,
    "swap_in_read_freeing": _SWAP_READ,
    "swap_in_read_fresh": _SWAP_READ,
    "swap_in_write": _SWAP_WRITE,
    "swap_in_write_freeing": _SWAP_WRITE,
    "swap_in_write_fresh": _SWAP_WRITE,
    "madv_free_pte": _FREE,
    "madv_free_pmd": _FREE,
    "lazyfree_discard": Recipe("discard", MAY_ZERO, "MADV_PAGEOUT reclaims what MADV_FREE has given up"),
    "lazyfree_keep": Recipe("page_out", says="MADV_PAGEOUT looks at the page again"),
    "file_read_fault": Recipe("load"),
    "file_write_fault": _FAULT,
    "wp_page_shared": _FAULT,
    "writeback": Recipe("write_back", says="msync"),
    "unmap_file": Recipe("zap", says="MADV_DONTNEED; the page stays in the page cache"),
    "free_file_page": Recipe("forget_file_page", says="posix_fadvise, POSIX_FADV_DONTNEED"),
    "remove_migration_pte": Recipe("migrate", says="move_pages does both halves of a migration"),
    "remove_migration_pmd": Recipe("migrate", says="move_pages does both halves of a migration"),
    "ksm_share": _KSM,
    "ksm_merge": _KSM,
    "ksm_zero": Recipe("merge_zero", says="KSM puts the zero page in place of a page of zeroes"),
    "ksm_unmerge": Recipe("unmerge", says="MADV_UNMERGEABLE"),
    "clear_soft_dirty": Recipe("clear_soft_dirty"),
    "force_write": Recipe("force_store", WRITES, "a write to /proc/self/mem"),
    "get_page": Recipe("refer", says="vmsplice: a pipe holds a reference to the page"),
    "pin_write": Recipe("pin_page", says="a fixed buffer of io_uring is pinned for writing"),
    "dma_write": Recipe("write_through_pin", WRITES, "io_uring reads into its fixed buffer"),
    "unpin": Recipe("drop_reference", says="done by whoever holds the reference"),
    "uffdio_copy": Recipe("uffd_copy", WRITES),
    "uffdio_copy_wp": Recipe("uffd_copy_protected", WRITES),
    "uffdio_zeropage": Recipe("uffd_zero", ZEROES),
    "uffdio_move": Recipe("uffd_move"),
    "uffdio_move_pmd": Recipe("uffd_move_huge"),
    "uffd_write_protect": Recipe("uffd_protect"),
    "uffd_resolve": Recipe("uffd_resolve"),
}
"""Operation -> what drives the kernel to it."""

FORCED: dict[str, Recipe] = {
    function: Recipe(instead, WRITES, "the mapping is read-only; a write to /proc/self/mem faults as ptrace's does")
    for function, instead in {
        "write_fault": "force_store",
        "touch_small_write": "force_small",
        "touch_huge_write": "force_huge",
        "store_same": "force_store",
    }.items()
}
"""The function of a write fault -> what raises it in a read-only mapping."""

FIRST_HALVES = {"try_to_migrate_pte": "remove_migration_pte", "try_to_migrate_pmd": "remove_migration_pmd"}
"""Operations that one call does together with another -> that other; with anything in between they cannot be driven."""

_EVENT_FORK = "needs a handler for UFFD_EVENT_FORK, which a program of single steps does not have"
_PIN = (
    "needs a driver that pins pages for reading only, such as gup_test; io_uring's fixed buffers are pinned for writing"
)
_NUMA = "NUMA balancing scans by a clock of its own"
_CLOCK = "depends on the order of two CPUs inside one helper, which no program decides"
_FOLIO = "happens inside the split of a folio, which no system call stops halfway"
_ASYNC = "needs the asynchronous mode of userfaultfd, which replaces the synchronous one for the whole mapping"

REASONS: dict[str, str] = {
    "fork_pte_uffd": _EVENT_FORK,
    "fork_pmd_uffd": _EVENT_FORK,
    "fork_nonpresent_uffd": _EVENT_FORK,
    "fork_empty_uffd": _EVENT_FORK,
    "fork_pinned_pte_uffd": _EVENT_FORK,
    "pin_read": _PIN,
    "unshare_reuse": _PIN,
    "wp_page_unshare": _PIN,
    "numa_protect": _NUMA,
    "numa_fault": _NUMA,
    "numa_fault_read_only": _NUMA,
    "try_to_unmap_deferred": _CLOCK,
    "stale_store": _CLOCK,
    "fork_pte_race": _CLOCK,
    "fork_pmd_race": _CLOCK,
    "age_race": _CLOCK,
    "load_race": _CLOCK,
    "split_migration_pmd": _FOLIO,
    "split_huge_pmd_freeze": _FOLIO,
    "free_swap": "the kernel gives up a swap slot when it likes to",
    "unuse_pte": "needs swapoff, which takes the swap space from the whole machine",
    "ksm_merge_freed": "needs KSM to merge with a page that is being reclaimed, and user space does not decide which",
    "uffd_async_resolve": _ASYNC,
    "pagemap_scan_wp": _ASYNC,
}
"""Operation -> why user space cannot drive the kernel to it, or this program does not."""

STARTS: dict[str, tuple[str, bool]] = {
    "a huge page of its own": ("map_huge_page", True),
    "a small page of its own": ("map_small_page", True),
    "nothing mapped yet": ("map_nothing", False),
    "a shared file mapping": ("map_file", True),
}
"""Start -> the function that makes it, and whether there are contents then."""


@dataclass(frozen=True)
class Finale:
    """How a violated property shows in user space.

    Attributes:
        says: what is looked at.
        stores: each process that may write stores once more first.
        zeroes: where the zero page was mapped, a new mapping must still read zeroes.
        reads: every process reads back what it last wrote or inherited; after reclaim with ``reclaims``.
        referenced: the page that a pipe or a fixed buffer refers to is its owner's.
        refused: a store in a read-only mapping must raise a signal.
        marked: the function that looks at a mark of the entry, for processes that ``ghost`` is true of.
        ghost: the field of the process that says whether.
    """

    says: str
    stores: bool = False
    zeroes: bool = False
    reads: bool = True
    reclaims: bool = False
    referenced: bool = False
    refused: bool = False
    marked: str = ""
    ghost: str = ""


FINALES: dict[str, Finale] = {
    "cow-isolation": Finale("every process reads what it last wrote or inherited", zeroes=True),
    "shared-not-hw-writable": Finale("a store by one process is not seen by another", stores=True, zeroes=True),
    "read-only-vma-holds": Finale("a store in a read-only mapping raises a signal and changes nothing", refused=True),
    "dirty-never-lost": Finale("every process still finds its data after reclaim", reclaims=True),
    "pin-coherent": Finale(
        "what a pipe or io_uring refers to is its owner's page, with its owner's data", referenced=True
    ),
    "progress": Finale("a permitted store ends, and is there", stores=True),
    "soft-dirty-holds": Finale("/proc/PID/pagemap reports what was written", marked="is_soft_dirty", ghost="stored"),
    "uffd-wp-holds": Finale(
        "the page is still write-protected for userfaultfd, and a store is held up",
        marked="is_uffd_protected",
        ghost="armed",
    ),
}
"""Invariant -> what user space sees of it."""

UNSEEN: dict[str, str] = {
    "hw-write-implies-write": "it compares the hardware with what pte_write() tells the kernel, and user space sees neither",
    "encoding-sane": "it speaks of entries that are never in use",
    "writable-means-exclusive": "PageAnonExclusive is the kernel's own mark; user space does not see it",
}
"""Invariant -> why user space does not see it."""
