"""What the lifter has to know about each architecture, as data: headers, configuration, run-time values, helpers.

The configuration is the distribution's where it matters for page-table entries: transparent huge pages, NUMA
balancing, soft-dirty and userfaultfd write protection are on (Debian 6.1 and 6.12). A configuration option that is
not listed is not set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

TEST, ENTRY, WORD = "test", "entry", "word"
"""What a helper yields: a truth value, an entry, or a plain integer."""

_TESTS = "present write dirty young none special protnone soft_dirty uffd_wp devmap"
_CHANGES = (
    "mkdirty mkclean mkwrite mkwrite_novma wrprotect mkold mkyoung mkspecial mkhuge mkdevmap mksoft_dirty "
    "clear_soft_dirty mkuffd_wp clear_uffd_wp"
)

HELPERS: dict[str, tuple[str, tuple[str, ...]]] = {
    **{f"{level}_{name}": (TEST, (level,)) for level in ("pte", "pmd") for name in _TESTS.split()},
    **{f"{level}_{name}": (ENTRY, (level, "vma")) for level in ("pte", "pmd") for name in _CHANGES.split()},
    **{f"{level}_modify": (ENTRY, (level, "pgprot")) for level in ("pte", "pmd")},
    **{f"{level}_pfn": (WORD, (level,)) for level in ("pte", "pmd")},
    **{f"pfn_{level}": (ENTRY, ("word", "pgprot")) for level in ("pte", "pmd")},
    **{f"mk_{level}": (ENTRY, ("page", "pgprot")) for level in ("pte", "pmd")},
    "pmd_trans_huge": (TEST, ("pmd",)),
    "pmd_leaf": (TEST, ("pmd",)),
    "pmd_mkinvalid": (ENTRY, ("pmd",)),
}
"""Helpers under their kernel names: what they yield, and the kinds of the parameters of a macro of that name."""

FOLDED = ("asm-generic/pgtable-nop4d.h", "asm-generic/pgtable-nopud.h", "asm-generic/pgtable-nopmd.h")
COMMON_HEADERS: dict[str, bool] = {
    "asm/pgtable.h": False, "asm/page.h": False, "asm-generic/pgtable_uffd.h": True, **dict.fromkeys(FOLDED, False),
    "linux/const.h": True, "uapi/linux/const.h": True, "vdso/const.h": True,
}  # fmt: skip


def enabled(options: str) -> dict[str, str]:
    """The configuration with these options on; written without their common prefix."""
    return {f"CONFIG_{option}": "1" for option in options.split()}


COMMON_CONFIG = enabled(
    "64BIT MMU SMP TRANSPARENT_HUGEPAGE HAVE_ARCH_TRANSPARENT_HUGEPAGE HUGETLB_PAGE NUMA NUMA_BALANCING "
    "ARCH_HAS_PTE_SPECIAL ARCH_HAS_PTE_DEVMAP PHYS_ADDR_T_64BIT ARCH_WANT_PMD_MKWRITE MIGRATION "
    "ARCH_ENABLE_THP_MIGRATION SWAP"
)

CONSTANTS = (
    "_PAGE_", "_CACHE_", "_PFN_", "_HPAGE_", "PFN_PTE_", "PTE_PFN_", "PTE_FLAGS_", "PAGE_SHIFT", "PAGE_SIZE",
    "PMD_SHIFT", "PHYSICAL_",
)  # fmt: skip
"""What the names of the macros start with whose values are reported."""


@dataclass(frozen=True)
class RunTime:
    """A variable of the kernel whose value the lifter takes as given.

    Attributes:
        value: that value.
        says: the assumption as a sentence.
    """

    value: int
    says: str


@dataclass(frozen=True)
class Platform:
    """One architecture for the lifter.

    Attributes:
        name: the architecture's name in ptecheck.
        folder: its folder under ``arch/``.
        headers: include names that are read, True where the header may be absent.
        config: the kernel configuration, option -> value.
        first: headers read before all others, because headers that are not on the list would include them.
        sources: C files read where the tree has them, path -> the helpers they define.
        protection_map: the one of them with the table of page protections.
        helpers: names lifted beside :data:`HELPERS`.
        runtime: kernel variables with a value taken as given.
        cpu_tests: functions that ask for a CPU feature.
        cpu_features: flag -> the ptecheck feature that sets it ("" never).
        clear_vm_flags: flags of a mapping that are taken as clear.
        constants: prefixes of the macros whose values are reported.
    """

    name: str
    folder: str
    headers: Mapping[str, bool]
    config: Mapping[str, str]
    sources: Mapping[str, tuple[str, ...]]
    protection_map: str
    first: tuple[str, ...] = ()
    helpers: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    runtime: Mapping[str, RunTime] = field(default_factory=dict)
    cpu_tests: frozenset[str] = frozenset()
    cpu_features: Mapping[str, str] = field(default_factory=dict)
    clear_vm_flags: frozenset[str] = frozenset()
    constants: tuple[str, ...] = CONSTANTS

    @property
    def wanted(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Every helper to look for."""
        return {**HELPERS, **self.helpers}


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
        "invalid_pte_table": RunTime(
            0, "the address of invalid_pte_table, which stands for an empty PMD, is taken as 0"
        ),
    },
)

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
        "arch/x86/mm/pgtable.c": ("pte_mkwrite", "pmd_mkwrite"),
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
)

PLATFORMS = {platform.name: platform for platform in (LOONGARCH, X86_64)}
"""Every architecture that can be lifted."""

VM_FLAGS = {"VM_NONE": 0, "VM_READ": 1, "VM_WRITE": 2, "VM_EXEC": 4, "VM_SHARED": 8}
"""The flags that index the table of page protections (include/linux/mm.h)."""

CLASSES = {"NONE": 0, "READONLY": 1, "PRIVATE": 1 | 2, "SHARED": 1 | 2 | 8}
"""Protection class -> its index in that table."""

MACROS = {
    "NONE": ("PAGE_NONE",),
    "READONLY": ("PAGE_READONLY",),
    "PRIVATE": ("PAGE_COPY", "PAGE_READONLY"),
    "SHARED": ("PAGE_SHARED",),
}
"""Protection class -> macros to use where the tree does not have the table."""
