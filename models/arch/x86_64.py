"""x86-64: the CPU records dirty itself; since shadow stacks a write-protected dirty entry keeps it in a software bit.

Bits: arch/x86/include/asm/pgtable_types.h. Helpers: arch/x86/include/asm/pgtable.h, pgtable-invert.h and (since
6.6) arch/x86/mm/pgtable.c, read in 6.1.192 and 6.12.117. Protections: arch/x86/mm/pgprot.c. Hardware:
models/hardware/x86.py.
Run-time values: no memory encryption (cc_mask and sme_me_mask are 0), every bit supported (__supported_pte_mask).
"""

from __future__ import annotations

from typing import Any

from checker.logic import both, either, ite, same, word_like
from models.hardware.x86 import describe
from models.pte import Architecture, Bit, Helper, twins

BITS = (
    Bit("_PAGE_PRESENT", 0, "P", "valid for the CPU"),
    Bit("_PAGE_RW", 1, "W", "the CPU and software allow writing"),
    Bit("_PAGE_USER", 2, "U", "user accessible"),
    Bit("_PAGE_ACCESSED", 5, "A", "was accessed; set by the CPU"),
    Bit("_PAGE_DIRTY", 6, "D", "was written; set by the CPU"),
    Bit("_PAGE_PSE", 7, "H", "huge page (PMD)"),
    Bit("_PAGE_PROTNONE", 8, "N", "PROT_NONE, if not present"),
    Bit("_PAGE_SPECIAL", 9, "S", "no struct page"),
    Bit("_PAGE_UFFD_WP", 10, "u", "userfaultfd write-protected"),
    Bit("_PAGE_SOFT_DIRTY", 11, "s", "written since soft-dirty was cleared"),
    Bit("_PAGE_SAVED_DIRTY", 58, "d", "dirty, kept here while not writable (6.12)"),
)
PRESENT, RW, USER, ACCESSED, DIRTY, PSE, PROTNONE, SPECIAL, UFFD_WP, SOFT_DIRTY, SAVED_DIRTY = (b.mask for b in BITS)
PWT, PCD, PAT, PAT_LARGE, NX = 1 << 3, 1 << 4, 1 << 7, 1 << 12, 1 << 63
DEVMAP_61, DEVMAP_612 = 1 << 58, 1 << 57
PTE_PFN_MASK = (1 << 52) - (1 << 12)
PMD_PFN_MASK = (1 << 52) - (1 << 21)
ALL = (1 << 64) - 1
CONSTANTS = {**{bit.name: bit.mask for bit in BITS}, "_PAGE_NX": NX}
"""What the hardware's description asks for."""

KEPT = PTE_PFN_MASK | PCD | PWT | SPECIAL | ACCESSED | DIRTY | SOFT_DIRTY | UFFD_WP
"""What pte_modify() and pmd_modify() of both kernels preserve; each adds its own bits."""

PROTECTIONS = {
    "NONE": ACCESSED | PROTNONE,
    "READONLY": PRESENT | USER | ACCESSED | NX,
    "PRIVATE": PRESENT | USER | ACCESSED | NX,
    "SHARED": PRESENT | RW | USER | ACCESSED | NX,
}


def _inverted(entry: Any) -> Any:
    """Entries without the present bit hold the frame number inverted (pgtable-invert.h)."""
    return both(entry != 0, (entry & PRESENT) == 0)


def _with_frame_guard(old: Any, new: Any, mask: int) -> Any:
    return ite(same(_inverted(old), _inverted(new)), new, new ^ mask)


def _frame_zero(prot: Any, mask: int) -> Any:
    """The entry of frame number 0 with a protection, as pfn_pte() and pfn_pmd() build it."""
    return ite(_inverted(prot), prot | mask, prot)


def _modify(kept: int, pfn_mask: int) -> Helper:
    return lambda entry, prot: _with_frame_guard(entry, (entry & kept) | (prot & (ALL ^ kept)), pfn_mask)


def _save_dirty(entry: Any) -> Any:
    """Without the write bit, dirty moves to the software bit."""
    moved = ite((entry & DIRTY) != 0, entry | SAVED_DIRTY, entry) & ~DIRTY
    return ite((entry & RW) == 0, moved, entry)


def _restore_dirty(entry: Any) -> Any:
    """With the write bit, the software bit moves back to dirty."""
    moved = ite((entry & SAVED_DIRTY) != 0, entry | DIRTY, entry) & ~SAVED_DIRTY
    return ite((entry & RW) != 0, moved, entry)


def _mkinvalid(entry: Any) -> Any:
    """pfn_pmd() of the same frame and the same flags without the present bits; pmd_pfn_mask() tells them apart."""
    inside = ite((entry & PSE) != 0, word_like(entry, PMD_PFN_MASK), PTE_PFN_MASK)
    frame = ite(_inverted(entry), entry ^ inside, entry) & inside
    flags = entry & (inside ^ ALL) & ~(PRESENT | PROTNONE)
    return (ite(_inverted(flags), frame ^ PMD_PFN_MASK, frame) & PMD_PFN_MASK) | flags


def _trans_huge(devmap: int) -> Helper:
    """A huge page that is not a device's, as CONFIG_ARCH_HAS_PTE_DEVMAP asks."""
    return lambda entry: (entry & (PSE | devmap)) == PSE


def _linux_61(features: tuple[str, ...]) -> Architecture:
    helpers = {
        **twins(
            write=lambda entry: (entry & RW) != 0,
            dirty=lambda entry: (entry & DIRTY) != 0,
            young=lambda entry: (entry & ACCESSED) != 0,
            mkold=lambda entry: entry & ~ACCESSED,
            mkyoung=lambda entry: entry | ACCESSED,
            mkclean=lambda entry: entry & ~DIRTY,
            mkdirty=lambda entry: entry | (DIRTY | SOFT_DIRTY),
            mkwrite=lambda entry: entry | RW,
            wrprotect=lambda entry: entry & ~RW,
            mksoft_dirty=lambda entry: entry | SOFT_DIRTY,
            clear_soft_dirty=lambda entry: entry & ~SOFT_DIRTY,
            mkuffd_wp=lambda entry: entry | UFFD_WP,
            clear_uffd_wp=lambda entry: entry & ~UFFD_WP,
            soft_dirty=lambda entry: (entry & SOFT_DIRTY) != 0,
            uffd_wp=lambda entry: (entry & UFFD_WP) != 0,
            protnone=lambda entry: (entry & (PROTNONE | PRESENT)) == PROTNONE,
        ),
        "pte_present": lambda entry: (entry & (PRESENT | PROTNONE)) != 0,
        "pmd_present": lambda entry: (entry & (PRESENT | PROTNONE | PSE)) != 0,
        "pmd_trans_huge": _trans_huge(DEVMAP_61),
        "pte_mkspecial": lambda entry: entry | SPECIAL,
        "pte_modify": _modify(KEPT | DEVMAP_61 | PAT, PTE_PFN_MASK),
        "pmd_modify": _modify(KEPT | DEVMAP_61 | PSE | PAT_LARGE, PMD_PFN_MASK),
        "pmd_mkinvalid": _mkinvalid,
        "mk_pte": lambda prot: _frame_zero(prot, PTE_PFN_MASK),
        "mk_huge_pmd": lambda prot: _frame_zero(prot, PMD_PFN_MASK) | PSE,
    }
    return Architecture(
        name="x86-64",
        features=features,
        variant="linux-6.1",
        width=64,
        bits=BITS,
        helpers=helpers,
        protections=PROTECTIONS,
        frames={"pte": PTE_PFN_MASK, "pmd": PMD_PFN_MASK},
        hardware=describe(CONSTANTS, frozenset(features))["pte"],
        says="one write bit and one dirty bit, both known to the CPU",
        source="arch/x86/include/asm/pgtable.h in Linux 6.1.192",
    )


def _modify_saving_dirty(kept: int, pfn_mask: int) -> Helper:
    plain = _modify(kept, pfn_mask)
    return lambda entry, prot: ite(
        (entry & RW) != 0, _save_dirty(plain(entry, prot)), _restore_dirty(plain(entry, prot))
    )


def variants(features: tuple[str, ...]) -> tuple[Architecture, ...]:
    """Every built-in set of x86-64 helpers; ``shstk`` is a CPU and kernel with user shadow stacks."""
    linux_61 = _linux_61(features)
    shadow_stacks = "shstk" in features
    kept = KEPT | SAVED_DIRTY | DEVMAP_612

    def write(shadow: int) -> Helper:
        """``shadow`` holds the bits that, with RW, tell a shadow-stack entry: DIRTY alone must be set."""
        if not shadow_stacks:
            return lambda entry: (entry & RW) != 0
        return lambda entry: either((entry & RW) != 0, (entry & (RW | shadow)) == shadow)

    linux_612 = linux_61.with_helpers(
        "linux-6.12",
        "dirty moves to a software bit while the entry is not writable, so that it is never taken for a shadow stack",
        "arch/x86/include/asm/pgtable.h and arch/x86/mm/pgtable.c in Linux 6.12.117",
        **twins(
            dirty=lambda entry: (entry & (DIRTY | SAVED_DIRTY)) != 0,
            mkclean=lambda entry: entry & ~(DIRTY | SAVED_DIRTY),
            mkdirty=lambda entry: _save_dirty(entry | (DIRTY | SOFT_DIRTY)),
            mkwrite=lambda entry: _restore_dirty(entry | RW),
            wrprotect=lambda entry: _save_dirty(entry & ~RW),
            mkuffd_wp=lambda entry: _save_dirty((entry | UFFD_WP) & ~RW),
        ),
        pte_write=write(DIRTY),
        pmd_write=write(DIRTY | PSE),
        pmd_trans_huge=_trans_huge(DEVMAP_612),
        pte_modify=_modify_saving_dirty(kept | PAT, PTE_PFN_MASK),
        pmd_modify=_modify_saving_dirty(kept | PSE | PAT_LARGE, PMD_PFN_MASK),
    )
    return linux_61, linux_612
