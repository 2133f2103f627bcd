"""What C-SKY does with entries: the CPU walks the tables itself and looks at two bits, valid and dirty.

arch/csky/include/asm/pgtable.h says that these two are all that the hardware has; dirty is the permission to write. The
walk starts at the address that setup_pgd() of arch/csky/abiv2/inc/abi/ckmmu.h and arch/csky/abiv1/inc/abi/ckmmu.h
gives to the CPU. An invalid entry and a store through one that is not dirty raise exceptions that all go to
handle_mm_fault(): arch/csky/kernel/traps.c trap_init(), arch/csky/kernel/entry.S csky_pagefault, arch/csky/mm/fault.c
do_page_fault().

In Linux 5.10 those exceptions go to handlers in assembly first, which find the entry, and make it valid, accessed, and for a
store dirty and modified, if it is present and the software's bit allows the access: arch/csky/kernel/entry.S tlbop_begin.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checker.logic import both, either, ite, no
from checker.records import replace
from models.hardware import Constants, Machine, NamedBit
from models.kernel.platforms.csky import HANDLERS
from models.pte import Hardware


def _never(entry: Any) -> Any:
    return (entry & 0) != 0


def _same(entry: Any) -> Any:
    return entry


def _describe(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    valid, writable = constants["_PAGE_VALID"], constants["_PAGE_DIRTY"]
    hardware = Hardware(
        readable=lambda entry: (entry & valid) == valid,
        silent=lambda entry: (entry & (valid | writable)) == (valid | writable),
        recording=_never,
        records=_same,
        handler=_never,
        handled=_same,
        source="arch/csky/include/asm/pgtable.h, bits of the hardware; arch/csky/kernel/entry.S csky_pagefault",
        serves_writable=False,
        young_gates=True,
        notes=(
            "present, read and write are software's: the CPU lets a user through every valid entry",
            "whoever may read may execute: there is no bit against it",
        ),
    )
    return {"pte": _with_handlers(hardware, constants) if HANDLERS in features else hardware}


def _with_handlers(hardware: Hardware, constants: Constants) -> Hardware:
    """The same where exceptions go to handlers in assembly first, as in Linux 5.10: the macro tlbop_begin."""
    present, valid = constants["_PAGE_PRESENT"], constants["_PAGE_VALID"]
    read, write = present | constants["_PAGE_READ"], present | constants["_PAGE_WRITE"]
    loaded = valid | constants["_PAGE_ACCESSED"]
    stored = loaded | constants["_PAGE_DIRTY"] | constants["_PAGE_MODIFIED"]
    return replace(
        hardware,
        readable=lambda entry: either((entry & valid) == valid, (entry & read) == read),
        loaded=lambda entry: ite(both((entry & valid) == 0, (entry & read) == read), entry | loaded, entry),
        handler=lambda entry: both(no(hardware.silent(entry)), (entry & write) == write),
        handled=lambda entry: entry | stored,
        source=f"{hardware.source}; csky_tlbinvalidl, csky_tlbinvalids, csky_tlbmodified",
        serves_writable=True,
        young_gates=False,
    )


_BITS = (
    NamedBit("_PAGE_PRESENT", "P", "present for software"),
    NamedBit("_PAGE_READ", "R", "software allows reading"),
    NamedBit("_PAGE_WRITE", "W", "software allows writing"),
    NamedBit("_PAGE_ACCESSED", "A", "was accessed, for software"),
    NamedBit("_PAGE_MODIFIED", "M", "was written, for software"),
    NamedBit("_PAGE_VALID", "V", "valid for the CPU"),
    NamedBit("_PAGE_DIRTY", "D", "writable for the CPU"),
    NamedBit("_PAGE_GLOBAL", "G", "for all address spaces"),
)
_ABIV2_BITS = (
    *_BITS,
    NamedBit("_PAGE_CACHE", "C", "cached"),
    NamedBit("_PAGE_BUF", "B", "buffered"),
    NamedBit("_PAGE_SO", "O", "strongly ordered"),
)
_ABIV1_BITS = (*_BITS, NamedBit("_PAGE_SWP_EXCLUSIVE", "E", "cached; exclusive, in a swap entry (6.12)"))

MACHINES = (
    Machine("csky", _ABIV2_BITS, _describe, fixed={"_PAGE_GLOBAL": 0x1, "_PAGE_VALID": 0x2, "_PAGE_DIRTY": 0x4}),
    Machine(
        "csky-abiv1", _ABIV1_BITS, _describe, fixed={"_PAGE_GLOBAL": 0x40, "_PAGE_VALID": 0x80, "_PAGE_DIRTY": 0x100}
    ),
)
