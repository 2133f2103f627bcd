"""powerpc for the lifter: the server MMUs of 64 bits, the classic ones of 32, and the embedded ones."""

from __future__ import annotations

from typing import Any

from models.kernel.architectures import COMMON_HEADERS, CONSTANTS, Feature, Platform, RunTime, enabled
from models.kernel.words import Abi

_FIRST = ("arch/powerpc/include/asm/page.h",)
_TABLE = "arch/powerpc/mm/pgtable.c"
_CONSTANTS = (*CONSTANTS, "H_PAGE_", "PTE_RPN_")


def _headers(names: str) -> dict[str, bool]:
    """What every platform reads, and some more."""
    return {
        **COMMON_HEADERS,
        "asm/asm-const.h": False,
        "asm/pgtable-masks.h": True,
        **dict.fromkeys((f"asm/{name}" for name in names.split()), False),
    }


def _config(options: str, page_shift: int, levels: int) -> dict[str, str]:
    """The configuration; the size of a page under its names of Linux 6.1 and of 6.12."""
    shift, kernel = str(page_shift), "0xc0000000" if "PPC32" in options.split() else "0xc000000000000000"
    return {
        **enabled(f"PPC MMU SWAP MIGRATION ARCH_HAS_PTE_SPECIAL PROC_FS {options}"),
        "CONFIG_PGTABLE_LEVELS": str(levels),
        "CONFIG_PAGE_SHIFT": shift,
        "CONFIG_PPC_PAGE_SHIFT": shift,
        "CONFIG_KERNEL_START": kernel,
        "CONFIG_PAGE_OFFSET": kernel,
        "CONFIG_PHYSICAL_START": "0x00000000",
    }


_HUGETLB = "HUGETLB_PAGE ARCH_HAS_HUGEPD"
"""The second is Linux 6.1's."""

_BOOK3S64_HEADERS = _headers(
    "page_64.h pgtable-be-types.h book3s/pgtable.h book3s/64/pgtable.h book3s/64/hash.h book3s/64/hash-64k.h "
    "book3s/64/radix.h book3s/64/radix-64k.h book3s/64/pgtable-64k.h"
)
_BOOK3S64_CONFIG = {
    **_config(
        "PPC64 64BIT SMP PPC_BOOK3S PPC_BOOK3S_64 CPU_LITTLE_ENDIAN PPC_RADIX_MMU PPC_64S_HASH_MMU PPC_64K_PAGES "
        "PAGE_SIZE_64KB PPC_THP PPC_MEM_KEYS PPC_PKEY PHYS_ADDR_T_64BIT NUMA NUMA_BALANCING TRANSPARENT_HUGEPAGE "
        "HAVE_ARCH_TRANSPARENT_HUGEPAGE HAVE_ARCH_TRANSPARENT_HUGEPAGE_PUD ARCH_HAS_PTE_DEVMAP ZONE_DEVICE "
        "ARCH_ENABLE_THP_MIGRATION ARCH_WANT_PMD_MKWRITE HAVE_ARCH_SOFT_DIRTY MEM_SOFT_DIRTY SPARSEMEM "
        f"SPARSEMEM_EXTREME SPARSEMEM_VMEMMAP {_HUGETLB}",
        page_shift=16,
        levels=4,
    ),
    "__powerpc64__": "1",
}
_BOOK3S64_SOURCES = {
    _TABLE: (),
    "arch/powerpc/mm/book3s64/pgtable.c": (
        *(f"{name}_{level}" for name in ("pfn", "mk") for level in ("pmd", "pud")),
        "pmd_modify",
        "pud_modify",
        "vm_get_page_prot",
    ),
}


def _runtime(where: str, **sizes: int) -> dict[str, RunTime]:
    """The variables that the MMU found at boot decides: the sizes of the tables, as powers of two and in bytes."""
    given = {f"__{name}": RunTime(value, f"__{name} is {value}, as {where} sets it") for name, value in sizes.items()}
    return {**given, "VM_SAO": RunTime(0x1000000, "VM_SAO is VM_ARCH_1, a flag that no ordinary mapping has")}


def _book3s64(name: str, radix: bool, says: str, **more: Any) -> Platform:
    """The 64-bit server MMUs; one kernel runs on both.

    Little-endian and with 64K pages, as distributions for POWER8 and newer are. Page tables are big-endian in memory
    whatever the kernel is; an entry is the number that the CPU reads there, which is the one that pte_val() yields.
    """
    return Platform(
        name=name,
        folder="powerpc",
        headers=_BOOK3S64_HEADERS,
        config=_BOOK3S64_CONFIG,
        sources=_BOOK3S64_SOURCES,
        protection_map=_TABLE,
        first=_FIRST,
        calls={
            "radix_enabled": RunTime(int(radix), f"radix_enabled() is {'true' if radix else 'false'}"),
            "vmflag_to_pte_pkey_bits": RunTime(0, "mappings have protection key 0"),
        },
        constants=_CONSTANTS,
        page_shift=16,
        physical_bits=51,
        says=says,
        **more,
    )


BOOK3S64 = _book3s64(
    "powerpc-book3s64",
    radix=True,
    runtime=_runtime(
        "radix__early_init_mmu()",
        pte_index_size=5,
        pmd_index_size=9,
        pud_index_size=9,
        pte_table_size=256,
        pmd_table_size=4096,
    ),
    features={
        "rcfault": Feature(
            "a CPU that raises a storage interrupt instead of setting the reference and change bits (Microwatt)"
        )
    },
    levels=("pte", "pmd", "pud"),
    says="POWER9 and newer with radix tables: the CPU walks them and sets the reference and change bits, or has the kernel do it",
)

BOOK3S64_HASH = _book3s64(
    "powerpc-book3s64-hash",
    radix=False,
    runtime=_runtime(
        "hash__early_init_mmu()",
        pte_index_size=8,
        pmd_index_size=10,
        pud_index_size=10,
        pte_table_size=4096,
        pmd_table_size=16384,
    ),
    levels=("pte", "pmd"),
    says="POWER8 and older: a hashed table that do_hash_fault() fills from the page tables, recording on the way",
)


def _classic(name: str, headers: str, options: str, physical: int, says: str, **more: Any) -> Platform:
    """A 32-bit kernel with 4K pages and two levels of tables."""
    wide = physical > 32
    return Platform(
        name=name,
        folder="powerpc",
        headers=_headers(f"page_32.h pgtable-types.h {headers}"),
        config=_config(
            f"PPC32 32BIT CPU_BIG_ENDIAN PPC_4K_PAGES PAGE_SIZE_4KB {options}"
            + (" PHYS_64BIT PTE_64BIT PHYS_ADDR_T_64BIT" if wide else ""),
            page_shift=12,
            levels=2,
        ),
        sources={_TABLE: ()},
        protection_map=_TABLE,
        abi=Abi(bits=32, big_endian=True, physical=64 if wide else 32),
        first=_FIRST,
        constants=_CONSTANTS,
        page_shift=12,
        physical_bits=physical,
        levels=("pte",),
        says=says,
        **more,
    )


BOOK3S32 = _classic(
    "powerpc-book3s32",
    "book3s/pgtable.h book3s/32/pgtable.h",
    "PPC_BOOK3S PPC_BOOK3S_32 PPC_BOOK3S_603 PPC_BOOK3S_604",
    physical=32,
    features={"603": Feature("a 603 or e300: no hashed table; handlers of TLB misses read the page tables")},
    says="604 and newer, 750, 74xx: a hashed table that hash_page() fills from the page tables, recording on the way",
)

_NOHASH = "nohash/pgtable.h nohash/32/pgtable.h"

PPC_8XX = _classic(
    "powerpc-8xx",
    f"{_NOHASH} nohash/32/pte-8xx.h",
    f"PPC_8xx {_HUGETLB}",
    physical=32,
    says="MPC8xx: a software-loaded TLB that checks everything itself; a bit for read-only, none for writable",
)

PPC_44X = _classic(
    "powerpc-44x",
    f"{_NOHASH} nohash/32/pte-44x.h",
    "44x 4xx BOOKE",
    physical=36,
    says="440, 460 and 476: a software-loaded TLB; only dirty entries are loaded writable",
)

PPC_85XX = _classic(
    "powerpc-85xx",
    f"{_NOHASH} nohash/32/pte-85xx.h",
    "PPC_85xx PPC_E500 BOOKE SMP",
    physical=32,
    says="e500 with entries of 32 bits: a software-loaded TLB; only dirty entries are loaded writable",
)

E500 = _classic(
    "powerpc-e500",
    f"{_NOHASH} nohash/pte-e500.h",
    f"PPC_85xx PPC_E500 PPC_E500MC BOOKE SMP {_HUGETLB}",
    physical=36,
    says="e500 with entries of 64 bits (large physical addresses): as powerpc-85xx, with permissions for each mode",
)

BOOK3E64 = Platform(
    name="powerpc-book3e64",
    folder="powerpc",
    headers=_headers(
        "page_64.h pgtable-types.h nohash/pgtable.h nohash/64/pgtable.h nohash/64/pgtable-4k.h nohash/pte-e500.h"
    ),
    config={
        **_config(
            "PPC64 64BIT SMP CPU_BIG_ENDIAN PPC_BOOK3E_64 PPC_E500 PPC_E500MC BOOKE PPC_4K_PAGES PAGE_SIZE_4KB "
            f"PHYS_64BIT PTE_64BIT PHYS_ADDR_T_64BIT SPARSEMEM SPARSEMEM_VMEMMAP {_HUGETLB}",
            page_shift=12,
            levels=4,
        ),
        "__powerpc64__": "1",
    },
    sources={_TABLE: ()},
    protection_map=_TABLE,
    abi=Abi(bits=64, big_endian=True),
    first=_FIRST,
    constants=_CONSTANTS,
    page_shift=12,
    physical_bits=40,
    levels=("pte",),
    says="e5500 and e6500 with a 64-bit kernel: the entries of powerpc-e500",
)

PLATFORMS = (BOOK3S64, BOOK3S64_HASH, BOOK3S32, PPC_8XX, PPC_44X, PPC_85XX, E500, BOOK3E64)
