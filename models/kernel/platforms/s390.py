"""s390 (64 bits) for the lifter."""

from __future__ import annotations

from models.kernel.architectures import COMMON_HEADERS, CONSTANTS, Drift, Instead, Platform, RunTime, enabled
from models.kernel.words import Abi

_FLUSH = "it only decides how translations are dropped"
_NO_RDP = "an entry that becomes writable is invalidated first; it ends the same"
_IDTE = "the machine invalidates segment-table entries"

S390 = Platform(
    name="s390",
    folder="s390",
    headers=COMMON_HEADERS,
    config={
        **enabled(
            "64BIT MMU SMP S390 PGSTE NUMA NUMA_BALANCING TRANSPARENT_HUGEPAGE HAVE_ARCH_TRANSPARENT_HUGEPAGE "
            "HUGETLB_PAGE ARCH_WANT_PMD_MKWRITE ARCH_HAS_PTE_SPECIAL HAVE_ARCH_SOFT_DIRTY MEM_SOFT_DIRTY "
            "PHYS_ADDR_T_64BIT MIGRATION SWAP CPU_BIG_ENDIAN PROC_FS RANDOMIZE_BASE KVM"
        ),
        "CONFIG_PGTABLE_LEVELS": "5",
        "CONFIG_PAGE_SHIFT": "12",
    },
    drifts=(
        Drift(
            "arch/s390/Kconfig",
            r"\bselect ARCH_ENABLE_THP_MIGRATION\b",
            config={"CONFIG_ARCH_ENABLE_THP_MIGRATION": "1"},
        ),
        Drift("arch/s390/mm/mmap.c", r"\bsetup_protection_map\(", protection_setup="setup_protection_map"),
    ),
    sources={
        "arch/s390/mm/mmap.c": (),
        "arch/s390/mm/pgtable.c": ("ptep_modify_prot_start", "ptep_modify_prot_commit"),
    },
    protection_map="arch/s390/mm/mmap.c",
    abi=Abi(big_endian=True),
    runtime={
        "MACHINE_HAS_NX": RunTime(1, "MACHINE_HAS_NX is true: the machine has the instruction-execution protection"),
        "MACHINE_HAS_TLB_GUEST": RunTime(0, f"MACHINE_HAS_TLB_GUEST is false: {_FLUSH}"),
        "MACHINE_HAS_TLB_LC": RunTime(0, f"MACHINE_HAS_TLB_LC is false: {_FLUSH}"),
        "MACHINE_HAS_RDP": RunTime(0, f"MACHINE_HAS_RDP is false: {_NO_RDP}"),
        "MACHINE_HAS_IDTE": RunTime(1, f"MACHINE_HAS_IDTE is true: {_IDTE}"),
        **{
            f"{name}_noexec_mask": RunTime(
                (1 << 64) - 1, f"{name}_noexec_mask is all ones: the machine has the instruction-execution protection"
            )
            for name in ("page", "segment", "region")
        },
        "__identity_base": RunTime(0, "__identity_base is 0: the kernel sees physical memory at its own addresses"),
        "__kaslr_offset": RunTime(
            1 << 63, "__kaslr_offset is above all memory: no address of a page is in the kernel image"
        ),
        "__kaslr_offset_phys": RunTime(0, "__kaslr_offset_phys is not used, as no address is in the kernel image"),
    },
    calls={
        "PageDirty": RunTime(
            0, "PageDirty() of the page given to mk_pte() is false; for a dirty one pte_mkdirty() follows"
        ),
        "machine_has_tlb_guest": RunTime(0, f"machine_has_tlb_guest() is false: {_FLUSH}"),
        "cpu_has_tlb_lc": RunTime(0, f"cpu_has_tlb_lc() is false: {_FLUSH}"),
        "cpu_has_rdp": RunTime(0, f"cpu_has_rdp() is false: {_NO_RDP}"),
        "cpu_has_idte": RunTime(1, f"cpu_has_idte() is true: {_IDTE}"),
        "mm_has_pgste": RunTime(0, "mm_has_pgste() is false: the process is no host of KVM guests"),
        "mm_is_protected": RunTime(0, "mm_is_protected() is false: the process is no host of secure guests"),
        "cpumask_equal": RunTime(0, "cpumask_equal() is false: another CPU uses the address space"),
    },
    instead={
        "__ptep_ipte": Instead(
            "static inline void __ptep_ipte(unsigned long address, pte_t *ptep, unsigned long opt, unsigned long asce,"
            " int local) { *ptep = __pte(pte_val(*ptep) | _PAGE_INVALID); }",
            "IPTE sets the invalid bit of an entry and drops its translations",
        ),
        "__pmdp_idte": Instead(
            "static inline void __pmdp_idte(unsigned long addr, pmd_t *pmdp, unsigned long opt, unsigned long asce,"
            " int local) { *pmdp = __pmd(pmd_val(*pmdp) | _SEGMENT_ENTRY_INVALID); }",
            "IDTE sets the invalid bit of a segment-table entry and drops its translations",
        ),
    },
    quiet=dict.fromkeys(("atomic_inc", "atomic_dec"), "counts flushes in mm->context"),
    constants=(*CONSTANTS, "_SEGMENT_ENTRY", "_REGION_ENTRY", "_REGION3_ENTRY"),
    levels=("pte", "pmd"),
    says="no accessed or dirty bits in hardware: an entry that is not young is invalid, one that is clean is protected",
)

PLATFORMS = (S390,)
