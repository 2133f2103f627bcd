"""What PA-RISC does with entries: it protects by access rights and has a dirty bit whose absence traps.

The low-level code is arch/parisc/kernel/entry.S: dtlb_miss_*, itlb_miss_* (update_accessed) and dbit_trap_* (update_dirty)
test only the present bit, record the access and load the TLB (make_insert_tlb, make_insert_tlb_11). Access rights, the
dirty bit D and the reference-trap bit T: PA-RISC 2.0 Architecture, chapter 3, Access Control (the table of access rights);
entry.S says how the bits of an entry become access rights. A violation of the rights goes to do_page_fault():
arch/parisc/kernel/traps.c handle_interruption().
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checker.logic import both
from models.hardware import Constants, Machine, NamedBit
from models.pte import Hardware


def _describe(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    read, write, execute, gateway, trap = (
        constants[f"_PAGE_{name}"] for name in "READ WRITE EXEC GATEWAY REFTRAP".split()
    )
    page = constants["_PAGE_PRESENT"] | constants["_PAGE_USER"]
    accessed, dirty = constants["_PAGE_ACCESSED"], constants["_PAGE_DIRTY"]

    def storable(entry: Any) -> Any:
        return (entry & (page | write | gateway | trap)) == (page | write)

    recorded = accessed | dirty
    hardware = Hardware(
        readable=lambda entry: (entry & (page | read | gateway | trap)) == (page | read),
        silent=lambda entry: both(storable(entry), (entry & recorded) == recorded),
        recording=lambda entry: (entry & 0) != 0,
        records=lambda entry: entry,
        handler=storable,
        handled=lambda entry: entry | recorded,
        executable=lambda entry: both((entry & (page | read)) == (page | read), (entry & (execute | gateway)) != 0),
        handler_locks=True,
        loaded=lambda entry: entry | accessed,
        source="arch/parisc/kernel/entry.S dtlb_miss_*, dbit_trap_*, make_insert_tlb; PA-RISC 2.0 Architecture, "
        "chapter 3, Access Control",
        serves_writable=True,
        young_gates=False,
        notes=(
            "a store that the access rights forbid is taken to raise that trap and not the one of a missing dirty bit",
            "the kernel itself can read a user page without the read bit",
            "the handlers take the lock of the page tables of the process on a machine with several CPUs",
        ),
    )
    return {"pte": hardware}


_BITS = (
    NamedBit("_PAGE_PRESENT", "P", "the page is there"),
    NamedBit("_PAGE_USER", "U", "users may access it"),
    NamedBit("_PAGE_READ", "R", "readable"),
    NamedBit("_PAGE_WRITE", "W", "writable, for software and the TLB"),
    NamedBit("_PAGE_EXEC", "X", "executable"),
    NamedBit("_PAGE_GATEWAY", "G", "a gateway page: no reads and writes"),
    NamedBit("_PAGE_REFTRAP", "T", "every reference traps"),
    NamedBit("_PAGE_DIRTY", "D", "was written; a store without it traps"),
    NamedBit("_PAGE_NO_CACHE", "N", "not cached"),
    NamedBit("_PAGE_ACCESSED", "A", "was accessed; exclusive, in a swap entry (6.12)"),
    NamedBit("_PAGE_SPECIAL", "S", "no struct page"),
)
_FIXED = {
    "_PAGE_READ": 0x1,
    "_PAGE_WRITE": 0x2,
    "_PAGE_EXEC": 0x4,
    "_PAGE_GATEWAY": 0x8,
    "_PAGE_DMB": 0x10,
    "_PAGE_DIRTY": 0x20,
    "_PAGE_REFTRAP": 0x40,
}
"""What make_insert_tlb moves into the TLB's protection word in one piece."""

MACHINES = (
    Machine("parisc", (*_BITS, NamedBit("_PAGE_DMB", "B", "stores break")), _describe, fixed=_FIXED),
    Machine("parisc64", (*_BITS, NamedBit("_PAGE_HUGE", "H", "a huge page of hugetlbfs")), _describe, fixed=_FIXED),
)
