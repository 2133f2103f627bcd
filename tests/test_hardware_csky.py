"""C-SKY: valid and dirty decide alone, so what the helpers do to these two bits is what protects a page."""

from __future__ import annotations

import pytest
import z3

from checker.logic import both, implies, no, same
from tests.hardware import check_described, each_tree, machine
from tests.test_architectures import always, sometimes

E = z3.BitVec("entry", 64)
VALID = {"csky": 1 << 1, "csky-abiv1": 1 << 7}
DIRTY = {"csky": 1 << 2, "csky-abiv1": 1 << 8}

each_abi = pytest.mark.parametrize("name", ["csky", "csky-abiv1"])


@pytest.mark.kernel
@each_tree
@each_abi
def test_the_cpu_looks_at_two_bits(version: str, name: str) -> None:
    def access(entry: int, kind: str) -> set[int]:
        wanted = VALID[name] | (DIRTY[name] if kind == "store" else 0)
        return {entry} if entry & wanted == wanted else set()

    check_described(machine(version, name).hardware, range(1 << 12), access)


@pytest.mark.kernel
@each_tree
@each_abi
def test_fresh_entries_let_nobody_through(version: str, name: str) -> None:
    arch = machine(version, name)
    for prot in arch.protections.values():
        entry = arch.mk_pte(prot)
        assert not arch.hardware.readable(entry)
        assert not arch.hardware.writable(entry)
        assert not arch.hardware.writable(arch.pte_mkwrite(arch.pte_mkdirty(entry)))


@pytest.mark.kernel
@each_tree
@each_abi
def test_young_entries_can_be_read_and_dirty_writable_ones_stored_through(version: str, name: str) -> None:
    arch = machine(version, name)
    for prot in ("READONLY", "PRIVATE", "SHARED"):
        young = arch.pte_mkyoung(arch.mk_pte(arch.protections[prot]))
        assert arch.hardware.readable(young)
        assert not arch.hardware.writable(young)
        assert bool(arch.hardware.silent(arch.pte_mkdirty(young))) is (prot == "SHARED")
        assert arch.hardware.silent(arch.pte_mkwrite(arch.pte_mkdirty(young)))
        assert arch.hardware.silent(arch.pte_mkdirty(arch.pte_mkwrite(young)))


@pytest.mark.kernel
@each_tree
@each_abi
def test_helpers_that_take_rights_away_stop_the_cpu(version: str, name: str) -> None:
    arch = machine(version, name)
    cpu = arch.hardware
    assert always(no(cpu.readable(arch.pte_mkold(E))))
    assert always(no(cpu.writable(arch.pte_mkclean(E))))
    assert always(no(cpu.writable(arch.pte_wrprotect(E))))
    assert always(implies(cpu.writable(E), same(cpu.store(E), E)))


@pytest.mark.kernel
@each_tree
@each_abi
def test_a_change_of_protection_leaves_the_two_bits(version: str, name: str) -> None:
    arch = machine(version, name)
    stored = arch.pte_mkyoung(arch.pte_mkdirty(arch.mk_pte(arch.protections["SHARED"])))
    for prot in ("READONLY", "NONE"):
        changed = arch.pte_modify(stored, arch.protections[prot])
        assert arch.hardware.silent(stored)
        assert arch.hardware.silent(changed), "the CPU does not know about the change"
        assert bool(arch.pte_present(changed)) is (prot == "READONLY")
    assert sometimes(both(arch.pte_present(E), no(arch.pte_present(arch.pte_modify(E, arch.protections["NONE"])))))
