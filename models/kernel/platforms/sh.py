"""SuperH for the lifter: SH-4 with entries of 32 bits, and the extended TLB with entries of two words."""

from __future__ import annotations

from models.kernel.architectures import COMMON_HEADERS, CONSTANTS, Platform, RunTime, enabled
from models.kernel.words import Abi

_HEADERS = {**COMMON_HEADERS, "asm/pgtable_32.h": False, "asm/mmu.h": False, "linux/threads.h": False}
_COMMON = "MMU CPU_SH4 PAGE_SIZE_4KB CPU_LITTLE_ENDIAN ARCH_HAS_PTE_SPECIAL HUGETLB_PAGE MIGRATION SWAP"
_FIRST = ("arch/sh/include/asm/page.h", "arch/sh/include/asm/mmu.h")

SH4 = Platform(
    name="sh",
    folder="sh",
    headers={**_HEADERS, "asm/pgtable-2level.h": False},
    config={
        **enabled(f"{_COMMON} CPU_SUBTYPE_SH7751R 29BIT HUGETLB_PAGE_SIZE_64K"),
        "CONFIG_PGTABLE_LEVELS": "2",
        "CONFIG_PAGE_SHIFT": "12",
        "CONFIG_PAGE_OFFSET": "0x80000000",
        "CONFIG_MEMORY_START": "0x0c000000",
    },
    sources={"arch/sh/mm/mmap.c": ()},
    protection_map="arch/sh/mm/mmap.c",
    abi=Abi(bits=32, physical=32),
    first=_FIRST,
    constants=(*CONSTANTS, "PTE_"),
    physical_bits=29,
    levels=("pte",),
    says="SH-4 (SH7751R) with 29-bit physical addresses; a software-loaded TLB whose miss handler is C and records both",
)

X2TLB = Platform(
    name="sh-x2tlb",
    folder="sh",
    headers={**_HEADERS, "asm/pgtable-3level.h": False},
    config={
        **enabled(
            f"{_COMMON} CPU_SH4A CPU_SHX3 CPU_SUBTYPE_SH7786 CPU_HAS_PTEAEX X2TLB PMB 32BIT HUGETLB_PAGE_SIZE_64MB NUMA "
            "SMP"
        ),
        "CONFIG_PGTABLE_LEVELS": "3",
        "CONFIG_PAGE_SHIFT": "12",
        "CONFIG_PAGE_OFFSET": "0x80000000",
        "CONFIG_MEMORY_START": "0x40000000",
    },
    sources={"arch/sh/mm/mmap.c": ()},
    protection_map="arch/sh/mm/mmap.c",
    abi=Abi(bits=32, physical=32),
    first=_FIRST,
    constants=(*CONSTANTS, "PTE_"),
    calls={
        "__in_29bit_mode": RunTime(
            0, "__in_29bit_mode() is taken as false: the machine runs with 32-bit physical addresses"
        )
    },
    physical_bits=32,
    levels=("pte",),
    says="SH-4A with the extended TLB (SH7786): entries of two words, user and kernel permissions on their own",
)

PLATFORMS = (SH4, X2TLB)
