"""PA-RISC for the lifter, 32 and 64 bits."""

from __future__ import annotations

from dataclasses import replace

from models.kernel.architectures import COMMON_HEADERS, CONSTANTS, Platform, RunTime, enabled
from models.kernel.words import Abi

_COMMON = "MMU SMP TLB_PTLOCK CPU_BIG_ENDIAN PARISC_PAGE_SIZE_4KB ARCH_HAS_PTE_SPECIAL MIGRATION SWAP"

PARISC = Platform(
    name="parisc",
    folder="parisc",
    headers={**COMMON_HEADERS, "asm/fixmap.h": False},
    config={**enabled(f"{_COMMON} PA7100LC PA11"), "CONFIG_PGTABLE_LEVELS": "2", "CONFIG_PAGE_SHIFT": "12"},
    sources={"arch/parisc/mm/init.c": (), "arch/parisc/kernel/cache.c": ("ptep_clear_flush",)},
    protection_map="arch/parisc/mm/init.c",
    abi=Abi(bits=32, big_endian=True, physical=32),
    first=("arch/parisc/include/asm/page.h",),
    quiet={"__flush_cache_page": "empties caches"},
    constants=(*CONSTANTS, "PxD_"),
    physical_bits=32,
    levels=("pte",),
    says="a software-loaded TLB; assembly records accessed on a miss and dirty on the CPU's dirty-bit trap",
)

PARISC64 = replace(
    PARISC,
    name="parisc64",
    config={
        **enabled(f"{_COMMON} 64BIT PA8X00 PA20 HUGETLB_PAGE PHYS_ADDR_T_64BIT"),
        "CONFIG_PGTABLE_LEVELS": "3",
        "CONFIG_PAGE_SHIFT": "12",
    },
    abi=Abi(big_endian=True),
    calls={
        "parisc_requires_coherency": RunTime(
            0, "parisc_requires_coherency() is taken as false: the CPU is no PA8800 or PA8900, and huge pages are used"
        )
    },
    physical_bits=44,
    says="PA-RISC 2.0 with 64 bits; huge pages of hugetlbfs, no transparent ones",
)

PLATFORMS = (PARISC, PARISC64)
