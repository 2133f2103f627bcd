"""What SPARC machines do with entries.

32 bits: The SPARC Architecture Manual, Version 8, appendix H, SPARC Reference MMU Architecture: the page table entry (M,
R, ACC, ET), the access permissions of ACC. Bits: arch/sparc/include/asm/pgtsrmmu.h; SRMMU_WRITE, SRMMU_EXEC and
SRMMU_NOREAD are the three bits of ACC. Every fault goes to handle_mm_fault(): arch/sparc/kernel/entry.S, srmmu_fault;
arch/sparc/mm/fault_32.c, do_sparc_fault().

64 bits: UltraSPARC User's Manual, MMU Internal Architecture, Translation Table Entry (V, P, W); UltraSPARC
Architecture 2007, Memory Management, the sun4v TTE (v, p, x, w). The TLB is filled by arch/sparc/kernel/tsb.S,
tsb_miss_page_table_walk, with any entry that has ``_PAGE_VALID`` (arch/sparc/include/asm/tsb.h,
USER_PGTABLE_WALK_TL1; a PMD is a page where it has ``_PAGE_PMD_HUGE``), from a copy of such an entry in the TSB:
dtlb_miss.S, itlb_miss.S, sun4v_tlb_miss.S. Instructions need the executable bit: tsb_itlb_load, itlb_miss.S,
sun4v_itlb_miss. A store without the W bit goes to do_sparc64_fault(): dtlb_prot.S; sun4v_tlb_miss.S, sun4v_dtlb_prot.
Nothing records accessed or dirty but handle_mm_fault().
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checker.logic import both, either, ite
from models.hardware import Constants, Machine, NamedBit
from models.pte import Hardware

SUN4V = frozenset({"sun4v", "m7"})
"""The features with the sun4v encoding."""


def _never(entry: Any) -> Any:
    return (entry & 0) != 0


def _same(entry: Any) -> Any:
    return entry


def _describe_32(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    kind, page, no_read, execute, write, referenced, modified = (
        constants[f"SRMMU_{name}"] for name in ("ET_MASK", "ET_PTE", "NOREAD", "EXEC", "WRITE", "REF", "DIRTY")
    )
    rights = no_read | execute | write

    def readable(entry: Any) -> Any:
        """Reading is in ACC 0 to 3, and in 5, which gives the supervisor more."""
        plain = (entry & (kind | no_read)) == page
        return either(plain, (entry & (kind | rights)) == (page | no_read | write))

    def storable(entry: Any) -> Any:
        return (entry & (kind | no_read | write)) == (page | write)

    def executable(entry: Any) -> Any:
        """ACC 2, 3, and 4, which gives nothing else."""
        plain = (entry & (kind | no_read | execute)) == (page | execute)
        return either(plain, (entry & (kind | rights)) == (page | no_read))

    hardware = Hardware(
        readable=readable,
        silent=lambda entry: both(storable(entry), (entry & modified) != 0),
        recording=storable,
        records=lambda entry: entry | (referenced | modified),
        handler=_never,
        handled=_same,
        executable=executable,
        loaded=lambda entry: ite(either(readable(entry), executable(entry)), entry | referenced, entry),
        source="The SPARC Architecture Manual, Version 8, appendix H: page table entry, access permissions",
        serves_writable=True,
        young_gates=False,
        exceptions={
            "exec-only-when-allowed": "every readable protection of the kernel's table is executable; the MMU could do otherwise"
        },
        notes=(
            "entries of type 3 are reserved in the manual, and of the other byte order on a SuperSPARC II; no helper makes "
            "one, and none is described",
        ),
    )
    return {"pte": hardware}


def _on_pages(constants: Constants, page: int, code: str) -> Hardware:
    """Entries that map a page where they are valid and have all bits of ``page``."""
    store, execute, privileged = (constants[f"_PAGE_{name}_{code}"] for name in ("W", "EXEC", "P"))
    mapped = constants["_PAGE_VALID"] | page
    return Hardware(
        readable=lambda entry: (entry & (mapped | privileged)) == mapped,
        silent=lambda entry: (entry & (mapped | store | privileged)) == (mapped | store),
        recording=_never,
        records=_same,
        handler=_never,
        handled=_same,
        executable=lambda entry: (entry & (mapped | execute | privileged)) == (mapped | execute),
        source="arch/sparc/kernel/tsb.S tsb_miss_page_table_walk; arch/sparc/kernel/dtlb_prot.S; UltraSPARC TTE bits V, W, P",
        serves_writable=False,
        young_gates=True,
    )


def describe(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    """The behaviour of a 64-bit machine at each level; ``sun4v`` and ``m7`` have the sun4v encoding."""
    code = "4V" if features & SUN4V else "4U"
    return {
        "pte": _on_pages(constants, 0, code),
        "pmd": _on_pages(constants, constants["_PAGE_PMD_HUGE"], code),
    }


_BITS_32 = (
    NamedBit("SRMMU_VALID", "V", "a page for the CPU"),
    NamedBit("SRMMU_WRITE", "W", "the CPU and software allow writing"),
    NamedBit("SRMMU_EXEC", "X", "executable"),
    NamedBit("SRMMU_NOREAD", "N", "not for users (mostly)"),
    NamedBit("SRMMU_REF", "R", "was accessed; set by the CPU"),
    NamedBit("SRMMU_DIRTY", "M", "was written; set by the CPU; exclusive, in a swap entry (6.12)"),
    NamedBit("SRMMU_CACHE", "C", "cacheable"),
)


def _encoded(macro: str, letter: str, says: str) -> tuple[NamedBit, NamedBit]:
    """A bit that has one place on sun4u and another on sun4v."""
    return (
        NamedBit(f"{macro}_4U", letter, says, only=frozenset({""})),
        NamedBit(f"{macro}_4V", letter, says, only=SUN4V),
    )


_BITS_64 = (
    *_encoded("_PAGE_W", "w", "the hardware may write"),
    *_encoded("_PAGE_WRITE", "W", "software allows writing"),
    *_encoded("_PAGE_MODIFIED", "M", "data that must not be lost"),
    *_encoded("_PAGE_ACCESSED", "A", "was accessed"),
    *_encoded("_PAGE_READ", "R", "software allows reading"),
    *_encoded("_PAGE_EXEC", "X", "executable"),
    *_encoded("_PAGE_P", "p", "privileged: not for user accesses"),
    *_encoded("_PAGE_PRESENT", "P", "the page is there"),
    NamedBit("_PAGE_PMD_HUGE", "H", "huge page (PMD)"),
    NamedBit("_PAGE_SPECIAL", "S", "no struct page"),
    NamedBit("_PAGE_VALID", "V", "valid for the TLB; doubles as referenced"),
    NamedBit("_PAGE_MCD_4V", "c", "detect corruption of memory", only=frozenset({"m7"})),
    NamedBit("_PAGE_SWP_EXCLUSIVE", "E", "exclusive, in a swap entry (6.12)"),
)

MACHINES = (
    Machine(
        "sparc32",
        _BITS_32,
        _describe_32,
        fixed={
            "SRMMU_ET_MASK": 0x3,
            "SRMMU_ET_PTE": 0x2,
            "SRMMU_WRITE": 0x4,
            "SRMMU_EXEC": 0x8,
            "SRMMU_NOREAD": 0x10,
            "SRMMU_REF": 0x20,
            "SRMMU_DIRTY": 0x40,
        },
    ),
    Machine(
        "sparc64",
        _BITS_64,
        describe,
        fixed={
            "_PAGE_VALID": 1 << 63,
            "_PAGE_P_4U": 0x4,
            "_PAGE_W_4U": 0x2,
            "_PAGE_P_4V": 0x100,
            "_PAGE_EXEC_4V": 0x80,
            "_PAGE_W_4V": 0x40,
        },
    ),
)
