"""What the MicroBlaze MMU does with entries, and its two handlers.

The TLB: MicroBlaze Processor Reference Guide (UG984), chapter MicroBlaze Architecture, Virtual-Memory Management: TLBLO
(EX, WR, ZSEL), zone protection register. arch/microblaze/mm/init.c mmu_init_hw() lets user mode into zone 1 only, as EX
and WR say.

arch/microblaze/kernel/hw_exception_handler.S: handle_data_tlb_miss_exception and handle_instruction_tlb_miss_exception
set _PAGE_ACCESSED in a present entry and load it, always executable; handle_data_storage_exception, for a store through
a TLB entry without WR, tests _PAGE_RW and sets dirty, accessed and _PAGE_HWWRITE. Whatever violates a zone goes to
do_page_fault(). There is one CPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checker.logic import both, ite
from models.hardware import Constants, Machine, NamedBit
from models.pte import Hardware


def _never(entry: Any) -> Any:
    return (entry & 0) != 0


def _describe(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    present, user, write, hardware_write, dirty, accessed = (
        constants[f"_PAGE_{name}"] for name in ("PRESENT", "USER", "RW", "HWWRITE", "DIRTY", "ACCESSED")
    )
    page = present | user

    def readable(entry: Any) -> Any:
        return (entry & page) == page

    def stopped(entry: Any) -> Any:
        """The TLB entry has no WR, so that the store comes to the second handler."""
        return (entry & hardware_write) == 0

    hardware = Hardware(
        readable=readable,
        silent=lambda entry: (entry & (page | hardware_write)) == (page | hardware_write),
        recording=_never,
        records=lambda entry: entry,
        handler=lambda entry: both(readable(entry), (entry & (write | hardware_write)) != 0),
        handled=lambda entry: ite(stopped(entry), entry | (dirty | accessed | hardware_write), entry | accessed),
        loaded=lambda entry: entry | accessed,
        source="arch/microblaze/kernel/hw_exception_handler.S handle_data_tlb_miss_exception, "
        "handle_data_storage_exception; MicroBlaze Processor Reference Guide, Virtual-Memory Management",
        serves_writable=True,
        young_gates=False,
        notes=(
            "the miss handler loads every present entry as executable, whatever _PAGE_HWEXEC says",
            "an access that hits in the TLB leaves an entry that was made old as it is; one that misses marks it accessed",
            "the miss handler marks an entry without _PAGE_USER accessed, too, before the zone stops the access",
        ),
    )
    return {"pte": hardware}


_BITS = (
    NamedBit("_PAGE_PRESENT", "P", "the page is there"),
    NamedBit("_PAGE_USER", "U", "zone 1: user mode is let in"),
    NamedBit("_PAGE_RW", "W", "software allows writing; what the handler asks for"),
    NamedBit("_PAGE_DIRTY", "D", "was written; exclusive, in a swap entry (6.12)"),
    NamedBit("_PAGE_HWWRITE", "H", "the TLB lets stores through"),
    NamedBit("_PAGE_HWEXEC", "X", "executable; the handlers set it in the TLB"),
    NamedBit("_PAGE_ACCESSED", "A", "was accessed; set by the handlers"),
    NamedBit("_PAGE_NO_CACHE", "N", "not cached"),
)

MACHINES = (
    Machine(
        "microblaze",
        _BITS,
        _describe,
        fixed={"_PAGE_USER": 0x10, "_PAGE_HWWRITE": 0x100, "_PAGE_HWEXEC": 0x200},
    ),
)
