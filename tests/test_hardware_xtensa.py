"""Xtensa: the CPU's attributes and fast_store_prohibited step by step against the description, and entries of real trees."""

from __future__ import annotations

import pytest
import z3

from checker.logic import both, implies, no
from tests.hardware import check_described, each_tree, machine
from tests.test_architectures import always, sometimes

E = z3.BitVec("entry", 64)
HW_WRITE, WRITABLE, DIRTY, ACCESSED = (1 << bit for bit in (1, 6, 7, 8))
ATTRIBUTES = ["l", "lf", "ls", "lsf"] * 3 + ["", "ls", "", ""]
"""By the attributes of an entry: loads, stores and fetches that the CPU allows."""


def access(entry: int, kind: str) -> set[int]:
    """The ring first, then the attributes; a store that they forbid goes to fast_store_prohibited."""
    if not entry >> 4 & 3:
        return set()
    if kind[0] in ATTRIBUTES[entry & 15]:
        return {entry}
    served = kind == "store" and entry & 12 != 12 and entry & WRITABLE
    return {entry | ACCESSED | DIRTY | HW_WRITE} if served else set()


@pytest.mark.kernel
@each_tree
def test_attributes_and_handler_let_through_what_is_described(version: str) -> None:
    check_described(machine(version, "xtensa").hardware, range(1 << 9), access)


@pytest.mark.kernel
@each_tree
def test_page_protections_mean_what_they_say(version: str) -> None:
    arch = machine(version, "xtensa")
    cpu = arch.hardware
    assert cpu.executable is not None
    for index, prot in arch.protection_map.items():
        entry = arch.mk_pte(prot)
        assert bool(cpu.readable(entry)) is bool(index & 7)
        assert bool(cpu.executable(entry)) is bool(index & 4)
        assert bool(cpu.handler(entry)) is bool(index & 8 and index & 2)
        assert not cpu.silent(entry)


@pytest.mark.kernel
@each_tree
def test_helpers_that_take_rights_away_stop_stores(version: str) -> None:
    arch = machine(version, "xtensa")
    cpu = arch.hardware
    # PROT_NONE aside, see below
    mapped = (E & 12) != 12
    assert always(implies(mapped, no(cpu.writable(arch.pte_wrprotect(E)))))
    assert always(implies(mapped, no(cpu.silent(arch.pte_mkclean(E)))))
    assert sometimes(cpu.handler(arch.pte_mkclean(E)))
    stored = cpu.store(arch.mk_pte(arch.protections["SHARED"]))
    assert cpu.silent(stored)
    for prot in ("NONE", "READONLY", "PRIVATE"):
        assert not cpu.writable(arch.pte_modify(stored, arch.protections[prot]))
    assert not cpu.readable(arch.pte_modify(stored, arch.protections["NONE"]))


@pytest.mark.kernel
@each_tree
def test_stores_are_recorded_and_loads_are_not(version: str) -> None:
    arch = machine(version, "xtensa")
    cpu = arch.hardware
    by_handler = both(cpu.handler(E), no(cpu.silent(E)))
    assert always(implies(by_handler, arch.pte_dirty(cpu.store(E))))
    assert always(implies(by_handler, cpu.silent(cpu.store(E))))
    old = arch.pte_mkold(arch.mk_pte(arch.protections["READONLY"]))
    assert cpu.readable(old)
    assert not arch.pte_young(cpu.loaded(old))


@pytest.mark.kernel
@each_tree
def test_prot_none_loses_its_attributes(version: str) -> None:
    arch = machine(version, "xtensa")
    nothing = arch.mk_pte(arch.protections["NONE"])
    assert arch.pte_present(nothing)
    for helper in (arch.pte_wrprotect, arch.pte_mkclean):
        assert not arch.pte_present(helper(nothing)), "it looks like a swap entry"
        assert arch.hardware.silent(helper(nothing)), "attribute 13"
    for helper in (arch.pte_mkold, arch.pte_mkdirty, arch.pte_mkyoung):
        assert arch.pte_present(helper(nothing))
        assert not arch.hardware.readable(helper(nothing))
