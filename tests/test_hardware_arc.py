"""ARC: the TLB miss handlers step by step against the description, and the entries that real trees make."""

from __future__ import annotations

import pytest
import z3

from checker.logic import implies, no, same
from models.pte import PROTECTIONS
from tests.hardware import check_described, each_tree, machine
from tests.test_architectures import always, sometimes

E = z3.BitVec("entry", 64)
EXECUTE, WRITE, READ, ACCESSED, DIRTY, GLOBAL, PRESENT, HUGE = (1 << bit for bit in (1, 2, 3, 4, 5, 8, 9, 10))
WANTED = {"load": READ, "store": WRITE, "fetch": EXECUTE}

each_level = pytest.mark.parametrize("level", ["pte", "pmd"])
each_machine = pytest.mark.parametrize("name", ["arc", "arc-pae40"])


def missed(entry: int, kind: str) -> int | None:
    """What EV_TLBMissD or EV_TLBMissI of tlbex.S leaves in an entry that it loads."""
    wanted = PRESENT | WANTED[kind]
    if entry & wanted != wanted:
        return None
    return entry | ACCESSED | (DIRTY if kind == "store" else 0)


def lets(entry: int, kind: str) -> bool:
    """Whether the TLB entry that CONV_PTE_TO_TLB makes gives a user this right."""
    return bool(entry & PRESENT and entry & WANTED[kind] and not entry & GLOBAL)


def access(entry: int, kind: str) -> set[int]:
    """An access that misses, and one that finds what an earlier miss or create_tlb() has loaded from the same entry."""
    found = missed(entry, kind)
    left = {found} if found is not None and lets(found, kind) else set()
    loaded_before = entry & PRESENT and entry & ACCESSED
    return left | ({entry} if loaded_before and lets(entry, kind) else set())


def huge_access(entry: int, kind: str) -> set[int]:
    """LOAD_FAULT_PTE follows an entry without the size bit to a table."""
    return access(entry, kind) if entry & HUGE else set()


@pytest.mark.kernel
@each_tree
@each_machine
def test_the_miss_handlers_let_through_what_is_described(version: str, name: str) -> None:
    arch = machine(version, name)
    check_described(arch.hardware_at("pte"), range(1 << 11), access)
    check_described(arch.hardware_at("pmd"), range(1 << 11), huge_access)


@pytest.mark.kernel
@each_tree
@each_machine
@each_level
def test_nobody_passes_what_software_forbids(version: str, name: str, level: str) -> None:
    arch = machine(version, name)
    cpu = arch.hardware_at(level)
    assert cpu.executable is not None
    make = arch.mk_pte if level == "pte" else arch.mk_huge_pmd
    for prot in PROTECTIONS:
        assert bool(cpu.writable(make(arch.protections[prot]))) is (prot == "SHARED")
        assert bool(cpu.readable(make(arch.protections[prot]))) is (prot != "NONE")
    nothing = make(arch.protections["NONE"])
    assert not cpu.executable(nothing)
    assert not cpu.executable(make(arch.protection_map[1])), "read-only is not executable"
    assert cpu.executable(make(arch.protection_map[1 | 4]))
    assert always(no(cpu.writable(arch.helper(level, "wrprotect")(E))))
    assert sometimes(cpu.writable(arch.helper(level, "mkclean")(E)))


@pytest.mark.kernel
@each_tree
@each_machine
def test_an_invalid_huge_entry_stays_huge_and_stops_everybody(version: str, name: str) -> None:
    arch = machine(version, name)
    cpu, gone = arch.hardware_at("pmd"), arch.pmd_mkinvalid(E)
    assert cpu.executable is not None
    assert always(no(cpu.readable(gone)))
    assert always(no(cpu.writable(gone)))
    assert always(no(cpu.executable(gone)))
    assert always(implies(arch.pmd_trans_huge(E), arch.pmd_trans_huge(gone)))


@pytest.mark.kernel
@each_tree
@each_machine
@each_level
def test_only_a_store_that_misses_is_recorded(version: str, name: str, level: str) -> None:
    arch = machine(version, name)
    cpu = arch.hardware_at(level)
    fresh = (arch.mk_pte if level == "pte" else arch.mk_huge_pmd)(arch.protections["SHARED"])
    dirty = arch.helper(level, "dirty")
    assert not dirty(fresh)
    assert dirty(cpu.store(fresh)), "the first access is the store"
    read_before = cpu.loaded(fresh)
    assert cpu.silent(read_before), "the TLB has the permission to write after a load"
    assert not dirty(cpu.store(read_before))
    assert always(implies(no(cpu.silent(E)), same(cpu.store(E), E | ACCESSED | DIRTY)))
