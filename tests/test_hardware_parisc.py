"""PA-RISC: entry.S and the table of access rights step by step against the description, and entries of real trees."""

from __future__ import annotations

import pytest
import z3

from checker.logic import implies, no, same
from models.pte import PROTECTIONS
from tests.hardware import check_described, each_tree, machine
from tests.test_architectures import always, sometimes

E = z3.BitVec("entry", 64)
READ, WRITE, EXEC, GATEWAY, DIRTY, REFTRAP, ACCESSED, PRESENT, USER = (1 << bit for bit in (0, 1, 2, 3, 5, 6, 8, 9, 11))

each_width = pytest.mark.parametrize("name", ["parisc", "parisc64"])


def rights(entry: int) -> set[str]:
    """What privilege level 3 may do with the TLB entry of make_insert_tlb, by the type and both privilege levels."""
    kind = (entry & (GATEWAY | EXEC | WRITE)) >> 1
    level1 = (2 if entry & READ else 0) | (1 if entry & USER else 0)
    level2 = 3 if entry & USER and not entry & GATEWAY else 0
    allowed = set()
    if kind < 4 and level1 >= 3:
        allowed.add("load")
    if kind in (1, 3) and level2 >= 3:
        allowed.add("store")
    if kind >= 2 and level2 <= 3 <= level1:
        allowed.add("fetch")
    return allowed


def tried(entry: int, kind: str) -> int | None:
    """An access through a TLB entry, with the dirty-bit trap served: None where it ends in generic mm."""
    if kind not in rights(entry):
        return None
    if kind == "store" and not entry & DIRTY:
        # dbit_trap: update_dirty, and the access again
        return tried(entry | DIRTY | ACCESSED, kind)
    return None if kind != "fetch" and entry & REFTRAP else entry


def access(entry: int, kind: str) -> set[int]:
    """A miss, which records, and the access; or the access alone, where the TLB may have the entry already."""
    if not entry & PRESENT:
        return set()
    starts = {entry | ACCESSED, *((entry,) if entry & ACCESSED else ())}
    return {left for start in starts if (left := tried(start, kind)) is not None}


@pytest.mark.kernel
@each_tree
@each_width
def test_entry_code_and_access_rights_let_through_what_is_described(version: str, name: str) -> None:
    check_described(machine(version, name).hardware, range(1 << 12), access)


@pytest.mark.kernel
@each_tree
@each_width
def test_page_protections_mean_what_they_say(version: str, name: str) -> None:
    arch = machine(version, name)
    cpu = arch.hardware
    assert cpu.executable is not None
    for index, prot in arch.protection_map.items():
        entry = arch.mk_pte(prot)
        shared_write = index & 8 and index & 2
        assert bool(cpu.writable(entry)) is bool(shared_write)
        assert bool(cpu.executable(entry)) is bool(index & 4)
        # what may only be written cannot be read
        assert bool(cpu.readable(entry)) is bool(index & (1 | 4)), index


@pytest.mark.kernel
@each_tree
@each_width
def test_no_store_passes_a_protected_or_absent_entry(version: str, name: str) -> None:
    arch = machine(version, name)
    cpu = arch.hardware
    assert always(no(cpu.writable(arch.pte_wrprotect(E))))
    assert always(implies(no(arch.pte_present(E)), no(cpu.writable(E))))
    assert always(implies(no(arch.pte_present(E)), no(cpu.readable(E))))
    for old in PROTECTIONS:
        entry = arch.pte_mkyoung(arch.pte_mkdirty(arch.pte_mkwrite(arch.mk_pte(arch.protections[old]))))
        assert cpu.silent(entry)
        for new in ("NONE", "READONLY"):
            assert not cpu.writable(arch.pte_modify(entry, arch.protections[new]))
        assert not cpu.readable(arch.pte_modify(entry, arch.protections["NONE"]))


@pytest.mark.kernel
@each_tree
@each_width
def test_every_store_is_recorded(version: str, name: str) -> None:
    arch = machine(version, name)
    cpu = arch.hardware
    assert always(implies(cpu.writable(E), arch.pte_dirty(cpu.store(E))))
    assert always(implies(cpu.writable(E), arch.pte_young(cpu.store(E))))
    assert always(implies(cpu.silent(E), same(cpu.store(E), E)))
    assert always(no(cpu.silent(arch.pte_mkclean(E))))
    assert sometimes(cpu.handler(arch.pte_mkclean(E)))
