"""What the Nios II MMU does with entries: check three permission bits, and nothing else.

Nios II Processor Reference Handbook, chapter Programming Model, Memory Management Unit: control register tlbacc (C, R,
W, X, G, PFN; bits 31 to 25 are ignored), TLB permission violation exceptions. User mode is kept out of the kernel by the
address, not by the entry.

Fast TLB misses: arch/nios2/kernel/head.S, fast_handler, which writes the word from the page table to tlbacc as it is,
present or not. Permission violations: arch/nios2/kernel/entry.S, protection_exception_pte, straight to do_page_fault().
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.hardware import Constants, Machine, NamedBit
from models.pte import Hardware


def _never(entry: Any) -> Any:
    return (entry & 0) != 0


def _same(entry: Any) -> Any:
    return entry


def _describe(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    read, write, execute = (constants[f"_PAGE_{name}"] for name in ("READ", "WRITE", "EXEC"))
    hardware = Hardware(
        readable=lambda entry: (entry & read) != 0,
        silent=lambda entry: (entry & write) != 0,
        recording=_never,
        records=_same,
        handler=_never,
        handled=_same,
        executable=lambda entry: (entry & execute) != 0,
        source="arch/nios2/kernel/head.S fast_handler; Nios II Processor Reference Handbook, register tlbacc",
        serves_writable=True,
        young_gates=False,
        notes=(
            "neither the MMU nor the miss handler looks at _PAGE_PRESENT: permission bits alone decide",
            "nothing records a store through a writable entry, and nothing records an access",
        ),
    )
    return {"pte": hardware}


_BITS = (
    NamedBit("_PAGE_GLOBAL", "G", "for every address space"),
    NamedBit("_PAGE_EXEC", "X", "the MMU allows fetches"),
    NamedBit("_PAGE_WRITE", "W", "writable, for software and the MMU"),
    NamedBit("_PAGE_READ", "R", "the MMU allows loads"),
    NamedBit("_PAGE_CACHED", "C", "data is cached"),
    NamedBit("_PAGE_PRESENT", "P", "the page is there, for software only"),
    NamedBit("_PAGE_ACCESSED", "A", "was accessed, as page faults note it"),
    NamedBit("_PAGE_DIRTY", "D", "was written, as page faults note it"),
    NamedBit("_PAGE_SWP_EXCLUSIVE", "E", "exclusive, in a swap entry (6.12)"),
)

MACHINES = (
    Machine(
        "nios2",
        _BITS,
        _describe,
        fixed={
            "_PAGE_GLOBAL": 1 << 20,
            "_PAGE_EXEC": 1 << 21,
            "_PAGE_WRITE": 1 << 22,
            "_PAGE_READ": 1 << 23,
            "_PAGE_CACHED": 1 << 24,
        },
    ),
)
