"""Xtensa for the lifter: the core dc233c, which QEMU's virtual board and the kernel's default configurations use."""

from __future__ import annotations

from models.kernel.architectures import COMMON_HEADERS, CONSTANTS, Platform, enabled
from models.kernel.words import Abi

XTENSA = Platform(
    name="xtensa",
    folder="xtensa",
    headers={
        **COMMON_HEADERS,
        **dict.fromkeys(("asm/types.h", "uapi/asm/types.h", "asm/cache.h", "asm/core.h", "variant/core.h"), False),
        "asm/kmem_layout.h": False,
    },
    config={
        **enabled(
            "MMU XTENSA_VARIANT_DC233C XTENSA_VARIANT_MMU INITIALIZE_XTENSA_MMU_INSIDE_VMLINUX XTENSA_KSEG_MMU_V2 "
            "CPU_LITTLE_ENDIAN MIGRATION SWAP"
        ),
        "CONFIG_PGTABLE_LEVELS": "2",
        "CONFIG_PAGE_SHIFT": "12",
        "CONFIG_KSEG_PADDR": "0x00000000",
    },
    sources={"arch/xtensa/mm/init.c": ()},
    protection_map="arch/xtensa/mm/init.c",
    abi=Abi(bits=32, physical=32),
    first=("arch/xtensa/include/asm/page.h",),
    folders=("arch/xtensa/variants/dc233c/include",),
    constants=(*CONSTANTS, "XCHAL_HAVE_PTP_MMU", "XCHAL_HW_VERSION_MAJOR", "DCACHE_WAY_SIZE"),
    physical_bits=32,
    levels=("pte",),
    says="the core dc233c with MMU version 3: the CPU walks the tables; an assembly handler records the first store",
)

PLATFORMS = (XTENSA,)
