"""Alpha for the lifter."""

from __future__ import annotations

from models.kernel.architectures import COMMON_HEADERS, Platform, enabled

ALPHA = Platform(
    name="alpha",
    folder="alpha",
    headers=COMMON_HEADERS,
    config={
        **enabled("64BIT MMU SMP ALPHA ALPHA_GENERIC PHYS_ADDR_T_64BIT MIGRATION COMPACTION SWAP"),
        "CONFIG_PGTABLE_LEVELS": "3",
        "CONFIG_PAGE_SHIFT": "13",
    },
    sources={"arch/alpha/mm/init.c": ()},
    protection_map="arch/alpha/mm/init.c",
    first=("arch/alpha/include/asm/page.h",),
    page_shift=13,
    physical_bits=44,
    levels=("pte",),
    says="PALcode walks the tables; what is not young cannot be read, what is clean cannot be stored to",
)

PLATFORMS = (ALPHA,)
