"""What x86 CPUs do with entries: they walk the tables, check the rights and set accessed and dirty themselves.

Intel 64 and IA-32 Architectures Software Developer's Manual, vol. 3A, chapter Paging: 32-Bit Paging, PAE Paging,
4-Level Paging (formats of entries; bit 7 of an entry above the last level makes it map a page), Determination of Access
Rights (with the rules for shadow stacks), Accessed and Dirty Flags. Every fault that is left goes to
handle_mm_fault(): arch/x86/mm/fault.c, do_user_addr_fault().
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checker.logic import both, either, ite
from checker.records import replace
from models.hardware import Constants, Machine, NamedBit
from models.pte import Hardware


def _never(entry: Any) -> Any:
    return (entry & 0) != 0


def _same(entry: Any) -> Any:
    return entry


def _walked(constants: Constants, page: int, shadow_stacks: bool) -> Hardware:
    """Entries that map a page where they are present and have all bits of ``page``."""
    accessed, dirty, write, no_exec = (constants[f"_PAGE_{name}"] for name in ("ACCESSED", "DIRTY", "RW", "NX"))
    user = constants["_PAGE_PRESENT"] | constants["_PAGE_USER"] | page

    def readable(entry: Any) -> Any:
        return (entry & user) == user

    def storable(entry: Any) -> Any:
        return (entry & (user | write)) == (user | write)

    def silent(entry: Any) -> Any:
        ordinary = both(storable(entry), (entry & dirty) != 0)
        shadow_stack = (entry & (user | write | dirty)) == (user | dirty)
        return either(ordinary, shadow_stack) if shadow_stacks else ordinary

    return Hardware(
        readable=readable,
        silent=silent,
        recording=storable,
        records=lambda entry: entry | (accessed | dirty),
        handler=_never,
        handled=_same,
        executable=(lambda entry: (entry & (user | no_exec)) == user) if no_exec else None,
        loaded=lambda entry: ite(readable(entry), entry | accessed, entry),
        source="Intel SDM vol. 3A, Paging: Access Rights, Accessed and Dirty Flags; shadow-stack stores too with +shstk",
        serves_writable=True,
        young_gates=False,
    )


def describe(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    """The behaviour at each level; ``shstk`` is a CPU with shadow stacks, ``_PAGE_NX`` 0 one without that bit."""
    shadow_stacks = "shstk" in features
    huge = _walked(constants, constants["_PAGE_PSE"], shadow_stacks)
    return {"pte": _walked(constants, 0, shadow_stacks), "pmd": huge, "pud": huge}


_BITS = (
    NamedBit("_PAGE_PRESENT", "P", "valid for the CPU"),
    NamedBit("_PAGE_RW", "W", "the CPU and software allow writing; soft-dirty, in a swap entry"),
    NamedBit("_PAGE_USER", "U", "user accessible"),
    NamedBit("_PAGE_ACCESSED", "A", "was accessed; set by the CPU"),
    NamedBit("_PAGE_DIRTY", "D", "was written; set by the CPU"),
    NamedBit("_PAGE_PSE", "H", "huge page (PMD and PUD)"),
    NamedBit("_PAGE_PROTNONE", "N", "PROT_NONE, if not present"),
    NamedBit("_PAGE_SPECIAL", "S", "no struct page"),
    NamedBit("_PAGE_UFFD_WP", "u", "userfaultfd write-protected"),
    NamedBit("_PAGE_SOFT_DIRTY", "s", "written since soft-dirty was cleared"),
    NamedBit("_PAGE_SAVED_DIRTY", "d", "dirty, kept here while not writable (6.12)"),
    NamedBit("_PAGE_DEVMAP", "M", "device mapping"),
    NamedBit("_PAGE_NX", "X", "no instructions can be fetched"),
)
_FIXED = {
    "_PAGE_PRESENT": 0x1,
    "_PAGE_RW": 0x2,
    "_PAGE_USER": 0x4,
    "_PAGE_ACCESSED": 0x20,
    "_PAGE_DIRTY": 0x40,
    "_PAGE_PSE": 0x80,
}

_HALF_BY_HALF = dict.fromkeys(
    ("invalidate-is-one-step", "get-and-clear-is-one-step"),
    "the low word of the entry, in which the CPU records, is exchanged in one step, and then the high word",
)


def _describe_pae(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    found = describe(constants, features)
    return {**found, "pmd": replace(found["pmd"], exceptions=_HALF_BY_HALF)}


MACHINES = (
    Machine("x86-64", _BITS, describe, fixed={**_FIXED, "_PAGE_NX": 1 << 63}),
    Machine("x86-32", _BITS, describe, fixed={**_FIXED, "_PAGE_NX": 0}),
    Machine("x86-pae", _BITS, _describe_pae, fixed={**_FIXED, "_PAGE_NX": 1 << 63}),
)
