"""Calls that leave every entry in memory as it is, by name and with the reason."""

from __future__ import annotations

from collections.abc import Callable

from models.kernel.syntax import (
    Assign,
    Binary,
    BlockValue,
    Call,
    Cast,
    Conditional,
    Element,
    Expression,
    Literal,
    Member,
    Name,
    Refused,
    Step,
    Unary,
)

_BY_REASON = {
    "reports, and goes on": (
        "WARN WARN_ON WARN_ONCE WARN_ON_ONCE VM_WARN_ON VM_WARN_ONCE VM_WARN_ON_ONCE VM_BUG_ON VM_BUG_ON_PAGE "
        "VM_BUG_ON_VMA pr_err pr_warn pr_warn_once"
    ),
    "is decided when the kernel is built": "BUILD_BUG_ON BUILD_BUG_ON_MSG static_assert _Static_assert",
    "orders accesses": "barrier smp_mb smp_rmb smp_wmb mb rmb wmb dsb isb smp_mb__before_atomic smp_mb__after_atomic",
    "drops translations from TLBs and caches": (
        "flush_tlb_page flush_tlb_range flush_tlb_all flush_tlb_mm flush_pmd_tlb_range flush_pud_tlb_range "
        "flush_tlb_fix_spurious_fault local_flush_tlb_page local_flush_tlb_one purge_tlb_entries __flush_tlb_range "
        "migrate_flush_tlb_page"
    ),
    "writes data caches back, or empties caches": (
        "flush_cache_page flush_icache_pte flush_dcache_page flush_dcache_range flush_icache_range __update_cache "
        "sync_icache_dcache __sync_icache_dcache flush_pmd_entry clean_pmd_entry dcache_wb_line"
    ),
    "prepares a TLB or cache for the new entry": (
        "update_mmu_cache update_mmu_cache_range update_mmu_cache_pmd update_mmu_tlb update_mmu_tlb_range"
    ),
    "counts mappings of pages, and compares": (
        "page_table_check_pte_clear page_table_check_pmd_clear page_table_check_pud_clear page_table_check_pte_set "
        "page_table_check_ptes_set page_table_check_pmd_set page_table_check_pmds_set page_table_check_pud_set "
        "page_table_check_puds_set"
    ),
    "keeps other code away meanwhile": (
        "preempt_disable preempt_enable local_irq_save local_irq_restore raw_local_irq_save raw_local_irq_restore "
        "spin_lock spin_unlock spin_lock_irqsave spin_unlock_irqrestore"
    ),
    "tells other users of the address space": (
        "mmu_notifier_invalidate_range mmu_notifier_arch_invalidate_secondary_tlbs"
    ),
}

QUIET = {name: reason for reason, names in _BY_REASON.items() for name in names.split()}
"""Call -> why it leaves entries alone. Their arguments are not evaluated, so they must not change anything either."""

TESTED = frozenset({"WARN", "WARN_ON", "WARN_ONCE", "WARN_ON_ONCE"})
"""Of these, the calls whose value is the truth of their first argument."""


READERS = frozenset({"READ_ONCE", "ptep_get", "pmdp_get", "pudp_get", "test_bit"})
"""Calls that are given a pointer and only read."""


def changes(node: Expression | None, points: Callable[[str], bool]) -> bool:
    """Whether an expression assigns to something anywhere, or calls something that may.

    Args:
        node: the expression.
        points: whether a variable of this name points to another variable or an entry.
    """
    if isinstance(node, Assign | Step | BlockValue):
        return True
    if isinstance(node, Call):
        name = node.token.text
        handed = name not in READERS and any(_is_pointer(argument, points) for argument in node.arguments)
        return handed or name == "WRITE_ONCE" or any(changes(argument, points) for argument in node.arguments)
    return any(changes(operand, points) for operand in _operands(node))


def acts(node: Expression | None) -> bool:
    """Whether evaluating an expression may do more than give a value."""
    return isinstance(node, Assign | Step | BlockValue | Call | Refused) or any(map(acts, _operands(node)))


def _is_pointer(node: Expression | None, points: Callable[[str], bool]) -> bool:
    """Whether an expression may be a pointer to a variable or an entry, rather than what one points to."""
    if isinstance(node, Name):
        return points(node.token.text)
    if isinstance(node, Element | Member) or (isinstance(node, Unary) and node.op == "*"):
        return False
    if isinstance(node, Binary) and node.op not in ("+", "-", ","):
        return False
    return (isinstance(node, Unary) and node.op == "&") or any(_is_pointer(part, points) for part in _operands(node))


def _operands(node: Expression | None) -> tuple[Expression | None, ...]:
    if isinstance(node, Unary | Cast):
        return (node.operand,)
    if isinstance(node, Binary):
        return node.left, node.right
    if isinstance(node, Conditional):
        return node.test, node.then, node.otherwise
    if isinstance(node, Member):
        return (node.base,)
    if isinstance(node, Element):
        return node.base, node.index
    if isinstance(node, Literal):
        return tuple(item for _, item in node.items)
    return ()
