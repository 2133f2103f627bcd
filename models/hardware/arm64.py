"""What arm64 does with entries: a walk in hardware, with or without an access flag and a dirty state of its own.

Arm Architecture Reference Manual for A-profile (DDI 0487), the AArch64 Virtual Memory System Architecture: translation
table descriptor formats (valid bit, and the bit that tells a page from a block); memory access control (AP[2:1],
execute-never bits); hardware updates to the translation tables (access flag with TCR_EL1.HA, dirty state with
TCR_EL1.HD and the DBM bit of a descriptor).

HA is set where the CPU has it by arch/arm64/mm/proc.S, __cpu_setup; HD by arch/arm64/kernel/cpufeature.c,
cpu_enable_hw_dbm(). Every fault of a user access goes to handle_mm_fault(): arch/arm64/mm/fault.c, the table fault_info
and do_page_fault(). What is written into a page table is the entry itself: arch/arm64/include/asm/pgtable.h,
__set_pte() or set_pte().
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from checker.logic import either
from models.hardware import Constants, Machine, NamedBit
from models.pte import Hardware

_SOURCE = (
    "Arm ARM (DDI 0487), VMSAv8-64: descriptor formats, memory access control, hardware updates to the translation "
    "tables; arch/arm64/mm/fault.c fault_info, do_page_fault()"
)
_NOTES = (
    "permission indirection (FEAT_S1PIE) and permission overlays (FEAT_S1POE) are taken as absent; memory tags and branch "
    "targets stop accesses for reasons of their own, which are not described",
)
_CONTIGUOUS = (
    "where the contiguous bit is set the CPU may record an access in another entry of the same block; ptep_get() of "
    "Linux 6.9 and newer gathers what the entries of a block hold; here every entry is recorded itself",
)


def _never(entry: Any) -> Any:
    return (entry & 0) != 0


def _is(mask: int, value: int) -> Callable[[Any], Any]:
    return lambda entry: (entry & mask) == value


def _walked(kind: int, constants: Constants, features: frozenset[str]) -> Hardware:
    """Entries whose type field holds ``kind``: a page, or a block above the last level."""
    user, read_only, accessed, managed, no_exec = (
        constants[f"PTE_{name}"] for name in "USER RDONLY AF DBM UXN".split()
    )
    types = constants["PTE_TYPE_MASK"]
    sets_accessed, sets_dirty = bool(features), "dbm" in features
    # without an access flag of its own the CPU refuses every access through an entry that lacks it
    needed = 0 if sets_accessed else accessed
    old = _is(types | user | read_only | accessed, kind | user)
    clean = _is(types | user | read_only | managed, kind | user | read_only | managed)
    return Hardware(
        readable=_is(types | user | needed, kind | user | needed),
        silent=_is(types | user | read_only | accessed, kind | user | accessed),
        recording=(lambda entry: either(old(entry), clean(entry))) if sets_dirty else old if sets_accessed else _never,
        records=lambda entry: (entry | accessed) & ~read_only,
        handler=_never,
        handled=lambda entry: entry,
        executable=_is(types | no_exec | needed, kind | needed),
        loaded=(lambda entry: entry | accessed) if sets_accessed else (lambda entry: entry),
        source=_SOURCE,
        serves_writable=sets_dirty,
        young_gates=not sets_accessed,
        notes=_NOTES + (_CONTIGUOUS if sets_accessed else ()),
    )


def _describe(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    return {
        "pte": _walked(constants["PTE_TYPE_PAGE"], constants, features),
        "pmd": _walked(constants["PMD_TYPE_SECT"], constants, features),
    }


_BITS = (
    NamedBit("PTE_VALID", "V", "valid for the CPU"),
    NamedBit("PTE_TABLE_BIT", "T", "a page; huge entries lack it"),
    NamedBit("PTE_USER", "U", "user access (AP[1])"),
    NamedBit("PTE_RDONLY", "R", "no stores yet (AP[2])"),
    NamedBit("PTE_AF", "A", "was accessed"),
    NamedBit("PTE_NG", "G", "not global; without the valid bit, present for software (6.12)"),
    NamedBit("PTE_GP", "g", "guarded against branches"),
    NamedBit("PTE_WRITE", "W", "software allows writing; the CPU may clear R (DBM)"),
    NamedBit("PTE_CONT", "C", "one of a contiguous block"),
    NamedBit("PTE_PXN", "p", "the kernel cannot execute it"),
    NamedBit("PTE_UXN", "X", "users cannot execute it"),
    NamedBit("PTE_DIRTY", "D", "was written, as software knows it"),
    NamedBit("PTE_SPECIAL", "S", "no struct page"),
    NamedBit("PTE_DEVMAP", "d", "device memory with a struct page"),
    NamedBit("PTE_PROT_NONE", "N", "PTE: PROT_NONE (6.1)"),
    NamedBit("PMD_PRESENT_INVALID", "I", "huge: present for software only (6.1)"),
    NamedBit("PTE_UFFD_WP", "u", "write-protected by userfaultfd (6.12)"),
    NamedBit("PTE_SWP_EXCLUSIVE", "E", "exclusive, in a swap entry"),
    NamedBit("PTE_SWP_UFFD_WP", "w", "write-protected by userfaultfd, in a swap entry (6.12)"),
)

MACHINES = (
    Machine(
        "arm64",
        _BITS,
        _describe,
        fixed={
            "PTE_TYPE_MASK": 3,
            "PTE_TYPE_PAGE": 3,
            "PMD_TYPE_SECT": 1,
            "PTE_VALID": 1,
            "PTE_USER": 1 << 6,
            "PTE_RDONLY": 1 << 7,
            "PTE_AF": 1 << 10,
            "PTE_NG": 1 << 11,
            "PTE_DBM": 1 << 51,
            "PTE_CONT": 1 << 52,
            "PTE_PXN": 1 << 53,
            "PTE_UXN": 1 << 54,
        },
    ),
)
