"""What the three memory-management units of m68k do with entries.

Motorola: MC68030 User's Manual, section 9, Memory Management Unit, and MC68851 User's Manual (translation table details:
descriptor fields, table search); M68040 and M68060 User's Manuals, sections 3 and 4, Memory Management Unit
(descriptors; used and modified bits; address translation caches).
Bits: arch/m68k/include/asm/motorola_pgtable.h. No kernel code runs between a page fault and handle_mm_fault():
arch/m68k/kernel/traps.c, access_error060(), access_error040(), bus_error030().

ColdFire: arch/m68k/mm/mcfmmu.c, cf_tlb_miss(), called by arch/m68k/kernel/traps.c, access_errorcf(), for misses only;
a protection violation goes to do_page_fault().

Sun 3: arch/m68k/sun3/mmu_emu.c, mmu_emu_handle_fault(), called first by bus_error030() of arch/m68k/kernel/traps.c.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checker.logic import both, ite
from models.hardware import Constants, Machine, NamedBit
from models.pte import Hardware


def _never(entry: Any) -> Any:
    return (entry & 0) != 0


def _same(entry: Any) -> Any:
    return entry


def _motorola(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    present, read_only = constants["_PAGE_PRESENT"], constants["_PAGE_RONLY"]
    accessed, dirty, supervisor = (constants[name] for name in ("_PAGE_ACCESSED", "_PAGE_DIRTY", "_PAGE_SUPER"))
    short_formats = "030" in features
    # 030: type 01 is a page, 10 and 11 point to another descriptor; 040 and 060: both 01 and 11 are pages
    kind = constants["_DESCTYPE_MASK"] if short_formats else present
    kept_out = 0 if short_formats else supervisor

    def readable(entry: Any) -> Any:
        return (entry & (kind | kept_out)) == present

    def storable(entry: Any) -> Any:
        return (entry & (kind | kept_out | read_only)) == present

    recorded = accessed | dirty
    hardware = Hardware(
        readable=readable,
        silent=lambda entry: both(storable(entry), (entry & recorded) == recorded),
        recording=storable,
        records=lambda entry: entry | recorded,
        handler=_never,
        handled=_same,
        source="MC68030 User's Manual, section 9, translation table details; MC68851 User's Manual"
        if short_formats
        else "M68040 User's Manual, section 3, and M68060 User's Manual, section 4: descriptors, used and modified bits",
        serves_writable=True,
        young_gates=False,
        notes=(
            "an entry of type 10 points to another descriptor (indirection); no helper makes one, and none is described",
        ),
    )
    return {"pte": hardware}


def _coldfire(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    valid, writable, readable, system, dirty, accessed = (
        constants[f"CF_PAGE_{name}"] for name in "VALID WRITABLE READABLE SYSTEM DIRTY ACCESSED".split()
    )

    def loaded_by_store(entry: Any) -> Any:
        return (entry & (valid | writable | system)) == (valid | writable)

    recorded = dirty | accessed
    hardware = Hardware(
        readable=lambda entry: (entry & (valid | readable | system)) == (valid | readable),
        silent=lambda entry: both(loaded_by_store(entry), (entry & recorded) == recorded),
        recording=_never,
        records=_same,
        handler=loaded_by_store,
        handled=lambda entry: entry | recorded,
        executable=lambda entry: (entry & (valid | system)) == valid,
        loaded=lambda entry: ite((entry & dirty) != 0, entry, entry & ~writable) | accessed,
        source="arch/m68k/mm/mcfmmu.c cf_tlb_miss(); MCF547x Reference Manual, chapter MMU, register MMUDR: R, W, X, SP",
        serves_writable=True,
        young_gates=False,
        exceptions={
            "exec-only-when-allowed": "cf_tlb_miss() sets the execute bit of every page it loads, whatever CF_PAGE_EXEC says"
        },
        notes=(
            "a load that misses in the TLB through a clean writable entry takes CF_PAGE_WRITABLE out of the entry, so "
            "that the next store faults",
        ),
    )
    return {"pte": hardware}


def _sun3(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    valid, writable, system, modified, accessed = (
        constants[f"SUN3_PAGE_{name}"] for name in "VALID WRITEABLE SYSTEM MODIFIED ACCESSED".split()
    )

    def storable(entry: Any) -> Any:
        return (entry & (valid | writable | system)) == (valid | writable)

    hardware = Hardware(
        readable=lambda entry: (entry & (valid | system)) == valid,
        silent=storable,
        recording=_never,
        records=_same,
        handler=storable,
        handled=lambda entry: entry | accessed | modified,
        source="arch/m68k/sun3/mmu_emu.c mmu_emu_handle_fault(); Sun-3 Architecture Manual, page map entries",
        serves_writable=True,
        young_gates=False,
        notes=(
            "mmu_emu_handle_fault() copies the whole entry into the page map; a later store sets the modified bit there "
            "only, and nothing copies it back, so that every store through a writable entry is taken as silent although "
            "one that misses is recorded",
            "the page map has no bit against reading: a PROT_NONE entry is valid and can be read",
        ),
    )
    return {"pte": hardware}


_MOTOROLA_BITS = (
    NamedBit("_PAGE_PRESENT", "P", "a page for the CPU"),
    NamedBit("_PAGE_RONLY", "R", "write-protected; without the present bit, PROT_NONE"),
    NamedBit("_PAGE_ACCESSED", "A", "used; set by the CPU"),
    NamedBit("_PAGE_DIRTY", "D", "modified; set by the CPU"),
    NamedBit("_PAGE_SUPER", "S", "supervisor only (68040 and 68060)"),
    NamedBit("_PAGE_SWP_EXCLUSIVE", "E", "exclusive, in a swap entry (6.12)"),
)
_COLDFIRE_BITS = (
    NamedBit("CF_PAGE_VALID", "V", "the page is there"),
    NamedBit("CF_PAGE_READABLE", "R", "readable"),
    NamedBit("CF_PAGE_WRITABLE", "W", "writable, for software and for the TLB"),
    NamedBit("CF_PAGE_EXEC", "X", "executable, as software wants it"),
    NamedBit("CF_PAGE_SYSTEM", "S", "supervisor only"),
    NamedBit("CF_PAGE_DIRTY", "D", "was written; set by the miss handler"),
    NamedBit("CF_PAGE_ACCESSED", "A", "was accessed; set by the miss handler"),
    NamedBit("CF_PAGE_SHARED", "G", "the TLB's shared-global bit, in mappings of VM_SHARED"),
    NamedBit("CF_PAGE_NOCACHE", "N", "not cached; exclusive, in a swap entry (6.12)"),
)
_SUN3_BITS = (
    NamedBit("SUN3_PAGE_VALID", "V", "valid for the MMU"),
    NamedBit("SUN3_PAGE_WRITEABLE", "W", "writable for software and the MMU"),
    NamedBit("SUN3_PAGE_SYSTEM", "S", "supervisor only"),
    NamedBit("SUN3_PAGE_NOCACHE", "N", "not cached"),
    NamedBit("SUN3_PAGE_ACCESSED", "A", "was accessed"),
    NamedBit("SUN3_PAGE_MODIFIED", "M", "was written"),
    NamedBit("_PAGE_SWP_EXCLUSIVE", "E", "exclusive, in a swap entry (6.12)"),
)

MACHINES = (
    Machine(
        "m68k",
        _MOTOROLA_BITS,
        _motorola,
        fixed={
            "_PAGE_PRESENT": 0x1,
            "_PAGE_RONLY": 0x4,
            "_PAGE_ACCESSED": 0x8,
            "_PAGE_DIRTY": 0x10,
            "_PAGE_SUPER": 0x80,
        },
    ),
    Machine(
        "m68k-coldfire",
        _COLDFIRE_BITS,
        _coldfire,
        fixed={"CF_PAGE_EXEC": 0x4, "CF_PAGE_WRITABLE": 0x8, "CF_PAGE_READABLE": 0x10, "CF_PAGE_SYSTEM": 0x20},
    ),
    Machine(
        "m68k-sun3",
        _SUN3_BITS,
        _sun3,
        fixed={"SUN3_PAGE_VALID": 1 << 31, "SUN3_PAGE_WRITEABLE": 1 << 30, "SUN3_PAGE_SYSTEM": 1 << 29},
    ),
)
