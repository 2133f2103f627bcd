"""Hexagon's virtual machine on the entries of the tree's own helpers: who may store, and that nobody records it."""

from __future__ import annotations

import pytest

from tests import kernel_trees
from tests.hardware import chain, machine, reachable

pytestmark = pytest.mark.kernel
each_tree = pytest.mark.parametrize("version", kernel_trees.VERSIONS)
PRESENT, USER, READ, WRITE, EXECUTE = 0x1, 0x20, 0x200, 0x400, 0x800


@each_tree
def test_only_the_write_bit_decides_about_a_store(version: str) -> None:
    arch = machine(version, "hexagon")
    hardware = arch.hardware
    for entry in reachable(arch):
        assert hardware.writable(entry) is bool(arch.pte_write(entry))
        assert not hardware.writable(arch.pte_wrprotect(entry))
    assert not hardware.writable(chain(arch, "PRIVATE", "mkdirty", "mkyoung"))
    assert not hardware.writable(chain(arch, "SHARED", "mkdirty", "wrprotect"))


@each_tree
def test_a_store_through_a_clean_entry_is_seen_by_nobody(version: str) -> None:
    arch = machine(version, "hexagon")
    hardware = arch.hardware
    clean = chain(arch, "SHARED", "mkdirty", "mkclean")
    assert hardware.silent(clean)
    assert not hardware.traps(clean)
    assert hardware.store(clean) == clean
    assert not arch.pte_dirty(hardware.store(clean))
    assert not arch.pte_young(hardware.loaded(clean))


@each_tree
def test_modify_forgets_that_an_entry_was_written(version: str) -> None:
    arch = machine(version, "hexagon")
    written = chain(arch, "SHARED", "mkyoung", "mkdirty")
    assert arch.pte_dirty(written)
    modified = arch.pte_modify(written, arch.protections["SHARED"])
    assert not arch.pte_dirty(modified)
    assert not arch.pte_young(modified)


@each_tree
def test_each_of_the_sixteen_protections_lets_through_what_it_says(version: str) -> None:
    arch = machine(version, "hexagon")
    hardware = arch.hardware
    assert hardware.executable is not None
    for index, protection in arch.protection_map.items():
        entry = arch.mk_pte(protection)
        assert hardware.readable(entry) is bool(index & 1), index
        assert hardware.writable(entry) is (index & 10 == 10), index
        assert hardware.executable(entry) is bool(index & 4), index


@each_tree
def test_an_entry_without_user_bit_or_permissions_lets_nothing_through(version: str) -> None:
    hardware = machine(version, "hexagon").hardware
    assert hardware.executable is not None
    for word in (0, PRESENT | USER, PRESENT | READ | WRITE | EXECUTE, 0xFFFFF000 | PRESENT | USER):
        assert not hardware.readable(word)
        assert not hardware.writable(word)
        assert not hardware.executable(word)


@pytest.mark.parametrize(("version", "bit"), [("6.1", 3), ("6.12", 2)])
def test_a_swap_entry_can_be_read_through_one_bit_of_its_offset(version: str, bit: int) -> None:
    arch = machine(version, "hexagon")
    hardware = arch.hardware
    for kind in range(32):
        for offset in (*(1 << i for i in range(20)), 0, 0x3FFFF):
            word = arch.helpers["__swp_entry_to_pte"](arch.helpers["__swp_entry"](kind, offset))
            assert not arch.pte_present(word)
            assert not hardware.writable(word)
            # the upper half of the types has the user bit: those of migration entries, not of swap files
            assert hardware.readable(word) is (kind >= 16 and bool(offset >> bit & 1)), (kind, offset)
