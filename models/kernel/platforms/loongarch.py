"""LoongArch for the lifter."""

from __future__ import annotations

from models.kernel.architectures import COMMON_CONFIG, COMMON_HEADERS, Feature, Platform, RunTime, enabled

LOONGARCH = Platform(
    name="loongarch",
    folder="loongarch",
    headers={
        **COMMON_HEADERS,
        "asm/pgtable-bits.h": False,
        "asm/addrspace.h": False,
        "asm/loongarch.h": False,
    },
    config={
        **COMMON_CONFIG,
        **enabled("LOONGARCH PAGE_SIZE_16KB 16KB_3LEVEL"),
        "CONFIG_PGTABLE_LEVELS": "3",
        "CONFIG_PAGE_SHIFT": "14",
    },
    sources={
        "arch/loongarch/mm/pgtable.c": ("mk_pmd",),
        "arch/loongarch/mm/pgtable-64.c": ("mk_pmd",),
        "arch/loongarch/mm/cache.c": (),
    },
    protection_map="arch/loongarch/mm/cache.c",
    first=("arch/loongarch/include/asm/types.h", "arch/loongarch/include/asm/page.h"),
    runtime={
        f"invalid_{level}_table": RunTime(
            0, f"the address of invalid_{level}_table, which stands for an empty entry one level up, is taken as 0"
        )
        for level in ("pte", "pmd", "pud")
    },
    features={"ptw": Feature("hardware page-table walker (Loongson 3A6000 and newer, Linux 6.5 and newer)")},
    page_shift=14,
    physical_bits=48,
    says="software TLB handlers; _PAGE_DIRTY is the hardware-write bit",
)

PLATFORMS = (LOONGARCH,)
