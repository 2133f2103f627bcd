"""C-SKY for the lifter, with the bits of both of its ABIs."""

from __future__ import annotations

from dataclasses import replace

from models.kernel.architectures import COMMON_HEADERS, CONSTANTS, Drift, Platform, RunTime, enabled
from models.kernel.words import Abi

HANDLERS = "handlers"
"""The trait of a kernel whose exceptions go to handlers in assembly first."""

ABIV2 = Platform(
    name="csky",
    folder="csky",
    headers={**COMMON_HEADERS, "abi/pgtable-bits.h": False, "linux/pfn.h": False},
    config={
        **enabled("MMU SMP CPU_CK860 CPU_HAS_TLBI CPU_HAS_LDSTEX PAGE_OFFSET_80000000 MIGRATION SWAP"),
        "CONFIG_PGTABLE_LEVELS": "2",
        "CONFIG_PAGE_SHIFT": "12",
        "CONFIG_PAGE_OFFSET": "0x80000000",
    },
    # Linux 5.10; later kernels have every exception go to generic mm
    drifts=(
        Drift(
            "arch/csky/kernel/entry.S",
            r"\btlbop_begin tlbinvalids, _PAGE_WRITE, PAGE_DIRTY_BIT, PAGE_MODIFIED_BIT\b",
            traits=frozenset({HANDLERS}),
        ),
    ),
    sources={"arch/csky/mm/init.c": ()},
    protection_map="arch/csky/mm/init.c",
    abi=Abi(bits=32, physical=32),
    first=("arch/csky/include/asm/page.h",),
    folders=("arch/csky/abiv2/inc",),
    runtime={
        "va_pa_offset": RunTime(0, "va_pa_offset is 0: memory starts at physical address 0"),
        "invalid_pte_table": RunTime(
            0x8000_0000, "invalid_pte_table, which an empty pmd points to, is at the start of the kernel's addresses"
        ),
    },
    constants=(*CONSTANTS, "_CACHE_"),
    physical_bits=32,
    levels=("pte",),
    says="the CPU walks the tables and knows a valid and a writable bit; every exception goes to generic mm",
)

ABIV1 = replace(
    ABIV2,
    name="csky-abiv1",
    config={
        **enabled("MMU CPU_CK610 CPU_NEED_TLBSYNC CPU_NEED_SOFTALIGN PAGE_OFFSET_80000000 MIGRATION SWAP"),
        "CONFIG_PGTABLE_LEVELS": "2",
        "CONFIG_PAGE_SHIFT": "12",
        "CONFIG_PAGE_OFFSET": "0x80000000",
    },
    folders=("arch/csky/abiv1/inc",),
    says="C-SKY with the bits of ABI version 1 (CK610)",
)

PLATFORMS = (ABIV2, ABIV1)
