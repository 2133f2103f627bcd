"""What ARC HS with MMU version 4 does with entries: nothing but protect what software has put into its TLB.

The low-level code is arch/arc/mm/tlbex.S: EV_TLBMissD and EV_TLBMissI look an entry up, test it, record the access and
load it into the TLB (CONV_PTE_TO_TLB). What they refuse, and every protection violation (EV_TLBProtV in
arch/arc/kernel/entry-arcv2.S), goes to do_page_fault(). Bits of the TLB: arch/arc/include/asm/mmu-arcv2.h, PTE_BITS_IN_PD0
and PTE_BITS_RWX; arch/arc/include/asm/pgtable-bits-arcv2.h marks the ones that are the CPU's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checker.logic import both
from models.hardware import Constants, Machine, NamedBit
from models.pte import Hardware

_NOTES = (
    "the TLB gets the permission to write from _PAGE_WRITE alone: a store through a clean writable entry that a load, a "
    "fetch or update_mmu_cache() has put there raises no exception and is recorded by nobody; one that misses is",
    "the miss handlers write the entry back with a plain store and without a lock; a change by another CPU in between "
    "would be lost and is not modelled",
)
_PAE40_NOTE = (
    "EV_TLBMissD takes bits 32 to 39 of a huge page's address from the next entry of its table, because huge entries "
    "have 32 bits; which page is mapped is not modelled"
)


def _loaded_by_software(constants: Constants, page: int, notes: tuple[str, ...]) -> Hardware:
    """Entries that map a page where all bits of ``page`` are set."""
    read, write, execute = (constants[f"_PAGE_{name}"] for name in ("READ", "WRITE", "EXECUTE"))
    accessed, dirty, kernel = (constants[f"_PAGE_{name}"] for name in ("ACCESSED", "DIRTY", "GLOBAL"))

    def allows(right: int) -> Any:
        return lambda entry: (entry & (page | kernel | right)) == (page | right)

    storable = allows(write)
    return Hardware(
        readable=allows(read),
        silent=lambda entry: both(storable(entry), (entry & accessed) != 0),
        recording=lambda entry: (entry & 0) != 0,
        records=lambda entry: entry,
        handler=storable,
        handled=lambda entry: entry | accessed | dirty,
        executable=allows(execute),
        loaded=lambda entry: entry | accessed,
        source="arch/arc/mm/tlbex.S EV_TLBMissD, EV_TLBMissI, CONV_PTE_TO_TLB; arch/arc/mm/tlb.c create_tlb()",
        serves_writable=True,
        young_gates=False,
        notes=notes,
    )


def _describe(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    present = constants["_PAGE_PRESENT"]
    # of a pmd, LOAD_FAULT_PTE takes what has no size bit for the address of a table
    return {
        "pte": _loaded_by_software(constants, present, _NOTES),
        "pmd": _loaded_by_software(constants, present | constants["_PAGE_HW_SZ"], _NOTES),
    }


def _describe_pae40(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    present = constants["_PAGE_PRESENT"]
    huge = _loaded_by_software(constants, present | constants["_PAGE_HW_SZ"], (*_NOTES, _PAE40_NOTE))
    return {"pte": _loaded_by_software(constants, present, _NOTES), "pmd": huge}


_BITS = (
    NamedBit("_PAGE_PRESENT", "P", "valid for software and the TLB"),
    NamedBit("_PAGE_READ", "R", "users may read"),
    NamedBit("_PAGE_WRITE", "W", "users may write, for software and the TLB"),
    NamedBit("_PAGE_EXECUTE", "X", "users may execute"),
    NamedBit("_PAGE_ACCESSED", "A", "was accessed; set by the miss handlers"),
    NamedBit("_PAGE_DIRTY", "D", "was written; set by a store that misses; exclusive, in a swap entry (6.12)"),
    NamedBit("_PAGE_SPECIAL", "S", "no struct page"),
    NamedBit("_PAGE_GLOBAL", "G", "a page of the kernel: the rights are not the user's"),
    NamedBit("_PAGE_CACHEABLE", "C", "cached"),
    NamedBit("_PAGE_HW_SZ", "Z", "a huge page"),
)
_FIXED = {
    "_PAGE_EXECUTE": 0x2,
    "_PAGE_WRITE": 0x4,
    "_PAGE_READ": 0x8,
    "_PAGE_GLOBAL": 0x100,
    "_PAGE_PRESENT": 0x200,
    "_PAGE_HW_SZ": 0x400,
}

MACHINES = (
    Machine("arc", _BITS, _describe, fixed=_FIXED),
    Machine("arc-pae40", _BITS, _describe_pae40, fixed=_FIXED),
)
