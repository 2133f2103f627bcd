"""x86-64 for the lifter."""

from __future__ import annotations

from models.kernel.architectures import COMMON_CONFIG, COMMON_HEADERS, ENTRY, WORD, Feature, Platform, RunTime, enabled

X86_64 = Platform(
    name="x86-64",
    folder="x86",
    headers={
        **COMMON_HEADERS,
        **dict.fromkeys(
            ("asm/pgtable_types.h", "asm/pgtable_64_types.h", "asm/pgtable_64.h", "asm/pgtable-invert.h"), False
        ),
        **dict.fromkeys(("asm/page_types.h", "asm/page_64_types.h"), False),
        **dict.fromkeys(("linux/mem_encrypt.h", "asm/mem_encrypt.h", "asm/coco.h"), True),
    },
    config={
        **COMMON_CONFIG,
        **enabled(
            "X86 X86_64 MEM_SOFT_DIRTY HAVE_ARCH_SOFT_DIRTY HAVE_ARCH_USERFAULTFD_WP PTE_MARKER_UFFD_WP "
            "X86_INTEL_MEMORY_PROTECTION_KEYS HAVE_ARCH_TRANSPARENT_HUGEPAGE_PUD ARCH_HAS_CC_PLATFORM "
            "ARCH_HAS_MEM_ENCRYPT AMD_MEM_ENCRYPT X86_MEM_ENCRYPT DYNAMIC_PHYSICAL_MASK X86_USER_SHADOW_STACK "
            "RANDOMIZE_MEMORY DYNAMIC_MEMORY_LAYOUT SPARSEMEM SPARSEMEM_VMEMMAP"
        ),
        "CONFIG_PGTABLE_LEVELS": "4",
        "CONFIG_PAGE_SHIFT": "12",
    },
    sources={
        "arch/x86/mm/pgtable.c": (
            "pte_mkwrite",
            "pmd_mkwrite",
            "ptep_set_access_flags",
            "pmdp_set_access_flags",
            "pudp_set_access_flags",
            "ptep_test_and_clear_young",
            "pmdp_test_and_clear_young",
            "pudp_test_and_clear_young",
            "pmdp_invalidate_ad",
            "pudp_invalidate",
        ),
        "arch/x86/mm/pgprot.c": (),
    },
    protection_map="arch/x86/mm/pgprot.c",
    helpers={
        "pte_mkwrite_shstk": (ENTRY, ("pte",)),
        "pmd_mkwrite_shstk": (ENTRY, ("pmd",)),
        "protnone_mask": (WORD, ("word",)),
        "flip_protnone_guard": (WORD, ("word", "word", "word")),
    },
    runtime={
        "physical_mask": RunTime((1 << 52) - 1, "physical_mask covers 52 bits, none of them used by memory encryption"),
        "cc_mask": RunTime(0, "cc_mask is 0: no memory encryption"),
        "sme_me_mask": RunTime(0, "sme_me_mask is 0: no memory encryption"),
        "__supported_pte_mask": RunTime((1 << 64) - 1, "__supported_pte_mask has every bit set"),
    },
    cpu_tests=frozenset({"cpu_feature_enabled", "boot_cpu_has", "static_cpu_has"}),
    cpu_features={"X86_FEATURE_SHSTK": "shstk", "X86_FEATURE_USER_SHSTK": "shstk"},
    clear_vm_flags=frozenset({"VM_SHADOW_STACK"}),
    features={"shstk": Feature("user shadow stacks (CET): a read-only dirty entry is a writable shadow stack")},
    levels=("pte", "pmd", "pud"),
    says="the CPU walks the tables and records accessed and dirty itself",
)

PLATFORMS = (X86_64,)
