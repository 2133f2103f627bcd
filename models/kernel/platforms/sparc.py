"""SPARC for the lifter: 32 bits with the reference memory-management unit, and 64 bits."""

from __future__ import annotations

from models.kernel.architectures import COMMON_HEADERS, CONSTANTS, Platform, enabled
from models.kernel.words import Abi

SPARC_32 = Platform(
    name="sparc32",
    folder="sparc",
    headers={
        **COMMON_HEADERS,
        **dict.fromkeys(("asm/pgtable_32.h", "asm/page_32.h", "asm/pgtsrmmu.h"), False),
    },
    config={
        **enabled("SPARC SPARC32 MMU SWAP HIGHMEM CPU_BIG_ENDIAN MIGRATION"),
        "CONFIG_PGTABLE_LEVELS": "3",
        "CONFIG_PAGE_SHIFT": "12",
    },
    sources={"arch/sparc/mm/init_32.c": ()},
    protection_map="arch/sparc/mm/init_32.c",
    abi=Abi(bits=32, big_endian=True, physical=32),
    first=("arch/sparc/include/asm/page.h",),
    constants=(*CONSTANTS, "SRMMU_"),
    physical_bits=32,
    levels=("pte",),
    says="the CPU walks the tables and sets the referenced and modified bits itself",
)

PLATFORMS = (SPARC_32,)
