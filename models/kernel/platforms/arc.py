"""ARC HS (ARCv2, software-managed MMUv4) for the lifter."""

from __future__ import annotations

from dataclasses import replace

from models.kernel.architectures import COMMON_HEADERS, CONSTANTS, Platform, enabled
from models.kernel.words import Abi

ARC = Platform(
    name="arc",
    folder="arc",
    headers={
        **COMMON_HEADERS,
        **dict.fromkeys(("asm/pgtable-levels.h", "asm/pgtable-bits-arcv2.h", "asm/hugepage.h"), False),
        **dict.fromkeys(("uapi/asm/page.h", "linux/pfn.h"), False),
    },
    config={
        **enabled(
            "MMU SMP ISA_ARCV2 ARC_MMU_V4 ARC_CACHE_PAGES ARC_PAGE_SIZE_8K ARC_HUGEPAGE_2M ARC_HAS_LL64 "
            "TRANSPARENT_HUGEPAGE HAVE_ARCH_TRANSPARENT_HUGEPAGE ARCH_WANT_PMD_MKWRITE PGTABLE_HAS_HUGE_LEAVES "
            "ARCH_HAS_PTE_SPECIAL MIGRATION SWAP"
        ),
        "CONFIG_PGTABLE_LEVELS": "2",
        "CONFIG_PAGE_SHIFT": "13",
        # asm/mmu.h of Linux 5.10 makes it of ARC_MMU_V4
        "CONFIG_ARC_MMU_VER": "4",
    },
    sources={"arch/arc/mm/mmap.c": ()},
    protection_map="arch/arc/mm/mmap.c",
    abi=Abi(bits=32, physical=32),
    first=("include/linux/pfn.h", "arch/arc/include/asm/page.h"),
    constants=(*CONSTANTS, "PAGE_MASK", "PGDIR_"),
    page_shift=13,
    physical_bits=32,
    levels=("pte", "pmd"),
    says="a software-loaded TLB; the miss handler is assembly and records accessed, and dirty if the store itself missed",
)

PAE40 = replace(
    ARC,
    name="arc-pae40",
    config={**ARC.config, **enabled("ARC_HAS_PAE40 PHYS_ADDR_T_64BIT HIGHMEM")},
    abi=Abi(bits=32, physical=64),
    physical_bits=40,
    says="ARC HS with 40-bit physical addresses: PTEs of 64 bits, huge entries of 32 (Linux 6.12 cannot be configured so: "
    "ARC_HAS_PAE40 depends on MMU_V4, but the option is called ARC_MMU_V4)",
)

PLATFORMS = (ARC, PAE40)
