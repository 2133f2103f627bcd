"""LoongArch: three bits that look alike, software TLB handlers, and every fix that was proposed for pte_mkdirty().

Bits: arch/loongarch/include/asm/pgtable-bits.h. Helpers: arch/loongarch/include/asm/pgtable.h, read in v6.0 (the
state before the fixes), 6.1.192 and 6.12.117. What the hardware does, with its walker (``ptw``) or without, is in
models/hardware/loongarch.py.
"""

from __future__ import annotations

from typing import Any

from checker.logic import both, ite
from models.hardware.loongarch import describe
from models.pte import Architecture, Bit, Helper, twins

BITS = (
    Bit("_PAGE_VALID", 0, "V", "valid for the TLB; doubles as accessed"),
    Bit("_PAGE_DIRTY", 1, "D", "the hardware may write"),
    Bit("_PAGE_HUGE", 6, "H", "huge page (PMD)"),
    Bit("_PAGE_PRESENT", 7, "P", "the page is there"),
    Bit("_PAGE_WRITE", 8, "W", "software allows writing"),
    Bit("_PAGE_MODIFIED", 9, "M", "data that must not be lost"),
    Bit("_PAGE_PROTNONE", 10, "N", "PROT_NONE"),
    Bit("_PAGE_SPECIAL", 11, "S", "no struct page"),
    Bit("_PAGE_DEVMAP", 59, "d", "device mapping (6.12)"),
    Bit("_PAGE_PRESENT_INVALID", 60, "I", "invalidated huge page that still counts as present"),
)
VALID, DIRTY, HUGE, PRESENT, WRITE, MODIFIED, PROTNONE, SPECIAL, DEVMAP, PRESENT_INVALID = (b.mask for b in BITS)
ACCESSED = VALID
PLV_USER = 3 << 2
GLOBAL = 1 << 6
CACHE_CC, CACHE_MASK = 1 << 4, 3 << 4
NO_READ, NO_EXEC = 1 << 61, 1 << 62
CONSTANTS = {
    **{bit.name: bit.mask for bit in BITS},
    "_PAGE_PLV": PLV_USER,
    "_PAGE_NO_READ": NO_READ,
    "_PAGE_NO_EXEC": NO_EXEC,
}
"""What the hardware's description asks for."""

PAGE_SHIFT = 14
"""16 KiB pages, the architecture's default configuration (arch/loongarch/Kconfig, PAGE_SIZE_16KB)."""
PFN_MASK = (1 << 48) - (1 << PAGE_SHIFT)
CHG_MASK_61 = MODIFIED | SPECIAL | PFN_MASK | CACHE_MASK | PLV_USER
CHG_MASK_612 = CHG_MASK_61 | DEVMAP

PROTECTIONS = {
    "NONE": CACHE_CC | PLV_USER | NO_EXEC | NO_READ | PROTNONE,
    "READONLY": CACHE_CC | VALID | PLV_USER | PRESENT | NO_EXEC,
    "PRIVATE": CACHE_CC | VALID | PLV_USER | PRESENT | NO_EXEC,
    "SHARED": CACHE_CC | VALID | PLV_USER | PRESENT | NO_EXEC | WRITE,
}
"""arch/loongarch/mm/cache.c, protection_map, the entries without VM_EXEC."""


def _protnone_or_present(entry: Any) -> Any:
    return (entry & (PRESENT | PROTNONE)) != 0


def _pmd_present(marks: int) -> Helper:
    """A huge entry is present by its marks; any other unless it is the empty table (invalid_pte_table, here 0)."""
    return lambda entry: ite((entry & HUGE) != 0, (entry & marks) != 0, entry != 0)


def _pmd_trans_huge(marks: int) -> Helper:
    """A huge entry that pmd_present() calls present."""
    return lambda entry: both((entry & HUGE) != 0, (entry & marks) != 0)


def _mkhuge(entry: Any) -> Any:
    return (entry & ~GLOBAL) | ((entry & GLOBAL) << 6) | HUGE


def _mkinvalid_original(entry: Any) -> Any:
    return entry & ~(PRESENT | VALID | DIRTY | PROTNONE)


def _mkinvalid(entry: Any) -> Any:
    return (entry | PRESENT_INVALID) & ~(PRESENT | VALID | DIRTY | PROTNONE)


def _modify_original(mask: int) -> Helper:
    return lambda entry, prot: (entry & mask) | (prot & ~mask)


def _modify_keeping_dirty(mask: int) -> Helper:
    """Folds the hardware's dirty bit into ``_PAGE_MODIFIED`` first."""
    return lambda entry, prot: (_fold_dirty(entry) & mask) | (prot & ~mask)


def _fold_dirty(entry: Any) -> Any:
    return ite((entry & DIRTY) != 0, entry | MODIFIED, entry)


def _mkdirty_if_writable(entry: Any) -> Any:
    """Hardware write permission only where software allows writing."""
    return ite((entry & WRITE) != 0, entry | (MODIFIED | DIRTY), entry | MODIFIED)


def _mkwrite_if_modified(entry: Any) -> Any:
    """Hardware write permission only where the page is known to be modified."""
    return ite((entry & MODIFIED) != 0, entry | (WRITE | DIRTY), entry | WRITE)


def _original(features: tuple[str, ...]) -> Architecture:
    helpers = {
        **twins(
            write=lambda entry: (entry & WRITE) != 0,
            dirty=lambda entry: (entry & MODIFIED) != 0,
            young=lambda entry: (entry & ACCESSED) != 0,
            mkold=lambda entry: entry & ~ACCESSED,
            mkyoung=lambda entry: entry | ACCESSED,
            mkclean=lambda entry: entry & ~(DIRTY | MODIFIED),
            mkdirty=lambda entry: entry | (DIRTY | MODIFIED),
            mkwrite=lambda entry: entry | (WRITE | DIRTY),
            wrprotect=lambda entry: entry & ~(WRITE | DIRTY),
            protnone=lambda entry: (entry & PROTNONE) != 0,
        ),
        "pte_present": _protnone_or_present,
        "pmd_present": _pmd_present(PRESENT | PROTNONE),
        "pmd_trans_huge": _pmd_trans_huge(PRESENT | PROTNONE),
        "pte_modify": _modify_original(CHG_MASK_61),
        "pmd_modify": _modify_original(CHG_MASK_61 | HUGE),
        "pte_mkspecial": lambda entry: entry | SPECIAL,
        "pmd_mkinvalid": _mkinvalid_original,
        "mk_pte": lambda prot: prot,
        "mk_huge_pmd": _mkhuge,
    }
    return Architecture(
        name="loongarch",
        features=features,
        variant="original",
        width=64,
        bits=BITS,
        helpers=helpers,
        protections=PROTECTIONS,
        frames={"pte": PFN_MASK, "pmd": PFN_MASK & ~((1 << 25) - 1)},
        hardware=describe(CONSTANTS, frozenset(features))["pte"],
        says="mkdirty sets the hardware-write bit on every entry, write-protected or not",
        source="arch/loongarch/include/asm/pgtable.h in v6.0; the lines the patch in the seed removes",
        fields={"_PAGE_PLV is user": (PLV_USER, PLV_USER)},
    )


def variants(features: tuple[str, ...]) -> tuple[Architecture, ...]:
    """Every built-in set of LoongArch helpers on a machine with these features (``ptw`` or none)."""
    original = _original(features)
    only_modified = twins(mkdirty=lambda entry: entry | MODIFIED)
    huacai = original.with_helpers(
        "huacai",
        "mkdirty sets the hardware-write bit only on a software-writable entry",
        "Huacai Chen, [PATCH 04/47] LoongArch: Set _PAGE_DIRTY only if _PAGE_WRITE is set in {pmd,pte}_mkdirty()",
        **twins(mkdirty=_mkdirty_if_writable),
    )
    peter = original.with_helpers(
        "peter",
        "mkdirty sets only _PAGE_MODIFIED, mkwrite alone gives the hardware write permission",
        "Peter Xu, 2022-11-21, reply to [PATCH 04/47]: why not set _DIRTY in pte_mkwrite() only",
        **only_modified,
    )
    hev = original.with_helpers(
        "hev",
        "mkwrite sets only _PAGE_WRITE, mkdirty only _PAGE_MODIFIED; the TLB handler does the rest",
        "Hev's list of what each helper needs, quoted in Peter Xu's reply of 2022-11-21",
        **only_modified,
        **twins(mkwrite=lambda entry: entry | WRITE),
    )
    hev_fast = original.with_helpers(
        "hev-fast",
        "as hev, and mkwrite sets _PAGE_DIRTY together with _PAGE_MODIFIED to save a trap",
        "Hev's second remark, quoted in Peter Xu's reply of 2022-11-21",
        **only_modified,
        **twins(mkwrite=lambda entry: entry | (WRITE | DIRTY | MODIFIED)),
    )
    return (original, huacai, peter, hev, hev_fast, *_released(huacai))


def _released(huacai: Architecture) -> tuple[Architecture, ...]:
    """What the released kernels made of it."""
    linux_61 = huacai.with_helpers(
        "linux-6.1",
        "mkdirty and mkwrite give the hardware write permission only together; wrprotect and modify keep dirty",
        "arch/loongarch/include/asm/pgtable.h in Linux 6.1.192",
        **twins(mkwrite=_mkwrite_if_modified, wrprotect=lambda entry: _fold_dirty(entry) & ~(WRITE | DIRTY)),
        pte_modify=_modify_keeping_dirty(CHG_MASK_61),
        pmd_modify=_modify_keeping_dirty(CHG_MASK_61 | HUGE),
        pmd_present=_pmd_present(PRESENT | PROTNONE | PRESENT_INVALID),
        pmd_trans_huge=_pmd_trans_huge(PRESENT | PROTNONE | PRESENT_INVALID),
        pmd_mkinvalid=_mkinvalid,
    )
    linux_612 = linux_61.with_helpers(
        "linux-6.12",
        "as linux-6.1, and the dirty tests look at the hardware-write bit too, for the hardware page-table walker",
        "arch/loongarch/include/asm/pgtable.h in Linux 6.12.117",
        **twins(dirty=lambda entry: (entry & (DIRTY | MODIFIED)) != 0),
        pte_modify=_modify_keeping_dirty(CHG_MASK_612),
        pmd_modify=_modify_keeping_dirty(CHG_MASK_612 | HUGE),
    )
    return linux_61, linux_612


def asides(features: tuple[str, ...]) -> tuple[Architecture, ...]:
    """The released helpers with what Peter Xu asks about: would it cost anything today?"""
    (*_, released) = variants(features)
    return (
        released.with_helpers(
            "linux-6.12-peter",
            "as linux-6.12, and mkdirty sets only _PAGE_MODIFIED; mkwrite gives the hardware write permission if modified",
            "Peter Xu, 2022-11-21, reply to [PATCH 04/47], asked of the helpers of Linux 6.12.117",
            **twins(mkdirty=lambda entry: entry | MODIFIED),
        ),
    )
