"""What happens without generic mm: stores and loads of the CPU, and aging by reclaim."""

from __future__ import annotations

from typing import Any

from checker.logic import both, no
from models.mm.catalogue import operation
from models.mm.kernel import Kernel
from models.mm.state import World, mapped, with_process, written


@operation("the architecture's hardware description")
def store(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A user store goes through without generic mm."""
    mine = s.processes[p]
    after = with_process(written(s, p, k.soft_dirty), p, entry=k.arch.hardware.store(mine.entry))
    return both(mapped(mine), k.arch.hardware.writable(mine.entry)), after


@operation("mm/memory.c handle_pte_fault() pte_mkyoung(); arch/loongarch/mm/tlbex.S handle_tlb_load")
def load(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A load marks the entry young, by the CPU, its TLB code or a read fault."""
    mine = s.processes[p]
    return both(mapped(mine), no(k.is_protnone(mine))), with_process(s, p, entry=k.by_level(mine, "mkyoung"))


@operation("mm/rmap.c folio_referenced_one()")
def age(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Reclaim marks the entry old to see whether it is used."""
    mine = s.processes[p]
    return mapped(mine), with_process(s, p, entry=k.by_level(mine, "mkold"))
