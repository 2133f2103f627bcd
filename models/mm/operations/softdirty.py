"""Soft-dirty: fs/proc/task_mmu.c clear_soft_dirty(), clear_soft_dirty_pmd()."""

from __future__ import annotations

from typing import Any

from checker.logic import both, ite, no
from checker.records import replace
from models.mm.catalogue import operation
from models.mm.kernel import Kernel
from models.mm.operations.protection import protected_held
from models.mm.state import PMD, PTE, World, alive, at, maybe_dma_pinned, with_process


def soft_dirty(k: Kernel) -> bool:
    """CONFIG_HAVE_ARCH_SOFT_DIRTY."""
    return k.facilities.soft_dirty


@operation(
    "fs/proc/task_mmu.c clear_refs_write(), clear_soft_dirty(), clear_soft_dirty_pmd()", "soft-dirty", needs=soft_dirty
)
def clear_soft_dirty(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Writing 4 to /proc/PID/clear_refs: what is stored from now on must be reported."""
    arch, mine = k.arch, s.processes[p]
    pinned = both(arch.pte_write(mine.entry), maybe_dma_pinned(s, mine.page), no(mine.vma.shared))
    pte = ite(pinned, mine.entry, arch.pte_clear_soft_dirty(arch.pte_wrprotect(mine.entry)))
    # The PMD is read before pmdp_invalidate() returns what it was; dirty and young are then carried over once more.
    carried = ite(arch.pmd_dirty(mine.entry), arch.pmd_mkdirty(mine.entry), mine.entry)
    carried = ite(arch.pmd_young(mine.entry), arch.pmd_mkyoung(carried), carried)
    pmd = arch.pmd_clear_soft_dirty(arch.pmd_wrprotect(carried))
    entry = ite(at(mine, PTE), pte, ite(at(mine, PMD), pmd, mine.entry))
    held = replace(mine.held, soft_dirty=False)
    if "migration-soft-dirty" in k.repairs:
        held = protected_held(k, held)
    return alive(mine), with_process(s, p, entry=entry, held=held, stored=False)
