"""Nios II for the lifter."""

from __future__ import annotations

from models.kernel.architectures import COMMON_HEADERS, Instead, Platform, RunTime, enabled
from models.kernel.words import Abi

NIOS2 = Platform(
    name="nios2",
    folder="nios2",
    headers={**COMMON_HEADERS, "asm/pgtable-bits.h": False},
    config={
        **enabled("MMU NIOS2 MIGRATION CPU_LITTLE_ENDIAN"),
        "CONFIG_PGTABLE_LEVELS": "2",
        "CONFIG_PAGE_SHIFT": "12",
    },
    sources={"arch/nios2/mm/init.c": ()},
    protection_map="arch/nios2/mm/init.c",
    abi=Abi(bits=32, big_endian=False, physical=32),
    first=("arch/nios2/include/asm/io.h",),
    runtime={
        "invalid_pte_table": RunTime(
            0, "the address of invalid_pte_table, which stands for an empty entry one level up, is taken as 0"
        )
    },
    instead={
        "pte_clear": Instead(
            "static inline void pte_clear(struct mm_struct *mm, unsigned long addr, pte_t *ptep) { set_pte(ptep, __pte(0)); }",
            "pte_clear() leaves 0, as it does where the lowest four bits of the page's number are 0",
        )
    },
    physical_bits=32,
    levels=("pte",),
    says="a software-loaded TLB; the miss handler copies entries as they are and records nothing",
)

PLATFORMS = (NIOS2,)
