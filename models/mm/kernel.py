"""One kernel of the mm world: an architecture's helpers, a release of generic mm, and the choices of its history."""

from __future__ import annotations

from typing import Any

from checker.logic import ite, same, word_like
from checker.records import dataclass
from models.mm.state import PMD, Process, Vma
from models.pte import Architecture

GENERATIONS = {
    "linux-6.1": "generic mm of Linux 6.1.192 (mm/, include/linux/)",
    "linux-6.12": "generic mm of Linux 6.12.117 (mm/, include/linux/)",
}
"""The releases of generic mm that are modelled, oldest first."""

OWN_SPLIT = {"linux-6.1": "partial-revert", "linux-6.12": "linux-6.12"}
"""The order of calls in the huge-page split that each release has; a name in :data:`models.mm.orders.SPLITS`."""

REPAIRS = {
    "madv-free-shared": "MADV_FREE leaves a page alone that another process maps, whether or not the page is dirty",
    "madv-free-ksm": "MADV_FREE leaves a KSM page alone",
    "madv-free-huge-swap": "MADV_FREE of a huge page gives up its swap slot, as of a small one",
    "ksm-uffd-wp": "KSM leaves a page alone whose entry is write-protected for userfaultfd",
    "migration-soft-dirty": "clearing soft-dirty takes write permission from a writable migration entry, too",
    "migration-pagemap-scan": "PAGEMAP_SCAN takes write permission from a writable migration entry, too",
    "ksm-soft-dirty": "the entry of a page that KSM has merged stays soft-dirty",
}
"""Changes to generic mm that are in no release: each closes a hole that no architecture's helper could close.

With a hole left open its consequence would hide what the architecture itself does wrong, so that an architecture is
judged with all of them, and generic mm is judged without. docs/findings.md has a section for each.
"""


def _feature_words(features: frozenset[str]) -> str:
    from models.mm.catalogue import ALL

    if features >= ALL:
        return "+".join(["whole kernel", *sorted(features - ALL)])
    if len(features) > len(ALL) // 2:
        return f"whole kernel without {', '.join(sorted(ALL - features))}"
    return "+".join(sorted(features))


@dataclass(frozen=True)
class Facilities:
    """What an architecture's Kconfig and headers offer generic mm.

    Attributes:
        soft_dirty: CONFIG_HAVE_ARCH_SOFT_DIRTY.
        uffd_wp: CONFIG_HAVE_ARCH_USERFAULTFD_WP.
        thp_migration: CONFIG_ARCH_ENABLE_THP_MIGRATION.
        numa_balancing: CONFIG_ARCH_SUPPORTS_NUMA_BALANCING.
        swap_exclusive: the first generation whose swap entries keep the exclusive marker.
        batched_unmap: CONFIG_ARCH_WANT_BATCHED_UNMAP_TLB_FLUSH: unmapping may leave TLB entries behind for a while.
        atomic_wrprotect: __HAVE_ARCH_PTEP_SET_WRPROTECT and its PMD twin: what a store records is never overwritten.
    """

    soft_dirty: bool
    uffd_wp: bool
    thp_migration: bool
    numa_balancing: bool
    swap_exclusive: str
    batched_unmap: bool
    atomic_wrprotect: bool


FACILITIES = {
    "loongarch": Facilities(False, False, True, True, "linux-6.12", False, False),
    "sparc64": Facilities(False, False, False, False, "linux-6.12", False, False),
    "x86-64": Facilities(True, True, True, True, "linux-6.1", True, True),
}
"""By architecture; arch/*/Kconfig and arch/*/include/asm/pgtable*.h of 6.1.192 and 6.12.117."""


@dataclass(frozen=True)
class Kernel:
    """What the operations of the mm world are written against.

    Attributes:
        arch: the helpers and the hardware.
        generation: the release of generic mm, a name in :data:`GENERATIONS`.
        split: the order of calls when a huge page is split, a name in :data:`models.mm.orders.SPLITS`.
        migration: the order of calls when a migration entry is removed, a name in :data:`models.mm.orders.MIGRATIONS`.
        migration_ad: migration entries keep young and dirty (migration_entry_supports_ad()).
        features: the groups of operations in force.
        repairs: names of :data:`REPAIRS`.
    """

    arch: Architecture
    generation: str
    split: str
    migration: str
    migration_ad: bool
    features: frozenset[str]
    repairs: frozenset[str] = frozenset(REPAIRS)

    @property
    def title(self) -> str:
        """The choices in words, for names of systems."""
        if self.features == {"core"}:
            return f"split {self.split}"
        words = (
            [self.generation] if self.split == OWN_SPLIT[self.generation] else [self.generation, f"split {self.split}"]
        )
        if self.migration != self.generation:
            words.append(f"migration {self.migration}")
        if not self.migration_ad:
            words.append("migration entries without A and D")
        words.append(_feature_words(self.features))
        missing = set(REPAIRS) - self.repairs
        return ", ".join(words + [f"without {name}" for name in sorted(missing)])

    @property
    def facilities(self) -> Facilities:
        """What the architecture offers generic mm."""
        return FACILITIES[self.arch.name]

    @property
    def since_612(self) -> bool:
        """Generic mm as in 6.12, not as in 6.1."""
        return self.generation == "linux-6.12"

    @property
    def swap_exclusive(self) -> bool:
        """Swap entries keep the exclusive marker (__HAVE_ARCH_PTE_SWP_EXCLUSIVE, in 6.12 everywhere)."""
        return self.facilities.swap_exclusive == "linux-6.1" or self.since_612

    @property
    def soft_dirty(self) -> bool:
        """The architecture tracks soft-dirty, and so does this world."""
        return self.facilities.soft_dirty and "soft-dirty" in self.features

    @property
    def uffd_wp(self) -> bool:
        """The architecture has userfaultfd write protection, and so has this world."""
        return self.facilities.uffd_wp and "userfaultfd-wp" in self.features

    @property
    def numa_balancing(self) -> bool:
        """The architecture has entries for NUMA hinting, and so has this world."""
        return self.facilities.numa_balancing and "numa" in self.features

    def maybe_mkwrite(self, level: str, entry: Any, vma: Vma) -> Any:
        """``maybe_mkwrite()`` and ``maybe_pmd_mkwrite()``: mkwrite if the VMA is writable (include/linux/mm.h)."""
        return ite(vma.write, self.arch.helper(level, "mkwrite")(entry), entry)

    def vm_page_prot(self, vma: Vma, like: Any) -> Any:
        """The page protection of a VMA; ``like`` is any entry, for its width.

        Of a shared file mapping it is the one without the write bit: the file wants to be notified of the first
        store (vma_wants_writenotify(), mm/mmap.c in 6.1, mm/vma.c in 6.12).
        """
        protections = self.arch.protections
        return ite(vma.write, word_like(like, protections["PRIVATE"]), protections["READONLY"])

    def by_level(self, process: Process, helper: str, *args: Any) -> Any:
        """A present entry under the helper of its own level: ``by_level(q, "wrprotect")``."""
        pte, pmd = (self.arch.helper(level, helper)(process.entry, *args) for level in ("pte", "pmd"))
        return ite(same(process.level, PMD), pmd, pte)

    def soft_dirty_of(self, entry: Any, level: str = "pte") -> Any:
        """``pte_soft_dirty()``; false where the architecture has none."""
        return self.arch.helper(level, "soft_dirty")(entry) if self.soft_dirty else False

    def uffd_wp_of(self, entry: Any, level: str = "pte") -> Any:
        """``pte_uffd_wp()``; false where the architecture has none."""
        return self.arch.helper(level, "uffd_wp")(entry) if self.uffd_wp else False

    def protnone(self, entry: Any, level: str = "pte") -> Any:
        """``pte_protnone()``; false where no entry can be so."""
        return self.arch.helper(level, "protnone")(entry) if self.numa_balancing else False

    def is_soft_dirty(self, process: Process) -> Any:
        """A present entry's soft-dirty mark, by its own level."""
        return self.by_level(process, "soft_dirty") if self.soft_dirty else False

    def is_uffd_wp(self, process: Process) -> Any:
        """A present entry's userfaultfd mark, by its own level."""
        return self.by_level(process, "uffd_wp") if self.uffd_wp else False

    def is_protnone(self, process: Process) -> Any:
        """A present entry is made inaccessible by NUMA balancing, by its own level."""
        return self.by_level(process, "protnone") if self.numa_balancing else False

    def mark(self, wanted: bool, condition: Any, level: str, helper: str, entry: Any) -> Any:
        """``if (condition) entry = helper(entry)`` where the architecture has the facility at all."""
        return ite(condition, self.arch.helper(level, helper)(entry), entry) if wanted else entry

    def with_soft_dirty(self, condition: Any, entry: Any, level: str = "pte") -> Any:
        """``if (condition) entry = pte_mksoft_dirty(entry)``."""
        return self.mark(self.soft_dirty, condition, level, "mksoft_dirty", entry)

    def with_uffd_wp(self, condition: Any, entry: Any, level: str = "pte") -> Any:
        """``if (condition) entry = pte_mkuffd_wp(entry)``."""
        return self.mark(self.uffd_wp, condition, level, "mkuffd_wp", entry)

    def without_uffd_wp(self, condition: Any, entry: Any, level: str = "pte") -> Any:
        """``if (condition) entry = pte_clear_uffd_wp(entry)``."""
        return self.mark(self.uffd_wp, condition, level, "clear_uffd_wp", entry)
