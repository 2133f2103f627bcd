"""arm for the lifter: ARMv7 with page tables of two levels and of three (LPAE)."""

from __future__ import annotations

from models.kernel.architectures import (
    COMMON_HEADERS,
    CONSTANTS,
    BootProtection,
    Instead,
    Platform,
    RunTime,
    enabled,
)
from models.kernel.words import Abi

_HEADERS = {
    **COMMON_HEADERS,
    **dict.fromkeys(("asm/pgtable-hwdef.h", "linux/pfn.h", "asm-generic/memory_model.h"), False),
}
_FIRST = ("include/asm-generic/memory_model.h", "arch/arm/include/asm/page.h")
_COMMON = "ARM MMU SMP CPU_V7 CPU_32v7 CPU_CP15 CPU_CP15_MMU CPU_COPY_V6 CPU_DCACHE_V7 SWAP MIGRATION VMSPLIT_3G"
_SOURCES: dict[str, tuple[str, ...]] = {"arch/arm/mm/mmu.c": ("set_pte_at",)}
_RUNTIME = {"TASK_SIZE": RunTime(0xBF000000, "TASK_SIZE is 0xbf000000, 16 MB below the kernel with 3 GB for users")}
_CONSTANTS = (*CONSTANTS, "L_PTE_", "L_PMD_", "PTE_", "PMD_")

ARM = Platform(
    name="arm",
    folder="arm",
    headers={
        **_HEADERS,
        **dict.fromkeys((f"asm/pgtable-2level{part}.h" for part in ("", "-hwdef", "-types")), False),
    },
    config={**enabled(_COMMON), "CONFIG_PGTABLE_LEVELS": "2", "CONFIG_PAGE_SHIFT": "12"},
    sources=_SOURCES,
    protection_map="arch/arm/mm/mmu.c",
    boot_protection=BootProtection(
        "L_PTE_MT_WRITEALLOC | L_PTE_SHARED",
        "build_mem_type_table() adds write-allocate caching and the shared bit to protection_map, as on every "
        "multiprocessor",
    ),
    abi=Abi(bits=32, physical=32),
    first=_FIRST,
    runtime=_RUNTIME,
    instead={
        "cpu_set_pte_ext": Instead(
            "static inline void cpu_set_pte_ext(pte_t *ptep, pte_t pte, unsigned int ext) { *ptep = pte; }",
            "cpu_set_pte_ext() stores the entry; its twin for the hardware is another word (cpu_v7_set_pte_ext)",
        )
    },
    constants=_CONSTANTS,
    physical_bits=32,
    levels=("pte",),
    says="every entry has a twin for the hardware, which set_pte_ext writes; no accessed or dirty bits in hardware",
)

LPAE = Platform(
    name="arm-lpae",
    folder="arm",
    headers={
        **_HEADERS,
        **dict.fromkeys((f"asm/pgtable-3level{part}.h" for part in ("", "-hwdef", "-types")), False),
    },
    config={
        **enabled(
            f"{_COMMON} ARM_LPAE PHYS_ADDR_T_64BIT ARCH_HAS_PTE_SPECIAL HAVE_ARCH_TRANSPARENT_HUGEPAGE "
            "TRANSPARENT_HUGEPAGE ARCH_WANT_PMD_MKWRITE HUGETLB_PAGE"
        ),
        "CONFIG_PGTABLE_LEVELS": "3",
        "CONFIG_PAGE_SHIFT": "12",
    },
    sources=_SOURCES,
    protection_map="arch/arm/mm/mmu.c",
    boot_protection=BootProtection(
        "L_PTE_MT_WRITEALLOC | L_PTE_SHARED | PTE_EXT_PXN",
        "build_mem_type_table() adds write-allocate caching, the shared bit and the privileged execute-never bit to "
        "protection_map, as on every multiprocessor",
    ),
    abi=Abi(bits=32, physical=64),
    first=_FIRST,
    runtime=_RUNTIME,
    instead={
        "cpu_set_pte_ext": Instead(
            "static inline void cpu_set_pte_ext(pte_t *ptep, pte_t pte) { "
            "if (pte_val(pte) & L_PTE_VALID) { "
            "if (pte_val(pte) & L_PTE_NONE) pte_val(pte) &= ~L_PTE_VALID; "
            "else if ((pte_val(pte) & (L_PTE_DIRTY | L_PTE_RDONLY)) == L_PTE_DIRTY) pte_val(pte) &= ~PTE_AP2; "
            "else pte_val(pte) |= PTE_AP2; } *ptep = pte; }",
            "cpu_set_pte_ext() takes the valid bit from PROT_NONE, and makes what is clean or read-only so for the CPU "
            "(cpu_v7_set_pte_ext)",
        )
    },
    constants=_CONSTANTS,
    physical_bits=40,
    levels=("pte", "pmd"),
    says="entries of 64 bits that set_pte_ext and set_pmd_at fit for the hardware; the CPU records nothing in them",
)

PLATFORMS = (ARM, LPAE)
