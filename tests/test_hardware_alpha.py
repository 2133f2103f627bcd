"""Alpha's hardware on the entries of the tree's own helpers: who may store, and who records it."""

from __future__ import annotations

import pytest

from tests import kernel_trees
from tests.hardware import chain, machine, reachable

pytestmark = pytest.mark.kernel
each_tree = pytest.mark.parametrize("version", kernel_trees.VERSIONS)
FOW, URE, UWE = 0x4, 0x200, 0x2000


@each_tree
def test_a_store_needs_a_dirty_writable_entry(version: str) -> None:
    arch = machine(version, "alpha")
    hardware = arch.hardware
    assert hardware.silent(chain(arch, "SHARED", "mkdirty"))
    assert hardware.silent(chain(arch, "PRIVATE", "mkdirty", "mkwrite"))
    for protection, helpers in (
        ("SHARED", ()),
        ("SHARED", ("mkdirty", "mkclean")),
        ("SHARED", ("mkdirty", "wrprotect")),
        ("SHARED", ("wrprotect", "mkdirty")),
        ("PRIVATE", ("mkdirty",)),
        ("READONLY", ("mkdirty", "mkyoung")),
    ):
        entry = chain(arch, protection, *helpers)
        assert not hardware.writable(entry), (protection, helpers)
        assert hardware.traps(entry)


@each_tree
def test_no_order_of_helpers_makes_a_store_go_unseen(version: str) -> None:
    arch = machine(version, "alpha")
    hardware = arch.hardware
    entries = reachable(arch)
    stored = [entry for entry in entries if hardware.writable(entry)]
    assert stored
    assert len(stored) < len(entries) / 2
    for entry in stored:
        assert arch.pte_write(entry)
        assert arch.pte_dirty(entry)
        assert hardware.store(entry) == entry
        assert not hardware.writable(arch.pte_wrprotect(entry))
        assert not hardware.writable(arch.pte_mkclean(entry))


@each_tree
def test_an_old_entry_cannot_be_read_or_executed(version: str) -> None:
    arch = machine(version, "alpha")
    hardware = arch.hardware
    assert hardware.executable is not None
    for entry in reachable(arch):
        old = arch.pte_mkold(entry)
        assert not hardware.readable(old)
        assert not hardware.executable(old)
    assert hardware.readable(chain(arch, "READONLY", "mkold", "mkyoung"))


@each_tree
def test_an_old_dirty_entry_keeps_its_write_enable_without_a_read_enable(version: str) -> None:
    arch = machine(version, "alpha")
    old = chain(arch, "SHARED", "mkdirty", "mkold")
    assert old & (URE | UWE) == UWE
    assert arch.hardware.silent(old)
    assert arch.pte_dirty(arch.hardware.store(old))


@each_tree
def test_prot_none_lets_no_read_or_fetch_through(version: str) -> None:
    arch = machine(version, "alpha")
    hardware = arch.hardware
    entry = chain(arch, "NONE", "mkyoung", "mkdirty")
    assert hardware.executable is not None
    assert arch.pte_present(entry)
    assert not hardware.readable(entry)
    assert not hardware.executable(entry)
    assert not hardware.writable(entry)


@each_tree
def test_each_of_the_sixteen_protections_lets_through_what_it_says(version: str) -> None:
    arch = machine(version, "alpha")
    hardware = arch.hardware
    assert hardware.executable is not None
    for index, protection in arch.protection_map.items():
        entry = arch.mk_pte(protection)
        assert hardware.executable(entry) is bool(index & 4), index
        # byte stores read first, so that writing implies reading
        assert hardware.readable(entry) is bool(index & 3), index
        assert hardware.writable(arch.pte_mkdirty(entry)) is (index & 10 == 10), index


@each_tree
def test_a_dirty_entry_keeps_its_write_enable_over_modify(version: str) -> None:
    arch = machine(version, "alpha")
    read_only = arch.pte_modify(chain(arch, "SHARED", "mkdirty"), arch.protections["READONLY"])
    assert read_only & (FOW | UWE) == FOW | UWE
    assert not arch.hardware.writable(read_only)
    assert arch.pte_dirty(read_only)
    assert arch.hardware.silent(arch.pte_modify(read_only, arch.protections["SHARED"]))


@each_tree
def test_a_swap_entry_is_nothing_to_the_cpu(version: str) -> None:
    arch = machine(version, "alpha")
    for kind in range(32):
        for offset in (0, 1, 0xFF, (1 << 24) - 1):
            word = arch.helpers["__swp_entry_to_pte"](arch.helpers["__swp_entry"](kind, offset))
            assert not arch.hardware.readable(word)
            assert not arch.hardware.writable(word)
