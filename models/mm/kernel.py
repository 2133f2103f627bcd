"""One kernel of the mm world: an architecture's helpers and the choices generic mm has made over its history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from checker.logic import ite, word_like
from models.pte import Architecture


@dataclass(frozen=True)
class Kernel:
    """What the operations of the mm world are written against.

    Attributes:
        arch: the helpers and the hardware.
        split: the order of helper calls when a huge page is split, a name in :data:`SPLITS`.
    """

    arch: Architecture
    split: str

    def maybe_mkwrite(self, level: str, entry: Any, vm_write: Any) -> Any:
        """``maybe_mkwrite()`` and ``maybe_pmd_mkwrite()``: mkwrite if the VMA is writable (include/linux/mm.h)."""
        return ite(vm_write, self.arch.helper(level, "mkwrite")(entry), entry)

    def vm_page_prot(self, vm_write: Any, like: Any) -> Any:
        """The page protection of a private VMA; ``like`` is any entry, for its width."""
        protections = self.arch.protections
        return ite(vm_write, word_like(like, protections["PRIVATE"]), protections["READONLY"])


@dataclass(frozen=True)
class HugeEntry:
    """What __split_huge_pmd_locked() has read from the PMD: its write, young and dirty bits, and the VMA's VM_WRITE."""

    write: Any
    young: Any
    dirty: Any
    vm_write: Any


@dataclass(frozen=True)
class Split:
    """One historical order of the helper calls on each small entry of a split huge page.

    Attributes:
        name: as the command line takes it.
        says: one sentence.
        source: the commit and the kernels that have it.
        build: (kernel, entry from mk_pte, what the PMD said) -> finished entry.
    """

    name: str
    says: str
    source: str
    build: Callable[[Kernel, Any, HugeEntry], Any]


def _wrprotect_unless_write(k: Kernel, entry: Any, huge: HugeEntry) -> Any:
    return ite(huge.write, entry, k.arch.pte_wrprotect(entry))


def _mkold_unless_young(k: Kernel, entry: Any, huge: HugeEntry) -> Any:
    return ite(huge.young, entry, k.arch.pte_mkold(entry))


def _mkdirty_if_dirty(k: Kernel, entry: Any, huge: HugeEntry) -> Any:
    return ite(huge.dirty, k.arch.pte_mkdirty(entry), entry)


def _without_dirty(k: Kernel, entry: Any, huge: HugeEntry) -> Any:
    entry = k.maybe_mkwrite("pte", entry, huge.vm_write)
    entry = _wrprotect_unless_write(k, entry, huge)
    return _mkold_unless_young(k, entry, huge)


def _carry_dirty(k: Kernel, entry: Any, huge: HugeEntry) -> Any:
    return _mkdirty_if_dirty(k, _without_dirty(k, entry, huge), huge)


def _reorder(k: Kernel, entry: Any, huge: HugeEntry) -> Any:
    entry = k.maybe_mkwrite("pte", entry, huge.vm_write)
    entry = _mkold_unless_young(k, entry, huge)
    entry = _mkdirty_if_dirty(k, entry, huge)
    return _wrprotect_unless_write(k, entry, huge)


def _linux_612(k: Kernel, entry: Any, huge: HugeEntry) -> Any:
    entry = ite(huge.write, k.arch.pte_mkwrite(entry), entry)
    entry = _mkold_unless_young(k, entry, huge)
    return _mkdirty_if_dirty(k, entry, huge)


_WHERE = "mm/huge_memory.c __split_huge_pmd_locked()"

SPLITS: dict[str, Split] = {
    split.name: split
    for split in (
        Split(
            "before-0ccf7f168e17",
            "mkwrite, then wrprotect unless the PMD was writable; dirty goes to the folio only",
            f"{_WHERE} up to Linux 6.0, from the context of commit 0ccf7f168e17",
            _without_dirty,
        ),
        Split(
            "carry-dirty",
            "as before, and mkdirty last when the PMD was dirty",
            f"{_WHERE}, commit 0ccf7f168e17 (6.1-rc1)",
            _carry_dirty,
        ),
        Split(
            "partial-revert",
            "mkdirty on present entries taken out again",
            f"{_WHERE}, commit 624a2c94f5b7; Linux 6.1.192",
            _without_dirty,
        ),
        Split("reorder", "mkdirty first, wrprotect last (Peter Xu)", f"{_WHERE}, commit e833bc503405", _reorder),
        Split(
            "linux-6.12",
            "mkwrite only if the PMD was writable, mkdirty last, no wrprotect at all",
            f"{_WHERE} in Linux 6.12.117, since commit 1462c52e9f2b",
            _linux_612,
        ),
    )
}
"""The orders in history; the default of a variant's comparison is all of them."""


def split_entry(k: Kernel, entry: Any, vm_write: Any) -> Any:
    """The small entry a huge one is split into.

    Args:
        k: the kernel.
        entry: the PMD before pmdp_invalidate().
        vm_write: VM_WRITE of the VMA.
    """
    arch = k.arch
    huge = HugeEntry(arch.pmd_write(entry), arch.pmd_young(entry), arch.pmd_dirty(entry), vm_write)
    return SPLITS[k.split].build(k, arch.mk_pte(k.vm_page_prot(vm_write, entry)), huge)
