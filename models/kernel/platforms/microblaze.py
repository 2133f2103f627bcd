"""MicroBlaze for the lifter."""

from __future__ import annotations

from models.kernel.architectures import COMMON_HEADERS, Instead, Platform, RunTime, enabled
from models.kernel.words import Abi

MICROBLAZE = Platform(
    name="microblaze",
    folder="microblaze",
    headers={**COMMON_HEADERS, "asm/asm-compat.h": False},
    config={
        **enabled("MMU MICROBLAZE MIGRATION CPU_LITTLE_ENDIAN"),
        "CONFIG_PGTABLE_LEVELS": "2",
        "CONFIG_PAGE_SHIFT": "12",
        "CONFIG_KERNEL_START": "0xc0000000",
        "CONFIG_KERNEL_BASE_ADDR": "0x90000000",
    },
    sources={"arch/microblaze/mm/init.c": ()},
    protection_map="arch/microblaze/mm/init.c",
    abi=Abi(bits=32, big_endian=False, physical=32),
    first=("arch/microblaze/include/asm/page.h",),
    runtime={
        "memory_start": RunTime(
            0, "memory_start is 0: mk_pte() gives the same entry for a page frame wherever memory starts"
        )
    },
    instead={
        "pte_update": Instead(
            "static inline unsigned long pte_update(pte_t *p, unsigned long clr, unsigned long set) { unsigned long old; "
            "do { old = pte_val(*p); } while (cmpxchg(&pte_val(*p), old, (old & ~clr) | set) != old); return old; }",
            "pte_update() is one step: there is one processor, and interrupts are off meanwhile",
        )
    },
    physical_bits=32,
    levels=("pte",),
    says="a software-loaded TLB; the miss handler records accessed, the protection handler dirty",
)

PLATFORMS = (MICROBLAZE,)
