"""What must hold of the kernel as a whole in the mm world: nobody's data is corrupted."""

from __future__ import annotations

from checker.logic import both, implies, no
from checker.system import Invariant
from models.mm.kernel import Kernel
from models.mm.state import hardware_writable, mapped, reads_right, shared
from models.mm.world import any_process, every_process


def invariants(k: Kernel) -> tuple[Invariant, ...]:
    """The properties of the mm world, most grievous first."""
    arch = k.arch
    return (
        Invariant(
            "shared-not-hw-writable",
            "no process has a hardware-writable mapping of a frame that another process maps",
            lambda s: every_process(s, lambda p: implies(shared(s, p), no(hardware_writable(arch, s.processes[p])))),
            source="the seed's patch description; kernel commit 0ccf7f168e17 and its revert 624a2c94f5b7",
            consequence="a store by one process changes the other's memory",
            premise=lambda s: any_process(s, lambda p: shared(s, p)),
        ),
        Invariant(
            "cow-isolation",
            "every process reads what it last wrote or inherited",
            lambda s: every_process(s, lambda p: implies(mapped(s.processes[p]), reads_right(s, p))),
            source="fork(2); the reproducer of the mail thread: the child's sum must stay 0",
            consequence="silent memory corruption between processes",
            premise=lambda s: any_process(s, lambda p: shared(s, p)),
        ),
        Invariant(
            "read-only-vma-holds",
            "no mapping in a read-only VMA is hardware-writable",
            lambda s: every_process(
                s, lambda p: implies(no(s.processes[p].vm_write), no(hardware_writable(arch, s.processes[p])))
            ),
            source="mprotect(2); tools/testing/selftests/mm/mkdirty.c, test_pte_mapped_thp",
            consequence="a store that must raise SIGSEGV changes the page",
            premise=lambda s: any_process(s, lambda p: both(mapped(s.processes[p]), no(s.processes[p].vm_write))),
        ),
    )
