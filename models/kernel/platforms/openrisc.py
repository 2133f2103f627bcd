"""OpenRISC for the lifter."""

from __future__ import annotations

from models.kernel.architectures import COMMON_HEADERS, Platform, enabled
from models.kernel.words import Abi

OPENRISC = Platform(
    name="openrisc",
    folder="openrisc",
    headers=COMMON_HEADERS,
    config={
        **enabled("32BIT MMU OPENRISC CPU_BIG_ENDIAN MIGRATION COMPACTION SWAP"),
        "CONFIG_PGTABLE_LEVELS": "2",
        "CONFIG_PAGE_SHIFT": "13",
    },
    sources={"arch/openrisc/mm/init.c": ()},
    protection_map="arch/openrisc/mm/init.c",
    abi=Abi(bits=32, big_endian=True, physical=32),
    first=("arch/openrisc/include/asm/page.h",),
    page_shift=13,
    physical_bits=32,
    levels=("pte",),
    says="a software-loaded TLB; the miss handlers record nothing",
)

PLATFORMS = (OPENRISC,)
