"""What s390 does with entries: nothing but translate and protect.

z/Architecture Principles of Operation, chapter Storage, Dynamic Address Translation: page-table entry (invalid bit, DAT
protection, instruction-execution protection, and a bit that must be zero), segment-table and region-third-table entries
with format control. The storage key's reference and change bits are not used for user mappings.

Every fault goes to handle_mm_fault(): arch/s390/mm/fault.c, do_protection_exception() and do_dat_exception(), both
through do_exception(). The helpers put the software bits into practice: an entry that is not young or not readable is
invalid, one that is not both writable and dirty is protected (arch/s390/include/asm/pgtable.h, the tables of encodings).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from models.hardware import Constants, Machine, NamedBit
from models.pte import Hardware

Bits = tuple[int, int]
"""A mask, and the value under it."""

_SOURCE = "z/Architecture Principles of Operation, Dynamic Address Translation; arch/s390/mm/fault.c do_exception()"


def _never(entry: Any) -> Any:
    return (entry & 0) != 0


def _is(mask: int, value: int) -> Callable[[Any], Any]:
    return lambda entry: (entry & mask) == value


def _walked(page: Bits, protect: int, no_exec: int) -> Hardware:
    """Entries that map a page where ``page`` holds."""
    mask, value = page
    return Hardware(
        readable=_is(mask, value),
        silent=_is(mask | protect, value),
        recording=_never,
        records=lambda entry: entry,
        handler=_never,
        handled=lambda entry: entry,
        executable=_is(mask | no_exec, value),
        source=_SOURCE,
        serves_writable=False,
        young_gates=True,
    )


def _describe(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    def huge(prefix: str, large: str, kind: str, type_value: int) -> Hardware:
        format_control, invalid = constants[large], constants[f"{prefix}_INVALID"]
        page = (format_control | invalid | constants[kind], format_control | type_value)
        return _walked(page, constants[f"{prefix}_PROTECT"], constants[f"{prefix}_NOEXEC"])

    # bit 52 of a page-table entry must be zero; the kernel calls it _PAGE_LARGE and uses it outside of entries that map
    page = (constants["_PAGE_INVALID"] | constants["_PAGE_LARGE"], 0)
    return {
        "pte": _walked(page, constants["_PAGE_PROTECT"], constants["_PAGE_NOEXEC"]),
        "pmd": huge("_SEGMENT_ENTRY", "_SEGMENT_ENTRY_LARGE", "_SEGMENT_ENTRY_TYPE_MASK", 0),
        "pud": huge(
            "_REGION_ENTRY", "_REGION3_ENTRY_LARGE", "_REGION_ENTRY_TYPE_MASK", constants["_REGION_ENTRY_TYPE_R3"]
        ),
    }


_BITS = (
    NamedBit("_PAGE_PRESENT", "P", "PTE: the page is there; huge entries have their read bit here"),
    NamedBit("_PAGE_SOFT_DIRTY", "s", "PTE: soft-dirty; huge entries have their write bit here"),
    NamedBit("_PAGE_YOUNG", "Y", "PTE: was accessed"),
    NamedBit("_PAGE_DIRTY", "D", "PTE: was written"),
    NamedBit("_PAGE_READ", "R", "PTE: software allows reading"),
    NamedBit("_PAGE_WRITE", "W", "PTE: software allows writing; huge entries have their invalid bit here"),
    NamedBit("_PAGE_SPECIAL", "S", "PTE: no struct page"),
    NamedBit("_PAGE_NOEXEC", "X", "no instructions can be fetched"),
    NamedBit("_PAGE_PROTECT", "p", "the CPU refuses stores"),
    NamedBit("_PAGE_INVALID", "I", "PTE: the CPU refuses every access; huge entries have their format control here"),
    NamedBit("_PAGE_LARGE", "L", "PTE: exclusive, in a swap entry"),
    NamedBit("_SEGMENT_ENTRY_YOUNG", "y", "huge: was accessed"),
    NamedBit("_SEGMENT_ENTRY_DIRTY", "d", "huge: was written"),
    NamedBit("_SEGMENT_ENTRY_SOFT_DIRTY", "o", "huge: soft-dirty"),
)

MACHINES = (
    Machine(
        "s390",
        _BITS,
        _describe,
        fixed={
            "_PAGE_INVALID": 0x400,
            "_PAGE_PROTECT": 0x200,
            "_PAGE_NOEXEC": 0x100,
            "_PAGE_LARGE": 0x800,
            "_SEGMENT_ENTRY_INVALID": 0x20,
            "_SEGMENT_ENTRY_PROTECT": 0x200,
            "_SEGMENT_ENTRY_LARGE": 0x400,
            "_REGION_ENTRY_INVALID": 0x20,
            "_REGION_ENTRY_PROTECT": 0x200,
            "_REGION3_ENTRY_LARGE": 0x400,
        },
    ),
)
