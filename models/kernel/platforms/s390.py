"""s390 (64 bits) for the lifter."""

from __future__ import annotations

from models.kernel.architectures import COMMON_HEADERS, CONSTANTS, Platform, RunTime, enabled
from models.kernel.words import Abi

S390 = Platform(
    name="s390",
    folder="s390",
    headers=COMMON_HEADERS,
    config={
        **enabled(
            "64BIT MMU SMP S390 PGSTE NUMA NUMA_BALANCING TRANSPARENT_HUGEPAGE HAVE_ARCH_TRANSPARENT_HUGEPAGE "
            "HUGETLB_PAGE ARCH_WANT_PMD_MKWRITE ARCH_HAS_PTE_SPECIAL HAVE_ARCH_SOFT_DIRTY MEM_SOFT_DIRTY "
            "PHYS_ADDR_T_64BIT MIGRATION SWAP CPU_BIG_ENDIAN PROC_FS RANDOMIZE_BASE"
        ),
        "CONFIG_PGTABLE_LEVELS": "5",
        "CONFIG_PAGE_SHIFT": "12",
    },
    sources={"arch/s390/mm/mmap.c": ()},
    protection_map="arch/s390/mm/mmap.c",
    abi=Abi(big_endian=True),
    runtime={
        "MACHINE_HAS_NX": RunTime(1, "MACHINE_HAS_NX is true: the machine has the instruction-execution protection"),
        "__identity_base": RunTime(0, "__identity_base is 0: the kernel sees physical memory at its own addresses"),
        "__kaslr_offset": RunTime(
            1 << 63, "__kaslr_offset is above all memory: no address of a page is in the kernel image"
        ),
    },
    calls={
        "PageDirty": RunTime(
            0, "PageDirty() of the page given to mk_pte() is false; for a dirty one pte_mkdirty() follows"
        )
    },
    constants=(*CONSTANTS, "_SEGMENT_ENTRY", "_REGION_ENTRY", "_REGION3_ENTRY"),
    levels=("pte", "pmd"),
    says="no accessed or dirty bits in hardware: an entry that is not young is invalid, one that is clean is protected",
)

PLATFORMS = (S390,)
