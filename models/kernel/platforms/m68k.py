"""m68k for the lifter: the Motorola memory-management units, ColdFire's, and the Sun 3's."""

from __future__ import annotations

from models.kernel.architectures import COMMON_HEADERS, CONSTANTS, Feature, Platform, RunTime, enabled
from models.kernel.words import Abi

_HEADERS = {
    **COMMON_HEADERS,
    **dict.fromkeys(("asm/pgtable_mm.h", "asm/page_offset.h", "asm/setup.h"), False),
}
_FIRST = ("arch/m68k/include/asm/page.h",)
_CLASSIC = "MMU SWAP CPU_BIG_ENDIAN"
_ABI = Abi(bits=32, big_endian=True, physical=32)

MOTOROLA = Platform(
    name="m68k",
    folder="m68k",
    headers={**_HEADERS, "asm/motorola_pgtable.h": False},
    config={
        **enabled(f"{_CLASSIC} MMU_MOTOROLA M68KCLASSIC MIGRATION AMIGA ATARI MAC VIRT M68020 M68030 M68040 M68060"),
        "CONFIG_PGTABLE_LEVELS": "3",
        "CONFIG_PAGE_SHIFT": "12",
    },
    sources={"arch/m68k/mm/motorola.c": ()},
    protection_map="arch/m68k/mm/motorola.c",
    abi=_ABI,
    first=_FIRST,
    runtime={
        "m68k_is040or060": RunTime(4, "m68k_is040or060 is 4: the machine has a 68040"),
        "mm_cachebits": RunTime(0x20, "mm_cachebits is _PAGE_CACHE040, as paging_init() sets it on a 68040 or 68060"),
    },
    constants=(*CONSTANTS, "_DESCTYPE_"),
    features={
        "030": Feature(
            "68020 with 68851, or 68030: no supervisor bit in page descriptors, no cache mode in page protections",
            config={"CONFIG_M68040": "", "CONFIG_M68060": ""},
        )
    },
    physical_bits=32,
    levels=("pte",),
    says="the CPU walks the tables and sets the used and modified bits itself",
)

COLDFIRE = Platform(
    name="m68k-coldfire",
    folder="m68k",
    headers={**_HEADERS, **dict.fromkeys(("asm/mcf_pgtable.h", "asm/mcfmmu.h"), False)},
    config={
        **enabled(f"{_CLASSIC} MMU_COLDFIRE COLDFIRE M54xx M547x"),
        "CONFIG_PGTABLE_LEVELS": "2",
        "CONFIG_PAGE_SHIFT": "13",
    },
    sources={"arch/m68k/mm/mcfmmu.c": ()},
    protection_map="arch/m68k/mm/mcfmmu.c",
    abi=_ABI,
    first=_FIRST,
    constants=(*CONSTANTS, "CF_PAGE_", "MMUDR_"),
    page_shift=13,
    physical_bits=32,
    levels=("pte",),
    says="a software-loaded TLB; the miss handler is C and records accessed and dirty",
)

SUN3 = Platform(
    name="m68k-sun3",
    folder="m68k",
    headers={**_HEADERS, **dict.fromkeys(("asm/sun3_pgtable.h", "asm/sun3mmu.h"), False)},
    config={
        **enabled(f"{_CLASSIC} MMU_SUN3 M68KCLASSIC SUN3 M68020"),
        "CONFIG_PGTABLE_LEVELS": "2",
        "CONFIG_PAGE_SHIFT": "13",
    },
    sources={"arch/m68k/mm/sun3mmu.c": ()},
    protection_map="arch/m68k/mm/sun3mmu.c",
    abi=_ABI,
    first=_FIRST,
    constants=(*CONSTANTS, "SUN3_PAGE_"),
    page_shift=13,
    physical_bits=32,
    levels=("pte",),
    says="segment and page maps in the MMU, filled from the page tables by an emulated table walk",
)

PLATFORMS = (MOTOROLA, COLDFIRE, SUN3)
