"""What SuperH does with entries: it protects what software has put into its TLB, and traps on a store without the dirty bit.

A miss (exceptions H'040 and H'060) and the initial page write, a permitted store through an entry without the dirty bit
(H'080), go to handle_tlbmiss() of arch/sh/mm/tlbex_32.c, which records the access and loads the TLB again
(arch/sh/mm/tlb-sh4.c, arch/sh/mm/tlb-pteaex.c, __update_tlb()). A protection violation goes to do_page_fault():
arch/sh/kernel/cpu/sh3/ex.S and entry.S. Bits: SH-4 Software Manual, chapter 3, Memory Management Unit (V, PR, D; initial
page write exception); SH7785 Hardware Manual, Memory Management Unit, TLB extended mode (EPR).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checker.logic import both
from models.hardware import Constants, Machine, NamedBit
from models.pte import Hardware

_HIGH = 32
"""Where the second word of an entry starts."""


def _loaded_by_software(constants: Constants, rights: tuple[int, int, int | None], notes: tuple[str, ...]) -> Hardware:
    """Entries that a user may read, write and execute where all of these bits are set; None: no bit is for executing."""
    accessed, dirty, present = (constants[f"_PAGE_{name}"] for name in ("ACCESSED", "DIRTY", "PRESENT"))

    def allows(right: int) -> Any:
        return lambda entry: (entry & (present | right)) == (present | right)

    readable, storable = map(allows, rights[:2])
    recorded = accessed | dirty
    return Hardware(
        readable=readable,
        silent=lambda entry: both(storable(entry), (entry & recorded) == recorded),
        recording=lambda entry: (entry & 0) != 0,
        records=lambda entry: entry,
        handler=storable,
        handled=lambda entry: entry | recorded,
        executable=None if rights[2] is None else allows(rights[2]),
        loaded=lambda entry: entry | accessed,
        source="arch/sh/mm/tlbex_32.c handle_tlbmiss(); arch/sh/kernel/cpu/sh3/entry.S; SH-4 Software Manual, chapter 3",
        serves_writable=True,
        young_gates=False,
        notes=(
            *notes,
            "handle_tlbmiss() writes the entry back without a lock; a change by another CPU in between would be lost and is "
            "not modelled",
        ),
    )


def _sh4(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    user, write = constants["_PAGE_USER"], constants["_PAGE_RW"]
    notes = ("whoever may read may execute, and whoever may write may read: there are no bits against it",)
    return {"pte": _loaded_by_software(constants, (user, user | write, None), notes)}


def _x2tlb(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    read, write, execute = (constants[f"_PAGE_EXT_USER_{name}"] << _HIGH for name in ("READ", "WRITE", "EXEC"))
    notes = (
        "an entry that only the kernel may write counts as writable for pte_write(); no helper and no page protection of a "
        "user makes one",
    )
    return {"pte": _loaded_by_software(constants, (read, write, execute), notes)}


_BITS = (
    NamedBit("_PAGE_PRESENT", "P", "valid for software and the TLB"),
    NamedBit("_PAGE_PROTNONE", "N", "PROT_NONE: present, but not for the TLB"),
    NamedBit("_PAGE_ACCESSED", "A", "was accessed; set by the miss handler"),
    NamedBit("_PAGE_DIRTY", "D", "was written; a store without it traps"),
    NamedBit("_PAGE_CACHABLE", "C", "cached"),
    NamedBit("_PAGE_HW_SHARED", "G", "for all address spaces"),
    NamedBit("_PAGE_SPECIAL", "S", "no struct page"),
)
_SH4_BITS = (
    *_BITS,
    NamedBit("_PAGE_USER", "U", "users may access it; exclusive, in a swap entry (6.12)"),
    NamedBit("_PAGE_RW", "W", "writable"),
    NamedBit("_PAGE_WT", "T", "write-through"),
    NamedBit("_PAGE_SZ0", "0", "size, low bit"),
    NamedBit("_PAGE_SZ1", "1", "size, high bit"),
)
_X2TLB_BITS = (
    *_BITS,
    NamedBit("_PAGE_SWP_EXCLUSIVE", "E", "exclusive, in a swap entry (6.12)"),
    NamedBit("_PAGE_EXT_USER_READ", "R", "users may read", _HIGH),
    NamedBit("_PAGE_EXT_USER_WRITE", "W", "users may write", _HIGH),
    NamedBit("_PAGE_EXT_USER_EXEC", "X", "users may execute", _HIGH),
    NamedBit("_PAGE_EXT_KERN_READ", "r", "the kernel may read", _HIGH),
    NamedBit("_PAGE_EXT_KERN_WRITE", "w", "the kernel may write", _HIGH),
    NamedBit("_PAGE_EXT_KERN_EXEC", "x", "the kernel may execute", _HIGH),
)
_FIXED = {"_PAGE_DIRTY": 0x4, "_PAGE_RW": 0x20, "_PAGE_USER": 0x40, "_PAGE_PRESENT": 0x100}

MACHINES = (
    Machine("sh", _SH4_BITS, _sh4, fixed=_FIXED),
    Machine(
        "sh-x2tlb",
        _X2TLB_BITS,
        _x2tlb,
        fixed={
            **_FIXED,
            "_PAGE_EXT_USER_EXEC": 0x100,
            "_PAGE_EXT_USER_WRITE": 0x200,
            "_PAGE_EXT_USER_READ": 0x400,
        },
    ),
)
