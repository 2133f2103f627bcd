"""powerpc for the lifter: the server MMUs of 64 bits, the classic ones of 32, and the embedded ones."""

from __future__ import annotations

from typing import Any

from models.kernel.architectures import COMMON_HEADERS, CONSTANTS, Drift, Feature, Instead, Platform, RunTime, enabled
from models.kernel.words import Abi

_FIRST = ("arch/powerpc/include/asm/page.h",)
_TABLE = "arch/powerpc/mm/pgtable.c"
_CONSTANTS = (*CONSTANTS, "H_PAGE_", "PTE_RPN_")


_QUIET = {
    "assert_pte_locked": "checks a lock, if anything",
    **{
        f"trace_hugepage_{does}{level}": "is for tracing"
        for does in ("set", "update")
        for level in ("", "_pmd", "_pud")
    },
    **dict.fromkeys(("hpte_need_flush", "hpte_do_hugepage_flush"), "drops a hashed translation"),
    **dict.fromkeys(("flush_hash_entry", "flush_hash_pages"), "drops a hashed translation"),
    **dict.fromkeys(("radix__flush_tlb_page", "radix__flush_tlb_page_psize"), "drops translations from TLBs"),
}
_STEP = (
    "static inline unsigned long {name}({parameters}) {{ unsigned long old; do {{ old = {value}(*{pointer}); }} "
    "while (cmpxchg(&{pointer}->{member}, cpu_to_be64(old), cpu_to_be64((old & ~clr) | set)) != cpu_to_be64(old)); "
    "return old; }}"
)
"""An entry changed in one step; it is big-endian in memory."""


def _step(name: str, parameters: str, level: str = "pte", where: str = "") -> Instead:
    """A loop of ldarx and stdcx. put into C."""
    pointer = f"{level}p"
    text = _STEP.format(name=name, parameters=parameters, value=f"{level}_val", pointer=pointer, member=level)
    return Instead(text, f"{name}() changes an entry in one step, when no hash fault has it in its hands", where)


_SET = "unsigned long clr, unsigned long set"
_OF_PMD = "struct mm_struct *mm, unsigned long addr, pmd_t *pmdp"
_STEPS = {
    "__radix_pte_update": _step("__radix_pte_update", f"pte_t *ptep, {_SET}"),
    "hash__pte_update_one": _step("hash__pte_update_one", f"pte_t *ptep, {_SET}"),
    # Linux 6.1 has the loop here
    "hash__pte_update": _step(
        "hash__pte_update",
        f"struct mm_struct *mm, unsigned long addr, pte_t *ptep, {_SET}, int huge",
        where="__asm__",
    ),
    "hash__ptep_set_access_flags": Instead(
        "static inline void hash__ptep_set_access_flags(pte_t *ptep, pte_t entry) { unsigned long old; do { "
        "old = pte_val(*ptep); } while (cmpxchg(&ptep->pte, cpu_to_be64(old), cpu_to_be64(old | (pte_val(entry) & "
        "(_PAGE_DIRTY | _PAGE_ACCESSED | _PAGE_READ | _PAGE_WRITE | _PAGE_EXEC | _PAGE_SOFT_DIRTY)))) "
        "!= cpu_to_be64(old)); }",
        "hash__ptep_set_access_flags() adds flags in one step, when no hash fault has the entry in its hands",
    ),
    "hash__pmd_hugepage_update": _step("hash__pmd_hugepage_update", f"{_OF_PMD}, {_SET}", "pmd"),
    "hash__pmdp_huge_get_and_clear": Instead(
        f"static inline pmd_t hash__pmdp_huge_get_and_clear({_OF_PMD})"
        " { return __pmd(pmd_hugepage_update(mm, addr, pmdp, ~0UL, 0)); }",
        "hash__pmdp_huge_get_and_clear() clears the entry; the page table that it clears as well is another word",
    ),
}
_HASHED = "mmu_has_feature(MMU_FTR_HPTE_TABLE) is {}"
_NO_FETCH = RunTime(0, "is_exec_fault() is false: the fault is no fetch of instructions")
_COHERENT = RunTime(1, "cpu_has_feature() is true: the instruction cache needs no help")
_POWER10 = RunTime(1, "cpu_has_feature() is true: a POWER10 or newer, whose accelerators see changed entries")


def _headers(names: str, older: str = "") -> dict[str, bool]:
    """What every platform reads, and some more; ``older`` are the names of some in other releases."""
    return {
        **COMMON_HEADERS,
        "asm/asm-const.h": False,
        "asm/pgtable-masks.h": True,
        **dict.fromkeys((f"asm/{name}" for name in names.split()), False),
        **dict.fromkeys((f"asm/{name}" for name in older.split()), True),
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
        f"ARCH_HAS_LAZY_MMU_MODE PPC_RADIX_BROADCAST_TLBIE SPARSEMEM_EXTREME SPARSEMEM_VMEMMAP {_HUGETLB}",
        page_shift=16,
        levels=4,
    ),
    "__powerpc64__": "1",
}
_BOOK3S64_SOURCES = {
    _TABLE: ("set_pte_at", "ptep_set_access_flags"),
    "arch/powerpc/mm/book3s64/radix_pgtable.c": (),
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
            "mmu_has_feature": RunTime(int(not radix), _HASHED.format("false" if radix else "true")),
            "cpu_has_feature": _POWER10 if radix else _COHERENT,
            "atomic_read": RunTime(0, "atomic_read() is 0: no accelerator uses the address space (mm->context.copros)"),
            "is_exec_fault": _NO_FETCH,
        },
        instead=_STEPS,
        quiet=_QUIET,
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
    # arch/powerpc/mm/pgtable.c of such kernels asks radix_enabled() after this
    drifts=(
        Drift(
            "arch/powerpc/kernel/dt_cpu_ftrs.c",
            r"\bfeat_enable_mmu_radix\([^}]*\bMMU_FTRS_HASH_BASE\b",
            calls={"mmu_has_feature": RunTime(1, f"{_HASHED.format('true')}, as feat_enable_mmu_radix() leaves it")},
        ),
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


_NO_HASH = {
    "radix_enabled": RunTime(0, "radix_enabled() is false"),
    "mmu_has_feature": RunTime(0, _HASHED.format("false")),
    "is_exec_fault": _NO_FETCH,
    "pte_looks_normal": RunTime(
        0,
        "pte_looks_normal() is false: set_pte_filter() leaves the entry, as it does where the page's caches are clean",
    ),
}

_PAGES = {
    "mmu_virtual_psize": RunTime(0, "mmu_virtual_psize, the code for the size of the kernel's pages, is taken as 0"),
    "SZ_4K": RunTime(4096, "SZ_4K is 4096"),
}
_STORED = {
    "__set_pte_at": Instead(
        "static inline void __set_pte_at(struct mm_struct *mm, unsigned long addr, pte_t *ptep, pte_t pte, int percpu)"
        " { *ptep = pte; }",
        "__set_pte_at() stores the entry, the word with the valid bit last",
        where="__asm__",
    )
}


def _classic(name: str, headers: str, options: str, physical: int, says: str, older: str = "", **more: Any) -> Platform:
    """A 32-bit kernel with 4K pages and two levels of tables."""
    wide = physical > 32
    more = {"calls": _NO_HASH, "instead": _STORED, "runtime": _PAGES, **more}
    return Platform(
        name=name,
        folder="powerpc",
        headers=_headers(f"page_32.h pgtable-types.h {headers}", older),
        config=_config(
            f"PPC32 32BIT CPU_BIG_ENDIAN PPC_4K_PAGES PAGE_SIZE_4KB {options}"
            + (" PHYS_64BIT PTE_64BIT PHYS_ADDR_T_64BIT" if wide else ""),
            page_shift=12,
            levels=2,
        ),
        sources={_TABLE: ("set_pte_at", "ptep_set_access_flags")},
        quiet=_QUIET,
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
    older="book3s/32/hash.h",
    calls={**_NO_HASH, "mmu_has_feature": RunTime(1, _HASHED.format("true")), "cpu_has_feature": _COHERENT},
    instead={
        "pte_update": Instead(
            "static inline pte_basic_t pte_update(struct mm_struct *mm, unsigned long addr, pte_t *p, unsigned long clr,"
            " unsigned long set, int huge) { pte_basic_t old = pte_val(*p); if (mmu_has_feature(MMU_FTR_HPTE_TABLE)) do {"
            " old = pte_val(*p); } while (cmpxchg((pte_basic_t *)p, old, (old & ~(pte_basic_t)clr) | set) != old);"
            " else *p = __pte((old & ~(pte_basic_t)clr) | set); return old; }",
            "pte_update() changes an entry in one step (lwarx, stwcx.)",
        )
    },
    features={
        "603": Feature(
            "a 603 or e300: no hashed table; handlers of TLB misses read the page tables",
            calls={"mmu_has_feature": RunTime(0, _HASHED.format("false"))},
        )
    },
    says="604 and newer, 750, 74xx: a hashed table that hash_page() fills from the page tables, recording on the way",
)

_FSL = "E500 FSL_BOOKE PPC_FSL_BOOK3E"
"""What Linux 5.10 calls them."""
_PTE_E500 = "nohash/pte-e500.h nohash/pte-book3e.h"
"""The same header, the second is Linux 5.10's."""
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
    _NOHASH,
    f"PPC_85xx PPC_E500 BOOKE SMP {_FSL}",
    physical=32,
    older="nohash/32/pte-85xx.h nohash/32/pte-fsl-booke.h",
    needs=tuple(f"arch/powerpc/include/asm/nohash/32/pte-{name}.h" for name in ("85xx", "fsl-booke")),
    says="e500 with entries of 32 bits: a software-loaded TLB; only dirty entries are loaded writable",
)

E500 = _classic(
    "powerpc-e500",
    _NOHASH,
    f"PPC_85xx PPC_E500 PPC_E500MC BOOKE SMP {_FSL} {_HUGETLB}",
    physical=36,
    older=_PTE_E500,
    says="e500 with entries of 64 bits (large physical addresses): as powerpc-85xx, with permissions for each mode",
)

BOOK3E64 = Platform(
    name="powerpc-book3e64",
    folder="powerpc",
    headers=_headers(
        "page_64.h pgtable-types.h nohash/pgtable.h nohash/64/pgtable.h nohash/64/pgtable-4k.h", _PTE_E500
    ),
    config={
        **_config(
            "PPC64 64BIT SMP CPU_BIG_ENDIAN PPC_BOOK3E_64 PPC_E500 PPC_E500MC BOOKE PPC_4K_PAGES PAGE_SIZE_4KB "
            f"E500 PPC_BOOK3E PPC_FSL_BOOK3E PHYS_64BIT PTE_64BIT PHYS_ADDR_T_64BIT SPARSEMEM SPARSEMEM_VMEMMAP {_HUGETLB}",
            page_shift=12,
            levels=4,
        ),
        "__powerpc64__": "1",
    },
    sources={_TABLE: ("set_pte_at", "ptep_set_access_flags")},
    protection_map=_TABLE,
    abi=Abi(bits=64, big_endian=True),
    runtime=_PAGES,
    calls=_NO_HASH,
    quiet=_QUIET,
    first=_FIRST,
    constants=_CONSTANTS,
    page_shift=12,
    physical_bits=40,
    levels=("pte",),
    says="e5500 and e6500 with a 64-bit kernel: the entries of powerpc-e500",
)

PLATFORMS = (BOOK3S64, BOOK3S64_HASH, BOOK3S32, PPC_8XX, PPC_44X, PPC_85XX, E500, BOOK3E64)
