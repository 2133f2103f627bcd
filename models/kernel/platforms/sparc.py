"""SPARC for the lifter: 32 bits with the reference memory-management unit, and 64 bits."""

from __future__ import annotations

from models.kernel.architectures import COMMON_HEADERS, CONSTANTS, Feature, Instead, Patch, Platform, RunTime, enabled
from models.kernel.words import Abi

SPARC_32 = Platform(
    name="sparc32",
    folder="sparc",
    headers={
        **COMMON_HEADERS,
        **dict.fromkeys(("asm/pgtable_32.h", "asm/page_32.h", "asm/pgtsrmmu.h"), False),
    },
    config={
        **enabled("SPARC SPARC32 MMU SWAP HIGHMEM CPU_BIG_ENDIAN MIGRATION"),
        "CONFIG_PGTABLE_LEVELS": "3",
        "CONFIG_PAGE_SHIFT": "12",
    },
    sources={"arch/sparc/mm/init_32.c": ()},
    protection_map="arch/sparc/mm/init_32.c",
    abi=Abi(bits=32, big_endian=True, physical=32),
    first=("arch/sparc/include/asm/page.h",),
    instead={
        "srmmu_swap": Instead(
            "static inline unsigned long srmmu_swap(unsigned long *addr, unsigned long value) { return xchg(addr, value); }",
            "the instruction swap exchanges a word in memory",
        )
    },
    constants=(*CONSTANTS, "SRMMU_"),
    physical_bits=32,
    levels=("pte",),
    says="the CPU walks the tables and sets the referenced and modified bits itself",
)

_COMPILER = {"__sparc__": "1", "__arch64__": "1"}
"""What the compiler for 64 bits defines; by it the headers choose between their two halves."""

_SUN4V = frozenset({"sun4v", "m7"})
_CACHE = "page_cache4v_flag is what paging_init() sets on"

SPARC_64 = Platform(
    name="sparc64",
    folder="sparc",
    headers={
        **COMMON_HEADERS,
        **dict.fromkeys(("asm/pgtable_64.h", "asm/page_64.h"), False),
    },
    config={
        **enabled(
            "64BIT SPARC SPARC64 MMU SMP NUMA TRANSPARENT_HUGEPAGE HAVE_ARCH_TRANSPARENT_HUGEPAGE HUGETLB_PAGE "
            "ARCH_WANT_PMD_MKWRITE ARCH_HAS_PTE_SPECIAL PHYS_ADDR_T_64BIT MIGRATION SWAP CPU_BIG_ENDIAN SPARSEMEM "
            "SPARSEMEM_VMEMMAP ARCH_HAS_LAZY_MMU_MODE"
        ),
        **_COMPILER,
        "CONFIG_PGTABLE_LEVELS": "4",
        "CONFIG_PAGE_SHIFT": "13",
    },
    sources={"arch/sparc/mm/init_64.c": (), "arch/sparc/mm/tlb.c": ("set_pmd_at", "pmdp_invalidate")},
    protection_map="arch/sparc/mm/init_64.c",
    protection_setup="sun4u_pgprot_init",
    abi=Abi(big_endian=True),
    first=("arch/sparc/include/asm/page.h",),
    quiet={
        "tlb_batch_add": "drops translations from TLBs and caches",
        "__set_pmd_acct": "counts huge pages, and drops translations from TLBs and caches",
    },
    assembly="sparc64",
    # arch/sparc/kernel/setup_64.c, sun4v_patch()
    patches={
        ".sun4v_1insn_patch": Patch(1, _SUN4V),
        ".sun4v_2insn_patch": Patch(2, _SUN4V),
        ".sun_m7_2insn_patch": Patch(2, frozenset({"m7"})),
    },
    features={
        "sun4v": Feature(
            "the sun4v encoding of entries (UltraSPARC T1 and newer)",
            runtime={
                "page_cache4v_flag": RunTime(0x600, f"{_CACHE} sun4v before the SPARC M7: _PAGE_CP_4V | _PAGE_CV_4V")
            },
            protection_setup="sun4v_pgprot_init",
            physical_bits=56,
            excludes=frozenset({"m7"}),
        ),
        "m7": Feature(
            "the sun4v encoding on a SPARC M7 or M8, where the bit of the virtual cache detects corruption of memory",
            runtime={"page_cache4v_flag": RunTime(0x400, f"{_CACHE} a SPARC M7 or M8: _PAGE_CP_4V")},
            protection_setup="sun4v_pgprot_init",
            physical_bits=56,
            excludes=frozenset({"sun4v"}),
        ),
    },
    page_shift=13,
    physical_bits=43,
    memory_bits=53,
    says="software TLB miss code; a hardware-write bit apart from the software one",
)

PLATFORMS = (SPARC_32, SPARC_64)
