"""SuperH: handle_tlbmiss() and the TLB step by step against the description, and the entries that real trees make."""

from __future__ import annotations

import pytest
import z3

from checker.logic import implies, no, same
from models.pte import PROTECTIONS
from tests.hardware import check_described, each_tree, machine
from tests.test_architectures import always, sometimes

E = z3.BitVec("entry", 64)
DIRTY, WRITE, USER, PRESENT, ACCESSED = 0x4, 0x20, 0x40, 0x100, 0x400

each_machine = pytest.mark.parametrize("name", ["sh", "sh-x2tlb"])


def sh4_rights(entry: int) -> set[str]:
    """What a user may do by PR: bit 6 the user at all, bit 5 writing."""
    if not entry & USER:
        return set()
    return {"load", "fetch", "store"} if entry & WRITE else {"load", "fetch"}


def extended_rights(entry: int) -> set[str]:
    """What a user may do by EPR in the second word."""
    return {kind for kind, bit in (("fetch", 40), ("store", 41), ("load", 42)) if entry >> bit & 1}


def software_writable(name: str, entry: int) -> bool:
    """pte_write() of pgtable_32.h."""
    return bool(entry & (WRITE if name == "sh" else (1 << 41 | 1 << 44)))


def tlbmiss(name: str, entry: int, kind: str) -> int | None:
    """What handle_tlbmiss() leaves in an entry that it loads."""
    if not entry & PRESENT or (kind == "store" and not software_writable(name, entry)):
        return None
    return entry | ACCESSED | (DIRTY if kind == "store" else 0)


def access(name: str, entry: int, kind: str) -> set[int]:
    """An access that misses, and one that finds in the TLB what an earlier miss has loaded."""
    allowed = kind in (sh4_rights if name == "sh" else extended_rights)(entry)
    missed = tlbmiss(name, entry, kind)
    left = {missed} if allowed and missed is not None else set()
    if allowed and entry & PRESENT and entry & ACCESSED:
        initial = kind == "store" and not entry & DIRTY
        hit = tlbmiss(name, entry, kind) if initial else entry
        left |= {hit} if hit is not None else set()
    return left


@pytest.mark.kernel
@each_tree
def test_the_miss_handler_lets_through_what_is_described(version: str) -> None:
    check_described(machine(version, "sh").hardware, range(1 << 12), lambda entry, kind: access("sh", entry, kind))


@pytest.mark.kernel
@each_tree
def test_the_miss_handler_lets_through_what_is_described_with_the_extended_tlb(version: str) -> None:
    words = [low | rights << 40 for low in range(0, 1 << 11, 4) for rights in range(1 << 6)]
    # what only the kernel may write is left out: pte_write() is true of it, and the user's store ends in generic mm
    words = [word for word in words if word >> 41 & 1 or not word >> 44 & 1]
    check_described(machine(version, "sh-x2tlb").hardware, words, lambda entry, kind: access("sh-x2tlb", entry, kind))


@pytest.mark.kernel
@each_tree
@each_machine
def test_page_protections_mean_what_they_say(version: str, name: str) -> None:
    arch = machine(version, name)
    cpu = arch.hardware
    for index, prot in arch.protection_map.items():
        entry = arch.mk_pte(prot)
        assert bool(cpu.handler(entry)) is bool(index & 8 and index & 2), index
        assert not cpu.silent(entry)
        unreadable = index & 7 == 0 or (name == "sh-x2tlb" and index == 8 | 2)
        assert bool(cpu.readable(entry)) is not unreadable, index
    if name == "sh-x2tlb":
        assert cpu.executable is not None
        executable = {index for index, prot in arch.protection_map.items() if cpu.executable(arch.mk_pte(prot))}
        assert executable == {2, 3, 4, 5, 6, 7, 12, 13, 14, 15}, "also a private mapping to read and write"
    else:
        assert cpu.executable is None, "whoever may read may execute"


@pytest.mark.kernel
@each_tree
@each_machine
def test_no_store_passes_a_protected_or_absent_entry(version: str, name: str) -> None:
    arch = machine(version, name)
    cpu = arch.hardware
    assert always(no(cpu.writable(arch.pte_wrprotect(E))))
    assert always(no(cpu.silent(arch.pte_mkclean(E))))
    assert always(implies(no(arch.pte_present(E)), no(cpu.readable(E))))
    stored = cpu.store(arch.mk_pte(arch.protections["SHARED"]))
    assert cpu.silent(stored)
    nothing = arch.pte_modify(stored, arch.protections["NONE"])
    assert not cpu.readable(nothing)
    assert not cpu.writable(nothing)
    assert arch.pte_present(nothing)


@pytest.mark.kernel
@each_tree
@each_machine
def test_every_store_and_load_is_recorded(version: str, name: str) -> None:
    arch = machine(version, name)
    cpu = arch.hardware
    assert always(implies(cpu.writable(E), arch.pte_dirty(cpu.store(E))))
    assert always(implies(cpu.writable(E), arch.pte_young(cpu.store(E))))
    assert always(implies(cpu.silent(E), same(cpu.store(E), E)))
    assert always(arch.pte_young(cpu.loaded(E)))
    assert sometimes(cpu.handler(arch.pte_mkclean(E)))


@pytest.mark.kernel
@each_tree
def test_a_change_of_protection_takes_the_right_to_write_away(version: str) -> None:
    arch = machine(version, "sh")
    for old in PROTECTIONS:
        entry = arch.pte_mkwrite(arch.mk_pte(arch.protections[old]))
        assert not arch.hardware.writable(arch.pte_modify(entry, arch.protections["READONLY"]))


@pytest.mark.kernel
@each_tree
def test_with_the_extended_tlb_a_change_of_protection_takes_nothing_away(version: str) -> None:
    arch = machine(version, "sh-x2tlb")
    stored = arch.hardware.store(arch.mk_pte(arch.protections["SHARED"]))
    changed = arch.pte_modify(stored, arch.protections["READONLY"])
    assert arch.pte_write(changed)
    assert arch.hardware.silent(changed)
