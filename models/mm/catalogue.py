"""The catalogue of operations: each a small function in kernel terms, (kernel, world, process) -> (guard, world)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from checker.records import dataclass
from models.mm.kernel import Kernel
from models.mm.state import World

Rule = Callable[[Kernel, World, int], tuple[Any, World]]

FEATURES = {
    "core": "fork, write faults, huge-page split, mprotect to read-only, aging, exit",
    "touch": "first touch and zap: zero page, huge zero page, anonymous pages",
    "protect": "mprotect back to writable with the manual write upgrade; mremap",
    "collapse": "khugepaged and MADV_COLLAPSE",
    "numa": "NUMA hinting protections and faults",
    "migration": "migration of PTEs and PMDs, out and in",
    "swap": "swap-out in its steps, swap-in, swapoff",
    "lazyfree": "MADV_FREE and discard",
    "file": "a shared file mapping and its writeback",
    "userfaultfd": "UFFDIO_COPY into a missing page",
    "userfaultfd-wp": "userfaultfd write protection, sync and async",
    "ksm": "merging with a KSM page and with the zero page",
    "soft-dirty": "clearing soft-dirty",
    "pin": "FOLL_PIN for reading and writing, plain references, DMA writes, unsharing",
    "force": "FOLL_FORCE (ptrace) writes into read-only mappings",
    "stale-tlb": "TLB entries that outlive a deferred flush, and stores through them",
    "race": "a store between the read and the write of a helper that does not clear the entry first",
}
"""The groups of operations."""

SWITCHES = frozenset(("stale-tlb", "race"))
"""Groups that are off unless they are asked for."""

ALL = frozenset(FEATURES) - SWITCHES
"""Every group of a whole kernel."""

CORE = frozenset(("core",))


@dataclass(frozen=True)
class MmOperation:
    """One operation, for every process.

    Attributes:
        name: as traces print it.
        rule: (kernel, world, number of the process) -> (guard, next world).
        says: one sentence.
        source: kernel file and function.
        feature: the group it belongs to.
        needs: kernel -> whether that kernel has the operation at all.
        idle: kernel -> why the operation may never be enabled there, or "".
    """

    name: str
    rule: Rule
    says: str
    source: str
    feature: str
    needs: Callable[[Kernel], bool]
    idle: Callable[[Kernel], str]


OPERATIONS: dict[str, MmOperation] = {}
"""Every operation of this world, by name."""


def always(k: Kernel) -> bool:
    """Every kernel has the operation."""
    return True


def never_idle(k: Kernel) -> str:
    """The operation can happen in every kernel that has it."""
    return ""


def operation(
    source: str,
    feature: str = "core",
    needs: Callable[[Kernel], bool] = always,
    idle: Callable[[Kernel], str] = never_idle,
) -> Callable[[Rule], Rule]:
    """Registers a rule under its function's name, with its docstring as the sentence about it.

    Args:
        source: kernel file and function.
        feature: the group it belongs to, a name in :data:`FEATURES`.
        needs: kernel -> whether that kernel has the operation at all.
        idle: kernel -> why the operation may never be enabled there, or "".
    """

    def register(rule: Rule) -> Rule:
        name = rule.__name__
        if name in OPERATIONS:
            raise ValueError(f"operation {name!r} is declared twice")
        says = (rule.__doc__ or "").split("\n")[0].rstrip(".")
        OPERATIONS[name] = MmOperation(name, rule, says, source, feature, needs, idle)
        return rule

    return register


def operations_of(k: Kernel) -> list[MmOperation]:
    """The operations a kernel has, in the order of declaration."""
    return [op for op in OPERATIONS.values() if op.feature in k.features and op.needs(k)]
