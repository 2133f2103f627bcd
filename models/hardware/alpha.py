"""What Alpha and its OSF/1 PALcode do with entries: translate and protect, and record nothing.

Alpha Architecture Reference Manual, OSF/1 Software, chapter Memory Management: page-table entry, memory protection
(kernel and user read and write enable; instructions are fetched under the read enable) and fault on read, write and
execute. Alpha 21264 Hardware Reference Manual, section Memory Management Status Register: access violation, FOR, FOW.

Every fault goes to handle_mm_fault(): arch/alpha/kernel/entry.S entMM, arch/alpha/mm/fault.c do_page_fault(). A load
into register 31 is a prefetch; do_page_fault() passes over one that faulted, and leaves the entry alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.hardware import Constants, Machine, NamedBit
from models.pte import Hardware


def _describe(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    valid, no_read, no_write, no_fetch, read, write = (
        constants[f"_PAGE_{name}"] for name in "VALID FOR FOW FOE URE UWE".split()
    )

    def enabled(enable: int, fault: int) -> Any:
        return lambda entry: (entry & (valid | enable | fault)) == (valid | enable)

    hardware = Hardware(
        readable=enabled(read, no_read),
        silent=enabled(write, no_write),
        recording=lambda entry: (entry & 0) != 0,
        records=lambda entry: entry,
        handler=lambda entry: (entry & 0) != 0,
        handled=lambda entry: entry,
        executable=enabled(read, no_fetch),
        source="Alpha Architecture Reference Manual, OSF/1 Software, Memory Management; arch/alpha/mm/fault.c do_page_fault()",
        serves_writable=False,
        young_gates=True,
        exceptions={
            "frame-survives": "PHYS_TWIDDLE() moves device addresses at 0x40000000000 on purpose; no memory is there"
        },
        notes=(
            "pte_mkold() takes the read enable from a dirty entry and leaves the write enable; what the CPU makes of a "
            "store then was not confirmed from the manual, and the store is taken as going through",
        ),
    )
    return {"pte": hardware}


_BITS = (
    NamedBit("_PAGE_VALID", "V", "the page is there"),
    NamedBit("_PAGE_FOR", "r", "fault on read"),
    NamedBit("_PAGE_FOW", "w", "fault on write: not writable for software"),
    NamedBit("_PAGE_FOE", "x", "fault on execute"),
    NamedBit("_PAGE_ASM", "G", "matches every address space"),
    NamedBit("_PAGE_KRE", "k", "the kernel can read; goes with accessed"),
    NamedBit("_PAGE_URE", "R", "users can read; goes with accessed"),
    NamedBit("_PAGE_KWE", "K", "the kernel can write; goes with dirty"),
    NamedBit("_PAGE_UWE", "W", "users can write; goes with dirty"),
    NamedBit("_PAGE_DIRTY", "D", "was written, for software"),
    NamedBit("_PAGE_ACCESSED", "A", "was accessed, for software"),
    NamedBit("_PAGE_SWP_EXCLUSIVE", "E", "exclusive, in a swap entry (6.12)"),
)

MACHINES = (
    Machine(
        "alpha",
        _BITS,
        _describe,
        fixed={
            "_PAGE_VALID": 0x1,
            "_PAGE_FOR": 0x2,
            "_PAGE_FOW": 0x4,
            "_PAGE_FOE": 0x8,
            "_PAGE_KRE": 0x100,
            "_PAGE_URE": 0x200,
            "_PAGE_KWE": 0x1000,
            "_PAGE_UWE": 0x2000,
        },
    ),
)
