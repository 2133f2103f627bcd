"""What can be told apart between two systems side by side: what the CPU and generic mm see of each entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from checker.logic import both, same
from checker.system import Invariant, TransitionSystem
from models.difference import Pair, operations_agree
from models.mm.state import World, entry_test, hardware_writable, mapped
from models.pte import Architecture
from models.pte_world import PteState, apply, machine_says, visible
from models.pte_world import hardware_writable as pte_hardware_writable

Seen = Callable[[Architecture, Any], tuple[Any, ...]]


@dataclass(frozen=True)
class Observable:
    """Something that can be told of a state.

    Attributes:
        name: short.
        says: what must be the same on both sides, in one sentence.
        pte: (architecture, state of the PTE world) -> what is seen.
        mm: (architecture, state of the mm world) -> what is seen, of each process.
    """

    name: str
    says: str
    pte: Seen
    mm: Seen


def _by_process(look: Callable[[Architecture, Any], Any]) -> Seen:
    def seen(arch: Architecture, s: World) -> tuple[Any, ...]:
        return tuple(look(arch, process) for process in s.processes)

    return seen


def _tested(helper: str, says: str) -> Observable:
    return Observable(
        f"pte_{helper}",
        says,
        lambda arch, s: (apply(arch, s, helper),),
        _by_process(lambda arch, process: entry_test(arch, process, helper)),
    )


def _faults_pte(arch: Architecture, s: PteState) -> tuple[Any, ...]:
    return both(visible(s), machine_says(arch, s, "traps", s.entry)), pte_hardware_writable(arch, s)


def _faults_mm(arch: Architecture, s: World) -> tuple[Any, ...]:
    traps = [both(mapped(q), arch.hardware.traps(q.entry)) for q in s.processes]
    return (*traps, *(hardware_writable(arch, q) for q in s.processes))


OBSERVABLES = (
    Observable(
        "hw-writable",
        "a store goes through without generic mm on both sides or on neither",
        lambda arch, s: (pte_hardware_writable(arch, s),),
        _by_process(hardware_writable),
    ),
    _tested("write", "pte_write() and pmd_write() say the same on both sides"),
    _tested("dirty", "pte_dirty() and pmd_dirty() say the same on both sides"),
    _tested("young", "pte_young() and pmd_young() say the same on both sides"),
    Observable(
        "faults",
        "a store raises an exception on both sides or on neither, and the same code serves it",
        _faults_pte,
        _faults_mm,
    ),
)
"""What is asked of every pair of states."""

OPERATIONS = "operations"
"""The name of the invariant about what is possible on one side only."""

APART = ("store", "wp_page_reuse", "wp_page_copy", "wp_page_shared", "fault_mkdirty_pte", "fault_mkdirty_pmd",
         "huge_pmd_reuse", "uffd_async_resolve")  # fmt: skip
"""How a store is served: what ``hw-writable`` and ``faults`` tell apart, and no difference of its own."""


def apart(system: TransitionSystem) -> frozenset[str]:
    """The operations of a system by which a store is served."""
    return frozenset(op.name for op in system.operations if op.name.partition("(")[0] in APART)


def lone_faults(system: TransitionSystem) -> frozenset[str]:
    """The faults that a side may take alone."""
    return frozenset(name for name in apart(system) if not name.startswith("store"))


def invariants(
    world: str, left: tuple[Architecture, TransitionSystem], right: tuple[Architecture, TransitionSystem]
) -> tuple[Invariant, ...]:
    """What must be the same on both sides of a pair of states.

    Args:
        world: ``pte``, ``mm`` or ``kernel``.
        left: the first architecture and its system.
        right: the second.
    """
    found = [_agree(observable, world, left[0], right[0]) for observable in OBSERVABLES]
    possible = operations_agree(left[1], right[1], apart(left[1]))
    says = "every operation is possible on both sides or on neither"
    return (*found, Invariant(OPERATIONS, says, possible, source="docs/diff.md"))


def _agree(observable: Observable, world: str, left: Architecture, right: Architecture) -> Invariant:
    look = observable.pte if world == "pte" else observable.mm

    def kept(s: Pair) -> Any:
        return both(*(same(a, b) for a, b in zip(look(left, s.left), look(right, s.right), strict=True)))

    return Invariant(observable.name, observable.says, kept, source="docs/diff.md")


def cost_of_a_store(traps: Any, writable: Any) -> str:
    """How a store is served, from what ``faults`` sees of it."""
    if not traps:
        return "no exception" if writable else "nothing to store to"
    return "one exception, served by the low-level handler" if writable else "a fault into generic mm"


def differing_processes(left: Architecture, right: Architecture, observable: Observable, s: Pair) -> list[int]:
    """The processes of a pair of plain states in the mm world that an observable tells apart."""
    count = len(s.left.processes)
    seen = list(zip(observable.mm(left, s.left), observable.mm(right, s.right), strict=True))
    return sorted({k % count for k, (a, b) in enumerate(seen) if bool(a) != bool(b)})
