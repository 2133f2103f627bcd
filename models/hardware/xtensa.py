"""What Xtensa with a full MMU does with entries: it walks the tables, checks ring and attributes, and writes nothing.

Xtensa Instruction Set Architecture Reference Manual, MMU Option (hardware table walk, format of an entry: page number, ring,
attributes); arch/xtensa/include/asm/pgtable.h has the same table. fast_second_level_miss of arch/xtensa/kernel/entry.S only
maps the table that the CPU reads. fast_store_prohibited there serves a store that the attributes forbid where software
allows it; every other exception goes to do_page_fault() (arch/xtensa/kernel/traps.c, dispatch_init_table).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checker.logic import both, either
from models.hardware import Constants, Machine, NamedBit
from models.pte import Hardware

_RING = 0x30
"""Bits 4 and 5: the ring, 0 for the kernel alone."""
_ISOLATE = 0xD


def _describe(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    cache, attributes = constants["_PAGE_CA_MASK"], constants["_PAGE_ATTRIB_MASK"]
    hw_write, hw_exec = constants["_PAGE_HW_WRITE"], constants["_PAGE_HW_EXEC"]
    writable = constants["_PAGE_WRITABLE"]
    recorded = constants["_PAGE_ACCESSED"] | constants["_PAGE_DIRTY"] | hw_write

    def mapped(entry: Any) -> Any:
        return both((entry & _RING) != 0, (entry & cache) != cache)

    def isolated(entry: Any) -> Any:
        return both((entry & _RING) != 0, (entry & attributes) == _ISOLATE)

    hardware = Hardware(
        readable=lambda entry: either(mapped(entry), isolated(entry)),
        silent=lambda entry: either(both(mapped(entry), (entry & hw_write) != 0), isolated(entry)),
        recording=lambda entry: (entry & 0) != 0,
        records=lambda entry: entry,
        handler=lambda entry: both(mapped(entry), (entry & (hw_write | writable)) == writable),
        handled=lambda entry: entry | recorded,
        executable=lambda entry: both(mapped(entry), (entry & hw_exec) != 0),
        source="Xtensa Instruction Set Architecture Reference Manual, MMU Option; arch/xtensa/include/asm/pgtable.h; "
        "arch/xtensa/kernel/entry.S fast_store_prohibited",
        serves_writable=True,
        young_gates=False,
        notes=(
            "the CPU does not know the accessed bit, and loads are recorded by nobody",
            "attribute 13, which pgtable.h calls reserved, is taken as QEMU has it (target/xtensa/mmu_helper.c "
            "mmu_attr_to_access()): loads and stores go through, to the data cache alone",
            "fast_store_prohibited writes the entry back without a lock; a change by another CPU in between would be lost "
            "and is not modelled",
        ),
    )
    return {"pte": hardware}


_BITS = (
    NamedBit("_PAGE_HW_EXEC", "X", "executable; part of PROT_NONE"),
    NamedBit("_PAGE_HW_WRITE", "H", "writable for the CPU; part of PROT_NONE; exclusive, in a swap entry (6.12)"),
    NamedBit("_PAGE_CA_WB", "b", "cached with write-back; with t, invalid"),
    NamedBit("_PAGE_CA_WT", "t", "cached with write-through; with b, invalid"),
    NamedBit("_PAGE_USER", "U", "ring 1: users may access it"),
    NamedBit("_PAGE_WRITABLE", "W", "software allows writing"),
    NamedBit("_PAGE_DIRTY", "D", "was written, for software"),
    NamedBit("_PAGE_ACCESSED", "A", "was accessed, for software"),
)

MACHINES = (
    Machine(
        "xtensa",
        _BITS,
        _describe,
        fixed={
            "_PAGE_HW_EXEC": 0x1,
            "_PAGE_HW_WRITE": 0x2,
            "_PAGE_CA_MASK": 0xC,
            "_PAGE_ATTRIB_MASK": 0xF,
            "_PAGE_USER": 0x10,
        },
    ),
)
