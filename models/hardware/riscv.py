"""What RISC-V does with entries.

The RISC-V Instruction Set Manual, volume II, Privileged Architecture, chapter Supervisor-Level ISA: Sv32, Addressing and
Memory Protection (the bits, and the two ways to manage A and D) and Virtual Address Translation Process (which entries
raise a page fault); chapters Svade and Svadu. A huge page's entry has the same bits.

No kernel code runs between a page fault and handle_mm_fault(): arch/riscv/mm/fault.c, handle_page_fault() (6.12) and
do_page_fault() (6.1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from checker.records import replace
from models.hardware import Constants, Machine, NamedBit
from models.pte import Hardware

_MANUAL = "RISC-V Privileged Architecture, Virtual Address Translation Process"


def _never(entry: Any) -> Any:
    return (entry & 0) != 0


def _same(entry: Any) -> Any:
    return entry


def _all_of(mask: int) -> Callable[[Any], Any]:
    return lambda entry: (entry & mask) == mask


def _trapping(load: int, store: int, fetch: int, accessed: int, dirty: int) -> Hardware:
    """Svade: a bit that would have to be set raises a page fault."""
    return Hardware(
        readable=_all_of(load | accessed),
        silent=_all_of(store | accessed | dirty),
        recording=_never,
        records=_same,
        handler=_never,
        handled=_same,
        executable=_all_of(fetch | accessed),
        source=f"{_MANUAL}, and chapter Svade; arch/riscv/mm/fault.c",
        serves_writable=False,
        young_gates=True,
        notes=(
            "a CPU without Svade may set the accessed and dirty bits itself even if it has no Svadu: +svadu describes it",
            _RESERVED,
        ),
    )


def _updating(load: int, store: int, fetch: int, accessed: int, dirty: int) -> Hardware:
    """Svadu: the CPU sets the bits, atomically with its checks."""
    return Hardware(
        readable=_all_of(load),
        silent=_all_of(store | accessed | dirty),
        recording=_all_of(store),
        records=lambda entry: entry | (accessed | dirty),
        handler=_never,
        handled=_same,
        executable=_all_of(fetch),
        loaded=lambda entry: entry | accessed,
        source=f"{_MANUAL}, and chapter Svadu",
        serves_writable=True,
        young_gates=False,
        notes=(
            "neither Linux 6.1 nor 6.12 asks for Svadu: the firmware has turned it on",
            "the CPU may set the accessed bit without an access, by speculation; never the dirty bit",
            _RESERVED,
        ),
    )


_RESERVED = (
    "bits 54 to 63 of a 64-bit entry are not looked at: where the CPU reserves one it may refuse every access, and no "
    "helper sets one"
)


def _describe(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    present, read, write, execute, user, accessed, dirty = (
        constants[f"_PAGE_{name}"] for name in "PRESENT READ WRITE EXEC USER ACCESSED DIRTY".split()
    )
    mapped = present | user
    # writable without readable is reserved and raises a page fault
    kinds = (mapped | read, mapped | read | write, mapped | execute)
    hardware = (_updating if "svadu" in features else _trapping)(*kinds, accessed, dirty)
    if "svrsw60t59b" in features:
        hardware = replace(hardware, notes=(*hardware.notes, "Svrsw60t59b leaves bits 59 and 60 to software"))
    return dict.fromkeys(("pte", "pmd", "pud"), hardware)


_BITS = (
    NamedBit("_PAGE_PRESENT", "V", "valid for the CPU"),
    NamedBit("_PAGE_READ", "R", "readable"),
    NamedBit("_PAGE_WRITE", "W", "writable"),
    NamedBit("_PAGE_EXEC", "X", "executable"),
    NamedBit("_PAGE_USER", "U", "for user mode"),
    NamedBit("_PAGE_GLOBAL", "G", "global; without the valid bit, PROT_NONE"),
    NamedBit("_PAGE_ACCESSED", "A", "was accessed; exclusive, in a swap entry (6.12)"),
    NamedBit("_PAGE_DIRTY", "D", "was written"),
    NamedBit("_PAGE_SPECIAL", "S", "no struct page"),
    NamedBit("_PAGE_DEVMAP", "M", "device memory with a struct page (6.12)"),
    NamedBit("_PAGE_NAPOT", "N", "one of several entries for one naturally aligned page (6.12)"),
)
_FIXED = {
    "_PAGE_PRESENT": 0x1,
    "_PAGE_READ": 0x2,
    "_PAGE_WRITE": 0x4,
    "_PAGE_EXEC": 0x8,
    "_PAGE_USER": 0x10,
    "_PAGE_GLOBAL": 0x20,
    "_PAGE_ACCESSED": 0x40,
    "_PAGE_DIRTY": 0x80,
}

MACHINES = (
    Machine("riscv64", _BITS, _describe, fixed=_FIXED),
    Machine("riscv32", _BITS, _describe, fixed=_FIXED),
)
