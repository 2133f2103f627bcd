"""What a host does with a process of user-mode Linux: it maps pages with the rights that the kernel asks for.

arch/um/kernel/tlb.c, update_pte_range(), in 6.1 also flush_tlb_page(): an entry that pte_present() calls present is mapped
with the rights of pte_read(), pte_write() and pte_exec(); not young takes reading and writing away, not dirty takes
writing away. Every fault goes to handle_mm_fault(): arch/um/kernel/trap.c, handle_page_fault(). What the host has mapped
is to the entry what a TLB is elsewhere: it is brought up to date when the kernel flushes or returns to the process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checker.logic import either
from models.hardware import Constants, Machine, NamedBit
from models.pte import Hardware


def _never(entry: Any) -> Any:
    return (entry & 0) != 0


def _same(entry: Any) -> Any:
    return entry


def _describe(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    present, none, user, write, young, dirty = (
        constants[f"_PAGE_{name}"] for name in ("PRESENT", "PROTNONE", "USER", "RW", "ACCESSED", "DIRTY")
    )
    stored = present | write | young | dirty

    def storable(entry: Any) -> Any:
        return (entry & (stored | none)) == stored

    def executable(entry: Any) -> Any:
        return (entry & (present | user | none)) == (present | user)

    def readable(entry: Any) -> Any:
        """An x86 host without protection keys lets a process read what it may execute or write."""
        return either(executable(entry), storable(entry))

    hardware = Hardware(
        readable=readable,
        silent=storable,
        recording=_never,
        records=_same,
        handler=_never,
        handled=_same,
        executable=executable,
        source="arch/um/kernel/tlb.c update_pte_range(); mmap(2) and mprotect(2) of an x86 host",
        serves_writable=False,
        young_gates=True,
        exceptions={
            "exec-only-when-allowed": "entries have no execute bit of their own: every user page is mapped executable"
        },
        notes=(
            "an entry that is not young is mapped with the right to execute alone, which on an x86 host without protection "
            "keys is the right to read as well, so that the access is not recorded",
        ),
    )
    return {"pte": hardware}


_BITS = (
    NamedBit("_PAGE_PRESENT", "P", "the page is there"),
    NamedBit("_PAGE_NEWPAGE", "n", "the host's mapping must be made anew"),
    NamedBit("_PAGE_NEWPROT", "p", "the rights of the host's mapping must be set anew"),
    NamedBit("_PAGE_PROTNONE", "N", "PROT_NONE"),
    NamedBit("_PAGE_RW", "W", "software allows writing"),
    NamedBit("_PAGE_USER", "U", "user accessible"),
    NamedBit("_PAGE_ACCESSED", "A", "was accessed"),
    NamedBit("_PAGE_DIRTY", "D", "was written"),
    NamedBit("_PAGE_SWP_EXCLUSIVE", "E", "exclusive, in a swap entry (6.12)"),
)

MACHINES = (Machine("um", _BITS, _describe), Machine("um32", _BITS, _describe))
