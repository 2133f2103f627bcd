"""arm64 for the lifter: 4 KiB pages, 48 bits of address."""

from __future__ import annotations

from models.kernel.architectures import (
    COMMON_CONFIG,
    COMMON_HEADERS,
    CONSTANTS,
    Drift,
    Feature,
    Instead,
    Platform,
    RunTime,
    enabled,
)

ARM64 = Platform(
    name="arm64",
    folder="arm64",
    headers={
        **COMMON_HEADERS,
        **dict.fromkeys(("asm/pgtable-types.h", "asm/pgtable-hwdef.h", "asm/pgtable-prot.h"), False),
        **dict.fromkeys(("asm/page-def.h", "asm/memory.h"), False),
    },
    config={
        **COMMON_CONFIG,
        **enabled(
            "ARM64 ARM64_4K_PAGES ARM64_VA_BITS_48 ARM64_PA_BITS_48 ARM64_HW_AFDBM ARM64_MTE ARM64_BTI ARM64_BTI_KERNEL "
            "ARM64_EPAN ARM64_CONTPTE ARCH_HAS_LAZY_MMU_MODE SPARSEMEM SPARSEMEM_VMEMMAP"
        ),
        "CONFIG_PGTABLE_LEVELS": "4",
        "CONFIG_PAGE_SHIFT": "12",
        "CONFIG_ARM64_PAGE_SHIFT": "12",
        "CONFIG_ARM64_VA_BITS": "48",
        "CONFIG_ARM64_PA_BITS": "48",
        "CONFIG_ARM64_CONT_PTE_SHIFT": "4",
        "CONFIG_ARM64_CONT_PMD_SHIFT": "4",
    },
    drifts=(
        Drift(
            "arch/arm64/include/asm/pgtable.h",
            r"\bCONFIG_HAVE_ARCH_USERFAULTFD_WP\b",
            config={"CONFIG_HAVE_ARCH_USERFAULTFD_WP": "1"},
        ),
    ),
    sources={
        "arch/arm64/mm/mmap.c": (),
        "arch/arm64/mm/fault.c": ("ptep_set_access_flags",),
        "arch/arm64/mm/mmu.c": ("ptep_modify_prot_start", "ptep_modify_prot_commit"),
    },
    protection_map="arch/arm64/mm/mmap.c",
    calls={
        "system_supports_mte": RunTime(0, "system_supports_mte() is false: there are no tags to be set with an entry"),
        "is_lazy_mmu_mode_active": RunTime(0, "is_lazy_mmu_mode_active() is false: barriers are not put off"),
        "pte_cont": RunTime(0, "pte_cont() is false: an entry is on its own, in no block of contiguous ones"),
    },
    instead={
        "contpte_try_fold": Instead(
            "static inline void contpte_try_fold(struct mm_struct *mm, unsigned long addr, pte_t *ptep, pte_t pte) { }",
            "contpte_try_fold() does nothing: an entry joins no block of contiguous ones",
        )
    },
    cpu_tests=frozenset({"alternative_has_cap_unlikely", "cpus_have_const_cap"}),
    cpu_features={"ARM64_WORKAROUND_2645198": ""},
    constants=(*CONSTANTS, "PTE_", "PMD_", "PUD_"),
    features={
        "af": Feature(
            "the CPU sets the access flag itself and leaves the dirty state alone: FEAT_HAFDBS in its smaller form, "
            "or a CPU whose dirty state management is broken",
            excludes=frozenset({"dbm"}),
        ),
        "dbm": Feature(
            "the CPU sets the access flag and records dirty itself: FEAT_HAFDBS", excludes=frozenset({"af"})
        ),
    },
    physical_bits=48,
    levels=("pte", "pmd"),
    says="the CPU walks the tables; whether it records accessed and dirty is an option (FEAT_HAFDBS)",
)

PLATFORMS = (ARM64,)
