"""What OpenRISC does with entries: miss handlers copy them into two TLBs, and nothing comes back.

arch/openrisc/kernel/head.S: dtlb_miss_handler loads every entry with the present bit and keeps its user and supervisor
enables; itlb_miss_handler makes an entry executable for all if it has any of _PAGE_EXEC and the four enables.
OpenRISC 1000 Architecture Manual, chapter Memory Management: the enables, and Page History Recording: the CPU sets
accessed and dirty in the TLB's copy, and software that reloads the TLB must write them back, which the kernel does not.

Other faults go to handle_mm_fault(): arch/openrisc/kernel/entry.S _data_page_fault_handler and _insn_page_fault_handler,
arch/openrisc/mm/fault.c do_page_fault().
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checker.logic import both
from models.hardware import Constants, Machine, NamedBit
from models.pte import Hardware


def _never(entry: Any) -> Any:
    return (entry & 0) != 0


def _same(entry: Any) -> Any:
    return entry


def _describe(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    present, read, write, kernel_read, kernel_write, execute = (
        constants[f"_PAGE_{name}"] for name in "PRESENT URE UWE SRE SWE EXEC".split()
    )
    any_use = execute | read | write | kernel_read | kernel_write
    hardware = Hardware(
        readable=lambda entry: (entry & (present | read)) == (present | read),
        silent=lambda entry: (entry & (present | write)) == (present | write),
        recording=_never,
        records=_same,
        handler=_never,
        handled=_same,
        executable=lambda entry: both((entry & present) != 0, (entry & any_use) != 0),
        source="arch/openrisc/kernel/head.S dtlb_miss_handler, itlb_miss_handler; OpenRISC 1000 Architecture Manual, "
        "Page History Recording",
        serves_writable=True,
        young_gates=False,
        exceptions={
            "exec-only-when-allowed": "itlb_miss_handler gives every mapped page the execute enables, a workaround by its own "
            "comment; no helper can prevent it"
        },
        notes=(
            "the CPU's accessed and dirty bits stay in the TLB: only generic mm sets those of the entry",
            "no helper makes an entry that the kernel may write to and the user may not",
        ),
    )
    return {"pte": hardware}


_BITS = (
    NamedBit("_PAGE_PRESENT", "P", "the page is there; for the TLB, cache coherent"),
    NamedBit("_PAGE_CI", "N", "not cached"),
    NamedBit("_PAGE_WBC", "B", "cached write-back"),
    NamedBit("_PAGE_WOM", "O", "weakly ordered"),
    NamedBit("_PAGE_A", "A", "was accessed, for software"),
    NamedBit("_PAGE_D", "D", "was written, for software"),
    NamedBit("_PAGE_URE", "R", "users can read"),
    NamedBit("_PAGE_UWE", "W", "users can write"),
    NamedBit("_PAGE_SRE", "r", "the kernel can read"),
    NamedBit("_PAGE_SWE", "w", "the kernel can write"),
    NamedBit("_PAGE_EXEC", "X", "executable, as software wants it"),
    NamedBit("_PAGE_U_SHARED", "S", "in a shared mapping; exclusive, in a swap entry (6.12)"),
)

MACHINES = (
    Machine(
        "openrisc",
        _BITS,
        _describe,
        fixed={
            "_PAGE_PRESENT": 0x1,
            "_PAGE_URE": 0x40,
            "_PAGE_UWE": 0x80,
            "_PAGE_SRE": 0x100,
            "_PAGE_SWE": 0x200,
            "_PAGE_EXEC": 0x400,
        },
    ),
)
