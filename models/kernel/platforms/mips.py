"""MIPS for the lifter: 32 and 64 bits, the two forms of entries of two words, and the R3000."""

from __future__ import annotations

from models.kernel.architectures import COMMON_HEADERS, Feature, Instead, Platform, RunTime, enabled
from models.kernel.words import Abi

_HEADERS = {
    **COMMON_HEADERS,
    **dict.fromkeys(("asm/pgtable-bits.h", "asm/pgtable-32.h", "asm/pgtable-64.h"), False),
}
_FIRST = ("arch/mips/include/asm/page.h", "arch/mips/include/asm/pgtable-bits.h")
_CACHE_C = "arch/mips/mm/cache.c"
_SOURCES_32: dict[str, tuple[str, ...]] = {"arch/mips/mm/pgtable-32.c": ("mk_pmd",), _CACHE_C: ()}
_SOURCES_64: dict[str, tuple[str, ...]] = {"arch/mips/mm/pgtable-64.c": ("mk_pmd",), _CACHE_C: ()}
_SETUP = "setup_protection_map"
_LITTLE_32 = Abi(bits=32, big_endian=False, physical=32)
_TWO_WORDS = Abi(bits=32, big_endian=False, physical=64)
_HUGE = (
    "TRANSPARENT_HUGEPAGE HAVE_ARCH_TRANSPARENT_HUGEPAGE HUGETLB_PAGE MIPS_HUGE_TLB_SUPPORT ARCH_WANT_PMD_MKWRITE "
    "ARCH_HAS_PTE_SPECIAL"
)
_TABLES = {
    f"invalid_{level}_table": RunTime(
        0, f"the address of invalid_{level}_table, which stands for an empty entry one level up, is taken as 0"
    )
    for level in ("pte", "pmd", "pud")
}
_QUIET = dict.fromkeys(("htw_stop", "htw_start"), "stops the hardware page-table walker, or lets it go on")
_INSTEAD = {
    "set_pte": Instead(
        "static inline void set_pte(pte_t *ptep, pte_t pte) { *ptep = pte; }",
        "set_pte() only stores the entry: what it does beside a global (kernel) entry's neighbour is left out",
        where="ptep_buddy",
    ),
    "pte_clear": Instead(
        "static inline void pte_clear(struct mm_struct *mm, unsigned long addr, pte_t *ptep) { set_pte(ptep, __pte(0)); }",
        "pte_clear() leaves 0: the neighbour of a user entry is not global",
        where="ptep_buddy",
    ),
    "set_pte_at": Instead(
        "static inline void set_pte_at(struct mm_struct *mm, unsigned long addr, pte_t *ptep, pte_t pteval)"
        " { set_pte(ptep, pteval); }",
        "set_pte_at() only stores the entry: what it does before is for the caches",
        where="cache_sync_done",
    ),
}
_NO_RIXI = RunTime(0, "cpu_has_rixi is false: the CPU has no read-inhibit and execute-inhibit bits")
_RIXI = Feature(
    "the CPU has read-inhibit and execute-inhibit bits (RIXI)",
    runtime={"cpu_has_rixi": RunTime(1, "cpu_has_rixi is true")},
)


def _given(cacheable: int, rixi: RunTime) -> dict[str, RunTime]:
    """What is only known at run time; ``cacheable`` is the cache attribute in its place, ``rixi`` what the CPU has."""
    return {**_TABLES, "_page_cachable_default": _cached(cacheable), "cpu_has_rixi": rixi}


def _cached(value: int) -> RunTime:
    says = f"_page_cachable_default is {value:#x}, the cache attribute "
    says += "of cached, noncoherent memory, as coherency_setup() sets it" if value else "that it starts with"
    return RunTime(value, says)


def _config(options: str, levels: int, page_shift: int) -> dict[str, str]:
    size = f"PAGE_SIZE_{1 << page_shift - 10}KB"
    return {
        **enabled(f"MMU MIPS SWAP MIGRATION {size} {options}"),
        "CONFIG_PGTABLE_LEVELS": str(levels),
        "CONFIG_PAGE_SHIFT": str(page_shift),
    }


MIPS = Platform(
    name="mips",
    folder="mips",
    headers=_HEADERS,
    config=_config(
        "32BIT SMP CPU_MIPS32 CPU_MIPS32_R2 CPU_MIPSR2 CPU_HAS_RIXI CPU_R4K_CACHE_TLB CPU_LITTLE_ENDIAN", 2, 12
    ),
    sources=_SOURCES_32,
    protection_map=_CACHE_C,
    protection_setup=_SETUP,
    instead=_INSTEAD,
    quiet=_QUIET,
    abi=_LITTLE_32,
    first=_FIRST,
    runtime=_given(0x600, _NO_RIXI),
    features={
        "rixi": _RIXI,
        "r1": Feature(
            "a kernel for MIPS32 release 1, without places for the RIXI bits",
            config={
                **dict.fromkeys(("CONFIG_CPU_MIPS32_R2", "CONFIG_CPU_MIPSR2", "CONFIG_CPU_HAS_RIXI"), ""),
                **enabled("CPU_MIPS32_R1 CPU_MIPSR1 ARCH_HAS_PTE_SPECIAL"),
            },
            excludes=frozenset({"rixi"}),
        ),
    },
    physical_bits=32,
    levels=("pte",),
    says="a software-loaded TLB; handlers made at boot record accessed and modified",
)

MIPS64 = Platform(
    name="mips64",
    folder="mips",
    headers=_HEADERS,
    config=_config(
        "64BIT SMP CPU_MIPS64 CPU_CAVIUM_OCTEON CAVIUM_OCTEON_SOC CPU_MIPSR2 CPU_HAS_RIXI PHYS_ADDR_T_64BIT "
        f"CPU_BIG_ENDIAN {_HUGE}",
        3,
        12,
    ),
    sources=_SOURCES_64,
    protection_map=_CACHE_C,
    protection_setup=_SETUP,
    instead=_INSTEAD,
    quiet=_QUIET,
    abi=Abi(big_endian=True),
    first=_FIRST,
    runtime=_given(0, _NO_RIXI),
    features={
        "rixi": _RIXI,
        "r4k": Feature(
            "a kernel for R4000 to R10000 CPUs, without places for the RIXI bits",
            config={
                **dict.fromkeys(
                    (
                        "CONFIG_CPU_MIPS64",
                        "CONFIG_CPU_CAVIUM_OCTEON",
                        "CONFIG_CAVIUM_OCTEON_SOC",
                        "CONFIG_CPU_MIPSR2",
                        "CONFIG_CPU_HAS_RIXI",
                    ),
                    "",
                ),
                **enabled("CPU_R10000 CPU_R4K_CACHE_TLB"),
            },
            runtime={"_page_cachable_default": _cached(0xC00)},
            excludes=frozenset({"rixi"}),
        ),
    },
    physical_bits=48,
    says="Octeon: a software-loaded TLB; handlers made at boot record accessed and modified",
)

XPA = Platform(
    name="mips-xpa",
    folder="mips",
    headers=_HEADERS,
    config=_config(
        "32BIT SMP CPU_MIPS32 CPU_MIPS32_R2 CPU_MIPS32_R5_FEATURES CPU_MIPS32_R5_XPA CPU_MIPSR2 CPU_HAS_RIXI XPA "
        "PHYS_ADDR_T_64BIT HIGHMEM GUP_GET_PXX_LOW_HIGH CPU_R4K_CACHE_TLB CPU_LITTLE_ENDIAN",
        2,
        14,
    ),
    sources=_SOURCES_32,
    protection_map=_CACHE_C,
    protection_setup=_SETUP,
    instead=_INSTEAD,
    quiet=_QUIET,
    abi=_TWO_WORDS,
    first=_FIRST,
    runtime=_given(0x60, RunTime(1, "cpu_has_rixi is true: a CPU with extended addresses has those bits")),
    page_shift=14,
    physical_bits=40,
    levels=("pte",),
    says="extended physical addresses: software bits in the low word, what the TLB takes in the high one",
)

ALCHEMY = Platform(
    name="mips-alchemy",
    folder="mips",
    headers=_HEADERS,
    config=_config(
        "32BIT CPU_MIPS32 CPU_MIPS32_R1 CPU_MIPSR1 MIPS_ALCHEMY PHYS_ADDR_T_64BIT GUP_GET_PXX_LOW_HIGH "
        "ARCH_HAS_PTE_SPECIAL CPU_R4K_CACHE_TLB CPU_LITTLE_ENDIAN",
        2,
        12,
    ),
    sources=_SOURCES_32,
    protection_map=_CACHE_C,
    protection_setup=_SETUP,
    instead=_INSTEAD,
    quiet=_QUIET,
    abi=_TWO_WORDS,
    first=_FIRST,
    runtime=_given(0x18, _NO_RIXI),
    physical_bits=36,
    levels=("pte",),
    says="36-bit physical addresses: the TLB takes the high word, software bits are in the low one",
)

R3000 = Platform(
    name="mips-r3k",
    folder="mips",
    headers=_HEADERS,
    config=_config("32BIT CPU_R3000 CPU_R3K_TLB MACH_DECSTATION ARCH_HAS_PTE_SPECIAL CPU_LITTLE_ENDIAN", 2, 12),
    sources=_SOURCES_32,
    protection_map=_CACHE_C,
    protection_setup=_SETUP,
    instead=_INSTEAD,
    quiet=_QUIET,
    abi=_LITTLE_32,
    first=_FIRST,
    runtime=_given(0, _NO_RIXI),
    physical_bits=32,
    levels=("pte",),
    says="the R3000's TLB: the same handlers, the TLB takes an entry as it is",
)

PLATFORMS = (MIPS, MIPS64, XPA, ALCHEMY, R3000)
