"""RISC-V for the lifter: 64 bits (Sv39, Sv48, Sv57) and 32 bits (Sv32)."""

from __future__ import annotations

from typing import Any

from models.kernel.architectures import (
    COMMON_HEADERS,
    Drift,
    Feature,
    Instead,
    Platform,
    RunTime,
    disabled,
    enabled,
    without,
)
from models.kernel.words import Abi

_HEADERS = {**COMMON_HEADERS, "asm/pgtable-bits.h": False, "asm/errata_list.h": True}
_COMMON = "MMU SMP RISCV ARCH_HAS_PTE_SPECIAL HUGETLB_PAGE MIGRATION SWAP"
_COMPILER = {"__riscv_cmodel_medany": "1"}
"""What the compiler defines under the kernel's own flags; init.c refuses to be compiled without."""
_SOURCES = {
    "arch/riscv/mm/init.c": (),
    "arch/riscv/mm/pgtable.c": ("ptep_set_access_flags", "ptep_test_and_clear_young"),
}
_INSTEAD = {
    "ptep_set_access_flags": Instead(
        "int ptep_set_access_flags(struct vm_area_struct *vma, unsigned long address, pte_t *ptep, pte_t entry, int dirty)"
        " { if (!pte_same(ptep_get(ptep), entry)) __set_pte_at(vma->vm_mm, ptep, entry); return true; }",
        "ptep_set_access_flags() runs without Svvptc; with it, it leaves the same",
        where="svvptc",
    )
}
_EXTENSIONS: dict[str, Any] = {
    "cpu_tests": frozenset({"riscv_has_extension_likely", "riscv_has_extension_unlikely"}),
    "cpu_features": {
        "RISCV_ISA_EXT_SVNAPOT": "svnapot",
        "RISCV_ISA_EXT_SVRSW60T59B": "svrsw60t59b",
        # with it ptep_set_access_flags() leaves the same
        "RISCV_ISA_EXT_SVVPTC": "",
    },
    "clear_vm_flags": frozenset({"VM_SHADOW_STACK"}),
}
_KCONFIG = "arch/riscv/Kconfig"
_SHADOW_STACKS = Drift(
    "arch/riscv/include/asm/mman.h",
    r"\bret = \(VM_READ \| VM_WRITE\)",
    protection=(2, 3),
    assumes="mappings are no shadow stacks: with PROT_WRITE they have VM_READ (arch_calc_vm_prot_bits()), and the entry "
    "for VM_WRITE alone in protection_map is not checked",
)
_NO_NUMA = Drift(_KCONFIG, without("ARCH_SUPPORTS_NUMA_BALANCING"), config=disabled("NUMA NUMA_BALANCING"))
_TYPES = "the CPU has neither Svpbmt nor T-Head's memory types"

RISCV64 = Platform(
    name="riscv64",
    folder="riscv",
    headers={**_HEADERS, "asm/pgtable-64.h": False},
    config={
        **enabled(
            f"{_COMMON} 64BIT PHYS_ADDR_T_64BIT NUMA NUMA_BALANCING TRANSPARENT_HUGEPAGE HAVE_ARCH_TRANSPARENT_HUGEPAGE "
            "ARCH_ENABLE_THP_MIGRATION ARCH_WANT_PMD_MKWRITE ARCH_HAS_PTE_DEVMAP SPARSEMEM SPARSEMEM_VMEMMAP "
            "RISCV_ISA_SVPBMT RISCV_ISA_SVNAPOT"
        ),
        "CONFIG_PGTABLE_LEVELS": "5",
        "CONFIG_PAGE_SHIFT": "12",
        **_COMPILER,
    },
    drifts=(
        _NO_NUMA,
        _SHADOW_STACKS,
        Drift(_KCONFIG, without("HAVE_ARCH_TRANSPARENT_HUGEPAGE_PUD"), levels=("pte", "pmd")),
        Drift(
            _KCONFIG,
            r"\bselect HAVE_ARCH_TRANSPARENT_HUGEPAGE_PUD\b",
            config=enabled("HAVE_ARCH_TRANSPARENT_HUGEPAGE_PUD"),
        ),
        Drift(
            _KCONFIG,
            without("HAVE_ARCH_TRANSPARENT_HUGEPAGE"),
            config=disabled("TRANSPARENT_HUGEPAGE HAVE_ARCH_TRANSPARENT_HUGEPAGE ARCH_ENABLE_THP_MIGRATION"),
            levels=("pte",),
        ),
        Drift(_KCONFIG, r"\bdefault 3 if 64BIT\b", config={"CONFIG_PGTABLE_LEVELS": "3"}),
        Drift(
            _KCONFIG,
            r"\bselect HAVE_ARCH_SOFT_DIRTY\b.*\bRISCV_ISA_SVRSW60T59B\b",
            config=enabled(
                "RISCV_ISA_SVRSW60T59B HAVE_ARCH_SOFT_DIRTY MEM_SOFT_DIRTY HAVE_ARCH_USERFAULTFD_WP PTE_MARKER_UFFD_WP"
            ),
        ),
    ),
    sources=_SOURCES,
    instead=_INSTEAD,
    protection_map="arch/riscv/mm/init.c",
    first=("arch/riscv/include/asm/errata_list.h", "arch/riscv/include/asm/page.h"),
    calls={
        f"riscv_page_{name}": RunTime(0, f"riscv_page_{name}() is 0: {_TYPES}") for name in ("mtmask", "nocache", "io")
    },
    **_EXTENSIONS,
    features={
        "svadu": Feature("the CPU sets the accessed and dirty bits itself"),
        "svnapot": Feature("naturally aligned pages of 64 KiB in one entry (Linux 6.4 and newer)"),
        "svrsw60t59b": Feature("two more bits for software: soft-dirty and userfaultfd write protection (Linux 7.2)"),
        "svpbmt": Feature(
            "memory types in page-table entries",
            calls={
                f"riscv_page_{name}": RunTime(value, f"riscv_page_{name}() is {value:#x}, as Svpbmt has it")
                for name, value in (("mtmask", 3 << 61), ("nocache", 1 << 61), ("io", 1 << 62))
            },
        ),
    },
    physical_bits=56,
    levels=("pte", "pmd", "pud"),
    says="the CPU walks the tables; an entry that is not young, or clean at a store, traps",
)

RISCV32 = Platform(
    name="riscv32",
    folder="riscv",
    headers={**_HEADERS, "asm/pgtable-32.h": False},
    config={
        **enabled(f"{_COMMON} 32BIT NUMA NUMA_BALANCING"),
        "CONFIG_PGTABLE_LEVELS": "2",
        "CONFIG_PAGE_SHIFT": "12",
        **_COMPILER,
    },
    drifts=(_NO_NUMA, _SHADOW_STACKS),
    sources=_SOURCES,
    instead=_INSTEAD,
    protection_map="arch/riscv/mm/init.c",
    first=("arch/riscv/include/asm/errata_list.h", "arch/riscv/include/asm/page.h"),
    abi=Abi(bits=32, physical=32),
    **_EXTENSIONS,
    features={"svadu": Feature("the CPU sets the accessed and dirty bits itself")},
    physical_bits=34,
    levels=("pte",),
    says="the CPU walks the tables; an entry that is not young, or clean at a store, traps",
)

PLATFORMS = (RISCV64, RISCV32)
