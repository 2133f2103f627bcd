"""Orders of helper calls that generic mm has had over its history: the huge-page split, and the end of a migration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from checker.logic import both, ite, no
from checker.records import dataclass
from models.mm.kernel import Kernel
from models.mm.state import Held, Page, Vma


@dataclass(frozen=True)
class HugeEntry:
    """What __split_huge_pmd_locked() has read from the PMD, and the VMA."""

    write: Any
    young: Any
    dirty: Any
    soft_dirty: Any
    uffd_wp: Any
    vma: Vma


@dataclass(frozen=True)
class Split:
    """One historical order of the helper calls on each small entry of a split huge page.

    Attributes:
        name: as the command line takes it.
        says: one sentence.
        source: the commit and the kernels that have it.
        generation: the release of generic mm it belongs to, or is nearest to.
        build: (kernel, entry from mk_pte, what the PMD said) -> finished entry.
    """

    name: str
    says: str
    source: str
    generation: str
    build: Callable[[Kernel, Any, HugeEntry], Any]


def _wrprotect_unless_write(k: Kernel, entry: Any, huge: HugeEntry) -> Any:
    return ite(huge.write, entry, k.arch.pte_wrprotect(entry))


def _mkold_unless_young(k: Kernel, entry: Any, huge: HugeEntry) -> Any:
    return ite(huge.young, entry, k.arch.pte_mkold(entry))


def _mkdirty_if_dirty(k: Kernel, entry: Any, huge: HugeEntry) -> Any:
    return ite(huge.dirty, k.arch.pte_mkdirty(entry), entry)


def _with_marks(k: Kernel, entry: Any, huge: HugeEntry) -> Any:
    return k.with_uffd_wp(huge.uffd_wp, k.with_soft_dirty(huge.soft_dirty, entry))


def _protected(k: Kernel, entry: Any, huge: HugeEntry) -> Any:
    entry = k.maybe_mkwrite("pte", entry, huge.vma)
    entry = _wrprotect_unless_write(k, entry, huge)
    return _mkold_unless_young(k, entry, huge)


def _without_dirty(k: Kernel, entry: Any, huge: HugeEntry) -> Any:
    return _with_marks(k, _protected(k, entry, huge), huge)


def _carry_dirty(k: Kernel, entry: Any, huge: HugeEntry) -> Any:
    return _with_marks(k, _mkdirty_if_dirty(k, _protected(k, entry, huge), huge), huge)


def _reorder(k: Kernel, entry: Any, huge: HugeEntry) -> Any:
    entry = k.maybe_mkwrite("pte", entry, huge.vma)
    entry = _mkold_unless_young(k, entry, huge)
    entry = _mkdirty_if_dirty(k, entry, huge)
    return _with_marks(k, _wrprotect_unless_write(k, entry, huge), huge)


def _without_wrprotect(k: Kernel, entry: Any, huge: HugeEntry) -> Any:
    entry = ite(huge.write, k.maybe_mkwrite("pte", entry, huge.vma), entry)
    entry = _mkold_unless_young(k, entry, huge)
    return _with_marks(k, _mkdirty_if_dirty(k, entry, huge), huge)


def _linux_612(k: Kernel, entry: Any, huge: HugeEntry) -> Any:
    entry = ite(huge.write, k.arch.pte_mkwrite(entry), entry)
    entry = _mkold_unless_young(k, entry, huge)
    return _with_marks(k, _mkdirty_if_dirty(k, entry, huge), huge)


_WHERE = "mm/huge_memory.c __split_huge_pmd_locked()"

SPLITS: dict[str, Split] = {
    split.name: split
    for split in (
        Split(
            "before-0ccf7f168e17",
            "mkwrite, then wrprotect unless the PMD was writable; dirty goes to the folio only",
            f"{_WHERE} up to Linux 6.0, from the context of commit 0ccf7f168e17",
            "linux-6.1",
            _without_dirty,
        ),
        Split(
            "carry-dirty",
            "as before, and mkdirty last when the PMD was dirty",
            f"{_WHERE}, commit 0ccf7f168e17 (6.1-rc1)",
            "linux-6.1",
            _carry_dirty,
        ),
        Split(
            "partial-revert",
            "mkdirty on present entries taken out again",
            f"{_WHERE}, commit 624a2c94f5b7; Linux 6.1.192",
            "linux-6.1",
            _without_dirty,
        ),
        Split(
            "reorder",
            "mkdirty first, wrprotect last (Peter Xu)",
            f"{_WHERE}, commit e833bc503405",
            "linux-6.1",
            _reorder,
        ),
        Split(
            "drop-wrprotect",
            "mkwrite only if the PMD and the VMA are writable, mkdirty last, no wrprotect at all",
            f"{_WHERE}, commit 1462c52e9f2b",
            "linux-6.12",
            _without_wrprotect,
        ),
        Split(
            "linux-6.12",
            "mkwrite only if the PMD was writable, mkdirty last, no wrprotect at all",
            f"{_WHERE} in Linux 6.12.117",
            "linux-6.12",
            _linux_612,
        ),
    )
}
"""The orders in history."""

COMPARED_SPLITS = tuple(name for name in SPLITS if name != "drop-wrprotect")
"""What the comparison shows: ``drop-wrprotect`` differs from ``linux-6.12`` only where a read-only VMA has a writable PMD."""


def split_entry(k: Kernel, entry: Any, vma: Vma) -> Any:
    """The small entry a huge one is split into.

    Args:
        k: the kernel.
        entry: the PMD before pmdp_invalidate().
        vma: the mapping.
    """
    arch = k.arch
    huge = HugeEntry(
        arch.pmd_write(entry),
        arch.pmd_young(entry),
        arch.pmd_dirty(entry),
        k.soft_dirty_of(entry, "pmd"),
        k.uffd_wp_of(entry, "pmd"),
        vma,
    )
    return SPLITS[k.split].build(k, arch.mk_pte(k.vm_page_prot(vma, entry)), huge)


@dataclass(frozen=True)
class Migration:
    """One historical order of the helper calls when a migration entry becomes present again.

    Attributes:
        name: as the command line takes it.
        says: one sentence.
        source: the commit and the kernels that have it.
        pte: (kernel, entry from mk_pte, what the entry held, VMA, dirty) -> finished PTE; dirty is what the migration
            entry and the folio say together.
        pmd: the same for a PMD.
    """

    name: str
    says: str
    source: str
    pte: Callable[[Kernel, Any, Held, Vma, Any], Any]
    pmd: Callable[[Kernel, Any, Held, Vma, Any], Any]


def _aged(k: Kernel, level: str, entry: Any, held: Held, dirty: Any) -> Any:
    """mkold unless the entry says young, mkdirty if it says dirty."""
    entry = ite(held.young, entry, k.arch.helper(level, "mkold")(entry))
    return ite(dirty, k.arch.helper(level, "mkdirty")(entry), entry)


def _g0_pte(k: Kernel, entry: Any, held: Held, vma: Vma, dirty: Any) -> Any:
    entry = _aged(k, "pte", k.with_soft_dirty(held.soft_dirty, entry), held, dirty)
    return ite(held.writable, k.maybe_mkwrite("pte", entry, vma), k.with_uffd_wp(held.uffd_wp, entry))


def _g1_pte(k: Kernel, entry: Any, held: Held, vma: Vma, dirty: Any) -> Any:
    entry = _g0_pte(k, entry, held, vma, dirty)
    marked = held.uffd_wp if k.uffd_wp else False
    return ite(both(no(held.writable), no(marked)), k.arch.pte_wrprotect(entry), entry)


def _g2_pte(k: Kernel, entry: Any, held: Held, vma: Vma, dirty: Any) -> Any:
    entry = _aged(k, "pte", entry, held, dirty)
    if k.soft_dirty:
        entry = ite(held.soft_dirty, k.arch.pte_mksoft_dirty(entry), k.arch.pte_clear_soft_dirty(entry))
    return ite(held.writable, k.arch.pte_mkwrite(entry), k.with_uffd_wp(held.uffd_wp, entry))


def _with_protected_uffd_wp(k: Kernel, entry: Any, held: Held) -> Any:
    """``pmd_wrprotect(pmd_mkuffd_wp(pmd))`` if the entry carries the mark."""
    return ite(held.uffd_wp, k.arch.pmd_wrprotect(k.arch.pmd_mkuffd_wp(entry)), entry) if k.uffd_wp else entry


def _g0_pmd(k: Kernel, entry: Any, held: Held, vma: Vma, dirty: Any) -> Any:
    entry = k.with_soft_dirty(held.soft_dirty, entry, "pmd")
    entry = ite(held.writable, k.maybe_mkwrite("pmd", entry, vma), entry)
    return _aged(k, "pmd", _with_protected_uffd_wp(k, entry, held), held, dirty)


def _g1_pmd(k: Kernel, entry: Any, held: Held, vma: Vma, dirty: Any) -> Any:
    entry = _with_protected_uffd_wp(k, k.with_soft_dirty(held.soft_dirty, entry, "pmd"), held)
    entry = _aged(k, "pmd", entry, held, dirty)
    return ite(held.writable, k.maybe_mkwrite("pmd", entry, vma), k.arch.pmd_wrprotect(entry))


def _g2_pmd(k: Kernel, entry: Any, held: Held, vma: Vma, dirty: Any) -> Any:
    entry = k.with_soft_dirty(held.soft_dirty, entry, "pmd")
    entry = ite(held.writable, k.arch.pmd_mkwrite(entry), entry)
    return _aged(k, "pmd", k.with_uffd_wp(held.uffd_wp, entry, "pmd"), held, dirty)


_ENDS = "mm/migrate.c remove_migration_pte(), mm/huge_memory.c remove_migration_pmd()"

MIGRATIONS: dict[str, Migration] = {
    order.name: order
    for order in (
        Migration(
            "carry-dirty",
            "dirty is carried over by mkdirty, and a read-only entry is not write-protected afterwards",
            f"{_ENDS}, commit 2e3468778dbe",
            _g0_pte,
            _g0_pmd,
        ),
        Migration(
            "linux-6.1",
            "as before, and wrprotect last unless the entry is writable",
            f"{_ENDS}, commit 96a9c287e25d; Linux 6.1.192",
            _g1_pte,
            _g1_pmd,
        ),
        Migration(
            "linux-6.12",
            "mkwrite last without looking at the VMA (PTE), mkdirty last (PMD), no wrprotect",
            f"{_ENDS} in Linux 6.12.117",
            _g2_pte,
            _g2_pmd,
        ),
    )
}
"""The orders in history; the specification's names for them are G0, G1 and G2."""


def migrated_entry(k: Kernel, level: str, held: Held, vma: Vma, page: Page, like: Any) -> Any:
    """The present entry a migration entry is replaced by.

    Args:
        k: the kernel.
        level: ``pte`` or ``pmd``.
        held: what the migration entry says.
        vma: the mapping.
        page: the page; dirty is restored only if the folio is dirty too.
        like: any entry, for its width.
    """
    arch, prot = k.arch, k.vm_page_prot(vma, like)
    order = MIGRATIONS[k.migration]
    dirty = both(held.dirty, page.dirty)
    if level == "pte":
        return order.pte(k, arch.mk_pte(prot), held, vma, dirty)
    return order.pmd(k, arch.mk_huge_pmd(prot), held, vma, dirty)


def held_by(k: Kernel, level: str, entry: Any, anon_exclusive: Any) -> Held:
    """What the migration entry of a present entry remembers.

    Args:
        k: the kernel; without ``migration_ad`` young and dirty are not kept.
        level: ``pte`` or ``pmd``.
        entry: the present entry.
        anon_exclusive: PageAnonExclusive of its page.
    """
    arch = k.arch
    return Held(
        arch.helper(level, "write")(entry),
        anon_exclusive,
        both(k.migration_ad, arch.helper(level, "young")(entry)),
        both(k.migration_ad, arch.helper(level, "dirty")(entry)),
        k.soft_dirty_of(entry, level),
        k.uffd_wp_of(entry, level),
    )
