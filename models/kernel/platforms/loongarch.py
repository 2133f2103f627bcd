"""LoongArch for the lifter."""

from __future__ import annotations

from models.kernel.architectures import COMMON_CONFIG, COMMON_HEADERS, Feature, Instead, Platform, RunTime, enabled

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
        **enabled("LOONGARCH PAGE_SIZE_16KB 16KB_3LEVEL SPARSEMEM"),
        "CONFIG_PGTABLE_LEVELS": "3",
        "CONFIG_PAGE_SHIFT": "14",
    },
    sources={
        "arch/loongarch/mm/pgtable.c": ("mk_pmd", "set_pmd_at"),
        "arch/loongarch/mm/pgtable-64.c": ("mk_pmd", "set_pmd_at"),
        "arch/loongarch/mm/cache.c": (),
    },
    protection_map="arch/loongarch/mm/cache.c",
    first=("arch/loongarch/include/asm/types.h", "arch/loongarch/include/asm/page.h"),
    runtime={
        **{
            f"invalid_{level}_table": RunTime(
                0, f"the address of invalid_{level}_table, which stands for an empty entry one level up, is taken as 0"
            )
            for level in ("pte", "pmd", "pud")
        },
        "PTRLOG": RunTime(3, "PTRLOG is 3: a pointer has 8 bytes"),
    },
    instead={
        "set_pte": Instead(
            "static inline void set_pte(pte_t *ptep, pte_t pteval) { WRITE_ONCE(*ptep, pteval); }",
            "set_pte() only stores the entry: what it does beside a global (kernel) entry's neighbour is left out",
            where="ptep_buddy",
        ),
        "pte_clear": Instead(
            "static inline void pte_clear(struct mm_struct *mm, unsigned long addr, pte_t *ptep)"
            " { set_pte(ptep, __pte(0)); }",
            "pte_clear() leaves 0: the neighbour of a user entry is not global",
            where="ptep_buddy",
        ),
    },
    quiet={"DBAR": "orders accesses"},
    features={"ptw": Feature("hardware page-table walker (Loongson 3A6000 and newer, Linux 6.5 and newer)")},
    page_shift=14,
    physical_bits=48,
    says="software TLB handlers; _PAGE_DIRTY is the hardware-write bit",
)

PLATFORMS = (LOONGARCH,)
