"""x86 for the lifter: 64 bits, and 32 bits with and without physical address extension (PAE)."""

from __future__ import annotations

from models.kernel.architectures import (
    COMMON_CONFIG,
    COMMON_HEADERS,
    ENTRY,
    WORD,
    Drift,
    Feature,
    Platform,
    RunTime,
    enabled,
)
from models.kernel.words import Abi

_HEADERS = {
    **COMMON_HEADERS,
    **dict.fromkeys(("asm/pgtable_types.h", "asm/page_types.h"), False),
    **dict.fromkeys(("linux/mem_encrypt.h", "asm/mem_encrypt.h", "asm/coco.h"), True),
}
_HEADERS_32 = {
    **_HEADERS,
    **dict.fromkeys(("asm/pgtable_32_types.h", "asm/pgtable_32.h", "asm/page_32_types.h"), False),
}
_SOURCES = {
    "arch/x86/mm/pgtable.c": ("pte_mkwrite", "pmd_mkwrite"),
    "arch/x86/mm/pgprot.c": (),
}
_HELPERS = {
    "pte_mkwrite_shstk": (ENTRY, ("pte",)),
    "pmd_mkwrite_shstk": (ENTRY, ("pmd",)),
    "protnone_mask": (WORD, ("word",)),
    "flip_protnone_guard": (WORD, ("word", "word", "word")),
}
_CPU_TESTS = frozenset({"cpu_feature_enabled", "boot_cpu_has", "static_cpu_has"})
_SUPPORTED = "__supported_pte_mask has every bit set"

_CONFIG_32 = enabled(
    "X86 X86_32 MMU SMP TRANSPARENT_HUGEPAGE HAVE_ARCH_TRANSPARENT_HUGEPAGE HUGETLB_PAGE ARCH_HAS_PTE_SPECIAL "
    "ARCH_WANT_PMD_MKWRITE MIGRATION SWAP ARCH_HAS_MEM_ENCRYPT FLATMEM"
)
"""Without what arch/x86/Kconfig gives to 64 bits only: NUMA balancing, devmap, soft-dirty, userfaultfd's protection."""

X86_64 = Platform(
    name="x86-64",
    folder="x86",
    headers={
        **_HEADERS,
        **dict.fromkeys(("asm/pgtable_64_types.h", "asm/pgtable_64.h", "asm/pgtable-invert.h"), False),
        "asm/page_64_types.h": False,
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
    drifts=(Drift("arch/x86/Kconfig", r"\bdefault 5 if X86_64\b", config={"CONFIG_PGTABLE_LEVELS": "5"}),),
    sources=_SOURCES,
    protection_map="arch/x86/mm/pgprot.c",
    helpers=_HELPERS,
    runtime={
        "physical_mask": RunTime((1 << 52) - 1, "physical_mask covers 52 bits, none of them used by memory encryption"),
        "cc_mask": RunTime(0, "cc_mask is 0: no memory encryption"),
        "sme_me_mask": RunTime(0, "sme_me_mask is 0: no memory encryption"),
        "__supported_pte_mask": RunTime((1 << 64) - 1, _SUPPORTED),
    },
    cpu_tests=_CPU_TESTS,
    cpu_features={"X86_FEATURE_SHSTK": "shstk", "X86_FEATURE_USER_SHSTK": "shstk"},
    clear_vm_flags=frozenset({"VM_SHADOW_STACK"}),
    features={"shstk": Feature("user shadow stacks (CET): a read-only dirty entry is a writable shadow stack")},
    levels=("pte", "pmd", "pud"),
    says="the CPU walks the tables and records accessed and dirty itself",
)

X86_32 = Platform(
    name="x86-32",
    folder="x86",
    headers={
        **_HEADERS_32,
        **dict.fromkeys(("asm/pgtable-2level_types.h", "asm/pgtable-2level.h"), False),
    },
    config={**_CONFIG_32, **enabled("HIGHMEM HIGHMEM4G"), "CONFIG_PGTABLE_LEVELS": "2", "CONFIG_PAGE_SHIFT": "12"},
    sources=_SOURCES,
    protection_map="arch/x86/mm/pgprot.c",
    abi=Abi(bits=32, physical=32),
    helpers=_HELPERS,
    runtime={"__supported_pte_mask": RunTime((1 << 32) - 1, _SUPPORTED)},
    cpu_tests=_CPU_TESTS,
    cpu_features={"X86_FEATURE_SHSTK": "", "X86_FEATURE_USER_SHSTK": ""},
    clear_vm_flags=frozenset({"VM_SHADOW_STACK"}),
    physical_bits=32,
    says="two levels of 32-bit entries; the CPU walks the tables and records accessed and dirty itself",
)

X86_PAE = Platform(
    name="x86-pae",
    folder="x86",
    headers={
        **_HEADERS_32,
        **dict.fromkeys(
            ("asm/pgtable-3level_types.h", "asm/pgtable-3level.h", "asm/pgtable-invert.h"),
            False,
        ),
    },
    config={
        **_CONFIG_32,
        **enabled("X86_PAE HIGHMEM HIGHMEM64G PHYS_ADDR_T_64BIT"),
        "CONFIG_PGTABLE_LEVELS": "3",
        "CONFIG_PAGE_SHIFT": "12",
    },
    sources=_SOURCES,
    protection_map="arch/x86/mm/pgprot.c",
    abi=Abi(bits=32, physical=64),
    helpers=_HELPERS,
    runtime={"__supported_pte_mask": RunTime((1 << 64) - 1, _SUPPORTED)},
    cpu_tests=_CPU_TESTS,
    cpu_features={"X86_FEATURE_SHSTK": "", "X86_FEATURE_USER_SHSTK": ""},
    clear_vm_flags=frozenset({"VM_SHADOW_STACK"}),
    physical_bits=44,
    says="three levels of 64-bit entries under a 32-bit kernel; the CPU records accessed and dirty itself",
)

PLATFORMS = (X86_64, X86_32, X86_PAE)
