"""sparc64: sun4u and sun4v encodings of one set of helpers, and the mkdirty that gave hardware write permission.

Bits and helpers: arch/sparc/include/asm/pgtable_64.h, read in 6.1.192 and 6.12.117 (the two operand lists of each
patched assembly sequence are the two encodings). Protections: arch/sparc/mm/init_64.c, sun4u_pgprot_init(),
sun4v_pgprot_init(), prot_init_common(). Hardware: models/hardware/sparc.py.
"""

from __future__ import annotations

from typing import Any

from checker.logic import ite
from checker.records import dataclass
from models.hardware.sparc import describe
from models.pte import Architecture, Bit, twins

VALID = 1 << 63
SPECIAL, PMD_HUGE = 1 << 57, 1 << 56
PAGE_SHIFT = 13


@dataclass(frozen=True)
class Encoding:
    """Where one family of machines keeps its bits; masks are 64-bit words.

    ``size_4mb`` is what pte_mkhuge() sets, ``kept`` what pte_modify() preserves, ``cache`` what a cacheable
    page carries, ``frame`` the physical address bits.
    """

    present: int
    write: int
    hardware_write: int
    modified: int
    accessed: int
    read: int
    execute: int
    privileged: int
    cache: int
    size_4mb: int
    kept: int
    frame: int


SUN4U = Encoding(
    present=1 << 7,
    write=1 << 8,
    hardware_write=1 << 1,
    modified=1 << 11,
    accessed=1 << 10,
    read=1 << 9,
    execute=1 << 12,
    privileged=1 << 2,
    cache=(1 << 5) | (1 << 4),
    size_4mb=3 << 61,
    kept=0x000007FFFFFFE000
    | (1 << 11)
    | (1 << 10)
    | (1 << 5)
    | (1 << 4)
    | (1 << 3)
    | SPECIAL
    | PMD_HUGE
    | 0x6001 << 48,
    frame=0x000007FFFFFFE000,
)
SUN4V = Encoding(
    present=1 << 4,
    write=1 << 58,
    hardware_write=1 << 6,
    modified=1 << 61,
    accessed=1 << 60,
    read=1 << 59,
    execute=1 << 7,
    privileged=1 << 8,
    cache=(1 << 10) | (1 << 9),
    size_4mb=3,
    kept=0x00FFFFFFFFFFE000 | (1 << 61) | (1 << 60) | (1 << 10) | (1 << 9) | (1 << 11) | SPECIAL | PMD_HUGE | 7,
    frame=0x00FFFFFFFFFFE000,
)


def _bits(code: Encoding) -> tuple[Bit, ...]:
    suffix = "4U" if code is SUN4U else "4V"
    named = (
        (f"_PAGE_W_{suffix}", code.hardware_write, "w", "the hardware may write"),
        (f"_PAGE_WRITE_{suffix}", code.write, "W", "software allows writing"),
        (f"_PAGE_MODIFIED_{suffix}", code.modified, "M", "data that must not be lost"),
        (f"_PAGE_ACCESSED_{suffix}", code.accessed, "A", "was accessed"),
        (f"_PAGE_P_{suffix}", code.privileged, "p", "privileged: not for user accesses"),
        (f"_PAGE_PRESENT_{suffix}", code.present, "P", "the page is there"),
        ("_PAGE_PMD_HUGE", PMD_HUGE, "H", "huge page (PMD)"),
        ("_PAGE_SPECIAL", SPECIAL, "S", "no struct page"),
        ("_PAGE_VALID", VALID, "V", "valid for the TLB; doubles as referenced"),
    )
    return tuple(Bit(name, mask.bit_length() - 1, letter, says) for name, mask, letter, says in named)


def _protections(code: Encoding) -> dict[str, int]:
    """protection_map without VM_EXEC; on sun4v a machine with cacheable-virtual pages (page_cache4v_flag = CP|CV)."""
    readable = VALID | code.present | code.cache | code.accessed | code.read
    return {
        "NONE": code.present | code.accessed | code.cache,
        "READONLY": readable,
        "PRIVATE": readable,
        "SHARED": readable | code.write,
    }


def _constants(code: Encoding) -> dict[str, int]:
    """What the hardware's description asks for."""
    suffix = "4U" if code is SUN4U else "4V"
    return {
        "_PAGE_VALID": VALID,
        "_PAGE_PMD_HUGE": PMD_HUGE,
        f"_PAGE_W_{suffix}": code.hardware_write,
        f"_PAGE_EXEC_{suffix}": code.execute,
        f"_PAGE_P_{suffix}": code.privileged,
    }


def _original(features: tuple[str, ...], code: Encoding) -> Architecture:
    def present(entry: Any) -> Any:
        return (entry & code.present) != 0

    helpers = {
        **twins(
            write=lambda entry: (entry & code.write) != 0,
            dirty=lambda entry: (entry & code.modified) != 0,
            young=lambda entry: (entry & code.accessed) != 0,
            mkold=lambda entry: entry & ~(code.accessed | VALID),
            mkyoung=lambda entry: entry | (code.accessed | VALID),
            mkclean=lambda entry: entry & ~(code.modified | code.hardware_write),
            mkdirty=lambda entry: entry | (code.modified | code.hardware_write),
            mkwrite=lambda entry: entry | code.write,
            wrprotect=lambda entry: entry & ~(code.write | code.hardware_write),
            modify=lambda entry, prot: (entry & code.kept) | (prot & ~code.kept),
        ),
        "pte_present": present,
        "pmd_present": lambda entry: entry != 0,
        "pmd_trans_huge": lambda entry: (entry & PMD_HUGE) != 0,
        "pte_mkspecial": lambda entry: entry | SPECIAL,
        "pmd_mkinvalid": lambda entry: entry & ~VALID,
        "mk_pte": lambda prot: prot,
        "mk_huge_pmd": lambda prot: prot | (code.size_4mb | PMD_HUGE),
    }
    return Architecture(
        name="sparc64",
        features=features,
        variant="original",
        width=64,
        bits=_bits(code),
        helpers=helpers,
        protections=_protections(code),
        frames={"pte": code.frame, "pmd": code.frame & ~((1 << 23) - 1)},
        hardware=describe(_constants(code), frozenset(features))["pte"],
        says="mkdirty sets the hardware-write bit on every entry, write-protected or not",
        source="arch/sparc/include/asm/pgtable_64.h in Linux 6.1.192; pmd_mkinvalid as in arch/sparc/mm/tlb.c pmdp_invalidate()",
    )


def variants(features: tuple[str, ...]) -> tuple[Architecture, ...]:
    """Every built-in set of sparc64 helpers; the feature ``sun4v`` picks that encoding, none means sun4u."""
    code = SUN4V if "sun4v" in features else SUN4U
    original = _original(features, code)

    def mkdirty(entry: Any) -> Any:
        return ite((entry & code.write) != 0, entry | (code.modified | code.hardware_write), entry | code.modified)

    def mkwrite(entry: Any) -> Any:
        return ite((entry & code.modified) != 0, entry | (code.write | code.hardware_write), entry | code.write)

    linux_612 = original.with_helpers(
        "linux-6.12",
        "mkdirty and mkwrite give the hardware write permission only together",
        "arch/sparc/include/asm/pgtable_64.h in Linux 6.12.117, __pte_mkhwwrite()",
        **twins(mkdirty=mkdirty, mkwrite=mkwrite),
    )
    return original, linux_612
