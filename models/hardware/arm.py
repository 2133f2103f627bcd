"""What ARMv7 does with entries: it walks the tables and protects, and records nothing.

ARM Architecture Reference Manual, ARMv7-A and ARMv7-R edition (DDI 0406C), B3.5 Short-descriptor translation table
format, B3.6 Long-descriptor translation table format, B3.7 Memory access control.

Two levels: the kernel's entry is never read by the CPU. arch/arm/mm/proc-v7-2level.S, cpu_v7_set_pte_ext, writes a second
one 2048 bytes behind it with every change: a small page where the kernel's entry is valid, young and not PROT_NONE,
otherwise zero; open to users (AP[1]) with the user bit; read-only (AP[2]) unless it is dirty and not read-only.

LPAE: arch/arm/mm/proc-v7-3level.S, cpu_v7_set_pte_ext, changes the entry on its way into the table: PROT_NONE loses the
valid bit, and AP[2] follows from dirty and read-only. arch/arm/include/asm/pgtable-3level.h, set_pmd_at(), does the same
for huge pages. What is described here is an entry as it is handed to them.

Every fault of a user access goes to handle_mm_fault(): arch/arm/mm/fault.c, do_page_fault(), do_translation_fault(), by
way of the tables of arch/arm/mm/fsr-2level.c and fsr-3level.c.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from models.hardware import Constants, Machine, NamedBit
from models.pte import Hardware


def _never(entry: Any) -> Any:
    return (entry & 0) != 0


def _same(entry: Any) -> Any:
    return entry


def _is(mask: int, value: int) -> Callable[[Any], Any]:
    return lambda entry: (entry & mask) == value


def _protected(needed: int, never: int, store: tuple[int, int], no_exec: int, source: str, *notes: str) -> Hardware:
    """Entries that users can read with all bits of ``needed`` and none of ``never``.

    Args:
        needed: bits that must be set.
        never: bits that must be clear.
        store: the bit that a store needs as well, and the one that it does not stand.
        no_exec: the bit that a fetch does not stand.
        source: where this is written.
        notes: for reports.
    """
    dirty, read_only = store
    mask = needed | never
    return Hardware(
        readable=_is(mask, needed),
        silent=_is(mask | dirty | read_only, needed | dirty),
        recording=_never,
        records=_same,
        handler=_never,
        handled=_same,
        executable=_is(mask | no_exec, needed),
        source=source,
        serves_writable=False,
        young_gates=True,
        notes=notes,
    )


def _two_levels(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    valid, young, user, dirty, read_only, no_exec, none = (
        constants[f"L_PTE_{name}"] for name in "VALID YOUNG USER DIRTY RDONLY XN NONE".split()
    )
    source = (
        "arch/arm/mm/proc-v7-2level.S cpu_v7_set_pte_ext; ARM ARM (DDI 0406C), B3.5 Short-descriptor translation table "
        "format, B3.7 Memory access control"
    )
    notes = "cores before ARMv7 have other set_pte_ext routines, which are not described"
    return {"pte": _protected(valid | young | user, none, (dirty, read_only), no_exec, source, notes)}


def _long_descriptors(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    user, young, dirty, read_only, no_exec, none = (
        constants[f"L_PTE_{name}"] for name in "USER YOUNG DIRTY RDONLY XN NONE".split()
    )
    huge_dirty, huge_read_only, huge_none = (constants[f"L_PMD_SECT_{name}"] for name in "DIRTY RDONLY NONE".split())
    huge_user, huge_young, huge_no_exec = (constants[f"PMD_SECT_{name}"] for name in "USER AF XN".split())
    manual = "ARM ARM (DDI 0406C), B3.6 Long-descriptor translation table format, B3.7 Memory access control"
    small = _protected(
        constants["PTE_TYPE_PAGE"] | user | young,
        none,
        (dirty, read_only),
        no_exec,
        f"arch/arm/mm/proc-v7-3level.S cpu_v7_set_pte_ext; {manual}",
    )
    huge = _protected(
        constants["PMD_TYPE_SECT"] | huge_user | huge_young,
        constants["PMD_TABLE_BIT"] | huge_none,
        (huge_dirty, huge_read_only),
        huge_no_exec,
        f"arch/arm/include/asm/pgtable-3level.h set_pmd_at(); {manual}",
        "set_pmd_at() takes the valid bit out of a PROT_NONE entry, and pmd_present() of what it leaves is false; here a "
        "huge PROT_NONE entry is as pmd_modify() made it",
    )
    return {"pte": small, "pmd": huge}


_CLASSIC_BITS = (
    NamedBit("L_PTE_VALID", "V", "the page is there"),
    NamedBit("L_PTE_YOUNG", "Y", "was accessed"),
    NamedBit("L_PTE_DIRTY", "D", "was written"),
    NamedBit("L_PTE_RDONLY", "R", "read-only; exclusive, in a swap entry (6.12)"),
    NamedBit("L_PTE_USER", "U", "user access"),
    NamedBit("L_PTE_XN", "X", "cannot be executed"),
    NamedBit("L_PTE_SHARED", "S", "shared between CPUs"),
    NamedBit("L_PTE_NONE", "N", "PROT_NONE"),
)
_LONG_BITS = (
    NamedBit("L_PTE_VALID", "V", "valid for the CPU"),
    NamedBit("PTE_TABLE_BIT", "T", "a page; huge entries lack it"),
    NamedBit("L_PTE_USER", "U", "user access (AP[1])"),
    NamedBit("PTE_AP2", "r", "read-only for the CPU, renewed with every store; exclusive, in a swap entry (6.12)"),
    NamedBit("L_PTE_YOUNG", "Y", "was accessed (access flag)"),
    NamedBit("PTE_EXT_NG", "G", "not global"),
    NamedBit("PTE_EXT_PXN", "p", "the kernel cannot execute it"),
    NamedBit("L_PTE_XN", "X", "cannot be executed"),
    NamedBit("L_PTE_DIRTY", "D", "was written"),
    NamedBit("L_PTE_SPECIAL", "S", "no struct page"),
    NamedBit("L_PTE_NONE", "N", "PROT_NONE"),
    NamedBit("L_PTE_RDONLY", "R", "read-only for software"),
)

MACHINES = (
    Machine("arm", _CLASSIC_BITS, _two_levels),
    Machine(
        "arm-lpae",
        _LONG_BITS,
        _long_descriptors,
        fixed={
            "L_PTE_VALID": 1,
            "PTE_TYPE_PAGE": 3,
            "PMD_TYPE_SECT": 1,
            "PMD_TABLE_BIT": 2,
            "L_PTE_USER": 1 << 6,
            "PMD_SECT_USER": 1 << 6,
            "L_PTE_YOUNG": 1 << 10,
            "PMD_SECT_AF": 1 << 10,
            "L_PTE_XN": 1 << 54,
            "PMD_SECT_XN": 1 << 54,
            # not of the CPU: cpu_v7_set_pte_ext has these three as numbers
            "L_PTE_DIRTY": 1 << 55,
            "L_PTE_NONE": 1 << 57,
            "L_PTE_RDONLY": 1 << 58,
        },
    ),
)
