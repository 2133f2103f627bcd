"""Hexagon for the lifter, on its virtual machine."""

from __future__ import annotations

from models.kernel.architectures import COMMON_HEADERS, CONSTANTS, Platform, enabled
from models.kernel.words import Abi

HEXAGON = Platform(
    name="hexagon",
    folder="hexagon",
    headers={**COMMON_HEADERS, "asm/vm_mmu.h": False},
    config={
        **enabled("32BIT MMU SMP HEXAGON PAGE_SIZE_4KB MIGRATION COMPACTION SWAP"),
        "CONFIG_HEXAGON_ARCH_VERSION": "2",
        "CONFIG_PGTABLE_LEVELS": "2",
        "CONFIG_PAGE_SHIFT": "12",
    },
    sources={"arch/hexagon/mm/init.c": ()},
    protection_map="arch/hexagon/mm/init.c",
    abi=Abi(bits=32, physical=32),
    constants=(*CONSTANTS, "__HVM_PTE_", "__HEXAGON_C_", "CACHEDEF"),
    physical_bits=32,
    levels=("pte",),
    says="a virtual machine walks the tables and records nothing",
)

PLATFORMS = (HEXAGON,)
